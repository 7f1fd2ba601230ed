//! The machine of a board: what happens, and which part of it is concerned.

use adit_driver::{
    Action, Capability, Command, Event, Fault, Input, LinkError, Machine, Outbox, Reply, Ruling, Token, Work,
};
use adit_protocol::devices::Model;
use adit_protocol::wire::{Micros, Port};
use arrayvec::ArrayVec;

use adit_driver_bm13xx::Chain;

use crate::bringup::{Bringup, Candidates, DATA, unknown_chips};
use crate::control::{CONTROL, Finished, Task};
use crate::ending::Ending;
use crate::errands::{Errands, Told};
use crate::options::Options;
use crate::resting::Resting;
use crate::running::Running;

/// Commands that may wait for the end of bring-up.
const PATIENT: usize = 4;

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
    /// What is being asked of the board, and for what.
    pub(crate) errands: Errands<Purpose>,
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
    Hailing,
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
        let candidates = Candidates { models, product };
        Self {
            stage: Stage::Closed,
            chain: Chain::new(unknown_chips()),
            capability: None,
            outbox: Outbox::default(),
            options,
            errands: Errands::new(candidates.firmware()),
            candidates,
            waiting: ArrayVec::new(),
            rests: 0,
        }
    }

    fn on_link_up(&mut self, now: Micros) {
        if !matches!(self.stage, Stage::Closed) {
            return;
        }
        self.stage = Stage::Hailing;
        let told = self.errands.hail(now, &mut self.outbox);
        self.told(now, told);
    }

    /// Asks something of the board when it is its turn.
    pub(crate) fn errand(&mut self, now: Micros, purpose: Purpose, tasks: Vec<Task>) {
        self.errands.put(purpose, tasks, purpose == Purpose::Off);
        self.told(now, None);
    }

    /// What the control port has to tell, and then whatever it is asked next.
    fn told(&mut self, now: Micros, mut told: Option<Told<Purpose>>) {
        loop {
            match told {
                Some(Told::Hailed) => self.begin_survey(now),
                Some(Told::Unheard(fault)) => self.leave(now, Some(fault)),
                Some(Told::Finished(purpose, finished)) => self.finished(now, purpose, finished),
                None => {}
            }
            told = self.errands.begin(now, &mut self.outbox);
            if told.is_none() {
                return;
            }
        }
    }

    fn finished(&mut self, now: Micros, purpose: Purpose, finished: Finished) {
        match &self.stage {
            Stage::Ending(_) if purpose == Purpose::Off => return self.ended(now),
            Stage::Closed | Stage::Ending(_) | Stage::Over => return,
            _ => {}
        }
        if let Some(refusal) = finished.broken {
            return self.leave(now, Some(refusal.fault()));
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
        match port {
            CONTROL => {
                let told = self.errands.on_bytes(now, bytes, quiet, &mut self.outbox);
                self.told(now, told);
            }
            DATA => {
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
        let told = self.errands.on_done(now, token, result.clone(), &mut self.outbox);
        self.told(now, told);
        self.chain.on_done(now, token, result, &mut self.outbox);
        self.after_chain(now);
    }

    fn on_timer(&mut self, now: Micros) {
        let told = self.errands.on_timer(now, &mut self.outbox);
        self.told(now, told);
        self.chain.on_timer(now, &mut self.outbox);
        self.after_chain(now);
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
        if matches!(self.stage, Stage::Over) {
            return None;
        }
        let silent = self.errands.is_silent();
        let stage = match &self.stage {
            Stage::Running(running) => Some(running.next_round()).filter(|_| silent),
            Stage::Resting(resting) => Some(resting.next_round()).filter(|_| silent),
            _ => None,
        };
        [self.errands.deadline(), stage, self.chain.deadline()].into_iter().flatten().min()
    }
}
