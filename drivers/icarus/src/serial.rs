//! Mining on a device that takes one job at a time: everything of the family but the R-BOX
//! (`docs/protocols/icarus.md §5`).

use std::time::Duration;

use adit_driver::script::{Outcome, Play};
use adit_driver::{
    Command, Event, Fault, LinkError, Nonce, Outbox, Quantity, Queue, Reading, Reply, Ruling, Token, Turn,
    Unjudged, Work, WorkId,
};
use adit_protocol::icarus::{
    CairnsmoreCommand, Chip, Dialect, Job, Nonce as Record, Register,
    golden::{self, KnownJob},
};
use adit_protocol::units::{Hertz, Volts};
use adit_protocol::wire::Micros;

use crate::boards::{AfterHit, Control, Identify};
use crate::control::{self, cairnsmore};
use crate::detect::PORT;
use crate::health::Health;
use crate::options::MILLIVOLTS;
use crate::prepare::Prepare;
use crate::rig::Rig;
use crate::ring::{Placed, Ring};
use crate::stream::{Item, Stream};
use crate::timing::{Sample, Timing};

/// Nonces at the ends of an engine's range are not timed.
const END: u32 = 0xffff;
/// A Block Erupter that shows itself rests so long.
const REST: Duration = Duration::from_secs(3);
/// A Cairnsmore1 that shows itself blinks so long.
const BLINK: Duration = Duration::from_secs(5);
/// Jobs of bring-up.
static TESTS: &[KnownJob] = &[
    golden::BLOCK_171874,
    golden::DIVISION_PROBE,
    golden::CAIRNSMORE_PROBE,
    golden::U3_CHIP_0,
    golden::U3_CHIP_1,
    golden::U3_CHIP_2,
    golden::U3_CHIP_3,
];
/// A measured rate is news when it differs by more than this part.
const NEWS: f64 = 0.01;

/// The mining state.
#[derive(Debug)]
pub(crate) struct Serial {
    rig: Rig,
    queue: Queue,
    turn: Turn,
    ring: Ring,
    stream: Stream,
    timing: Timing,
    announced: f64,
    health: Health,
    unjudged: Unjudged<Option<Sample>>,
    /// A change of clock or voltage in progress; the device is not fed meanwhile.
    ramp: Option<Play<Prepare>>,
    /// Command frames that go out right before the next job.
    ahead: Vec<Vec<u8>>,
    /// When the LED is switched off again.
    dark_at: Option<Micros>,
}

impl Serial {
    /// Begins mining: announces what the device can do and asks for work. `received`: works that came too early.
    pub(crate) fn begin(rig: Rig, received: u64, outbox: &mut Outbox) -> Self {
        let timing = Timing::new(rig.options.pace, rig.nominal(), rig.engines, rig.division);
        let mut serial = Self {
            queue: Queue::new(1, received),
            turn: Turn::new(rig.options.job_time()),
            ring: Ring::new(rig.board().dialect),
            stream: Stream::new(rig.board().dialect),
            announced: 0.0,
            timing,
            health: Health::default(),
            unjudged: Unjudged::new(),
            ramp: None,
            ahead: Vec::new(),
            dark_at: None,
            rig,
        };
        serial.announce(outbox);
        serial.queue.announce(outbox);
        serial
    }

    fn announce(&mut self, outbox: &mut Outbox) {
        self.announced = self.timing.rate();
        let room = self.queue.room();
        let memory = self.ring.capacity() as u16 + room;
        outbox.emit(Event::Ready(self.rig.capability(room, memory, self.announced)));
    }

    /// Bytes arrived, or (none) the line fell quiet.
    pub(crate) fn on_bytes(&mut self, now: Micros, bytes: &[u8], quiet: bool, outbox: &mut Outbox) {
        self.stream.extend(bytes);
        let target = self.rig.target();
        let mut spoilt = false;
        loop {
            let item = self.stream.next(quiet, |record| self.ring.solver(record, &target).is_some());
            spoilt |= matches!(item, Some(Item::Garbage(_) | Item::Nonce { proven: false, .. }));
            match item {
                Some(Item::Nonce { nonce, proven }) => self.on_record(now, nonce, proven, outbox),
                Some(Item::Register(register)) => self.on_register(now, register, outbox),
                // What comes before the first job answers somebody else's.
                Some(Item::Garbage(_)) if self.ring.newest().is_none() => {}
                Some(Item::Garbage(bytes)) => outbox.emit(Event::Fault(Fault::Garbage { bytes })),
                None => break,
            }
        }
        // Once for all that came since the last silence: its last bytes have waited for this one.
        if quiet && spoilt {
            self.health.spoilt();
        }
        self.feed(now, outbox);
    }

    fn on_record(&mut self, now: Micros, record: Record, proven: bool, outbox: &mut Outbox) {
        let Some(newest) = self.ring.newest() else { return };
        if !proven && answers_a_test(record.nonce) {
            return;
        }
        let crossed = now < newest.at + self.rig.options.job_time();
        let solved = if proven { self.ring.solver(&record, &self.rig.target()) } else { None };
        let mut claims = self.ring.claims(&record, crossed);
        if let Some(at) = claims.iter().position(|claim| Some(claim.work) == solved) {
            claims[..=at].rotate_right(1);
        }
        let sample = self.sample(now, &record, solved);
        let seq = self.unjudged.number(sample);
        let unit = self.rig.division.engine(record.counter());
        outbox.emit(Event::Nonce(Nonce { seq, unit, claims }));
        if self.rig.board().after_hit == AfterHit::Stops && !crossed {
            self.turn.at_once(now);
        }
    }

    /// How long the newest work took to the place of `record`, if the record is its answer and not at an end of the range.
    fn sample(&self, now: Micros, record: &Record, work: Option<WorkId>) -> Option<Sample> {
        let newest = self.ring.newest().filter(|newest| Some(newest.work.id) == work)?;
        let mask = self.rig.division.mask();
        let place = record.counter() & mask;
        if place <= END || place >= mask & !END {
            return None;
        }
        let bytes = if self.rig.board().dialect == Dialect::Icarus5 { 5 } else { 4 };
        let elapsed = now.since(newest.at).saturating_sub(self.rig.options.line.duration(bytes));
        Some(Sample {
            hashes: self.rig.division.hashes(record.counter(), self.rig.engines) as f64,
            seconds: elapsed.as_secs_f64(),
            started: newest.at,
        })
    }

    fn on_register(&mut self, now: Micros, register: Register, outbox: &mut Outbox) {
        let Control::Bm138x(chip) = self.rig.board().control else { return };
        if let Some(word) = register.pll_word(chip) {
            let reading = Reading { value: Ok(word.frequency(chip).0), at: now };
            outbox.emit(Event::Measured { unit: 0, quantity: Quantity::ClockHertz, reading });
        }
    }

    /// A work came.
    pub(crate) fn on_work(&mut self, now: Micros, work: Work, outbox: &mut Outbox) {
        self.queue.put(work);
        self.feed(now, outbox);
    }

    /// The pool has another job.
    pub(crate) fn on_job_changed(&mut self, now: Micros) {
        self.queue.clear();
        self.turn.at_once(now);
    }

    /// Writes the next job if there is one and it is due.
    fn feed(&mut self, now: Micros, outbox: &mut Outbox) {
        while self.ramp.is_none() && now >= self.turn.at() && !outbox.failed() {
            let Some(work) = self.queue.take() else { return };
            let mut job = Job::from_header(&work.header);
            if self.rig.board().dialect == Dialect::Icarus5 {
                job = job.with_work_id(self.ring.next_id() as u8);
            }
            // A work that would be taken for a command is left out.
            if !self.is_command(&job) {
                self.start(now, Placed { work, job, at: now }, outbox);
            }
            self.queue.announce(outbox);
        }
    }

    fn start(&mut self, now: Micros, placed: Placed, outbox: &mut Outbox) {
        let full = self.timing.full();
        if let Some(last) = self.ring.newest()
            && let Some(fault) = self.health.searched(now.since(last.at).min(full), full)
        {
            return outbox.fail(fault);
        }
        let frames = self.ahead.len() as u32 + 1;
        for frame in self.ahead.drain(..) {
            outbox.write(PORT, frame);
        }
        outbox.write(PORT, placed.job.to_icarus_bytes().to_vec());
        self.ring.push(placed);
        self.turn.started(now, frames, self.timing.until_next());
    }

    /// Whether the controller of the board would read `job` as a command (§5.7, §7.2).
    fn is_command(&self, job: &Job) -> bool {
        match self.rig.board().control {
            Control::Cairnsmore => CairnsmoreCommand::from_job(job).is_some(),
            Control::Bm138x(Chip::Bm1382) => {
                matches!(job.to_icarus_bytes()[0], 0xaa | 0xbb)
            }
            _ => false,
        }
    }

    /// A nonce was judged.
    pub(crate) fn on_ruling(&mut self, ruling: &Ruling, outbox: &mut Outbox) {
        if let Some(fault) = self.health.judge(ruling.verdict) {
            return outbox.fail(fault);
        }
        let sample = self.unjudged.take(ruling.seq).flatten();
        let Some(sample) = sample.filter(|_| ruling.verdict.is_valid() && ruling.claim == Some(0)) else {
            return;
        };
        if self.timing.learn(&sample) && (self.timing.rate() / self.announced - 1.0).abs() > NEWS {
            self.announce(outbox);
        }
    }

    /// The user wants something.
    pub(crate) fn on_command(&mut self, now: Micros, command: Command, outbox: &mut Outbox) {
        let done = match command {
            Command::Identify => self.identify(now),
            Command::Frequency(wanted) => self.set_clock(now, wanted, outbox),
            Command::Voltage(wanted) => self.set_voltage(now, wanted, outbox),
            Command::Fan(_) => false,
        };
        if !done {
            outbox.emit(Event::Declined(command));
        }
        self.feed(now, outbox);
    }

    fn identify(&mut self, now: Micros) -> bool {
        match self.rig.board().identify {
            Identify::Led if self.rig.obeys => {
                self.ahead.push(cairnsmore(CairnsmoreCommand::identify(true)));
                self.dark_at = Some(now + BLINK);
                self.turn.at_once(now);
                true
            }
            Identify::Idle => {
                let end = self.ring.newest().map_or(now, |newest| newest.at + self.timing.full());
                self.turn.not_before(end.max(now) + REST);
                true
            }
            _ => false,
        }
    }

    fn set_clock(&mut self, now: Micros, wanted: Hertz, outbox: &mut Outbox) -> bool {
        let allowed = self.rig.has_clock() && control::is_allowed(self.rig.candidate.model, wanted);
        if !allowed || self.ramp.is_some() {
            return false;
        }
        let Some(clock) = control::clock(self.rig.board().control, wanted) else { return false };
        let Some(frame) = clock.frame else { return false };
        match self.rig.board().control {
            Control::Bm138x(_) => self.begin_ramp(now, Prepare::clock(frame), outbox),
            _ => {
                self.ahead.push(frame);
                self.turn.at_once(now);
            }
        }
        self.rig.clock = Some(clock.hertz);
        self.timing.set_rate(self.rig.nominal());
        self.announce(outbox);
        true
    }

    fn set_voltage(&mut self, now: Micros, wanted: Volts, outbox: &mut Outbox) -> bool {
        let millivolts = (wanted.0 * 1e3).round();
        let is_u3 = self.rig.board().control == Control::Bm138x(Chip::Bm1382);
        let in_range = (f64::from(*MILLIVOLTS.start())..=f64::from(*MILLIVOLTS.end())).contains(&millivolts);
        if !is_u3 || !in_range || self.ramp.is_some() {
            return false;
        }
        let Some(frame) = control::voltage(millivolts as u16) else { return false };
        self.begin_ramp(now, Prepare::voltage(frame), outbox);
        true
    }

    fn begin_ramp(&mut self, now: Micros, script: Prepare, outbox: &mut Outbox) {
        let mut play = Play::new(script);
        if play.start(now, outbox).is_none() {
            self.ramp = Some(play);
        }
    }

    fn ramped(&mut self, now: Micros, outcome: Option<Outcome<Prepare>>, outbox: &mut Outbox) {
        match outcome {
            Some(Ok(_)) => {
                self.ramp = None;
                self.turn.at_once(now);
            }
            Some(Err(fault)) => outbox.fail(fault),
            None => {}
        }
    }

    /// A link action was answered.
    pub(crate) fn on_done(
        &mut self,
        now: Micros,
        token: Token,
        result: Result<Reply, LinkError>,
        outbox: &mut Outbox,
    ) {
        let outcome = self.ramp.as_mut().and_then(|ramp| ramp.on_done(now, token, result, outbox));
        self.ramped(now, outcome, outbox);
        self.feed(now, outbox);
    }

    /// Time has passed.
    pub(crate) fn on_timer(&mut self, now: Micros, outbox: &mut Outbox) {
        let outcome = self.ramp.as_mut().and_then(|ramp| ramp.on_timer(now, outbox));
        self.ramped(now, outcome, outbox);
        if self.dark_at.is_some_and(|at| now >= at) {
            self.dark_at = None;
            self.ahead.push(cairnsmore(CairnsmoreCommand::identify(false)));
            self.turn.at_once(now);
        }
        self.feed(now, outbox);
    }

    /// When time matters next.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        let ramp = self.ramp.as_ref().and_then(Play::deadline);
        let next = (self.ramp.is_none() && !self.queue.is_empty()).then(|| self.turn.at());
        [ramp, next, self.dark_at].into_iter().flatten().min()
    }

    /// Sets the lowest clock, where the host can set one.
    pub(crate) fn slow_down(&self, outbox: &mut Outbox) {
        if let Some([low, ..]) = self.rig.candidate.model.clock.filter(|_| self.rig.has_clock()) {
            control::slow_down(self.rig.board().control, low, outbox);
        }
    }
}

/// Whether this is a late answer to one of our own test jobs: those never become nonces.
fn answers_a_test(nonce: u32) -> bool {
    TESTS.iter().any(|known| known.nonces().any(|answer| answer == nonce))
}
