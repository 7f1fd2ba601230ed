//! Solved headers as frames.

use super::{Answer, Codec, Frame, Order, Work};
use crate::golden::Exchange;
use crate::pow::{Header, Target, VersionMask};
use crate::wire::{Codec as _, Side};

/// The host's name for golden works.
const WORK: u32 = 1;

/// A solved header as frames: all nonces are searched at difficulty 1.
pub(crate) fn golden_exchange(header: &Header) -> Vec<Exchange> {
    let codec = Codec::new(Side::Device);
    let work = Work {
        id: WORK,
        target: Work::target_of(&Target::ONE),
        mask: VersionMask(0),
        first: 0,
        last: u32::MAX,
        header: Header { nonce: 0, ..*header },
    };
    let answer = Answer::Nonce { work: WORK, version: header.version, nonce: header.nonce };
    vec![Exchange {
        device: "any",
        job: codec.encoded(&Frame::Order(Order::Work(work))),
        answer: codec.encoded(&Frame::Answer(answer)),
    }]
}
