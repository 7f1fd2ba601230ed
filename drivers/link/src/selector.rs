//! Selectors: how a user names a device on the command line or in the configuration.

mod resolve;
#[cfg(test)]
mod tests;
mod usb_place;

use std::fmt;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::str::FromStr;

use adit_driver::Settings;
use adit_protocol::devices::{Model, model, models_like};

/// What the user names, with what the user said about it.
///
/// ```
/// use adit_link::{Selector, Target};
///
/// let selector: Selector = "serial:/dev/ttyUSB0,model=block-erupter,target-difficulty=1e-4".parse().unwrap();
/// assert_eq!(selector.target, Target::Serial(vec!["/dev/ttyUSB0".into()]));
/// assert_eq!(selector.model.unwrap().name, "Block Erupter USB");
/// assert_eq!(selector.to_string(), "serial:/dev/ttyUSB0,model=block-erupter,target-difficulty=1e-4");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// Where it is.
    pub target: Target,
    /// `model=`: what it is, on the user's word.
    pub model: Option<&'static Model>,
    /// `driver=`: the name of the driver to use instead of the model's own.
    pub driver: Option<String>,
    /// `baud=`: symbols per second at the moment of opening instead of the model's own.
    pub baud: Option<u32>,
    /// All other `key=value` pairs: the driver's.
    pub settings: Settings,
}

/// Where a device is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// `serial:PATH[+PATH…]`: terminals, one per port of the device in port order. A path that contains a comma or a plus
    /// sign cannot be named; use a symbolic link.
    Serial(Vec<PathBuf>),
    /// `tcp:HOST:PORT`: a socket that carries the bytes of a one-port device.
    Tcp {
        /// Name or address; an IPv6 address without its brackets.
        host: String,
        /// Port number.
        port: u16,
    },
    /// `usb:VID:PID[:SERIAL][@SOCKET]`: USB devices spoken to without a terminal of the operating system.
    Usb(UsbPlace),
    /// `cpu:N`: this many threads of this computer.
    Cpu(NonZeroU16),
    /// `model=NAME` alone: every device that is plugged in and may be this model.
    Plugged,
}

/// Which USB devices are meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UsbPlace {
    /// Vendor id.
    pub vid: u16,
    /// Product id.
    pub pid: u16,
    /// `iSerialNumber`, where one of several is meant.
    pub serial: Option<String>,
    /// USB bus path, such as `1-1.4`, where that tells them apart.
    pub socket: Option<String>,
}

/// Why a selector cannot be used. The message says what is wrong and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// It begins with no known link.
    #[error("`{selector}` names no device: it must begin with serial:, usb:, tcp:, cpu: or model=")]
    NoLink {
        /// What was given.
        selector: String,
    },
    /// A `usb:` without ids.
    #[error("`{selector}`: expected usb:VID:PID or usb:VID:PID:SERIAL, ids of four hexadecimal digits")]
    NoUsbId {
        /// What was given.
        selector: String,
    },
    /// A `serial:` without a path, or an empty path between plus signs.
    #[error("`{selector}`: expected serial:PATH, the ports of one device joined with +")]
    NoPath {
        /// What was given.
        selector: String,
    },
    /// A `tcp:` without host or port.
    #[error("`{selector}`: expected tcp:HOST:PORT with a port from 1 to 65535")]
    NoAddress {
        /// What was given.
        selector: String,
    },
    /// A `cpu:` without a number of threads.
    #[error("`{selector}`: expected cpu:N with N threads, 1 to 1024")]
    NoThreads {
        /// What was given.
        selector: String,
    },
    /// Something that is not `key=value`.
    #[error("`{text}` in `{selector}`: expected key=value")]
    NotASetting {
        /// The part.
        text: String,
        /// The whole.
        selector: String,
    },
    /// The same key twice.
    #[error("`{key}` is given twice in `{selector}`: leave one")]
    Twice {
        /// The key.
        key: String,
        /// The whole.
        selector: String,
    },
    /// Not a rate of symbols.
    #[error("`baud={value}`: expected symbols per second, such as 115200")]
    Baud {
        /// What was given.
        value: String,
    },
    /// No such model.
    #[error("there is no model `{name}`{}; `adit devices --supported` lists all", did_you_mean(near))]
    UnknownModel {
        /// What was given.
        name: String,
        /// Models with a similar name, most similar first.
        near: Vec<&'static str>,
    },
    /// No model of the table uses this driver.
    #[error("no model uses the driver `{name}`; `adit devices --supported` lists the drivers")]
    UnknownDriver {
        /// What was given.
        name: String,
    },
    /// Nothing says what is at this place.
    #[error(
        "{location}: nothing says what is connected there; add the model: {location},model={}",
        one_of(candidates)
    )]
    ModelNeeded {
        /// Where.
        location: String,
        /// What it may be, from its USB identity; empty where there is none.
        candidates: Vec<&'static str>,
    },
    /// The model has another number of ports than there are paths.
    #[error("{location}: {model} has {expected} port(s), {}; {found} are named", ports.join("+"))]
    Ports {
        /// Where.
        location: String,
        /// The model.
        model: &'static str,
        /// Ports of the model.
        expected: usize,
        /// Their names in order.
        ports: Vec<&'static str>,
        /// Paths that were given.
        found: usize,
    },
}

fn did_you_mean(near: &[&str]) -> String {
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) }
}

fn one_of(candidates: &[&str]) -> String {
    match candidates {
        [] => "NAME".into(),
        candidates => format!("NAME (one of {})", candidates.join(", ")),
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let (target, rest) = if text.starts_with("model=") {
            (Target::Plugged, Some(text))
        } else {
            let (head, rest) = text.split_once(',').map_or((text, None), |(head, rest)| (head, Some(rest)));
            (Target::parse(head, text)?, rest)
        };
        let mut selector =
            Self { target, model: None, driver: None, baud: None, settings: Settings::default() };
        let mut seen: Vec<&str> = Vec::new();
        for part in rest.into_iter().flat_map(|rest| rest.split(',')) {
            let Some((key, value)) = part.split_once('=').filter(|(key, _)| !key.is_empty()) else {
                return Err(SelectorError::NotASetting { text: part.into(), selector: text.into() });
            };
            if seen.contains(&key) {
                return Err(SelectorError::Twice { key: key.into(), selector: text.into() });
            }
            seen.push(key);
            selector.set(key, value)?;
        }
        Ok(selector)
    }
}

impl Selector {
    fn set(&mut self, key: &str, value: &str) -> Result<(), SelectorError> {
        match key {
            "model" => self.model = Some(named(value)?),
            "driver" => self.driver = Some(value.into()),
            "baud" => {
                let baud = value.parse().ok().filter(|baud| *baud > 0);
                self.baud = Some(baud.ok_or_else(|| SelectorError::Baud { value: value.into() })?);
            }
            _ => self.settings.set(key, value),
        }
        Ok(())
    }
}

/// The model a user calls `name`, or similar names.
fn named(name: &str) -> Result<&'static Model, SelectorError> {
    model(name).ok_or_else(|| SelectorError::UnknownModel { name: name.into(), near: models_like(name) })
}

impl Target {
    /// Reads the part of a selector before the first comma. `selector`: the whole, for the message.
    fn parse(head: &str, selector: &str) -> Result<Self, SelectorError> {
        let whole = || selector.to_string();
        let Some((link, rest)) = head.split_once(':') else {
            return Err(SelectorError::NoLink { selector: whole() });
        };
        match link {
            "serial" => {
                if rest.split('+').any(str::is_empty) {
                    return Err(SelectorError::NoPath { selector: whole() });
                }
                Ok(Self::Serial(rest.split('+').map(PathBuf::from).collect()))
            }
            "tcp" => {
                let address = rest.rsplit_once(':').and_then(|(host, port)| {
                    let port = port.parse().ok().filter(|port| *port > 0)?;
                    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
                    (!host.is_empty()).then(|| (host.to_string(), port))
                });
                let (host, port) = address.ok_or_else(|| SelectorError::NoAddress { selector: whole() })?;
                Ok(Self::Tcp { host, port })
            }
            "usb" => {
                let place =
                    UsbPlace::parse(rest).ok_or_else(|| SelectorError::NoUsbId { selector: whole() })?;
                Ok(Self::Usb(place))
            }
            "cpu" => {
                let threads = rest.parse().ok().filter(|threads: &NonZeroU16| threads.get() <= 1_024);
                threads.map(Self::Cpu).ok_or_else(|| SelectorError::NoThreads { selector: whole() })
            }
            _ => Err(SelectorError::NoLink { selector: whole() }),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(paths) => {
                f.write_str("serial:")?;
                for (index, path) in paths.iter().enumerate() {
                    let joint = if index == 0 { "" } else { "+" };
                    write!(f, "{joint}{}", path.display())?;
                }
                Ok(())
            }
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp:[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp:{host}:{port}"),
            Self::Usb(place) => write!(f, "usb:{place}"),
            Self::Cpu(threads) => write!(f, "cpu:{threads}"),
            Self::Plugged => Ok(()),
        }
    }
}

impl fmt::Display for Selector {
    /// In the form it is read: target, `model`, `driver`, `baud`, then the settings in alphabetical order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.target)?;
        let mut comma = if self.target == Target::Plugged { "" } else { "," };
        let mut pair = |key: &str, value: &dyn fmt::Display| {
            let result = write!(f, "{comma}{key}={value}");
            comma = ",";
            result
        };
        if let Some(model) = self.model {
            pair("model", &model.key)?;
        }
        if let Some(driver) = &self.driver {
            pair("driver", driver)?;
        }
        if let Some(baud) = self.baud {
            pair("baud", &baud)?;
        }
        for (key, value) in self.settings.iter() {
            pair(key, &value)?;
        }
        Ok(())
    }
}
