//! What the user may set on a stick, read once and typed.

use std::str::FromStr;
use std::time::Duration;

use adit_driver::{Settings, SettingsError};
use adit_protocol::units::Hertz;

/// Names of all settings, in the order of the crate documentation.
const KNOWN: &[&str] = &["target-difficulty", "frequency", "start-frequency", "ramp-step"];

/// Lowest and highest clock of a BM1384 in MHz (`docs/protocols/gekko.md §6`).
const CLOCKS_MHZ: std::ops::RangeInclusive<f64> = 6.25..=500.0;

/// The settings of one stick.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) easing: Option<f64>,
    /// `None`: the usual clock of the model.
    pub(crate) frequency: Option<Hertz>,
    pub(crate) start: Hertz,
    pub(crate) ramp_step: Duration,
}

impl Options {
    /// Takes what is known out of `settings` and refuses the rest.
    pub(crate) fn from_settings(mut settings: Settings) -> Result<Self, SettingsError> {
        let clock = "a clock in MHz, 6.25 to 500";
        let options = Self {
            easing: settings.take_easing()?,
            frequency: settings.take::<Clock>("frequency", clock)?.map(|it| it.0),
            start: settings
                .take::<Clock>("start-frequency", clock)?
                .map_or(Hertz::from_mhz(100.0), |it| it.0),
            ramp_step: settings
                .take::<Span>("ramp-step", "milliseconds for each 6.25 MHz, 1 to 60000")?
                .map_or(Duration::from_secs(1), |it| it.0),
        };
        settings.finish(KNOWN)?;
        Ok(options)
    }
}

struct Clock(Hertz);

impl FromStr for Clock {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mhz = text.parse().map_err(|_| ())?;
        CLOCKS_MHZ.contains(&mhz).then(|| Self(Hertz::from_mhz(mhz))).ok_or(())
    }
}

struct Span(Duration);

impl FromStr for Span {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let millis = text.parse().map_err(|_| ())?;
        (1..=60_000).contains(&millis).then(|| Self(Duration::from_millis(millis))).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Result<Options, String> {
        let mut settings = Settings::default();
        pairs.iter().for_each(|(key, value)| settings.set(*key, *value));
        Options::from_settings(settings).map_err(|error| error.to_string())
    }

    #[test]
    fn clocks_are_read_with_fractions() {
        let read = options(&[("frequency", "212.5"), ("ramp-step", "250")]).unwrap();
        assert_eq!(read.frequency, Some(Hertz::from_mhz(212.5)));
        assert_eq!((read.start, read.ramp_step), (Hertz::from_mhz(100.0), Duration::from_millis(250)));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_would() {
        assert_eq!(
            options(&[("frequency", "600")]).unwrap_err(),
            "`frequency=600`: expected a clock in MHz, 6.25 to 500"
        );
        assert!(options(&[("start-frequency", "NaN")]).is_err());
        assert!(options(&[("ramp-step", "0")]).is_err());
        assert!(options(&[("voltage", "800")]).unwrap_err().contains("is not a setting of this device"));
    }
}
