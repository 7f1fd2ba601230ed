//! A chain at work: jobs go out, nonces come back.

use std::collections::VecDeque;
use std::time::Duration;

use adit_driver::{Event, Fault, Nonce, Outbox, Queue, Ruling, Turn, Unjudged, Work};
use adit_protocol::bm13xx::{
    Command, Frame, HeaderJob, Job, MidstateJob, NonceAnswer, Pll, Register, Split, Ticket, VersionRolling,
    stepped_version,
};
use adit_protocol::pow::{Header, VersionMask};
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Line, Micros, Port};

use crate::baud;
use crate::claims::claims;
use crate::counters::Counters;
use crate::health::{Advice, Health};
use crate::plan::Plan;
use crate::ramp::{self, Ramp};
use crate::ring::{Ring, Slot};
use crate::sequence;
use crate::setup::{RESET_BAUD, Setup};
use crate::wire::bytes;

/// Answers that were on their way when a harder ticket was set have arrived.
const TICKET_SETTLES: Duration = Duration::from_secs(2);
/// Chips that are there answer within this time.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// A harder ticket is not set more often than this.
const TICKET_RESTS: Duration = Duration::from_secs(30);

/// What outlives a reset of the chips.
#[derive(Debug, Default)]
pub(crate) struct Books {
    /// Works received so far.
    pub received: u64,
    /// Nonces that wait for their verdict, with the chip that found them.
    pub unjudged: Unjudged<u16>,
}

/// What a verdict has shown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Judged {
    /// Who found the nonce.
    pub chip: Option<u16>,
    /// What is wrong with the chain.
    pub fault: Option<Fault>,
}

/// A chain at work.
#[derive(Debug)]
pub(crate) struct Mining {
    port: Port,
    pub plan: Plan,
    /// The ticket that chips have been told; the plan's is what their answers are held against.
    told: Ticket,
    /// The user has chosen it.
    ticket_is_fixed: bool,
    ticket_at: Micros,
    settles: Option<Micros>,
    ring: Ring,
    queue: Queue,
    turn: Turn,
    ramp: Ramp,
    /// Writes of a clock, or works that open cores, that are not sent yet.
    later: VecDeque<(Micros, Frame)>,
    /// Version bits that chips have been told.
    mask: VersionMask,
    hash_count: u32,
    pub resting: bool,
    counters: Counters,
    pub health: Health,
    unjudged: Unjudged<u16>,
    /// The job that is being searched.
    current: Option<Work>,
    /// The chips have found nothing for long and are asked whether they are there: until then they have time to answer.
    doubted: Option<Micros>,
    /// The first ramp is over.
    ready: bool,
    garbage: u32,
}

impl Mining {
    /// Begins to work on a chain that has been brought up.
    pub(crate) fn begin(now: Micros, setup: &Setup, plan: Plan, books: Books, outbox: &mut Outbox) -> Self {
        let ramp = Ramp::from_reset(now, plan.chip, setup.clock, setup.ramp_step);
        let job = Line::at(plan.baud).duration(plan.job_size(VersionMask::BIP320));
        let mut mining = Self {
            port: setup.port,
            told: plan.ticket,
            ticket_is_fixed: setup.ticket.is_some(),
            ticket_at: now,
            settles: None,
            ring: Ring::new(plan.chip),
            queue: Queue::new(plan.room(ramp.fastest()), books.received),
            turn: Turn::new(job),
            ramp,
            later: VecDeque::new(),
            mask: VersionMask::BIP320,
            hash_count: 0,
            resting: false,
            counters: Counters::new(now, &plan, setup.burst),
            health: Health::new(now),
            unjudged: books.unjudged,
            current: None,
            doubted: None,
            ready: false,
            garbage: 0,
            plan,
        };
        mining.set_rolling(VersionMask::BIP320, outbox);
        mining.step_ramp(now, outbox);
        mining
    }

    /// The chips are to be reset: what must be kept.
    pub(crate) fn end(self) -> Books {
        Books { received: self.queue.received(), unjudged: self.unjudged }
    }

    fn send(&self, frame: &Frame, outbox: &mut Outbox) {
        outbox.write(self.port, bytes(self.plan.chip.facts().generation, frame));
    }

    fn command(&self, command: Command, outbox: &mut Outbox) {
        self.send(&Frame::Command(command), outbox);
    }

    /// The clock that the chips are set to, or on their way to.
    pub(crate) fn target(&self) -> Hertz {
        self.ramp.target()
    }

    fn announce(&self, outbox: &mut Outbox) {
        if self.ready {
            outbox.emit(Event::Ready(self.plan.capability(self.ramp.pll(), self.queue.room())));
        }
    }

    /// Sets the sweep for the fastest clock that the ramp passes: one that is too long would do work twice.
    fn set_hash_count(&mut self, outbox: &mut Outbox) {
        if !self.plan.chip.rolls_versions() {
            return;
        }
        let wanted = match self.resting {
            true => 0,
            false => self.plan.hash_count(self.ramp.fastest()),
        };
        if wanted != self.hash_count {
            self.hash_count = wanted;
            self.command(Command::write_all(Register::HASH_COUNT, wanted), outbox);
        }
    }

    fn set_rolling(&mut self, mask: VersionMask, outbox: &mut Outbox) {
        if self.plan.chip.rolls_versions() {
            self.mask = mask;
            let value = VersionRolling::rolling(mask).bits();
            self.command(Command::write_all(Register::VERSION_ROLLING, value), outbox);
        }
    }

    /// Sets the clock; of several writes all but the first follow at a distance.
    fn set_clock(&mut self, now: Micros, pll: &Pll, outbox: &mut Outbox) {
        let mut writes = ramp::writes(self.plan.chip, pll).into_iter().map(Frame::Command);
        if let Some(first) = writes.next() {
            self.send(&first, outbox);
        }
        let times = std::iter::successors(Some(now), |at| Some(*at + ramp::BETWEEN_WRITES)).skip(1);
        let mut later: VecDeque<_> = times.zip(writes).collect();
        if !later.is_empty() {
            std::mem::swap(&mut self.later, &mut later);
        }
    }

    /// Sends the frames whose time has come.
    fn write_later(&mut self, now: Micros, outbox: &mut Outbox) {
        while let Some((_, frame)) = self.later.pop_front_if(|(at, _)| now >= *at) {
            self.send(&frame, outbox);
        }
        if !self.ready && self.later.is_empty() && self.ramp.due().is_none() {
            self.begin_work(outbox);
        }
    }

    fn step_ramp(&mut self, now: Micros, outbox: &mut Outbox) {
        let before = self.ramp.clock();
        let clock = self.ramp.step(now);
        let pll = *self.ramp.pll();
        if clock.0 > before.0 {
            self.set_hash_count(outbox);
            self.set_clock(now, &pll, outbox);
        } else {
            self.set_clock(now, &pll, outbox);
            self.set_hash_count(outbox);
        }
        if self.ramp.due().is_none() {
            self.at_target(now, outbox);
        }
    }

    /// A ramp is over.
    fn at_target(&mut self, now: Micros, outbox: &mut Outbox) {
        self.counters.forget();
        self.health.restart(now);
        if self.ready {
            return self.announce(outbox);
        }
        let times = std::iter::successors(Some(now), |at| Some(*at + ramp::BETWEEN_WRITES));
        self.later.extend(times.zip(sequence::openings(self.plan.chip)));
        self.write_later(now, outbox);
    }

    /// The first ramp is over, and all cores are open.
    fn begin_work(&mut self, outbox: &mut Outbox) {
        self.ready = true;
        self.announce(outbox);
        self.queue.announce(outbox);
    }

    fn slowest(&self) -> Pll {
        Pll::solve(self.plan.chip, ramp::slowest())
    }

    /// The chips are to run at `wanted`.
    pub(crate) fn on_clock(&mut self, now: Micros, wanted: Hertz) {
        self.ramp.redirect(now, wanted);
    }

    /// No hashing until [`Self::resume`].
    pub(crate) fn rest(&mut self, now: Micros, outbox: &mut Outbox) {
        self.resting = true;
        self.set_hash_count(outbox);
        if !self.plan.chip.rolls_versions() {
            // These have no switch: as slow as they can be, and no more jobs.
            self.set_clock(now, &self.slowest(), outbox);
        }
    }

    /// Hashing again.
    pub(crate) fn resume(&mut self, now: Micros, outbox: &mut Outbox) {
        self.resting = false;
        if !self.plan.chip.rolls_versions() {
            let target = self.ramp.target();
            self.ramp.jumped(ramp::slowest());
            self.ramp.redirect(now, target);
        }
        self.set_hash_count(outbox);
        self.health.restart(now);
        self.turn.at_once(now);
        self.feed(now, outbox);
    }

    /// As slow as the chips can be, at once: they are about to lose their supply, or to be left alone.
    pub(crate) fn slow_down(&mut self, outbox: &mut Outbox) {
        self.resting = true;
        self.set_hash_count(outbox);
        self.later.clear();
        for command in ramp::writes(self.plan.chip, &self.slowest()) {
            self.command(command, outbox);
        }
        self.ramp.jumped(ramp::slowest());
    }

    /// Slow, silent, and at the baud rate of chips after a reset.
    pub(crate) fn hand_over(&mut self, outbox: &mut Outbox) {
        self.slow_down(outbox);
        if !self.plan.chip.rolls_versions() {
            self.command(sequence::hush(Some(self.plan.chip)), outbox);
        }
        if self.plan.baud != RESET_BAUD {
            for command in baud::writes(self.plan.chip, RESET_BAUD) {
                self.command(command, outbox);
            }
        }
    }

    pub(crate) fn on_work(&mut self, now: Micros, work: Work, outbox: &mut Outbox) {
        self.queue.put(work);
        if !self.feed(now, outbox) {
            self.queue.announce(outbox);
        }
    }

    pub(crate) fn on_job_changed(&mut self, now: Micros) {
        self.queue.clear();
        self.turn.at_once(now);
    }

    /// Gives the next job if there is one and it is due.
    fn feed(&mut self, now: Micros, outbox: &mut Outbox) -> bool {
        if self.resting || !self.ready || now < self.turn.at() {
            return false;
        }
        let Some(work) = self.queue.take() else { return false };
        if self.current.is_none() {
            self.health.restart(now);
        }
        self.fit_ticket(now, &work, outbox);
        self.give(now, &work, outbox);
        self.current = Some(work);
        self.queue.announce(outbox);
        true
    }

    fn give(&mut self, now: Micros, work: &Work, outbox: &mut Outbox) {
        let window = work.space.version;
        if self.plan.chip.rolls_versions() && window.mask != self.mask {
            self.set_rolling(window.mask, outbox);
        }
        let midstates = self.plan.midstates(window.mask);
        let job_byte = self.ring.give(Slot::of(work, midstates));
        let header = Header { version: window.base, ..work.header };
        let job = if self.plan.chip.rolls_versions() {
            Job::Header(HeaderJob::new(job_byte, header))
        } else {
            let versions = [0, 1, 2, 3].map(|index| stepped_version(window.base, window.mask, index));
            let versions = &versions[..usize::from(midstates).min(versions.len())];
            Job::Midstates(MidstateJob::new(job_byte, &header, versions))
        };
        self.send(&Frame::Job(job), outbox);
        self.turn.started(now, 1, self.plan.job_time(window.mask, self.ramp.fastest()));
    }

    /// Lets chips report what the pool wants, and not much more. An easier ticket is set at once; a harder one now and then,
    /// and answers are held against it only when those found before have arrived.
    fn fit_ticket(&mut self, now: Micros, work: &Work, outbox: &mut Outbox) {
        if self.ticket_is_fixed {
            return;
        }
        let wanted = self.plan.ticket_for(work.job.share_target).min(self.plan.usual_ticket());
        if wanted < self.told || wanted > self.told && now.since(self.ticket_at) >= TICKET_RESTS {
            self.command(Command::write_all(self.plan.chip.ticket_register(), wanted.register()), outbox);
            (self.told, self.ticket_at) = (wanted, now);
            self.settles = (wanted > self.plan.ticket).then(|| now + TICKET_SETTLES);
        }
        if self.told < self.plan.ticket {
            self.plan.ticket = self.told;
            self.announce(outbox);
        }
    }

    /// A chip has found something.
    pub(crate) fn on_nonce(&mut self, answer: &NonceAnswer, outbox: &mut Outbox) {
        let facts = self.plan.chip.facts();
        let unit = facts.layout.chip_index(answer.nonce, self.plan.split, self.plan.chips);
        // A sweep that runs over ends in numbers behind its own: behind the last chip there is nobody else.
        let unit = unit.unwrap_or(self.plan.chips - 1);
        let claims = claims(self.plan.chip, &self.ring, answer);
        if claims.is_empty() && self.ring.is_young() {
            return;
        }
        let seq = self.unjudged.number(unit);
        outbox.emit(Event::Nonce(Nonce { seq, unit, claims }));
    }

    /// A nonce was judged.
    pub(crate) fn on_ruling(&mut self, now: Micros, ruling: &Ruling, outbox: &mut Outbox) -> Judged {
        let Some(chip) = self.unjudged.take(ruling.seq) else { return Judged::default() };
        let fault = match self.health.judge(now, ruling.verdict) {
            Advice::Overlap(fault) => {
                outbox.emit(Event::Fault(fault));
                self.split_by_address(now, outbox);
                None
            }
            Advice::Reset(fault) => Some(fault),
            Advice::Fine | Advice::Revive => None,
        };
        Judged { chip: Some(chip), fault }
    }

    /// Nonce offsets do not do what they should: the chips share nonces by their addresses instead (§9.2).
    fn split_by_address(&mut self, now: Micros, outbox: &mut Outbox) {
        if self.plan.split != Split::Offsets {
            return;
        }
        self.plan.split = self.plan.split_by_address();
        self.command(Command::write_all(Register::NONCE_OFFSET, 0), outbox);
        self.set_hash_count(outbox);
        self.turn.at_once(now);
    }

    /// Chips answer and find nothing: the settings without which they do not report (§13.3).
    fn revive(&mut self, now: Micros, outbox: &mut Outbox) {
        if let Some(command) = sequence::report_enables(self.plan.chip) {
            self.command(command, outbox);
        }
        self.set_rolling(self.mask, outbox);
        self.hash_count = u32::MAX;
        self.set_hash_count(outbox);
        self.command(Command::write_all(self.plan.chip.ticket_register(), self.told.register()), outbox);
        if let Some(work) = self.current.take() {
            self.give(now, &work, outbox);
            self.current = Some(work);
        }
    }

    /// A chip has answered a question.
    pub(crate) fn on_register(
        &mut self,
        now: Micros,
        answer: &adit_protocol::bm13xx::RegisterAnswer,
        outbox: &mut Outbox,
    ) -> Option<Fault> {
        let settled = self.ramp.due().is_none() && !self.resting;
        let clock = settled.then(|| self.ramp.pll().frequency());
        self.counters.on_answer(now, &self.plan, answer, clock, outbox)
    }

    /// Bytes that belong to no frame.
    pub(crate) fn on_garbage(&mut self, bytes: usize) {
        self.garbage = self.garbage.saturating_add(bytes as u32);
    }

    /// Time has passed. Returns what is wrong.
    pub(crate) fn on_timer(&mut self, now: Micros, outbox: &mut Outbox) -> Option<Fault> {
        if !self.later.is_empty() {
            self.write_later(now, outbox);
        }
        if self.step_due().is_some_and(|due| now >= due) {
            self.step_ramp(now, outbox);
        }
        if self.settles.is_some_and(|at| now >= at) {
            self.settles = None;
            self.plan.ticket = self.told;
            self.announce(outbox);
        }
        self.feed(now, outbox);
        if let Some(fault) = self.watch(now, outbox) {
            return Some(fault);
        }
        if now < self.counters.due() {
            return None;
        }
        if let Some(question) = self.counters.next(now) {
            self.command(question, outbox);
            return None;
        }
        self.round(now, outbox)
    }

    fn round(&mut self, now: Micros, outbox: &mut Outbox) -> Option<Fault> {
        if self.garbage > 0 {
            outbox.emit(Event::Fault(Fault::Garbage { bytes: std::mem::take(&mut self.garbage) }));
        }
        self.counters.begin_round(now, &self.plan, outbox)
    }

    /// Time between two nonces on average, at the clock that was set last.
    pub(crate) fn interval(&self) -> Duration {
        self.plan.report_interval(self.ramp.pll().frequency())
    }

    /// Nothing is expected of chips that have no job, rest or change their clock.
    pub(crate) fn is_searching(&self) -> bool {
        self.current.is_some() && !self.resting && self.ramp.due().is_none()
    }

    /// Looks whether the chips have been silent for too long.
    fn watch(&mut self, now: Micros, outbox: &mut Outbox) -> Option<Fault> {
        if !self.is_searching() {
            self.doubted = None;
            return None;
        }
        if self.doubted.is_some_and(|until| now >= until) {
            self.doubted = None;
            if !self.counters.anybody() {
                return Some(self.health.silence(now));
            }
            self.revive(now, outbox);
        }
        match self.health.check(now, self.interval()) {
            Advice::Revive => {
                self.doubted = Some(now + ANSWERS_WITHIN);
                self.counters.hurry(now);
                None
            }
            Advice::Reset(fault) => Some(fault),
            Advice::Fine | Advice::Overlap(_) => None,
        }
    }

    /// When the clock changes next: not while the chips rest.
    fn step_due(&self) -> Option<Micros> {
        self.ramp.due().filter(|_| !self.resting)
    }

    /// When time matters next.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        let feed = (!self.resting && self.ready && !self.queue.is_empty()).then(|| self.turn.at());
        let silent = self.is_searching().then(|| self.health.patience(self.interval()));
        let later = self.later.front().map(|(at, _)| *at);
        let others = [feed, later, self.step_due(), self.settles, self.doubted, silent];
        others.into_iter().flatten().chain([self.counters.due()]).min()
    }
}
