//! One device row.

use std::collections::{BTreeMap, VecDeque};

use adit_driver::{
    Capability, Command, Detected, DeviceKey, Event, Fault, Introduction, Order, PoolKey, Verdict, Work,
};
use adit_protocol::devices::Model;
use adit_protocol::wire::Micros;

use crate::issued::{IssuedWorks, Promise};
use crate::rate::Rate;
use crate::{Answer, Credit, DeviceView, Effect, Notice, Readings, ShareCounts, Tally};

/// Values measured at most per device; a board with 100 chips and five quantities needs 500.
const MOST_READINGS: usize = 4_096;
/// Units whose nonces are counted apart; what reports more is confused.
const MOST_UNITS: usize = 1_024;
/// Works sent at most at once, whatever a device says it has room for.
const MOST_ROOM: u64 = 1_024;

/// What the core knows of a device's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Closed,
    /// Opening was asked for and has not been answered.
    Opening,
    Up,
    /// It is to be closed, by an order where it was up.
    Closing,
}

/// What a device is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Life {
    Opening,
    Detecting,
    Ready,
    Retrying {
        at: Micros,
        attempt: u32,
    },
    Away {
        since: Micros,
        /// When to look for it at its old place. `None`: the next scan will find it, or a look is under way.
        look: Option<Micros>,
        /// When to say that it has left. `None`: it was said.
        give_up: Option<Micros>,
    },
    Quarantined {
        until: Micros,
        why: Fault,
    },
    Gone {
        why: Fault,
    },
    /// By the user: its link is closed, or being closed.
    Paused,
    Stopping {
        by: Micros,
    },
    Stopped,
}

/// Everything the core knows of one device.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) key: DeviceKey,
    pub(crate) name: String,
    pub(crate) detected: Detected,
    pub(crate) model: Option<&'static Model>,
    pub(crate) life: Life,
    pub(crate) link: Link,
    /// The entry among the core's alarms.
    pub(crate) alarm: Option<Micros>,
    /// Left alone until then for safety, also when it is plugged in again.
    pub(crate) held: Option<(Micros, Fault)>,
    /// Attempts in a row that failed before the device had been stable.
    pub(crate) failures: u32,
    /// Attempts in a row that failed before the device was ready.
    pub(crate) never_ready: u32,
    pub(crate) ready_since: Option<Micros>,
    /// It has been ready since it was plugged in: it is what it is taken for.
    pub(crate) proven: bool,
    pub(crate) capability: Option<Capability>,
    /// As its capability says or last said.
    eased: bool,
    pub(crate) issued: IssuedWorks,
    sent: u64,
    room: Room,
    pub(crate) working: bool,
    /// Hashes expected of the works it was given since it last proved some, by pool.
    pub(crate) hands: Vec<(usize, f64)>,
    announced: bool,
    /// The extranonce2 prefix that is its own while its link is up.
    pub(crate) lease: Option<u64>,
    /// What it says of itself, while its link is up.
    pub(crate) introduction: Option<Introduction>,
    pub(crate) tally: Tally,
    pub(crate) shares: ShareCounts,
    pub(crate) credit: Credit,
    pub(crate) last_share_at: Option<Micros>,
    units: BTreeMap<u16, Tally>,
    best: f64,
    last_nonce_at: Option<Micros>,
    readings: Readings,
    pub(crate) rate: Rate,
    pub(crate) faults: u64,
    pub(crate) last_fault: Option<Fault>,
    /// The user does not want it to work.
    pub(crate) paused: bool,
    /// The command that its machine has declined last.
    pub(crate) declined: Option<Command>,
}

/// What the device said last of its room, counted over the link.
#[derive(Clone, Copy, Debug, Default)]
struct Room {
    received: u64,
    free: u16,
}

impl Device {
    pub(crate) fn new(key: DeviceKey, name: String, detected: Detected) -> Self {
        Self {
            key,
            name,
            detected,
            model: None,
            life: Life::Stopped,
            link: Link::Closed,
            alarm: None,
            held: None,
            failures: 0,
            never_ready: 0,
            ready_since: None,
            proven: false,
            capability: None,
            eased: false,
            issued: IssuedWorks::default(),
            sent: 0,
            room: Room::default(),
            working: false,
            hands: Vec::new(),
            announced: false,
            lease: None,
            introduction: None,
            tally: Tally::default(),
            shares: ShareCounts::default(),
            credit: Credit::default(),
            last_share_at: None,
            units: BTreeMap::new(),
            best: 0.0,
            last_nonce_at: None,
            readings: Readings::default(),
            rate: Rate::default(),
            faults: 0,
            last_fault: None,
            paused: false,
            declined: None,
        }
    }

    /// It can be given works.
    pub(crate) fn is_ready(&self) -> bool {
        self.life == Life::Ready
    }

    /// The link is closed: nothing that was on it is left.
    pub(crate) fn forget_link(&mut self) {
        self.link = Link::Closed;
        self.ready_since = None;
        self.capability = None;
        self.readings.clear();
        self.working = false;
        self.lease = None;
        self.introduction = None;
    }

    /// A new link, a new machine: it has received nothing.
    pub(crate) fn begin_link(&mut self) {
        self.link = Link::Up;
        self.issued.clear();
        self.sent = 0;
        self.room = Room::default();
        self.announced = false;
    }

    /// The device told what it can do.
    pub(crate) fn set_capability(&mut self, now: Micros, capability: Capability) {
        self.issued.renew_promise(promise(&capability));
        self.eased = capability.eased;
        self.capability = Some(capability);
        if self.life == Life::Detecting {
            self.life = Life::Ready;
            self.ready_since = Some(now);
            self.proven = true;
            self.rate.begin(now);
        }
    }

    /// Keeps a measured value. Values beyond what any device has are dropped.
    pub(crate) fn measure(&mut self, event: &Event) {
        let Event::Measured { unit, quantity, reading } = event else { return };
        let place = (*unit, *quantity);
        if self.readings.len() < MOST_READINGS || self.readings.contains_key(&place) {
            self.readings.insert(place, *reading);
        }
    }

    /// Counts a nonce of `unit` that was judged. `hashes`: what it stands for; `difficulty`: of its hash.
    pub(crate) fn judged(&mut self, now: Micros, unit: u16, verdict: Verdict, hashes: f64, difficulty: f64) {
        self.tally.judged(verdict);
        let known = self.units.len() < MOST_UNITS || self.units.contains_key(&unit);
        if let Some(tally) = known.then(|| self.units.entry(unit).or_default()) {
            tally.received += 1;
            tally.judged(verdict);
        }
        if verdict.is_valid() {
            self.rate.add(now, hashes);
            self.best = self.best.max(difficulty);
            self.last_nonce_at = Some(now);
        }
    }

    /// A pool answered one of its shares, which counts `credit` there.
    pub(crate) fn answered(&mut self, now: Micros, answer: &Answer, credit: f64) {
        self.shares.answer(answer);
        self.credit.answer(answer, credit);
        if *answer == Answer::Accepted {
            self.last_share_at = Some(now);
        }
    }

    /// The device has counted the works it received and told what is free.
    pub(crate) fn set_room(&mut self, received: u64, free: u16) {
        self.room = Room { received, free };
    }

    /// How many works fit in beside those that are on their way.
    pub(crate) fn wants(&self) -> u64 {
        let on_the_way = self.sent.saturating_sub(self.room.received);
        u64::from(self.room.free).saturating_sub(on_the_way).min(MOST_ROOM)
    }

    /// Makes everything void that the device has not begun, so its whole room is free.
    pub(crate) fn change_job(&mut self, clean: bool, out: &mut VecDeque<Effect>) {
        let Some(capability) = &self.capability else { return };
        self.room = Room { received: self.sent, free: capability.room };
        self.working = false;
        out.push_back(Effect::Order(self.key, Order::JobChanged { clean }));
    }

    /// Whether it may be searching or holding works of this pool.
    pub(crate) fn has_works_of(&self, pool: PoolKey) -> bool {
        let room = self.capability.as_ref().map_or(0, |capability| usize::from(capability.room));
        self.issued.newest(room + 1).any(|work| work.job.pool == pool)
    }

    /// Gives it a work.
    pub(crate) fn give(&mut self, work: Work, out: &mut VecDeque<Effect>) {
        let Some(capability) = &self.capability else { return };
        let memory = 2 * (usize::from(capability.memory) + usize::from(capability.room) + 1);
        self.issued.push(work.clone(), promise(capability), memory);
        self.sent += 1;
        self.working = true;
        out.push_back(Effect::Order(self.key, Order::Work(work)));
        if !self.announced {
            self.announced = true;
            out.push_back(Effect::Notice(Notice::Hashing(self.key)));
        }
    }

    pub(crate) fn view(&self, now: Micros) -> DeviceView<'_> {
        DeviceView {
            key: self.key,
            name: &self.name,
            detected: &self.detected,
            model: self.model,
            state: self.state(),
            capability: self.capability.as_ref(),
            eased: self.eased,
            introduction: self.introduction.as_ref(),
            tally: &self.tally,
            units: &self.units,
            shares: &self.shares,
            credit: &self.credit,
            best_difficulty: (self.best > 0.0).then_some(self.best),
            last_nonce_at: self.last_nonce_at,
            last_share_at: self.last_share_at,
            readings: &self.readings,
            hashrate: self.rate.recent(now),
            hashrate_session: self.rate.session(now),
            done: self.rate.done(),
            faults: self.faults,
            last_fault: self.last_fault,
        }
    }
}

fn promise(capability: &Capability) -> Promise {
    Promise { target: capability.report_target, hashes: capability.hashes_per_nonce }
}
