//! A chain on a serial port of its own: nobody can reset it or take its power away.

use adit_driver::{Action, Command, Event, Fault, Input, Machine, Outbox};
use adit_protocol::devices::Model;
use adit_protocol::units::Hertz;
use adit_protocol::wire::Micros;

use crate::chain::Chain;
use crate::setup::{Setup, Status};

/// The driver of one bare chain.
#[derive(Debug)]
pub(crate) struct BareChain {
    chain: Chain,
    models: Vec<&'static Model>,
    outbox: Outbox,
    /// The clock that the user chose.
    frequency: Option<Hertz>,
    over: bool,
}

impl BareChain {
    /// A chain that is one of `models`.
    pub(crate) fn new(models: Vec<&'static Model>, setup: Setup, frequency: Option<Hertz>) -> Self {
        Self { chain: Chain::new(setup), models, outbox: Outbox::default(), frequency, over: false }
    }

    /// Takes the chain from where it stands to the next step.
    fn follow(&mut self, now: Micros) {
        loop {
            match self.chain.status() {
                Status::Counted(census) => {
                    let is_it = |model: &&&Model| model.chips.kind == census.chip.facts().name;
                    let Some(model) = self.models.iter().find(is_it).copied() else {
                        return self.give_up(Fault::WrongDevice { expected: "the chain that was named" });
                    };
                    self.identified(now, model);
                    self.chain.bring_up(now, &mut self.outbox);
                }
                Status::Failed(fault) => return self.give_up(fault),
                Status::Idle
                | Status::Counting
                | Status::BringingUp(_)
                | Status::Mining(_)
                | Status::Resting(_) => return,
            }
        }
    }

    /// The chips are those of `model`: its limits hold, and its usual clock unless the user chose another.
    fn identified(&mut self, now: Micros, model: &'static Model) {
        self.models = vec![model];
        self.outbox.emit(Event::Identified(model));
        let Some([low, usual, high]) = model.clock else { return };
        let wanted = self.frequency.unwrap_or(usual);
        if !(low..=high).contains(&wanted) {
            self.outbox.emit(Event::Declined(Command::Frequency(wanted)));
        }
        let clock = if (low..=high).contains(&wanted) { wanted } else { usual };
        self.chain.set_clock(now, clock);
    }

    fn give_up(&mut self, fault: Fault) {
        self.over = true;
        self.outbox.fail(fault);
    }

    fn on_command(&mut self, now: Micros, command: Command) {
        match command {
            Command::Frequency(clock)
                if self.limits().is_some_and(|[low, _, high]| low <= clock && clock <= high) =>
            {
                self.chain.set_clock(now, clock);
            }
            _ => self.outbox.emit(Event::Declined(command)),
        }
    }

    fn limits(&self) -> Option<[Hertz; 3]> {
        self.models.first().and_then(|model| model.clock)
    }

    fn on_stop(&mut self) {
        self.chain.hand_over(&mut self.outbox);
        self.over = true;
        self.outbox.emit(Event::Stopped);
    }
}

impl Machine for BareChain {
    fn on_input(&mut self, now: Micros, input: Input<'_>) {
        if self.over {
            return;
        }
        let outbox = &mut self.outbox;
        match input {
            Input::LinkUp => self.chain.count(now, outbox),
            Input::Bytes { bytes, .. } => self.chain.on_bytes(now, bytes, outbox),
            Input::Quiet { .. } => self.chain.on_quiet(now, outbox),
            Input::Done { token, result } => self.chain.on_done(now, token, result, outbox),
            Input::Work(work) => self.chain.on_work(now, work, outbox),
            Input::JobChanged { .. } => self.chain.on_job_changed(now),
            Input::Ruling(ruling) => {
                self.chain.on_ruling(now, &ruling, outbox);
            }
            Input::Command(command) => self.on_command(now, command),
            Input::Stop { .. } => self.on_stop(),
            Input::Timer => self.chain.on_timer(now, outbox),
            Input::LinkDown { why } => self.give_up(Fault::Link(why)),
            Input::Modem { .. } => {}
        }
        if !self.over {
            self.follow(now);
        }
    }

    fn next_action(&mut self) -> Option<Action> {
        self.outbox.pop()
    }

    fn deadline(&self) -> Option<Micros> {
        if self.over { None } else { self.chain.deadline() }
    }
}
