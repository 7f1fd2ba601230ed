//! How a request has come: straight, or through a reverse proxy that is trusted to say for whom it asks.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, StatusCode};

use super::problem::Refusal;
use crate::cgminer::Access;

const FOR: &str = "x-forwarded-for";
const PROTO: &str = "x-forwarded-proto";
const PREFIX: &str = "x-forwarded-prefix";
/// What proxies add to requests, beside what is read here.
const TRACES: [&str; 6] = [FOR, PROTO, PREFIX, "x-forwarded-host", "x-real-ip", "forwarded"];
/// Longest path of a proxy that is looked at.
const LONGEST_PREFIX: usize = 200;

/// How a request has come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Way {
    /// Who asks, as far as it is known.
    pub(crate) client: Option<IpAddr>,
    /// A proxy asks for him.
    pub(crate) proxied: bool,
    /// The path at which the proxy shows this interface, without a slash at its end.
    pub(crate) prefix: String,
}

impl Way {
    /// The way of a request from `peer` to an interface that believes `trusted` proxies. `open`: whoever is at the loopback
    /// interface may read without a key.
    pub(super) fn of(
        headers: &HeaderMap,
        peer: Option<IpAddr>,
        trusted: Option<&Access>,
        open: bool,
    ) -> Result<Self, Refusal> {
        let straight = Self { client: peer, ..Self::default() };
        let has_trace = TRACES.iter().any(|name| headers.contains_key(*name));
        let is_trusted = |address: IpAddr| trusted.is_some_and(|all| all.group(address).is_some());
        match peer {
            Some(peer) if has_trace && is_trusted(peer) => Self::through(headers, is_trusted),
            // Others would come in as if they were at this machine.
            _ if has_trace && open => Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "a proxy has passed this on: name it with --api-proxies",
            )),
            _ => Ok(straight),
        }
    }

    fn through(headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> Result<Self, Refusal> {
        let last = |name| list(headers, name).last().unwrap_or_default();
        if !last(PROTO).eq_ignore_ascii_case("https") {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "the proxy was not asked over TLS, or does not say so in X-Forwarded-Proto: a key does not travel in plain text",
            ));
        }
        let mut client = None;
        for hop in list(headers, FOR).rev() {
            let address = address(hop).ok_or_else(|| {
                Refusal::bad_request("the header X-Forwarded-For does not say for whom the proxy asks")
            })?;
            client = Some(address);
            if !is_trusted(address) {
                break; // what stands before him he may have invented
            }
        }
        let client = client.ok_or_else(|| {
            Refusal::bad_request("the proxy does not say in X-Forwarded-For for whom it asks")
        })?;
        let prefix = last(PREFIX).trim_end_matches('/').to_owned();
        if !is_path(&prefix) {
            return Err(Refusal::bad_request("the header X-Forwarded-Prefix is no path"));
        }
        Ok(Self { client: Some(client), proxied: true, prefix })
    }
}

/// What all headers of this name list, in order.
fn list<'a>(headers: &'a HeaderMap, name: &str) -> impl DoubleEndedIterator<Item = &'a str> {
    let values = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?"));
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// An address with or without a port.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().or_else(|_| hop.parse().map(|socket: SocketAddr| socket.ip())).ok()
}

fn is_path(prefix: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
    prefix.is_empty()
        || prefix.starts_with('/')
            && prefix.len() <= LONGEST_PREFIX
            && prefix.chars().all(plain)
            && !prefix.contains("//")
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn way(peer: &str, headers: &[(&str, &str)]) -> Result<Way, Refusal> {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            all.append(name, HeaderValue::from_str(value).unwrap());
        }
        let trusted = Access::parse("127.0.0.1,10.0.0.0/8", "").unwrap();
        Way::of(&all, Some(peer.parse().unwrap()), Some(&trusted), true)
    }

    fn client(headers: &[(&str, &str)]) -> String {
        let headers = [headers, &[("x-forwarded-proto", "https")]].concat();
        way("127.0.0.1", &headers).unwrap().client.unwrap().to_string()
    }

    #[test]
    fn the_client_is_the_last_address_that_no_trusted_proxy_has() {
        for (list, who) in [
            ("203.0.113.7", "203.0.113.7"),
            ("6.6.6.6, 203.0.113.7", "203.0.113.7"), // the first he has sent himself
            ("nonsense, 203.0.113.7", "203.0.113.7"),
            ("203.0.113.7, 10.1.2.3", "203.0.113.7"),
            ("10.1.2.3", "10.1.2.3"),
            ("203.0.113.7:5555", "203.0.113.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]:5555", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
        ] {
            assert_eq!(client(&[("x-forwarded-for", list)]), who, "{list}");
        }
        let twice = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "203.0.113.7")];
        assert_eq!(client(&twice), "203.0.113.7");
    }

    #[test]
    fn only_trusted_proxies_are_believed_and_an_open_interface_turns_others_away() {
        let said = [("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https")];
        assert!(way("127.0.0.1", &said).unwrap().proxied);
        assert!(way("127.0.0.2", &said).is_err());
        for trace in TRACES {
            assert!(way("127.0.0.2", &[(trace, "x")]).is_err(), "{trace}");
        }
        assert!(!way("127.0.0.1", &[]).unwrap().proxied, "somebody at this machine");
        let mut headers = HeaderMap::new();
        headers.insert(FOR, HeaderValue::from_static("127.0.0.1"));
        let stranger = Some(IpAddr::from([203, 0, 113, 9]));
        let way = Way::of(&headers, stranger, None, false).unwrap();
        assert_eq!(
            (way.client, way.proxied),
            (stranger, false),
            "where keys are needed it is just not believed"
        );
    }

    #[test]
    fn a_proxy_that_does_not_say_enough_is_refused() {
        let https = ("x-forwarded-proto", "https");
        for headers in [
            &[("x-forwarded-for", "203.0.113.7")][..],
            &[("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "http")],
            &[("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https,http")],
            &[https],
            &[("x-real-ip", "203.0.113.7"), https],
            &[("x-forwarded-for", ""), https],
            &[("x-forwarded-for", "unknown"), https],
            &[("x-forwarded-for", "203.0.113.7,"), https],
        ] {
            assert!(way("127.0.0.1", headers).is_err(), "{headers:?}");
        }
    }

    #[test]
    fn a_prefix_is_a_plain_path() {
        let prefix = |text: &str| {
            let headers =
                [("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https"), (PREFIX, text)];
            way("127.0.0.1", &headers).map(|way| way.prefix)
        };
        assert_eq!(prefix("/rigs/adit/").unwrap(), "/rigs/adit");
        assert_eq!(prefix("/").unwrap(), "");
        let long = format!("/{}", "x".repeat(300));
        for wrong in ["//evil.example", "https://evil.example", "adit", "/a?b", "/<script>", "/a b", &long] {
            assert!(prefix(wrong).is_err(), "{wrong}");
        }
    }
}
