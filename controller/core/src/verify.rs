//! One nonce, one verdict.

use std::collections::{HashSet, VecDeque};

use adit_driver::{Job, Nonce, Ruling, Verdict};
use adit_protocol::pow::{Hash, Target};

use crate::issued::Finding;

/// Submitted shares remembered per pool.
const REMEMBERED: usize = 4_096;

/// What a pool is to the job of a nonce.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// Target of its shares; `None` when the job is dead.
    pub(crate) share_target: Option<Target>,
    /// The same hash was submitted to it before.
    pub(crate) submitted: bool,
}

/// Judges a nonce whose claims were re-hashed, in the order of [`Verdict::ALL`].
pub(crate) fn judge(finding: &Finding, job: &Job, standing: impl FnOnce(&Hash) -> Standing) -> Verdict {
    if finding.repeated {
        return Verdict::Duplicate;
    }
    let Some(hash) = finding.hash.filter(|_| finding.kept) else { return Verdict::HardwareError };
    let meets = |target: Option<Target>| target.is_some_and(|target| target.is_met_by(&hash));
    let standing = standing(&hash);
    let verdict = match standing.share_target {
        _ if meets(job.network_target) => Verdict::Block,
        None => Verdict::Stale,
        Some(target) if meets(Some(target)) => Verdict::Share,
        Some(_) => Verdict::BelowShare,
    };
    match verdict {
        Verdict::Block | Verdict::Share if standing.submitted => Verdict::Duplicate,
        _ => verdict,
    }
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
    hashes: HashSet<Hash>,
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
