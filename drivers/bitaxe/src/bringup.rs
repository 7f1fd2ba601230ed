//! From the first answer to chips at work: parts, power, who the chips are, the voltage of the board that it is.

use std::time::Duration;

use adit_driver::{Command, Event, Fault, OperatingPoint};
use adit_driver_bm13xx::{Census, Setup};
use adit_protocol::bitaxe_raw::{Firmware, Operation, pin};
use adit_protocol::bm13xx::Chip;
use adit_protocol::devices::Model;
use adit_protocol::i2c::tps546;
use adit_protocol::units::{Hertz, Volts};
use adit_protocol::wire::{Micros, Port};

use crate::boards::{self, Board, Fan, Parts};
use crate::control::{Outcome, Task};
use crate::machine::{Bitaxe, Purpose, Stage};
use crate::options::{Options, allows_clock, allows_core};
use crate::readings;
use crate::regulator::Regulator;
use crate::running::Running;
use crate::survey;

/// Chips are held in reset for so long, and given so long to wake (`docs/protocols/bm13xx.md §11`).
const RESET: Duration = Duration::from_millis(100);
const WAKING: Duration = Duration::from_millis(200);
/// The port to the chips.
pub(crate) const DATA: Port = Port(1);
/// Answers in one burst that the smallest of these controllers passes on: 64 bytes (`docs/protocols/bitaxe-raw.md §4`).
pub(crate) const BURST: u16 = 5;
/// Before the first temperature.
const FIRST_FAN: u8 = 70;
/// What a board that was too hot runs slower, and at less, each time (`docs/protocols/bitaxe-raw.md §8`).
const LESS_CLOCK: f64 = 100.0;
const LESS_CORE: f64 = 0.1;

/// What the board may be.
#[derive(Debug)]
pub(crate) struct Candidates {
    pub(crate) models: Vec<&'static Model>,
    /// What its USB side calls itself.
    pub(crate) product: Option<String>,
}

/// What is known so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bringup {
    parts: Parts,
    boards: Vec<&'static Board>,
    /// What the regulator was told to give first.
    at_regulator: Volts,
    pub(crate) known: Option<Known>,
}

/// A board of which everything is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) board: Board,
    pub(crate) model: &'static Model,
    pub(crate) regulator: Regulator,
    pub(crate) chip: Chip,
}

impl Candidates {
    pub(crate) fn firmware(&self) -> Firmware {
        boards::firmware(self.product.as_deref(), &self.models)
    }

    /// Of which the chips are those that were found. A board with too few or too many is named, so that the fault can say so.
    fn of(
        &self,
        options: &Options,
        boards: &[&'static Board],
        found: Census,
    ) -> Result<(&'static Board, &'static Model), Fault> {
        let expected = match self.models.as_slice() {
            [only] => only.key,
            _ => "a board of this driver",
        };
        let Census { chip, chips: count, .. } = found;
        let fitting = boards.iter().filter_map(|board| Some((*board, board.model()?)));
        let mut fitting: Vec<_> =
            fitting.filter(|(_, model)| Chip::from_name(model.chips.kind) == Some(chip)).collect();
        fitting.sort_by_key(|(_, model)| options.chips(model).abs_diff(count));
        match fitting.first() {
            Some((board, model)) if options.chips(model) == count => Ok((board, model)),
            Some((_, model)) if options.chips(model) > count => {
                Err(Fault::ChipMissing { chip: count, found: count, expected: options.chips(model) })
            }
            Some((_, model)) => Err(Fault::ChipsExtra { found: count, expected: options.chips(model) }),
            None => Err(Fault::WrongDevice { expected }),
        }
    }
}

impl Bringup {
    /// The regulator, as soon as one has been found: whatever the board turns out to be, it is switched off in the same way.
    pub(crate) fn regulator(&self) -> Option<Regulator> {
        let mode = self.parts.tps546.unwrap_or(tps546::DEFAULT_VOUT_MODE);
        self.known.map(|known| known.regulator).or_else(|| Some(self.boards.first()?.regulator(mode)))
    }

    /// The fan, as soon as one has been found.
    pub(crate) fn board(&self) -> Option<Board> {
        self.known.map(|known| known.board).or_else(|| self.boards.first().map(|board| **board))
    }
}

impl Known {
    /// What the regulator must give for `core` volts.
    pub(crate) fn at_regulator(&self, core: Volts) -> Volts {
        Volts(core.0 * self.board.series())
    }

    /// Chips into reset and out again.
    pub(crate) fn pulse() -> Vec<Task> {
        let set = |high| Task::Must(Operation::GpioSet { pin: pin::RESET, high });
        vec![set(false), Task::Pause(RESET), set(true), Task::Pause(WAKING)]
    }
}

impl Bitaxe {
    pub(crate) fn begin_survey(&mut self, now: Micros) {
        self.stage = Stage::Bringup(Bringup::default());
        self.errand(now, Purpose::Survey, survey::questions());
    }

    pub(crate) fn surveyed(&mut self, now: Micros, outcomes: &[Outcome]) {
        let (parts, fan_firmware) = survey::parts(outcomes);
        if self.errands.firmware() == Firmware::Classic && fan_firmware {
            self.errands.set_firmware(Firmware::Fan);
        }
        self.stage = Stage::Bringup(Bringup { parts, ..Bringup::default() });
        if parts.tps546.is_some() {
            self.errand(now, Purpose::RegulatorMode, survey::regulator_off());
        } else {
            self.choose_boards(now);
        }
    }

    pub(crate) fn regulator_found(&mut self, now: Micros, outcomes: &[Outcome]) {
        if let Stage::Bringup(bringup) = &mut self.stage {
            bringup.parts.tps546 = survey::mode(outcomes);
            self.choose_boards(now);
        }
    }

    /// Without a regulator and a fan controller that are known nothing is powered.
    fn choose_boards(&mut self, now: Micros) {
        let Stage::Bringup(bringup) = &mut self.stage else { return };
        match bringup.parts.boards(&self.candidates.models) {
            Ok(boards) => bringup.boards = boards,
            Err(missing) => return self.leave(now, Some(Fault::UnknownBoard { missing })),
        }
        // The lowest of their defaults harms none of them.
        let core =
            bringup.boards.iter().filter_map(|board| board.default_core()).fold(f64::INFINITY, f64::min);
        let (Some(board), Some(regulator)) = (bringup.board(), bringup.regulator()) else { return };
        self.power_up(now, board, regulator, Volts(core * board.series()));
    }

    pub(crate) fn power_up(&mut self, now: Micros, board: Board, regulator: Regulator, at_regulator: Volts) {
        let firmware = self.errands.firmware();
        let board = with_fan_of(board, firmware);
        if let Stage::Bringup(bringup) = &mut self.stage {
            bringup.at_regulator = at_regulator;
        }
        let mut tasks = readings::prepare(&board);
        tasks.extend(readings::fan_speed(&board, self.options.fan.unwrap_or(FIRST_FAN)));
        tasks.push(Task::Must(Operation::GpioSet { pin: pin::RESET, high: false }));
        tasks.extend(regulator.power_up(at_regulator, firmware));
        self.errand(now, Purpose::PowerUp, tasks);
    }

    pub(crate) fn powered_up(&mut self, now: Micros, outcomes: &[Outcome]) {
        let Stage::Bringup(bringup) = &self.stage else { return };
        let Some(regulator) = bringup.regulator() else { return };
        // The last of them are the check.
        if let Err(fault) = regulator.verify(bringup.at_regulator, outcomes) {
            return self.leave(now, Some(fault));
        }
        match bringup.known {
            Some(known) => self.release(now, known),
            None => self.errand(now, Purpose::Reset, Known::pulse()),
        }
    }

    /// The chips are out of reset.
    pub(crate) fn chips_reset(&mut self, now: Micros) {
        match &mut self.stage {
            Stage::Bringup(bringup) => {
                self.stage = Stage::Counting(std::mem::take(bringup));
                *self.chain.setup_mut() = unknown_chips();
                self.chain.count(now, &mut self.outbox);
                self.after_chain(now);
            }
            Stage::Running(_) => {
                self.chain.count(now, &mut self.outbox);
                self.after_chain(now);
            }
            _ => {}
        }
    }

    /// The chips have said who they are.
    pub(crate) fn counted(&mut self, now: Micros, found: Census) {
        let Stage::Counting(bringup) = &self.stage else { return };
        let mut bringup = bringup.clone();
        let (board, model) = match self.candidates.of(&self.options, &bringup.boards, found) {
            Ok(identity) => identity,
            Err(fault) => return self.leave(now, Some(fault)),
        };
        let firmware = self.errands.firmware();
        let mode = bringup.parts.tps546.unwrap_or(tps546::DEFAULT_VOUT_MODE);
        let known = Known {
            board: with_fan_of(*board, firmware),
            model,
            regulator: board.regulator(mode),
            chip: found.chip,
        };
        bringup.known = Some(known);
        self.stage = Stage::Bringup(bringup);
        self.outbox.emit(Event::Identified(model));
        if let Some(wanted) = self.options.frequency.filter(|wanted| !allows_clock(model, *wanted)) {
            self.outbox.emit(Event::Declined(Command::Frequency(wanted)));
        }
        if let Some(wanted) = self.options.core.filter(|wanted| !allows_core(model, *wanted)) {
            self.outbox.emit(Event::Declined(Command::Voltage(wanted)));
        }
        self.release(now, known);
    }

    /// The voltage of this board, with the chips in reset, then out of it.
    fn release(&mut self, now: Micros, known: Known) {
        let Some(point) = self.point(known.model) else {
            return self.leave(now, Some(Fault::WrongDevice { expected: known.model.key }));
        };
        let set = known.regulator.set(known.at_regulator(point.core));
        let low = Task::Must(Operation::GpioSet { pin: pin::RESET, high: false });
        let tasks = [vec![low], set, vec![Task::Pause(RESET)], Known::pulse()].concat();
        self.errand(now, Purpose::Release, tasks);
    }

    pub(crate) fn released(&mut self, now: Micros, outcomes: &[Outcome]) {
        let Stage::Bringup(Bringup { known: Some(known), .. }) = &self.stage else { return };
        let known = *known;
        let Some(point) = self.point(known.model) else { return };
        // After the reset: the write, what was read back, and the pulse.
        if let Err(fault) = known.regulator.is_set(known.at_regulator(point.core), outcomes.get(2)) {
            return self.leave(now, Some(fault));
        }
        *self.chain.setup_mut() = Setup {
            chip: Some(known.chip),
            chips: Some(self.options.chips(known.model)),
            domains: known.board.series() as u16,
            easing: self.options.eased,
            clock: point.clock,
            ..unknown_chips()
        };
        self.chain.count(now, &mut self.outbox);
        self.stage = Stage::Running(Running::begin(now, known, &self.options, point));
        self.after_chain(now);
        for command in std::mem::take(&mut self.waiting) {
            self.on_command(now, command);
        }
    }

    /// A board that has cooled down is switched on again, with less.
    pub(crate) fn wake(&mut self, now: Micros, known: Known) {
        let Some(point) = self.point(known.model) else { return };
        self.stage = Stage::Bringup(Bringup { known: Some(known), ..Bringup::default() });
        self.power_up(now, known.board, known.regulator, known.at_regulator(point.core));
    }

    /// Where the board is to run: less after each time it was too hot.
    fn point(&self, model: &Model) -> Option<OperatingPoint> {
        let wanted = self.options.point(model)?;
        let ([slowest, ..], [lowest, ..]) = (model.clock?, model.supply?.core);
        let times = f64::from(self.rests);
        Some(OperatingPoint {
            clock: Hertz::from_mhz(
                (wanted.clock.mhz() - LESS_CLOCK * times).max(slowest.mhz()).min(wanted.clock.mhz()),
            ),
            core: Volts((wanted.core.0 - LESS_CORE * times).max(lowest.0).min(wanted.core.0)),
        })
    }
}

/// Chips that are only asked who they are: the clock is of no account.
pub(crate) fn unknown_chips() -> Setup {
    Setup { burst: BURST, ..Setup::new(DATA, Hertz::from_mhz(50.0)) }
}

/// The fan firmware turns the fan itself.
fn with_fan_of(board: Board, firmware: Firmware) -> Board {
    if firmware == Firmware::Fan { Board { fan: Fan::Controller, ..board } } else { board }
}
