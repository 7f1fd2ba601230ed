//! Where a device runs: clock and core voltage, and why it was moved there.

use std::fmt;

use adit_protocol::units::{Celsius, HashRate, Hertz, Volts, Watts};

/// Clock and core voltage of a device whose host sets both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OperatingPoint {
    /// Chip clock.
    pub clock: Hertz,
    /// Core voltage, in the sense of `Supply::core`.
    pub core: Volts,
}

/// Why a machine moved its device to another [`OperatingPoint`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Why {
    /// The user asked for it.
    Asked,
    /// Too warm: slower.
    Warm {
        /// Hottest reading.
        celsius: Celsius,
        /// What it should stay below.
        limit: Celsius,
    },
    /// Cool again: back up.
    Cool {
        /// Hottest reading.
        celsius: Celsius,
    },
    /// The board draws more than it may: slower.
    Power {
        /// What it draws.
        watts: Watts,
        /// What it may.
        limit: Watts,
    },
    /// Restarted with less after a fault.
    Fault,
    /// Tuning: the last point was good, so it goes on.
    Stable {
        /// Hash rate of the valid nonces there.
        rate: HashRate,
        /// Energy per terahash there, where power is measured.
        joules_per_terahash: Option<f64>,
    },
    /// Tuning: too many of the last point's answers were wrong.
    Errors {
        /// Share of wrong answers, 0 to 1.
        share: f64,
        /// What is allowed.
        limit: f64,
    },
    /// Tuning: the last point found less than its clock promises.
    Short {
        /// Share of the promise, 0 to 1.
        share: f64,
    },
    /// Tuning: the last point costs more energy per hash than the best one.
    Dearer {
        /// There.
        joules_per_terahash: f64,
        /// At the best point.
        best: f64,
    },
    /// Tuning has found the best point.
    Settled,
    /// A result of an earlier tuning.
    Remembered,
}

/// What tuning has found: kept by the controller and given back as settings the next time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuned {
    /// The best point.
    pub point: OperatingPoint,
    /// Hash rate of the valid nonces there.
    pub rate: HashRate,
    /// Energy per terahash there, where power is measured.
    pub joules_per_terahash: Option<f64>,
}

impl fmt::Display for OperatingPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} MHz at {:.3} V", self.clock.mhz(), self.core.0)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => write!(f, "as asked"),
            Self::Warm { celsius, limit } => write!(f, "{:.1} °C is above {:.1} °C", celsius.0, limit.0),
            Self::Cool { celsius } => write!(f, "cool again at {:.1} °C", celsius.0),
            Self::Power { watts, limit } => write!(f, "{:.1} W is above {:.1} W", watts.0, limit.0),
            Self::Fault => write!(f, "less than before the fault"),
            Self::Stable { rate, joules_per_terahash: Some(energy) } => {
                write!(f, "stable with {rate} and {energy:.1} J/TH")
            }
            Self::Stable { rate, joules_per_terahash: None } => write!(f, "stable with {rate}"),
            Self::Errors { share, limit } => {
                write!(f, "{:.1} % wrong answers, {:.1} % allowed", share * 100.0, limit * 100.0)
            }
            Self::Short { share } => write!(f, "only {:.0} % of the promised hash rate", share * 100.0),
            Self::Dearer { joules_per_terahash, best } => {
                write!(f, "{joules_per_terahash:.1} J/TH is more than {best:.1} J/TH")
            }
            Self::Settled => write!(f, "the best found"),
            Self::Remembered => write!(f, "the best found before"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_reads_as_a_sentence() {
        let point = OperatingPoint { clock: Hertz::from_mhz(518.75), core: Volts(1.15) };
        let why = Why::Warm { celsius: Celsius(68.125), limit: Celsius(65.0) };
        assert_eq!(format!("{point}: {why}"), "518.75 MHz at 1.150 V: 68.1 °C is above 65.0 °C");
        let why = Why::Errors { share: 0.034, limit: 0.01 };
        assert_eq!(why.to_string(), "3.4 % wrong answers, 1.0 % allowed");
    }
}
