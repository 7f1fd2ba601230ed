//! What all boards of the family have in common: one port, power, and the faults that need no knowledge of the board.

use std::time::Duration;

use adit_protocol::icarus::{Dialect, Frame};
use adit_protocol::wire::Micros;

use super::outlet::Outlet;
use crate::dice::Dice;
use crate::engine::Engine;
use crate::{
    Adjustment, ChipRegisters, DeviceFault, DeviceInput, DeviceOutput, Insides, Scan, SimDevice, Truth,
};

/// The hardware behind the UART.
pub(crate) trait Board: Send {
    /// Power is on, or back: everything is in its reset state.
    fn reset(&mut self, now: Micros);

    /// Bytes of the host have arrived.
    fn receive(&mut self, now: Micros, bytes: &[u8], out: &mut Outlet);

    /// Time has passed: does what was due.
    fn turn(&mut self, now: Micros, out: &mut Outlet);

    /// When [`turn`](Self::turn) has something to do.
    fn deadline(&self) -> Option<Micros>;

    /// Stops hashing and forgets its work.
    fn halt(&mut self, now: Micros);

    /// Hashes the hardware would have made until `now`.
    fn hashes(&self, now: Micros) -> f64;

    /// A record that claims a solution and is none; `None` while there is no work to claim it for.
    fn false_nonce(&self, now: Micros, dice: &mut Dice) -> Option<Frame>;

    /// Everything that searches.
    fn engines(&mut self) -> impl Iterator<Item = &mut Engine>;

    /// A sensor or fan breaks, or is repaired. Called only for those that are fitted.
    fn breaks(&mut self, _fault: DeviceFault, _now: Micros) {}

    /// Heat and fan are changed or repaired, where there are any.
    fn adjust(&mut self, _now: Micros, _adjustment: Adjustment) {}

    /// Temperatures and fan, where they are fitted.
    fn insides(&self, _now: Micros) -> Insides {
        Insides::default()
    }

    /// The registers of a chip, where there are any.
    fn chip(&self, _chip: u16) -> Option<ChipRegisters> {
        None
    }
}

/// A simulated device around a board.
pub(crate) struct Shell<B> {
    board: B,
    out: Outlet,
    now: Micros,
    powered: bool,
    stalled_until: Option<Micros>,
}

impl<B: Board> Shell<B> {
    pub(crate) fn new(dialect: Dialect, seed: u64, board: B) -> Self {
        Self { board, out: Outlet::new(dialect, seed), now: Micros(0), powered: false, stalled_until: None }
    }

    fn power_on(&mut self, now: Micros) {
        self.board.halt(self.now); // what ran before ran until the device was last heard of
        self.board.reset(now);
        self.out.reset();
        self.powered = true;
        self.stalled_until = None;
    }

    fn suffer(&mut self, now: Micros, fault: DeviceFault) {
        match fault {
            DeviceFault::Stall => {
                self.board.halt(now);
                let span = self.out.dice.between(2_000_000, 20_000_000);
                self.stalled_until = Some(now + Duration::from_micros(span));
            }
            DeviceFault::BrownOut => {
                self.board.halt(now);
                self.board.reset(now);
            }
            _ => {
                if !self.out.arm(fault) {
                    self.board.breaks(fault, now);
                }
            }
        }
    }

    fn tell_false_nonces(&mut self, now: Micros) {
        while self.out.false_nonces > 0 {
            let Some(frame) = self.board.false_nonce(now, &mut self.out.dice) else { return };
            self.out.false_nonces -= 1;
            self.out.send(&frame);
        }
    }
}

impl<B: Board> SimDevice for Shell<B> {
    fn on_input(&mut self, now: Micros, input: DeviceInput<'_>) {
        if matches!(input, DeviceInput::PowerOn) {
            self.power_on(now);
        }
        self.now = self.now.max(now);
        if let DeviceInput::Control { .. } = input {
            self.out.answer_control(); // these devices have no USB of their own: the bridge answers its requests
        }
        if !self.powered {
            return;
        }
        if self.stalled_until.is_some_and(|until| now < until) {
            if let DeviceInput::Fault(fault) = input {
                self.suffer(now, fault);
            }
            return;
        }
        self.stalled_until = None;
        self.board.turn(now, &mut self.out);
        match input {
            DeviceInput::Bytes { bytes, .. } => self.board.receive(now, bytes, &mut self.out),
            DeviceInput::Fault(fault) => self.suffer(now, fault),
            DeviceInput::PowerOn
            | DeviceInput::Line { .. }
            | DeviceInput::Terminal { .. }
            | DeviceInput::Gpio { .. }
            | DeviceInput::Control { .. }
            | DeviceInput::Timer => {}
        }
        self.tell_false_nonces(now);
    }

    fn next_output(&mut self) -> Option<DeviceOutput> {
        self.out.next()
    }

    fn deadline(&self) -> Option<Micros> {
        if self.powered { self.stalled_until.or_else(|| self.board.deadline()) } else { None }
    }

    fn truth(&self) -> Truth {
        Truth {
            hashes: self.board.hashes(self.now),
            temperature_celsius: self.board.insides(self.now).temperature_celsius,
            ..self.out.truth()
        }
    }

    fn adjust(&mut self, now: Micros, adjustment: Adjustment) {
        self.board.adjust(now, adjustment);
        if adjustment == Adjustment::Mend {
            self.out.mend();
            self.stalled_until = self.stalled_until.map(|_| now);
        }
    }

    fn insides(&self, now: Micros) -> Insides {
        self.board.insides(now)
    }

    fn chip(&self, _now: Micros, chip: u16) -> Option<ChipRegisters> {
        self.board.chip(chip)
    }

    fn next_scan(&mut self) -> Option<Scan> {
        let searching = self.powered && self.stalled_until.is_none();
        self.board.engines().filter(|_| searching).find_map(Engine::next_scan)
    }

    fn on_scanned(&mut self, now: Micros, scan: &Scan, found: Option<u32>) {
        self.board.engines().for_each(|engine| engine.on_scanned(scan, found));
        self.on_input(now, DeviceInput::Timer);
    }
}
