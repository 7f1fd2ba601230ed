//! What the user may set on a stick, read once and typed.

use std::time::Duration;

use adit_driver::{Settings, SettingsError};
use adit_protocol::devices::Model;
use adit_protocol::units::{Hertz, Volts};

/// Settings of every stick.
const ALL: &[&str] = &["target-difficulty", "frequency", "start-frequency", "ramp-step", "tune-up"];
/// Of those whose chips are a chain of the BM13xx engine.
const CHAINED: &[&str] =
    &["target-difficulty", "frequency", "start-frequency", "ramp-step", "tune-up", "chips"];
/// Of those with a second port.
const FED: &[&str] = &[
    "target-difficulty",
    "frequency",
    "start-frequency",
    "ramp-step",
    "tune-up",
    "chips",
    "core-voltage",
    "telemetry",
];

/// The settings of one stick.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) easing: Option<f64>,
    /// `None`: the usual clock of the model.
    pub(crate) frequency: Option<Hertz>,
    /// `None`: the usual start clock of the model.
    pub(crate) start: Option<Hertz>,
    pub(crate) ramp_step: Duration,
    /// Time after which a clock that was lowered is raised by a step; `None`: never.
    pub(crate) tune_up: Option<Duration>,
    /// How many there must be; `None`: as many as the model has, or fewer where some are dead.
    pub(crate) chips: Option<u16>,
    /// Voltage of each chip.
    pub(crate) core: Option<Volts>,
    /// The second port is used.
    pub(crate) telemetry: bool,
}

impl Options {
    /// Takes what `model` knows out of `settings` and refuses the rest.
    pub(crate) fn from_settings(mut settings: Settings, model: &Model) -> Result<Self, SettingsError> {
        let (low, high) = model.clock.map_or((0.0, 0.0), |[low, _, high]| (low.mhz(), high.mhz()));
        let mut clock = |key| -> Result<Option<Hertz>, SettingsError> {
            Ok(settings.take_within(key, IN_LIMITS, low..=high)?.map(Hertz::from_mhz))
        };
        let (frequency, start) = (clock("frequency")?, clock("start-frequency")?);
        let known = match (model.ports.len(), model.chips.kind) {
            (_, "BM1384") => ALL,
            (1, _) => CHAINED,
            _ => FED,
        };
        let has = |key: &str| known.contains(&key);
        let options = Self {
            easing: settings.take_easing()?,
            frequency,
            start,
            ramp_step: settings
                .take_within("ramp-step", "milliseconds for each 6.25 MHz, 1 to 60000", 1..=60_000)?
                .map_or(Duration::from_secs(1), Duration::from_millis),
            tune_up: settings
                .take_within("tune-up", "minutes, 30 to 9999", 30..=9_999)?
                .map(|minutes: u64| Duration::from_secs(60 * minutes)),
            chips: match has("chips") {
                true => settings.take_within("chips", "a number of chips, 1 to 255", 1..=255_u16)?,
                false => None,
            },
            core: match has("core-voltage") {
                true => settings.take_within("core-voltage", "millivolts, 100 to 500", 100..=500_u16)?,
                false => None,
            }
            .map(|millivolts| Volts(f64::from(millivolts) / 1e3)),
            telemetry: match has("telemetry") {
                true => settings.take_switch("telemetry", "on or off")?.unwrap_or(true),
                false => false,
            },
        };
        settings.finish(known)?;
        Ok(options)
    }
}

/// What a clock must be.
const IN_LIMITS: &str = "a clock in MHz, within the limits of the model";

#[cfg(test)]
mod tests {
    use adit_protocol::devices::model;

    use super::*;

    fn options(key: &str, pairs: &[(&str, &str)]) -> Result<Options, String> {
        let mut settings = Settings::default();
        pairs.iter().for_each(|(key, value)| settings.set(*key, *value));
        Options::from_settings(settings, model(key).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn clocks_are_read_with_fractions() {
        let read = options("2pac", &[("frequency", "212.5"), ("ramp-step", "250")]).unwrap();
        assert_eq!(read.frequency, Some(Hertz::from_mhz(212.5)));
        assert_eq!((read.start, read.ramp_step), (None, Duration::from_millis(250)));
    }

    #[test]
    fn the_limits_are_those_of_the_model() {
        let wrong = options("2pac", &[("frequency", "600")]).unwrap_err();
        assert_eq!(wrong, "`frequency=600`: expected a clock in MHz, within the limits of the model");
        assert!(options("compac-f", &[("frequency", "600")]).is_ok());
        assert!(options("compac-f", &[("start-frequency", "50")]).is_err());
        assert!(options("compac", &[("start-frequency", "NaN")]).is_err());
        assert!(options("compac", &[("ramp-step", "0")]).is_err());
    }

    #[test]
    fn only_those_with_a_second_port_have_a_voltage() {
        let read = options("compac-a1", &[("core-voltage", "310"), ("tune-up", "30")]).unwrap();
        assert_eq!((read.core, read.tune_up), (Some(Volts(0.31)), Some(Duration::from_secs(1_800))));
        assert!(read.telemetry);
        assert!(!options("compac-a1", &[("telemetry", "off")]).unwrap().telemetry);
        let unknown = options("compac-f", &[("core-voltage", "310")]).unwrap_err();
        assert!(unknown.contains("is not a setting of this device"), "{unknown}");
        assert!(options("compac", &[("chips", "2")]).is_err());
    }
}
