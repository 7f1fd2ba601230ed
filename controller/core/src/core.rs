//! The core itself: what comes in, what goes out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use adit_driver::{Detected, DeviceKey, Event, Job, PoolKey, Report};
use adit_protocol::devices::Model;
use adit_protocol::units::HashRate;
use adit_protocol::wire::Micros;

use crate::device::{Device, Life, Link};
use crate::pools::{Pending, Pool};
use crate::{DeviceView, Effect, Notice, Policy, PoolInput, PoolView, identity};

/// Another job of the same block is no hurry: devices are given one at most this often, so that a pool that sends a hundred a
/// second wastes neither works nor lines (`docs/protocols/stratum-v1.md §5.3`).
const CALM: Duration = Duration::from_secs(1);

/// Everything between pools and devices.
///
/// After every call take effects with [`Self::next_effect`] until there are none, then wait for the next input or for
/// [`Self::deadline`].
///
/// Every [`Effect::Open`] is answered, whenever it may be: by [`Report::Failed`] when the link cannot be opened, else by
/// [`Report::Up`] and, at the end of that link, by one [`Report::Failed`] or [`Report::Closed`].
#[derive(Debug)]
pub struct Core {
    pub(crate) policy: Policy,
    pub(crate) devices: Vec<Device>,
    /// When [`Device::on_timer`] has something to do, by time and index: a thousand devices are not asked at every nonce.
    alarms: BTreeSet<(Micros, usize)>,
    pub(crate) pools: Vec<Pool>,
    pub(crate) effects: VecDeque<Effect>,
    /// Index of the pool that is worked for; where there are several, one of them.
    pub(crate) active: Option<usize>,
    /// Indices of the pools, best first, without those that were removed.
    pub(crate) order: Vec<usize>,
    /// When the next pool has its turn.
    pub(crate) rotate_at: Option<Micros>,
    /// Index of the device that is served first.
    pub(crate) first: usize,
    /// When header time has advanced far enough for new works of a used-up job.
    pub(crate) refill_at: Option<Micros>,
    /// When the devices were last given another job, and when they will be given the next of the same block.
    pub(crate) changed_at: Option<Micros>,
    pub(crate) change_at: Option<Micros>,
    pub(crate) next_work: u64,
    pub(crate) next_share: u64,
    /// Devices named so far, by model key.
    named: BTreeMap<&'static str, u32>,
    pub(crate) stopping: bool,
}

impl Core {
    /// A core for pools `0..pools` in the order of priority.
    pub fn new(policy: Policy, pools: u16) -> Self {
        Self {
            policy,
            devices: Vec::new(),
            alarms: BTreeSet::new(),
            pools: (0..pools).map(|_| Pool::default()).collect(),
            effects: VecDeque::new(),
            active: None,
            order: (0..usize::from(pools)).collect(),
            rotate_at: None,
            first: 0,
            refill_at: None,
            changed_at: None,
            change_at: None,
            next_work: 0,
            next_share: 0,
            named: BTreeMap::new(),
            stopping: false,
        }
    }

    /// A device was found by a scan or named by the user. One that was here before gets its row again: the same model
    /// with the same serial number, else the same model at the same place. `detected.candidates` must not be empty.
    pub fn attach(&mut self, now: Micros, detected: &Detected) -> DeviceKey {
        if let Some(index) = identity::find(&self.devices, detected) {
            let device = &mut self.devices[index];
            device.arrive(now, detected, &mut self.effects);
            let key = device.key;
            self.set_alarm(index);
            return key;
        }
        let key = DeviceKey(self.devices.len() as u32);
        let name = self.name(detected.candidates.first().map_or("device", |model| model.key));
        let mut device = Device::new(key, name, detected.clone());
        self.effects.push_back(Effect::Notice(Notice::Arrived(key)));
        if !self.stopping {
            device.open(&mut self.effects);
        }
        self.devices.push(device);
        key
    }

    fn name(&mut self, model: &'static str) -> String {
        let number = self.named.entry(model).or_insert(0);
        *number += 1;
        format!("{model}-{number}")
    }

    /// A scan saw the device leave.
    pub fn detach(&mut self, now: Micros, device: DeviceKey) {
        let index = device.0 as usize;
        if let Some(device) = self.devices.get_mut(index) {
            device.leave(now, &mut self.effects);
            self.set_alarm(index);
        }
    }

    /// The task of a device's machine said something. Reports of unknown devices are ignored.
    pub fn on_report(&mut self, now: Micros, device: DeviceKey, report: Report) {
        let index = device.0 as usize;
        if index >= self.devices.len() {
            return;
        }
        if let Report::Event(Event::Nonce(nonce)) = &report {
            return self.on_nonce(now, index, nonce); // judged where it lies: half a kilobyte is not moved
        }
        if matches!(report, Report::Failed(_) | Report::Closed) {
            self.release(index);
            self.devices[index].hands.clear();
        }
        let device = &mut self.devices[index];
        match report {
            Report::Event(event) => return self.on_event(now, index, event),
            Report::Up => device.up(now, &mut self.effects),
            Report::Failed(fault) => device.failed(now, fault, &self.policy, &mut self.effects),
            Report::Taken(command) => device.taken(command, &mut self.effects),
            Report::Closed => device.closed(now, &self.policy, &mut self.effects),
        }
        self.set_alarm(index);
    }

    fn on_event(&mut self, now: Micros, index: usize, event: Event) {
        let device = &mut self.devices[index];
        if !matches!(device.link, Link::Up | Link::Closing) {
            return;
        }
        match event {
            Event::Identified(model) => self.identify(index, model),
            Event::Ready(capability) => {
                device.set_capability(now, capability);
                self.fill(now, index);
            }
            Event::Room { received, free } => {
                device.set_room(received, free);
                self.fill(now, index);
            }
            Event::Measured { .. } => device.measure(&event),
            Event::Fault(fault) => {
                device.faults += 1;
                device.last_fault = Some(fault);
            }
            Event::Moved { to, why } => {
                self.effects.push_back(Effect::Notice(Notice::Moved { device: device.key, to, why }));
            }
            Event::Tuned(tuned) => {
                self.effects.push_back(Effect::Notice(Notice::Tuned(device.key, tuned)));
            }
            Event::Introduced(introduction) => device.introduction = Some(introduction),
            Event::Declined(command) => {
                device.declined = Some(command);
                self.effects.push_back(Effect::Notice(Notice::Declined(device.key, command)));
            }
            Event::Nonce(_) | Event::Stopped => {} // nonces go their own way; the link is closed next
        }
    }

    fn identify(&mut self, index: usize, model: &'static Model) {
        let device = &self.devices[index];
        let likely = device.model.or(device.detected.candidates.first().copied());
        if likely != Some(model) {
            self.devices[index].name = self.name(model.key);
        }
        self.devices[index].model = Some(model);
    }

    /// A pool's session said something. Pools that were not announced to [`Self::new`] are ignored.
    pub fn on_pool(&mut self, now: Micros, pool: PoolKey, input: PoolInput) {
        let index = usize::from(pool.0);
        let Some(state) = self.pools.get_mut(index) else { return };
        match input {
            PoolInput::Up { resumed } => state.up(now, resumed),
            PoolInput::Down => {
                state.down(now);
                if self.policy.strategy.spreads() {
                    self.choose_pool(now);
                    return self.change_job_of(now, Some(index), true);
                }
            }
            PoolInput::Job(job) => return self.on_job(now, index, job),
            PoolInput::Easier { difficulty } => return state.jobs.ease(difficulty),
            PoolInput::StrictTime => return state.jobs.strict_time = true,
            PoolInput::Answer { share, answer, latency } => {
                if let Some(Pending { device, difficulty, credit }) =
                    state.answer(now, share, &answer, latency)
                {
                    self.devices[device.0 as usize].answered(now, &answer, credit);
                    self.effects.push_back(Effect::Notice(Notice::Answered {
                        pool,
                        device,
                        difficulty,
                        credit,
                        answer,
                        latency,
                    }));
                }
                return;
            }
            PoolInput::Notice { text, warning } => {
                return self.effects.push_back(Effect::Notice(Notice::PoolSays { pool, text, warning }));
            }
        }
        self.choose_pool(now);
    }

    fn on_job(&mut self, now: Micros, index: usize, job: Arc<Job>) {
        debug_assert_eq!(usize::from(job.pool.0), index, "a job of another pool");
        let clean = self.pools[index].jobs.add(now, job);
        self.compare(now, index);
        let spreads = self.policy.strategy.spreads();
        if spreads {
            self.choose_pool(now);
        } else if self.active != Some(index) {
            return self.choose_pool(now);
        }
        let busy = self.devices.iter().all(|device| device.working || !device.is_ready());
        match self.changed_at.map(|at| at + CALM).filter(|calm| !clean && busy && now < *calm) {
            Some(calm) => self.change_at = Some(calm),
            None => self.change_job_of(now, spreads.then_some(index), clean),
        }
    }

    /// Every open device is to be made safe by the instant `by`. No new work and no new link from now on.
    pub fn stop(&mut self, _now: Micros, by: Micros) {
        self.stopping = true;
        for index in 0..self.devices.len() {
            self.devices[index].stop(by, &mut self.effects);
            self.set_alarm(index);
        }
    }

    /// The deadline has passed.
    pub fn on_timer(&mut self, now: Micros) {
        let due: BTreeSet<usize> =
            self.alarms.iter().take_while(|(at, _)| *at <= now).map(|(_, index)| *index).collect();
        for index in due {
            self.devices[index].on_timer(now, &mut self.effects);
            self.set_alarm(index);
        }
        self.choose_pool(now);
        if self.change_at.is_some_and(|at| now >= at) {
            self.change_job(now, false);
        }
        if self.refill_at.take_if(|at| now >= *at).is_some() {
            self.first = self.first.wrapping_add(1);
            self.fill_all(now);
        }
    }

    /// The next thing to do, in order; `None` when there is nothing left.
    #[inline]
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When to call [`Self::on_timer`] if nothing else happens before.
    pub fn deadline(&self) -> Option<Micros> {
        let devices = self.alarms.first().map(|(at, _)| *at);
        let pool = self.choice_deadline();
        devices.into_iter().chain(pool).chain(self.refill_at).chain(self.change_at).min()
    }

    /// The life of a device may have changed.
    pub(crate) fn set_alarm(&mut self, index: usize) {
        let device = &mut self.devices[index];
        let at = device.deadline();
        if let Some(old) = std::mem::replace(&mut device.alarm, at) {
            self.alarms.remove(&(old, index));
        }
        self.alarms.extend(at.map(|at| (at, index)));
    }

    /// Whether no link is open any more after [`Self::stop`].
    pub fn is_stopped(&self) -> bool {
        self.stopping && self.devices.iter().all(|device| device.life == Life::Stopped)
    }

    /// All device rows, in the order of their keys, as they are at `now`.
    pub fn devices(&self, now: Micros) -> impl Iterator<Item = DeviceView<'_>> {
        self.devices.iter().map(move |device| device.view(now))
    }

    /// One device row as it is at `now`.
    pub fn device(&self, now: Micros, key: DeviceKey) -> Option<DeviceView<'_>> {
        self.devices.get(key.0 as usize).map(|device| device.view(now))
    }

    /// Hash rate of the devices that work, as they promise it.
    pub fn promised(&self) -> HashRate {
        let working = self.devices.iter().filter(|device| device.life == Life::Ready);
        HashRate(working.filter_map(|device| device.capability.as_ref()).map(|able| able.nominal.0).sum())
    }

    /// All pools, in the order of their keys.
    pub fn pools(&self) -> impl Iterator<Item = PoolView<'_>> {
        self.pools.iter().enumerate().map(|(index, pool)| {
            let priority = self.order.iter().position(|other| *other == index);
            let working =
                if self.policy.strategy.spreads() { pool.is_usable() } else { self.active == Some(index) };
            pool.view(Self::pool_key(index), priority, working)
        })
    }

    /// Panics when a nonce, a share or a deadline of a device is not accounted for.
    pub fn assert_conserved(&self) {
        let deadlines =
            self.devices.iter().enumerate().filter_map(|(at, device)| Some((device.deadline()?, at)));
        assert!(
            deadlines.collect::<BTreeSet<_>>() == self.alarms,
            "devices are not woken when they should be: {:?}",
            self.alarms
        );
        for device in &self.devices {
            assert_eq!(
                device.tally.pending(),
                0,
                "nonces of {} without a verdict: {:?}",
                device.name,
                device.tally
            );
            assert!(
                device.shares.is_conserved(),
                "shares of {} do not add up: {:?}",
                device.name,
                device.shares
            );
        }
        self.pools.iter().for_each(Pool::assert_conserved);
        let by_devices: u64 = self.devices.iter().map(|device| device.shares.submitted).sum();
        let by_pools: u64 = self.pools().map(|pool| pool.shares.submitted).sum();
        assert_eq!(by_devices, by_pools, "shares of devices and of pools differ");
    }

    pub(crate) fn pool_key(index: usize) -> PoolKey {
        PoolKey(index as u16) // as many as `new` was given
    }
}
