//! Line coding and control line state of the USB communication class (`docs/protocols/usb-uart-bridges.md §5`): CDC-ACM
//! functions speak nothing else, and PL2303 chips have it from there.

use super::{Heard, Order, Transfer, Uart, parity_code, parity_of, stop_code, stop_of};
use crate::wire::{Line, SetupPacket};

/// Class request to an interface.
const TO_INTERFACE: u8 = 0x21;
const FROM_INTERFACE: u8 = 0xa1;

const SET_LINE_CODING: u8 = 0x20;
const GET_LINE_CODING: u8 = 0x21;
const SET_CONTROL_LINE_STATE: u8 = 0x22;
const SEND_BREAK: u8 = 0x23;

pub(super) fn transfers(uart: &Uart, order: &Order) -> Option<Vec<Transfer>> {
    match order {
        Order::Open => Some(Vec::new()),
        Order::Close => Some(vec![uart.order(TO_INTERFACE, SET_CONTROL_LINE_STATE, 0, &[])]),
        Order::Line(line) => Some(line_transfers(uart, line).to_vec()),
        Order::Purge { .. } | Order::Latency(_) | Order::Pins { .. } => None,
    }
}

pub(super) fn line_transfers(uart: &Uart, line: &Line) -> [Transfer; 2] {
    let state = u16::from(line.rts) << 1 | u16::from(line.dtr);
    [
        uart.order(TO_INTERFACE, SET_LINE_CODING, 0, &get(line)),
        uart.order(TO_INTERFACE, SET_CONTROL_LINE_STATE, state, &[]),
    ]
}

pub(super) fn heard(uart: &Uart, setup: &SetupPacket, data: &[u8]) -> Option<Heard> {
    if !uart.is_meant_by(setup) {
        return None;
    }
    match (setup.request_type, setup.request, data) {
        (TO_INTERFACE, SET_LINE_CODING, [a, b, c, d, stop, parity, bits]) => {
            let bits = (5..=8).contains(bits).then_some(*bits)?;
            let baud = u32::from_le_bytes([*a, *b, *c, *d]);
            Some(Heard::Coding { baud, bits, parity: parity_of(*parity)?, stop: stop_of(*stop)? })
        }
        (TO_INTERFACE, SET_CONTROL_LINE_STATE, []) => {
            Some(Heard::Modem { dtr: Some(setup.value & 1 != 0), rts: Some(setup.value & 2 != 0) })
        }
        (TO_INTERFACE, SEND_BREAK, []) => Some(Heard::Nothing),
        (FROM_INTERFACE, GET_LINE_CODING, _) => Some(Heard::Asked),
        _ => None,
    }
}

/// LE32 baud, stop bits, parity, data bits.
pub(super) fn get(line: &Line) -> Vec<u8> {
    let mut bytes = line.baud.to_le_bytes().to_vec();
    bytes.extend([stop_code(line.stop), parity_code(line.parity), line.bits]);
    bytes
}
