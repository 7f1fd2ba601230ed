//! Counters that must add up.

use std::time::Duration;

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

/// Difficulty of answered shares, summed up, of one device or one pool. A share counts as much as its pool asked for when its
/// job was issued, not as the difficulty its hash happens to have.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Credit {
    /// Credited.
    pub accepted: f64,
    /// Refused because the job was no longer valid.
    pub stale: f64,
    /// Refused for any other reason.
    pub rejected: f64,
}

impl Credit {
    /// Counts an answered share of this difficulty.
    pub(crate) fn answer(&mut self, answer: &Answer, difficulty: f64) {
        match answer {
            Answer::Accepted => self.accepted += difficulty,
            Answer::Rejected { kind: RejectKind::Stale, .. } => self.stale += difficulty,
            Answer::Rejected { .. } => self.rejected += difficulty,
            Answer::Lost => {}
        }
    }
}

/// Time from submit to answer: how often it was how long.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latencies {
    /// Answers that took at most the same place of [`Self::BOUNDS_S`], and longer than the one before.
    pub counts: [u64; Self::BOUNDS_S.len()],
    /// All answers, those that took longer than the last bound included.
    pub count: u64,
    /// All of them together.
    pub sum: Duration,
    /// The last one; `None` before the first.
    pub last: Option<Duration>,
}

impl Latencies {
    /// Upper bounds in seconds.
    pub const BOUNDS_S: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

    /// Counts one.
    pub(crate) fn add(&mut self, latency: Duration) {
        let seconds = latency.as_secs_f64();
        if let Some(place) = Self::BOUNDS_S.iter().position(|bound| seconds <= *bound) {
            self.counts[place] += 1;
        }
        self.count += 1;
        self.sum = self.sum.saturating_add(latency);
        self.last = Some(latency);
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
