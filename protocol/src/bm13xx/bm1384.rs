//! BM1384 (and BM1385's cousins) without frames: 4-byte commands, 64-byte works, 5-byte answers
//! (`docs/protocols/bm13xx.md §7.4`).

use super::Reject;
use crate::icarus::PllWord;
use crate::pow::{Hash, Header, Midstate};
use crate::wire::{self, Side, Step};

/// A message of a BM1384 or to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "frames live for a moment on the stack")]
pub enum Bm1384Frame {
    /// Host: set up the chain.
    Command(Bm1384Command),
    /// Host: search this.
    Work(Bm1384Work),
    /// Device: what a register holds.
    Register {
        /// The value.
        value: u32,
    },
    /// Device: a solution. It carries no checksum.
    Nonce {
        /// Header bytes 76 to 79.
        nonce: [u8; 4],
        /// Of the work, 0 to 31.
        job_id: u8,
    },
}

/// A 4-byte command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bm1384Command {
    /// The first chip without an address takes this one.
    SetAddress(u8),
    /// Sets the clock of all chips.
    SetPll(PllWord),
    /// Asks for a register: 0 is the identity, 4 the PLL. `None`: all chips.
    Read {
        /// Address of the chip.
        chip: Option<u8>,
        /// Which register.
        register: u8,
    },
    /// All chips forget their addresses.
    Inactive,
    /// Gate block and baud divider of all chips.
    Gate {
        /// Baud divider, 5 bits.
        divider: u8,
    },
}

/// A 64-byte work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bm1384Work {
    /// SHA-256 state after header bytes 0 to 63.
    pub midstate: Midstate,
    /// Reported difficulty minus 1, a byte.
    pub ticket: u8,
    /// Nonces for each chip to try.
    pub nonce_count: u32,
    /// 0 to 31.
    pub job_id: u8,
    /// Network target in compact form.
    pub nbits: u32,
    /// Header time.
    pub ntime: u32,
    /// Header bytes 64 to 67.
    pub merkle_tail: [u8; 4],
}

impl Bm1384Work {
    /// Bytes on the wire.
    pub const SIZE: usize = 64;
    /// Job ids are smaller than this.
    pub const JOB_IDS: u8 = 32;

    /// A work that searches `header` with the whole chain.
    pub fn new(job_id: u8, header: &Header) -> Self {
        let [.., a, b, c, d] = header.merkle_root.0;
        Self {
            midstate: header.midstate(),
            ticket: 0,
            nonce_count: 0,
            job_id: job_id % Self::JOB_IDS,
            nbits: header.nbits,
            ntime: header.ntime,
            merkle_tail: [a, b, c, d],
        }
    }

    /// The last 16 header bytes with `nonce` (header bytes 76 to 79).
    pub(super) fn tail(&self, nonce: [u8; 4]) -> [u8; 16] {
        let mut tail = [0; 16];
        tail[..4].copy_from_slice(&self.merkle_tail);
        tail[4..8].copy_from_slice(&self.ntime.to_le_bytes());
        tail[8..12].copy_from_slice(&self.nbits.to_le_bytes());
        tail[12..].copy_from_slice(&nonce);
        tail
    }

    /// Hash of the header with `nonce` (header bytes 76 to 79).
    pub fn hash(&self, nonce: [u8; 4]) -> Hash {
        self.midstate.finish(&self.tail(nonce))
    }

    fn to_bytes(self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&self.midstate.to_reversed_words());
        bytes[39] = self.ticket;
        bytes[40..44].copy_from_slice(&self.nonce_count.to_be_bytes());
        bytes[51] = self.job_id;
        bytes[52..56].copy_from_slice(&self.nbits.to_le_bytes());
        bytes[56..60].copy_from_slice(&self.ntime.to_le_bytes());
        bytes[60..].copy_from_slice(&self.merkle_tail);
        bytes
    }

    /// `None` where bytes that are always zero are not.
    fn from_bytes(bytes: &[u8; 64]) -> Option<Self> {
        let word = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        let gaps = bytes[32..39].iter().chain(&bytes[44..51]);
        if gaps.copied().any(|byte| byte != 0) || bytes[51] >= Self::JOB_IDS {
            return None;
        }
        let mut midstate = [0; 32];
        midstate.copy_from_slice(&bytes[..32]);
        Some(Self {
            midstate: Midstate::from_reversed_words(&midstate),
            ticket: bytes[39],
            nonce_count: u32::from_be_bytes(word(40)),
            job_id: bytes[51],
            nbits: u32::from_le_bytes(word(52)),
            ntime: u32::from_le_bytes(word(56)),
            merkle_tail: word(60),
        })
    }
}

impl Bm1384Command {
    fn to_bytes(self) -> [u8; 4] {
        let [a, b, c] = match self {
            Self::SetAddress(chip) => [0x01, chip, 0],
            Self::SetPll(PllWord(word)) => [0x82, (word >> 8) as u8, word as u8],
            Self::Read { chip: None, register } => [0x84, 0, register],
            Self::Read { chip: Some(chip), register } => [0x04, chip, register],
            Self::Inactive => [0x85, 0, 0],
            Self::Gate { divider } => [0x86, 0, 0x80 | divider & 0x1f],
        };
        [a, b, c, super::crc::crc5_with_type(&[a, b, c], 0)]
    }

    fn from_bytes(bytes: [u8; 4]) -> Option<Self> {
        let command = match bytes {
            [0x01, chip, ..] => Self::SetAddress(chip),
            [0x82, high, low, _] => Self::SetPll(PllWord(u16::from_be_bytes([high, low]))),
            [0x84, _, register, _] => Self::Read { chip: None, register },
            [0x04, chip, register, _] => Self::Read { chip: Some(chip), register },
            [0x85, ..] => Self::Inactive,
            [0x86, _, third, _] => Self::Gate { divider: third & 0x1f },
            _ => return None,
        };
        (command.to_bytes() == bytes).then_some(command)
    }
}

/// Codec of a BM1384.
#[derive(Clone, Copy, Debug)]
pub struct Bm1384Codec {
    decodes: Side,
}

impl Bm1384Codec {
    /// A codec that decodes what the side `decodes` sends.
    pub const fn new(decodes: Side) -> Self {
        Self { decodes }
    }
}

impl wire::Codec for Bm1384Codec {
    type Frame = Bm1384Frame;
    type Reject = Reject;

    fn encode(&self, frame: &Bm1384Frame, out: &mut Vec<u8>) {
        match frame {
            Bm1384Frame::Command(command) => out.extend(command.to_bytes()),
            Bm1384Frame::Work(work) => out.extend(work.to_bytes()),
            Bm1384Frame::Register { value } => {
                let bytes = value.to_be_bytes();
                out.extend(bytes);
                out.push(super::crc::crc5_with_type(&bytes, 0));
            }
            Bm1384Frame::Nonce { nonce, job_id } => {
                out.extend(nonce);
                out.push(0x80 | (job_id % Bm1384Work::JOB_IDS));
            }
        }
    }

    fn decode(&mut self, input: &[u8], quiet: bool) -> Step<Bm1384Frame, Reject> {
        match self.decodes {
            Side::Host => decode_host(input, quiet),
            Side::Device => decode_device(input, quiet),
        }
    }
}

fn incomplete(input: &[u8], quiet: bool) -> Step<Bm1384Frame, Reject> {
    if !quiet || input.is_empty() {
        return Step::NeedMore;
    }
    Step::Skip { used: input.len(), why: Reject::Incomplete { found: input.len() } }
}

fn command_at(input: &[u8]) -> Option<Bm1384Command> {
    Bm1384Command::from_bytes(*input.first_chunk()?)
}

/// Commands and works follow each other without marks. Four bytes that are a command are one if another follows or silence
/// does; a work that begins like a command is told by its zeros.
fn decode_host(input: &[u8], quiet: bool) -> Step<Bm1384Frame, Reject> {
    if input.len() < 4 {
        return incomplete(input, quiet);
    }
    let work = input.first_chunk().and_then(Bm1384Work::from_bytes);
    let whole = input.len() >= Bm1384Work::SIZE;
    if let Some(command) = command_at(input) {
        let followed = command_at(&input[4..]).is_some();
        if followed || work.is_none() && (whole || quiet) {
            return Step::Frame { frame: Bm1384Frame::Command(command), used: 4 };
        }
    }
    match work {
        Some(work) => Step::Frame { frame: Bm1384Frame::Work(work), used: Bm1384Work::SIZE },
        None if whole => Step::Skip { used: 1, why: Reject::NoFrame },
        None => incomplete(input, quiet),
    }
}

fn decode_device(input: &[u8], quiet: bool) -> Step<Bm1384Frame, Reject> {
    let Some(&[a, b, c, d, last]) = input.first_chunk::<5>() else { return incomplete(input, quiet) };
    let frame = match last {
        0x80..0xa0 => Bm1384Frame::Nonce { nonce: [a, b, c, d], job_id: last & 0x1f },
        0x00..0x20 => {
            let expected = super::crc::crc5_with_type(&[a, b, c, d], 0);
            if expected != last {
                return Step::Skip { used: 1, why: Reject::BadCrc5 { expected, found: last } };
            }
            Bm1384Frame::Register { value: u32::from_be_bytes([a, b, c, d]) }
        }
        _ => return Step::Skip { used: 1, why: Reject::UnknownAnswer { found: last >> 5 } },
    };
    Step::Frame { frame, used: 5 }
}
