//! The engine: one chain of chips on one port, from the first question to the last.

use std::time::Duration;

use adit_driver::script::{Cue, Outcome, Play};
use adit_driver::{Fault, LinkError, Outbox, Reply, Ruling, Token, Work};
use adit_protocol::bm13xx::{Answers, Codec, Frame, Generation};
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Codec as _, Micros, Port, Side, Step};

use crate::bring_up::BringUp;
use crate::count::Count;
use crate::mining::{Books, Mining};
use crate::plan::Plan;
use crate::setup::{Census, Setup, Status};

/// A chain of BM13xx chips. See the [crate's documentation](crate) for how a board embeds it.
#[derive(Debug)]
pub struct Chain {
    setup: Setup,
    phase: Phase,
    codec: Codec,
    /// Bytes that are no whole frame yet.
    pending: Vec<u8>,
    books: Books,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one per device, never moved")]
enum Phase {
    Idle,
    Counting(Play<Count>),
    Counted(Census),
    BringingUp(Play<BringUp>, Census),
    Mining(Mining, Census),
    Failed(Fault),
}

impl Chain {
    /// A chain about which nothing is known yet.
    pub fn new(setup: Setup) -> Self {
        let generation = setup.chip.map_or(Generation::V2, |chip| chip.facts().generation);
        let codec = Codec::new(generation, Side::Device);
        Self { setup, phase: Phase::Idle, codec, pending: Vec::new(), books: Books::default() }
    }

    /// What was said about it. May be changed while the chain is [`Status::Idle`], [`Status::Counted`] or [`Status::Failed`].
    pub const fn setup(&self) -> &Setup {
        &self.setup
    }

    /// As [`Self::setup`], to change it.
    pub const fn setup_mut(&mut self) -> &mut Setup {
        &mut self.setup
    }

    /// The port its bytes come from.
    pub const fn port(&self) -> Port {
        self.setup.port
    }

    /// Where it stands.
    pub const fn status(&self) -> Status {
        match &self.phase {
            Phase::Idle => Status::Idle,
            Phase::Counting(_) => Status::Counting,
            Phase::Counted(census) => Status::Counted(*census),
            Phase::BringingUp(_, census) => Status::BringingUp(*census),
            Phase::Mining(mining, census) if mining.resting => Status::Resting(*census),
            Phase::Mining(_, census) => Status::Mining(*census),
            Phase::Failed(fault) => Status::Failed(*fault),
        }
    }

    /// Asks the chips who they are: they have power, a clock, and have just been released from reset, or are as an earlier
    /// session left them. Ends in [`Status::Counted`] or [`Status::Failed`]. May be called at any time, to begin anew.
    pub fn count(&mut self, now: Micros, outbox: &mut Outbox) {
        self.leave();
        let generation = self.setup.chip.map_or(Generation::V2, |chip| chip.facts().generation);
        self.codec = Codec::new(generation, Side::Device);
        self.pending.clear();
        let mut play = Play::new(Count::new(self.setup.clone()));
        let outcome = play.start(now, outbox);
        self.phase = Phase::Counting(play);
        self.counted(outcome);
    }

    /// Gives addresses and settings to the chips that were counted, and begins to work. Ends in [`Status::Mining`] or
    /// [`Status::Failed`]. Without effect unless the chain is [`Status::Counted`].
    pub fn bring_up(&mut self, now: Micros, outbox: &mut Outbox) {
        let Phase::Counted(census) = self.phase else { return };
        if census.chips > Plan::most(census.chip) {
            let expected = Plan::most(census.chip);
            return self.fail(Fault::ChipsExtra { found: census.chips, expected });
        }
        if self.codec.generation() != census.chip.facts().generation {
            self.codec = Codec::new(census.chip.facts().generation, Side::Device);
        }
        let plan = Plan::new(&self.setup, &census);
        let mut play = Play::new(BringUp::new(&self.setup, plan, &census));
        let outcome = play.start(now, outbox);
        self.phase = Phase::BringingUp(play, census);
        self.brought_up(now, outcome, outbox);
    }

    /// Ramps to `clock`, up or down, in the middle of a ramp too. Before the chain works: where its first ramp ends.
    pub fn set_clock(&mut self, now: Micros, clock: Hertz) {
        self.setup.clock = clock;
        if let Phase::Mining(mining, _) = &mut self.phase {
            mining.on_clock(now, clock);
        }
    }

    /// The clock that the chips have, or are on their way to; `None` before the chain works.
    pub fn clock(&self) -> Option<Hertz> {
        match &self.phase {
            Phase::Mining(mining, _) => Some(mining.target()),
            _ => None,
        }
    }

    /// Stops hashing without losing anything, until [`Self::resume`]: too warm, too much current.
    pub fn rest(&mut self, now: Micros, outbox: &mut Outbox) {
        if let Phase::Mining(mining, _) = &mut self.phase {
            mining.rest(now, outbox);
        }
    }

    /// Hashes again.
    pub fn resume(&mut self, now: Micros, outbox: &mut Outbox) {
        if let Phase::Mining(mining, _) = &mut self.phase
            && mining.resting
        {
            mining.resume(now, outbox);
        }
    }

    /// Stops hashing and sets the slowest clock, at once: before the supply is switched off, or before the link is closed.
    pub fn slow_down(&mut self, outbox: &mut Outbox) {
        if let Phase::Mining(mining, _) = &mut self.phase {
            mining.slow_down(outbox);
        }
    }

    /// As [`Self::slow_down`]; and then silent, at the baud rate of chips after a reset: the next one to open the port can neither
    /// reset them nor know which rate they had.
    pub fn hand_over(&mut self, outbox: &mut Outbox) {
        if let Phase::Mining(mining, _) = &mut self.phase {
            mining.hand_over(outbox);
        }
    }

    /// Whoever embeds the chain has reset or switched off the chips. Works that come are counted and dropped.
    pub fn shut(&mut self) {
        self.leave();
        self.pending.clear();
    }

    /// Bytes came from [`Self::port`].
    pub fn on_bytes(&mut self, now: Micros, bytes: &[u8], outbox: &mut Outbox) {
        self.pending.extend_from_slice(bytes);
        self.decode(now, false, outbox);
    }

    /// [`Self::port`] fell quiet.
    pub fn on_quiet(&mut self, now: Micros, outbox: &mut Outbox) {
        self.decode(now, true, outbox);
    }

    /// A work came.
    pub fn on_work(&mut self, now: Micros, work: Work, outbox: &mut Outbox) {
        match &mut self.phase {
            Phase::Mining(mining, _) => mining.on_work(now, work, outbox),
            _ => self.books.received += 1,
        }
    }

    /// The pool has another job.
    pub fn on_job_changed(&mut self, now: Micros) {
        if let Phase::Mining(mining, _) = &mut self.phase {
            mining.on_job_changed(now);
        }
    }

    /// A nonce was judged. Returns which chip had found it; `None` where nobody remembers.
    pub fn on_ruling(&mut self, now: Micros, ruling: &Ruling, outbox: &mut Outbox) -> Option<u16> {
        let Phase::Mining(mining, _) = &mut self.phase else { return None };
        let judged = mining.on_ruling(now, ruling, outbox);
        if let Some(fault) = judged.fault {
            self.fail(fault);
        }
        judged.chip
    }

    /// Time that passes between two nonces of the chain on average; `None` while it searches nothing, or its clock is on its
    /// way to another.
    pub fn interval(&self) -> Option<Duration> {
        match &self.phase {
            Phase::Mining(mining, _) if mining.is_searching() => Some(mining.interval()),
            _ => None,
        }
    }

    /// A link action was answered; those of others are ignored.
    pub fn on_done(
        &mut self,
        now: Micros,
        token: Token,
        result: Result<Reply, LinkError>,
        outbox: &mut Outbox,
    ) {
        self.cue(now, outbox, Cue::Done(token, result));
    }

    /// Time has passed.
    pub fn on_timer(&mut self, now: Micros, outbox: &mut Outbox) {
        if let Phase::Mining(mining, _) = &mut self.phase {
            if let Some(fault) = mining.on_timer(now, outbox) {
                self.fail(fault);
            }
            return;
        }
        self.cue(now, outbox, Cue::Timer);
    }

    /// When time matters next.
    pub fn deadline(&self) -> Option<Micros> {
        match &self.phase {
            Phase::Counting(play) => play.deadline(),
            Phase::BringingUp(play, _) => play.deadline(),
            Phase::Mining(mining, _) => mining.deadline(),
            Phase::Idle | Phase::Counted(_) | Phase::Failed(_) => None,
        }
    }

    fn leave(&mut self) {
        if let Phase::Mining(mining, _) = std::mem::replace(&mut self.phase, Phase::Idle) {
            self.books = mining.end();
        }
    }

    fn fail(&mut self, fault: Fault) {
        self.leave();
        self.phase = Phase::Failed(fault);
    }

    fn decode(&mut self, now: Micros, quiet: bool, outbox: &mut Outbox) {
        let mut at = 0;
        while at < self.pending.len() {
            match self.codec.decode(&self.pending[at..], quiet) {
                Step::Frame { frame, used } => {
                    at += used;
                    self.on_frame(now, frame, outbox);
                }
                Step::Skip { used, .. } => {
                    at += used;
                    if let Phase::Mining(mining, _) = &mut self.phase {
                        mining.on_garbage(used);
                    }
                }
                Step::NeedMore => break,
            }
        }
        // A frame may have made the chain begin anew.
        self.pending.drain(..at.min(self.pending.len()));
    }

    fn on_frame(&mut self, now: Micros, frame: Frame, outbox: &mut Outbox) {
        let Phase::Mining(mining, _) = &mut self.phase else {
            return self.cue(now, outbox, Cue::Frame(frame));
        };
        match frame {
            Frame::Nonce(answer) => mining.on_nonce(&answer, outbox),
            Frame::Register(answer) => {
                if let Some(fault) = mining.on_register(now, &answer, outbox) {
                    self.fail(fault);
                }
            }
            Frame::Command(_) | Frame::Job(_) => {}
        }
    }

    fn cue(&mut self, now: Micros, outbox: &mut Outbox, cue: Cue<Frame>) {
        match &mut self.phase {
            Phase::Counting(play) => {
                let outcome = cue.give(now, play, outbox);
                self.counted(outcome);
            }
            Phase::BringingUp(play, _) => {
                let outcome = cue.give(now, play, outbox);
                self.brought_up(now, outcome, outbox);
            }
            Phase::Idle | Phase::Counted(_) | Phase::Mining(..) | Phase::Failed(_) => {}
        }
    }

    fn counted(&mut self, outcome: Option<Outcome<Count>>) {
        match outcome {
            Some(Ok(census)) => self.phase = Phase::Counted(census),
            Some(Err(fault)) => self.fail(fault),
            None => {}
        }
    }

    fn brought_up(&mut self, now: Micros, outcome: Option<Outcome<BringUp>>, outbox: &mut Outbox) {
        let Phase::BringingUp(_, census) = &self.phase else { return };
        let census = *census;
        match outcome {
            Some(Ok(plan)) => {
                if plan.chip.rolls_versions() {
                    // Version rolling is enabled before the first nonce; answers on their way may still be short.
                    self.codec.set_answers(Answers::Either);
                }
                let books = std::mem::take(&mut self.books);
                let mining = Mining::begin(now, &self.setup, plan, books, outbox);
                self.phase = Phase::Mining(mining, census);
            }
            Some(Err(fault)) => self.fail(fault),
            None => {}
        }
    }
}
