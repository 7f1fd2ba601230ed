//! How a simulated pool behaves when nobody breaks it.

use std::time::Duration;

use adit_protocol::pow::{CompactBits, Target, VersionMask};

use super::Quirks;

/// The easiest difficulty a pool may ask for.
pub const MIN_POOL_DIFFICULTY: f64 = 1e-12;
/// The hardest: above it no share will be seen in a life.
pub const MAX_POOL_DIFFICULTY: f64 = 1e15;
/// The largest extranonce2 in bytes.
pub const MAX_EXTRANONCE2_SIZE: u8 = 16;

/// Settings of a [`Pool`](super::Pool). The default is an ordinary pool of difficulty 1.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolSettings {
    /// Seconds since 1970 at the instant `Micros(0)`: ntime of a job is this plus the time passed.
    pub epoch: u32,
    /// Share difficulty at the start of a connection, `1e-12..=1e15`.
    pub difficulty: f64,
    /// Adjust the difficulty of each connection to this many shares per minute.
    pub shares_per_minute: Option<f64>,
    /// Time between jobs, at least 1 ms.
    pub job_interval: Duration,
    /// Mean time between blocks of other miners, at least 1 s; each one is half to one and a half times as long. `None`:
    /// only blocks of the pool's own miners.
    pub block_interval: Option<Duration>,
    /// Network target of the jobs in compact form. The default is that of the main chain in 2023, which a simulation
    /// practically never meets; `207fffff` makes every second share a block.
    pub nbits: u32,
    /// Extranonce1 of the first connection, four bytes, big endian; each further connection gets the next number.
    pub extranonce1: u32,
    /// Bytes of extranonce2, 0 to 16.
    pub extranonce2_size: u8,
    /// Version bits that miners may roll; empty refuses version rolling.
    pub version_mask: VersionMask,
    /// How the header version is rebuilt from submitted bits.
    pub version_bits: VersionBits,
    /// Most hashes in a merkle branch, 0 to 32; each job has a random number up to it.
    pub max_branch: u8,
    /// How far the ntime of a share may lie ahead of that of its job, in seconds.
    pub ntime_ahead: u32,
    /// The only password that may log in; `None` takes any.
    pub password: Option<String>,
    /// When difficulty and first job are sent.
    pub first_job: FirstJob,
    /// Time that every line lies around before it is sent.
    pub reply_delay: Duration,
    /// Longest line taken from a client, in bytes; a longer one costs the connection.
    pub line_limit: usize,
    /// Habits of real pools, good and bad.
    pub quirks: Quirks,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            epoch: 1_700_000_000,
            difficulty: 1.0,
            shares_per_minute: None,
            job_interval: Duration::from_secs(30),
            block_interval: Some(Duration::from_secs(600)),
            nbits: 0x1705_ae3a,
            extranonce1: 0xf000_0001,
            extranonce2_size: 4,
            version_mask: VersionMask::BIP320,
            version_bits: VersionBits::Replace,
            max_branch: 12,
            ntime_ahead: 600,
            password: None,
            first_job: FirstJob::AfterAuthorize,
            reply_delay: Duration::ZERO,
            line_limit: 1_024,
            quirks: Quirks::default(),
        }
    }
}

/// How a pool rebuilds the header version from the job's version and the bits of a submit
/// (`docs/protocols/stratum-v1.md §7`). All agree where the job's version has no bits inside the mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VersionBits {
    /// The bits replace those of the job (BIP 310).
    #[default]
    Replace,
    /// The bits are added to those of the job (ckpool, DATUM).
    Or,
    /// The bits invert those of the job (public-pool, btcpool).
    Xor,
}

/// When difficulty and first job are sent (`docs/protocols/stratum-v1.md §2`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirstJob {
    /// After the answer to authorize: what cgminer wants.
    #[default]
    AfterAuthorize,
    /// After authorize has come and before it is answered.
    BeforeAuthorizeAnswer,
    /// After the answer to subscribe (ckpool, DATUM).
    AfterSubscribe,
}

/// A setting that no pool can have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BadPoolSettings {
    /// The difficulty is out of range.
    #[error("difficulty {found} is not between 1e-12 and 1e15")]
    Difficulty {
        /// What was given.
        found: f64,
    },
    /// The share rate is no positive number.
    #[error("{found} is no number of shares per minute")]
    ShareRate {
        /// What was given.
        found: f64,
    },
    /// Jobs would come without a pause.
    #[error("a job interval of {found:?} is too short: at least 1 ms")]
    JobInterval {
        /// What was given.
        found: Duration,
    },
    /// Blocks would come without a pause.
    #[error("a block interval of {found:?} is too short: at least 1 s")]
    BlockInterval {
        /// What was given.
        found: Duration,
    },
    /// The compact bits stand for no target.
    #[error("nbits {found:08x} stand for no target")]
    Nbits {
        /// What was given.
        found: u32,
    },
    /// The extranonce2 is too large.
    #[error("an extranonce2 of {found} bytes is too large: at most 16")]
    Extranonce2Size {
        /// What was given.
        found: u8,
    },
    /// The merkle branch is too long.
    #[error("a merkle branch of {found} hashes is too long: at most 32")]
    Branch {
        /// What was given.
        found: u8,
    },
}

impl PoolSettings {
    /// Refuses what no pool can have.
    pub(super) fn check(&self) -> Result<(), BadPoolSettings> {
        if !(MIN_POOL_DIFFICULTY..=MAX_POOL_DIFFICULTY).contains(&self.difficulty) {
            return Err(BadPoolSettings::Difficulty { found: self.difficulty });
        }
        if let Some(found) = self.shares_per_minute.filter(|rate| !rate.is_finite() || *rate <= 0.0) {
            return Err(BadPoolSettings::ShareRate { found });
        }
        if self.job_interval < Duration::from_millis(1) {
            return Err(BadPoolSettings::JobInterval { found: self.job_interval });
        }
        if let Some(found) = self.block_interval.filter(|interval| *interval < Duration::from_secs(1)) {
            return Err(BadPoolSettings::BlockInterval { found });
        }
        if CompactBits(self.nbits).target().is_err() {
            return Err(BadPoolSettings::Nbits { found: self.nbits });
        }
        if self.extranonce2_size > MAX_EXTRANONCE2_SIZE {
            return Err(BadPoolSettings::Extranonce2Size { found: self.extranonce2_size });
        }
        if self.max_branch > 32 {
            return Err(BadPoolSettings::Branch { found: self.max_branch });
        }
        Ok(())
    }
}

/// The share target of a difficulty that has been brought into range before.
pub(super) fn share_target(difficulty: f64) -> Target {
    Target::from_difficulty(difficulty).unwrap_or(Target::ONE)
}
