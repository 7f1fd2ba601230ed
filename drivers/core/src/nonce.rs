//! Answers of a device, and what re-hashing makes of them.

use arrayvec::ArrayVec;

use crate::WorkId;

/// Most headers one answer can mean.
pub const MAX_CLAIMS: usize = 16;

/// A device's raw answer: one or more headers it may stand for, in order of likelihood.
///
/// Chips without work ids, with nonce offsets or with recycled job ids make one answer mean several headers. The core takes
/// the first that meets the report target and tells the machine which it was ([`Ruling`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Nonce {
    /// Counts the nonces of this link from 0.
    pub seq: u64,
    /// Which unit (board, chip) of the device found it.
    pub unit: u16,
    /// What it may mean. Empty when it names no work the machine knows: the verdict is then [`Verdict::UnknownWork`].
    pub claims: ArrayVec<Claim, MAX_CLAIMS>,
}

/// One header that an answer may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The work it was found in.
    pub work: WorkId,
    /// Value of the work's extranonce2 counter.
    pub extranonce2: u64,
    /// Header time.
    pub ntime: u32,
    /// Header version.
    pub version: u32,
    /// Header nonce: the number whose little-endian bytes stand in the header.
    pub nonce: u32,
}

/// What re-hashing says of a nonce. Exactly one for each, tested in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// No claim names a work that was issued to this device and is still remembered.
    UnknownWork,
    /// The same header was reported before.
    Duplicate,
    /// No claim meets the target of the nonces the device reports.
    HardwareError,
    /// Meets the network target. Always submitted.
    Block,
    /// Valid, but its job is dead.
    Stale,
    /// Valid, but short of the pool's share target.
    BelowShare,
    /// Worth submitting.
    Share,
}

impl Verdict {
    /// All verdicts in the order they are tested.
    pub const ALL: [Self; 7] = [
        Self::UnknownWork,
        Self::Duplicate,
        Self::HardwareError,
        Self::Block,
        Self::Stale,
        Self::BelowShare,
        Self::Share,
    ];

    /// Snake-case name, as it appears in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownWork => "unknown_work",
            Self::Duplicate => "duplicate",
            Self::HardwareError => "hardware_error",
            Self::Block => "block",
            Self::Stale => "stale",
            Self::BelowShare => "below_share",
            Self::Share => "share",
        }
    }

    /// Whether the device really found a nonce that meets its report target.
    pub const fn is_valid(self) -> bool {
        matches!(self, Self::Block | Self::Stale | Self::BelowShare | Self::Share)
    }
}

/// The verdict as it goes back to the machine, whose timing, ramp, error rate and tuning live on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ruling {
    /// Of the nonce.
    pub seq: u64,
    /// The claim that was taken, where one was: the index into [`Nonce::claims`].
    pub claim: Option<u8>,
    /// What it was judged to be.
    pub verdict: Verdict,
    /// Difficulty of the hash; 0 where nothing could be hashed.
    pub difficulty: f64,
}
