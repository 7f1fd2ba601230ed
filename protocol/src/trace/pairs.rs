//! Which job a recorded nonce solves: the last jobs of its link are hashed with it.

use std::collections::VecDeque;

use crate::pow::{Hash, Header, Target};
use crate::protocols::Mining;
use crate::wire::Micros;

/// Jobs of a link that a nonce may still solve.
const JOBS: usize = 32;

/// A hash this hard is no coincidence, whatever jobs there are.
const CERTAIN: f64 = 0.5;

/// What a nonce solves best of the jobs its device was given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Solution {
    /// When the job was sent.
    pub job_at: Micros,
    /// Position of the job in the bytes to the device.
    pub job_offset: u64,
    /// Difficulty of the hash.
    pub difficulty: f64,
}

/// The last jobs of a link.
#[derive(Debug, Default)]
pub(super) struct Jobs(VecDeque<(Micros, u64, Mining)>);

impl Jobs {
    /// Remembers a job, or says what a nonce solves; `None` where no job was seen.
    pub(super) fn see(&mut self, at: Micros, offset: u64, mining: Mining) -> Option<Solution> {
        let Mining::Nonce { nonce, version_bits } = mining else {
            self.0.truncate(JOBS - 1);
            self.0.push_front((at, offset, mining));
            return None;
        };
        let mut best: Option<Solution> = None;
        for (job_at, job_offset, job) in &self.0 {
            let difficulty = hardest(job, nonce, version_bits);
            if best.is_none_or(|best| difficulty > best.difficulty) {
                best = Some(Solution { job_at: *job_at, job_offset: *job_offset, difficulty });
            }
            if difficulty >= CERTAIN {
                break;
            }
        }
        best
    }
}

/// Difficulty of the hardest hash that `nonce` gives in one of the job's headers.
fn hardest(job: &Mining, nonce: u32, version_bits: u32) -> f64 {
    let difficulty = |hash: &Hash| Target::from_hash(hash).difficulty();
    match job {
        Mining::Header(header) => {
            let version = header.version | version_bits;
            difficulty(&Header { nonce, version, ..*header }.hash())
        }
        Mining::Midstates { midstates, count, tail } => {
            let mut last = [0; 16];
            last[..12].copy_from_slice(tail);
            last[12..].copy_from_slice(&nonce.to_le_bytes());
            let hashes = midstates.iter().take(usize::from(*count)).map(|midstate| midstate.finish(&last));
            hashes.map(|hash| difficulty(&hash)).fold(0.0, f64::max)
        }
        Mining::Nonce { .. } => 0.0,
    }
}
