//! Measured values as viewers see them: a number, or `null` with the reason.

use adit_driver::{NoData, Reading};
use adit_protocol::wire::Micros;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why there is no value. Never replaced by zero or a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The device has no such sensor.
    NotFitted,
    /// The part is switched off, or the device is not open.
    Off,
    /// It has not been measured yet.
    NotYet,
    /// The device was asked and did not answer in time.
    Timeout,
    /// The device answered something that cannot be true.
    Implausible,
}

impl From<NoData> for Missing {
    fn from(why: NoData) -> Self {
        match why {
            NoData::NotFitted => Self::NotFitted,
            NoData::Off => Self::Off,
            NoData::NotYet => Self::NotYet,
            NoData::Timeout => Self::Timeout,
            NoData::Implausible => Self::Implausible,
        }
    }
}

/// A measured value. Its unit stands in the name of the field that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Measured {
    /// The number; `null` where there is none.
    pub value: Option<f64>,
    /// Why there is none; `null` where there is one.
    pub missing: Option<Missing>,
    /// Seconds since it was measured, or since it was found missing; `null` where that is not known.
    pub age_s: Option<f64>,
}

impl Measured {
    /// No value, and since when is not known.
    pub const fn none(why: Missing) -> Self {
        Self { value: None, missing: Some(why), age_s: None }
    }

    /// Calculated just now.
    pub const fn now(value: f64) -> Self {
        Self { value: Some(value), missing: None, age_s: Some(0.0) }
    }

    /// `reading` as it is at `now`. A number that is none (infinite, NaN) is implausible.
    pub fn of(reading: &Reading<f64>, now: Micros) -> Self {
        let value = reading.value.map_err(Missing::from);
        let value =
            value.and_then(|value| if value.is_finite() { Ok(value) } else { Err(Missing::Implausible) });
        let age_s = Some(now.since(reading.at).as_secs_f64());
        Self { value: value.ok(), missing: value.err(), age_s }
    }

    /// The highest of several; one that is missing does not hide the others.
    pub fn highest(all: impl IntoIterator<Item = Self>, none: Missing) -> Self {
        let above = |best: Self, next: Self| if next.value > best.value { next } else { best };
        all.into_iter().reduce(above).unwrap_or(Self::none(none))
    }

    /// The sum of several. It is missing as soon as one is: half of the power is not the power.
    pub fn sum(all: impl IntoIterator<Item = Self>, none: Missing) -> Self {
        let add = |sum: Self, next: Self| Self {
            value: sum.value.zip(next.value).map(|(a, b)| a + b),
            missing: sum.missing.or(next.missing),
            age_s: sum.age_s.zip(next.age_s).map(|(a, b)| a.max(b)),
        };
        all.into_iter().reduce(add).unwrap_or(Self::none(none))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_that_is_no_number_is_implausible() {
        let reading = Reading { value: Ok(f64::NAN), at: Micros::from_secs(1) };
        let measured = Measured::of(&reading, Micros::from_secs(3));
        assert_eq!((measured.value, measured.missing), (None, Some(Missing::Implausible)));
        assert_eq!(measured.age_s, Some(2.0));
    }

    #[test]
    fn the_highest_ignores_what_is_missing_and_a_sum_does_not() {
        let parts = [Measured::now(40.0), Measured::none(Missing::Timeout), Measured::now(60.0)];
        assert_eq!(Measured::highest(parts, Missing::NotFitted).value, Some(60.0));
        assert_eq!(Measured::sum(parts, Missing::NotFitted).missing, Some(Missing::Timeout));
        assert_eq!(Measured::sum(parts, Missing::NotFitted).value, None);
        assert_eq!(Measured::sum([parts[0], parts[2]], Missing::NotFitted).value, Some(100.0));
        assert_eq!(Measured::highest([], Missing::NotFitted), Measured::none(Missing::NotFitted));
        assert_eq!(Measured::highest([parts[1]], Missing::Off).missing, Some(Missing::Timeout));
    }
}
