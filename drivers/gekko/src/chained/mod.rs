//! Sticks and pods whose chips are a chain of the BM13xx engine, reset or powered by pins of the bridge: NewPac and R606, Compac F
//! and R909, and the A1 and A2 models with their second port (`docs/protocols/gekko.md §2.2, §2.4, §5, §13, §15`).

mod board;
mod judging;
mod leaving;
mod pins;
mod talk;
mod tempo;

use adit_driver::script::{Cue, Outcome, Play};
use adit_driver::{Action, Command, Event, Fault, Input, Machine, Outbox, Ruling};
use adit_driver_bm13xx::{Census, Chain, RESET_BAUD, Setup, Status};
use adit_protocol::bm13xx::Chip;
use adit_protocol::devices::Model;
use adit_protocol::gekko::COMPAC_F_SHARE;
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Micros, Port};

use crate::options::Options;
use crate::watch::Watch;
use board::{Board, Heard};
use judging::Patience;
use leaving::Leaving;
use pins::{CHIPS, Pins, Toggle};
use talk::TELEMETRY;
use tempo::Tempo;

/// Rate at which chips behind an FT-X work: theirs and the bridge's are 0.2 % apart there, and 4 % at the next faster one.
const FT_X_BAUD: u32 = 1_041_667;
/// Time between two steps of the first ramp, which ends at the start clock. A BM1397 takes 30 ms to be told one.
const FIRST_RAMP_STEP: std::time::Duration = std::time::Duration::from_millis(40);

/// The driver of one stick or pod.
#[derive(Debug)]
pub(crate) struct Chained {
    stage: Stage,
    model: &'static Model,
    options: Options,
    outbox: Outbox,
    chain: Chain,
    pins: Pins,
    /// `None`: it has none, or its user does without.
    board: Option<Board>,
    tempo: Tempo,
    watch: Watch,
    /// The chain was searching when it was looked at last.
    searching: bool,
    patience: Patience,
    identified: bool,
}

#[derive(Debug)]
enum Stage {
    /// The link is not open yet.
    Closed,
    /// Chips into reset, or without power, and out again.
    Resetting(Play<Toggle>),
    /// They are asked who they are.
    Counting,
    /// The controller is asked who it is and feeds the chips.
    Waking,
    /// They are set up and work.
    Working,
    /// On the way out.
    Leaving(Leaving),
    /// Stopped or given up.
    Over,
}

impl Chained {
    /// A stick that is `model`.
    pub(crate) fn new(model: &'static Model, options: Options) -> Self {
        let chip = Chip::from_name(model.chips.kind);
        let [lowest, usual, _] = model.clock.unwrap_or([Hertz::from_mhz(50.0); 3]);
        let wanted = options.frequency.unwrap_or(usual);
        let start = options.start.unwrap_or(usual_start(model));
        let tempo = Tempo::new([lowest, start, wanted], options.ramp_step, options.tune_up);
        let core = options.core.or(model.supply.map(|supply| supply.core[1]));
        Self {
            stage: Stage::Closed,
            chain: Chain::new(setup(model, chip, &options, tempo.start())),
            pins: Pins::of(chip.unwrap_or(Chip::Bm1370)),
            board: core.filter(|_| options.telemetry).map(Board::new),
            model,
            options,
            outbox: Outbox::default(),
            tempo,
            watch: Watch::new(Micros(0), 0),
            searching: false,
            patience: Patience::default(),
            identified: false,
        }
    }

    /// The chips begin anew.
    fn reset(&mut self, now: Micros) {
        self.chain.shut();
        let mut play = Play::new(self.pins.begin());
        let outcome = play.start(now, &mut self.outbox);
        self.stage = Stage::Resetting(play);
        self.was_reset(now, outcome);
    }

    fn was_reset(&mut self, now: Micros, outcome: Option<Outcome<Toggle>>) {
        match outcome {
            Some(Ok(obeyed)) => {
                self.patience.has_pins = obeyed;
                self.stage = Stage::Counting;
                self.chain.setup_mut().clock = self.tempo.start();
                self.chain.count(now, &mut self.outbox);
            }
            Some(Err(fault)) => self.give_up(fault),
            None => {}
        }
    }

    /// Takes the chain from where it stands to the next step.
    fn follow(&mut self, now: Micros) {
        match (self.chain.status(), &self.stage) {
            (Status::Counted(census), Stage::Counting) => self.counted(now, census),
            (Status::Failed(fault), Stage::Counting | Stage::Working) => self.in_trouble(now, fault),
            (Status::Mining(census), Stage::Working) => self.look(now, census),
            _ => {}
        }
    }

    fn counted(&mut self, now: Micros, census: Census) {
        let kinds: &[Chip] = match self.model.chips.kind {
            "BM1370" => &[Chip::Bm1370, Chip::Bm1368],
            _ => std::slice::from_ref(&census.chip),
        };
        if !kinds.contains(&census.chip) {
            return self.leave(now, Some(Fault::WrongDevice { expected: self.model.name }));
        }
        if !self.identified {
            self.identified = true;
            self.outbox.emit(Event::Identified(self.model));
        }
        if self.watch.chips() != census.chips {
            self.watch = Watch::new(now, census.chips);
        }
        match &mut self.board {
            Some(board) => {
                self.stage = Stage::Waking;
                let heard = board.wake(now, &mut self.outbox);
                self.heard(now, heard);
            }
            None => self.bring_up(now),
        }
    }

    fn bring_up(&mut self, now: Micros) {
        self.stage = Stage::Working;
        self.searching = false;
        self.tempo.begin(now);
        self.chain.bring_up(now, &mut self.outbox);
        self.follow(now);
    }

    /// What has come of a talk with the controller.
    fn heard(&mut self, now: Micros, heard: Option<Heard>) {
        match (heard, &self.stage) {
            (Some(Heard::Awake), Stage::Waking) => self.bring_up(now),
            (Some(Heard::Danger(fault)), Stage::Waking | Stage::Working) => self.leave(now, Some(fault)),
            (Some(Heard::Asleep), Stage::Leaving(_)) => self.release(now),
            _ => {}
        }
    }

    fn on_bytes(&mut self, now: Micros, port: Port, bytes: &[u8], quiet: bool) {
        match (port, &mut self.board) {
            (CHIPS, _) if quiet => self.chain.on_quiet(now, &mut self.outbox),
            (CHIPS, _) => self.chain.on_bytes(now, bytes, &mut self.outbox),
            (TELEMETRY, Some(board)) => {
                let heard = board.on_bytes(now, bytes, quiet, &mut self.outbox);
                self.heard(now, heard);
            }
            _ => {}
        }
    }

    fn on_cue(&mut self, now: Micros, cue: Cue<()>) {
        match &mut self.stage {
            Stage::Resetting(play) => {
                let outcome = cue.give(now, play, &mut self.outbox);
                self.was_reset(now, outcome);
            }
            Stage::Leaving(leaving) => {
                if leaving.cue(now, cue, &mut self.outbox) {
                    self.finish();
                }
            }
            _ => match cue {
                Cue::Done(token, result) => self.chain.on_done(now, token, result, &mut self.outbox),
                Cue::Timer => self.chain.on_timer(now, &mut self.outbox),
                Cue::Frame(()) => {}
            },
        }
    }

    fn on_timer(&mut self, now: Micros) {
        self.on_cue(now, Cue::Timer);
        self.board_turn(now);
        if matches!(self.stage, Stage::Working)
            && let Some(clock) = self.tempo.turn(now)
        {
            self.chain.set_clock(now, clock);
        }
    }

    fn board_turn(&mut self, now: Micros) {
        if let Some(board) = &mut self.board {
            let heard = board.on_timer(now, &mut self.outbox);
            self.heard(now, heard);
        }
    }

    fn on_ruling(&mut self, now: Micros, ruling: &Ruling) {
        let chip = self.chain.on_ruling(now, ruling, &mut self.outbox);
        if let Some(chip) = chip.filter(|_| ruling.verdict.is_valid()) {
            self.watch.found(now, chip);
            self.patience.found(now);
            self.tempo.found();
        }
    }

    fn on_command(&mut self, now: Micros, command: Command) {
        let board = self.board.as_mut().filter(|_| matches!(self.stage, Stage::Working));
        let obeyed = match (command, board) {
            (Command::Frequency(clock), _) => {
                let [low, _, high] = self.model.clock.unwrap_or([clock; 3]);
                let allowed = (low..=high).contains(&clock);
                if allowed {
                    self.tempo.want(now, clock);
                }
                allowed
            }
            (Command::Voltage(core), Some(board)) => {
                let limits = self.model.supply.map(|supply| supply.core);
                limits.is_some_and(|[low, _, high]| low.0 <= core.0 && core.0 <= high.0) && board.feed(core)
            }
            (Command::Fan(Some(percent)), Some(board)) => board.blow(percent),
            (Command::Identify, Some(board)) => board.blink(now),
            _ => false,
        };
        if !obeyed {
            self.outbox.emit(Event::Declined(command));
        }
        self.board_turn(now);
    }
}

/// What is known of the chain of a stick that is `model`.
fn setup(model: &Model, chip: Option<Chip>, options: &Options, clock: Hertz) -> Setup {
    Setup {
        // An A2 model has chips of one of two types.
        chip: chip.filter(|chip| *chip != Chip::Bm1370),
        chips: Some(options.chips.unwrap_or(model.chips.count)),
        ramp_step: FIRST_RAMP_STEP,
        baud: Some(if model.ports.len() > 1 { RESET_BAUD } else { FT_X_BAUD }),
        easing: options.easing,
        share: if model.key == "compac-f" { COMPAC_F_SHARE } else { 1.0 },
        ..Setup::new(CHIPS, clock)
    }
}

/// Where a stick begins unless its user says otherwise (`docs/protocols/gekko.md §14.1`).
fn usual_start(model: &Model) -> Hertz {
    Hertz::from_mhz(match model.key {
        "r606" => 550.0,
        "compac-f" => 200.0,
        "r909" => 400.0,
        "newpac" => 100.0,
        _ => 300.0,
    })
}

impl Machine for Chained {
    fn on_input(&mut self, now: Micros, input: Input<'_>) {
        match (&self.stage, &input) {
            (Stage::Over, _) => return,
            (Stage::Closed, Input::LinkUp) => return self.reset(now),
            _ => {}
        }
        match input {
            Input::LinkUp | Input::Modem { .. } => {}
            Input::Bytes { port, bytes } => self.on_bytes(now, port, bytes, false),
            Input::Quiet { port } => self.on_bytes(now, port, &[], true),
            Input::Done { token, result } => self.on_cue(now, Cue::Done(token, result)),
            Input::Work(work) => self.chain.on_work(now, work, &mut self.outbox),
            Input::JobChanged { .. } => self.chain.on_job_changed(now),
            Input::Ruling(ruling) => self.on_ruling(now, &ruling),
            Input::Command(command) => self.on_command(now, command),
            Input::Stop { by } => self.stop(now, by),
            Input::Timer => self.on_timer(now),
            Input::LinkDown { why } => self.give_up(Fault::Link(why)),
        }
        self.follow(now);
    }

    fn next_action(&mut self) -> Option<Action> {
        self.outbox.pop()
    }

    fn deadline(&self) -> Option<Micros> {
        let stage = match &self.stage {
            Stage::Closed | Stage::Over => return None,
            Stage::Resetting(play) => play.deadline(),
            Stage::Leaving(leaving) => Some(leaving.deadline()),
            Stage::Counting | Stage::Waking => None,
            Stage::Working => self.tempo.due().into_iter().chain(self.look_at()).min(),
        };
        let board = self.board.as_ref().and_then(Board::deadline);
        stage.into_iter().chain(board).chain(self.chain.deadline()).min()
    }
}
