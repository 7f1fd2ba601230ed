//! The chip between USB and a device's serial line: what a host asks of it as control transfers, and what control transfers
//! ask of it (`docs/protocols/usb-uart-bridges.md`).
//!
//! A host says what it wants as an [`Order`] and sends the [`Transfer`]s that its [`Uart`] makes of it; the bridge's side
//! reads each of them as a [`Heard`], keeps a [`State`] and answers from it. Everything here is a pure function.
//!
//! ```
//! use adit_protocol::bridge::{Heard, Order, Uart};
//! use adit_protocol::devices::Bridge;
//! use adit_protocol::wire::Line;
//!
//! let uart = Uart::new(Bridge::Cp210x, 0, 0x0100);
//! let sent = uart.transfers(&Order::Line(Line::at(115_200))).unwrap();
//! assert_eq!(sent[0].setup.to_bytes(), [0x41, 0x1e, 0, 0, 0, 0, 4, 0]);
//! assert_eq!(sent[0].data, [0x00, 0xc2, 0x01, 0x00]);
//! assert_eq!(uart.heard(&sent[0].setup, &sent[0].data), Some(Heard::Baud(115_200)));
//! ```

mod ch340;
mod coding;
mod cp210x;
pub mod ftdi;
mod pl2303;

use crate::devices::Bridge;
use crate::wire::{Line, ModemLines, Parity, SetupPacket};

pub use cp210x::rounded as cp2102_rounded;

/// One serial port of a bridge chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uart {
    chip: Bridge,
    interface: u8,
    release: u16,
}

/// What a host wants of a serial port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Begin: the port is in use from now on.
    Open,
    /// The port is not in use any more.
    Close,
    /// Rate, format and modem outputs.
    Line(Line),
    /// Throw away what waits inside the chip.
    Purge {
        /// Bytes for the host.
        receive: bool,
        /// Bytes for the device.
        transmit: bool,
    },
    /// Wait at most this long for a packet to fill, 1 to 255 ms.
    Latency(u8),
    /// Drive pins of the chip. On FTDI chips those that are not named become inputs.
    Pins {
        /// Pins that are driven.
        mask: u8,
        /// Their levels.
        value: u8,
    },
}

/// A control transfer from the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The request.
    pub setup: SetupPacket,
    /// Data stage of a host-to-device request; empty otherwise.
    pub data: Vec<u8>,
}

/// What a bridge understands of one control transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The port is switched on or off.
    Enabled(bool),
    /// Back to the settings after power-on.
    Reset,
    /// Symbols per second, as the chip makes them.
    Baud(u32),
    /// Data bits, parity and stop bits; 1.5 stop bits are told as 2.
    Format {
        /// 5 to 8.
        bits: u8,
        /// Parity bit.
        parity: Parity,
        /// 1 or 2.
        stop: u8,
    },
    /// Rate and format at once.
    Coding {
        /// Symbols per second.
        baud: u32,
        /// 5 to 8.
        bits: u8,
        /// Parity bit.
        parity: Parity,
        /// 1 or 2.
        stop: u8,
    },
    /// Modem outputs; `None`: as it is.
    Modem {
        /// Data Terminal Ready.
        dtr: Option<bool>,
        /// Request To Send.
        rts: Option<bool>,
    },
    /// Throw away what waits.
    Purge {
        /// Bytes for the host.
        receive: bool,
        /// Bytes for the device.
        transmit: bool,
    },
    /// Longest wait for a packet to fill, in milliseconds.
    Latency(u8),
    /// Pins that are driven and their levels.
    Pins {
        /// Pins that are driven.
        mask: u8,
        /// Their levels.
        value: u8,
    },
    /// Registers that only their reader cares for: number and value.
    Registers([(u8, u8); 2]),
    /// A question; [`Uart::answer`] has the answer.
    Asked,
    /// A request that is known and changes nothing here.
    Nothing,
}

/// What a bridge remembers of one port, and what it sees there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// As set by the host.
    pub line: Line,
    /// What the device drives.
    pub inputs: ModemLines,
    /// Levels of the general-purpose pins.
    pub pins: u8,
    /// Longest wait for a packet to fill, in milliseconds.
    pub latency_ms: u8,
    /// Bytes that wait for the host.
    pub receiving: u32,
    /// Bytes that wait for the device.
    pub transmitting: u32,
    /// Type of a CP210x, such as 2 for a CP2102.
    pub part: u8,
    /// Raw registers of a CH340.
    pub registers: [u8; 256],
}

impl Default for State {
    fn default() -> Self {
        Self {
            line: Line { dtr: false, rts: false, ..Line::at(9_600) },
            inputs: ModemLines::default(),
            pins: 0,
            latency_ms: ftdi::DEFAULT_LATENCY_MS,
            receiving: 0,
            transmitting: 0,
            part: 2,
            registers: [0; 256],
        }
    }
}

impl Uart {
    /// The port behind USB interface `interface` of `chip`. `release`: `bcdDevice`, by which FTDI chips differ.
    pub const fn new(chip: Bridge, interface: u8, release: u16) -> Self {
        Self { chip, interface, release }
    }

    /// The transfers that carry `order` out, in order; `None` where the chip cannot do it.
    pub fn transfers(&self, order: &Order) -> Option<Vec<Transfer>> {
        match self.chip {
            Bridge::Cp210x => cp210x::transfers(self, order),
            Bridge::Ftdi => ftdi::transfers(self, order),
            Bridge::Pl2303 => pl2303::transfers(self, order),
            Bridge::CdcAcm => coding::transfers(self, order),
            Bridge::Ch340 => ch340::transfers(order),
        }
    }

    /// Everything from opening to a line as in `line`, nothing waiting, no flow control and short waits.
    pub fn opening(&self, line: Line) -> Vec<Transfer> {
        let order = [
            Order::Open,
            Order::Latency(ftdi::SHORT_LATENCY_MS),
            Order::Line(line),
            Order::Purge { receive: true, transmit: true },
        ];
        order.iter().filter_map(|order| self.transfers(order)).flatten().collect()
    }

    /// What a request means to the chip; `None`: nothing, it stalls. `data`: the data stage of a host-to-device request.
    /// Requests to other interfaces and standard requests are not for a port and mean nothing here.
    pub fn heard(&self, setup: &SetupPacket, data: &[u8]) -> Option<Heard> {
        if !setup.is_from_device() && data.len() != usize::from(setup.length) {
            return None;
        }
        match self.chip {
            Bridge::Cp210x => cp210x::heard(self, setup, data),
            Bridge::Ftdi => ftdi::heard(self, setup),
            Bridge::Pl2303 => pl2303::heard(self, setup, data),
            Bridge::CdcAcm => coding::heard(self, setup, data),
            Bridge::Ch340 => ch340::heard(setup),
        }
    }

    /// The data stage of a device-to-host request that was [`Heard::Asked`], at most `wLength` bytes; `None`: it stalls.
    pub fn answer(&self, setup: &SetupPacket, state: &State) -> Option<Vec<u8>> {
        if self.heard(setup, &[]) != Some(Heard::Asked) {
            return None;
        }
        let mut answer = match self.chip {
            Bridge::Cp210x => cp210x::answer(setup, state),
            Bridge::Ftdi => ftdi::answer(setup, state),
            Bridge::Pl2303 => pl2303::answer(setup, state),
            Bridge::CdcAcm => coding::get(&state.line),
            Bridge::Ch340 => ch340::answer(setup, state),
        };
        answer.truncate(setup.length.into());
        Some(answer)
    }

    /// A request to this port's interface.
    fn is_meant_by(&self, setup: &SetupPacket) -> bool {
        setup.index == u16::from(self.interface)
    }

    /// A request of the chip's vendor or of the class to this port's interface.
    fn order(&self, request_type: u8, request: u8, value: u16, data: &[u8]) -> Transfer {
        Transfer::out(request_type, request, value, self.interface.into(), data)
    }
}

impl Transfer {
    /// Host to device.
    fn out(request_type: u8, request: u8, value: u16, index: u16, data: &[u8]) -> Self {
        let length = data.len() as u16; // a few bytes
        Self { setup: SetupPacket { request_type, request, value, index, length }, data: data.to_vec() }
    }

    /// Device to host.
    fn into_host(request_type: u8, request: u8, value: u16, index: u16, length: u16) -> Self {
        Self { setup: SetupPacket { request_type, request, value, index, length }, data: Vec::new() }
    }
}

impl State {
    /// Takes in what was heard.
    pub fn apply(&mut self, heard: Heard) {
        match heard {
            Heard::Reset => {
                *self = Self { inputs: self.inputs, part: self.part, ..Self::default() };
            }
            Heard::Baud(baud) => self.line.baud = baud,
            Heard::Format { bits, parity, stop } => self.line = Line { bits, parity, stop, ..self.line },
            Heard::Coding { baud, bits, parity, stop } => {
                self.line = Line { baud, bits, parity, stop, ..self.line };
            }
            Heard::Modem { dtr, rts } => {
                self.line.dtr = dtr.unwrap_or(self.line.dtr);
                self.line.rts = rts.unwrap_or(self.line.rts);
            }
            Heard::Purge { receive, transmit } => {
                self.receiving = if receive { 0 } else { self.receiving };
                self.transmitting = if transmit { 0 } else { self.transmitting };
            }
            Heard::Latency(ms) => self.latency_ms = ms,
            Heard::Pins { mask, value } => self.pins = self.pins & !mask | value & mask,
            Heard::Registers(pairs) => {
                for (register, value) in pairs {
                    self.registers[usize::from(register)] = value;
                }
            }
            Heard::Enabled(_) | Heard::Asked | Heard::Nothing => {}
        }
    }
}

/// Parity in the numbering that CP210x, FTDI, PL2303 and CDC share.
const fn parity_code(parity: Parity) -> u8 {
    match parity {
        Parity::None => 0,
        Parity::Odd => 1,
        Parity::Even => 2,
        Parity::Mark => 3,
        Parity::Space => 4,
    }
}

const fn parity_of(code: u8) -> Option<Parity> {
    Some(match code {
        0 => Parity::None,
        1 => Parity::Odd,
        2 => Parity::Even,
        3 => Parity::Mark,
        4 => Parity::Space,
        _ => return None,
    })
}

/// Stop bits in the numbering that the same share: 0 is one, 1 one and a half, 2 two.
const fn stop_code(stop: u8) -> u8 {
    if stop >= 2 { 2 } else { 0 }
}

const fn stop_of(code: u8) -> Option<u8> {
    match code {
        0 => Some(1),
        1 | 2 => Some(2),
        _ => None,
    }
}
