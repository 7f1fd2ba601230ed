//! The configuration file: TOML, read once, typed (`docs/config.md`). A key that does not exist is an error.

mod error;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adit_core::Policy;
use adit_driver::Settings;
use adit_link::Selector;
use adit_protocol::devices::{Model, model};
use adit_protocol::pow::VersionMask;
use adit_upstream::{Guard, PoolConfig, Proxy, Redirect, Trust, VersionBits};
use serde::{Deserialize, Deserializer, de};

use error::ConfigError;

/// The least part of a block that a pool must pay the user where the file names his address, but no part.
const LEAST_SHARE: f64 = 0.97;

/// Everything a file can say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) log: Option<String>,
    pub(crate) mine: Mine,
    pub(crate) pool: Vec<Pool>,
    pub(crate) device: Vec<Device>,
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
}

/// `[[pool]]`, in the order of priority.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pool {
    url: String,
    user: Option<String>,
    pass: Option<String>,
    version_rolling: Option<bool>,
    version_bits: Option<Bits>,
    extranonce_subscribe: Option<bool>,
    suggest_difficulty: Option<f64>,
    minimum_difficulty: Option<f64>,
    redirect: Option<Follow>,
    watchdog_s: Option<Seconds>,
    tls_ca: Option<PathBuf>,
    tls_pin: Option<String>,
    tls_verify: Option<bool>,
    proxy: Option<String>,
    payout_address: Option<String>,
    payout_share: Option<f64>,
    payout_guard: Option<Reaction>,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Reaction {
    Refuse,
    Warn,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Bits {
    Auto,
    Replace,
    Xor,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Follow {
    Never,
    SameDomain,
    Any,
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

    fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let file = toml::Deserializer::parse(text)
            .map_err(|error| ConfigError::malformed(path, text, &error, None))?;
        let config: Self = serde_path_to_error::deserialize(file)
            .map_err(|error| ConfigError::malformed(path, text, error.inner(), Some(error.path())))?;
        let unclear =
            |device: &Device| device.select.is_some() == (device.model.is_some() || device.serial.is_some());
        match config.device.iter().position(unclear) {
            Some(index) => Err(ConfigError::WhichDevice { path: path.to_owned(), number: index + 1 }),
            None => Ok(config),
        }
    }
}

impl Mine {
    /// The proxy of pools that have none of their own.
    pub(crate) fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    /// The policy of the core; what the file does not say stays as it is.
    pub(crate) fn policy(&self) -> Policy {
        let default = Policy::default();
        let or = |seconds: Option<Seconds>, default| seconds.map_or(default, |Seconds(span)| span);
        Policy {
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

impl Pool {
    /// As the session wants it.
    pub(crate) fn config(&self) -> Result<PoolConfig, adit_upstream::ConfigError> {
        let mut pool = PoolConfig::new(&self.url, self.user.as_deref(), self.pass.as_deref())?;
        let options = &mut pool.options;
        if self.version_rolling == Some(false) {
            options.version_mask = VersionMask(0);
        }
        if let Some(bits) = self.version_bits {
            options.version_bits = match bits {
                Bits::Auto => VersionBits::Auto,
                Bits::Replace => VersionBits::Replace,
                Bits::Xor => VersionBits::Xor,
            };
        }
        if let Some(follow) = self.redirect {
            options.redirect = match follow {
                Follow::Never => Redirect::Never,
                Follow::SameDomain => Redirect::SameDomain,
                Follow::Any => Redirect::Any,
            };
        }
        options.extranonce_subscribe = self.extranonce_subscribe.unwrap_or(options.extranonce_subscribe);
        options.suggest_difficulty = self.suggest_difficulty.or(options.suggest_difficulty);
        options.minimum_difficulty = self.minimum_difficulty.or(options.minimum_difficulty);
        options.watchdog = self.watchdog_s.map_or(options.watchdog, |Seconds(span)| span);
        if let Some(trust) = self.trust(&pool.host)? {
            pool.set_trust(trust)?;
        }
        if let Some(proxy) = &self.proxy {
            pool.proxy = Some(proxy.parse::<Proxy>()?);
        }
        pool.guard = self.guard(&pool.host)?;
        Ok(pool)
    }

    /// What the pool's jobs must pay the user, where the file says so.
    fn guard(&self, host: &str) -> Result<Option<Guard>, adit_upstream::ConfigError> {
        let host = || host.to_owned();
        let Some(address) = &self.payout_address else {
            let said = self.payout_share.is_some() || self.payout_guard.is_some();
            return if said {
                Err(adit_upstream::ConfigError::GuardOfNobody { host: host() })
            } else {
                Ok(None)
            };
        };
        let address =
            address.parse().map_err(|why| adit_upstream::ConfigError::BadAddress { host: host(), why })?;
        let least = self.payout_share.unwrap_or(LEAST_SHARE);
        if !(least > 0.0 && least <= 1.0) {
            return Err(adit_upstream::ConfigError::BadShare { host: host(), share: least });
        }
        Ok(Some(Guard { address, least, only_warn: self.payout_guard == Some(Reaction::Warn) }))
    }

    /// Whom to believe that he is the pool, where the file says so.
    fn trust(&self, host: &str) -> Result<Option<Trust>, adit_upstream::ConfigError> {
        let host = || host.to_owned();
        let ca = self.tls_ca.clone().map(Trust::Authority);
        let pin = self.tls_pin.as_deref().map(str::parse).transpose();
        let pin =
            pin.map_err(|why| adit_upstream::ConfigError::BadPin { host: host(), why })?.map(Trust::Pin);
        let anyone = (self.tls_verify == Some(false)).then_some(Trust::Anyone);
        let mut trusts = [ca, pin, anyone].into_iter().flatten();
        match (trusts.next(), trusts.next()) {
            (_, Some(_)) => Err(adit_upstream::ConfigError::SeveralTrusts { host: host() }),
            (trust, None) => Ok(trust),
        }
    }
}

impl fmt::Debug for Pool {
    /// Without the password, and without the URL, which may hold one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("user", &self.user).finish_non_exhaustive()
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
        assert_eq!((config.pool.len(), config.device.len()), (3, 2));
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
    fn what_is_said_of_tls_and_proxies_is_checked() {
        let pool = |keys: &str| {
            let file = format!("[[pool]]\nurl = \"stratum+ssl://pool.example:443\"\nuser = \"u\"\n{keys}\n");
            parse(&file).unwrap().pool[0].config().map_err(|error| error.to_string())
        };
        assert_eq!(pool("").unwrap().tls, Some(Trust::Roots));
        assert_eq!(pool("tls_verify = true").unwrap().tls, Some(Trust::Roots));
        assert_eq!(pool("tls_verify = false").unwrap().tls, Some(Trust::Anyone));
        assert!(matches!(
            pool(&format!("tls_pin = \"{}\"", "ab".repeat(32))).unwrap().tls,
            Some(Trust::Pin(_))
        ));
        assert!(pool("tls_pin = \"ab\"").unwrap_err().contains("64 hex digits"));
        assert!(pool("tls_ca = \"a.pem\"\ntls_verify = false").unwrap_err().contains("give one of"));
        assert_eq!(pool("proxy = \"socks5://127.0.0.1:9050\"").unwrap().proxy.unwrap().port, 9050);
        assert!(pool("proxy = \"ftp://x\"").unwrap_err().contains("`ftp://x` is not a proxy"));
    }

    #[test]
    fn whom_a_pool_must_pay_is_checked() {
        let pool = |keys: &str| {
            let file = format!("[[pool]]\nurl = \"pool.example:3333\"\nuser = \"u\"\n{keys}\n");
            parse(&file).unwrap().pool[0].config().map_err(|error| error.to_string())
        };
        let address = "payout_address = \"1BShJZ8A5q53oJJfMJoEF1gfZCWdZqZwwD\"";
        let guard = pool(address).unwrap().guard.unwrap();
        assert_eq!((guard.least, guard.only_warn), (LEAST_SHARE, false));
        let guard =
            pool(&format!("{address}\npayout_share = 1.0\npayout_guard = \"warn\"")).unwrap().guard.unwrap();
        assert_eq!((guard.least, guard.only_warn), (1.0, true));
        let error = pool("payout_address = \"1BShJZ8A5q53oJJfMJoEF1gfZCWdZqZwwE\"").unwrap_err();
        assert!(error.contains("is not a Bitcoin address"), "{error}");
        assert!(pool(&format!("{address}\npayout_share = 98.0")).unwrap_err().contains("payout_share is 98"));
        assert!(pool("payout_guard = \"warn\"").unwrap_err().contains("need a payout_address"));
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
