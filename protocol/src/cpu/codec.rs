//! Frames to bytes and back.

use super::{Answer, Frame, Identity, Kernel, Order, Work};
use crate::bm13xx::crc16;
use crate::pow::{Header, VersionMask};
use crate::wire::{self, Side, Step};

const START: u8 = 0xc5;
/// Start, type and checksum.
const AROUND: usize = 4;
/// Bytes of a header without its nonce.
const FIXED: usize = 76;

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// No frame begins with this byte.
    #[error("{found:02x} where a frame begins with c5")]
    NoStart {
        /// The byte.
        found: u8,
    },
    /// The other side sends frames of this type, or nobody does.
    #[error("no frame of this side has the type {found:02x}")]
    NoType {
        /// The type.
        found: u8,
    },
    /// The checksum says that bytes were damaged.
    #[error("CRC16 is {expected:04x}, the frame says {found:04x}")]
    BadCrc {
        /// Of the bytes that arrived.
        expected: u16,
        /// In the frame.
        found: u16,
    },
    /// The line fell silent in the middle of a frame.
    #[error("silence after {found} of {expected} bytes")]
    Incomplete {
        /// Bytes there are.
        found: usize,
        /// Bytes of the whole frame, as far as it is known.
        expected: usize,
    },
}

/// Encodes frames of both sides and decodes those of one.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    from: Side,
}

impl Codec {
    /// A codec that decodes what `from` sends.
    pub const fn new(from: Side) -> Self {
        Self { from }
    }

    /// Length of the body of a frame of this type; `None`: this side sends no such frame.
    const fn body(&self, code: u8) -> Option<usize> {
        match (self.from, code) {
            (Side::Host, 0x01) => Some(1),
            (Side::Host, 0x02) => Some(2),
            (Side::Host, 0x03) => Some(4),
            (Side::Host, 0x04) => Some(24 + FIXED),
            (Side::Host, 0x05) => Some(0),
            (Side::Device, 0x81) => Some(16),
            (Side::Device, 0x82 | 0x83) => Some(12),
            (Side::Device, 0x84) => Some(4),
            (Side::Device, 0x85) => Some(5),
            _ => None,
        }
    }
}

impl wire::Codec for Codec {
    type Frame = Frame;
    type Reject = Reject;

    fn encode(&self, frame: &Frame, out: &mut Vec<u8>) {
        let begin = out.len();
        out.push(START);
        match frame {
            Frame::Order(order) => encode_order(order, out),
            Frame::Answer(answer) => encode_answer(answer, out),
        }
        let crc = crc16(&out[begin + 1..]);
        out.extend(crc.to_be_bytes());
    }

    fn decode(&mut self, input: &[u8], quiet: bool) -> Step<Frame, Reject> {
        let skip = |why| Step::Skip { used: 1, why };
        let (start, code) = match input {
            [] => return Step::NeedMore,
            [start, ..] if *start != START => return skip(Reject::NoStart { found: *start }),
            [_] if quiet => return skip(Reject::Incomplete { found: 1, expected: AROUND }),
            [_] => return Step::NeedMore,
            [start, code, ..] => (*start, *code),
        };
        debug_assert_eq!(start, START);
        let Some(body) = self.body(code) else { return skip(Reject::NoType { found: code }) };
        let used = AROUND + body;
        let Some(frame) = input.get(..used) else {
            let why = Reject::Incomplete { found: input.len(), expected: used };
            return if quiet { skip(why) } else { Step::NeedMore };
        };
        let (checked, crc) = frame[1..].split_at(1 + body);
        let (expected, found) = (crc16(checked), u16::from_be_bytes([crc[0], crc[1]]));
        if expected != found {
            return skip(Reject::BadCrc { expected, found });
        }
        match read(code, Fields(&checked[1..])) {
            Some(frame) => Step::Frame { frame, used },
            None => skip(Reject::NoType { found: code }),
        }
    }
}

fn encode_order(order: &Order, out: &mut Vec<u8>) {
    out.push(order.code());
    match order {
        Order::Hello { version } => out.push(*version),
        Order::Pace { duty, nice } => out.extend([*duty, *nice]),
        Order::Pin { thread, processor } => {
            out.extend(thread.to_le_bytes());
            out.extend(processor.to_le_bytes());
        }
        Order::Work(work) => {
            out.extend(work.id.to_le_bytes());
            out.extend(work.target.to_le_bytes());
            out.extend(work.mask.0.to_le_bytes());
            out.extend(work.first.to_le_bytes());
            out.extend(work.last.to_le_bytes());
            out.extend(&work.header.to_bytes()[..FIXED]);
        }
        Order::Stop => {}
    }
}

fn encode_answer(answer: &Answer, out: &mut Vec<u8>) {
    match *answer {
        Answer::Identity(identity) => {
            out.extend([0x81, identity.version, identity.kernel.0]);
            out.extend(identity.threads.to_le_bytes());
            out.extend(identity.stride.to_le_bytes());
            out.extend(identity.hashes_per_second.to_le_bytes());
        }
        Answer::Nonce { work, version, nonce } => {
            out.push(0x82);
            out.extend([work, version, nonce].map(u32::to_le_bytes).concat());
        }
        Answer::Progress { work, hashes } => {
            out.push(0x83);
            out.extend(work.to_le_bytes());
            out.extend(hashes.to_le_bytes());
        }
        Answer::Done { work } => {
            out.push(0x84);
            out.extend(work.to_le_bytes());
        }
        Answer::Refused { order, which } => {
            out.extend([0x85, order]);
            out.extend(which.to_le_bytes());
        }
    }
}

/// Bytes of a body that are still to be read.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

/// The frame of type `code`. `None`: the body is not as long as the type says, or there is no such type.
fn read(code: u8, mut body: Fields<'_>) -> Option<Frame> {
    let frame = match code {
        0x01 => Frame::Order(Order::Hello { version: body.u8()? }),
        0x02 => Frame::Order(Order::Pace { duty: body.u8()?, nice: body.u8()? }),
        0x03 => Frame::Order(Order::Pin { thread: body.u16()?, processor: body.u16()? }),
        0x04 => Frame::Order(Order::Work(read_work(&mut body)?)),
        0x05 => Frame::Order(Order::Stop),
        0x81 => Frame::Answer(Answer::Identity(Identity {
            version: body.u8()?,
            kernel: Kernel(body.u8()?),
            threads: body.u16()?,
            stride: body.u32()?,
            hashes_per_second: body.u64()?,
        })),
        0x82 => Frame::Answer(Answer::Nonce { work: body.u32()?, version: body.u32()?, nonce: body.u32()? }),
        0x83 => Frame::Answer(Answer::Progress { work: body.u32()?, hashes: body.u64()? }),
        0x84 => Frame::Answer(Answer::Done { work: body.u32()? }),
        0x85 => Frame::Answer(Answer::Refused { order: body.u8()?, which: body.u32()? }),
        _ => return None,
    };
    Some(frame)
}

fn read_work(body: &mut Fields<'_>) -> Option<Work> {
    let (id, target, mask) = (body.u32()?, body.u64()?, VersionMask(body.u32()?));
    let (first, last) = (body.u32()?, body.u32()?);
    let mut header = [0; 80];
    header[..FIXED].copy_from_slice(&body.array::<FIXED>()?);
    Some(Work { id, target, mask, first, last, header: Header::from_bytes(&header) })
}
