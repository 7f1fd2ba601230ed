//! Counters that must add up.

use adit_driver::Verdict;

use crate::{Answer, RejectKind};

/// Nonces of one device and what was said of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Nonces that arrived.
    pub received: u64,
    by_verdict: [u64; Verdict::ALL.len()],
}

impl Tally {
    /// Counts a verdict.
    pub(crate) fn judged(&mut self, verdict: Verdict) {
        self.by_verdict[verdict as usize] += 1;
    }

    /// Nonces that were judged so.
    pub fn verdicts(&self, verdict: Verdict) -> u64 {
        self.by_verdict[verdict as usize]
    }

    /// Nonces that really solve what the device was given.
    pub fn valid(&self) -> u64 {
        Verdict::ALL
            .into_iter()
            .filter(|verdict| verdict.is_valid())
            .map(|verdict| self.verdicts(verdict))
            .sum()
    }

    /// Nonces that wait for their verdict.
    pub fn pending(&self) -> u64 {
        self.received - self.by_verdict.iter().sum::<u64>()
    }
}

/// Shares handed to pools, of one device or one pool: submitted = accepted + rejected + stale + lost + pending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShareCounts {
    /// Handed to the pool's session.
    pub submitted: u64,
    /// Credited.
    pub accepted: u64,
    /// Never answered, and never will be.
    pub lost: u64,
    /// Not answered yet.
    pub pending: u64,
    by_reason: [u64; RejectKind::ALL.len()],
}

impl ShareCounts {
    /// Counts a share that is handed over.
    pub(crate) fn submit(&mut self) {
        self.submitted += 1;
        self.pending += 1;
    }

    /// Counts what became of a pending share.
    pub(crate) fn answer(&mut self, answer: &Answer) {
        self.pending -= 1;
        match answer {
            Answer::Accepted => self.accepted += 1,
            Answer::Rejected { kind, .. } => self.by_reason[*kind as usize] += 1,
            Answer::Lost => self.lost += 1,
        }
    }

    /// Refused for this reason.
    pub fn refused(&self, kind: RejectKind) -> u64 {
        self.by_reason[kind as usize]
    }

    /// Refused because the job was no longer valid.
    pub fn stale(&self) -> u64 {
        self.refused(RejectKind::Stale)
    }

    /// Refused for any other reason.
    pub fn rejected(&self) -> u64 {
        self.by_reason.iter().sum::<u64>() - self.stale()
    }

    /// Whether every submitted share is accounted for.
    pub fn is_conserved(&self) -> bool {
        self.submitted == self.accepted + self.rejected() + self.stale() + self.lost + self.pending
    }
}
