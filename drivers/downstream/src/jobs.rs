//! What a miner was told to work on, and what its shares mean.

use std::collections::VecDeque;

use adit_driver::{Claim, Work};
use adit_protocol::pow::VersionMask;
use adit_protocol::stratum::{JobId, Notify, Submit};
use adit_protocol::wire::Micros;

/// The extranonce1 of every miner.
pub(crate) const EXTRANONCE1: [u8; 1] = [0];
/// Bytes of an extranonce2 that are the miner's.
pub(crate) const EXTRANONCE2_SIZE: u8 = 2;
/// Bytes of the job's extranonce2 before the prefix.
const BEFORE_PREFIX: usize = EXTRANONCE1.len() + EXTRANONCE2_SIZE as usize;

/// Jobs that a share may still be of.
const MEMORY: usize = 8;
/// Header time may run ahead of the job's time plus the time since it was given by so much.
const AHEAD_S: u64 = 60;

/// Why a share is none, with the code and the words of Stratum.
pub(crate) type Refused = (i64, &'static str);

/// The jobs a miner was given last.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    given: VecDeque<Given>,
    next: u64,
}

#[derive(Debug)]
struct Given {
    id: JobId,
    work: Work,
    at: Micros,
    mask: VersionMask,
    difficulty: f64,
}

/// What a share claims, and how hard it was to find.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Claimed {
    pub(crate) claim: Claim,
    pub(crate) difficulty: f64,
}

/// What a miner is told together with a job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Version bits it may change.
    pub(crate) mask: VersionMask,
    /// Difficulty of its shares.
    pub(crate) difficulty: f64,
    /// Earlier jobs are worthless.
    pub(crate) clean: bool,
}

impl Jobs {
    /// The job that `work` is.
    pub(crate) fn give(&mut self, now: Micros, work: Work, terms: Terms) -> Notify {
        self.next += 1;
        let id = JobId::from(format!("{:x}", self.next).as_str());
        let job = &work.job;
        let prefix = job.extranonce2_bytes(work.space.extranonce2.start);
        let notify = Notify {
            job_id: id.clone(),
            prev_hash: job.prev_hash,
            coinbase_head: [&*job.coinbase_head, &job.extranonce1].concat(),
            coinbase_tail: [prefix.get(BEFORE_PREFIX..).unwrap_or_default(), &job.coinbase_tail].concat(),
            merkle_branch: job.merkle_branch.clone(),
            version: work.space.version.base,
            nbits: job.nbits,
            ntime: work.space.ntime.start,
            clean: terms.clean,
        };
        if self.given.len() == MEMORY {
            self.given.pop_front();
        }
        self.given.push_back(Given { id, work, at: now, mask: terms.mask, difficulty: terms.difficulty });
        notify
    }

    /// What a share claims.
    pub(crate) fn claim(&self, now: Micros, share: &Submit) -> Result<Claimed, Refused> {
        let given = self.given.iter().rev().find(|given| given.id == share.job_id);
        let given = given.ok_or((21, "Job not found"))?;
        let own: [u8; EXTRANONCE2_SIZE as usize] =
            share.extranonce2.as_slice().try_into().map_err(|_| (20, "Incorrect size of extranonce2"))?;
        let bits = share.version_bits.unwrap_or(0);
        if bits & !given.mask.0 != 0 {
            return Err((20, "Version bits outside of the mask"));
        }
        let space = &given.work.space;
        let latest = u64::from(space.ntime.start) + now.since(given.at).as_secs() + AHEAD_S;
        if !space.ntime.contains(&share.ntime) || u64::from(share.ntime) > latest {
            return Err((20, "Time out of range"));
        }
        let claim = Claim {
            work: given.work.id,
            extranonce2: space.extranonce2.start + (u64::from(u16::from_le_bytes(own)) << 8),
            ntime: share.ntime,
            version: space.version.base | bits,
            nonce: share.nonce,
        };
        Ok(Claimed { claim, difficulty: given.difficulty })
    }
}
