//! The whole core against scripted devices and pools.

mod commands;
mod failover;
mod feeding;
pub(crate) mod fixtures;
mod life;
mod sanity;
mod strategies;
mod verdicts;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use adit_driver::{
    Capability, Claim, Detected, DeviceKey, Event, Fault, Job, Nonce, Order, PoolKey, Report, Ruling, Work,
};
use adit_protocol::wire::Micros;

use crate::{Core, DeviceView, Effect, Notice, Policy, PoolInput, PoolView, Share, State};
use fixtures::are_disjoint;

/// A core, the time, and what the core has done so far.
pub(crate) struct Rig {
    pub(crate) core: Core,
    pub(crate) now: Micros,
    /// Effects of the last step, works left out.
    pub(crate) effects: Vec<Effect>,
    /// All works that each device was given.
    pub(crate) works: BTreeMap<DeviceKey, Vec<Work>>,
    pub(crate) shares: Vec<Share>,
    seq: u64,
}

impl Rig {
    /// One pool that is up, and no job yet.
    pub(crate) fn new() -> Self {
        let mut rig = Self::with_pools(1);
        rig.pool(0, PoolInput::Up { resumed: false });
        rig
    }

    /// Pools that are all down.
    pub(crate) fn with_pools(pools: u16) -> Self {
        Self {
            core: Core::new(Policy::default(), pools),
            now: Micros::from_secs(1_000),
            effects: Vec::new(),
            works: BTreeMap::new(),
            shares: Vec::new(),
            seq: 0,
        }
    }

    /// Takes all effects, checks what must always be true, keeps works and shares.
    pub(crate) fn drain(&mut self) {
        self.core.assert_conserved();
        self.effects.clear();
        while let Some(effect) = self.core.next_effect() {
            match effect {
                Effect::Order(device, Order::Work(work)) => self.keep(device, work),
                Effect::Submit(pool, share) => {
                    assert_eq!(pool, share.job.pool, "a share goes to another pool");
                    self.shares.push(share);
                }
                effect => self.effects.push(effect),
            }
        }
    }

    fn keep(&mut self, device: DeviceKey, work: Work) {
        let (job, space) = (&work.job, &work.space);
        assert_eq!(work.header, job.header(space.extranonce2.start, space.ntime.start, space.version.base));
        for other in self.works.values().flatten().filter(|other| other.job.pool == job.pool) {
            let template = |job: &Job| (job.coinbase_head.clone(), job.prev_hash, job.extranonce2_size);
            let is_same = template(&other.job) == template(job);
            assert!(!is_same || are_disjoint(&other.space, space), "{other:?} and {work:?} overlap");
            assert!(other.id != work.id, "{:?} was used before", work.id);
        }
        self.works.entry(device).or_default().push(work);
    }

    pub(crate) fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        let mut all = Vec::new();
        while let Some(at) = self.core.deadline().filter(|at| *at <= until) {
            self.now = at.max(self.now);
            self.core.on_timer(self.now);
            self.drain();
            assert!(self.core.deadline().is_none_or(|at| at > self.now), "the core asks to be woken at once");
            all.append(&mut self.effects);
        }
        self.now = until;
        self.effects = all;
    }

    pub(crate) fn wait_s(&mut self, seconds: u64) {
        self.wait(Duration::from_secs(seconds));
    }

    pub(crate) fn pool(&mut self, pool: u16, input: PoolInput) {
        self.core.on_pool(self.now, PoolKey(pool), input);
        self.drain();
    }

    /// A job, a second after whatever came before it: devices are given the next of a block no sooner.
    pub(crate) fn job(&mut self, job: Job) -> Arc<Job> {
        self.now = self.now + Duration::from_secs(1);
        self.job_at_once(job)
    }

    pub(crate) fn job_at_once(&mut self, job: Job) -> Arc<Job> {
        let job = Arc::new(job);
        self.pool(job.pool.0, PoolInput::Job(Arc::clone(&job)));
        job
    }

    pub(crate) fn attach(&mut self, detected: &Detected) -> DeviceKey {
        let key = self.core.attach(self.now, detected);
        self.drain();
        key
    }

    pub(crate) fn detach(&mut self, device: DeviceKey) {
        self.core.detach(self.now, device);
        self.drain();
    }

    pub(crate) fn report(&mut self, device: DeviceKey, report: Report) {
        self.core.on_report(self.now, device, report);
        self.drain();
    }

    pub(crate) fn event(&mut self, device: DeviceKey, event: Event) {
        self.report(device, Report::Event(event));
    }

    pub(crate) fn fail(&mut self, device: DeviceKey, fault: Fault) {
        self.report(device, Report::Failed(fault));
    }

    /// The link is open and the device is ready, with as much room as `capability` says.
    pub(crate) fn ready(&mut self, device: DeviceKey, capability: Capability) {
        let free = capability.room;
        self.report(device, Report::Up);
        self.event(device, Event::Ready(capability));
        self.event(device, Event::Room { received: 0, free });
    }

    /// A stick at `place` that is ready.
    pub(crate) fn stick(&mut self, place: &str) -> DeviceKey {
        let key = self.attach(&fixtures::stick(place, place));
        self.ready(key, fixtures::capability());
        key
    }

    /// The last work the device was given.
    pub(crate) fn work(&self, device: DeviceKey) -> Work {
        self.works[&device].last().unwrap().clone()
    }

    pub(crate) fn works_of(&self, device: DeviceKey) -> usize {
        self.works.get(&device).map_or(0, Vec::len)
    }

    /// The device reports a nonce; gives the ruling, of which there is exactly one.
    pub(crate) fn nonce(&mut self, device: DeviceKey, claims: &[Claim]) -> Ruling {
        let seq = self.seq;
        self.seq += 1;
        let claims = claims.iter().copied().collect();
        self.event(device, Event::Nonce(Nonce { seq, unit: 0, claims }));
        let rulings: Vec<&Ruling> = self
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Order(to, Order::Ruling(ruling)) if *to == device => Some(ruling),
                _ => None,
            })
            .collect();
        let [ruling] = rulings[..] else { panic!("{} rulings", rulings.len()) };
        assert_eq!(ruling.seq, seq);
        assert_eq!(
            self.effects.iter().filter(|e| matches!(e, Effect::Notice(Notice::Judged { .. }))).count(),
            1
        );
        *ruling
    }

    pub(crate) fn view(&self, device: DeviceKey) -> DeviceView<'_> {
        self.core.devices(self.now).nth(device.0 as usize).unwrap()
    }

    pub(crate) fn state(&self, device: DeviceKey) -> State {
        self.view(device).state
    }

    pub(crate) fn pool_view(&self, pool: usize) -> PoolView<'_> {
        self.core.pools().nth(pool).unwrap()
    }

    /// Times at which the core opened the device in the last step.
    pub(crate) fn opens(&self, device: DeviceKey) -> usize {
        self.effects.iter().filter(|effect| **effect == Effect::Open(device)).count()
    }

    pub(crate) fn noticed(&self, notice: &Notice) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Notice(found) if found == notice))
    }

    /// Orders `JobChanged` of the last step: to whom, and whether clean.
    pub(crate) fn job_changes(&self) -> Vec<(DeviceKey, bool)> {
        let changes = self.effects.iter().filter_map(|effect| match effect {
            Effect::Order(device, Order::JobChanged { clean }) => Some((*device, *clean)),
            _ => None,
        });
        changes.collect()
    }
}
