//! What the header `Host` names.

use std::net::IpAddr;

/// Whether `host`, with or without a port, is the loopback interface by name or number. A name that somebody else's DNS points
/// here is not.
pub(crate) fn is_here(host: &str) -> bool {
    name_of(host).is_some_and(|name| {
        name.eq_ignore_ascii_case("localhost")
            || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

/// The name or number in `host`, without port and brackets.
pub(super) fn name_of(host: &str) -> Option<&str> {
    match host.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (port.is_empty() || is_port(port.strip_prefix(':'))).then_some(address)
        }
        None => match host.split_once(':') {
            Some((name, port)) => is_port(Some(port)).then_some(name),
            None => Some(host),
        },
    }
}

fn is_port(port: Option<&str>) -> bool {
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_and_numbers_are_here() {
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1", "127.9.9.9:4000", "[::1]", "[::1]:8080"] {
            assert!(is_here(host), "{host}");
        }
        let others = [
            "",
            "example.com",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.168.1.2",
            "[::2]:80",
            "[::1",
            "[::1]x",
            "::1",
            "localhost:",
            "localhost:99999",
            "localhost:80:80",
            "0.0.0.0",
            "?",
            "127.1",
            "localhost@evil",
        ];
        for host in others {
            assert!(!is_here(host), "{host}");
        }
    }
}
