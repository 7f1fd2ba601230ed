//! What can be done to a simulated device while it runs, whoever asks for it: a program, a scenario file or a test.

use std::time::Duration;

use adit_protocol::wire::Side;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::DeviceFault;

/// Longest time that can be asked for, in seconds: a month.
const LONGEST_SECONDS: f64 = 31.0 * 86_400.0;
/// Temperatures that can be set, in degrees Celsius.
const CELSIUS: [f64; 2] = [-55.0, 200.0];

/// One thing done to a device. In JSON and TOML: `{"do": "fault", "fault": "drop_byte", "times": 3}`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub enum Command {
    /// Something goes wrong now, or with the next bytes, answer or nonce that it can happen to.
    Fault {
        /// What.
        fault: DeviceFault,
        /// How many times, 1 to 1000: so many chunks, answers or nonces one after the other. A broken part is broken for a
        /// minute, and works again when it is broken a second time.
        #[serde(default = "once", deserialize_with = "whole")]
        #[cfg_attr(feature = "serve", schema(minimum = 1, maximum = 1000, default = 1))]
        times: u16,
        /// Whose bytes suffer: those on the way to this side. Only for faults of the wire; without it, chance decides.
        #[serde(default)]
        #[cfg_attr(feature = "serve", schema(value_type = Option<End>))]
        to: Option<Side>,
    },
    /// From now on something goes wrong by itself: with this probability per byte for `drop_byte`, `flip_bit` and
    /// `duplicate_byte`, per chunk for the other faults of the wire, per second for all others. 0 ends it.
    Chance {
        /// What.
        fault: DeviceFault,
        /// 0 to 1.
        #[cfg_attr(feature = "serve", schema(minimum = 0, maximum = 1))]
        probability: f64,
    },
    /// Nothing goes wrong any more: probabilities are 0, what waits to happen does not, broken parts work.
    Clear {},
    /// The plug is pulled.
    Unplug {
        /// Put back after so many seconds; without it, by `replug` only.
        #[serde(default)]
        #[cfg_attr(feature = "serve", schema(minimum = 0, maximum = 2678400))]
        seconds: Option<f64>,
    },
    /// The plug is put back; everything is in its reset state then.
    Replug {},
    /// The air around has this temperature.
    Ambient {
        /// Degrees Celsius, -55 to 200.
        #[cfg_attr(feature = "serve", schema(minimum = -55, maximum = 200))]
        celsius: f64,
    },
    /// The chips, or one of them, have this temperature and keep it, whatever they draw and however they are cooled. Without
    /// `celsius` they follow power and cooling again.
    Temperature {
        /// Degrees Celsius, -55 to 200.
        #[serde(default)]
        #[cfg_attr(feature = "serve", schema(minimum = -55, maximum = 200))]
        celsius: Option<f64>,
        /// Which chip, counted from 0 in the order of the chain; without it the whole device.
        #[serde(default, deserialize_with = "whole_or_none")]
        #[cfg_attr(feature = "serve", schema(maximum = 65535))]
        chip: Option<u16>,
    },
}

const fn once() -> u16 {
    1
}

/// A whole number, also one that is written as 3.0: JSON knows no difference.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number.fract() == 0.0 && (0.0..=65_535.0).contains(&number) {
        return Ok(number as u16);
    }
    Err(Error::custom(format_args!("{number} is no whole number from 0 to 65535")))
}

fn whole_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    #[derive(Deserialize)]
    struct Whole(#[serde(deserialize_with = "whole")] u16);
    Ok(Option::<Whole>::deserialize(deserializer)?.map(|Whole(number)| number))
}

/// For the description of [`Side`].
#[cfg(feature = "serve")]
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "a description")]
pub(crate) enum End {
    /// The program that drives the device.
    Host,
    /// The device.
    Device,
}

/// Why a command was not obeyed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    /// The model, or what carries its bytes, knows no such fault.
    #[error("{} cannot happen here ({model}); what can: {}", fault.name(), names(possible))]
    Impossible {
        /// What was asked for.
        fault: DeviceFault,
        /// Key of the model.
        model: &'static str,
        /// What there is.
        possible: Vec<DeviceFault>,
    },
    /// Only bytes on the wire have a direction.
    #[error("{} does not happen to bytes on their way: leave `to` out", fault.name())]
    NoDirection {
        /// What was asked for.
        fault: DeviceFault,
    },
    /// The device has no model of heat.
    #[error("a simulated {model} has no temperature")]
    NoHeat {
        /// Key of the model.
        model: &'static str,
    },
    /// There is no such chip.
    #[error("there is no chip {chip} whose temperature could be set; a {model} has {chips} of them here")]
    NoChip {
        /// Which was meant.
        chip: u16,
        /// How many have a temperature of their own.
        chips: usize,
        /// Key of the model.
        model: &'static str,
    },
    /// A number is out of its range.
    #[error("{what} is {wants}, not {found}")]
    BadNumber {
        /// Of which field.
        what: &'static str,
        /// What it must be.
        wants: &'static str,
        /// What it is.
        found: f64,
    },
    /// Too many commands wait for their time.
    #[error("more than {most} commands would wait for their time")]
    TooMuchPlanned {
        /// How many may.
        most: usize,
    },
    /// It cannot happen while the device is unplugged.
    #[error("the device is unplugged")]
    Unplugged,
}

fn names(faults: &[DeviceFault]) -> String {
    faults.iter().map(|fault| fault.name()).collect::<Vec<_>>().join(", ")
}

impl Command {
    /// Whether its numbers make sense for any device at all.
    pub(super) fn check_numbers(&self) -> Result<(), Refused> {
        let refuse = |what, wants, found| Err(Refused::BadNumber { what, wants, found });
        match *self {
            Self::Fault { times, .. } if !(1..=1_000).contains(&times) => {
                refuse("times", "a number from 1 to 1000", times.into())
            }
            Self::Chance { probability, .. } if !(0.0..=1.0).contains(&probability) => {
                refuse("probability", "a number from 0 to 1", probability)
            }
            Self::Unplug { seconds: Some(seconds) } if !(0.0..=LONGEST_SECONDS).contains(&seconds) => {
                refuse("seconds", "a number from 0 to 2678400", seconds)
            }
            Self::Ambient { celsius } | Self::Temperature { celsius: Some(celsius), .. }
                if !(CELSIUS[0]..=CELSIUS[1]).contains(&celsius) =>
            {
                refuse("celsius", "a number from -55 to 200", celsius)
            }
            _ => Ok(()),
        }
    }
}

/// A checked number of seconds as a span.
pub(super) fn span(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, LONGEST_SECONDS))
}
