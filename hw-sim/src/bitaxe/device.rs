//! A whole board: the control port, the data ports, and the controller between them and the hardware.

use std::collections::VecDeque;
use std::time::Duration;

use adit_protocol::bitaxe_raw::{ErrorCode, Firmware, Operation, Request};
use adit_protocol::wire::{Line, Micros, Port};

use super::board::Board;
use super::control::{Control, Taken};
use crate::wire::uart;
use crate::{
    Adjustment, ChipRegisters, DeviceFault, DeviceInput, DeviceOutput, Dice, Insides, SimDevice, Truth,
};

const CONTROL: Port = Port(0);
/// A bulk packet.
const PACKET: usize = 64;
/// Rate of the chips' UART before a host has set one.
const START_BAUD: u32 = 115_200;
/// The controller needs so long to boot.
const BOOT: Duration = Duration::from_millis(800);

/// A board with power, or without.
pub(super) struct Device {
    firmware: Firmware,
    board: Board,
    control: Control,
    /// Rate of the controller's UART to each chain.
    bauds: Vec<u32>,
    out: VecDeque<DeviceOutput>,
    now: Micros,
    powered: bool,
    /// The controller does nothing until then.
    silent_until: Option<Micros>,
    dice: Dice,
}

impl Device {
    pub(super) fn new(firmware: Firmware, board: Board, control: Control, seed: u64) -> Self {
        Self {
            firmware,
            bauds: vec![START_BAUD; board.chains.len()],
            board,
            control,
            out: VecDeque::new(),
            now: Micros(0),
            powered: false,
            silent_until: None,
            dice: Dice::new(seed, 0xde1c),
        }
    }

    fn power_on(&mut self, now: Micros) {
        self.board.chains.iter_mut().for_each(|chain| chain.live(self.now, false)); // they ran until last heard of
        self.out.clear();
        self.board.power_on(now);
        (self.powered, self.silent_until) = (true, None);
        self.begin_ports();
    }

    /// Ports and their buffers as after boot.
    fn begin_ports(&mut self) {
        self.control.reset();
        for chain in 0..self.bauds.len() {
            self.set_baud(chain, Line::at(START_BAUD));
        }
    }

    /// The rate that a host sets at the port is that of the UART behind it; USB itself garbles nothing.
    fn set_baud(&mut self, chain: usize, line: Line) {
        self.bauds[chain] = line.baud;
        self.out.push_back(DeviceOutput::Line { port: Port(chain as u8 + 1), line });
    }

    fn restart(&mut self, now: Micros) {
        self.board.restart_controller(now);
        self.begin_ports();
        self.silent_until = Some(now + BOOT);
    }

    fn control_packets(&mut self, now: Micros, bytes: &[u8]) {
        for packet in bytes.chunks(PACKET) {
            match self.control.take(now, packet) {
                Taken::Request(Some(request)) => self.serve(now, &request),
                Taken::Request(None) => {
                    self.control.answer(now, Duration::ZERO, 0xff, Err(ErrorCode::Invalid));
                }
                Taken::Overflow => {
                    self.control.answer(now, Duration::ZERO, 0xff, Err(ErrorCode::Overflow));
                }
                Taken::Nothing => {}
                Taken::Crash => return self.restart(now),
            }
        }
    }

    fn serve(&mut self, now: Micros, request: &Request) {
        let Some(operation) = Operation::of(self.firmware, request) else {
            return self.control.answer(now, Duration::ZERO, request.id, Err(ErrorCode::Invalid));
        };
        if matches!(operation, Operation::Reboot | Operation::BootLoader) {
            return self.restart(now);
        }
        let (time, result) = self.board.perform(now, &operation);
        self.control.answer(now, time, request.id, result);
    }

    fn data(&mut self, now: Micros, chain: usize, bytes: &[u8]) {
        let Some(baud) = self.bauds.get(chain) else { return };
        let chain = &mut self.board.chains[chain];
        let heard = uart::heard(bytes, &Line::at(*baud), &Line::at(chain.baud()));
        chain.receive(now, &heard);
    }

    fn suffer(&mut self, now: Micros, fault: DeviceFault) {
        match fault {
            DeviceFault::Stall => {
                let span = self.dice.between(2_000_000, 20_000_000);
                self.silent_until = Some(now + Duration::from_micros(span));
            }
            DeviceFault::FirmwareRestart => self.restart(now),
            fault => {
                if !self.control.arm(fault) {
                    self.board.suffer(now, fault);
                }
            }
        }
    }

    /// What leaves the board. A silent controller loses what the chips say.
    fn speak(&mut self, now: Micros) {
        let silent = self.silent_until.is_some();
        for (index, chain) in self.board.chains.iter_mut().enumerate() {
            let line = Line::at(chain.baud());
            while let Some(bytes) = chain.next_answer() {
                let bytes = uart::heard(&bytes, &line, &Line::at(self.bauds[index]));
                if !silent && !bytes.is_empty() {
                    self.out.push_back(DeviceOutput::Bytes { port: Port(index as u8 + 1), bytes });
                }
            }
        }
        while !silent && let Some(bytes) = self.control.next_transfer(now) {
            self.out.push_back(DeviceOutput::Bytes { port: CONTROL, bytes });
        }
    }
}

impl SimDevice for Device {
    fn on_input(&mut self, now: Micros, input: DeviceInput<'_>) {
        if matches!(input, DeviceInput::PowerOn) {
            self.power_on(now);
        }
        self.now = self.now.max(now);
        if let DeviceInput::Control { .. } = input {
            self.out.push_back(DeviceOutput::Control(None)); // class requests arrive as line settings
        }
        if !self.powered {
            return;
        }
        self.silent_until = self.silent_until.filter(|until| now < *until);
        self.board.advance(now);
        match input {
            DeviceInput::Bytes { port: CONTROL, bytes } if self.silent_until.is_none() => {
                self.control_packets(now, bytes);
            }
            DeviceInput::Bytes { port, bytes } if self.silent_until.is_none() => {
                self.data(now, usize::from(port.0.wrapping_sub(1)), bytes);
            }
            DeviceInput::Line { port: Port(number @ 1..), line }
                if usize::from(number) <= self.bauds.len() =>
            {
                self.set_baud(usize::from(number) - 1, line);
            }
            DeviceInput::Fault(fault) => self.suffer(now, fault),
            _ => {}
        }
        self.board.settle(now);
        self.speak(now);
    }

    fn next_output(&mut self) -> Option<DeviceOutput> {
        self.out.pop_front()
    }

    fn deadline(&self) -> Option<Micros> {
        if !self.powered {
            return None;
        }
        let control = self.control.deadline().filter(|_| self.silent_until.is_none());
        [self.silent_until, control, self.board.deadline(self.now)].into_iter().flatten().min()
    }

    fn adjust(&mut self, now: Micros, adjustment: Adjustment) {
        self.board.adjust(now, adjustment);
        if adjustment == Adjustment::Mend {
            self.control.mend();
            self.silent_until = None;
        }
    }

    fn insides(&self, now: Micros) -> Insides {
        self.board.insides(now)
    }

    fn chip(&self, now: Micros, chip: u16) -> Option<ChipRegisters> {
        self.board.chip(now, chip)
    }

    fn peek(&self, now: Micros, address: u8, register: u8, count: Option<u8>) -> Option<Vec<u8>> {
        self.board.peek(now, address, register, count)
    }

    fn truth(&self) -> Truth {
        let counts = self.board.chains.iter().map(|chain| chain.counts());
        let (nonces, jobs) = counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        Truth {
            nonces,
            jobs,
            hashes: self.board.chains.iter().map(|chain| chain.hashes(self.now)).sum(),
            temperature_celsius: Some(self.board.celsius()),
            core_volts: Some(self.board.core_volts(self.now)),
        }
    }
}
