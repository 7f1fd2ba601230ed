//! Which job a recorded nonce solves: first the one that it names is hashed with it, or the latest, then the last jobs of its link.

use std::collections::VecDeque;

use crate::bm13xx::Chip;
use crate::pow::scan::Kernel;
use crate::pow::{Header, Midstate, Target};
use crate::protocols::Mining;
use crate::wire::Micros;

/// Jobs of a link that a nonce may still solve.
const JOBS: usize = 32;
/// So hard a hash is chance once in 4,000 nonces and jobs: no other job is tried.
const SURE: f64 = 1e-6;

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

/// The last jobs of a link, the latest first.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    given: VecDeque<Given>,
    /// The chips, where they make ids of their own of the ids of jobs.
    chip: Option<Chip>,
    heads: Vec<(Midstate, [u8; 16])>,
}

/// A job.
#[derive(Debug)]
struct Given {
    at: Micros,
    offset: u64,
    id: Option<u32>,
    work: Mining,
    /// The state of its header with these version bits, which many nonces share.
    state: Option<(u32, Midstate)>,
}

impl Jobs {
    /// Jobs for chips that make ids of their own, or not.
    pub(super) fn of(chip: Option<Chip>) -> Self {
        Self { chip, ..Self::default() }
    }

    /// It is known by now for which chips they are.
    pub(super) const fn are_of(&mut self, chip: Option<Chip>) {
        self.chip = chip;
    }

    /// Remembers a job, or says what a nonce solves; `None` where no job was seen.
    pub(super) fn see(
        &mut self,
        at: Micros,
        offset: u64,
        id: Option<u32>,
        mining: Mining,
    ) -> Option<Solution> {
        match mining {
            Mining::Nonce { nonce, version_bits } => self.solve(id, nonce, version_bits),
            work => {
                self.given.truncate(JOBS - 1);
                self.given.push_front(Given { at, offset, id, work, state: None });
                None
            }
        }
    }

    fn solve(&mut self, id: Option<u32>, nonce: u32, version_bits: u32) -> Option<Solution> {
        let Self { given, chip, heads } = self;
        let is_named = |given: &Given| match (id, given.id) {
            (Some(id), Some(job)) => given.is_named(*chip, id, job),
            _ => false,
        };
        let likely = given.iter().position(is_named).unwrap_or(0);
        let likely = given.get_mut(likely)?;
        heads.clear();
        likely.heads(nonce, version_bits, heads);
        let hashes = heads.iter().map(|(state, tail)| state.finish(tail));
        let hardest = hashes.map(|hash| Target::from_hash(&hash)).min()?;
        if hardest.difficulty() >= SURE {
            return Some(likely.solved(hardest));
        }
        heads.clear();
        given.iter_mut().for_each(|given| given.heads(nonce, version_bits, heads));
        let (index, hash) = Kernel::best().hardest(heads)?;
        let mut heads = 0;
        let given = given.iter().find(|given| {
            heads += given.count();
            index < heads
        })?;
        Some(given.solved(Target::from_hash(&hash)))
    }
}

impl Given {
    /// Headers of it that a nonce may mean.
    fn count(&self) -> usize {
        match self.work {
            Mining::Midstates { count, .. } => usize::from(count.clamp(1, 4)),
            Mining::Header(_) | Mining::Nonce { .. } => 1,
        }
    }

    /// Whether an answer's `id` is that of this job, which is `job`.
    fn is_named(&self, chip: Option<Chip>, id: u32, job: u32) -> bool {
        match chip {
            Some(chip) => u32::from(chip.answer_id(id as u8, self.count() as u8).job_byte) == job,
            None => id == job,
        }
    }

    /// Appends [`Self::count`] headers with `nonce`: state and last bytes.
    fn heads(&mut self, nonce: u32, version_bits: u32, heads: &mut Vec<(Midstate, [u8; 16])>) {
        match &self.work {
            Mining::Header(header) => {
                let state = match self.state {
                    Some((bits, state)) if bits == version_bits => state,
                    _ => Header { version: header.version | version_bits, ..*header }.midstate(),
                };
                self.state = Some((version_bits, state));
                heads.push((state, Header { nonce, ..*header }.tail()));
            }
            Mining::Midstates { midstates, tail, .. } => {
                let mut last = [0; 16];
                last[..12].copy_from_slice(tail);
                last[12..].copy_from_slice(&nonce.to_le_bytes());
                heads.extend(midstates.iter().take(self.count()).map(|state| (*state, last)));
            }
            Mining::Nonce { .. } => {}
        }
    }

    /// The nonce whose hash is this number solves it.
    fn solved(&self, hash: Target) -> Solution {
        Solution { job_at: self.at, job_offset: self.offset, difficulty: hash.difficulty() }
    }
}
