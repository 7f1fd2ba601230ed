//! What happens, typed, each with one sentence for people.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// adit has begun to mine.
    Started,
    /// A device was plugged in, or named by the user.
    DevicePlugged,
    /// A device was unplugged.
    DeviceUnplugged,
    /// A device that was unplugged has not come back for a while.
    DeviceLeft,
    /// A device works for the first time since it was plugged in.
    DeviceHashing,
    /// A device works again after a fault.
    DeviceRecovered,
    /// A device could not go on.
    DeviceFault,
    /// A device was moved to another clock or voltage.
    DeviceMoved,
    /// The best clock and voltage of a device have been found.
    DeviceTuned,
    /// A device cannot do what the user asked.
    CommandDeclined,
    /// Somebody gave a command; the sentence says who, what and what came of it.
    Command,
    /// A nonce meets the network target: it was submitted as a block.
    BlockFound,
    /// A share is better than any before.
    BestDifficulty,
    /// A pool refused a share.
    ShareRejected,
    /// A pool never answered a share.
    ShareLost,
    /// The devices now work for another pool.
    PoolChanged,
    /// No pool has work: the devices idle.
    NoPool,
    /// The job of the pool is used up: the devices idle until the next.
    JobExhausted,
    /// A pool, or the connection to it, has something to say.
    PoolMessage,
    /// So many events came at once that some were not kept.
    EventsDropped,
}

impl Kind {
    /// Snake-case name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::DevicePlugged => "device_plugged",
            Self::DeviceUnplugged => "device_unplugged",
            Self::DeviceLeft => "device_left",
            Self::DeviceHashing => "device_hashing",
            Self::DeviceRecovered => "device_recovered",
            Self::DeviceFault => "device_fault",
            Self::DeviceMoved => "device_moved",
            Self::DeviceTuned => "device_tuned",
            Self::CommandDeclined => "command_declined",
            Self::Command => "command",
            Self::BlockFound => "block_found",
            Self::BestDifficulty => "best_difficulty",
            Self::ShareRejected => "share_rejected",
            Self::ShareLost => "share_lost",
            Self::PoolChanged => "pool_changed",
            Self::NoPool => "no_pool",
            Self::JobExhausted => "job_exhausted",
            Self::PoolMessage => "pool_message",
            Self::EventsDropped => "events_dropped",
        }
    }
}

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look at it when there is time.
    Warning,
    /// Something does not work.
    Error,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Counts events from 1 since adit was started.
    pub id: u64,
    /// When, in seconds since 1970.
    pub at_unix_s: f64,
    /// What kind of thing.
    pub kind: Kind,
    /// How much it matters.
    pub severity: Severity,
    /// Name of the device it happened to.
    pub device: Option<String>,
    /// Which pool it has to do with: `host:port`.
    pub pool: Option<String>,
    /// One sentence.
    #[schema(example = "icarus-1: silent for 60 s; trying again in 4 s")]
    pub sentence: String,
}

/// What became of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Credited.
    Accepted,
    /// Refused.
    Rejected,
    /// Never answered.
    Lost,
}

/// A share that a pool answered, or never will.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShareRow {
    /// Counts shares from 1 since adit was started.
    pub id: u64,
    /// When the answer came, in seconds since 1970.
    pub at_unix_s: f64,
    /// Name of the device that found it.
    pub device: String,
    /// The pool: `host:port`.
    pub pool: String,
    /// Difficulty of its hash.
    pub difficulty: f64,
    /// Difficulty that the pool asked for.
    pub pool_difficulty: f64,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was refused: `stale`, `duplicate`, `low_difficulty`, `unauthorized` or `other`.
    pub reason: Option<String>,
    /// The pool's own words for that.
    pub pool_said: Option<String>,
    /// From submit to answer, in seconds; `null` where none came.
    pub latency_s: Option<f64>,
}
