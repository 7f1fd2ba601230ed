//! `[[pool]]`: what the file says of one pool.

use std::fmt;
use std::path::PathBuf;

use adit_protocol::pow::VersionMask;
use adit_upstream::{
    ConfigError, Guard, NodeOptions, PoolConfig, Protocol, Proxy, Redirect, Trust, V2Options, VersionBits,
};
use serde::Deserialize;

use super::{Seconds, state_folder};
use crate::cli::PoolArg;

/// The least part of a block that a pool must pay the user where the file names his address, but no part.
const LEAST_SHARE: f64 = 0.97;

/// What blocks found with a node say where the user does not.
const COINBASE_TEXT: &str = "/adit/";

/// `[[pool]]`, in the order of priority.
#[derive(Default, Deserialize)]
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
    cookie: Option<PathBuf>,
    coinbase_text: Option<String>,
    submit_to: Option<Vec<String>>,
    block_folder: Option<PathBuf>,
    quota: Option<u32>,
    enabled: Option<bool>,
    channel: Option<Channel>,
    unauthenticated: Option<bool>,
    hashrate_hs: Option<f32>,
}

/// Who builds the coinbase at a pool of Stratum V2.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Channel {
    Extended,
    Standard,
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

impl Pool {
    /// What the command line says of one pool.
    pub(crate) fn of_args(args: &PoolArg) -> Self {
        let PoolArg { url, user, pass, payout } = args.clone();
        Self { url, user, pass, payout_address: payout, ..Self::default() }
    }

    /// As the session wants it.
    pub(crate) fn config(&self) -> Result<PoolConfig, ConfigError> {
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
        pool.quota = self.quota.unwrap_or(pool.quota);
        pool.enabled = self.enabled.unwrap_or(true);
        pool.guard = self.guard(&pool.host)?;
        pool.node = self.node(&pool)?;
        pool.v2 = self.v2(&pool)?;
        pool.check()?;
        Ok(pool)
    }

    /// How to speak Stratum V2 to it.
    fn v2(&self, pool: &PoolConfig) -> Result<V2Options, ConfigError> {
        let said = [
            ("channel", self.channel.is_some()),
            ("unauthenticated", self.unauthenticated.is_some()),
            ("hashrate_hs", self.hashrate_hs.is_some()),
        ];
        if let Some((key, _)) =
            said.into_iter().find(|(_, said)| *said && pool.protocol != Protocol::StratumV2)
        {
            return Err(ConfigError::KeyOfV2 { host: pool.host.clone(), key });
        }
        Ok(V2Options {
            unauthenticated: self.unauthenticated == Some(true),
            standard: self.channel == Some(Channel::Standard),
            hashrate: self.hashrate_hs.filter(|rate| rate.is_finite() && *rate > 0.0),
            ..pool.v2
        })
    }

    /// How to mine to it, where it is a node.
    fn node(&self, pool: &PoolConfig) -> Result<NodeOptions, ConfigError> {
        let said = [
            ("cookie", self.cookie.is_some()),
            ("coinbase_text", self.coinbase_text.is_some()),
            ("submit_to", self.submit_to.is_some()),
            ("block_folder", self.block_folder.is_some()),
        ];
        if pool.protocol != Protocol::Getblocktemplate {
            return match said.into_iter().find(|(_, said)| *said) {
                Some((key, _)) => Err(ConfigError::KeyOfNode { host: pool.host.clone(), key }),
                None => Ok(NodeOptions::default()),
            };
        }
        let others = self.submit_to.iter().flatten().map(|url| {
            let mut other = PoolConfig::new(url, None, None)?;
            (other.tls, other.proxy) = (other.tls.and(pool.tls.clone()), pool.proxy.clone());
            if other.user.is_empty() {
                other.node.cookie.clone_from(&self.cookie);
            }
            Ok(other)
        });
        Ok(NodeOptions {
            submit_to: others.collect::<Result<_, ConfigError>>()?,
            cookie: self.cookie.clone(),
            tag: self.coinbase_text.clone().unwrap_or_else(|| COINBASE_TEXT.into()),
            block_folder: self.block_folder.clone().or_else(block_folder),
        })
    }

    /// What the pool's jobs must pay the user, where the file says so.
    fn guard(&self, host: &str) -> Result<Option<Guard>, ConfigError> {
        let host = || host.to_owned();
        let Some(address) = &self.payout_address else {
            let said = self.payout_share.is_some() || self.payout_guard.is_some();
            return if said { Err(ConfigError::GuardOfNobody { host: host() }) } else { Ok(None) };
        };
        let address = address.parse().map_err(|why| ConfigError::BadAddress { host: host(), why })?;
        let least = self.payout_share.unwrap_or(LEAST_SHARE);
        if !(least > 0.0 && least <= 1.0) {
            return Err(ConfigError::BadShare { host: host(), share: least });
        }
        Ok(Some(Guard { address, least, only_warn: self.payout_guard == Some(Reaction::Warn) }))
    }

    /// Whom to believe that he is the pool, where the file says so.
    fn trust(&self, host: &str) -> Result<Option<Trust>, ConfigError> {
        let host = || host.to_owned();
        let ca = self.tls_ca.clone().map(Trust::Authority);
        let pin = self.tls_pin.as_deref().map(str::parse).transpose();
        let pin = pin.map_err(|why| ConfigError::BadPin { host: host(), why })?.map(Trust::Pin);
        let anyone = (self.tls_verify == Some(false)).then_some(Trust::Anyone);
        let mut trusts = [ca, pin, anyone].into_iter().flatten();
        match (trusts.next(), trusts.next()) {
            (_, Some(_)) => Err(ConfigError::SeveralTrusts { host: host() }),
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

/// Where found blocks are kept.
fn block_folder() -> Option<PathBuf> {
    Some(state_folder()?.join("blocks"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(url: &str, keys: &str) -> Result<PoolConfig, String> {
        let pool: Pool = toml::from_str(&format!("url = \"{url}\"\nuser = \"u\"\n{keys}\n")).unwrap();
        pool.config().map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_said_of_tls_and_proxies_is_checked() {
        let pool = |keys: &str| pool("stratum+ssl://pool.example:443", keys);
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
        let pool = |keys: &str| pool("pool.example:3333", keys);
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
    fn what_a_pool_of_stratum_v2_needs_is_checked() {
        let key = "9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh";
        let v2 = |keys: &str| pool(&format!("stratum2+tcp://pool.example:34254/{key}"), keys);
        let config = v2("channel = \"standard\"\nhashrate_hs = 5e11").unwrap().v2;
        assert_eq!((config.standard, config.hashrate, config.unauthenticated), (true, Some(5e11), false));
        assert!(pool("stratum2+tcp://pool.example:34254", "").unwrap_err().contains("has no authority key"));
        assert!(pool("stratum2+tcp://pool.example:34254", "unauthenticated = true").is_ok());
        let error = pool("pool.example:3333", "channel = \"extended\"").unwrap_err();
        assert_eq!(error, "pool pool.example: channel is for Stratum V2 (stratum2+tcp://…) only");
    }

    #[test]
    fn what_a_node_needs_is_checked() {
        let address = "payout_address = \"1BShJZ8A5q53oJJfMJoEF1gfZCWdZqZwwD\"\n";
        let node = |keys: &str| pool("http://a:b@node.example:8332", &(address.to_owned() + keys));
        let options = node("submit_to = [\"http://c:d@other:8332\", \"http://third:8332\"]\ncookie = \"x\"")
            .unwrap()
            .node;
        assert_eq!((options.tag.as_str(), options.submit_to.len()), (COINBASE_TEXT, 2));
        assert_eq!(
            (&options.submit_to[0].node.cookie, &options.submit_to[1].node.cookie),
            (&None, &Some("x".into()))
        );
        assert!(node("submit_to = [\"other\"]").unwrap_err().contains("has no port"));
        assert!(pool("http://node.example:8332", "").unwrap_err().contains("no payout address given"));
        let error = pool("pool.example:3333", "block_folder = \"x\"").unwrap_err();
        assert_eq!(error, "pool pool.example: block_folder is for Bitcoin nodes (http://…) only");
    }
}
