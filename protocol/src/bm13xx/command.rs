//! Commands as bytes, in the codes of each generation (`docs/protocols/bm13xx.md §3.1, §3.2`).

use super::codec::Found;
use super::{Command, Frame, Generation, Register, Reject, To, crc5};

/// Header byte of a job, in every generation.
pub(super) const JOB: u8 = 0x21;

const SHORT: u8 = 5;
const LONG: u8 = 9;
const ALL: u8 = 0x10;

/// Header bytes of one generation, without the bit that means all chips.
#[derive(Clone, Copy)]
struct Codes {
    set_address: u8,
    write: u8,
    read: u8,
    inactive: u8,
}

const V0: Codes = Codes { set_address: 0x41, write: 0x48, read: 0x44, inactive: 0x55 };
const V1: Codes = Codes { set_address: 0x40, write: 0x41, read: 0x42, inactive: 0x53 };

/// Codes behind a preamble.
pub(super) const FRAMED: &[Kind] = &[
    Kind { code: 0x40, length: SHORT, read: |_, [chip, _], _| Command::SetAddress(chip) },
    Kind { code: 0x41, length: LONG, read: write },
    Kind { code: 0x51, length: LONG, read: write },
    Kind { code: 0x42, length: SHORT, read },
    Kind { code: 0x52, length: SHORT, read },
    Kind { code: 0x53, length: SHORT, read: |_, _, _| Command::Inactive },
];

/// Codes without a preamble: those of BM1387, then those of BM1391. Their lengths tell the two meanings of 41 apart.
pub(super) const BARE: &[Kind] = &[
    Kind { code: 0x41, length: SHORT, read: |_, [chip, _], _| Command::SetAddress(chip) },
    Kind { code: 0x48, length: LONG, read: write },
    Kind { code: 0x58, length: LONG, read: write },
    Kind { code: 0x44, length: SHORT, read },
    Kind { code: 0x54, length: SHORT, read },
    Kind { code: 0x55, length: SHORT, read: |_, _, _| Command::Inactive },
    Kind { code: 0x40, length: SHORT, read: |_, [chip, _], _| Command::SetAddress(chip) },
    Kind { code: 0x41, length: LONG, read: write },
    Kind { code: 0x51, length: LONG, read: write },
    Kind { code: 0x42, length: SHORT, read },
    Kind { code: 0x52, length: SHORT, read },
    Kind { code: 0x53, length: SHORT, read: |_, _, _| Command::Inactive },
];

/// A header byte and what it means.
pub(super) struct Kind {
    code: u8,
    length: u8,
    read: fn(u8, [u8; 2], u32) -> Command,
}

fn write(code: u8, [chip, register]: [u8; 2], value: u32) -> Command {
    Command::Write { to: to(code, chip), register: Register(register), value }
}

fn read(code: u8, [chip, register]: [u8; 2], _: u32) -> Command {
    Command::Read { to: to(code, chip), register: Register(register) }
}

const fn to(code: u8, chip: u8) -> To {
    if code & ALL == 0 { To::Chip(chip) } else { To::All }
}

/// Whether a command of `kinds` or a job begins with these two bytes.
pub(super) fn begins(kinds: &[Kind], header: u8, length: u8) -> bool {
    header == JOB || kinds.iter().any(|kind| (kind.code, kind.length) == (header, length))
}

/// Whether a command of `kinds` or a job begins with this byte.
pub(super) fn may_begin(kinds: &[Kind], header: u8) -> bool {
    header == JOB || kinds.iter().any(|kind| kind.code == header)
}

/// Reads a command at the front of `body`, which is not empty.
pub(super) fn decode(kinds: &[Kind], body: &[u8]) -> Found {
    let header = body[0];
    if !may_begin(kinds, header) {
        return Found::Nothing(Reject::UnknownHeader { found: header });
    }
    let Some(&length) = body.get(1) else { return Found::NeedMore };
    let Some(kind) = kinds.iter().find(|kind| (kind.code, kind.length) == (header, length)) else {
        return Found::Nothing(Reject::BadLength { header, found: length });
    };
    let Some((content, [sum, ..])) = body.split_at_checked(usize::from(length) - 1) else {
        return Found::NeedMore;
    };
    let expected = crc5(content);
    if expected != *sum {
        return Found::Nothing(Reject::BadCrc5 { expected, found: *sum });
    }
    let value = content.get(4..8).map_or(0, |v| u32::from_be_bytes([v[0], v[1], v[2], v[3]]));
    let command = (kind.read)(header, [content[2], content[3]], value);
    Found::Frame(Frame::Command(command), usize::from(length))
}

/// Appends `command` without a preamble.
pub(super) fn encode(generation: Generation, command: Command, out: &mut Vec<u8>) {
    let codes = if generation == Generation::V0 { V0 } else { V1 };
    let start = out.len();
    match command {
        Command::SetAddress(chip) => out.extend([codes.set_address, SHORT, chip, 0]),
        Command::Inactive => out.extend([codes.inactive, SHORT, 0, 0]),
        Command::Read { to, register } => {
            let (all, chip) = address(to);
            out.extend([codes.read | all, SHORT, chip, register.0]);
        }
        Command::Write { to, register, value } => {
            let (all, chip) = address(to);
            out.extend([codes.write | all, LONG, chip, register.0]);
            out.extend(value.to_be_bytes());
        }
    }
    out.push(crc5(&out[start..]));
}

const fn address(to: To) -> (u8, u8) {
    match to {
        To::All => (ALL, 0),
        To::Chip(chip) => (0, chip),
    }
}
