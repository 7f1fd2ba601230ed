//! The clock of a world.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use adit_core::{Core, Effect, Notice, Policy};
use adit_driver::{DeviceKey, Order, PoolKey, Report, Verdict};
use adit_hw_sim::{DeviceFault, PoolFault};
use adit_protocol::hex;
use adit_protocol::wire::Micros;
use adit_upstream::SessionInput;

use super::config::{Violation, WorldConfig, WorldError};
use super::outcome::{DeviceOutcome, Outcome};
use super::pools::Upstream;
use super::station::Station;
use crate::Item;
use crate::digest::Digest;

/// Pools of a world: one that is worked for and one to fall back to.
const POOLS: usize = 2;
/// How much harder a share is than a nonce: one nonce in two is worth submitting.
const SHARE_FACTOR: f64 = 2.0;
/// A clock that stands still for so many steps will never move again.
const MOST_STEPS_AT_ONCE: u32 = 100_000;

const VERDICT: u8 = 1;
const SHARE: u8 = 2;

/// A running world.
pub struct World {
    now: Micros,
    pub(super) core: Core,
    stations: Vec<Station>,
    pub(super) upstreams: Vec<Upstream>,
    /// Share difficulty of its pools.
    pub(super) difficulty: f64,
    digest: Digest,
    events: u64,
    faults: BTreeMap<&'static str, u64>,
}

/// Lives a whole world. A broken law becomes a [`Violation`] that says how to replay it.
pub fn run(config: &WorldConfig) -> Result<Outcome, WorldError> {
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(config)?;
        world.run_until(Micros(0) + config.length)?;
        Ok(world.outcome(config))
    }));
    lived.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let what = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
        Err(config.violation(what).into())
    })
}

impl WorldConfig {
    pub(super) fn violation(&self, what: &str) -> Violation {
        let item = |item: &Item| {
            let settings: String =
                item.settings.iter().map(|(key, value)| format!("/{key}={value}")).collect();
            format!("{}:{}{settings}", item.model.key, item.count)
        };
        Violation {
            what: what.to_owned(),
            seed: self.seed,
            hours: (self.length.as_secs_f64() / 3_600.0).to_string(),
            devices: self.devices.iter().map(item).collect::<Vec<_>>().join(","),
            faults: self.faults.to_string(),
        }
    }
}

impl World {
    /// A world at the beginning of its time.
    pub fn new(config: &WorldConfig) -> Result<Self, WorldError> {
        Self::with(config, Policy::default(), &[0; POOLS])
    }

    /// The same with another policy, and a pool for each of these clocks, which are so many seconds wrong.
    pub(super) fn with(config: &WorldConfig, policy: Policy, skews_s: &[i32]) -> Result<Self, WorldError> {
        let mut core = Core::new(policy, skews_s.len() as u16);
        let (mut stations, mut difficulty) = (Vec::new(), f64::INFINITY);
        for item in &config.devices {
            difficulty = difficulty.min(item.share_difficulty()?);
            for _ in 0..item.count {
                let faults = config.faults.at(item.model);
                stations.push(Station::new(item, stations.len(), config.seed, faults, &mut core)?);
            }
        }
        let difficulty = difficulty * SHARE_FACTOR;
        let upstreams = (0..)
            .zip(skews_s)
            .map(|(key, skew_s)| {
                Upstream::new(PoolKey(key), config.seed, difficulty, *skew_s, config.faults.pools.clone())
            })
            .collect::<Result<_, _>>()?;
        let names = DeviceFault::ALL.iter().map(|fault| fault.name());
        let faults =
            names.chain(PoolFault::ALL.iter().map(|fault| fault.name())).map(|name| (name, 0)).collect();
        let mut world = Self {
            now: Micros(0),
            core,
            stations,
            upstreams,
            difficulty,
            digest: Digest::default(),
            events: 0,
            faults,
        };
        world.settle()?;
        Ok(world)
    }

    /// The core of this world.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// The virtual time.
    pub fn now(&self) -> Micros {
        self.now
    }

    /// Lets time pass.
    pub fn run_until(&mut self, end: Micros) -> Result<(), WorldError> {
        let mut steps_at_once = 0;
        while let Some(next) = self.deadline().filter(|next| *next < end) {
            steps_at_once = if next > self.now { 0 } else { steps_at_once + 1 };
            assert!(steps_at_once < MOST_STEPS_AT_ONCE, "the clock stands still at {}", self.now);
            self.now = self.now.max(next);
            self.step()?;
        }
        self.now = end;
        Ok(())
    }

    pub(super) fn deadline(&self) -> Option<Micros> {
        let stations = self.stations.iter().filter_map(Station::deadline);
        let upstreams = self.upstreams.iter().filter_map(Upstream::deadline);
        stations.chain(upstreams).chain(self.core.deadline()).min()
    }

    fn step(&mut self) -> Result<(), WorldError> {
        let now = self.now;
        self.events += 1;
        for station in &mut self.stations {
            if station.deadline().is_some_and(|at| at <= now)
                && let Some(fault) = station.advance(now, &mut self.core)
            {
                *self.faults.entry(fault.name()).or_default() += 1;
            }
        }
        for upstream in &mut self.upstreams {
            if upstream.deadline().is_some_and(|at| at <= now)
                && let Some(fault) = upstream.advance(now)
            {
                *self.faults.entry(fault.name()).or_default() += 1;
            }
        }
        if self.core.deadline().is_some_and(|at| at <= now) {
            self.core.on_timer(now);
        }
        self.settle()?;
        self.core.assert_conserved();
        Ok(())
    }

    /// Carries messages between the rooms until nobody has anything to say.
    pub(super) fn settle(&mut self) -> Result<(), WorldError> {
        let now = self.now;
        loop {
            let mut quiet = true;
            for station in &mut self.stations {
                while let Some(report) = station.next_report() {
                    let failed = matches!(report, Report::Failed(_));
                    self.core.on_report(now, station.key, report);
                    if failed {
                        station.connect_again(now, &mut self.core);
                    }
                    quiet = false;
                }
            }
            for upstream in &mut self.upstreams {
                while let Some(input) = upstream.next_input(now) {
                    self.core.on_pool(now, upstream.session.key(), input);
                    quiet = false;
                }
            }
            while let Some(effect) = self.core.next_effect() {
                self.carry_out(effect)?;
                quiet = false;
            }
            if quiet {
                return Ok(());
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) -> Result<(), WorldError> {
        let now = self.now;
        match effect {
            Effect::Open(device) => {
                if let Some(station) = self.station(device) {
                    station.open(now)?;
                }
            }
            Effect::Order(device, order) => self.order(device, order),
            Effect::Submit(pool, share) => {
                let mut record = Vec::from(share.key.0.to_le_bytes());
                record.extend_from_slice(&share.extranonce2);
                record.extend_from_slice(&share.ntime.to_le_bytes());
                record.extend_from_slice(&share.version.to_le_bytes());
                record.extend_from_slice(&share.nonce.to_le_bytes());
                self.digest.record(now, SHARE, &record);
                if let Some(upstream) = self.upstreams.get_mut(usize::from(pool.0)) {
                    upstream.session.on_input(now, SessionInput::Submit(share));
                }
            }
            Effect::Notice(Notice::Judged { device, verdict, difficulty }) => {
                let mut record = Vec::from(device.0.to_le_bytes());
                record.push(verdict as u8);
                record.extend_from_slice(&difficulty.to_le_bytes());
                self.digest.record(now, VERDICT, &record);
            }
            Effect::Notice(_) => {}
        }
        Ok(())
    }

    fn order(&mut self, device: DeviceKey, order: Order) {
        let now = self.now;
        if let Some(station) = self.station(device) {
            station.rig.order(now, order);
        }
    }

    fn station(&mut self, device: DeviceKey) -> Option<&mut Station> {
        self.stations.iter_mut().find(|station| station.key == device)
    }

    pub(super) fn outcome(&self, config: &WorldConfig) -> Outcome {
        let mut digest = self.digest.clone();
        let parts = self.stations.iter().map(|station| station.rig.digest());
        for part in parts.chain(self.upstreams.iter().map(Upstream::digest)) {
            digest.record(self.now, 0, &part);
        }
        Outcome {
            seed: config.seed,
            hours: config.length.as_secs_f64() / 3_600.0,
            digest: hex::encode(&digest.finish()),
            events: self.events,
            faults: self.faults.clone(),
            devices: self.stations.iter().filter_map(|station| self.device_outcome(station)).collect(),
            credited: self.upstreams.iter().map(Upstream::credited).sum(),
        }
    }

    fn device_outcome(&self, station: &Station) -> Option<DeviceOutcome> {
        let device = self.core.device(self.now, station.key)?;
        let searched = station.rig.useful_hashes();
        let nominal = device.capability.map_or(station.item.model.nominal, |capability| capability.nominal);
        let count = |verdict: &Verdict| (verdict.name(), device.tally.verdicts(*verdict));
        Some(DeviceOutcome {
            name: device.name.to_owned(),
            model: station.item.model.key,
            location: device.detected.location.clone(),
            eased: device.eased(),
            accepted: device.shares.accepted,
            rejected: device.shares.rejected() + device.shares.stale(),
            hardware_errors: device.tally.verdicts(Verdict::HardwareError),
            hashrate_hs: device.hashrate_session.map(|rate| rate.0),
            nonces: device.tally.received,
            verdicts: Verdict::ALL.iter().map(count).collect(),
            expected_nonces: station.expected_nonces(),
            out_of_service_s: (self.now.as_secs_f64() - searched / nominal.0).max(0.0),
            faults_reported: device.faults,
        })
    }
}
