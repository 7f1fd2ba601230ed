//! Names in topics.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::steer::Request;

/// Longest name of a host or a device in a topic, without the digits that tell it from others.
const LONGEST: usize = 64;
/// Longest text of a command.
const LONGEST_WORD: usize = 32;

/// What this adit is called in topics: letters, digits, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host(String);

/// A name that cannot stand in a topic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a host is called by 1 to 64 letters, digits, `_` and `-`")]
pub struct HostError;

impl FromStr for Host {
    type Err = HostError;

    fn from_str(name: &str) -> Result<Self, HostError> {
        let good = (1..=LONGEST).contains(&name.len()) && name.chars().all(is_plain);
        good.then(|| Self(name.to_owned())).ok_or(HostError)
    }
}

impl Host {
    /// The name of this machine, with whatever a topic cannot hold replaced.
    pub fn of_this_machine() -> Self {
        Self::of_machine(&crate::run::hostname())
    }

    pub(crate) fn of_machine(name: &str) -> Self {
        Self(segment(name))
    }

    /// `adit/HOST/…`.
    pub(crate) fn topic(&self, rest: &str) -> String {
        format!("adit/{}/{rest}", self.0)
    }

    /// What Home Assistant and the broker know us by.
    pub(crate) fn identity(&self) -> String {
        format!("adit_{}", self.0)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// `text` as one segment of a topic and of an id in Home Assistant. A text that is not plain is told from all others by digits of its hash,
/// but for the `:` of a serial number (`icarus:A1234` becomes `icarus-A1234`).
pub(crate) fn segment(text: &str) -> String {
    let plain: String = text.replacen(':', "-", 1);
    if plain.len() <= LONGEST && !plain.is_empty() && plain.chars().all(is_plain) {
        return plain;
    }
    let shown = plain.chars().take(LONGEST).map(|c| if is_plain(c) { c } else { '_' });
    let digits = Sha256::digest(text.as_bytes());
    shown.chain(format!("-{:02x}{:02x}{:02x}", digits[0], digits[1], digits[2]).chars()).collect()
}

/// What a message on `adit/HOST/DEVICE/SETTING/set` asks for: the segment of the device, and what is to be done with a device of a name.
pub(crate) fn command<'a>(host: &Host, topic: &'a str, text: &[u8]) -> Option<(&'a str, Order)> {
    let rest = topic.strip_prefix(&host.topic(""))?.strip_suffix("/set")?;
    let (device, setting) = rest.split_once('/')?;
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= LONGEST_WORD)?.trim();
    let number = || text.parse::<f64>().ok().filter(|number| number.is_finite());
    let order = match (setting, text) {
        ("mining", "ON") => Order::Mine(true),
        ("mining", "OFF") => Order::Mine(false),
        ("frequency", _) => Order::Megahertz(number()?),
        ("voltage", _) => Order::Volts(number()?),
        ("fan", "auto") => Order::Fan(None),
        ("fan", _) => {
            Order::Fan(Some(number().filter(|n| (0.0..=100.0).contains(n) && n.fract() == 0.0)? as u8))
        }
        ("identify", "PRESS") => Order::Identify,
        ("reset", "PRESS") => Order::Reset,
        ("clear_quarantine", "PRESS") => Order::ClearQuarantine,
        _ => return None,
    };
    Some((device, order))
}

/// What can be asked of a device over MQTT.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order {
    Mine(bool),
    Megahertz(f64),
    Volts(f64),
    /// In per cent; `None`: as the temperature asks.
    Fan(Option<u8>),
    Identify,
    Reset,
    ClearQuarantine,
}

impl Order {
    /// The command for the device whose row has this name.
    pub(crate) fn of(self, device: String) -> Request {
        match self {
            Self::Mine(true) => Request::Resume { device },
            Self::Mine(false) => Request::Pause { device },
            Self::Megahertz(megahertz) => Request::Frequency { device, megahertz },
            Self::Volts(volts) => Request::Voltage { device, volts },
            Self::Fan(percent) => Request::Fan { device, percent },
            Self::Identify => Request::Identify { device },
            Self::Reset => Request::Reset { device },
            Self::ClearQuarantine => Request::ClearQuarantine { device },
        }
    }
}
