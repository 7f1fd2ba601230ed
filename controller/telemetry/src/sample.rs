//! What the core says of itself at one instant, taken over without a word of interpretation.

use std::sync::Arc;

use adit_core::{Core, Credit, DeviceView, Done, Latencies, PoolView, ShareCounts, State, Tally};
use adit_driver::{DeviceKey, Fault, Introduction, PoolKey, Quantity, Reading};
use adit_protocol::devices::Model;
use adit_protocol::pow::Hash;
use adit_protocol::wire::Micros;

/// Everything that is known at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub at: Micros,
    /// All rows, in the order of their keys.
    pub devices: Vec<DeviceSample>,
    /// All pools, in the order of their keys.
    pub pools: Vec<PoolSample>,
}

/// What does not change from second to second.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// The row's name.
    pub name: String,
    /// The model, or the likeliest.
    pub model: Option<&'static Model>,
    /// The model is certain.
    pub identified: bool,
    /// What it may be.
    pub candidates: Vec<&'static Model>,
    /// Where it is.
    pub location: String,
    /// The socket it is plugged into, where known.
    pub socket: Option<String>,
    /// Its serial number, where it has one.
    pub serial: Option<String>,
    /// What it says of itself, where it says anything.
    pub introduction: Option<Introduction>,
}

/// What a device can do, as far as viewers care.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Able {
    /// Hashes per second at its present clock.
    pub nominal_hs: f64,
    /// Expected hashes behind one nonce.
    pub hashes_per_nonce: f64,
    /// Its target is easier than the hardware's.
    pub eased: bool,
}

/// One device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceSample {
    /// Its key.
    pub key: DeviceKey,
    /// What it is.
    pub identity: Arc<Identity>,
    /// What it is doing.
    pub state: State,
    /// What it can do; `None` while it is not ready.
    pub able: Option<Able>,
    /// It has been ready at least once.
    pub begun: bool,
    /// Its nonces.
    pub tally: Tally,
    /// The same by unit.
    pub units: Vec<(u16, Tally)>,
    /// Its shares.
    pub shares: ShareCounts,
    /// Their difficulty.
    pub credit: Credit,
    /// Work done.
    pub done: Done,
    /// Best difficulty.
    pub best_difficulty: Option<f64>,
    /// When it last reported a valid nonce.
    pub last_nonce_at: Option<Micros>,
    /// When its last share was accepted.
    pub last_share_at: Option<Micros>,
    /// Measured values.
    pub readings: Vec<((u16, Quantity), Reading<f64>)>,
    /// Faults so far.
    pub faults: u64,
    /// The last one.
    pub last_fault: Option<Fault>,
}

/// One pool.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolSample {
    /// Its key.
    pub key: PoolKey,
    /// Since when it has been connected.
    pub up_since: Option<Micros>,
    /// The devices work for it.
    pub working: bool,
    /// Its place in the order of priority, 0 is best; `None`: it was removed.
    pub priority: Option<usize>,
    /// It may be worked for.
    pub enabled: bool,
    /// Its part of the work, where work is divided.
    pub quota: u32,
    /// Hashes done for it.
    pub hashes: f64,
    /// Difficulty it asks for.
    pub difficulty: Option<f64>,
    /// Difficulty of a block, and the block that is built upon.
    pub network: Option<(f64, Hash)>,
    /// Height of the block that is worked on, where the job tells.
    pub height: Option<u32>,
    /// Jobs received.
    pub jobs: u64,
    /// Its shares.
    pub shares: ShareCounts,
    /// Their difficulty.
    pub credit: Credit,
    /// How long its answers took.
    pub latencies: Latencies,
    /// When it last accepted a share.
    pub last_share_at: Option<Micros>,
}

/// Takes samples. Keeps what does not change, so that a sample costs three allocations per device at most.
#[derive(Clone, Debug, Default)]
pub struct Sampler {
    identities: Vec<Arc<Identity>>,
}

impl Sampler {
    /// The core as it is at `now`.
    pub fn take(&mut self, core: &Core, now: Micros) -> Sample {
        let devices = core.devices(now).map(|view| self.device(&view)).collect();
        Sample { at: now, devices, pools: core.pools().map(|view| pool(&view)).collect() }
    }

    fn device(&mut self, view: &DeviceView<'_>) -> DeviceSample {
        DeviceSample {
            key: view.key,
            identity: self.identity(view),
            state: view.state,
            able: view.capability.map(|it| Able {
                nominal_hs: it.nominal.0,
                hashes_per_nonce: it.hashes_per_nonce,
                eased: it.eased,
            }),
            begun: view.hashrate_session.is_some(),
            tally: *view.tally,
            units: view.units.iter().map(|(unit, tally)| (*unit, *tally)).collect(),
            shares: *view.shares,
            credit: *view.credit,
            done: view.done,
            best_difficulty: view.best_difficulty,
            last_nonce_at: view.last_nonce_at,
            last_share_at: view.last_share_at,
            readings: view.readings.iter().map(|(place, reading)| (*place, *reading)).collect(),
            faults: view.faults,
            last_fault: view.last_fault,
        }
    }

    /// The identity of a row, made anew where it has changed.
    fn identity(&mut self, view: &DeviceView<'_>) -> Arc<Identity> {
        let place = view.key.0 as usize; // keys count up from 0
        if let Some(known) = self.identities.get(place).filter(|known| is_still(known, view)) {
            return Arc::clone(known);
        }
        let detected = view.detected;
        let fresh = Arc::new(Identity {
            name: view.name.to_owned(),
            model: view.likely_model(),
            identified: view.model.is_some(),
            candidates: detected.candidates.clone(),
            location: detected.location.clone(),
            socket: detected.socket.clone(),
            serial: detected.usb.as_ref().and_then(|usb| usb.serial.clone()),
            introduction: view.introduction.cloned(),
        });
        match self.identities.get_mut(place) {
            Some(known) => *known = Arc::clone(&fresh),
            None => self.identities.push(Arc::clone(&fresh)),
        }
        fresh
    }
}

fn is_still(known: &Identity, view: &DeviceView<'_>) -> bool {
    let serial = view.detected.usb.as_ref().and_then(|usb| usb.serial.as_deref());
    known.name == view.name
        && known.location == view.detected.location
        && known.socket == view.detected.socket
        && known.serial.as_deref() == serial
        && known.identified == view.model.is_some()
        && known.model == view.likely_model()
        && known.introduction.as_ref() == view.introduction
        && known.candidates == view.detected.candidates
}

fn pool(view: &PoolView<'_>) -> PoolSample {
    let network = |job: &adit_driver::Job| Some((job.network_target?.difficulty(), job.prev_hash));
    PoolSample {
        key: view.key,
        up_since: view.up_since,
        working: view.working,
        priority: view.priority,
        enabled: view.enabled,
        quota: view.quota,
        hashes: view.hashes,
        difficulty: view.difficulty,
        network: view.job.and_then(|job| network(job)),
        height: view.job.and_then(|job| job.height()),
        jobs: view.jobs,
        shares: *view.shares,
        credit: *view.credit,
        latencies: *view.latencies,
        last_share_at: view.last_share_at,
    }
}
