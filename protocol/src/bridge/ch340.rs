//! WCH CH340 and CH341 (`docs/protocols/usb-uart-bridges.md §6`).

use super::{Heard, Order, State, Transfer};
use crate::wire::{Line, Parity, SetupPacket};

const OUT: u8 = 0x40;
const IN: u8 = 0xc0;

const VERSION: u8 = 0x5f;
const READ_REGISTERS: u8 = 0x95;
const WRITE_REGISTERS: u8 = 0x9a;
const INIT: u8 = 0xa1;
const MODEM: u8 = 0xa4;

/// Registers.
const PRESCALER: u8 = 0x12;
const DIVISOR: u8 = 0x13;
const LINE_CONTROL: u8 = 0x18;
const STATUS: u8 = 0x06;
const STATUS_HIGH: u8 = 0x07;

/// Deliver without waiting for a full packet.
const AT_ONCE: u8 = 0x80;
const CLOCK_HZ: u32 = 48_000_000;
/// What divisors of older drivers are measured in.
const OLD_CLOCK: u32 = 1_532_620_800;

const DTR: u16 = 0x20;
const RTS: u16 = 0x40;

const DATA_BITS: u8 = 0x03;
const TWO_STOP_BITS: u8 = 0x04;
const PARITY: u8 = 0x08;
const EVEN: u8 = 0x10;
const MARK_SPACE: u8 = 0x20;
const ENABLED: u8 = 0xc0;

fn write(registers: [u8; 2], values: [u8; 2]) -> Transfer {
    Transfer::out(OUT, WRITE_REGISTERS, u16::from_le_bytes(registers), u16::from_le_bytes(values), &[])
}

fn modem(dtr: bool, rts: bool) -> Transfer {
    Transfer::out(OUT, MODEM, !((u16::from(dtr) * DTR) | (u16::from(rts) * RTS)), 0, &[])
}

pub(super) fn transfers(order: &Order) -> Option<Vec<Transfer>> {
    match *order {
        Order::Open => {
            Some(vec![Transfer::into_host(IN, VERSION, 0, 0, 2), Transfer::out(OUT, INIT, 0, 0, &[])])
        }
        Order::Close => Some(vec![modem(false, false)]),
        Order::Line(line) => {
            let rate = rate_code(line.baud)?;
            Some(vec![
                write([PRESCALER, DIVISOR], rate),
                write([LINE_CONTROL, 0x25], [line_control(&line), 0]),
                modem(line.dtr, line.rts),
            ])
        }
        Order::Purge { .. } | Order::Latency(_) | Order::Pins { .. } => None,
    }
}

fn line_control(line: &Line) -> u8 {
    let stop = if line.stop >= 2 { TWO_STOP_BITS } else { 0 };
    let parity = match line.parity {
        Parity::None => 0,
        Parity::Odd => PARITY,
        Parity::Even => PARITY | EVEN,
        Parity::Mark => PARITY | MARK_SPACE,
        Parity::Space => PARITY | MARK_SPACE | EVEN,
    };
    ENABLED | parity | stop | line.bits.saturating_sub(5) & DATA_BITS
}

fn format(control: u8) -> Heard {
    let parity = match (control & PARITY != 0, control & MARK_SPACE != 0, control & EVEN != 0) {
        (false, ..) => Parity::None,
        (true, false, false) => Parity::Odd,
        (true, false, true) => Parity::Even,
        (true, true, false) => Parity::Mark,
        (true, true, true) => Parity::Space,
    };
    let stop = if control & TWO_STOP_BITS != 0 { 2 } else { 1 };
    Heard::Format { bits: 5 + (control & DATA_BITS), parity, stop }
}

pub(super) fn heard(setup: &SetupPacket) -> Option<Heard> {
    match (setup.request_type, setup.request) {
        (IN, VERSION | READ_REGISTERS) => Some(Heard::Asked),
        (OUT, INIT) => Some(Heard::Nothing),
        (OUT, MODEM) => {
            let on = !setup.value;
            Some(Heard::Modem { dtr: Some(on & DTR != 0), rts: Some(on & RTS != 0) })
        }
        (OUT, WRITE_REGISTERS) => {
            let ([low, high], [first, second]) = (setup.value.to_le_bytes(), setup.index.to_le_bytes());
            Some(match (low, high) {
                (PRESCALER, DIVISOR) => Heard::Baud(rate_of(first, second)),
                (LINE_CONTROL, _) => format(first),
                _ => Heard::Registers([(low, first), (high, second)]),
            })
        }
        _ => None,
    }
}

pub(super) fn answer(setup: &SetupPacket, state: &State) -> Vec<u8> {
    if setup.request == VERSION {
        return vec![0x30, 0x00];
    }
    let read = |register| match register {
        PRESCALER => rate_code(state.line.baud).unwrap_or_default()[0],
        DIVISOR => rate_code(state.line.baud).unwrap_or_default()[1],
        LINE_CONTROL => line_control(&state.line),
        STATUS => {
            let inputs = &state.inputs;
            let low = u8::from(inputs.cts) | u8::from(inputs.dsr) << 1 | u8::from(inputs.ri) << 2;
            !(low | u8::from(inputs.dcd) << 3)
        }
        STATUS_HIGH => 0xee,
        other => state.registers[usize::from(other)],
    };
    setup.value.to_le_bytes().map(read).to_vec()
}

/// Prescaler and divisor for the rate nearest to `baud`; `None` where none is near. A divisor below 9 does not work with the
/// fast clock.
fn rate_code(baud: u32) -> Option<[u8; 2]> {
    let baud = baud.max(1);
    let mut best: Option<(u32, [u8; 2])> = None;
    for (prescaler, fast) in (0..4_u32).rev().flat_map(|prescaler| [(prescaler, false), (prescaler, true)]) {
        let clock = CLOCK_HZ >> (12 - 3 * prescaler - u32::from(fast));
        let divisor = (clock + baud / 2) / baud;
        if divisor < if fast { 9 } else { 2 } || divisor > 256 {
            continue;
        }
        let off = (clock / divisor).abs_diff(baud);
        if best.is_none_or(|(least, _)| off < least) {
            let low = AT_ONCE | u8::from(fast) << 2 | prescaler as u8;
            best = Some((off, [low, (256 - divisor) as u8]));
        }
    }
    best.filter(|(off, _)| u64::from(*off) * 100 <= u64::from(baud) * 3).map(|(_, code)| code)
}

/// The rate that registers make, in the form of new drivers or, without [`AT_ONCE`], of older ones.
fn rate_of(prescaler: u8, divisor: u8) -> u32 {
    let power = u32::from(prescaler & 3);
    if prescaler & AT_ONCE == 0 {
        let factor = u32::from(divisor) << 8; // the low byte in OLD_REMAINDER changes little
        return (OLD_CLOCK / (0x1_0000 - factor).max(1)) >> (3 * (3 - power));
    }
    let clock = CLOCK_HZ >> (12 - 3 * power - u32::from(prescaler >> 2 & 1));
    clock / (256 - u32::from(divisor))
}
