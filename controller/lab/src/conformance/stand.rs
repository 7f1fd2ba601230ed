//! A test stand: one device, a core that feeds it, and jobs made by hand.

use std::sync::Arc;
use std::time::Duration;

use adit_core::{Core, DeviceView, Effect, Policy, PoolInput};
use adit_driver::{Detected, DeviceKey, Event, Fault, Job, JobKey, LinkError, PoolKey, Report, Verdict};
use adit_hw_sim::{Dice, SimDevice};
use adit_protocol::pow::{Hash, Target, VersionMask};
use adit_protocol::wire::Micros;

use super::{Finding, Subject, ensure};
use crate::Rig;

/// Of the dice of a stand.
const LANE: u64 = 0xc0f0;
const POOL: PoolKey = PoolKey(0);
/// Longest time a device takes from the opening of its link to work.
pub(super) const BRING_UP: Duration = Duration::from_secs(30);

pub(super) struct Stand {
    pub(super) rig: Rig,
    pub(super) now: Micros,
    pub(super) core: Core,
    pub(super) dice: Dice,
    /// What the machine and its link have said, nonces aside.
    pub(super) said: Vec<Report>,
    subject: Subject,
    detected: Detected,
    key: DeviceKey,
    share_target: Target,
    jobs: u64,
    block: u8,
    /// Hashes made before the device could work: on works of its driver's own.
    of_its_own: f64,
    /// The core's wish to open the link is not followed while this is set.
    shut: bool,
}

impl Stand {
    /// The device plugged in, its link about to be opened, no job yet.
    pub(super) fn new(subject: &Subject) -> Result<Self, Finding> {
        let twin = subject.item.twin(Dice::new(subject.seed, LANE).roll())?;
        Self::with(subject, twin)
    }

    /// As [`Self::new`], with a device of one's own.
    pub(super) fn with(subject: &Subject, twin: Box<dyn SimDevice>) -> Result<Self, Finding> {
        let difficulty = subject.item.share_difficulty()?;
        let mut dice = Dice::new(subject.seed, LANE);
        dice.roll(); // the twin's
        let detected = subject.item.detected(0, 0);
        let rig = Rig::new(subject.item.model, twin, dice.roll());
        let mut core = Core::new(Policy::default(), 1);
        let key = core.attach(Micros(0), &detected);
        core.on_pool(Micros(0), POOL, PoolInput::Up { resumed: false });
        Ok(Self {
            rig,
            now: Micros(0),
            core,
            dice,
            said: Vec::new(),
            subject: subject.clone(),
            detected,
            key,
            share_target: Target::from_difficulty(difficulty).unwrap_or(Target::MAX),
            jobs: 0,
            block: 1,
            of_its_own: 0.0,
            shut: false,
        })
    }

    /// As [`Self::new`], mining on a first job.
    pub(super) fn at_work(subject: &Subject) -> Result<Self, Finding> {
        let mut stand = Self::new(subject)?;
        stand.plug();
        stand.job(true)?;
        stand.run_until_working()?;
        Ok(stand)
    }

    pub(super) fn plug(&mut self) {
        self.rig.plug(self.now);
        if self.detected.connects() {
            self.core.attach(self.now, &self.detected); // nobody looks for it
        }
    }

    /// Another host finds the device as the one that died has left it.
    pub(super) fn host_is_back(&mut self) -> Result<(), Finding> {
        self.core.on_report(self.now, self.key, Report::Failed(Fault::Link(LinkError::Gone)));
        self.core.attach(self.now, &self.detected);
        self.settle()
    }

    /// Runs until the device has said what it can do.
    pub(super) fn run_until_working(&mut self) -> Result<(), Finding> {
        let end = self.now + BRING_UP;
        while self.now < end && !self.is_working() {
            self.run(Duration::from_millis(10))?;
        }
        self.of_its_own = self.rig.useful_hashes();
        let state = self.device().state;
        ensure(self.is_working(), || format!("after {BRING_UP:?} the device is {state:?}: {:?}", self.said))
    }

    fn is_working(&self) -> bool {
        self.rig.is_open() && self.said.iter().any(|said| matches!(said, Report::Event(Event::Ready(_))))
    }

    /// The pool sends a job; `new_block`: on another previous block, else on the same.
    pub(super) fn job(&mut self, new_block: bool) -> Result<(), Finding> {
        self.jobs += 1;
        self.block = self.block.wrapping_add(u8::from(new_block));
        let job = Job {
            key: JobKey(self.jobs),
            pool: POOL,
            coinbase_head: vec![1; 40],
            coinbase_tail: self.jobs.to_le_bytes().to_vec(),
            extranonce1: vec![2; 4],
            extranonce2_size: 4,
            merkle_branch: vec![Hash([3; 32])],
            fixed_root: None,
            version: 0x2000_0000,
            version_mask: VersionMask::BIP320,
            prev_hash: Hash([self.block; 32]),
            nbits: 0x1705_ae3a,
            ntime: 1_700_000_000,
            share_target: self.share_target,
            network_target: None,
            clean: new_block,
        };
        self.core.on_pool(self.now, POOL, PoolInput::Job(Arc::new(job)));
        self.settle()
    }

    /// The core does not hear that the link should be opened again.
    pub(super) fn keep_shut(&mut self) {
        self.shut = true;
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, span: Duration) -> Result<(), Finding> {
        let end = self.now + span;
        self.settle()?;
        let mut steps = 0_u64;
        while let Some(next) = self.deadline().filter(|next| *next < end) {
            steps = if next > self.now { 0 } else { steps + 1 };
            ensure(steps < 100_000, || format!("the clock stands still at {}", self.now))?;
            self.now = self.now.max(next);
            self.rig.advance(self.now);
            if self.core.deadline().is_some_and(|at| at <= self.now) {
                self.core.on_timer(self.now);
            }
            self.settle()?;
            self.core.assert_conserved();
        }
        self.now = end;
        Ok(())
    }

    fn deadline(&self) -> Option<Micros> {
        [self.rig.deadline(), self.core.deadline()].into_iter().flatten().min()
    }

    pub(super) fn settle(&mut self) -> Result<(), Finding> {
        loop {
            let mut quiet = true;
            while let Some(report) = self.rig.next_report() {
                if !matches!(
                    report,
                    Report::Event(Event::Nonce(_) | Event::Room { .. } | Event::Measured { .. })
                ) {
                    self.said.push(report.clone());
                }
                let failed = matches!(report, Report::Failed(_));
                self.core.on_report(self.now, self.key, report);
                if failed && self.rig.is_plugged() && self.detected.connects() {
                    self.core.attach(self.now, &self.detected); // it connects again
                }
                quiet = false;
            }
            while let Some(effect) = self.core.next_effect() {
                match effect {
                    Effect::Open(_) if self.shut => {}
                    Effect::Open(_) => {
                        let machine = self.subject.item.machine(&self.detected)?;
                        self.rig.open(self.now, machine);
                    }
                    Effect::Order(_, order) => self.rig.order(self.now, order),
                    Effect::Submit(..) | Effect::Notice(_) => {}
                }
                quiet = false;
            }
            if quiet {
                return Ok(());
            }
        }
    }

    pub(super) fn device(&self) -> DeviceView<'_> {
        let view = self.core.device(self.now, self.key);
        #[allow(clippy::expect_used, reason = "rows are never removed")]
        view.expect("the row of the only device") // invariant: rows are never removed
    }

    pub(super) fn verdicts(&self, verdict: Verdict) -> u64 {
        self.device().tally.verdicts(verdict)
    }

    /// Nonces the device should have found by now.
    pub(super) fn promised(&self) -> f64 {
        let per_nonce =
            self.device().capability.map_or(f64::INFINITY, |capability| capability.hashes_per_nonce);
        (self.rig.useful_hashes() - self.of_its_own) / per_nonce
    }

    /// Time the device takes for `count` nonces on average.
    pub(super) fn time_for(&self, count: u32) -> Duration {
        let device = self.device();
        let seconds =
            device.capability.map_or(1.0, |capability| capability.hashes_per_nonce / capability.nominal.0);
        Duration::from_secs_f64(seconds * f64::from(count))
    }
}
