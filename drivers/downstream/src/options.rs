//! What the user may set for miners downstream, read once and typed.

use std::str::FromStr;

use adit_driver::{Settings, SettingsError};
use adit_protocol::pow::{Hash, sha256d_of};
use adit_protocol::stratum::Secret;
use adit_protocol::units::HashRate;
use subtle::ConstantTimeEq;

/// The setting with the hash of the password: of no use to anybody but whoever guesses passwords, so it is told to nobody.
pub const PASSWORD: &str = "password-sha256d";

/// Names of all settings, in the order of the crate documentation.
const KNOWN: &[&str] = &["difficulty", "shares-per-minute", "hashrate", PASSWORD, "target-difficulty"];

/// Difficulty of the first shares where nobody says: one a second from a miner of 4.4 TH/s.
pub const DIFFICULTY: f64 = 1_024.0;
/// Shares a minute that each miner should find where nobody says.
pub const SHARES_PER_MINUTE: f64 = 12.0;
/// Expected hashes of a share of difficulty 1.
pub(crate) const HASHES: f64 = 4_294_967_296.0;

/// What the user says about miners downstream.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Difficulty of the first shares of a miner, positive and finite.
    pub difficulty: f64,
    /// Shares a minute that a miner should find: its difficulty is made to suit.
    pub shares_per_minute: f64,
    /// Hash rate of the miner, where it is known.
    pub hashrate: Option<HashRate>,
    /// Hash of what miners must give as their password; `None`: anything.
    pub password: Option<Hash>,
    /// Difficulty on the wire of a share of difficulty 1, where the miner is a simulation.
    pub easing: Option<f64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            difficulty: DIFFICULTY,
            shares_per_minute: SHARES_PER_MINUTE,
            hashrate: None,
            password: None,
            easing: None,
        }
    }
}

impl Options {
    /// Takes what is known out of `settings` and refuses the rest.
    pub(crate) fn from_settings(mut settings: Settings) -> Result<Self, SettingsError> {
        let rate = settings.take_positive("hashrate", "hashes per second, such as 5e11")?;
        let per_minute = settings
            .take_within("shares-per-minute", "shares a minute, 0.1 to 600", 0.1..=600.0)?
            .unwrap_or(SHARES_PER_MINUTE);
        let suits = rate.map_or(DIFFICULTY, |rate| rate * 60.0 / per_minute / HASHES);
        let options = Self {
            difficulty: settings.take_positive("difficulty", "a difficulty above 0")?.unwrap_or(suits),
            shares_per_minute: per_minute,
            hashrate: rate.map(HashRate),
            password: settings.take::<Hashed>(PASSWORD, "64 hex digits")?.map(|hashed| hashed.0),
            easing: settings.take_easing()?,
        };
        settings.finish(KNOWN)?;
        Ok(options)
    }

    /// The same in words. A password is not among them, only its hash.
    pub fn to_settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.set("difficulty", self.difficulty.to_string());
        settings.set("shares-per-minute", self.shares_per_minute.to_string());
        let words = [
            ("hashrate", self.hashrate.map(|rate| rate.0.to_string())),
            (PASSWORD, self.password.map(|hash| adit_protocol::hex::encode(&hash.0))),
            ("target-difficulty", self.easing.map(|easing| easing.to_string())),
        ];
        words.into_iter().filter_map(|(key, word)| Some((key, word?))).for_each(|(key, word)| {
            settings.set(key, word);
        });
        settings
    }
}

/// What a password is compared by.
pub fn hash_of(password: &Secret) -> Hash {
    sha256d_of([password.expose().as_bytes()])
}

/// Compares in the same time whatever differs.
pub(crate) fn is_same(a: &Hash, b: &Hash) -> bool {
    a.0.ct_eq(&b.0).into()
}

struct Hashed(Hash);

impl FromStr for Hashed {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        adit_protocol::hex::decode_array(text).map(|bytes| Self(Hash(bytes))).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_survive_as_settings() {
        let options = Options {
            difficulty: 0.5,
            shares_per_minute: 4.0,
            hashrate: Some(HashRate(5e11)),
            password: Some(hash_of(&Secret::new("hush"))),
            easing: Some(1e-4),
        };
        assert_eq!(Options::from_settings(options.to_settings()), Ok(options));
        assert_eq!(Options::from_settings(Settings::default()), Ok(Options::default()));
    }

    #[test]
    fn a_known_rate_gives_the_first_difficulty() {
        let mut settings = Settings::default();
        settings.set("hashrate", "4294967296");
        assert_eq!(Options::from_settings(settings).unwrap().difficulty, 5.0);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (key, value) in [
            ("difficulty", "0"),
            ("difficulty", "NaN"),
            ("shares-per-minute", "0"),
            ("hashrate", "-1"),
            ("password-sha256d", "hush"),
            ("colour", "red"),
        ] {
            let mut settings = Settings::default();
            settings.set(key, value);
            assert!(Options::from_settings(settings).is_err(), "{key}={value}");
        }
    }

    #[test]
    fn every_setting_is_documented() {
        let documentation = include_str!("lib.rs");
        for key in KNOWN {
            assert!(documentation.contains(&format!("`{key}`")), "{key}");
        }
    }

    #[test]
    fn passwords_are_compared_by_every_byte() {
        let (a, b) = (hash_of(&Secret::new("a")), hash_of(&Secret::new("b")));
        assert!(is_same(&a, &a) && !is_same(&a, &b));
        let mut last = a;
        last.0[31] ^= 1;
        assert!(!is_same(&a, &last));
    }
}
