//! A stick at work.

use std::time::Duration;

use adit_driver::{Capability, Event, Fault, Nonce, Outbox, Quantity, Queue, Reach, Reading, Ruling, Turn};
use adit_driver::{Unjudged, Verdict, Work};
use adit_driver_bm13xx::{Advice, Health};
use adit_protocol::bm13xx::{Bm1384Command, Bm1384Frame, Bm1384Work, Ticket};
use adit_protocol::gekko;
use adit_protocol::pow::Target;
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Line, Micros};

use crate::bring_up::setup;
use crate::options::Options;
use crate::pace::{PORT, Pace, bytes};
use crate::ring::Ring;
use crate::watch::{Finding, Watch};

/// Works that wait while one is searched.
const ROOM: u16 = 2;
/// A work is replaced before all nonces are tried, for the next takes time.
const EARLY: f64 = 0.9;
/// Chips are asked for their clock so often, and answer within this time.
const ASKED_EVERY: Duration = Duration::from_secs(10);
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
const LOWEST: Hertz = Hertz::from_mhz(gekko::CLOCK_STEP_MHZ);

/// What the stick is doing.
#[derive(Debug)]
pub(crate) struct Mining {
    chips: u16,
    easing: Option<f64>,
    ticket: Ticket,
    clock: Hertz,
    target: Hertz,
    /// What the user wants: the target is less where that was too much.
    wanted: Hertz,
    ramp_step: Duration,
    /// Time after which a target that was lowered is raised by a step, and when that is.
    tune_up: Option<Duration>,
    raise_at: Option<Micros>,
    /// When the clock rises or falls by a step; `None`: it is where it should be.
    step_at: Option<Micros>,
    pace: Pace,
    ring: Ring,
    queue: Queue,
    turn: Turn,
    health: Health,
    watch: Watch,
    unjudged: Unjudged<u16>,
    current: Option<Work>,
    /// The chips have nonces to try until then.
    busy_until: Micros,
    ask_at: Micros,
    /// Answers about the clock since it was asked for last.
    answers: u16,
    /// The chips have found nothing for long; until then they have time to say that they are there.
    doubted: Option<Micros>,
    garbage: u32,
}

impl Mining {
    /// Begins on `chips` chips that run at the start clock; `received` works came too early.
    pub(crate) fn begin(
        now: Micros,
        options: &Options,
        chips: u16,
        start: Hertz,
        target: Hertz,
        received: u64,
        outbox: &mut Outbox,
    ) -> Self {
        let mut mining = Self {
            chips,
            easing: options.easing,
            ticket: gekko::ticket(gekko::rate(target, chips)),
            clock: gekko::clock(gekko::clock_word(start)),
            target,
            wanted: target,
            ramp_step: options.ramp_step,
            tune_up: options.tune_up,
            raise_at: None,
            step_at: None,
            pace: Pace::default(),
            ring: Ring::default(),
            queue: Queue::new(ROOM, received),
            turn: Turn::new(Line::at(115_200).duration(Bm1384Work::SIZE)),
            health: Health::new(now),
            watch: Watch::new(now, chips),
            unjudged: Unjudged::new(),
            current: None,
            busy_until: now,
            ask_at: now,
            answers: 0,
            doubted: None,
            garbage: 0,
        };
        mining.set_target(now, target);
        mining.announce(outbox);
        mining.queue.announce(outbox);
        mining.ask(now, outbox);
        mining
    }

    fn report_target(&self) -> Target {
        match self.easing {
            None => self.ticket.target(),
            Some(easing) => Target::from_difficulty(self.ticket.difficulty() * easing).unwrap_or(Target::MAX),
        }
    }

    fn announce(&self, outbox: &mut Outbox) {
        outbox.emit(Event::Ready(Capability {
            reach: Reach::NONCE,
            room: ROOM,
            memory: Ring::memory() + ROOM,
            whole_jobs: false,
            report_target: self.report_target(),
            hashes_per_nonce: self.ticket.hashes(),
            nominal: gekko::rate(self.clock, self.chips),
            eased: self.easing.is_some(),
        }));
    }

    fn command(&mut self, now: Micros, command: Bm1384Command, outbox: &mut Outbox) {
        self.pace.send(now, &Bm1384Frame::Command(command), outbox);
    }

    fn ask(&mut self, now: Micros, outbox: &mut Outbox) {
        (self.ask_at, self.answers) = (now + ASKED_EVERY, 0);
        let register = gekko::PLL_REGISTER;
        self.command(now, Bm1384Command::Read { chip: None, register }, outbox);
    }

    /// The user wants another clock: what was too high counts no more.
    pub(crate) fn want(&mut self, now: Micros, wanted: Hertz) {
        (self.wanted, self.raise_at) = (wanted, None);
        self.set_target(now, wanted);
    }

    /// The clock moves toward `target`, step by step.
    fn set_target(&mut self, now: Micros, target: Hertz) {
        self.target = gekko::clock(gekko::clock_word(target));
        self.step_at = (self.target != self.clock).then(|| now + self.ramp_step);
    }

    /// Sets `clock` and the addresses again, as after every change of clock (§6.1).
    fn set_clock(&mut self, now: Micros, clock: Hertz, outbox: &mut Outbox) {
        self.clock = gekko::clock(gekko::clock_word(clock));
        for frame in setup(self.chips, clock) {
            self.pace.send(now, &frame, outbox);
        }
        self.ask(now, outbox);
        self.watch.restart(now);
        self.announce(outbox);
    }

    fn step(&mut self, now: Micros, outbox: &mut Outbox) {
        let mut step = gekko::CLOCK_STEP_MHZ;
        if self.clock.mhz().max(self.target.mhz()) > 400.0 {
            step *= 2.0;
        }
        let (from, to) = (self.clock.mhz(), self.target.mhz());
        let next = if to > from { (from + step).min(to) } else { (from - step).max(to) };
        self.set_clock(now, Hertz::from_mhz(next), outbox);
        self.step_at = (self.clock != self.target).then(|| now + self.ramp_step);
    }

    /// A target that was lowered is tried a step higher.
    fn raise(&mut self, now: Micros) {
        // Above 400 MHz every other clock cannot be set.
        let steps = if self.target.mhz() >= 400.0 { 2.0 } else { 1.0 };
        let higher = self.target.mhz() + steps * gekko::CLOCK_STEP_MHZ;
        self.set_target(now, Hertz::from_mhz(higher.min(self.wanted.mhz())));
        self.raise_at = self.tune_up.filter(|_| self.target.0 < self.wanted.0).map(|after| now + after);
    }

    /// The chips are told everything again, and search on.
    fn revive(&mut self, now: Micros, outbox: &mut Outbox) {
        self.set_clock(now, self.clock, outbox);
        if let Some(work) = self.current.take() {
            self.give(now, work, outbox);
        }
    }

    /// The chips cannot take their clock: `steps` less from now on.
    fn back_off(&mut self, now: Micros, steps: f64, outbox: &mut Outbox) {
        let lower = Hertz::from_mhz(self.clock.mhz() - steps * gekko::CLOCK_STEP_MHZ);
        self.clock = if lower.0 < LOWEST.0 { LOWEST } else { lower };
        self.set_target(now, self.clock);
        self.raise_at = self.tune_up.map(|after| now + after);
        self.revive(now, outbox);
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

    fn feed(&mut self, now: Micros, outbox: &mut Outbox) -> bool {
        if now < self.turn.at() || !self.pace.is_empty() || now < self.pace.free() {
            return false;
        }
        let Some(work) = self.queue.take() else { return false };
        if now > self.busy_until {
            self.health.restart(now);
            self.watch.restart(now);
        }
        self.fit_ticket(&work, outbox);
        self.give(now, work, outbox);
        self.queue.announce(outbox);
        true
    }

    fn give(&mut self, now: Micros, work: Work, outbox: &mut Outbox) {
        let id = self.ring.give(work.clone());
        let frame = Bm1384Work {
            ticket: (self.ticket.difficulty() - 1.0) as u8,
            nonce_count: gekko::nonce_count(self.chips),
            ..Bm1384Work::new(id, &work.header)
        };
        self.pace.send(now, &Bm1384Frame::Work(frame), outbox);
        let all = Duration::from_secs_f64(2_f64.powi(32) / gekko::rate(self.clock, self.chips).0);
        self.busy_until = now + all;
        self.turn.started(now, 1, all.mul_f64(EARLY));
        self.current = Some(work);
    }

    /// A pool that wants easier shares than the stick reports gets them.
    fn fit_ticket(&mut self, work: &Work, outbox: &mut Outbox) {
        let wanted = Ticket::from_difficulty(work.job.share_target.difficulty() / self.easing.unwrap_or(1.0));
        if wanted < self.ticket {
            self.ticket = wanted;
            self.announce(outbox);
        }
    }

    /// The stick said something. Returns what is wrong.
    pub(crate) fn on_frame(&mut self, now: Micros, frame: Bm1384Frame, outbox: &mut Outbox) {
        match frame {
            Bm1384Frame::Nonce { nonce, job_id } => self.on_nonce(nonce, job_id, outbox),
            Bm1384Frame::Register { value } if value >> 24 == 0x80 => self.on_clock(now, value, outbox),
            Bm1384Frame::Register { .. } | Bm1384Frame::Command(_) | Bm1384Frame::Work(_) => {}
        }
    }

    fn on_nonce(&mut self, nonce: [u8; 4], id: u8, outbox: &mut Outbox) {
        let claims = self.ring.claims(id, nonce);
        if claims.is_empty() && self.ring.is_young() {
            return;
        }
        let unit = gekko::chip_of(nonce, self.chips);
        let seq = self.unjudged.number(unit);
        outbox.emit(Event::Nonce(Nonce { seq, unit, claims }));
    }

    /// A chip says what its clock is. They answer in the order of the chain.
    fn on_clock(&mut self, now: Micros, value: u32, outbox: &mut Outbox) {
        let chip = self.answers;
        self.answers = self.answers.saturating_add(1);
        let set = gekko::clock_word(self.clock);
        if chip >= self.chips {
            return;
        }
        if value == gekko::pll_register(set) {
            let reading = Reading { value: Ok(self.clock.0), at: now };
            return outbox.emit(Event::Measured { unit: chip, quantity: Quantity::ClockHertz, reading });
        }
        if self.pace.is_empty() {
            outbox.emit(Event::Fault(Fault::ChipReset { chip }));
            self.revive(now, outbox);
        }
    }

    pub(crate) fn on_garbage(&mut self, bytes: usize) {
        self.garbage = self.garbage.saturating_add(bytes as u32);
    }

    pub(crate) fn on_ruling(&mut self, now: Micros, ruling: &Ruling, outbox: &mut Outbox) -> Option<Fault> {
        let unit = self.unjudged.take(ruling.seq)?;
        if ruling.verdict.is_valid() {
            self.watch.found(now, unit);
        }
        match self.health.judge(now, ruling.verdict) {
            Advice::Reset(fault) => Some(fault),
            Advice::Overlap(fault) => {
                outbox.emit(Event::Fault(fault));
                self.revive(now, outbox);
                None
            }
            Advice::Fine | Advice::Revive => None,
        }
        .filter(|_| ruling.verdict != Verdict::UnknownWork)
    }

    /// Time has passed. Returns what is wrong.
    pub(crate) fn on_timer(&mut self, now: Micros, outbox: &mut Outbox) -> Option<Fault> {
        self.pace.turn(now, outbox);
        if self.raise_at.is_some_and(|at| now >= at) {
            self.raise(now);
        }
        if self.step_at.is_some_and(|at| now >= at) {
            self.step(now, outbox);
        }
        if now >= self.ask_at {
            if self.garbage > 0 {
                outbox.emit(Event::Fault(Fault::Garbage { bytes: std::mem::take(&mut self.garbage) }));
            }
            self.ask(now, outbox);
        }
        self.feed(now, outbox);
        if self.look_at().is_some_and(|at| now >= at) { self.look(now, outbox) } else { None }
    }

    fn look(&mut self, now: Micros, outbox: &mut Outbox) -> Option<Fault> {
        if self.doubted.take_if(|until| now >= *until).is_some() {
            if self.answers == 0 {
                return Some(self.health.silence(now));
            }
            self.revive(now, outbox);
        }
        match self.health.check(now, self.interval()) {
            Advice::Reset(fault) => return Some(fault),
            Advice::Revive => {
                self.doubted = Some(now + ANSWERS_WITHIN);
                self.ask(now, outbox);
            }
            Advice::Fine | Advice::Overlap(_) => {}
        }
        match self.watch.look(now, self.interval())? {
            Finding::Zombie { chip, hopeless } => {
                let fault = Fault::ChipMissing { chip, found: self.chips - 1, expected: self.chips };
                if hopeless {
                    return Some(fault);
                }
                outbox.emit(Event::Fault(fault));
                self.back_off(now, 1.0, outbox);
            }
            Finding::Plateau => {
                outbox.emit(Event::Fault(Fault::Refused { what: "its clock and finds too little" }));
                self.back_off(now, 2.0, outbox);
            }
        }
        None
    }

    /// Time between two nonces on average.
    fn interval(&self) -> Duration {
        Duration::from_secs_f64(self.ticket.hashes() / gekko::rate(self.clock, self.chips).0)
    }

    /// When to look at the chips: only of those that have something to search is anything expected.
    fn look_at(&self) -> Option<Micros> {
        let interval = self.interval();
        let looks = [Some(self.health.patience(interval)), self.watch.deadline(interval), self.doubted];
        looks.into_iter().flatten().filter(|at| *at < self.busy_until).min()
    }

    /// When time matters next.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        let feed = (!self.queue.is_empty()).then(|| self.turn.at().max(self.pace.free()));
        let rest = [Some(self.ask_at), self.step_at, self.raise_at, self.pace.deadline(), feed];
        rest.into_iter().flatten().chain(self.look_at()).min()
    }

    /// When a last frame may be written.
    pub(crate) const fn free(&self) -> Micros {
        self.pace.free()
    }

    /// No more frames.
    pub(crate) fn hush(&mut self) {
        self.pace.clear();
    }
}

/// The slowest clock, at once.
pub(crate) fn slow_down(outbox: &mut Outbox) {
    let slowest = Bm1384Command::SetPll(gekko::clock_word(LOWEST));
    outbox.write(PORT, bytes(&Bm1384Frame::Command(slowest)));
}
