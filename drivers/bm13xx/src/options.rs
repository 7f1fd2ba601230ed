//! What the user may set on a bare chain, read once and typed.

use std::time::Duration;

use adit_driver::{Settings, SettingsError};
use adit_protocol::bm13xx::Ticket;
use adit_protocol::units::Hertz;

/// Names of all settings, in the order of the crate documentation.
pub(crate) const KNOWN: &[&str] =
    &["target-difficulty", "chips", "domains", "frequency", "ramp-step", "baud", "ticket-difficulty"];

/// The settings of one chain.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    pub easing: Option<f64>,
    pub chips: Option<u16>,
    pub domains: u16,
    pub frequency: Option<Hertz>,
    pub ramp_step: Duration,
    pub baud: Option<u32>,
    pub ticket: Option<Ticket>,
}

impl Options {
    /// Takes what is known out of `settings` and refuses the rest.
    pub(crate) fn from_settings(mut settings: Settings) -> Result<Self, SettingsError> {
        let options = Self {
            easing: settings.take_easing()?,
            chips: settings.take_within("chips", "a number of chips, 1 to 256", 1..=256_u16)?,
            domains: settings
                .take_within("domains", "a number of voltage domains, 1 to 64", 1..=64_u16)?
                .unwrap_or(1),
            frequency: settings
                .take_positive("frequency", "a clock in MHz, within the limits of the model")?
                .map(Hertz::from_mhz),
            ramp_step: settings
                .take_within("ramp-step", "milliseconds for each 6.25 MHz, 1 to 60000", 1..=60_000)?
                .map_or(Duration::from_millis(100), Duration::from_millis),
            baud: settings.take_within("baud", "a baud rate from 9600 to 6250000", 9_600..=6_250_000)?,
            ticket: settings
                .take_within("ticket-difficulty", "a difficulty of at least 1", 1.0..=2_f64.powi(32))?
                .map(Ticket::from_difficulty),
        };
        settings.finish(KNOWN)?;
        Ok(options)
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
    fn settings_are_read_with_their_units() {
        let options = options(&[
            ("chips", "100"),
            ("frequency", "485"),
            ("ramp-step", "20"),
            ("ticket-difficulty", "300"),
        ]);
        let options = options.unwrap();
        assert_eq!((options.chips, options.frequency), (Some(100), Some(Hertz::from_mhz(485.0))));
        assert_eq!(options.ramp_step, Duration::from_millis(20));
        assert_eq!(options.ticket, Some(Ticket::from_difficulty(256.0)));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_would() {
        assert_eq!(
            options(&[("chips", "0")]).unwrap_err(),
            "`chips=0`: expected a number of chips, 1 to 256"
        );
        assert!(options(&[("frequency", "-5")]).unwrap_err().ends_with("within the limits of the model"));
        assert!(options(&[("ticket-difficulty", "0.5")]).is_err());
        assert!(options(&[("voltage", "1200")]).unwrap_err().contains("is not a setting of this device"));
    }
}
