//! The configuration file: TOML, read once, typed (`docs/config.md`). A key that does not exist is an error.

mod error;
mod pool;
pub(crate) mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adit_core::{Policy, Strategy};
use adit_driver::Settings;
use adit_link::Selector;
use adit_protocol::devices::{Model, model};
use adit_telemetry::Prices;
use adit_upstream::{Address, AddressError};
use serde::{Deserialize, Deserializer, de};

use crate::cli::{ListenArgs, MqttArgs, ViewArgs};
use error::ConfigError;
pub(crate) use pool::Pool;

/// How long each pool is worked for in turn where the file does not say.
const ROTATE_EVERY: Duration = Duration::from_secs(600);

/// Everything a file can say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) log: Option<String>,
    pub(crate) mine: Mine,
    pub(crate) pool: Vec<Pool>,
    pub(crate) device: Vec<Device>,
    pub(crate) listen: ListenArgs,
    pub(crate) read: ViewArgs,
    pub(crate) ledger: Prices,
    pub(crate) mqtt: MqttArgs,
}

/// `[mine]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Mine {
    pub(crate) shares: Option<u64>,
    pub(crate) stop_within_s: Option<Seconds>,
    return_after_s: Option<Seconds>,
    stale_grace_s: Option<Seconds>,
    ntime_ahead_s: Option<u32>,
    longest_retry_s: Option<Seconds>,
    attempts: Option<u32>,
    quarantine_s: Option<Seconds>,
    proxy: Option<String>,
    strategy: Option<Division>,
    rotate_every_s: Option<Seconds>,
}

/// How work is divided among pools.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Division {
    Failover,
    Rotate,
    RoundRobin,
    Quota,
    Balance,
}

/// `[[device]]`: a device to mine with (`select`), or settings for those that are recognised (`model`, `serial` or both).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Device {
    select: Option<String>,
    #[serde(default, deserialize_with = "known_model")]
    pub(crate) model: Option<&'static Model>,
    pub(crate) serial: Option<String>,
    #[serde(default)]
    settings: BTreeMap<String, Word>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text, a number, true or false")]
enum Word {
    Text(String),
    Whole(i64),
    Real(f64),
    Switch(bool),
}

/// A span of time in seconds, at most a year.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds(pub(crate) Duration);

impl Config {
    /// Reads the file at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|why| ConfigError::Unreadable { path: path.to_owned(), why })?;
        Self::parse(&text, path)
    }

    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let file = toml::Deserializer::parse(text)
            .map_err(|error| ConfigError::malformed(path, text, &error, None))?;
        let config: Self = serde_path_to_error::deserialize(file)
            .map_err(|error| ConfigError::malformed(path, text, error.inner(), Some(error.path())))?;
        config.ledger.check().map_err(|why| ConfigError::Prices { path: path.to_owned(), why })?;
        let unclear =
            |device: &Device| device.select.is_some() == (device.model.is_some() || device.serial.is_some());
        match config.device.iter().position(unclear) {
            Some(index) => Err(ConfigError::WhichDevice { path: path.to_owned(), number: index + 1 }),
            None => Ok(config),
        }
    }
}

/// Where `adit mine` looks for its file where none is named.
pub(crate) fn usual_file() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = of("XDG_CONFIG_HOME").or_else(|| of("HOME").map(|home| home.join(".config")));
    home.map(|home| home.join("adit/adit.toml"))
}

/// The address that a user name begins with: all of it, or up to the `.` before the name of the worker.
pub(crate) fn address_of(user: &str) -> Result<Address, AddressError> {
    user.split('.').next().unwrap_or_default().parse()
}

/// Where state is kept that must not be lost: where the system keeps that of a service, or the user that of his programs.
pub(crate) fn state_folder() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = of("STATE_DIRECTORY").or_else(|| of("XDG_STATE_HOME").map(|home| home.join("adit")));
    state.or_else(|| of("HOME").map(|home| home.join(".local/state/adit")))
}

/// Where the service keeps its state, as its unit says.
const OF_THE_SERVICE: &str = "/var/lib/adit";

/// The state of the adit that is to be commanded: for root that of the service, where it is installed.
pub(crate) fn state_to_command() -> Option<PathBuf> {
    let service = Path::new(OF_THE_SERVICE);
    let is_meant = std::env::var_os("STATE_DIRECTORY").is_none() && rustix::process::geteuid().is_root();
    if is_meant && service.is_dir() { Some(service.to_owned()) } else { state_folder() }
}

impl Mine {
    /// The proxy of pools that have none of their own.
    pub(crate) fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    fn strategy(&self) -> Strategy {
        match self.strategy {
            None | Some(Division::Failover) => Strategy::Failover,
            Some(Division::Rotate) => {
                let every = self.rotate_every_s.map_or(ROTATE_EVERY, |Seconds(every)| every);
                Strategy::Rotate { every: every.max(Duration::from_secs(1)) }
            }
            Some(Division::RoundRobin) => Strategy::RoundRobin,
            Some(Division::Quota) => Strategy::Quota,
            Some(Division::Balance) => Strategy::Balance,
        }
    }

    /// The policy of the core; what the file does not say stays as it is.
    pub(crate) fn policy(&self) -> Policy {
        let default = Policy::default();
        let or = |seconds: Option<Seconds>, default| seconds.map_or(default, |Seconds(span)| span);
        Policy {
            strategy: self.strategy(),
            return_after: or(self.return_after_s, default.return_after),
            stale_grace: or(self.stale_grace_s, default.stale_grace),
            ntime_ahead_s: self.ntime_ahead_s.unwrap_or(default.ntime_ahead_s),
            longest_retry: or(self.longest_retry_s, default.longest_retry),
            attempts: self.attempts.unwrap_or(default.attempts),
            quarantine: or(self.quarantine_s, default.quarantine),
            ..default
        }
    }
}

impl Device {
    /// As drivers take them.
    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        for (key, value) in &self.settings {
            settings.set(key, value.to_string());
        }
        settings
    }

    /// The device it names, if it names one; what stands in the selector itself wins over the table beside it.
    pub(crate) fn selector(&self) -> Option<Result<Selector, adit_link::SelectorError>> {
        let selector = self.select.as_ref()?.parse::<Selector>();
        Some(selector.map(|mut selector| {
            selector.settings = self.settings().overridden_by(&selector.settings);
            selector
        }))
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Whole(number) => write!(f, "{number}"),
            Self::Real(number) => write!(f, "{number}"),
            Self::Switch(on) => f.write_str(if *on { "on" } else { "off" }),
        }
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const YEAR: f64 = 366.0 * 86_400.0;
        match f64::deserialize(deserializer)? {
            seconds if (0.0..=YEAR).contains(&seconds) => Ok(Self(Duration::from_secs_f64(seconds))),
            other => Err(de::Error::custom(format_args!("{other} is not a number of seconds up to a year"))),
        }
    }
}

fn known_model<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'static Model>, D::Error> {
    let name = String::deserialize(deserializer)?;
    model(&name).map(Some).ok_or_else(|| {
        de::Error::custom(format_args!("there is no model `{name}`; `adit devices --supported` lists all"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("adit.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_documented_example_is_read_and_what_it_calls_default_is_the_default() {
        let page = include_str!("../../../../docs/config.md");
        let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let config = parse(example).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config.mine.policy(), Policy::default());
        assert_eq!((config.pool.len(), config.device.len()), (5, 3));
        assert!(config.device[0].selector().unwrap().is_ok());
        let pool = config.pool[0].config().unwrap();
        let mut options = config.pool[2].config().unwrap().options;
        (options.suggest_difficulty, options.minimum_difficulty) = (Some(256.0), Some(1.0));
        assert_eq!(pool.options, options);
        assert_eq!(pool.password.expose(), "x");
    }

    #[test]
    fn a_bad_key_is_named_with_file_line_and_what_exists() {
        let error = parse("[mine]\nshares = 5\nreturn_afer_s = 9\n").unwrap_err();
        let beginning = "configuration adit.toml, line 3: unknown field `return_afer_s`, expected one of";
        assert!(error.starts_with(beginning), "{error}");
        assert!(error.contains("`return_after_s`") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn an_error_beside_a_password_does_not_show_it() {
        let error = parse("[[pool]]\nurl = \"stratum+tcp://h:1\"\npass = \"hush\"\npas = 1\n").unwrap_err();
        assert!(error.contains("line 4") && !error.contains("hush"), "{error}");
        let pool = parse("[[pool]]\nurl = \"stratum+tcp://u:hush@h:1\"\npass = \"hush\"\n").unwrap();
        assert!(!format!("{pool:?}").contains("hush"));
    }

    #[test]
    fn every_strategy_has_its_word() {
        let strategy = |words: &str| parse(&format!("[mine]\n{words}")).unwrap().mine.policy().strategy;
        assert_eq!(strategy("strategy = \"failover\""), Strategy::Failover);
        assert_eq!(strategy("strategy = \"rotate\""), Strategy::Rotate { every: ROTATE_EVERY });
        let every = Duration::from_secs(5);
        assert_eq!(strategy("strategy = \"rotate\"\nrotate_every_s = 5"), Strategy::Rotate { every });
        assert_eq!(strategy("strategy = \"round-robin\""), Strategy::RoundRobin);
        assert_eq!(strategy("strategy = \"quota\""), Strategy::Quota);
        assert_eq!(strategy("strategy = \"balance\""), Strategy::Balance);
        assert!(parse("[mine]\nstrategy = \"luck\"").unwrap_err().contains("strategy"));
    }

    #[test]
    fn spans_models_and_devices_are_checked() {
        let refused = |text: &str, why: &str| {
            let error = parse(text).unwrap_err();
            assert!(error.contains(why), "{error}");
        };
        refused("[mine]\nstop_within_s = -1\n", "not a number of seconds");
        refused("[[device]]\nmodel = \"toaster\"\n", "no model `toaster`");
        refused("[[device]]\nsettings = {}\n", "number 1 needs `select`, or else");
        refused(
            "[[device]]\nselect = \"model=icarus\"\nserial = \"1\"\n",
            "number 1 needs `select`, or else",
        );
        refused("[[device]]\nselect = \"model=icarus\"\nsettings = { a = [] }\n", "expected a text");
    }
}
