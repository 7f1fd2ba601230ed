//! Which running adit is meant, and how it is spoken to.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use adit_upstream::KeyPin;
use clap::Args;

/// Options of the commands that speak to a running adit.
#[derive(Clone, Debug, Args)]
pub(crate) struct ApiArgs {
    /// Where the running adit serves its REST interface: ADDRESS:PORT at this machine, or https://HOST[:PORT][/PATH]
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7785", global = true)]
    pub(crate) api: Api,

    /// File with the key to use [default: the key in the environment variable ADIT_KEY, else that of the adit at this machine]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) key_file: Option<PathBuf>,

    /// Believe https:// only where the certificate has this SHA-256, which adit's log shows, or its key
    #[arg(long, value_name = "SHA256", global = true, conflicts_with = "ca")]
    pub(crate) pin: Option<KeyPin>,

    /// Believe https:// only where an authority in this file has signed the certificate: PEM [default: the authorities of the
    /// system]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) ca: Option<PathBuf>,
}

/// The address of a REST interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Api {
    /// Over TLS.
    pub(crate) secure: bool,
    /// A name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Path before that of the interface, without a slash at its end.
    pub(crate) prefix: String,
}

/// Why a text is no such address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadApi {
    /// It has another form.
    #[error("write ADDRESS:PORT, or https://HOST[:PORT][/PATH]")]
    Form,
    /// A key would travel where others can read it.
    #[error("only the adit at this machine is spoken to in plain text: write https://HOST[:PORT]")]
    Plain,
}

impl FromStr for Api {
    type Err = BadApi;

    fn from_str(text: &str) -> Result<Self, BadApi> {
        let (secure, rest) = match text.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("http://").unwrap_or(text)),
        };
        let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let prefix = path.trim_end_matches('/').to_owned();
        if prefix.chars().any(|c| !c.is_ascii_graphic() || c == '?' || c == '#') {
            return Err(BadApi::Form);
        }
        if !secure {
            let address: SocketAddr = place.parse().map_err(|_| BadApi::Form)?;
            let here = address.ip().is_loopback();
            let (host, port) = (address.ip().to_string(), address.port());
            return if here { Ok(Self { secure, host, port, prefix }) } else { Err(BadApi::Plain) };
        }
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or(BadApi::Form)?,
            None => place.split_at(place.find(':').unwrap_or(place.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().map_err(|_| BadApi::Form)?,
            None if port.is_empty() => 443,
            None => return Err(BadApi::Form),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        if !(host.parse::<IpAddr>().is_ok() || !host.is_empty() && host.chars().all(plain)) {
            return Err(BadApi::Form);
        }
        Ok(Self { secure, host: host.to_owned(), port, prefix })
    }
}

impl Api {
    /// Host and port, as the header `Host` wants them.
    pub(crate) fn place(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https://" } else { "" };
        write!(f, "{scheme}{}{}", self.place(), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_at_this_machine_or_over_tls() {
        for (text, shown) in [
            ("127.0.0.1:7785", "127.0.0.1:7785"),
            ("http://[::1]:80/", "[::1]:80"),
            ("https://rig.example", "https://rig.example:443"),
            ("https://rig.example:7786/adit/", "https://rig.example:7786/adit"),
            ("https://10.0.0.7:7786", "https://10.0.0.7:7786"),
            ("https://[fe80::1]", "https://[fe80::1]:443"),
        ] {
            assert_eq!(text.parse::<Api>().unwrap().to_string(), shown);
        }
        for text in ["10.0.0.7:7785", "http://192.168.0.1:7785", "0.0.0.0:80"] {
            assert_eq!(text.parse::<Api>(), Err(BadApi::Plain), "{text}");
        }
        for text in [
            "",
            "rig.example:80",
            "https://",
            "https://a b",
            "https://u:p@rig.example",
            "https://rig:x",
            "ftp://rig",
        ] {
            assert_eq!(text.parse::<Api>(), Err(BadApi::Form), "{text}");
        }
        assert_eq!("https://rig/\r\nX: y".parse::<Api>(), Err(BadApi::Form));
    }
}
