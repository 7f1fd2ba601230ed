//! One nonce, one verdict.

use std::collections::{BTreeSet, VecDeque};

use adit_driver::{Job, Nonce, Ruling, Verdict};
use adit_protocol::pow::{Hash, Target};
use adit_protocol::wire::Micros;

use crate::Policy;
use crate::issued::Finding;
use crate::pools::Pool;

/// Submitted shares remembered per pool.
const REMEMBERED: usize = 4_096;

/// Judges a nonce whose claims were re-hashed, in the order of [`Verdict::ALL`]. `pool`: whose job it is of.
pub(crate) fn judge(now: Micros, finding: &Finding, job: &Job, pool: &Pool, policy: &Policy) -> Verdict {
    if finding.repeated {
        return Verdict::Duplicate;
    }
    let Some(hash) = finding.hash.filter(|_| finding.kept) else { return Verdict::HardwareError };
    let meets = |target: Option<Target>| target.is_some_and(|target| target.is_met_by(&hash));
    let verdict = match pool.jobs.share_target(job.key, now, policy) {
        _ if meets(job.network_target) => Verdict::Block,
        None => return Verdict::Stale,
        Some(target) if meets(Some(target)) => Verdict::Share,
        Some(_) => return Verdict::BelowShare,
    };
    if pool.submitted.contains(&hash) { Verdict::Duplicate } else { verdict }
}

/// What goes back to the machine.
pub(crate) fn ruling(nonce: &Nonce, finding: Option<&Finding>, verdict: Verdict) -> Ruling {
    let hash = finding.and_then(|finding| finding.hash);
    Ruling {
        seq: nonce.seq,
        claim: finding.map(|finding| finding.claim),
        verdict,
        difficulty: hash.map_or(0.0, |hash| Target::from_hash(&hash).difficulty()),
    }
}

/// The hashes of the shares submitted last.
#[derive(Debug, Default)]
pub(crate) struct Submitted {
    hashes: BTreeSet<Hash>,
    order: VecDeque<Hash>,
}

impl Submitted {
    pub(crate) fn contains(&self, hash: &Hash) -> bool {
        self.hashes.contains(hash)
    }

    pub(crate) fn insert(&mut self, hash: Hash) {
        if self.hashes.insert(hash) {
            self.order.push_back(hash);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.hashes.remove(&oldest);
        }
    }
}
