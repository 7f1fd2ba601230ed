//! Solved headers as frames of every chip.

use super::{
    Bm1384Codec, Bm1384Frame, Bm1384Work, Chip, Codec, Frame, Generation, HeaderJob, Job, MidstateJob,
    NonceAnswer,
};
use crate::golden::Exchange;
use crate::pow::Header;
use crate::wire::{Codec as _, Side};

/// Which of its job bytes each chip is given.
const SLOT: u8 = 3;

/// A solved header as frames of every chip whose frames have a preamble, or of those whose have none.
pub(crate) fn golden_exchanges(preamble: bool, header: &Header) -> Vec<Exchange> {
    let chips = Chip::ALL.into_iter().filter(|chip| chip.facts().generation.has_preamble() == preamble);
    chips.map(|chip| exchange(chip, header)).collect()
}

fn exchange(chip: Chip, header: &Header) -> Exchange {
    let generation = chip.facts().generation;
    let job_byte = chip.job_byte(SLOT, 1);
    let rolls = generation == Generation::V2;
    let job = if rolls {
        Job::Header(HeaderJob::new(job_byte, *header))
    } else {
        Job::Midstates(MidstateJob::new(job_byte, header, &[]))
    };
    let answer = NonceAnswer {
        nonce: header.nonce.to_le_bytes(),
        detail: 0,
        id: chip.id_byte(job_byte, 0),
        version: rolls.then_some(0), // the header has its version bits already
    };
    let codec = Codec::new(generation, Side::Device);
    Exchange {
        device: chip.facts().name,
        job: codec.encoded(&Frame::Job(job)),
        answer: codec.encoded(&Frame::Nonce(answer)),
    }
}

/// A solved header as frames of a BM1384.
pub(crate) fn bm1384_golden_exchange(header: &Header) -> Vec<Exchange> {
    let codec = Bm1384Codec::new(Side::Device);
    let answer = Bm1384Frame::Nonce { nonce: header.nonce.to_le_bytes(), job_id: SLOT };
    let job = codec.encoded(&Bm1384Frame::Work(Bm1384Work::new(SLOT, header)));
    vec![Exchange { device: "BM1384", job, answer: codec.encoded(&answer) }]
}
