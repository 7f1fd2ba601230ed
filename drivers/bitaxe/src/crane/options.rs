//! What the user may set on a machine of hash boards.

use adit_driver::{Settings, SettingsError};
use adit_protocol::devices::Model;
use adit_protocol::units::Hertz;

use super::air::FANS;
use super::board::BOARDS;
use crate::options::allows_clock;

/// Names of all settings, in the order of the crate documentation.
const KNOWN: &[&str] = &["target-difficulty", "frequency", "chips", "fans"];

/// The settings of one machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Options {
    /// Difficulty of the nonces that a simulated device reports.
    pub(crate) eased: Option<f64>,
    /// Chip clock.
    pub(crate) clock: Hertz,
    /// Chips on each hash board.
    pub(crate) chips: u16,
    /// Fans that must turn, the first of the board's four.
    pub(crate) fans: u8,
}

impl Options {
    /// Takes what is known out of `settings`, refuses the rest, and what `model` does not allow.
    pub(crate) fn from_settings(mut settings: Settings, model: &Model) -> Result<Self, SettingsError> {
        let settings = &mut settings;
        let allowed = |mhz: &f64| allows_clock(model, Hertz::from_mhz(*mhz));
        let clock =
            settings.take_if("frequency", "a clock in MHz within the limits of the model", allowed)?;
        let [_, usual, _] = model.clock.unwrap_or([Hertz::from_mhz(50.0); 3]);
        let chips =
            settings.take_within("chips", "how many chips a hash board has, 1 to 128", 1.0..=128.0)?;
        let fans = settings.take_within("fans", "how many fans there are, 1 to 4", 1.0..=f64::from(FANS))?;
        let options = Self {
            eased: settings.take_within("target-difficulty", "a positive number", f64::MIN_POSITIVE..=1.0)?,
            clock: clock.map_or(usual, Hertz::from_mhz),
            chips: chips.map_or(model.chips.count / BOARDS as u16, |chips| chips as u16),
            fans: fans.map_or(FANS, |fans| fans as u8),
        };
        std::mem::take(settings).finish(KNOWN)?;
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use adit_protocol::devices::model;

    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Result<Options, String> {
        let mut settings = Settings::default();
        pairs.iter().for_each(|(key, value)| settings.set(*key, *value));
        let model = model(super::super::KEY).unwrap();
        Options::from_settings(settings, model).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_said_is_the_slowest_clock_with_all_fans() {
        let options = options(&[]).unwrap();
        assert_eq!((options.clock, options.chips, options.fans), (Hertz::from_mhz(50.0), 126, 4));
    }

    #[test]
    fn settings_are_held_against_the_limits_of_the_model() {
        assert_eq!(options(&[("frequency", "525")]).unwrap().clock, Hertz::from_mhz(525.0));
        assert!(options(&[("frequency", "600")]).unwrap_err().contains("limits of the model"));
        assert!(options(&[("fans", "5")]).unwrap_err().contains("1 to 4"));
        assert!(options(&[("chips", "129")]).is_err());
        assert!(options(&[("voltage", "1200")]).unwrap_err().contains("is not a setting of this device"));
        assert!(options(&[("fan", "50")]).is_err(), "without a temperature there is only full speed");
    }
}
