//! Days of the calendar (UTC), which books are kept by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A day of UTC: how many days after 1970-01-01. Written `2026-11-24`, for years 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(pub(crate) i64);

/// Seconds of a day.
const SECONDS: i64 = 86_400;
/// 0001-01-01.
const FIRST: i64 = -719_162;
/// 9999-12-31.
const LAST: i64 = 2_932_896;
/// Days from 0000-03-01 to 1970-01-01.
const MARCH_TO_EPOCH: i64 = 719_468;
/// Days of four hundred years of the Gregorian calendar.
const ERA: i64 = 146_097;

/// A text that is no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no day; write it like 2026-11-24")]
pub struct DayError {
    text: String,
}

impl Day {
    /// The day of a moment, in seconds since 1970; the first or last of all where it lies outside.
    pub fn of_unix_s(at: f64) -> Self {
        Self(((at / SECONDS as f64).floor() as i64).clamp(FIRST, LAST))
    }

    /// The last day there is.
    pub const fn last() -> Self {
        Self(LAST)
    }

    /// The first day there is.
    pub const fn first() -> Self {
        Self(FIRST)
    }

    /// So many days earlier, but not before the first.
    #[must_use]
    pub fn before(self, days: i64) -> Self {
        Self(self.0.saturating_sub(days).max(FIRST))
    }

    /// Year, month and day of the month, by the algorithm of Howard Hinnant ("chrono-compatible low-level date algorithms"): years
    /// begin in March, so that the odd day comes last.
    fn civil(self) -> (i64, i64, i64) {
        let days = self.0 + MARCH_TO_EPOCH;
        let (era, of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        (era * 400 + year + i64::from(month <= 2), month, day)
    }

    fn of_civil(year: i64, month: i64, day: i64) -> Self {
        let year = year - i64::from(month <= 2);
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
        Self(era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - MARCH_TO_EPOCH)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let parts = || {
            let all_digits = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
            let mut parts = text.split('-').filter(all_digits).map(|part| part.parse::<i64>().ok());
            let civil = (parts.next()??, parts.next()??, parts.next()??);
            (text.len() == 10 && (1..=12).contains(&civil.1)).then_some(civil)
        };
        let day = parts().map(|(year, month, day)| Self::of_civil(year, month, day));
        // The 31st of February would be some other day.
        let same = day.filter(|day| (FIRST..=LAST).contains(&day.0) && day.to_string() == text);
        same.ok_or_else(|| DayError { text: text.chars().take(40).collect() })
    }
}

impl TryFrom<String> for Day {
    type Error = DayError;

    fn try_from(text: String) -> Result<Self, DayError> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        // `date -u -d @SECONDS +%F` says so.
        for (at, text) in [
            (-1.0, "1969-12-31"),
            (0.0, "1970-01-01"),
            (951_782_400.0, "2000-02-29"),
            (1_795_000_000.0, "2026-11-18"),
            (4_107_542_399.9, "2100-02-28"),
            (4_107_542_400.0, "2100-03-01"),
            (f64::INFINITY, "9999-12-31"),
            (f64::NAN, "1970-01-01"),
        ] {
            assert_eq!(Day::of_unix_s(at).to_string(), text);
            assert_eq!(text.parse::<Day>().unwrap(), Day::of_unix_s(at));
        }
        for wrong in [
            "",
            "2026",
            "2026-2-3",
            "2026-02-30",
            "2026-13-01",
            "2026-00-01",
            "+026-01-01",
            "0000-12-31",
            "2026-01-011",
            "10000-1-1",
        ] {
            assert!(wrong.parse::<Day>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_day_has_a_text_of_its_own_that_leads_back_to_it() {
        let mut before = String::new();
        for day in (FIRST..=LAST).map(Day) {
            let text = day.to_string();
            assert!(text > before, "{text}");
            assert_eq!(text.parse(), Ok(day));
            before = text;
        }
    }
}
