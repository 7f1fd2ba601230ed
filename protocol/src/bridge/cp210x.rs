//! Silicon Labs CP210x (`docs/protocols/usb-uart-bridges.md §2`).

use super::{Heard, Order, State, Transfer, Uart, parity_code, parity_of, stop_code, stop_of};
use crate::wire::{Line, SetupPacket};

/// Vendor request to an interface.
const TO_INTERFACE: u8 = 0x41;
const FROM_INTERFACE: u8 = 0xc1;
const TO_DEVICE: u8 = 0x40;
const FROM_DEVICE: u8 = 0xc0;

const IFC_ENABLE: u8 = 0x00;
const SET_BAUDDIV: u8 = 0x01;
const GET_BAUDDIV: u8 = 0x02;
const SET_LINE_CTL: u8 = 0x03;
const GET_LINE_CTL: u8 = 0x04;
const SET_BREAK: u8 = 0x05;
const SET_MHS: u8 = 0x07;
const GET_MDMSTS: u8 = 0x08;
const SET_EVENT_MASK: u8 = 0x0b;
const GET_EVENT_MASK: u8 = 0x0c;
const GET_COMM_STATUS: u8 = 0x10;
const RESET: u8 = 0x11;
const PURGE: u8 = 0x12;
const SET_FLOW: u8 = 0x13;
const GET_FLOW: u8 = 0x14;
const EMBED_EVENTS: u8 = 0x15;
const SET_CHARS: u8 = 0x19;
const GET_BAUDRATE: u8 = 0x1d;
const SET_BAUDRATE: u8 = 0x1e;
const VENDOR: u8 = 0xff;

/// Values of the vendor request.
const READ_LATCH: u16 = 0x00c2;
const PART_NUMBER: u16 = 0x370b;
const WRITE_LATCH: u16 = 0x37e1;

/// Clock that the old baud divisor divides.
const DIVIDED_HZ: u32 = 3_686_400;

/// No handshake with DTR and RTS held on or off: four words, the first two of which carry the modes of DTR and RTS.
fn flow(line: &Line) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[0] = line.dtr.into();
    bytes[4] = u8::from(line.rts) << 6;
    bytes
}

pub(super) fn transfers(uart: &Uart, order: &Order) -> Option<Vec<Transfer>> {
    let plain = |request, value| uart.order(TO_INTERFACE, request, value, &[]);
    Some(match *order {
        Order::Open => vec![plain(IFC_ENABLE, 1)],
        Order::Close => vec![plain(SET_MHS, 0x0300), plain(PURGE, 0x0f), plain(IFC_ENABLE, 0)],
        Order::Line(line) => {
            let format = u16::from(line.bits) << 8
                | u16::from(parity_code(line.parity)) << 4
                | u16::from(stop_code(line.stop));
            let lines = 0x0300 | u16::from(line.rts) << 1 | u16::from(line.dtr);
            vec![
                uart.order(TO_INTERFACE, SET_BAUDRATE, 0, &line.baud.to_le_bytes()),
                plain(SET_LINE_CTL, format),
                uart.order(TO_INTERFACE, SET_FLOW, 0, &flow(&line)),
                plain(SET_MHS, lines),
            ]
        }
        Order::Purge { receive, transmit } => {
            vec![plain(PURGE, (u16::from(receive) * 0x0a) | (u16::from(transmit) * 0x05))]
        }
        Order::Latency(_) => return None,
        Order::Pins { mask, value } => {
            vec![uart.order(TO_INTERFACE, VENDOR, WRITE_LATCH, &[mask, value])]
        }
    })
}

pub(super) fn heard(uart: &Uart, setup: &SetupPacket, data: &[u8]) -> Option<Heard> {
    match (setup.request_type, setup.request) {
        (TO_INTERFACE, _) if uart.is_meant_by(setup) => ordered(setup, data),
        // The pins belong to the chip: single-port parts take them as an index, without data.
        (TO_DEVICE, VENDOR) if setup.value == WRITE_LATCH && data.is_empty() => {
            let [mask, value] = setup.index.to_le_bytes();
            Some(Heard::Pins { mask, value })
        }
        (FROM_INTERFACE, VENDOR) | (FROM_DEVICE, VENDOR) => Some(Heard::Asked),
        (
            FROM_INTERFACE,
            GET_BAUDDIV | GET_LINE_CTL | GET_MDMSTS | GET_EVENT_MASK | GET_COMM_STATUS | GET_FLOW
            | GET_BAUDRATE,
        ) if uart.is_meant_by(setup) => Some(Heard::Asked),
        _ => None,
    }
}

fn ordered(setup: &SetupPacket, data: &[u8]) -> Option<Heard> {
    let value = setup.value;
    Some(match (setup.request, data) {
        (IFC_ENABLE, []) => Heard::Enabled(value & 1 == 1),
        (SET_BAUDDIV, []) => Heard::Baud(DIVIDED_HZ / u32::from(value.max(1))),
        (SET_BAUDRATE, data) => Heard::Baud(u32::from_le_bytes(data.try_into().ok()?)),
        (SET_LINE_CTL, []) => {
            let [low, bits] = value.to_le_bytes();
            // 9 bits are not for serial lines of a host: what is set is what can be told.
            let bits = (5..=8).contains(&bits).then_some(bits)?;
            Heard::Format { bits, parity: parity_of(low >> 4)?, stop: stop_of(low & 15)? }
        }
        (SET_MHS, []) => {
            let wanted = |bit: u16| (value >> 8 & bit != 0).then_some(value & bit != 0);
            Heard::Modem { dtr: wanted(1), rts: wanted(2) }
        }
        (PURGE, []) => Heard::Purge { receive: value & 0x0a != 0, transmit: value & 0x05 != 0 },
        (VENDOR, [mask, value]) if setup.value == WRITE_LATCH => Heard::Pins { mask: *mask, value: *value },
        (SET_BREAK | RESET | SET_EVENT_MASK, []) => Heard::Nothing,
        (SET_FLOW, data) if data.len() == 16 => Heard::Nothing,
        (SET_CHARS, data) if data.len() == 6 => Heard::Nothing,
        (EMBED_EVENTS, []) if value == 0 => Heard::Nothing,
        _ => return None,
    })
}

pub(super) fn answer(setup: &SetupPacket, state: &State) -> Vec<u8> {
    let line = &state.line;
    match setup.request {
        GET_BAUDDIV => ((DIVIDED_HZ / line.baud.max(1)).min(0xffff) as u16).to_le_bytes().to_vec(),
        GET_LINE_CTL => vec![parity_code(line.parity) << 4 | stop_code(line.stop), line.bits],
        GET_MDMSTS => {
            let inputs = &state.inputs;
            let bits = [line.dtr, line.rts, false, false, inputs.cts, inputs.dsr, inputs.ri, inputs.dcd];
            vec![bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit))]
        }
        GET_COMM_STATUS => {
            let mut status = [0; 19];
            status[8..12].copy_from_slice(&state.receiving.to_le_bytes());
            status[12..16].copy_from_slice(&state.transmitting.to_le_bytes());
            status.to_vec()
        }
        GET_FLOW => flow(line).to_vec(),
        GET_BAUDRATE => line.baud.to_le_bytes().to_vec(),
        VENDOR if setup.value == PART_NUMBER => vec![state.part],
        VENDOR if setup.value == READ_LATCH => vec![state.pins],
        // Configuration that hosts read and do not use: zeros will do.
        _ => vec![0; setup.length.min(64).into()],
    }
}

/// The rate that a CP2102 makes of `baud`: the first row whose upper bound is not below it.
pub fn rounded(baud: u32) -> u32 {
    ROUNDED.iter().find(|(_, up_to)| baud <= *up_to).map_or(921_600, |(set, _)| *set)
}

const ROUNDED: &[(u32, u32)] = &[
    (300, 300),
    (600, 600),
    (1_200, 1_200),
    (1_800, 1_800),
    (2_400, 2_400),
    (4_000, 4_000),
    (4_800, 4_803),
    (7_200, 7_207),
    (9_600, 9_612),
    (14_400, 14_428),
    (16_000, 16_062),
    (19_200, 19_250),
    (28_800, 28_912),
    (38_400, 38_601),
    (51_200, 51_558),
    (56_000, 56_280),
    (57_600, 58_053),
    (64_000, 64_111),
    (76_800, 77_608),
    (115_200, 117_028),
    (128_000, 129_347),
    (153_600, 156_868),
    (230_400, 237_832),
    (250_000, 254_234),
    (256_000, 273_066),
    (460_800, 491_520),
    (500_000, 567_138),
    (576_000, 670_254),
];
