//! A real core with simulated sticks and a pool, in steps, for the tests of this crate.

use std::sync::Arc;
use std::time::Duration;

use adit_core::{Answer, Core, Effect, Notice, Policy, PoolInput, RejectKind, Share};
use adit_driver::{
    Capability, Claim, Detected, DeviceKey, Event, Fault, Job, JobKey, Nonce, Order, PoolKey, Reach, Report,
    Work,
};
use adit_protocol::devices::{UsbIdentity, model};
use adit_protocol::pow::{Hash, Header, Target, VersionMask};
use adit_protocol::units::HashRate;
use adit_protocol::wire::Micros;

use crate::board::Board;
use crate::books::Booking;
use crate::ledger::{Clock, Ledger, PoolFacts};
use crate::sample::Sampler;
use crate::snapshot::Snapshot;

/// The controller's zero in tests: a round moment of 2026.
pub(crate) const ZERO: Clock = Clock { zero_unix_s: 1_795_000_000.0 };

/// A target met by one hash in `count`.
fn one_in(count: u64) -> Target {
    Target::from_limbs([u64::MAX, u64::MAX, u64::MAX, u64::MAX / count])
}

/// Difficulty of the shares of the pool.
pub(crate) fn share_difficulty() -> f64 {
    one_in(4).difficulty()
}

/// One pool of two is up and has a job; sticks mine for it.
pub(crate) struct Rig {
    pub(crate) core: Core,
    pub(crate) now: Micros,
    pub(crate) board: Arc<Board>,
    pub(crate) booking: Booking,
    /// Height and network difficulty that the jobs of the first pool are said to have.
    pub(crate) chain: Option<(u32, f64)>,
    sampler: Sampler,
    works: Vec<(DeviceKey, Work)>,
    shares: Vec<Share>,
    seq: u64,
    nonce: u32,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with_best(None)
    }

    /// `best_ever`: of earlier runs.
    pub(crate) fn with_best(best_ever: Option<f64>) -> Self {
        Self::with(best_ever, [("pool.example:3333", "rig.1"), ("[::1]:3334", "second,\"user\"|\t")])
    }

    /// Pools by place and user.
    pub(crate) fn with(best_ever: Option<f64>, pools: [(&str, &str); 2]) -> Self {
        let facts = |(place, user): (&str, &str)| PoolFacts {
            place: place.to_owned(),
            url: format!("stratum+tcp://{place}"),
            user: user.to_owned(),
        };
        let pools = pools.into_iter().map(facts).collect();
        let mut rig = Self {
            core: Core::new(Policy::default(), 2),
            now: Micros::from_secs(10),
            board: Arc::new(Board::new(Ledger::new(ZERO, pools, best_ever))),
            booking: Booking::default(),
            chain: None,
            sampler: Sampler::default(),
            works: Vec::new(),
            shares: Vec::new(),
            seq: 0,
            nonce: 0,
        };
        rig.core.on_pool(rig.now, PoolKey(0), PoolInput::Up { resumed: false });
        rig.core.on_pool(rig.now, PoolKey(0), PoolInput::Job(Arc::new(job())));
        rig.drain();
        rig
    }

    /// Takes all effects, as the task that mines does.
    pub(crate) fn drain(&mut self) {
        while let Some(effect) = self.core.next_effect() {
            match effect {
                Effect::Order(device, Order::Work(work)) => self.works.push((device, work)),
                Effect::Submit(_, share) => self.shares.push(share),
                Effect::Notice(notice) => {
                    if matches!(notice, Notice::Arrived(_)) {
                        self.sample();
                    }
                    self.board.ledger().on_notice(self.now, &notice);
                    self.booking.answered(&self.board.ledger(), self.now, &notice, 0);
                }
                _ => {}
            }
        }
    }

    pub(crate) fn sample(&mut self) {
        let mut sample = self.sampler.take(&self.core, self.now);
        if let Some((height, difficulty)) = self.chain {
            let pool = &mut sample.pools[0];
            (pool.height, pool.network) = (Some(height), Some((difficulty, Hash([5; 32]))));
        }
        let sample = Arc::new(sample);
        self.board.ledger().take(Arc::clone(&sample));
        self.booking.take(&self.board.ledger(), &sample);
    }

    /// A stick with this serial number that is ready.
    pub(crate) fn stick(&mut self, key: &str, serial: &str) -> DeviceKey {
        let usb =
            UsbIdentity { vid: 0x10c4, pid: 0xea60, serial: Some(serial.into()), ..UsbIdentity::default() };
        let detected = Detected {
            location: format!("serial:/dev/tty{serial}"),
            socket: Some(format!("1-{serial}")),
            usb: Some(usb),
            candidates: vec![model(key).unwrap()],
            chosen: false,
        };
        let device = self.core.attach(self.now, &detected);
        self.drain();
        self.ready(device);
        device
    }

    pub(crate) fn ready(&mut self, device: DeviceKey) {
        self.report(device, Report::Up);
        self.event(device, Event::Ready(capability()));
        self.event(device, Event::Room { received: 0, free: 1 });
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

    /// The device finds a nonce that meets the share target, or only that of the device.
    pub(crate) fn nonce(&mut self, device: DeviceKey, is_share: bool) {
        let work = self.works.iter().rev().find(|(of, _)| *of == device).unwrap().1.clone();
        loop {
            self.nonce += 1;
            let hash = Header { nonce: self.nonce, ..work.header }.hash();
            if one_in(2).is_met_by(&hash) && one_in(4).is_met_by(&hash) == is_share {
                return self.claim(device, &work, self.nonce);
            }
        }
    }

    /// The device reports a nonce that is wrong.
    pub(crate) fn wrong(&mut self, device: DeviceKey) {
        let work = self.works.iter().rev().find(|(of, _)| *of == device).unwrap().1.clone();
        loop {
            self.nonce += 1;
            if !one_in(2).is_met_by(&Header { nonce: self.nonce, ..work.header }.hash()) {
                return self.claim(device, &work, self.nonce);
            }
        }
    }

    fn claim(&mut self, device: DeviceKey, work: &Work, nonce: u32) {
        let claim = Claim {
            work: work.id,
            extranonce2: work.space.extranonce2.start,
            ntime: work.header.ntime,
            version: work.header.version,
            nonce,
        };
        let seq = self.seq;
        self.seq += 1;
        self.event(device, Event::Nonce(Nonce { seq, unit: 0, claims: [claim].into_iter().collect() }));
    }

    /// The pool answers all shares that wait.
    pub(crate) fn answer(&mut self, answer: &Answer) {
        for share in std::mem::take(&mut self.shares) {
            let latency = Duration::from_millis(40);
            let input = PoolInput::Answer { share: share.key, answer: answer.clone(), latency };
            self.core.on_pool(self.now, PoolKey(0), input);
        }
        self.drain();
    }

    /// The shares that wait for an answer are the test's to answer.
    pub(crate) fn take_shares(&mut self) -> Vec<Share> {
        std::mem::take(&mut self.shares)
    }

    /// A pool says something.
    pub(crate) fn pool(&mut self, pool: PoolKey, input: PoolInput) {
        self.core.on_pool(self.now, pool, input);
        self.drain();
    }

    /// A pool sends a job of another block, and asks for shares that one hash in `count` meets.
    pub(crate) fn job(&mut self, pool: PoolKey, key: u64, count: u64) {
        let (prev_hash, share_target) = (Hash([key as u8; 32]), one_in(count));
        let job = Job { key: JobKey(key), pool, prev_hash, share_target, clean: true, ..job() };
        self.pool(pool, PoolInput::Job(Arc::new(job)));
    }

    pub(crate) fn refuse(&mut self, kind: RejectKind, reason: &str) {
        self.answer(&Answer::Rejected { kind, reason: reason.to_owned() });
    }

    /// A second passes, and a sample is taken at its end.
    pub(crate) fn second(&mut self) {
        self.now = self.now + Duration::from_secs(1);
        while self.core.deadline().is_some_and(|at| at <= self.now) {
            self.core.on_timer(self.now);
            self.drain();
        }
        self.sample();
    }

    /// A minute in which each of `devices` finds a share every second, all accepted.
    pub(crate) fn minute(&mut self, devices: &[DeviceKey]) {
        for _ in 0..60 {
            for device in devices {
                self.nonce(*device, true);
            }
            self.answer(&Answer::Accepted);
            self.second();
        }
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.board.ledger().snapshot()
    }
}

fn capability() -> Capability {
    Capability {
        reach: Reach::NONCE,
        room: 1,
        memory: 2,
        whole_jobs: false,
        report_target: one_in(2),
        hashes_per_nonce: 4_294_967_296.0,
        nominal: HashRate(4_294_967_296.0),
        eased: true,
    }
}

fn job() -> Job {
    Job {
        key: JobKey(1),
        pool: PoolKey(0),
        coinbase_head: vec![1; 42],
        coinbase_tail: vec![2; 60],
        extranonce1: vec![3; 4],
        extranonce2_size: 4,
        merkle_branch: vec![Hash([4; 32]); 3],
        fixed_root: None,
        version: 0x2000_0000,
        version_mask: VersionMask(0),
        prev_hash: Hash([5; 32]),
        nbits: 0x1d00_ffff,
        ntime: 1_700_000_000,
        share_target: one_in(4),
        network_target: Some(Target::ONE),
        clean: false,
    }
}
