//! Headers whose solutions are known: chips answer them at full difficulty without hashing, so that a host can be tried at the real
//! ticket mask (`docs/protocols/bm13xx.md §14`).

use adit_protocol::bm13xx::{HeaderJob, Job, MidstateJob};
use adit_protocol::hex;
use adit_protocol::pow::{Header, VersionMask};

use super::work::Try;

/// Solved headers, as they stand in their blocks: 0, 125552, 413567, and one of difficulty 18 that hosts use in their tests.
const SOLVED: [&str; 4] = [
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c",
    "0100000081cd02ab7e569e8bcd9317e2fe99f2de44d49ab2b8851ba4a308000000000000e320b6c2fffc8d750423db8b1eb942ae710e951ed797f7affc8892b0f1fc122bc7f5d74df2b9441a42a14695",
    "0400000011cec5c65e00d35b08860e4e47c6f63f522bb1294db54205000000000000000005ce7daa2ab7853686a216e6e40415cfca390c23daff2eaaba16c89f640ca564b38d47573684051803b95f7e",
    "04000020fc102bd0ea11470daf05a8e133a8a8505e21a2122b7f010000000000000000006d0359c451434605c52a5a9ce074340be47c2c63840731f9edf1db3f26b1cdd9a9f16f643aae051747896e27",
];

/// The solution of `job`, if it is known. `mask`: the header bits that chips replace.
pub(super) fn solution(job: &Job, mask: VersionMask) -> Option<Try> {
    SOLVED.iter().filter_map(|text| hex::decode_array(text)).find_map(|bytes| {
        let known = Header::from_bytes(&bytes);
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
