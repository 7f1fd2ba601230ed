//! What the user said about a device, as `key=value` pairs of a selector or a configuration table.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;

use adit_protocol::pow::Target;

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The driver has no such setting.
    #[error("`{key}` is not a setting of this device; it knows {}", known.join(", "))]
    Unknown {
        /// What was given.
        key: String,
        /// What there is.
        known: &'static [&'static str],
    },
    /// The value cannot be read.
    #[error("`{key}={value}`: expected {expected}")]
    Malformed {
        /// Which setting.
        key: &'static str,
        /// What was given.
        value: String,
        /// What it should be, with its unit.
        expected: &'static str,
    },
}

/// Settings of one device. A driver takes the ones it knows and refuses the rest, so that a typing error is never ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Sets `key`; a later value replaces an earlier one.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.insert(key.into(), value.into());
    }

    /// The pairs in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Settings of `self`, with those of `over` on top.
    pub fn overridden_by(mut self, over: &Self) -> Self {
        self.0.extend(over.0.clone());
        self
    }

    /// Takes `key` out and reads it. `expected` describes what it should be, with its unit.
    pub fn take<T: FromStr>(
        &mut self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, SettingsError> {
        self.take_if(key, expected, |_| true)
    }

    /// The same, where only some values are allowed.
    pub fn take_if<T: FromStr>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        allowed: impl FnOnce(&T) -> bool,
    ) -> Result<Option<T>, SettingsError> {
        let Some(value) = self.0.remove(key) else { return Ok(None) };
        match value.parse().ok().filter(allowed) {
            Some(read) => Ok(Some(read)),
            None => Err(SettingsError::Malformed { key, value, expected }),
        }
    }

    /// The same, for a number with limits.
    pub fn take_within<T: FromStr + PartialOrd>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        limits: RangeInclusive<T>,
    ) -> Result<Option<T>, SettingsError> {
        self.take_if(key, expected, |number| limits.contains(number))
    }

    /// The same, for a number above 0 that is neither so large nor so small that no target can be made of it.
    pub fn take_positive(
        &mut self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<Option<f64>, SettingsError> {
        self.take_if(key, expected, |number| Target::from_difficulty(*number).is_ok())
    }

    /// The same, for `on` or `off`.
    pub fn take_switch(
        &mut self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<Option<bool>, SettingsError> {
        let word = self.take_if(key, expected, |word: &String| matches!(word.as_str(), "on" | "off"))?;
        Ok(word.map(|word| word == "on"))
    }

    /// Takes `target-difficulty`: the difficulty of the nonces that a *simulated* device reports. One of which a target can be
    /// made.
    pub fn take_easing(&mut self) -> Result<Option<f64>, SettingsError> {
        self.take_positive("target-difficulty", "a positive number")
    }

    /// Fails when something is left that the driver did not take. `known`: what it would have taken.
    pub fn finish(self, known: &'static [&'static str]) -> Result<(), SettingsError> {
        match self.0.into_keys().next() {
            Some(key) => Err(SettingsError::Unknown { key, known }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulation_is_eased_by_what_makes_a_target() {
        let easing = |value: &str| {
            let mut settings = Settings::default();
            settings.set("target-difficulty", value);
            settings.take_easing()
        };
        assert_eq!(easing("1e-4"), Ok(Some(1e-4)));
        for value in ["0", "-1", "NaN", "easy"] {
            let said = easing(value).unwrap_err().to_string();
            assert_eq!(said, format!("`target-difficulty={value}`: expected a positive number"));
        }
    }

    #[test]
    fn a_value_that_is_not_allowed_is_told_as_it_was_written() {
        let mut settings = Settings::default();
        settings.set("chips", "257");
        settings.set("fan", "On");
        let chips = settings.take_within("chips", "a number of chips, 1 to 256", 1..=256_u16);
        assert_eq!(chips.unwrap_err().to_string(), "`chips=257`: expected a number of chips, 1 to 256");
        assert!(settings.take_switch("fan", "`on` or `off`").is_err());
        settings.set("fan", "off");
        assert_eq!(settings.take_switch("fan", "`on` or `off`"), Ok(Some(false)));
        settings.set("celsius", "NaN");
        assert!(settings.take_within("celsius", "35 to 66", 35.0..=66.0).is_err());
    }

    #[test]
    fn a_typing_error_is_named_with_what_there_is() {
        let mut settings = Settings::default();
        settings.set("freqency", "200");
        assert_eq!(settings.take::<f64>("frequency", "megahertz"), Ok(None));
        let error = settings.finish(&["frequency", "voltage"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`freqency` is not a setting of this device; it knows frequency, voltage"
        );
    }

    #[test]
    fn a_value_that_cannot_be_read_says_what_it_should_be() {
        let mut settings = Settings::default();
        settings.set("frequency", "fast");
        let error = settings.take::<f64>("frequency", "megahertz").unwrap_err();
        assert_eq!(error.to_string(), "`frequency=fast`: expected megahertz");
    }
}
