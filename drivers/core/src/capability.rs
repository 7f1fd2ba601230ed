//! What a device can do, as facts.

use adit_protocol::pow::Target;
use adit_protocol::units::HashRate;

/// Facts about a device that the controller plans with.
#[derive(Clone, Debug, PartialEq)]
pub struct Capability {
    /// The largest box the device searches from one work without the host.
    pub reach: Reach,
    /// Works it can hold beside those being searched. At least 1.
    pub room: u16,
    /// How many works back an answer may still refer to: the core remembers at least so many per device.
    pub memory: u16,
    /// It builds its own headers from whole jobs: a work is everything behind one extranonce2 prefix (2^24 values, aligned),
    /// with all versions the pool allows, and another one follows only when the job changes. `reach` means nothing then.
    pub whole_jobs: bool,
    /// Every nonce it reports meets this target; one that does not is a hardware error.
    pub report_target: Target,
    /// Expected hashes behind one reported nonce: the unit of hash-rate estimates. On an eased device the hashes that
    /// the real hardware would have needed.
    pub hashes_per_nonce: f64,
    /// Hash rate at its present clock.
    pub nominal: HashRate,
    /// A simulation whose report target is easier than the hardware's.
    pub eased: bool,
}

/// How far a device rolls the header by itself. 1, 1 and 0 for one that only counts nonces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Consecutive extranonce2 values.
    pub extranonce2: u64,
    /// Consecutive header times.
    pub ntime: u32,
    /// Version bits.
    pub version_bits: u32,
}

impl Reach {
    /// Only the nonce.
    pub const NONCE: Self = Self { extranonce2: 1, ntime: 1, version_bits: 0 };
}
