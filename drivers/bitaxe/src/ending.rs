//! The way out: chips into reset, voltage off, air on. Every end but an unplugged cable comes through here.

use adit_driver::{Event, Fault, NoData, Quantity, Reading};
use adit_protocol::bitaxe_raw::{Firmware, Operation, pin};
use adit_protocol::i2c::{pmbus, tps546};
use adit_protocol::wire::Micros;

use crate::boards::Board;
use crate::control::Task;
use crate::fan::FULL;
use crate::machine::{Bitaxe, Purpose, Stage};
use crate::readings;
use crate::regulator::Regulator;
use crate::resting::Resting;

/// What a fan keeps when the host leaves: enough for what is left of the heat.
pub(crate) const FAREWELL: u8 = 30;
/// After so many times too hot the board is left to the controller's patience.
pub(crate) const MOST_RESTS: u8 = 3;

/// An end under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    after: After,
}

/// What follows when everything is off.
#[derive(Clone, Copy, Debug)]
enum After {
    Stopped,
    Failed(Fault),
    Rest(Fault, crate::bringup::Known),
}

impl Bitaxe {
    /// Makes the board safe, then says that it is stopped, or why it failed.
    pub(crate) fn leave(&mut self, now: Micros, fault: Option<Fault>) {
        self.end(now, fault.map_or(After::Stopped, After::Failed));
    }

    /// Too hot: off, and on again when it is cool, unless that has been tried often enough.
    pub(crate) fn rest(&mut self, now: Micros, fault: Fault) {
        match &self.stage {
            Stage::Running(running) if self.rests < MOST_RESTS => {
                let known = running.known;
                self.rests += 1;
                self.outbox.emit(Event::Fault(fault));
                self.end(now, After::Rest(fault, known));
            }
            _ => self.leave(now, Some(fault)),
        }
    }

    fn end(&mut self, now: Micros, after: After) {
        let (board, regulator) = match &mut self.stage {
            Stage::Over => return,
            Stage::Ending(ending) => {
                if matches!(after, After::Stopped) {
                    ending.after = after;
                }
                return;
            }
            // Nothing was ever switched on.
            Stage::Closed => return self.finish(after),
            Stage::Hailing => (None, None),
            Stage::Bringup(bringup) | Stage::Counting(bringup) => (bringup.board(), bringup.regulator()),
            Stage::Running(running) => {
                self.chain.slow_down(&mut self.outbox);
                (Some(running.known.board), Some(running.known.regulator))
            }
            Stage::Resting(resting) => (Some(resting.known.board), Some(resting.known.regulator)),
        };
        let hot = match after {
            After::Stopped => false,
            After::Rest(..) => true,
            After::Failed(fault) => matches!(
                fault,
                Fault::Overheated { .. } | Fault::SensorLost { .. } | Fault::FanStopped { .. }
            ),
        };
        let percent = if hot { FULL } else { FAREWELL };
        self.chain.shut();
        self.stage = Stage::Ending(Ending { after });
        self.errands.cut();
        let firmware = self.errands.firmware();
        self.errand(now, Purpose::Off, off(board, regulator, firmware, percent));
    }

    /// Everything that could be switched off is.
    pub(crate) fn ended(&mut self, now: Micros) {
        let Stage::Ending(Ending { after }) = self.stage else { return };
        match after {
            After::Rest(fault, known) => {
                let off = Reading { value: Err(NoData::Off), at: now };
                for quantity in [Quantity::ClockHertz, Quantity::CoreVolts, Quantity::JoulesPerTerahash] {
                    self.outbox.emit(Event::Measured { unit: 0, quantity, reading: off });
                }
                self.stage = Stage::Resting(Resting::new(now, known, fault));
                self.on_round_due(now);
            }
            after => self.finish(after),
        }
    }

    fn finish(&mut self, after: After) {
        self.stage = Stage::Over;
        match after {
            After::Stopped => self.outbox.emit(Event::Stopped),
            After::Failed(fault) | After::Rest(fault, _) => self.outbox.fail(fault),
        }
    }

    /// The link is gone: nothing can be switched off any more.
    pub(crate) fn give_up(&mut self, fault: Fault) {
        self.stage = Stage::Over;
        self.outbox.fail(fault);
    }
}

/// Reset before voltage, voltage before air.
fn off(board: Option<Board>, regulator: Option<Regulator>, firmware: Firmware, percent: u8) -> Vec<Task> {
    let mut tasks = vec![Task::Try(Operation::GpioSet { pin: pin::RESET, high: false })];
    match regulator {
        Some(regulator) => tasks.extend(regulator.off(firmware)),
        // Nobody has looked yet whether there is a regulator that somebody else left on.
        None => tasks.push(Task::Try(Operation::write(tps546::ADDRESS, &[pmbus::OPERATION, pmbus::OFF]))),
    }
    let air = board.map(|board| readings::fan_speed(&board, percent)).unwrap_or_default();
    tasks.extend(air.into_iter().map(|task| match task {
        Task::Must(operation) | Task::May(operation) | Task::Try(operation) => Task::Try(operation),
        pause => pause,
    }));
    tasks
}
