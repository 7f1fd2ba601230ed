//! What may be asked.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::whole;

/// A command. Devices are named by their rows, pools by their numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// The device is made safe and does not work until it is resumed.
    Pause {
        /// Name of the device.
        #[schema(example = "icarus-1")]
        device: String,
    },
    /// The device may work again.
    Resume {
        /// Name of the device.
        #[schema(example = "icarus-1")]
        device: String,
    },
    /// Run the chips at this clock.
    Frequency {
        /// Name of the device.
        #[schema(example = "bitaxe-gamma-1")]
        device: String,
        /// In megahertz, within the limits of the model.
        #[schema(minimum = 1, maximum = 10_000)]
        megahertz: f64,
    },
    /// Feed the chips this voltage.
    Voltage {
        /// Name of the device.
        #[schema(example = "bitaxe-gamma-1")]
        device: String,
        /// In volts, within the limits of the model.
        #[schema(minimum = 0.1, maximum = 100)]
        volts: f64,
    },
    /// Run the fans at this speed.
    Fan {
        /// Name of the device.
        #[schema(example = "bitaxe-gamma-1")]
        device: String,
        /// In per cent of full speed; absent or `null`: as the temperature asks.
        #[schema(minimum = 0, maximum = 100)]
        #[serde(default, deserialize_with = "whole::or_null")]
        percent: Option<u8>,
    },
    /// Blink, so that it can be found on the shelf.
    Identify {
        /// Name of the device.
        #[schema(example = "icarus-1")]
        device: String,
    },
    /// Close the device in good order and open it anew.
    Reset {
        /// Name of the device.
        #[schema(example = "icarus-1")]
        device: String,
    },
    /// Try a device again that rests after faults, or was given up.
    ClearQuarantine {
        /// Name of the device.
        #[schema(example = "icarus-1")]
        device: String,
    },
    /// One more pool, last in the order of priority.
    AddPool {
        /// As on the command line.
        #[schema(example = "stratum+tcp://pool.example:3333")]
        url: String,
        /// Name of the worker.
        user: Option<String>,
        /// Password.
        #[schema(value_type = Option<String>)]
        pass: Option<Password>,
        /// Whom it is to pay, as a Bitcoin address: blocks of a node do; a pool is left unless its jobs do.
        payout: Option<String>,
        /// The user name is a Bitcoin address, with `.WORKER` behind it or not: refused where it is none.
        #[serde(default)]
        user_is_address: bool,
    },
    /// Work for this pool no more, and forget it.
    RemovePool {
        /// Number of the pool.
        #[schema(maximum = 65_535)]
        #[serde(deserialize_with = "whole::one")]
        pool: u16,
    },
    /// Another order of priority; pools that are not named come after, in the order they had.
    OrderPools {
        /// Numbers of the pools, best first.
        #[serde(deserialize_with = "whole::list")]
        pools: Vec<u32>,
    },
    /// The pool may be worked for.
    EnablePool {
        /// Number of the pool.
        #[schema(maximum = 65_535)]
        #[serde(deserialize_with = "whole::one")]
        pool: u16,
    },
    /// The pool may not be worked for; it stays connected.
    DisablePool {
        /// Number of the pool.
        #[schema(maximum = 65_535)]
        #[serde(deserialize_with = "whole::one")]
        pool: u16,
    },
    /// The pool is enabled, becomes the first choice and is worked for at once if it works.
    SwitchPool {
        /// Number of the pool.
        #[schema(maximum = 65_535)]
        #[serde(deserialize_with = "whole::one")]
        pool: u16,
    },
    /// The pool's part of the work where work is divided by quota.
    QuotaPool {
        /// Number of the pool.
        #[schema(maximum = 65_535)]
        #[serde(deserialize_with = "whole::one")]
        pool: u16,
        /// Its part.
        #[schema(maximum = 65_535)]
        #[serde(deserialize_with = "whole::one")]
        quota: u16,
    },
    /// Write the pools as they are now to the configuration file.
    Save {},
    /// Read the configuration file again and take its pools over.
    Reload {},
}

/// A password: shown to nobody.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Request {
    /// The device that is meant.
    pub fn device(&self) -> Option<&str> {
        match self {
            Self::Pause { device }
            | Self::Resume { device }
            | Self::Frequency { device, .. }
            | Self::Voltage { device, .. }
            | Self::Fan { device, .. }
            | Self::Identify { device }
            | Self::Reset { device }
            | Self::ClearQuarantine { device } => Some(device),
            _ => None,
        }
    }
}

impl fmt::Display for Request {
    /// In a few words, without what may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pause { device } => write!(f, "pause {device}"),
            Self::Resume { device } => write!(f, "resume {device}"),
            Self::Frequency { device, megahertz } => write!(f, "run {device} at {megahertz} MHz"),
            Self::Voltage { device, volts } => write!(f, "feed {device} with {volts} V"),
            Self::Fan { device, percent: Some(percent) } => {
                write!(f, "run the fan of {device} at {percent} %")
            }
            Self::Fan { device, percent: None } => {
                write!(f, "run the fan of {device} as its temperature asks")
            }
            Self::Identify { device } => write!(f, "identify {device}"),
            Self::Reset { device } => write!(f, "reset {device}"),
            Self::ClearQuarantine { device } => write!(f, "clear the quarantine of {device}"),
            Self::AddPool { url, .. } => {
                let place = url.rsplit(['@', '/']).find(|part| !part.is_empty()).unwrap_or_default();
                write!(f, "add the pool {}", place.chars().take(100).collect::<String>())
            }
            Self::RemovePool { pool } => write!(f, "remove pool {pool}"),
            Self::OrderPools { pools } => write!(f, "order the pools {pools:?}"),
            Self::EnablePool { pool } => write!(f, "enable pool {pool}"),
            Self::DisablePool { pool } => write!(f, "disable pool {pool}"),
            Self::SwitchPool { pool } => write!(f, "switch to pool {pool}"),
            Self::QuotaPool { pool, quota } => write!(f, "give pool {pool} the quota {quota}"),
            Self::Save {} => write!(f, "save the configuration"),
            Self::Reload {} => write!(f, "reload the configuration"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Request, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn a_command_is_read_strictly() {
        let request = read(r#"{"command":"frequency","device":"a-1","megahertz":500}"#).unwrap();
        assert_eq!(request, Request::Frequency { device: "a-1".into(), megahertz: 500.0 });
        assert_eq!(
            read(r#"{"command":"fan","device":"a-1"}"#).unwrap().to_string(),
            "run the fan of a-1 as its temperature asks"
        );
        for wrong in [
            r#"{"command":"frequency","device":"a-1"}"#,
            r#"{"command":"frequency","device":"a-1","megahertz":"500"}"#,
            r#"{"command":"frequency","device":"a-1","megahertz":500,"volts":1}"#,
            r#"{"command":"fan","device":"a-1","percent":256}"#,
            r#"{"command":"remove_pool","pool":-1}"#,
            r#"{"command":"save","now":true}"#,
            r#"{"command":"format_disk"}"#,
            r#"{"device":"a-1"}"#,
            "[]",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn neither_words_nor_debug_output_show_a_password() {
        let pool =
            r#"{"command":"add_pool","url":"stratum+tcp://me:hush@h.example:3333","user":"u","pass":"hush"}"#;
        let request = read(pool).unwrap();
        assert_eq!(request.to_string(), "add the pool h.example:3333");
        let Request::AddPool { pass: Some(pass), .. } = request else { panic!() };
        assert_eq!(format!("{pass:?}"), "…");
    }
}
