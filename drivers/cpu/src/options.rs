//! What the user may set, read once and typed.

use std::str::FromStr;

use adit_driver::{Settings, SettingsError};
use adit_protocol::pow::Target;

/// Names of all settings, in the order of the crate documentation.
const KNOWN: &[&str] = &["duty", "nice", "pin", "target-difficulty"];

/// The settings of one device.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    /// Percent of the time that is spent searching.
    pub duty: u8,
    /// Niceness of the threads.
    pub nice: u8,
    /// Processors for the threads in turn; none: wherever the operating system likes.
    pub pins: Vec<u16>,
    /// Target of the nonces a simulation reports instead of what its rate would suggest.
    pub eased: Option<Target>,
}

impl Options {
    /// Takes what is known out of `settings` and refuses the rest.
    pub(crate) fn from_settings(mut settings: Settings) -> Result<Self, SettingsError> {
        let options = Self {
            duty: settings.take::<Percent>("duty", "1 to 100 percent")?.map_or(100, |percent| percent.0),
            nice: settings.take::<Nice>("nice", "0 to 19")?.map_or(19, |nice| nice.0),
            pins: settings
                .take::<Pins>("pin", "numbers of processors joined with +, such as 0+2")?
                .map_or_else(Vec::new, |pins| pins.0),
            eased: settings.take_easing()?.and_then(|difficulty| Target::from_difficulty(difficulty).ok()),
        };
        settings.finish(KNOWN)?;
        Ok(options)
    }
}

struct Malformed;

struct Percent(u8);

impl FromStr for Percent {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let number = text.strip_suffix('%').unwrap_or(text).trim_end().parse().ok();
        number.filter(|percent| (1..=100).contains(percent)).map(Self).ok_or(Malformed)
    }
}

struct Nice(u8);

impl FromStr for Nice {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.parse().ok().filter(|nice| *nice <= 19).map(Self).ok_or(Malformed)
    }
}

struct Pins(Vec<u16>);

impl FromStr for Pins {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let pins: Result<_, _> = text.split('+').map(|number| number.trim().parse()).collect();
        pins.map(Self).map_err(|_| Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Options, SettingsError> {
        let mut settings = Settings::default();
        pairs.iter().for_each(|(key, value)| settings.set(*key, *value));
        Options::from_settings(settings)
    }

    #[test]
    fn settings_are_read_with_their_units() {
        let options = read(&[("duty", "50%"), ("nice", "5"), ("pin", "0+2"), ("target-difficulty", "1e-4")]);
        let expected = Options {
            duty: 50,
            nice: 5,
            pins: vec![0, 2],
            eased: Some(Target::from_difficulty(1e-4).unwrap()),
        };
        assert_eq!(options, Ok(expected));
    }

    #[test]
    fn without_settings_everything_else_goes_first() {
        assert_eq!(read(&[]), Ok(Options { duty: 100, nice: 19, pins: Vec::new(), eased: None }));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (key, value) in [
            ("duty", "0"),
            ("duty", "101"),
            ("duty", "half"),
            ("nice", "20"),
            ("nice", "-1"),
            ("pin", ""),
            ("pin", "0+"),
            ("pin", "70000"),
            ("target-difficulty", "0"),
            ("frequency", "200"),
        ] {
            assert!(read(&[(key, value)]).is_err(), "{key}={value}");
        }
    }

    #[test]
    fn every_setting_is_documented() {
        let documentation = include_str!("lib.rs");
        for key in KNOWN {
            assert!(documentation.contains(&format!("`{key}`")), "{key}");
        }
    }
}
