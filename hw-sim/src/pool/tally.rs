//! What the pool knows to have happened: the ground truth that miners are compared with.

use std::collections::BTreeMap;

use adit_protocol::pow::Hash;

use super::Conn;

/// Why a share was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reject {
    /// The submit cannot be read.
    Malformed,
    /// The connection has not subscribed.
    NotSubscribed,
    /// The worker is not authorised on this connection.
    Unauthorized,
    /// No job of that id was announced here in the last ten minutes.
    JobNotFound,
    /// The previous hash of the job is no longer the last block.
    Stale,
    /// The extranonce2 has not the agreed length.
    Extranonce2Length,
    /// ntime lies before that of the job.
    TimeTooOld,
    /// ntime lies too far ahead of that of the job.
    TimeTooNew,
    /// Version bits outside the mask, missing ones or unasked ones.
    VersionBits,
    /// The hash does not meet the target in force when the job was announced.
    LowDifficulty,
    /// The same header was credited before.
    Duplicate,
    /// The share is good and is rejected on purpose.
    OnPurpose,
}

impl Reject {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Malformed,
        Self::NotSubscribed,
        Self::Unauthorized,
        Self::JobNotFound,
        Self::Stale,
        Self::Extranonce2Length,
        Self::TimeTooOld,
        Self::TimeTooNew,
        Self::VersionBits,
        Self::LowDifficulty,
        Self::Duplicate,
        Self::OnPurpose,
    ];

    /// Number in the error answer (`docs/protocols/stratum-v1.md §10`).
    pub const fn code(self) -> i32 {
        match self {
            Self::Malformed | Self::Extranonce2Length | Self::OnPurpose => 20,
            Self::JobNotFound | Self::Stale => 21,
            Self::Duplicate => 22,
            Self::LowDifficulty => 23,
            Self::Unauthorized => 24,
            Self::NotSubscribed => 25,
            Self::TimeTooOld => 31,
            Self::TimeTooNew => 32,
            Self::VersionBits => 33,
        }
    }

    /// Words in the error answer.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Malformed => "Malformed submit",
            Self::NotSubscribed => "Not subscribed",
            Self::Unauthorized => "Unauthorized worker",
            Self::JobNotFound => "Job not found",
            Self::Stale => "Stale share",
            Self::Extranonce2Length => "Invalid extranonce2 length",
            Self::TimeTooOld => "Time too old",
            Self::TimeTooNew => "Time too new",
            Self::VersionBits => "Invalid version mask",
            Self::LowDifficulty => "Low difficulty share",
            Self::Duplicate => "Duplicate share",
            Self::OnPurpose => "Rejected on purpose",
        }
    }

    /// Name in machine-readable output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NotSubscribed => "not_subscribed",
            Self::Unauthorized => "unauthorized",
            Self::JobNotFound => "job_not_found",
            Self::Stale => "stale",
            Self::Extranonce2Length => "extranonce2_length",
            Self::TimeTooOld => "time_too_old",
            Self::TimeTooNew => "time_too_new",
            Self::VersionBits => "version_bits",
            Self::LowDifficulty => "low_difficulty",
            Self::Duplicate => "duplicate",
            Self::OnPurpose => "on_purpose",
        }
    }
}

/// Counts of submits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Credited shares.
    pub accepted: u64,
    /// Sum of the difficulties at which they were credited.
    pub work: f64,
    /// Rejected shares by reason; a reason that never occurred is absent.
    pub rejected: BTreeMap<Reject, u64>,
}

impl Counts {
    /// Rejected for `reason`.
    pub fn rejected_for(&self, reason: Reject) -> u64 {
        self.rejected.get(&reason).copied().unwrap_or(0)
    }

    /// Rejected for whatever reason.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }

    fn count(&mut self, share: &ShareRecord) {
        match share.verdict {
            Ok(()) => {
                self.accepted += 1;
                self.work += share.difficulty.unwrap_or(0.0);
            }
            Err(reject) => *self.rejected.entry(reject).or_default() += 1,
        }
    }
}

/// Everything the pool has counted since it was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// All submits.
    pub total: Counts,
    /// Submits of each worker that ever logged in.
    pub workers: BTreeMap<String, Counts>,
    /// Connections taken.
    pub connections: u64,
    /// Connections that took up an earlier session.
    pub resumed: u64,
    /// Different jobs made.
    pub jobs: u64,
    /// Blocks found by the pool's miners.
    pub blocks: u64,
    /// Lines that were not the protocol; each one cost its connection.
    pub malformed: u64,
}

impl Tally {
    pub(super) fn count(&mut self, share: &ShareRecord) {
        self.total.count(share);
        if let Some(worker) = self.workers.get_mut(&share.worker) {
            worker.count(share);
        }
    }
}

/// A submit and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ShareRecord {
    /// Who sent it.
    pub conn: Conn,
    /// Worker as it stands in the submit; empty when it cannot be read.
    pub worker: String,
    /// Job id as it stands in the submit.
    pub job: String,
    /// Credited, or why not.
    pub verdict: Result<(), Reject>,
    /// Difficulty in force when the job was announced; `None` where the check did not get that far.
    pub difficulty: Option<f64>,
    /// Hash of the rebuilt header; `None` where the check did not get that far.
    pub hash: Option<Hash>,
    /// It meets the network target.
    pub block: bool,
}

/// Something worth a line in a log or a test.
#[derive(Clone, Debug, PartialEq)]
pub enum PoolEvent {
    /// A worker has logged in.
    Authorized {
        /// Where.
        conn: Conn,
        /// Its name.
        worker: String,
    },
    /// A login was refused.
    LoginRefused {
        /// Where.
        conn: Conn,
        /// Its name.
        worker: String,
    },
    /// A submit was judged.
    Share(ShareRecord),
    /// The chain has a new block: jobs with another previous hash are stale from here on.
    Block {
        /// The new previous hash.
        hash: Hash,
    },
    /// A client answered a request of the pool.
    Answer {
        /// Where.
        conn: Conn,
        /// The answered line as it came, trimmed.
        line: String,
    },
    /// The pool closes a connection.
    Dropped {
        /// Which.
        conn: Conn,
        /// Why.
        why: DropReason,
    },
}

/// Why the pool closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// A line was not the protocol.
    Malformed,
    /// A line was too long.
    TooLong,
    /// There are too many connections.
    Full,
    /// A fault.
    OnPurpose,
}

impl DropReason {
    /// Name in machine-readable output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLong => "too_long",
            Self::Full => "full",
            Self::OnPurpose => "on_purpose",
        }
    }
}
