//! Prolific PL2303, the HX type (`docs/protocols/usb-uart-bridges.md §4`).

use super::{Heard, Order, State, Transfer, Uart, coding};
use crate::wire::SetupPacket;

const VENDOR_OUT: u8 = 0x40;
const VENDOR_IN: u8 = 0xc0;
const VENDOR: u8 = 0x01;

/// Registers.
const FLOW: u16 = 0x0000;
const FLUSH_RECEIVE: u16 = 0x0008;
const FLUSH_TRANSMIT: u16 = 0x0009;
const MODEM: u16 = 0x0087;

/// Rates that are not in the chip's table are told as a divisor with this mark.
const DIVISOR: u32 = 1 << 31;
const DIVIDED_HZ: u32 = 384_000_000;
/// Rates that are sent as plain numbers.
const PLAIN: &[u32] = &[
    75, 150, 300, 600, 1_200, 1_800, 2_400, 3_600, 4_800, 7_200, 9_600, 14_400, 19_200, 28_800, 38_400,
    57_600, 115_200, 230_400, 460_800, 614_400, 921_600, 1_228_800, 2_457_600, 3_000_000, 6_000_000,
];

/// What starts an HX chip: reads whose answers nobody uses, and writes.
const STARTING: [(u16, Option<u16>); 11] = [
    (0x8484, None),
    (0x0404, Some(0)),
    (0x8484, None),
    (0x8383, None),
    (0x8484, None),
    (0x0404, Some(1)),
    (0x8484, None),
    (0x8383, None),
    (0x0000, Some(1)),
    (0x0001, Some(0)),
    (0x0002, Some(0x44)),
];

fn write(register: u16, value: u16) -> Transfer {
    Transfer::out(VENDOR_OUT, VENDOR, register, value, &[])
}

pub(super) fn transfers(uart: &Uart, order: &Order) -> Option<Vec<Transfer>> {
    match *order {
        Order::Open => {
            let step = |(register, value): (u16, Option<u16>)| match value {
                Some(value) => write(register, value),
                None => Transfer::into_host(VENDOR_IN, VENDOR, register, 0, 1),
            };
            Some(STARTING.into_iter().map(step).chain([write(FLOW, 0)]).collect())
        }
        Order::Line(line) => {
            let mut transfers = coding::line_transfers(uart, &line);
            transfers[0].data[..4].copy_from_slice(&rate_code(line.baud).to_le_bytes());
            Some(transfers.to_vec())
        }
        Order::Purge { receive, transmit } => {
            let flush = [(receive, FLUSH_RECEIVE), (transmit, FLUSH_TRANSMIT)];
            Some(flush.into_iter().filter(|(wanted, _)| *wanted).map(|(_, at)| write(at, 0)).collect())
        }
        Order::Close => coding::transfers(uart, order),
        Order::Latency(_) | Order::Pins { .. } => None,
    }
}

pub(super) fn heard(uart: &Uart, setup: &SetupPacket, data: &[u8]) -> Option<Heard> {
    match (setup.request_type, setup.request, setup.value) {
        (VENDOR_IN, VENDOR, _) => Some(Heard::Asked),
        (VENDOR_OUT, VENDOR, FLUSH_RECEIVE) => Some(Heard::Purge { receive: true, transmit: false }),
        (VENDOR_OUT, VENDOR, FLUSH_TRANSMIT) => Some(Heard::Purge { receive: false, transmit: true }),
        (VENDOR_OUT, VENDOR, _) => Some(Heard::Nothing),
        _ => match coding::heard(uart, setup, data)? {
            Heard::Coding { baud, bits, parity, stop } => {
                Some(Heard::Coding { baud: rate_of(baud), bits, parity, stop })
            }
            heard => Some(heard),
        },
    }
}

pub(super) fn answer(setup: &SetupPacket, state: &State) -> Vec<u8> {
    match (setup.request_type, setup.value) {
        (VENDOR_IN, MODEM) => {
            let inputs = &state.inputs;
            let low = u8::from(inputs.ri) | u8::from(inputs.dcd) << 1 | u8::from(inputs.dsr) << 2;
            vec![!(low | u8::from(inputs.cts) << 3)]
        }
        (VENDOR_IN, _) => vec![0],
        _ => coding::get(&state.line),
    }
}

/// The word that tells the chip a rate.
fn rate_code(baud: u32) -> u32 {
    if PLAIN.contains(&baud) {
        return baud;
    }
    let (mut mantissa, mut exponent) = (DIVIDED_HZ / baud.max(1), 0_u32);
    while mantissa >= 512 && exponent < 7 {
        mantissa >>= 2;
        exponent += 1;
    }
    DIVISOR | exponent << 9 | mantissa.clamp(1, 511)
}

/// The rate that such a word makes.
fn rate_of(code: u32) -> u32 {
    if code & DIVISOR == 0 {
        return code;
    }
    let (mantissa, exponent) = (code & 0x1ff, code >> 9 & 7);
    DIVIDED_HZ / (mantissa.max(1) << (2 * exponent))
}
