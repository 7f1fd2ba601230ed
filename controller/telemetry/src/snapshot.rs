//! The one snapshot that all views are functions of.
//!
//! Field names end in the unit. What is not known is `null`; where the reason matters, a [`Measured`] gives it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::metrics;
use crate::reading::Measured;
use crate::windows::Window;

/// Everything that can be read of a running adit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// All of it together.
    pub summary: Summary,
    /// In the order in which they were named.
    pub pools: Vec<Pool>,
    /// In the order in which they were found.
    pub devices: Vec<Device>,
}

impl Snapshot {
    /// The same as a page of OpenMetrics, as served at `/metrics`.
    pub fn openmetrics(&self) -> String {
        metrics::page(self, metrics::Format::OpenMetrics).concat()
    }
}

/// The whole controller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Summary {
    /// Version of adit.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// When adit was started, in seconds since 1970.
    pub started_unix_s: f64,
    /// When these figures were taken, in seconds since 1970.
    pub at_unix_s: f64,
    /// How long adit has been running, in seconds.
    pub uptime_s: f64,
    /// How many devices there are, by what they do.
    pub devices: DeviceTotals,
    /// Rate of verified work over sliding windows, shortest first.
    pub hashrate: Vec<Window>,
    /// Hashes per second that the devices at work should reach at their clocks.
    pub nominal_hs: f64,
    /// Nonces by verdict.
    pub nonces: Nonces,
    /// Wrong nonces by all that were judged; `null` before the first.
    pub hardware_error_ratio: Option<f64>,
    /// Shares by answer, of all pools.
    pub shares: Shares,
    /// Highest difficulty of a nonce since adit was started; `null` before the first.
    pub best_difficulty_session: Option<f64>,
    /// The same over all runs that the history knows of; `null` without one.
    pub best_difficulty_ever: Option<f64>,
    /// Blocks found since adit was started.
    pub blocks: u64,
    /// Power of all devices at work; missing as soon as one cannot tell.
    pub power_watts: Measured,
    /// Energy per work over the last minute, in joules per terahash.
    pub efficiency_joules_per_terahash: Measured,
    /// A simulated device with an easier target is among them.
    pub eased: bool,
    /// What is wrong, and what to do about it.
    pub troubles: Vec<Trouble>,
    /// Plugged in, and not used.
    pub unused: Vec<Unused>,
    /// Events that came faster than they could be kept.
    pub events_dropped: u64,
}

/// Numbers of devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceTotals {
    /// All rows, those that are away included.
    pub total: u64,
    /// They work.
    pub hashing: u64,
    /// They could work, but have no work.
    pub idle: u64,
    /// They are being opened or set up.
    pub starting: u64,
    /// They have failed and are tried again later, or not at all.
    pub faulted: u64,
    /// They are unplugged.
    pub away: u64,
    /// They are paused or stopped, or being so.
    pub stopped: u64,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trouble {
    /// The device or pool; `null`: adit itself.
    pub subject: Option<String>,
    /// What is wrong, in one sentence.
    #[schema(example = "no permission to open the device")]
    pub what: String,
    /// What to do, in one sentence.
    pub fix: String,
}

/// A device that is plugged in and not used: it may not be opened, or cannot be told from other things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unused {
    /// What it calls itself.
    #[schema(example = "Silicon Labs CP2102")]
    pub name: String,
    /// Where it is, as a selector.
    #[schema(example = "serial:/dev/ttyUSB0")]
    pub location: String,
    /// `denied`, `busy` or `ambiguous`.
    #[schema(example = "denied")]
    pub access: String,
    /// What to do to have it used.
    pub fix: Option<String>,
}

/// Nonces by verdict. Every nonce that a device reports is hashed again and gets exactly one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Nonces {
    /// All that arrived.
    pub received: u64,
    /// They name no work that is known.
    pub unknown_work: u64,
    /// They were reported before.
    pub duplicate: u64,
    /// They do not meet the target of the device: wrong.
    pub hardware_error: u64,
    /// They meet the network target.
    pub block: u64,
    /// They are right, but their job is dead.
    pub stale: u64,
    /// They are right, but short of the pool's difficulty.
    pub below_share: u64,
    /// They were worth submitting.
    pub share: u64,
}

/// Shares by answer: submitted = accepted + rejected + stale + lost + pending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Shares {
    /// Handed to a pool.
    pub submitted: u64,
    /// Credited.
    pub accepted: u64,
    /// Refused, for another reason than that they came too late.
    pub rejected: u64,
    /// Refused because they came too late.
    pub stale: u64,
    /// Never answered.
    pub lost: u64,
    /// Not answered yet.
    pub pending: u64,
    /// Refused, by reason.
    pub refused: Refused,
    /// Difficulty credited, summed up.
    pub accepted_difficulty: f64,
    /// Difficulty refused, summed up, without that of late shares.
    pub rejected_difficulty: f64,
    /// Difficulty of late shares, summed up.
    pub stale_difficulty: f64,
}

/// Refused shares by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refused {
    /// The job was no longer valid.
    pub stale: u64,
    /// The pool had it already.
    pub duplicate: u64,
    /// The hash did not meet the pool's target.
    pub low_difficulty: u64,
    /// The worker is not known.
    pub unauthorized: u64,
    /// Anything else.
    pub other: u64,
}

/// One pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Pool {
    /// Its number, which it keeps while adit runs.
    pub id: u16,
    /// `host:port`.
    #[schema(example = "pool.example:3333")]
    pub pool: String,
    /// Its URL, without user name and password.
    pub url: String,
    /// Who we are there.
    pub user: String,
    /// Place in the order of priority; 0 is the first choice.
    pub priority: u64,
    /// Its part of the work, where work is divided among pools.
    pub quota: u64,
    /// Expected hashes done for it, as verified nonces tell.
    pub hashes: f64,
    /// What it is to us.
    pub state: PoolState,
    /// How long it has been connected, in seconds; `null`: it is not.
    pub connected_s: Option<f64>,
    /// Difficulty it asks for; `null` without a job.
    pub difficulty: Option<f64>,
    /// Difficulty of a block; `null` without a job.
    pub network_difficulty: Option<f64>,
    /// Hash of the block that is built upon, in the usual (reversed) notation; `null` without a job.
    pub previous_block: Option<String>,
    /// Jobs received.
    pub jobs: u64,
    /// Shares by answer.
    pub shares: Shares,
    /// From submit to answer, of the last share, in seconds; `null` before the first.
    pub latency_s: Option<f64>,
    /// The same on average; `null` before the first.
    pub latency_average_s: Option<f64>,
    /// How often it was how long.
    pub latencies: Vec<Latency>,
    /// When it last accepted a share, in seconds since 1970; `null`: never.
    pub last_share_unix_s: Option<f64>,
}

/// Answers that took no longer than a bound.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Latency {
    /// The bound in seconds; `null`: there is none.
    pub within_s: Option<f64>,
    /// How many: those within a smaller bound included.
    pub answers: u64,
}

/// What a pool is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PoolState {
    /// The devices work for it.
    Working,
    /// It is connected and has work, if it is needed.
    Standby,
    /// It is not connected, or has no work.
    Down,
    /// It is not to be worked for.
    Disabled,
}

impl PoolState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Working, Self::Standby, Self::Down, Self::Disabled];

    /// Snake-case name, as in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Standby => "standby",
            Self::Down => "down",
            Self::Disabled => "disabled",
        }
    }
}

/// What a device is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// It works.
    Hashing,
    /// It could work, but there is no pool, no job or no search space left.
    Idle,
    /// Its link is open; it is being identified and set up.
    Detecting,
    /// Its link is being opened.
    Opening,
    /// It failed and will be opened again.
    Retrying,
    /// It is left alone for a while.
    Quarantined,
    /// It cannot be used and is not tried again unless it is plugged in again.
    Gone,
    /// It is unplugged.
    Away,
    /// The user does not want it to work.
    Paused,
    /// It is being made safe.
    Stopping,
    /// It is safe and closed.
    Stopped,
}

impl DeviceState {
    /// All states.
    pub const ALL: [Self; 11] = [
        Self::Hashing,
        Self::Idle,
        Self::Detecting,
        Self::Opening,
        Self::Retrying,
        Self::Quarantined,
        Self::Gone,
        Self::Away,
        Self::Paused,
        Self::Stopping,
        Self::Stopped,
    ];

    /// Snake-case name, as in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hashing => "hashing",
            Self::Idle => "idle",
            Self::Detecting => "detecting",
            Self::Opening => "opening",
            Self::Retrying => "retrying",
            Self::Quarantined => "quarantined",
            Self::Gone => "gone",
            Self::Away => "away",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }
}

/// One device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// The row's name, unique while adit runs.
    #[schema(example = "icarus-1")]
    pub name: String,
    /// What it is called over restarts: model and serial number, else model and place.
    #[schema(example = "icarus:A1234")]
    pub id: String,
    /// Key of its model in the table of models; the likeliest while it is not identified.
    pub model: Option<String>,
    /// What that model is called.
    pub model_name: Option<String>,
    /// The model is certain.
    pub identified: bool,
    /// Keys of the models it may be.
    pub candidates: Vec<String>,
    /// The driver that speaks to it.
    pub driver: Option<String>,
    /// Type of its chips.
    pub chip: Option<String>,
    /// How many chips its model has.
    pub chips: Option<u64>,
    /// Where it is, as a selector.
    pub location: String,
    /// Physical place that survives a replug, where known.
    pub socket: Option<String>,
    /// Its serial number, where it has one.
    pub serial: Option<String>,
    /// The program it says it runs, of a miner downstream; nobody has checked it.
    #[schema(example = "bitaxe/BM1370/v2.9.0")]
    pub agent: Option<String>,
    /// What a miner downstream says it is called; nobody has checked it.
    pub worker: Option<String>,
    /// What it is doing.
    pub state: DeviceState,
    /// When it will be tried again, in seconds from now; `null`: that is not planned.
    pub retry_in_s: Option<f64>,
    /// Its target is easier than the hardware's: it is simulated.
    pub eased: bool,
    /// Rate of verified work over sliding windows, shortest first.
    pub hashrate: Vec<Window>,
    /// Hashes per second that it should reach at its clock; `null` while it is not ready.
    pub nominal_hs: Option<f64>,
    /// Expected hashes behind its nonces since it first worked.
    pub hashes: f64,
    /// Nonces by verdict.
    pub nonces: Nonces,
    /// Wrong nonces by all that were judged; `null` before the first.
    pub hardware_error_ratio: Option<f64>,
    /// Shares by answer.
    pub shares: Shares,
    /// Highest difficulty of its nonces since adit was started; `null` before the first.
    pub best_difficulty: Option<f64>,
    /// When it last reported a right nonce, in seconds since 1970; `null`: never.
    pub last_nonce_unix_s: Option<f64>,
    /// When a share of it was last accepted, in seconds since 1970; `null`: never.
    pub last_share_unix_s: Option<f64>,
    /// The hottest of its sensors.
    pub temperature_celsius: Measured,
    /// The slowest of its fans.
    pub fan_rpm: Measured,
    /// Power of all its units.
    pub power_watts: Measured,
    /// Energy per work over the last minute, in joules per terahash.
    pub efficiency_joules_per_terahash: Measured,
    /// Boards, chips, fans or sensors that it tells apart.
    pub units: Vec<Unit>,
    /// Faults so far, those it survived by itself included.
    pub faults: u64,
    /// The last of them, as a sentence; `null`: none.
    pub last_fault: Option<String>,
    /// When it last failed, in seconds since 1970; `null`: never.
    pub last_fault_unix_s: Option<f64>,
    /// What is wrong with it now, and what to do; `null`: nothing.
    pub trouble: Option<Trouble>,
}

/// A part of a device that reports nonces or measurements of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Unit {
    /// Its number at the device.
    pub unit: u16,
    /// Its nonces by verdict.
    pub nonces: Nonces,
    /// Wrong nonces by all that were judged; `null` before the first.
    pub hardware_error_ratio: Option<f64>,
    /// What it measures, by quantity; the name ends in the unit.
    pub readings: BTreeMap<String, Measured>,
}
