//! Shares on their way: every one that enters leaves with exactly one answer (`docs/protocols/stratum-v1.md §10`).

use std::collections::VecDeque;
use std::time::Duration;

use adit_core::Share;
use adit_protocol::wire::Micros;

/// Shares on their way at most; beyond it the oldest is lost.
pub(super) const MOST: usize = 1024;
/// How long a share waits for its connection and its answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What became of the shares of a session. submitted = accepted + rejected + lost + those still on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Shares handed to the session.
    pub submitted: u64,
    /// Credited by the pool.
    pub accepted: u64,
    /// Refused by the pool.
    pub rejected: u64,
    /// Never answered.
    pub lost: u64,
    /// Of the lost ones: those that had to make room for younger ones.
    pub crowded_out: u64,
    /// Of the lost ones: those whose block was over before they could be sent on a connection that resumed the session.
    pub outdated: u64,
}

/// A share on its way.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) share: Share,
    /// When it was handed to the session.
    since: Micros,
    /// Id of the request that carries it on this connection, and when that was sent.
    sent: Option<(u64, Micros)>,
}

/// Shares on their way, oldest first.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: VecDeque<Entry>,
    pub(super) counts: Counts,
}

impl Ledger {
    /// Takes a share. What is returned is lost: it made room.
    pub(super) fn push(&mut self, now: Micros, share: Share) -> Option<Share> {
        self.counts.submitted += 1;
        self.entries.push_back(Entry { share, since: now, sent: None });
        let full = self.entries.len() > MOST;
        let oldest = if full { self.entries.pop_front() } else { None };
        oldest.map(|entry| {
            self.counts.crowded_out += 1;
            entry.share
        })
    }

    /// The first share that has not been sent and is as wanted.
    pub(super) fn first_waiting(&mut self, wanted: impl Fn(&Share) -> bool) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.sent.is_none() && wanted(&entry.share))
    }

    /// Takes out the first share that has not been sent and is as wanted.
    pub(super) fn take_waiting(&mut self, wanted: impl Fn(&Share) -> bool) -> Option<Share> {
        let at = self.entries.iter().position(|entry| entry.sent.is_none() && wanted(&entry.share))?;
        self.entries.remove(at).map(|entry| entry.share)
    }

    /// The share that request `id` carried, and the time since that was sent.
    pub(super) fn answered(&mut self, now: Micros, id: u64) -> Option<(Share, Duration)> {
        let is_it = |entry: &Entry| entry.sent.is_some_and(|(sent, _)| sent == id);
        let at = self.entries.iter().position(is_it)?;
        let Entry { share, sent, since } = self.entries.remove(at)?;
        Some((share, now.since(sent.map_or(since, |(_, at)| at))))
    }

    /// The connection is gone: what was sent waits again.
    pub(super) fn unsend(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.sent = None);
    }

    /// The oldest share if its time is over.
    pub(super) fn expired(&mut self, now: Micros) -> Option<Share> {
        let over = self.deadline().is_some_and(|deadline| now >= deadline);
        if over { self.entries.pop_front().map(|entry| entry.share) } else { None }
    }

    /// When the time of the oldest share is over.
    pub(super) fn deadline(&self) -> Option<Micros> {
        self.entries.front().map(|entry| entry.since + PATIENCE)
    }

    /// Shares on their way.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether an answer is awaited on this connection.
    pub(super) fn awaits_answer(&self) -> bool {
        self.entries.iter().any(|entry| entry.sent.is_some())
    }
}

impl Entry {
    /// Notes that request `id` carries it.
    pub(super) fn sent(&mut self, now: Micros, id: u64) {
        self.sent = Some((id, now));
    }
}
