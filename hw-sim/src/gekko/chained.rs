//! Sticks and pods whose chips are a chain of the BM13xx family: what the pins of their bridge and their board do to it
//! (`docs/protocols/gekko.md §2.2, §2.4, §19`).

use std::collections::VecDeque;

use adit_protocol::gekko;
use adit_protocol::wire::{Line, Micros, Port};

use super::board::Board;
use crate::bm13xx::BareChain;
use crate::{Adjustment, ChipRegisters, DeviceFault, DeviceInput, DeviceOutput, Insides, SimDevice, Truth};

const TELEMETRY: Port = Port(1);

/// What the pins of a bridge are wired to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pins {
    /// The chips' reset.
    Reset,
    /// Their supply.
    Supply,
}

impl Pins {
    /// Whether `levels` let the chips live.
    const fn release(self, levels: u8) -> bool {
        match self {
            Self::Reset => levels & gekko::CBUS_RUN != 0,
            Self::Supply => levels & gekko::LATCH == gekko::LATCH_ON,
        }
    }

    /// Levels after power-up: pulled up, and such that the chips have power, as a host without a way to the pins needs them.
    const fn at_power_up(self) -> u8 {
        match self {
            Self::Reset => gekko::CBUS_RUN,
            Self::Supply => gekko::LATCH_ON,
        }
    }
}

/// A stick or a pod.
pub(super) struct Chained {
    bare: BareChain,
    pins: Pins,
    levels: u8,
    board: Option<Board>,
    out: VecDeque<DeviceOutput>,
    powered: bool,
    now: Micros,
}

impl Chained {
    pub(super) fn new(bare: BareChain, pins: Pins, board: Option<Board>) -> Self {
        Self {
            bare,
            pins,
            levels: pins.at_power_up(),
            board,
            out: VecDeque::new(),
            powered: false,
            now: Micros(0),
        }
    }

    fn power_on(&mut self) {
        self.levels = self.pins.at_power_up();
        self.out.clear();
        self.powered = true;
        if let Some(board) = &mut self.board {
            board.power_on();
            self.out.push_back(DeviceOutput::Line { port: TELEMETRY, line: Line::at(115_200) });
        }
    }

    fn is_released(&self) -> bool {
        self.pins.release(self.levels)
    }

    /// Chips live or not, as pins and board have it; what the controller says leaves.
    fn settle(&mut self, now: Micros) {
        let released = self.is_released();
        match &mut self.board {
            Some(board) => {
                board.settle(now, &mut self.bare.chain, released);
                while let Some(bytes) = board.next_answer(now) {
                    self.out.push_back(DeviceOutput::Bytes { port: TELEMETRY, bytes });
                }
            }
            None => self.bare.chain.live(now, released),
        }
        // It tells the rate at which chips listen that were reset.
        self.bare.on_input(now, DeviceInput::Timer);
    }
}

impl SimDevice for Chained {
    fn on_input(&mut self, now: Micros, input: DeviceInput<'_>) {
        let begins = matches!(input, DeviceInput::PowerOn);
        if begins {
            self.power_on();
        }
        self.now = self.now.max(now);
        let released = self.is_released();
        if let Some(board) = self.board.as_mut().filter(|_| self.powered) {
            board.advance(now, &self.bare.chain, released);
        }
        match (input, &mut self.board) {
            (DeviceInput::Gpio { mask, value, .. }, board) if self.powered => {
                self.levels = self.levels & !mask | value & mask;
                if let Some(board) = board.as_mut().filter(|_| !released) {
                    board.cycle();
                }
            }
            (DeviceInput::Bytes { port: TELEMETRY, bytes }, Some(board)) if self.powered => {
                board.receive(now, bytes, &self.bare.chain, released);
            }
            (DeviceInput::Fault(fault), board) => {
                let taken = self.powered && board.as_mut().is_some_and(|board| board.suffer(now, fault));
                if !taken {
                    self.bare.on_input(now, DeviceInput::Fault(fault));
                }
            }
            (input, _) => self.bare.on_input(now, input),
        }
        if self.powered {
            self.settle(now);
        }
    }

    fn next_output(&mut self) -> Option<DeviceOutput> {
        self.out.pop_front().or_else(|| self.bare.next_output())
    }

    fn deadline(&self) -> Option<Micros> {
        let board = self.board.as_ref().filter(|_| self.powered).and_then(|board| board.deadline(self.now));
        board.into_iter().chain(self.bare.deadline()).min()
    }

    fn adjust(&mut self, now: Micros, adjustment: Adjustment) {
        if let Some(board) = &mut self.board {
            board.adjust(adjustment);
        }
        self.bare.adjust(now, adjustment);
    }

    fn insides(&self, now: Micros) -> Insides {
        let chips = self.bare.insides(now);
        let board = self.board.as_ref().map(|board| board.insides(now, &self.bare.chain, self.is_released()));
        Insides { chips: chips.chips, ..board.unwrap_or_default() }
    }

    fn chip(&self, now: Micros, chip: u16) -> Option<ChipRegisters> {
        self.bare.chip(now, chip)
    }

    fn truth(&self) -> Truth {
        Truth {
            temperature_celsius: self.board.as_ref().map(Board::celsius),
            core_volts: self.board.as_ref().map(|board| board.core_volts(self.is_released())),
            ..self.bare.truth()
        }
    }
}

/// Whether a chain behind pins can suffer `fault` beyond what every chain can; `board`: it has a controller.
pub(super) const fn supports(fault: DeviceFault, board: bool) -> bool {
    board
        && matches!(
            fault,
            DeviceFault::HotSensor
                | DeviceFault::DeadSensor
                | DeviceFault::DeadFan
                | DeviceFault::RegulatorFault
                | DeviceFault::LostReply
        )
}
