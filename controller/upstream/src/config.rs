//! What the user says about a pool.

use std::time::Duration;

use adit_protocol::pow::VersionMask;
use adit_protocol::stratum::Secret;

use crate::{
    AddressError, AuthorityKey, BadPin, BadProxy, Guard, NodeOptions, PoolUrl, Protocol, Proxy, Trust,
    UrlError,
};

/// Longest user name and password, as JSON text: their lines stay below what pools accept.
const NAME_LIMIT: usize = 255;

/// A pool that cannot be configured so.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// The URL cannot be used.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// Nobody to log in as.
    #[error("pool {host}: no user name given; add the one the pool gave you, often a payout address")]
    MissingUser {
        /// Which pool.
        host: String,
    },
    /// User name or password would not fit into a line that pools accept.
    #[error("pool {host}: the {field} is {length} bytes long, pools accept at most {NAME_LIMIT}")]
    TooLong {
        /// Which pool.
        host: String,
        /// `user name` or `password`.
        field: &'static str,
        /// Its length as JSON text.
        length: usize,
    },
    /// Not a pin.
    #[error("pool {host}: {why}")]
    BadPin {
        /// Which pool.
        host: String,
        /// Why.
        why: BadPin,
    },
    /// Two answers to the question whom to believe.
    #[error("pool {host}: give one of tls_ca, tls_pin and tls_verify = false, not several")]
    SeveralTrusts {
        /// Which pool.
        host: String,
    },
    /// Nobody to pay.
    #[error("pool {host}: {why}")]
    BadAddress {
        /// Which pool.
        host: String,
        /// Why.
        why: AddressError,
    },
    /// Not a part of a reward.
    #[error("pool {host}: payout_share is {share}, it must be more than 0 and at most 1")]
    BadShare {
        /// Which pool.
        host: String,
        /// What was written.
        share: f64,
    },
    /// Something is said that only a node understands.
    #[error("pool {host}: {key} is for Bitcoin nodes (http://…) only")]
    KeyOfNode {
        /// Which pool.
        host: String,
        /// What is said.
        key: &'static str,
    },
    /// Something is said that only a pool of Stratum V2 understands.
    #[error("pool {host}: {key} is for Stratum V2 (stratum2+tcp://…) only")]
    KeyOfV2 {
        /// Which pool.
        host: String,
        /// What is said.
        key: &'static str,
    },
    /// Nobody could tell the pool from an impostor.
    #[error("pool {host}: its URL has no authority key; write stratum2+tcp://HOST:PORT/KEY")]
    NoAuthority {
        /// Which pool.
        host: String,
    },
    /// A node's blocks would pay nobody.
    #[error(
        "node {host}: no payout address given (`payout_address`, on the command line --payout); blocks must be paid to somebody"
    )]
    NoPayout {
        /// Which node.
        host: String,
    },
    /// A part of nothing.
    #[error("pool {host}: payout_share and payout_guard need a payout_address")]
    GuardOfNobody {
        /// Which pool.
        host: String,
    },
    /// Not a proxy.
    #[error("proxy: {0}")]
    BadProxy(#[from] BadProxy),
    /// Something is said of certificates, but there are none.
    #[error("pool {host}: its URL does not ask for TLS; write stratum+ssl:// or remove what is said of TLS")]
    TlsOfPlain {
        /// Which pool.
        host: String,
    },
}

/// One pool: where it is, who we are there, and how we speak to it.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolConfig {
    /// Host name or IP address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Worker name.
    pub user: String,
    /// Password; `x` where none is given.
    pub password: Secret,
    /// Whom to believe that he is the pool; `None`: plain text, without TLS.
    pub tls: Option<Trust>,
    /// Whom to ask for the connection.
    pub proxy: Option<Proxy>,
    /// What is spoken there.
    pub protocol: Protocol,
    /// How to mine to it, where it is a node.
    pub node: NodeOptions,
    /// How to speak Stratum V2 to it, where it does.
    pub v2: V2Options,
    /// What its jobs must pay the user, where it claims to pay him directly. Blocks of a node pay this address.
    pub guard: Option<Guard>,
    /// Its part of the work where quotas divide it.
    pub quota: u32,
    /// It may be worked for from the start.
    pub enabled: bool,
    /// Everything else.
    pub options: Options,
    /// Options of the URL that are not known here; the user is told.
    pub ignored: Vec<String>,
}

/// What the user says about a pool of Stratum V2, beside what he says about every pool.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct V2Options {
    /// Who signs the pool's certificates.
    pub authority: Option<AuthorityKey>,
    /// Believe whoever answers, where there is no authority key.
    pub unauthenticated: bool,
    /// Ask for a standard channel first: the pool builds the coinbase.
    pub standard: bool,
    /// What the pool is told of our hash rate, in hashes per second.
    pub hashrate: Option<f32>,
}

/// How to speak to a pool. The defaults suit every pool known.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Version bits to ask for; none: version rolling is not negotiated.
    pub version_mask: VersionMask,
    /// How rolled bits are written when the job's version already has bits inside the mask.
    pub version_bits: VersionBits,
    /// Ask for `mining.set_extranonce`. Some pools hang up on it.
    pub extranonce_subscribe: bool,
    /// Difficulty to suggest after the login.
    pub suggest_difficulty: Option<f64>,
    /// Lowest difficulty to ask for, together with version rolling.
    pub minimum_difficulty: Option<f64>,
    /// Where `client.reconnect` may lead.
    pub redirect: Redirect,
    /// Silence after which a connection is given up; zero: never.
    pub watchdog: Duration,
    /// How we introduce ourselves: `name/version`, ASCII, at most 30 characters.
    pub agent: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            version_mask: VersionMask::BIP320,
            version_bits: VersionBits::Auto,
            extranonce_subscribe: false,
            suggest_difficulty: None,
            minimum_difficulty: None,
            redirect: Redirect::default(),
            watchdog: Duration::from_secs(120),
            agent: concat!("adit/", env!("CARGO_PKG_VERSION")).into(),
        }
    }
}

/// What a share says about rolled version bits (`docs/protocols/stratum-v1.md §7`). All are the same unless the job's version
/// has bits inside the mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VersionBits {
    /// Changed bits; all bits once the pool has refused two shares in a row that said it so.
    #[default]
    Auto,
    /// All bits inside the mask.
    Replace,
    /// Bits that differ from the job's version.
    Xor,
}

/// Where `client.reconnect` may lead (`docs/protocols/stratum-v1.md §12`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirect {
    /// Only to the configured host; its port may change.
    Never,
    /// Also to hosts of the same registrable domain: whoever owns that owns the pool.
    #[default]
    SameDomain,
    /// To any host.
    Any,
}

impl PoolConfig {
    /// A pool with default options. `user` and `password` win over those in the URL.
    ///
    /// ```
    /// use adit_upstream::PoolConfig;
    /// let pool = PoolConfig::new("stratum+tcp://stratum.example.com:3333", Some("bc1q….rig1"), None).unwrap();
    /// assert_eq!((pool.host.as_str(), pool.port), ("stratum.example.com", 3333));
    /// assert_eq!(pool.password.expose(), "x");
    /// ```
    pub fn new(url: &str, user: Option<&str>, password: Option<&str>) -> Result<Self, ConfigError> {
        let url: PoolUrl = url.parse()?;
        let user = user.map(str::to_owned).or(url.user).unwrap_or_default();
        if user.is_empty() && url.protocol != Protocol::Getblocktemplate {
            return Err(ConfigError::MissingUser { host: url.host });
        }
        let password = password.map(Secret::new).or(url.password).unwrap_or_else(|| Secret::new("x"));
        for (field, text) in [("user name", user.as_str()), ("password", password.expose())] {
            let length = serde_json::Value::from(text).to_string().len() - 2;
            if length > NAME_LIMIT {
                return Err(ConfigError::TooLong { host: url.host, field, length });
            }
        }
        let options = Options { extranonce_subscribe: url.extranonce_subscribe, ..Options::default() };
        Ok(Self {
            host: url.host,
            port: url.port,
            user,
            password,
            tls: url.tls.then(Trust::default),
            proxy: url.proxy,
            guard: None,
            protocol: url.protocol,
            node: NodeOptions::default(),
            v2: V2Options { authority: url.authority, ..V2Options::default() },
            quota: url.quota,
            enabled: true,
            options,
            ignored: url.ignored,
        })
    }

    /// Whether all is there that its protocol needs.
    pub fn check(&self) -> Result<(), ConfigError> {
        match self.protocol {
            Protocol::StratumV2 if self.v2.authority.is_none() && !self.v2.unauthenticated => {
                Err(ConfigError::NoAuthority { host: self.host.clone() })
            }
            Protocol::Getblocktemplate if self.guard.is_none() => {
                Err(ConfigError::NoPayout { host: self.host.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Believes `trust` instead of the authorities that the system knows. An error where the URL says nothing of TLS: what
    /// is meant to be secret must not go out in plain text.
    pub fn set_trust(&mut self, trust: Trust) -> Result<(), ConfigError> {
        let tls = self.tls.as_mut().ok_or_else(|| ConfigError::TlsOfPlain { host: self.host.clone() })?;
        *tls = trust;
        Ok(())
    }
}
