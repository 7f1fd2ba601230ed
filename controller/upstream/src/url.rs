//! Pool URLs (`docs/protocols/stratum-v1.md §13`).

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use adit_protocol::stratum::Secret;

use crate::authority::{AuthorityKey, BadAuthorityKey};
use crate::redirect::is_host_name;
use crate::route::{BadProxy, Proxy};

/// A URL that does not lead to a pool. Its text never holds the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// No port: there is no usual one.
    #[error("pool URL `{url}` has no port; write it after the host, for instance `{host}:3333`")]
    MissingPort {
        /// The URL without user and password.
        url: String,
        /// The host as it is written there.
        host: String,
    },
    /// Not a port.
    #[error("pool URL `{url}`: `{port}` is not a port; it must be a number from 1 to 65535")]
    BadPort {
        /// The URL without user and password.
        url: String,
        /// What stands in its place.
        port: String,
    },
    /// Not a host name or address.
    #[error("pool URL `{url}`: `{host}` is not a host name; write `host:port`, an IPv6 address in brackets")]
    BadHost {
        /// The URL without user and password.
        url: String,
        /// What stands in its place.
        host: String,
    },
    /// Something follows the port.
    #[error("pool URL `{url}`: nothing may follow the port; remove `{path}`")]
    Path {
        /// The URL without user and password.
        url: String,
        /// What follows.
        path: String,
    },
    /// A percent sign that spells no character.
    #[error(
        "pool URL `{url}`: user or password holds a `%` that is not followed by two hex digits; write it as `%25`"
    )]
    BadEscape {
        /// The URL without user and password.
        url: String,
    },
    /// What stands before the bar is no proxy.
    #[error("pool URL `{url}`: before the `|`, {why}")]
    BadProxy {
        /// The URL without users and passwords.
        url: String,
        /// Why.
        why: BadProxy,
    },
    /// What follows the port is no authority key.
    #[error("pool URL `{url}`: {why}")]
    BadKey {
        /// The URL without users and passwords.
        url: String,
        /// Why.
        why: BadAuthorityKey,
    },
    /// A scheme that is not known.
    #[error(
        "pool URL `{url}`: unknown scheme `{scheme}`; use `stratum+tcp://host:port`, `stratum+ssl://…` for TLS, `http://…` for a Bitcoin node"
    )]
    UnknownScheme {
        /// The URL without user and password.
        url: String,
        /// The scheme.
        scheme: String,
    },
}

/// What is spoken to a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Stratum V1.
    #[default]
    StratumV1,
    /// Stratum V2, encrypted.
    StratumV2,
    /// JSON-RPC with a Bitcoin node.
    Getblocktemplate,
}

/// The parts of a pool URL.
///
/// ```
/// use adit_upstream::PoolUrl;
/// let url: PoolUrl = "stratum+tcp://user%40home:secret@[2001:db8::1]:3333#xnsub".parse().unwrap();
/// assert_eq!((url.host.as_str(), url.port), ("2001:db8::1", 3333));
/// assert_eq!(url.user.as_deref(), Some("user@home"));
/// assert!(url.extranonce_subscribe);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PoolUrl {
    /// Host name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User name, decoded.
    pub user: Option<String>,
    /// Password, decoded.
    pub password: Option<Secret>,
    /// What is spoken there.
    pub protocol: Protocol,
    /// The pool is to be spoken to over TLS.
    pub tls: bool,
    /// Who signs the certificates of a Stratum V2 pool: the path.
    pub authority: Option<AuthorityKey>,
    /// The proxy before the `|`.
    pub proxy: Option<Proxy>,
    /// The number before the first `;`, as cgminer has it: the pool's part of the work. 1 where there is none.
    pub quota: u32,
    /// `#xnsub`.
    pub extranonce_subscribe: bool,
    /// Options after `#` that are not known.
    pub ignored: Vec<String>,
}

impl FromStr for PoolUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let whole = text.trim();
        let url = || redacted(whole);
        let (quota, whole) = match whole.split_once(';') {
            Some((quota, rest)) if quota.parse::<u32>().is_ok() => (quota.parse().unwrap_or(1), rest),
            _ => (1, whole),
        };
        let (proxy, text) = match whole.split_once('|').filter(|(proxy, _)| Proxy::looks_like(proxy)) {
            Some((proxy, text)) => {
                (Some(proxy.parse().map_err(|why| UrlError::BadProxy { url: url(), why })?), text)
            }
            None => (None, whole),
        };
        let (scheme, rest) = split_scheme(text);
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let (protocol, tls) = spoken(scheme, url)?;
        let (place, fragment) = place.split_once('#').unwrap_or((place, ""));
        let (place, path) = place.split_at(place.find('/').unwrap_or(place.len()));
        let authority = match path.trim_matches('/') {
            key if !key.is_empty() && protocol == Protocol::StratumV2 => {
                Some(key.parse().map_err(|why| UrlError::BadKey { url: url(), why })?)
            }
            _ => None,
        };
        if path.len() > 1 && authority.is_none() {
            return Err(UrlError::Path { url: url(), path: path.to_owned() });
        }
        let (host, port) = host_and_port(place, url)?;
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            None => (None, None),
            Some((user, "")) => (Some(user), None),
            Some((user, password)) => (Some(user), Some(password)),
        };
        let decode = |text: &str| percent_decoded(text).ok_or_else(|| UrlError::BadEscape { url: url() });
        let options = || fragment.split(',').filter(|option| !option.is_empty());
        Ok(Self {
            host,
            port,
            user: user.map(decode).transpose()?,
            password: password.map(decode).transpose()?.map(Secret::new),
            protocol,
            tls,
            authority,
            proxy,
            quota,
            extranonce_subscribe: options().any(|option| option == "xnsub"),
            ignored: options().filter(|option| *option != "xnsub").map(str::to_owned).collect(),
        })
    }
}

/// The scheme, empty where there is none, and what follows.
fn split_scheme(text: &str) -> (&str, &str) {
    let is_scheme = |scheme: &str| scheme.bytes().all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c));
    text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)).unwrap_or(("", text))
}

/// What a scheme stands for, and whether over TLS.
fn spoken(scheme: &str, url: impl Fn() -> String) -> Result<(Protocol, bool), UrlError> {
    match scheme.to_ascii_lowercase().as_str() {
        "" | "stratum+tcp" | "stratum" | "tcp" => Ok((Protocol::StratumV1, false)),
        "stratum+ssl" | "stratum+tls" | "stratum+tcps" | "stratums" | "ssl" | "tls" => {
            Ok((Protocol::StratumV1, true))
        }
        "http" | "getblocktemplate+http" => Ok((Protocol::Getblocktemplate, false)),
        "https" | "getblocktemplate+https" => Ok((Protocol::Getblocktemplate, true)),
        "stratum2+tcp" | "stratum2" => Ok((Protocol::StratumV2, false)),
        _ => Err(UrlError::UnknownScheme { url: url(), scheme: scheme.to_owned() }),
    }
}

fn host_and_port(place: &str, url: impl Fn() -> String) -> Result<(String, u16), UrlError> {
    let bad_host = |host: &str| UrlError::BadHost { url: url(), host: host.to_owned() };
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(|| bad_host(place))?;
            host.parse::<Ipv6Addr>().map_err(|_| bad_host(host))?;
            (host, port.strip_prefix(':'))
        }
        None => match place.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    if host.parse::<IpAddr>().is_err() && !is_host_name(host)
        || (host.contains(':') && !place.starts_with('['))
    {
        return Err(bad_host(host));
    }
    let written = || place[..place.len() - port.map_or(0, |port| port.len() + 1)].to_owned();
    let missing = || UrlError::MissingPort { url: url(), host: written() };
    let port = port.filter(|port| !port.is_empty()).ok_or_else(missing)?;
    match port.parse() {
        Ok(number) if number != 0 => Ok((host.to_owned(), number)),
        _ => Err(UrlError::BadPort { url: url(), port: port.to_owned() }),
    }
}

/// `text` without what stands before the last `@`, which may be a password, but with its scheme. The same of a proxy.
fn redacted(text: &str) -> String {
    if let Some((proxy, text)) = text.split_once('|').filter(|(proxy, _)| Proxy::looks_like(proxy)) {
        let (scheme, place) = proxy.split_once(':').unwrap_or(("", proxy));
        let place = place.rsplit_once('@').map_or(place.to_owned(), |(_, place)| format!("…@{place}"));
        return format!("{scheme}:{place}|{}", redacted(text));
    }
    let (scheme, rest) = split_scheme(text);
    let separator = if scheme.is_empty() { "" } else { "://" };
    match rest.rsplit_once('@') {
        Some((_, place)) => format!("{scheme}{separator}…@{place}"),
        None => text.to_owned(),
    }
}

pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some((plain, escape)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        bytes.extend(adit_protocol::hex::decode(escape.get(..2)?)?);
        rest = &escape[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}
