//! The machine of the family: detection, preparation, mining, the end.

use adit_driver::script::{Cue, Outcome, Play};
use adit_driver::{Action, Command, Event, Fault, Input, Machine, NoData, Outbox, Quantity, Reading, Work};
use adit_protocol::wire::Micros;
use arrayvec::ArrayVec;

use crate::boards::Control;
use crate::burst::{Burst, Bursts};
use crate::control;
use crate::detect::{Candidate, Detect, Found};
use crate::mining::Mining;
use crate::options::Options;
use crate::prepare::{Prepare, Prepared};
use crate::rig::{Rig, wanted_clock};

/// Commands that may wait for the end of bring-up.
const PATIENT: usize = 4;

/// The driver of one device.
#[derive(Debug)]
pub(crate) struct Icarus {
    phase: Phase,
    outbox: Outbox,
    options: Options,
    bursts: Bursts,
    /// Time of the last input.
    now: Micros,
    /// Works that came before there was room for any.
    early: u64,
    /// Commands that came before the device could obey.
    waiting: ArrayVec<Command, PATIENT>,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one per device, never moved")]
enum Phase {
    /// The link is not open yet.
    Closed(Vec<Candidate>),
    Detecting(Play<Detect>),
    Preparing(Play<Prepare>, Found),
    Mining(Mining),
    /// Stopped or given up.
    Over,
}

impl Icarus {
    /// A machine for a device that is one of `candidates`.
    pub(crate) fn new(candidates: Vec<Candidate>, options: Options) -> Self {
        Self {
            phase: Phase::Closed(candidates),
            outbox: Outbox::default(),
            options,
            bursts: Bursts::default(),
            now: Micros(0),
            early: 0,
            waiting: ArrayVec::new(),
        }
    }

    fn on_link_up(&mut self, now: Micros) {
        let Phase::Closed(candidates) = &mut self.phase else { return };
        let script = Detect::new(std::mem::take(candidates), self.options.clone());
        let mut play = Play::new(script);
        let outcome = play.start(now, &mut self.outbox);
        self.phase = Phase::Detecting(play);
        self.detected(now, outcome);
    }

    fn detected(&mut self, now: Micros, outcome: Option<Outcome<Detect>>) {
        let found = match outcome {
            Some(Ok(found)) => found,
            Some(Err(fault)) => return self.give_up(fault),
            None => return,
        };
        self.outbox.emit(Event::Identified(found.candidate.model));
        let control = found.candidate.board.control;
        let clock =
            wanted_clock(&found.candidate, &self.options).and_then(|hertz| control::clock(control, hertz));
        let mut play = Play::new(Prepare::first(control, clock, self.options.millivolts));
        let outcome = play.start(now, &mut self.outbox);
        self.phase = Phase::Preparing(play, found);
        self.prepared(now, outcome);
    }

    fn prepared(&mut self, now: Micros, outcome: Option<Outcome<Prepare>>) {
        let Phase::Preparing(_, found) = &self.phase else { return };
        let prepared = match outcome {
            Some(Ok(prepared)) => prepared,
            Some(Err(fault)) => return self.give_up(fault),
            None => return,
        };
        let rig = Rig::new(found, &prepared, self.options.clone());
        self.report(now, &rig, &prepared);
        self.phase = Phase::Mining(Mining::begin(now, rig, self.early, &mut self.outbox));
        for command in std::mem::take(&mut self.waiting) {
            self.on_command(now, command);
        }
    }

    /// What bring-up has shown beyond the facts of the capability.
    fn report(&mut self, now: Micros, rig: &Rig, prepared: &Prepared) {
        if let Control::Bm138x(_) = rig.board().control {
            let value = prepared.reported.map(|hertz| hertz.0).ok_or(NoData::Timeout);
            let reading = Reading { value, at: now };
            self.outbox.emit(Event::Measured { unit: 0, quantity: Quantity::ClockHertz, reading });
        }
        let impossible = |wanted: &_| !rig.has_clock() || !control::is_allowed(rig.candidate.model, *wanted);
        if let Some(wanted) = self.options.frequency.filter(impossible) {
            self.outbox.emit(Event::Declined(Command::Frequency(wanted)));
        }
    }

    fn give_up(&mut self, fault: Fault) {
        self.phase = Phase::Over;
        self.outbox.fail(fault);
    }

    fn on_bytes(&mut self, now: Micros, bytes: &[u8]) {
        match &mut self.phase {
            Phase::Detecting(_) | Phase::Preparing(..) => self.bursts.extend(now, bytes),
            Phase::Mining(mining) => mining.on_bytes(now, bytes, false, &mut self.outbox),
            Phase::Closed(_) | Phase::Over => {}
        }
    }

    fn on_quiet(&mut self, now: Micros) {
        match &mut self.phase {
            Phase::Mining(mining) => mining.on_bytes(now, &[], true, &mut self.outbox),
            _ => self.on_burst(now),
        }
    }

    /// Hands what has come so far to the script that is being played.
    fn on_burst(&mut self, now: Micros) {
        if let Some(burst) = self.bursts.take() {
            self.play(now, Cue::Frame(burst));
        }
    }

    fn play(&mut self, now: Micros, cue: Cue<Burst>) {
        match &mut self.phase {
            Phase::Detecting(play) => {
                let outcome = cue.give(now, play, &mut self.outbox);
                self.detected(now, outcome);
            }
            Phase::Preparing(play, _) => {
                let outcome = cue.give(now, play, &mut self.outbox);
                self.prepared(now, outcome);
            }
            Phase::Mining(mining) => match cue {
                Cue::Frame(_) => {}
                Cue::Done(token, result) => mining.on_done(now, token, result, &mut self.outbox),
                Cue::Timer => mining.on_timer(now, &mut self.outbox),
            },
            Phase::Closed(_) | Phase::Over => {}
        }
    }

    /// A question whose time is up has got what has come so far.
    fn on_timer(&mut self, now: Micros) {
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            self.on_burst(now);
        }
        self.play(now, Cue::Timer);
    }

    fn on_work(&mut self, now: Micros, work: Work) {
        match &mut self.phase {
            Phase::Mining(mining) => mining.on_work(now, work, &mut self.outbox),
            _ => self.early += 1,
        }
    }

    fn on_command(&mut self, now: Micros, command: Command) {
        match &mut self.phase {
            Phase::Mining(mining) => mining.on_command(now, command, &mut self.outbox),
            Phase::Over => {}
            _ => {
                if self.waiting.try_push(command).is_err() {
                    self.outbox.emit(Event::Declined(command));
                }
            }
        }
    }

    fn on_stop(&mut self) {
        match &self.phase {
            Phase::Mining(mining) => mining.slow_down(&mut self.outbox),
            Phase::Preparing(_, found) => {
                if let Some([low, ..]) = found.candidate.model.clock
                    && matches!(found.candidate.board.control, Control::Bm138x(_))
                {
                    control::slow_down(found.candidate.board.control, low, &mut self.outbox);
                }
            }
            Phase::Over => return,
            Phase::Closed(_) | Phase::Detecting(_) => {}
        }
        self.phase = Phase::Over;
        self.outbox.emit(Event::Stopped);
    }
}

impl Machine for Icarus {
    fn on_input(&mut self, now: Micros, input: Input<'_>) {
        self.now = now;
        match input {
            Input::LinkUp => self.on_link_up(now),
            Input::Bytes { bytes, .. } => self.on_bytes(now, bytes),
            Input::Quiet { .. } => self.on_quiet(now),
            Input::Done { token, result } => self.play(now, Cue::Done(token, result)),
            Input::Work(work) => self.on_work(now, work),
            Input::JobChanged { .. } => {
                if let Phase::Mining(mining) = &mut self.phase {
                    mining.on_job_changed(now);
                }
            }
            Input::Ruling(ruling) => {
                if let Phase::Mining(mining) = &mut self.phase {
                    mining.on_ruling(&ruling, &mut self.outbox);
                }
            }
            Input::Command(command) => self.on_command(now, command),
            Input::Stop { .. } => self.on_stop(),
            Input::Timer => self.on_timer(now),
            Input::LinkDown { why } => {
                if !matches!(self.phase, Phase::Over) {
                    self.give_up(Fault::Link(why));
                }
            }
            Input::Modem { .. } => {}
        }
        if self.outbox.failed() {
            self.phase = Phase::Over;
        }
    }

    fn next_action(&mut self) -> Option<Action> {
        let action = self.outbox.pop();
        if matches!(action, Some(Action::Write { .. })) {
            self.bursts.asked(self.now);
        }
        action
    }

    fn deadline(&self) -> Option<Micros> {
        match &self.phase {
            Phase::Detecting(play) => play.deadline(),
            Phase::Preparing(play, _) => play.deadline(),
            Phase::Mining(mining) => mining.deadline(),
            Phase::Closed(_) | Phase::Over => None,
        }
    }
}
