//! What may be seen of the core from outside.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use adit_driver::{Capability, Detected, DeviceKey, Fault, Introduction, Job, PoolKey, Quantity, Reading};
use adit_protocol::devices::Model;
use adit_protocol::units::HashRate;
use adit_protocol::wire::Micros;

use crate::{Credit, Done, Latencies, ShareCounts, Tally};

/// Measured values of one device by unit and quantity.
pub type Readings = BTreeMap<(u16, Quantity), Reading<f64>>;

/// What a device is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    /// Its link is being opened.
    Opening,
    /// Its link is open; it is being identified and set up.
    Detecting,
    /// It works.
    Hashing,
    /// It could work, but there is no pool, no job or no search space left.
    Idle,
    /// It failed and will be opened again.
    Retrying {
        /// When.
        at: Micros,
        /// How many attempts in a row have failed.
        attempt: u32,
    },
    /// It has left; it comes back to this row when it is plugged in again.
    Away {
        /// When it left.
        since: Micros,
    },
    /// It is left alone for a while.
    Quarantined {
        /// When it will be tried once more.
        until: Micros,
        /// Why.
        why: Fault,
    },
    /// It cannot be used and is not tried again unless it is plugged in again.
    Gone {
        /// Why.
        why: Fault,
    },
    /// The user does not want it to work: it is closed, or being closed.
    Paused,
    /// It is being made safe.
    Stopping,
    /// It is safe and closed.
    Stopped,
}

impl State {
    /// Snake-case name, as in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Detecting => "detecting",
            Self::Hashing => "hashing",
            Self::Idle => "idle",
            Self::Retrying { .. } => "retrying",
            Self::Away { .. } => "away",
            Self::Quarantined { .. } => "quarantined",
            Self::Gone { .. } => "gone",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }
}

/// One device row.
#[derive(Clone, Copy, Debug)]
pub struct DeviceView<'a> {
    /// Its key.
    pub key: DeviceKey,
    /// Its name: the model key and a number, unique and never changed while the model stays what it is.
    pub name: &'a str,
    /// What was found, and where it is now.
    pub detected: &'a Detected,
    /// The model it turned out to be; `None` until then.
    pub model: Option<&'static Model>,
    /// What it is doing.
    pub state: State,
    /// What it can do; `None` until its first [`adit_driver::Event::Ready`].
    pub capability: Option<&'a Capability>,
    /// Its target is, or was on its last link, easier than the hardware's.
    pub(crate) eased: bool,
    /// What it says of itself while its link is up, where it says anything.
    pub introduction: Option<&'a Introduction>,
    /// Its nonces.
    pub tally: &'a Tally,
    /// The same by unit, as far as the device tells its units apart.
    pub units: &'a BTreeMap<u16, Tally>,
    /// Its shares.
    pub shares: &'a ShareCounts,
    /// Their difficulty.
    pub credit: &'a Credit,
    /// Highest difficulty among its valid nonces; `None` before the first.
    pub best_difficulty: Option<f64>,
    /// When it last reported a valid nonce.
    pub last_nonce_at: Option<Micros>,
    /// When a pool last accepted a share of it.
    pub last_share_at: Option<Micros>,
    /// Its measured values. Emptied when the link closes.
    pub readings: &'a Readings,
    /// Hash rate of the last five minutes from verified nonces; `None` while it has not been working.
    pub hashrate: Option<HashRate>,
    /// Hash rate since it first worked, pauses included; `None` before.
    pub hashrate_session: Option<HashRate>,
    /// Work done since it first worked.
    pub done: Done,
    /// Faults so far, those it survived by itself included.
    pub faults: u64,
    /// The last of them.
    pub last_fault: Option<Fault>,
}

impl DeviceView<'_> {
    /// Whether its target is easier than the hardware's, also of a device that has left: its shares stay what they are.
    pub fn eased(&self) -> bool {
        self.eased
    }

    /// Its model, or the likeliest while that is not known.
    pub fn likely_model(&self) -> Option<&'static Model> {
        self.model.or(self.detected.candidates.first().copied())
    }
}

/// One pool.
#[derive(Clone, Copy, Debug)]
pub struct PoolView<'a> {
    /// Its key.
    pub key: PoolKey,
    /// Since when it has been connected; `None`: it is not.
    pub up_since: Option<Micros>,
    /// The devices work for it now.
    pub working: bool,
    /// The newest job; `None` before the first, or once it is dead.
    pub job: Option<&'a Arc<Job>>,
    /// Difficulty in force for that job.
    pub difficulty: Option<f64>,
    /// Jobs received so far.
    pub jobs: u64,
    /// Its shares.
    pub shares: &'a ShareCounts,
    /// Their difficulty.
    pub credit: &'a Credit,
    /// How long its answers took.
    pub latencies: &'a Latencies,
    /// When it last accepted a share.
    pub last_share_at: Option<Micros>,
    /// Time from submit to answer of the last answered share.
    pub latency: Option<Duration>,
    /// Its place in the order of priority, 0 is best; `None`: it was removed.
    pub priority: Option<usize>,
    /// It may be worked for.
    pub enabled: bool,
    /// Its part of the work under [`crate::Strategy::Quota`].
    pub quota: u32,
    /// Hashes done for it, as verified nonces prove.
    pub hashes: f64,
}
