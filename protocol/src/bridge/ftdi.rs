//! FTDI FT232, FT2232, FT4232 and FT-X (`docs/protocols/usb-uart-bridges.md §3`), and the two status bytes before every
//! packet of theirs.

use super::{Heard, Order, State, Transfer, Uart, parity_code, parity_of, stop_code, stop_of};
use crate::wire::{ModemLines, SetupPacket};

/// Longest wait for a packet to fill after power-on.
pub const DEFAULT_LATENCY_MS: u8 = 16;
/// What a host sets: a nonce of four bytes never fills a packet, and waits for as long as it is let.
pub const SHORT_LATENCY_MS: u8 = 1;

const OUT: u8 = 0x40;
const IN: u8 = 0xc0;

const RESET: u8 = 0x00;
const MODEM_CONTROL: u8 = 0x01;
const FLOW_CONTROL: u8 = 0x02;
const BAUD: u8 = 0x03;
const DATA: u8 = 0x04;
const MODEM_STATUS: u8 = 0x05;
const EVENT_CHARACTER: u8 = 0x06;
const ERROR_CHARACTER: u8 = 0x07;
const SET_LATENCY: u8 = 0x09;
const GET_LATENCY: u8 = 0x0a;
const BIT_MODE: u8 = 0x0b;
const PINS: u8 = 0x0c;
const READ_EEPROM: u8 = 0x90;

/// High byte of a bit mode: the four CBUS pins are driven, direction in the high nibble, levels in the low one.
const CBUS: u8 = 0x20;

/// In a divisor code: the rate divides 96 MHz instead of 24 MHz.
const FAST: u32 = 1 << 17;
/// Codes of eighths.
const EIGHTHS: [u32; 8] = [0, 3, 2, 4, 1, 5, 6, 7];

impl Uart {
    /// 2232H, 4232H and 232H: they divide a faster clock.
    fn is_fast(&self) -> bool {
        matches!(self.release, 0x0700 | 0x0800 | 0x0900)
    }

    /// 2232C, 2232H and 4232H: a request names its port in the low byte of its index. Ports count from 1, interfaces from 0.
    fn has_ports(&self) -> bool {
        matches!(self.release, 0x0500 | 0x0700 | 0x0800)
    }

    fn port(&self) -> u16 {
        if self.has_ports() { u16::from(self.interface) + 1 } else { 0 }
    }
}

pub(super) fn transfers(uart: &Uart, order: &Order) -> Option<Vec<Transfer>> {
    let port = uart.port();
    let plain = |request, value| Transfer::out(OUT, request, value, port, &[]);
    Some(match *order {
        Order::Open => vec![plain(RESET, 0)],
        Order::Close => vec![plain(MODEM_CONTROL, 0x0300)],
        Order::Line(line) => {
            let format = u16::from(line.bits)
                | u16::from(parity_code(line.parity)) << 8
                | u16::from(stop_code(line.stop)) << 11;
            let code = divisor(line.baud, uart.is_fast());
            let upper = (code >> 16) as u16;
            let index = if uart.is_fast() || uart.has_ports() { upper << 8 | port } else { upper };
            vec![
                plain(DATA, format),
                Transfer::out(OUT, BAUD, code as u16, index, &[]),
                plain(FLOW_CONTROL, 0),
                plain(MODEM_CONTROL, 0x0300 | u16::from(line.rts) << 1 | u16::from(line.dtr)),
            ]
        }
        Order::Purge { receive, transmit } => {
            let which = [(receive, 1), (transmit, 2)];
            which.into_iter().filter(|(wanted, _)| *wanted).map(|(_, value)| plain(RESET, value)).collect()
        }
        Order::Latency(ms) => vec![plain(SET_LATENCY, ms.max(1).into())],
        Order::Pins { mask, value } => {
            vec![plain(BIT_MODE, u16::from_be_bytes([CBUS, mask << 4 | value & mask & 0x0f]))]
        }
    })
}

/// Every port number is taken for this one: hosts differ in what they put there.
pub(super) fn heard(uart: &Uart, setup: &SetupPacket) -> Option<Heard> {
    let value = setup.value;
    let [low, high] = value.to_le_bytes();
    Some(match (setup.request_type, setup.request) {
        (OUT, RESET) => match value {
            0 => Heard::Reset,
            1 | 2 => Heard::Purge { receive: value == 1, transmit: value == 2 },
            _ => return None,
        },
        (OUT, MODEM_CONTROL) => {
            let wanted = |bit: u8| (high & bit != 0).then_some(low & bit != 0);
            Heard::Modem { dtr: wanted(1), rts: wanted(2) }
        }
        (OUT, BAUD) => {
            let ported = uart.is_fast() || uart.has_ports();
            let upper = if ported { setup.index >> 8 } else { setup.index };
            Heard::Baud(rate(u32::from(upper & 3) << 16 | u32::from(value)))
        }
        (OUT, DATA) => {
            let bits = (low == 7 || low == 8).then_some(low)?;
            Heard::Format { bits, parity: parity_of(high & 7)?, stop: stop_of(high >> 3 & 7)? }
        }
        (OUT, SET_LATENCY) => Heard::Latency((low > 0 && high == 0).then_some(low)?),
        (OUT, BIT_MODE) if high == CBUS => Heard::Pins { mask: low >> 4, value: low & low >> 4 },
        (OUT, BIT_MODE) if high == 0 => Heard::Nothing,
        (OUT, FLOW_CONTROL | EVENT_CHARACTER | ERROR_CHARACTER) => Heard::Nothing,
        (IN, MODEM_STATUS | GET_LATENCY | PINS | READ_EEPROM) => Heard::Asked,
        _ => return None,
    })
}

pub(super) fn answer(setup: &SetupPacket, state: &State) -> Vec<u8> {
    match setup.request {
        MODEM_STATUS => Status::idle(state.inputs).0.to_vec(),
        GET_LATENCY => vec![state.latency_ms],
        PINS => vec![state.pins],
        _ => vec![0; 2], // a word of an EEPROM in which nothing is configured
    }
}

/// The code of the divisor whose rate is nearest to `baud`: 14 bits of an integer, the eighths, the clock.
fn divisor(baud: u32, fast: bool) -> u32 {
    let baud = baud.max(1);
    let fast = fast && baud >= 1_200;
    let clock: u32 = if fast { 96_000_000 } else { 24_000_000 };
    let eighths = ((clock + baud / 2) / baud).clamp(8, (0x3fff << 3) | 7);
    let code = match eighths >> 3 | EIGHTHS[(eighths & 7) as usize] << 14 {
        1 => 0,
        0x4001 => 1,
        code => code,
    };
    if fast { code | FAST } else { code }
}

/// The rate that a code makes, told by its own clock bit and not by the type of the chip.
fn rate(code: u32) -> u32 {
    let clock: u32 = if code & FAST != 0 { 96_000_000 } else { 24_000_000 };
    let eighths = match code & 0x1_ffff {
        0 => 8,
        1 => 12,
        code => {
            let fraction = EIGHTHS.iter().position(|known| *known == code >> 14).unwrap_or(0) as u32;
            (code & 0x3fff) << 3 | fraction
        }
    };
    (clock + eighths / 2) / eighths
}

/// The two bytes before the data of every packet to the host (§3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub [u8; 2]);

impl Status {
    /// Size in a packet.
    pub const SIZE: usize = 2;
    /// Bits of the second byte that tell of damage: overrun, parity, framing, break, receive queue.
    const DAMAGE: u8 = 0x02 | 0x04 | 0x08 | 0x10 | 0x80;

    /// Nothing is being sent and nothing was damaged.
    pub fn idle(inputs: ModemLines) -> Self {
        let bits = [inputs.cts, inputs.dsr, inputs.ri, inputs.dcd];
        let high = bits.iter().rev().fold(0, |nibble, bit| nibble << 1 | u8::from(*bit));
        Self([high << 4 | 0x01, 0x60])
    }

    /// What the device drives.
    pub const fn inputs(self) -> ModemLines {
        let byte = self.0[0];
        ModemLines {
            cts: byte & 0x10 != 0,
            dsr: byte & 0x20 != 0,
            ri: byte & 0x40 != 0,
            dcd: byte & 0x80 != 0,
        }
    }

    /// Bytes were lost or damaged on the serial line since the packet before.
    pub const fn is_damaged(self) -> bool {
        self.0[1] & Self::DAMAGE != 0
    }
}

/// Takes the status bytes out of a transfer of packets of at most `packet` bytes and puts the data behind `out`. Answers the
/// last status, with the damage of all; `None` for an empty transfer. What is left of a status that was cut short is dropped.
///
/// ```
/// use adit_protocol::bridge::ftdi::strip;
/// let mut data = Vec::new();
/// assert!(strip(&[0x01, 0x60, 0x00, 0x01, 0x87, 0xa2], 64, &mut data).is_some());
/// assert_eq!(data, [0x00, 0x01, 0x87, 0xa2]);
/// ```
pub fn strip(transfer: &[u8], packet: usize, out: &mut Vec<u8>) -> Option<Status> {
    let mut last: Option<Status> = None;
    for piece in transfer.chunks(packet.max(Status::SIZE + 1)) {
        let [first, second, data @ ..] = piece else { continue };
        let damage = last.map_or(0, |status| status.0[1] & Status::DAMAGE);
        last = Some(Status([*first, *second | damage]));
        out.extend_from_slice(data);
    }
    last
}

/// One packet of at most `packet` bytes: the status, then as much of `data` as fits. Answers how much did.
pub fn dress(status: Status, data: &[u8], packet: usize, out: &mut Vec<u8>) -> usize {
    let fits = data.len().min(packet.saturating_sub(Status::SIZE));
    out.extend(status.0);
    out.extend_from_slice(&data[..fits]);
    fits
}
