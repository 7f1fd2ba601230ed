//! The machine of three hash boards: what happens, and which part of it is concerned.

use std::time::Duration;

use adit_driver::{
    Action, Command, Event, Fault, Input, Machine, NoData, Nonce, Outbox, Quantity, Reading, Ruling,
    Unjudged, Work,
};
use adit_driver_bm13xx::Status;
use adit_protocol::bitaxe_raw::{Firmware, Operation, pin};
use adit_protocol::bm13xx::Chip;
use adit_protocol::devices::Model;
use adit_protocol::wire::{Micros, Port};

use super::air::{self, Air, FANS, SPIN_UP, speed, tachometers};
use super::board::{BOARDS, HashBoard, Stage as BoardStage, hold, pulse};
use super::options::Options;
use super::sum;
use crate::control::{CONTROL, Finished, Outcome, Task};
use crate::ending::FAREWELL;
use crate::errands::{Errands, Told};
use crate::fan::FULL;
use crate::options::allows_clock;
use crate::resting::ROUND;
use crate::sample::Value;

/// From switching the power supply on to a voltage that stands.
const RISE: Duration = Duration::from_secs(2);

/// The driver of one bitcrane and its hash boards.
#[derive(Debug)]
pub(crate) struct Crane {
    model: &'static Model,
    options: Options,
    stage: Stage,
    errands: Errands<Purpose>,
    boards: [HashBoard; BOARDS],
    air: Air,
    next_round: Micros,
    /// Works received since the link came up.
    received: u64,
    /// Nonces that wait for their verdict: of which board, and their numbers there.
    unjudged: Unjudged<(usize, u64)>,
    identified: bool,
    /// What chains want done.
    chains: Outbox,
    outbox: Outbox,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The link is not open yet.
    Closed,
    /// The first words, everything off, fans on.
    Preparing,
    /// The power supply is on.
    Running,
    /// On the way out: stopped, or failed.
    Ending(Option<Fault>),
    /// Stopped or given up.
    Over,
}

/// What an errand is for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Purpose {
    /// Everything off, fans at full speed.
    Calm,
    /// The power supply is on.
    Power,
    /// Chips of a hash board into reset and out again.
    Release(usize),
    /// Chips of a hash board into reset.
    Hold,
    /// A round of readings.
    Round,
    /// The lamp.
    Lamp,
    /// Everything off.
    Off,
}

impl Crane {
    /// A machine for a bitcrane.
    pub(crate) fn new(model: &'static Model, options: Options) -> Self {
        let chip = Chip::from_name(model.chips.kind);
        Self {
            model,
            options,
            stage: Stage::Closed,
            errands: Errands::new(Firmware::Bitcrane),
            boards: [0, 1, 2].map(|index| HashBoard::new(index, chip, &options)),
            air: Air::new(Micros(0), options.fans),
            next_round: Micros(0),
            received: 0,
            unjudged: Unjudged::new(),
            identified: false,
            chains: Outbox::default(),
            outbox: Outbox::default(),
        }
    }

    /// Number of the first chip of a hash board.
    const fn first(&self, board: usize) -> u16 {
        self.options.chips * board as u16
    }

    fn errand(&mut self, now: Micros, purpose: Purpose, tasks: Vec<Task>) {
        self.errands.put(purpose, tasks, purpose == Purpose::Off);
        self.told(now, None);
    }

    /// What the control port has to tell, and then whatever it is asked next.
    fn told(&mut self, now: Micros, mut told: Option<Told<Purpose>>) {
        loop {
            match told {
                Some(Told::Hailed) => self.calm(now),
                Some(Told::Unheard(fault)) => self.leave(now, Some(fault)),
                Some(Told::Finished(purpose, finished)) => self.finished(now, purpose, &finished),
                None => {}
            }
            told = self.errands.begin(now, &mut self.outbox);
            if told.is_none() {
                return;
            }
        }
    }

    /// Whatever ran before: supply off, chips in reset. Then the fans, before there is anything to cool.
    fn calm(&mut self, now: Micros) {
        let off = std::iter::once(supply_off()).chain((0..BOARDS).map(hold));
        let begin = off.chain(speed(FANS, FULL)).map(Task::Must);
        let tasks = begin.chain([Task::Pause(SPIN_UP)]).chain(tachometers(self.options.fans));
        self.errand(now, Purpose::Calm, tasks.collect());
    }

    fn finished(&mut self, now: Micros, purpose: Purpose, finished: &Finished) {
        match (self.stage, purpose) {
            (Stage::Ending(fault), Purpose::Off) => return self.finish(fault),
            (Stage::Closed | Stage::Ending(_) | Stage::Over, _) => return,
            (Stage::Preparing | Stage::Running, _) => {}
        }
        if let Some(refusal) = finished.broken {
            return self.leave(now, Some(refusal.fault()));
        }
        match purpose {
            Purpose::Calm => self.calmed(now, &finished.outcomes),
            Purpose::Power => self.powered(now, &finished.outcomes),
            Purpose::Release(board) => self.count(now, board),
            Purpose::Round => self.round_ended(now, &finished.outcomes),
            Purpose::Hold | Purpose::Lamp | Purpose::Off => {}
        }
    }

    /// Nothing is powered unless every fan turns.
    fn calmed(&mut self, now: Micros, outcomes: &[Outcome]) {
        // They were asked last.
        let asked = outcomes.len().saturating_sub(usize::from(self.options.fans));
        let speeds = self.speeds(&outcomes[asked..]);
        let still = speeds.iter().position(|rpm| !matches!(rpm, Ok(rpm) if *rpm > 0.0));
        if let Some(fan) = still {
            return self.leave(now, Some(Fault::FanStopped { fan: fan as u16 }));
        }
        let supply = Task::Must(Operation::GpioSet { pin: pin::BITCRANE_PSU, high: true });
        let check = Task::Must(Operation::GpioGet { pin: pin::BITCRANE_PSU });
        self.errand(now, Purpose::Power, vec![supply, Task::Pause(RISE), check]);
    }

    fn powered(&mut self, now: Micros, outcomes: &[Outcome]) {
        if !matches!(outcomes.last(), Some(Ok(level)) if level[..] != [0]) {
            return self.leave(now, Some(Fault::ControlDenied));
        }
        self.stage = Stage::Running;
        self.air = Air::new(now, self.options.fans);
        self.next_round = now;
        for board in 0..BOARDS {
            self.errand(now, Purpose::Release(board), pulse(board));
        }
    }

    /// The chips of a hash board are out of reset.
    fn count(&mut self, now: Micros, board: usize) {
        self.boards[board].stage = BoardStage::Trying;
        self.with_chain(now, board, |now, board, outbox| board.chain.count(now, outbox));
    }

    /// Does something with a chain, passes on what it wants done, and sees where it stands then.
    fn with_chain(
        &mut self,
        now: Micros,
        index: usize,
        act: impl FnOnce(Micros, &mut HashBoard, &mut Outbox),
    ) {
        act(now, &mut self.boards[index], &mut self.chains);
        self.relay(index);
        let board = &mut self.boards[index];
        match (board.chain.status(), board.stage) {
            (Status::Counted(_), _) => {
                if !std::mem::replace(&mut self.identified, true) {
                    self.outbox.emit(Event::Identified(self.model));
                }
                board.chain.bring_up(now, &mut self.chains);
                self.relay(index);
            }
            (Status::Mining(_), _) => board.stage = BoardStage::Working,
            (Status::Failed(fault), BoardStage::Trying) => self.leave_out(now, index, fault),
            (Status::Failed(fault), BoardStage::Working) => {
                self.leave(now, Some(sum::fault(self.first(index), fault)));
            }
            _ => {}
        }
    }

    /// A hash board that cannot be brought up stays in reset. The others work.
    fn leave_out(&mut self, now: Micros, index: usize, fault: Fault) {
        let fault = sum::fault(self.first(index), fault);
        let board = &mut self.boards[index];
        board.chain.shut();
        board.stage = BoardStage::Out;
        if self.boards.iter().all(|board| board.stage == BoardStage::Out) {
            return self.leave(now, Some(fault));
        }
        self.outbox.emit(Event::Fault(fault));
        self.errand(now, Purpose::Hold, vec![Task::Must(hold(index))]);
    }

    /// Passes on what the chain of a hash board wants done.
    fn relay(&mut self, index: usize) {
        let first = self.first(index);
        while let Some(action) = self.chains.pop() {
            match action {
                Action::Emit(Event::Ready(capability)) => {
                    self.boards[index].capability = Some(capability);
                    let chains = self.boards.iter().filter_map(|board| board.capability.as_ref());
                    if let Some(capability) = sum::capability(chains) {
                        self.outbox.emit(Event::Ready(capability));
                    }
                }
                Action::Emit(Event::Room { free, .. }) => {
                    self.boards[index].free = free;
                    self.announce_room();
                }
                Action::Emit(Event::Nonce(nonce)) => {
                    let seq = self.unjudged.number((index, nonce.seq));
                    let unit = nonce.unit.saturating_add(first);
                    self.outbox.emit(Event::Nonce(Nonce { seq, unit, ..nonce }));
                }
                Action::Emit(Event::Measured { unit, quantity, reading }) => {
                    let unit = sum::unit(first, unit, quantity);
                    self.outbox.emit(Event::Measured { unit, quantity, reading });
                }
                Action::Emit(Event::Fault(fault)) => {
                    self.outbox.emit(Event::Fault(sum::fault(first, fault)));
                }
                other => self.outbox.push(other),
            }
        }
    }

    fn announce_room(&mut self) {
        let free = self.boards.iter().map(|board| board.free).sum();
        self.outbox.emit(Event::Room { received: self.received, free });
    }

    /// A work goes to the chain with most room.
    fn on_work(&mut self, now: Micros, work: Work) {
        self.received += 1;
        let working = (0..BOARDS).filter(|index| self.boards[*index].stage == BoardStage::Working);
        let Some(index) = working.max_by_key(|index| (self.boards[*index].free, BOARDS - index)) else {
            return;
        };
        self.with_chain(now, index, |now, board, outbox| board.chain.on_work(now, work, outbox));
    }

    fn on_job_changed(&mut self, now: Micros) {
        for board in &mut self.boards {
            board.chain.on_job_changed(now);
            board.free = board.capability.as_ref().map_or(0, |capability| capability.room);
        }
    }

    fn on_ruling(&mut self, now: Micros, ruling: &Ruling) {
        let Some((index, seq)) = self.unjudged.take(ruling.seq) else { return };
        let ruling = Ruling { seq, ..*ruling };
        self.with_chain(now, index, |now, board, outbox| {
            board.chain.on_ruling(now, &ruling, outbox);
        });
    }

    /// Something happens that may concern any of the chains.
    fn with_chains(&mut self, now: Micros, mut act: impl FnMut(Micros, &mut HashBoard, &mut Outbox)) {
        for index in 0..BOARDS {
            self.with_chain(now, index, &mut act);
        }
    }

    fn on_bytes(&mut self, now: Micros, port: Port, bytes: &[u8], quiet: bool) {
        if port == CONTROL {
            let told = self.errands.on_bytes(now, bytes, quiet, &mut self.outbox);
            return self.told(now, told);
        }
        let index = usize::from(port.0) - 1;
        if index < BOARDS {
            self.with_chain(now, index, |now, board, outbox| match quiet {
                true => board.chain.on_quiet(now, outbox),
                false => board.chain.on_bytes(now, bytes, outbox),
            });
        }
    }

    fn on_timer(&mut self, now: Micros) {
        let told = self.errands.on_timer(now, &mut self.outbox);
        self.told(now, told);
        self.with_chains(now, |now, board, outbox| board.chain.on_timer(now, outbox));
        if self.round_due().is_some_and(|due| now >= due) {
            self.next_round = now + ROUND;
            let supply = Task::May(Operation::GpioGet { pin: pin::BITCRANE_PSU });
            // The speed is told each time: a controller that has forgotten it gets it back.
            let fans = speed(FANS, FULL).map(Task::May);
            let tasks = tachometers(self.options.fans).chain([supply]).chain(fans);
            self.errand(now, Purpose::Round, tasks.collect());
        }
    }

    fn round_due(&self) -> Option<Micros> {
        (matches!(self.stage, Stage::Running) && self.errands.is_silent()).then_some(self.next_round)
    }

    /// What the tachometers say, of which `answers` are the answers.
    fn speeds(&self, answers: &[Outcome]) -> Vec<Value> {
        let none = std::iter::repeat(Err(NoData::NotYet));
        answers.iter().map(air::rpm).chain(none).take(usize::from(self.options.fans)).collect()
    }

    fn round_ended(&mut self, now: Micros, outcomes: &[Outcome]) {
        // The supply is off when the controller has started anew: the chips are cold, whatever they were told.
        let supply = outcomes.get(usize::from(self.options.fans));
        if matches!(supply, Some(Ok(level)) if level[..] == [0]) {
            return self.leave(now, Some(Fault::Restarted));
        }
        let speeds = self.speeds(outcomes);
        self.announce(now, &speeds);
        if let Some(fault) = self.air.judge(now, &speeds) {
            self.leave(now, Some(fault));
        }
    }

    fn announce(&mut self, now: Micros, speeds: &[Value]) {
        let mut say = |unit: usize, quantity: Quantity, value: Value| {
            let reading = Reading { value, at: now };
            self.outbox.emit(Event::Measured { unit: unit as u16, quantity, reading });
        };
        for (fan, rpm) in speeds.iter().enumerate() {
            say(fan, Quantity::FanRpm, *rpm);
        }
        say(0, Quantity::FanPercent, Ok(f64::from(FULL)));
        for quantity in [
            Quantity::TemperatureCelsius,
            Quantity::CoreVolts,
            Quantity::InputVolts,
            Quantity::CurrentAmperes,
            Quantity::PowerWatts,
            Quantity::JoulesPerTerahash,
        ] {
            say(0, quantity, Err(NoData::NotFitted));
        }
    }

    fn on_command(&mut self, now: Micros, command: Command) {
        match command {
            Command::Frequency(clock) if allows_clock(self.model, clock) => {
                self.with_chains(now, |now, board, _| board.chain.set_clock(now, clock));
            }
            Command::Fan(None | Some(FULL)) => {}
            Command::Identify if matches!(self.stage, Stage::Running) => {
                let lamp = |colour| Task::May(Operation::Led(colour));
                let tasks = vec![lamp([255; 3]), Task::Pause(Duration::from_secs(1)), lamp([0; 3])];
                self.errand(now, Purpose::Lamp, tasks);
            }
            _ => self.outbox.emit(Event::Declined(command)),
        }
    }

    /// Makes everything safe, then says that it is stopped, or why it failed.
    fn leave(&mut self, now: Micros, fault: Option<Fault>) {
        match &mut self.stage {
            Stage::Over => return,
            Stage::Closed => return self.finish(fault),
            Stage::Ending(why) => {
                if fault.is_none() {
                    *why = None;
                }
                return;
            }
            Stage::Preparing | Stage::Running => {}
        }
        for index in 0..BOARDS {
            self.boards[index].chain.slow_down(&mut self.chains);
            self.relay(index);
            self.boards[index].chain.shut();
        }
        self.stage = Stage::Ending(fault);
        self.errands.cut();
        let percent = if fault.is_some() { FULL } else { FAREWELL };
        // The supply first: where there is time for no more, that is enough. A silent board is told the rest in vain.
        let rest = (0..BOARDS).map(hold).chain(speed(FANS, percent)).map(Task::May);
        self.errand(now, Purpose::Off, std::iter::once(Task::Try(supply_off())).chain(rest).collect());
    }

    fn finish(&mut self, fault: Option<Fault>) {
        self.stage = Stage::Over;
        match fault {
            None => self.outbox.emit(Event::Stopped),
            Some(fault) => self.outbox.fail(fault),
        }
    }
}

/// The power supply off.
const fn supply_off() -> Operation {
    Operation::GpioSet { pin: pin::BITCRANE_PSU, high: false }
}

impl Machine for Crane {
    fn on_input(&mut self, now: Micros, input: Input<'_>) {
        if matches!(self.stage, Stage::Over) {
            return;
        }
        match input {
            Input::LinkUp if matches!(self.stage, Stage::Closed) => {
                self.stage = Stage::Preparing;
                let told = self.errands.hail(now, &mut self.outbox);
                self.told(now, told);
            }
            Input::Bytes { port, bytes } => self.on_bytes(now, port, bytes, false),
            Input::Quiet { port } => self.on_bytes(now, port, &[], true),
            Input::Done { token, result } => {
                let told = self.errands.on_done(now, token, result.clone(), &mut self.outbox);
                self.told(now, told);
                self.with_chains(now, |now, board, outbox| {
                    board.chain.on_done(now, token, result.clone(), outbox);
                });
            }
            Input::Work(work) => self.on_work(now, work),
            Input::JobChanged { .. } => self.on_job_changed(now),
            Input::Ruling(ruling) => self.on_ruling(now, &ruling),
            Input::Command(command) => self.on_command(now, command),
            Input::Stop { .. } => self.leave(now, None),
            Input::Timer => self.on_timer(now),
            Input::LinkDown { why } => self.finish(Some(Fault::Link(why))),
            Input::LinkUp | Input::Modem { .. } => {}
        }
    }

    fn next_action(&mut self) -> Option<Action> {
        self.outbox.pop()
    }

    fn deadline(&self) -> Option<Micros> {
        if matches!(self.stage, Stage::Over) {
            return None;
        }
        let chains = self.boards.iter().filter_map(|board| board.chain.deadline());
        chains.chain(self.errands.deadline()).chain(self.round_due()).min()
    }
}
