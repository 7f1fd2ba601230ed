//! MQTT: the same figures on a broker, with discovery for Home Assistant, and commands where they are allowed.
//!
//! ```text
//! Board ──once an interval, and when something happens──► talk ──64 messages──► rumqttc ──► broker
//! Desk ◄── obey ◄──16 commands────────────────────────────────────────────────────┘
//! ```
//!
//! What is retained is a function of the newest snapshot, so nothing is kept for a broker that is away: when it is back everything is said
//! anew. Mining never waits for any of this.

mod discovery;
mod figures;
mod link;
mod talk;
#[cfg(test)]
mod tests;
mod topics;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio_rustls::rustls::ClientConfig;

use crate::steer::Password;
pub use link::ask_broker;
pub(crate) use link::tell;
pub use topics::Host;

/// Port of brokers where nobody says.
const PORT: u16 = 1_883;
/// The same with TLS.
const TLS_PORT: u16 = 8_883;

/// Where the broker is, who we are there, and what is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttSettings {
    /// The broker.
    pub broker: Broker,
    /// Connections are made with TLS, and never without, to a broker that this believes. `None`: [`Broker::secure`] does not ask for it.
    pub tls: Option<BrokerTls>,
    /// User and password, where the broker wants them.
    pub login: Option<(String, Password)>,
    /// What this adit is called in topics. Two on one broker need two names.
    pub host: Host,
    /// Topic below which Home Assistant looks for devices; `None`: it is not told of any.
    pub discovery: Option<String>,
    /// Commands are obeyed. Whoever may publish on the broker may then give them.
    pub commands: bool,
    /// How often state is said again.
    pub interval: Duration,
}

/// How connections to a broker are secured. Two are equal when they are one.
#[derive(Clone, Debug)]
pub struct BrokerTls(pub Arc<ClientConfig>);

impl PartialEq for BrokerTls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for BrokerTls {}

/// Where a broker is: `mqtt://HOST[:PORT]`, with TLS `mqtts://HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Broker {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// TLS is asked for.
    pub secure: bool,
}

/// Why a URL is none of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// It is to be reached by HTTP.
    #[error("adit speaks MQTT over TCP or TLS, not over WebSocket: mqtts://HOST[:PORT]")]
    WebSocket,
    /// Another scheme, no host, a port that is none, or something behind it.
    #[error(
        "a broker is mqtt://HOST[:PORT], or mqtts:// with TLS, without a user name; the password stands in a file of its own"
    )]
    Malformed,
}

impl FromStr for Broker {
    type Err = BrokerError;

    fn from_str(url: &str) -> Result<Self, BrokerError> {
        if ["ws://", "wss://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(BrokerError::WebSocket);
        }
        let (secure, place) = match url.strip_prefix("mqtts://") {
            Some(place) => (true, place),
            None => (false, url.strip_prefix("mqtt://").ok_or(BrokerError::Malformed)?),
        };
        let place = place.strip_suffix('/').unwrap_or(place);
        let (host, port) = match place.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((host, port)) => (host, port.parse().map_err(|_| BrokerError::Malformed)?),
            None => (place, if secure { TLS_PORT } else { PORT }),
        };
        let is_address = host.starts_with('[') && host.ends_with(']');
        let odd = |c: char| !c.is_ascii_graphic() || "@/?#".contains(c) || (!is_address && ":[]".contains(c));
        if host.is_empty() || host.contains(odd) || port == 0 {
            return Err(BrokerError::Malformed);
        }
        Ok(Self { host: host.trim_matches(['[', ']']).to_owned(), port, secure })
    }
}

impl TryFrom<String> for Broker {
    type Error = BrokerError;

    fn try_from(url: String) -> Result<Self, BrokerError> {
        url.parse()
    }
}
