//! The machine of a board: what happens, and which part of it is concerned.

use std::collections::VecDeque;

use adit_driver::script::{Outcome as Ended, Play};
use adit_driver::{
    Action, Capability, Command, Event, Fault, Input, LinkError, Machine, Outbox, Reply, Ruling, Token, Work,
};
use adit_protocol::devices::Model;
use adit_protocol::wire::{Micros, Port};
use arrayvec::ArrayVec;

use adit_driver_bm13xx::Chain;

use crate::bringup::{Bringup, Candidates, DATA, unknown_chips};
use crate::control::{Batch, CONTROL, Ear, Finished, Refusal, TRIES, Task, Voice};
use crate::ending::Ending;
use crate::hail::Hail;
use crate::options::Options;
use crate::resting::Resting;
use crate::running::Running;

/// Commands that may wait for the end of bring-up.
const PATIENT: usize = 4;
/// Errands that may wait: more than are ever asked for at once.
const MOST_ERRANDS: usize = 16;

/// The driver of one board.
#[derive(Debug)]
pub(crate) struct Bitaxe {
    pub(crate) stage: Stage,
    /// The chips: asked who they are, brought up, and counted on for the works that came, whatever else happens.
    pub(crate) chain: Chain,
    /// What the chain has said it can do.
    pub(crate) capability: Option<Capability>,
    pub(crate) outbox: Outbox,
    pub(crate) options: Options,
    pub(crate) candidates: Candidates,
    /// How the board is spoken to, from the first answer on.
    pub(crate) voice: Option<Voice>,
    ear: Ear,
    /// What is being asked of the board, and for what.
    errand: Option<(Purpose, Play<Batch>)>,
    errands: VecDeque<(Purpose, Vec<Task>)>,
    /// Commands that came before the board could obey.
    pub(crate) waiting: ArrayVec<Command, PATIENT>,
    /// Times it was switched off because of heat.
    pub(crate) rests: u8,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one per device, never moved")]
pub(crate) enum Stage {
    /// The link is not open yet.
    Closed,
    /// The first words.
    Hailing(Play<Hail>),
    /// Parts, power, reset: nothing waits but errands.
    Bringup(Bringup),
    /// Which chips are there.
    Counting(Bringup),
    /// At work.
    Running(Running),
    /// Too hot: off until it is cool.
    Resting(Resting),
    /// On the way out.
    Ending(Ending),
    /// Stopped or given up.
    Over,
}

/// What an errand is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Purpose {
    /// Which parts are there.
    Survey,
    /// A regulator left on is off, and says its mode.
    RegulatorMode,
    /// The lowest voltage that all candidates can take, and out of reset.
    PowerUp,
    /// The voltage of the board that it is, and out of reset again.
    Release,
    /// A round of readings.
    Round,
    /// The fan is told its speed.
    Fan,
    /// The core voltage is set.
    Core,
    /// Chips into reset and out again.
    Reset,
    /// Everything off.
    Off,
}

impl Bitaxe {
    /// A machine for a board that is one of `models`.
    pub(crate) fn new(models: Vec<&'static Model>, product: Option<String>, options: Options) -> Self {
        Self {
            stage: Stage::Closed,
            chain: Chain::new(unknown_chips()),
            capability: None,
            outbox: Outbox::default(),
            options,
            candidates: Candidates { models, product },
            voice: None,
            ear: Ear::default(),
            errand: None,
            errands: VecDeque::new(),
            waiting: ArrayVec::new(),
            rests: 0,
        }
    }

    fn on_link_up(&mut self, now: Micros) {
        if !matches!(self.stage, Stage::Closed) {
            return;
        }
        let mut play = Play::new(Hail::new(self.candidates.firmware()));
        let outcome = play.start(now, &mut self.outbox);
        self.stage = Stage::Hailing(play);
        self.hailed(now, outcome);
    }

    fn hailed(&mut self, now: Micros, outcome: Option<Ended<Hail>>) {
        match outcome {
            Some(Ok(voice)) => {
                self.voice = Some(voice);
                self.begin_survey(now);
            }
            Some(Err(fault)) => self.leave(now, Some(fault)),
            None => {}
        }
    }

    /// Asks something of the board when it is its turn.
    pub(crate) fn errand(&mut self, now: Micros, purpose: Purpose, tasks: Vec<Task>) {
        if self.errands.len() < MOST_ERRANDS {
            self.errands.push_back((purpose, tasks));
        }
        self.next_errand(now);
    }

    /// Whether an errand for `purpose` waits or is under way.
    pub(crate) fn is_asking(&self, purpose: Purpose) -> bool {
        self.errand.as_ref().is_some_and(|(under_way, _)| *under_way == purpose)
            || self.errands.iter().any(|(waiting, _)| *waiting == purpose)
    }

    /// Whether nothing is asked of the board.
    pub(crate) fn is_silent(&self) -> bool {
        self.errand.is_none() && self.errands.is_empty()
    }

    fn next_errand(&mut self, now: Micros) {
        while self.errand.is_none() {
            let Some((purpose, tasks)) = self.errands.pop_front() else { return };
            let voice = self.voice.unwrap_or(self.candidates.unheard());
            let batch = if purpose == Purpose::Off { voice.hasty(tasks) } else { voice.batch(tasks) };
            self.ear.clear();
            let mut play = Play::new(batch);
            let outcome = play.start(now, &mut self.outbox);
            self.errand = Some((purpose, play));
            self.errand_ended(now, outcome);
        }
    }

    /// Everything that waits to be asked is given up; what is under way ends with its next answer.
    pub(crate) fn cut_errands(&mut self) {
        self.errands.clear();
        if let Some((_, play)) = &mut self.errand {
            play.script_mut().cut();
        }
    }

    fn errand_ended(&mut self, now: Micros, outcome: Option<Ended<Batch>>) {
        // A batch never fails: how it ended is its output.
        let Some(Ok(finished)) = outcome else { return };
        let Some((purpose, _)) = self.errand.take() else { return };
        self.voice = self.voice.map(|_| finished.voice);
        self.finished(now, purpose, finished);
        self.next_errand(now);
    }

    fn finished(&mut self, now: Micros, purpose: Purpose, finished: Finished) {
        match &self.stage {
            Stage::Ending(_) if purpose == Purpose::Off => return self.ended(now),
            Stage::Closed | Stage::Ending(_) | Stage::Over => return,
            _ => {}
        }
        match finished.broken {
            Some(Refusal::Silent) => {
                return self.leave(now, Some(Fault::ControlSilent { tries: u32::from(TRIES) }));
            }
            Some(Refusal::Denied) => return self.leave(now, Some(Fault::ControlDenied)),
            None => {}
        }
        match purpose {
            Purpose::Survey => self.surveyed(now, &finished.outcomes),
            Purpose::RegulatorMode => self.regulator_found(now, &finished.outcomes),
            Purpose::PowerUp => self.powered_up(now, &finished.outcomes),
            Purpose::Release => self.released(now, &finished.outcomes),
            Purpose::Round => self.round_ended(now, finished.outcomes),
            Purpose::Core => self.core_set(now, &finished.outcomes),
            Purpose::Reset => self.chips_reset(now),
            Purpose::Fan | Purpose::Off => {}
        }
    }

    fn on_bytes(&mut self, now: Micros, port: Port, bytes: &[u8], quiet: bool) {
        match (&mut self.stage, port) {
            (Stage::Hailing(play), CONTROL) => {
                self.ear.hear_all(bytes);
                if quiet {
                    let burst = self.ear.take();
                    let outcome = play.on_frame(now, burst, &mut self.outbox);
                    self.hailed(now, outcome);
                }
            }
            (_, CONTROL) => {
                let Some((_, play)) = &mut self.errand else { return self.ear.clear() };
                if let Some(heard) = self.ear.hear(bytes, quiet, play.script().expected()) {
                    let outcome = play.on_frame(now, heard, &mut self.outbox);
                    self.errand_ended(now, outcome);
                }
            }
            (_, DATA) => {
                if quiet {
                    self.chain.on_quiet(now, &mut self.outbox);
                } else {
                    self.chain.on_bytes(now, bytes, &mut self.outbox);
                }
                self.after_chain(now);
            }
            _ => {}
        }
    }

    fn on_done(&mut self, now: Micros, token: Token, result: Result<Reply, LinkError>) {
        match &mut self.stage {
            Stage::Hailing(play) => {
                let outcome = play.on_done(now, token, result, &mut self.outbox);
                self.hailed(now, outcome);
            }
            _ => {
                self.chain.on_done(now, token, result, &mut self.outbox);
                self.after_chain(now);
            }
        }
    }

    fn on_timer(&mut self, now: Micros) {
        if let Some((_, play)) = &mut self.errand {
            let outcome = play.on_timer(now, &mut self.outbox);
            self.errand_ended(now, outcome);
        }
        match &mut self.stage {
            Stage::Hailing(play) => {
                let outcome = play.on_timer(now, &mut self.outbox);
                self.hailed(now, outcome);
            }
            _ => {
                self.chain.on_timer(now, &mut self.outbox);
                self.after_chain(now);
            }
        }
        self.on_round_due(now);
    }

    fn on_work(&mut self, now: Micros, work: Work) {
        self.chain.on_work(now, work, &mut self.outbox);
        self.after_chain(now);
    }

    fn on_ruling(&mut self, now: Micros, ruling: Ruling) {
        self.chain.on_ruling(now, &ruling, &mut self.outbox);
        if let Stage::Running(running) = &mut self.stage {
            running.judged(now, ruling.verdict);
        }
        self.after_chain(now);
    }

    pub(crate) fn on_command(&mut self, now: Micros, command: Command) {
        match &self.stage {
            Stage::Running(_) => self.obey(now, command),
            Stage::Ending(_) | Stage::Over => {}
            _ => {
                if self.waiting.try_push(command).is_err() {
                    self.outbox.emit(Event::Declined(command));
                }
            }
        }
    }
}

impl Machine for Bitaxe {
    fn on_input(&mut self, now: Micros, input: Input<'_>) {
        match input {
            Input::LinkUp => self.on_link_up(now),
            Input::Bytes { port, bytes } => self.on_bytes(now, port, bytes, false),
            Input::Quiet { port } => self.on_bytes(now, port, &[], true),
            Input::Done { token, result } => self.on_done(now, token, result),
            Input::Work(work) => self.on_work(now, work),
            Input::JobChanged { .. } => {
                self.chain.on_job_changed(now);
                self.after_chain(now);
            }
            Input::Ruling(ruling) => self.on_ruling(now, ruling),
            Input::Command(command) => self.on_command(now, command),
            Input::Stop { .. } => self.leave(now, None),
            Input::Timer => self.on_timer(now),
            Input::LinkDown { why } => {
                if !matches!(self.stage, Stage::Over) {
                    self.give_up(Fault::Link(why));
                }
            }
            Input::Modem { .. } => {}
        }
        if self.outbox.failed() {
            self.stage = Stage::Over;
        }
    }

    fn next_action(&mut self) -> Option<Action> {
        let action = self.outbox.pop();
        if let Some(Action::Emit(Event::Ready(capability))) = &action {
            self.capability = Some(capability.clone());
        }
        action
    }

    fn deadline(&self) -> Option<Micros> {
        let errand = self.errand.as_ref().and_then(|(_, play)| play.deadline());
        let silent = self.is_silent();
        let stage = match &self.stage {
            Stage::Hailing(play) => play.deadline(),
            Stage::Running(running) => Some(running.next_round()).filter(|_| silent),
            Stage::Resting(resting) => Some(resting.next_round()).filter(|_| silent),
            _ => None,
        };
        errand.into_iter().chain(stage).chain(self.chain.deadline()).min()
    }
}
