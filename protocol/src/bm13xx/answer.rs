//! Answers of chips as bytes (`docs/protocols/bm13xx.md §3.3`).

use super::crc::crc5_with_type;
use super::{Frame, Generation, NonceAnswer, Register, RegisterAnswer, Reject, crc5};

/// Bytes of an answer, preamble not counted: of V0 and V1 chips, and of V2 chips that do not roll versions.
pub(super) const SHORT: usize = 7;
/// Bytes of an answer, preamble not counted, of V2 chips that roll versions.
pub(super) const LONG: usize = 9;

const REGISTER: u8 = 0;
const NONCE: u8 = 4;

/// Reads an answer of exactly these bytes, [`SHORT`] or [`LONG`].
pub(super) fn decode(body: &[u8]) -> Result<Frame, Reject> {
    let Some((&last, content)) = body.split_last() else { return Err(Reject::NoFrame) };
    let kind = last >> 5;
    if crc5(body) != 0 {
        let expected = crc5_with_type(content, kind);
        return Err(Reject::BadCrc5 { expected, found: last & 0x1f });
    }
    let [a, b, c, d, fifth, sixth, ref rest @ ..] = *content else { return Err(Reject::NoFrame) };
    let more = rest.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
    match kind {
        REGISTER => Ok(Frame::Register(RegisterAnswer {
            value: u32::from_be_bytes([a, b, c, d]),
            chip: fifth,
            register: Register(sixth),
            extra: more,
        })),
        NONCE => {
            Ok(Frame::Nonce(NonceAnswer { nonce: [a, b, c, d], detail: fifth, id: sixth, version: more }))
        }
        found => Err(Reject::UnknownAnswer { found }),
    }
}

pub(super) fn encode_register(generation: Generation, answer: &RegisterAnswer, out: &mut Vec<u8>) {
    let [a, b, c, d] = answer.value.to_be_bytes();
    encode(generation, [a, b, c, d, answer.chip, answer.register.0], answer.extra, REGISTER, out);
}

pub(super) fn encode_nonce(generation: Generation, answer: &NonceAnswer, out: &mut Vec<u8>) {
    let [a, b, c, d] = answer.nonce;
    encode(generation, [a, b, c, d, answer.detail, answer.id], answer.version, NONCE, out);
}

fn encode(generation: Generation, content: [u8; 6], more: Option<u16>, kind: u8, out: &mut Vec<u8>) {
    if generation.has_preamble() {
        out.extend([0xaa, 0x55]);
    }
    let start = out.len();
    out.extend(content);
    if let (Generation::V2, Some(more)) = (generation, more) {
        out.extend(more.to_be_bytes());
    }
    out.push(kind << 5 | crc5_with_type(&out[start..], kind));
}
