//! How bytes get to a pool: through which proxy, and whom to believe at the other end
//! (`docs/protocols/stratum-v1.md §14, §15`).

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use adit_protocol::hex;
use adit_protocol::stratum::Secret;

use crate::redirect::is_host_name;
use crate::url::percent_decoded;

/// Port of a proxy that is named without one.
const PROXY_PORT: u16 = 1080;

/// Whom to believe that he is the pool. There is no way from TLS back to plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// A certificate for the pool's name from an authority that the system knows.
    #[default]
    Roots,
    /// The same from an authority in this PEM file, and from no other.
    Authority(PathBuf),
    /// Whoever holds this key or this certificate, whatever it says.
    Pin(KeyPin),
    /// Anyone: protects from listeners, not from impostors.
    Anyone,
}

/// SHA-256 of the public key in a certificate (SubjectPublicKeyInfo, DER), or of the whole certificate (DER).
///
/// ```
/// let text = "aa".repeat(32);
/// let pin: adit_upstream::KeyPin = text.parse().unwrap();
/// assert_eq!(pin.to_string(), text);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyPin(pub [u8; 32]);

/// Not a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pin is the SHA-256 of the certificate or of its public key in 64 hex digits; adit names it when it refuses a certificate"
)]
pub struct BadPin;

impl FromStr for KeyPin {
    type Err = BadPin;

    fn from_str(text: &str) -> Result<Self, BadPin> {
        let digits: String = text.chars().filter(|c| *c != ':').collect();
        let bytes = hex::decode(&digits).ok_or(BadPin)?;
        Ok(Self(bytes.try_into().map_err(|_| BadPin)?))
    }
}

impl fmt::Display for KeyPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

/// Whom to ask for a connection to the pool. The proxy resolves the pool's name, so that it shows nowhere else.
///
/// ```
/// use adit_upstream::{Proxy, ProxyKind};
/// let tor: Proxy = "socks5://127.0.0.1:9050".parse().unwrap();
/// assert_eq!((tor.kind, tor.host.as_str(), tor.port), (ProxyKind::Socks5, "127.0.0.1", 9050));
/// assert_eq!("socks5:127.0.0.1:9050".parse::<Proxy>().unwrap(), tor);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// What it speaks.
    pub kind: ProxyKind,
    /// Host name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User name and password, where it wants them.
    pub login: Option<(String, Secret)>,
}

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// HTTP CONNECT.
    Http,
    /// SOCKS4 with host names.
    Socks4a,
    /// SOCKS5 (RFC 1928).
    Socks5,
}

/// Text that names no proxy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a proxy; write socks5://HOST:PORT, socks4a://HOST:PORT or http://HOST:PORT, with USER:PASSWORD@ before the host if it wants them"
)]
pub struct BadProxy {
    /// What was written, without user and password.
    pub text: String,
}

impl Proxy {
    /// Whether `text` begins as a proxy does and a pool does not.
    pub(crate) fn looks_like(text: &str) -> bool {
        text.split_once(':').is_some_and(|(scheme, _)| kind(scheme).is_some())
    }

    /// Whether the proxy can carry this login and this name.
    fn fits(&self) -> bool {
        let short = |text: &str| text.len() <= 255 && !text.contains(['\0', '\r', '\n']);
        let login = self.login.as_ref();
        login.is_none_or(|(user, password)| short(user) && short(password.expose()))
            && (self.kind != ProxyKind::Socks4a
                || login.is_none_or(|(_, password)| password.expose().is_empty()))
    }
}

impl FromStr for Proxy {
    type Err = BadProxy;

    fn from_str(text: &str) -> Result<Self, BadProxy> {
        parse(text.trim()).filter(Proxy::fits).ok_or_else(|| {
            let place = text.rsplit_once('@').map_or(text, |(_, place)| place);
            BadProxy { text: place.trim().to_owned() }
        })
    }
}

fn kind(scheme: &str) -> Option<ProxyKind> {
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Some(ProxyKind::Http),
        "socks4a" => Some(ProxyKind::Socks4a),
        "socks5" | "socks5h" => Some(ProxyKind::Socks5),
        _ => None,
    }
}

fn parse(text: &str) -> Option<Proxy> {
    let (scheme, rest) = text.split_once(':')?;
    let kind = kind(scheme)?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (login, place) = match rest.rsplit_once('@') {
        Some((login, place)) => (Some(login.split_once(':').unwrap_or((login, ""))), place),
        None => (None, rest),
    };
    let login = match login {
        Some((user, password)) => Some((percent_decoded(user)?, Secret::new(percent_decoded(password)?))),
        None => None,
    };
    let (host, port) = host_and_port(place)?;
    Some(Proxy { kind, host: host.to_owned(), port, login })
}

fn host_and_port(place: &str) -> Option<(&str, u16)> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => {
            let (host, port) = place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)));
            if !is_host_name(host) {
                return None;
            }
            (host, port)
        }
    };
    let port = port.map_or(Some(PROXY_PORT), |port| port.parse().ok().filter(|port| *port != 0))?;
    Some((host, port))
}
