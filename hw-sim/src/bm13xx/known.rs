//! Jobs whose solutions are known.

use adit_protocol::bm13xx::{HeaderJob, Job, MidstateJob};
use adit_protocol::pow::{Header, VersionMask};

use super::work::Try;
use crate::solved;

/// The solution of `job`, if it is known. `mask`: the header bits that chips replace.
pub(super) fn solution(job: &Job, mask: VersionMask) -> Option<Try> {
    solved::headers().find_map(|known| {
        version(job, &known, mask).map(|version| Try { version, nonce: known.nonce.to_le_bytes() })
    })
}

/// Version counter or midstate index with which `job` becomes `known`.
fn version(job: &Job, known: &Header, mask: VersionMask) -> Option<u16> {
    match job {
        Job::Header(HeaderJob { header, .. }) => {
            let same = Header { nonce: known.nonce, version: known.version, ..*header } == *known;
            let rolled = (known.version & mask.0) >> 13;
            (same && (header.version ^ known.version) & !mask.0 == 0).then_some(rolled as u16)
        }
        Job::Midstates(job @ MidstateJob { midstates, slots, .. }) => {
            let (midstate, nonce) = (known.midstate(), known.nonce.to_le_bytes());
            let index = midstates.iter().take(usize::from(*slots)).position(|one| *one == midstate)?;
            (job.tail(nonce) == known.tail()).then_some(index as u16)
        }
    }
}
