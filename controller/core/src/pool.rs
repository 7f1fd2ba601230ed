//! What passes between the core and a pool session.

use std::sync::Arc;
use std::time::Duration;

use adit_driver::{DeviceKey, Job, JobKey};

/// Names a share for the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShareKey(pub u64);

/// From a pool session to the core.
#[derive(Clone, Debug, PartialEq)]
pub enum PoolInput {
    /// Subscribed and authorised.
    Up {
        /// The pool knows the session of the last connection: its jobs and unsent shares are still good.
        resumed: bool,
    },
    /// A job.
    Job(Arc<Job>),
    /// The pool now accepts easier shares for the jobs it has sent: the difficulty was lowered and no job followed.
    Easier {
        /// Difficulty in force.
        difficulty: f64,
    },
    /// The pool takes no header time that runs ahead of the time passed since its job came: none is given any more.
    StrictTime,
    /// The pool's answer to a share.
    Answer {
        /// Which share.
        share: ShareKey,
        /// What it said.
        answer: Answer,
        /// From submit to answer; zero for [`Answer::Lost`].
        latency: Duration,
    },
    /// The connection is gone: its jobs are dead. The session tries again by itself.
    Down,
    /// Something the user should read: log in refused, redirect refused, a message of the operator.
    Notice {
        /// One sentence, control characters already escaped.
        text: String,
        /// Something is wrong.
        warning: bool,
    },
}

/// What became of a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Credited.
    Accepted,
    /// Refused.
    Rejected {
        /// Normalised reason.
        kind: RejectKind,
        /// The pool's own words.
        reason: String,
    },
    /// Never answered: the connection went away, the pool kept silent, or the share's block was over before it could be sent.
    Lost,
}

/// Reasons of a reject (`docs/protocols/stratum-v1.md §10`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RejectKind {
    /// The job is no longer valid.
    Stale,
    /// The pool has it already.
    Duplicate,
    /// The hash does not meet the pool's target.
    LowDifficulty,
    /// The worker is not known.
    Unauthorized,
    /// Anything else.
    Other,
}

impl RejectKind {
    /// All reasons.
    pub const ALL: [Self; 5] =
        [Self::Stale, Self::Duplicate, Self::LowDifficulty, Self::Unauthorized, Self::Other];

    /// Snake-case name, as it appears in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Duplicate => "duplicate",
            Self::LowDifficulty => "low_difficulty",
            Self::Unauthorized => "unauthorized",
            Self::Other => "other",
        }
    }
}

/// Something worth submitting.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Our name for it.
    pub key: ShareKey,
    /// The job it solves.
    pub job: Arc<Job>,
    /// Who found it.
    pub device: DeviceKey,
    /// The bytes that stand in the coinbase.
    pub extranonce2: Vec<u8>,
    /// Header time.
    pub ntime: u32,
    /// Header version.
    pub version: u32,
    /// Header nonce.
    pub nonce: u32,
    /// Difficulty of the hash.
    pub difficulty: f64,
    /// It meets the network target.
    pub block: bool,
}

impl Share {
    /// Key of the job it solves.
    pub fn job_key(&self) -> JobKey {
        self.job.key
    }
}
