//! Shares of a channel and the pool's answers (`docs/protocols/stratum-v2.md §9`).

use std::time::Duration;

use adit_core::{Answer, PoolInput, RejectKind, Share};
use adit_protocol::wire::Micros;

use super::outage::V2Outage;
use super::session::{Phase, V2Session};
use crate::legible::legible;

/// How long the answer to a share is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
/// Shares whose answers are open, at most.
const MOST_SHARES: usize = 1_024;

impl V2Session {
    /// When the oldest share has waited too long.
    pub(super) fn share_deadline(&self) -> Option<Micros> {
        self.shares.first_key_value().map(|(_, (_, since))| *since + PATIENCE)
    }

    pub(super) fn on_submit(&mut self, now: Micros, share: Share) {
        let Phase::Open { channel, .. } = &mut self.phase else { return self.lose(&share) };
        let Some((number, message)) = channel.submit(&share) else { return self.lose(&share) };
        self.rate.found(share.job.share_target.expected_hashes());
        self.shares.insert(number, (share, now));
        self.send_mining(message);
        while self.shares.len() > MOST_SHARES {
            self.lose_oldest();
        }
    }

    /// Every share up to this number, unless it was refused before.
    pub(super) fn on_accepted(&mut self, now: Micros, last: u32) {
        while let Some(entry) = self.shares.first_entry().filter(|entry| *entry.key() <= last) {
            let (share, since) = entry.remove();
            self.answer(&share, Answer::Accepted, now.since(since));
        }
    }

    pub(super) fn on_rejected(&mut self, now: Micros, number: u32, code: &str) -> Result<(), V2Outage> {
        let reason = legible(code);
        if let Some((share, since)) = self.shares.remove(&number) {
            let kind = match code {
                "stale-share" | "invalid-job-id" => RejectKind::Stale,
                "duplicate-share" => RejectKind::Duplicate,
                "difficulty-too-low" => RejectKind::LowDifficulty,
                "invalid-channel-id" => RejectKind::Unauthorized,
                _ => RejectKind::Other,
            };
            self.answer(&share, Answer::Rejected { kind, reason: reason.clone() }, now.since(since));
        }
        if code == "invalid-channel-id" { Err(V2Outage::ChannelClosed(reason)) } else { Ok(()) }
    }

    /// Shares that have waited too long.
    pub(super) fn lose_overdue(&mut self, now: Micros) {
        while self.share_deadline().is_some_and(|at| now >= at) {
            self.lose_oldest();
        }
    }

    /// Channels die with their connection.
    pub(super) fn lose_all(&mut self) {
        while !self.shares.is_empty() {
            self.lose_oldest();
        }
    }

    fn lose_oldest(&mut self) {
        if let Some((_, (share, _))) = self.shares.pop_first() {
            self.lose(&share);
        }
    }

    fn lose(&mut self, share: &Share) {
        self.answer(share, Answer::Lost, Duration::ZERO);
    }

    fn answer(&mut self, share: &Share, answer: Answer, latency: Duration) {
        self.emit(PoolInput::Answer { share: share.key, answer, latency });
    }
}
