//! What a chip searches: a job, and the headers it makes of it.

use adit_protocol::bm13xx::{HeaderJob, Job, MidstateJob};
use adit_protocol::pow::{Hash, Header, VersionMask};

/// A job in all chips of a chain.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) job: Job,
    /// Where the search of this job looks: always the same for the same job, as hardware would repeat itself.
    pub(super) phase: u64,
    /// Its solution is known: nothing is hashed.
    pub(super) is_known: bool,
}

/// One header tried: which version of the job, and the last four header bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Try {
    /// Version counter, or index of the midstate.
    pub(super) version: u16,
    pub(super) nonce: [u8; 4],
}

/// Mixes `value` into `state` so that every bit of the result depends on every bit of both.
pub(super) const fn mix(state: u64, value: u64) -> u64 {
    let mut bits = (state ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

impl Work {
    pub(super) fn new(job: Job, is_known: bool) -> Self {
        let phase = match &job {
            Job::Header(HeaderJob { header, .. }) => {
                let bytes = header.to_bytes();
                bytes[..76].chunks(4).fold(0, |phase, word| mix(phase, word_of(word)))
            }
            Job::Midstates(job) => {
                let states = job.midstates.iter().flat_map(|midstate| midstate.0).map(u64::from);
                let tail = job.tail([0; 4]);
                let tail = tail.chunks(4).map(word_of);
                states.chain(tail).fold(0, mix)
            }
        };
        Self { job, phase, is_known }
    }

    /// Midstates to search; 1 for a job that holds the header.
    pub(super) fn midstates(&self) -> u32 {
        match &self.job {
            Job::Header(_) => 1,
            Job::Midstates(MidstateJob { count, slots, .. }) => u32::from((*count).clamp(1, (*slots).max(1))),
        }
    }

    /// The hash of a try. `mask`: the header bits that the version counter replaces, bit 0 of the counter at bit 13.
    pub(super) fn hash(&self, mask: VersionMask, tried: Try) -> Hash {
        match &self.job {
            Job::Header(job) => {
                let bits = u32::from(tried.version) << 13 & mask.0;
                let version = job.header.version & !mask.0 | bits;
                Header { version, nonce: u32::from_le_bytes(tried.nonce), ..job.header }.hash()
            }
            Job::Midstates(job) => job.hash(tried.version as u8, tried.nonce).unwrap_or(Hash([0xff; 32])),
        }
    }
}

fn word_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
}
