//! Measured values that may be missing.

use adit_protocol::wire::Micros;

/// Why there is no value. Never replaced by zero or a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoData {
    /// The device has no such sensor.
    NotFitted,
    /// The part is switched off.
    Off,
    /// It has not been asked or has not answered yet.
    NotYet,
    /// It was asked and did not answer in time.
    Timeout,
    /// It answered something that cannot be true.
    Implausible,
}

impl NoData {
    /// Snake-case name, as it appears in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFitted => "not_fitted",
            Self::Off => "off",
            Self::NotYet => "not_yet",
            Self::Timeout => "timeout",
            Self::Implausible => "implausible",
        }
    }
}

/// A value or the reason why there is none, and when that was found out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading<T> {
    /// What was measured.
    pub value: Result<T, NoData>,
    /// When.
    pub at: Micros,
}
