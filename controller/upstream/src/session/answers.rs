//! Shares going out and the pool's answers coming in (`docs/protocols/stratum-v1.md §10`).

use std::time::Duration;

use adit_core::{Answer, PoolInput, RejectKind, Share};
use adit_protocol::stratum::{ClientCall, Message, Refusal, Response, Submit};
use adit_protocol::wire::Micros;

use super::{Phase, Session};
use crate::Outage;
use crate::legible::legible_refusal;

/// A pool that refuses every share for so long is left, before it leaves us.
const ONLY_REJECTS: Duration = Duration::from_secs(30);
/// So many in a row at least: a slow device is no reason to leave.
const FEWEST_REJECTS: u32 = 5;

impl Session {
    pub(super) fn on_submit(&mut self, now: Micros, share: Share) {
        if let Some(oldest) = self.ledger.push(now, share) {
            self.lose(oldest);
        }
        if self.is_up() {
            self.submit_waiting(now);
        }
    }

    /// Sends every share that waits and may go. One whose job the pool has forgotten, or whose version it no longer accepts, is
    /// lost.
    pub(super) fn submit_waiting(&mut self, now: Micros) {
        loop {
            let Phase::Open(connection) = &mut self.phase else { return };
            let all = connection.held_back_until.is_none();
            let may_go = |share: &Share| all || share.block;
            let Some(entry) = self.ledger.first_waiting(may_go) else { return };
            let share = &entry.share;
            let (job_version, version) = (share.job.version, share.version);
            match self.jobs.id(share.job_key()) {
                Some(job_id) if connection.rolling.allows(job_version, version) => {
                    let submit = Submit {
                        worker: self.config.user.clone(),
                        job_id: job_id.clone(),
                        extranonce2: share.extranonce2.clone(),
                        ntime: share.ntime,
                        nonce: share.nonce,
                        version_bits: connection.rolling.bits(self.style.style, job_version, version),
                    };
                    let id = connection.next_id();
                    entry.sent(now, id);
                    self.send(&Message::Call { id: id.into(), call: ClientCall::Submit(submit) });
                }
                known => {
                    let narrowed = known.is_some();
                    if let Some(share) = self.ledger.take_waiting(may_go) {
                        self.lose(share);
                    }
                    if narrowed {
                        self.complain(
                            now,
                            format_args!("share dropped: its version bits are no longer allowed"),
                        );
                    }
                }
            }
        }
    }

    /// Gives up the shares that waited for the session to be resumed while their block came to an end. One that solves a block is
    /// sent all the same.
    pub(super) fn drop_outdated(&mut self) {
        let newest = self.jobs.prev_hash();
        let is_over = |share: &Share| !share.block && Some(share.job.prev_hash) != newest;
        let mut dropped = 0;
        while let Some(share) = self.ledger.take_waiting(is_over) {
            dropped += 1;
            self.lose(share);
        }
        self.ledger.counts.outdated += dropped;
        if dropped > 0 {
            let place = self.place();
            let text = format!(
                "pool {place}: shares dropped, their block was over before they could be sent: {dropped}"
            );
            self.emit(PoolInput::Notice { text, warning: false });
        }
    }

    pub(super) fn on_answer(
        &mut self,
        now: Micros,
        share: Share,
        latency: Duration,
        response: &Response,
    ) -> Result<(), Outage> {
        let refused =
            response.accepted().err().map(legible_refusal).map(|refusal| (kind_of(&refusal), refusal));
        let answer = match &refused {
            None => Answer::Accepted,
            Some((kind, refusal)) => Answer::Rejected { kind: *kind, reason: refusal.to_string() },
        };
        self.emit(PoolInput::Answer { share: share.key, answer, latency });
        match refused {
            None => {
                self.on_accepted(&share);
                Ok(())
            }
            Some((kind, refusal)) => self.on_refused(now, &share, kind, &refusal),
        }
    }

    fn on_accepted(&mut self, share: &Share) {
        self.ledger.counts.accepted += 1;
        let Phase::Open(connection) = &mut self.phase else { return };
        connection.rejects = None;
        connection.was_useful = true;
        if connection.rolling.is_ambiguous(share.job.version) {
            self.style.on_accepted();
        }
    }

    /// A pool that dislikes a header time is given none that runs ahead; one that dislikes version bits is asked, once for each
    /// connection, which it allows.
    fn learn_from(&mut self, now: Micros, refusal: &Refusal) {
        let Phase::Open(connection) = &mut self.phase else { return };
        if is_about(refusal, &[31, 32], &["time-too-", "time too ", "ntime out of range"])
            && !self.strict_time
        {
            self.strict_time = true;
            self.emit(PoolInput::StrictTime);
            self.complain(
                now,
                format_args!("refuses header times that run ahead; they keep to the clock from now on"),
            );
        } else if is_about(refusal, &[33], &["invalid version mask", "bad-version"])
            && connection.configured
            && !std::mem::replace(&mut connection.asked_for_mask, true)
        {
            self.configure();
        }
    }

    /// What follows from a reject.
    fn on_refused(
        &mut self,
        now: Micros,
        share: &Share,
        kind: RejectKind,
        refusal: &Refusal,
    ) -> Result<(), Outage> {
        self.ledger.counts.rejected += 1;
        let Phase::Open(connection) = &mut self.phase else { return Ok(()) };
        match refusal.code {
            Some(24) if connection.is_logging_in() => return Ok(()), // sent before the login was repeated
            Some(24) if !connection.logged_in_again => {
                connection.logged_in_again = true;
                self.log_in();
                return Ok(());
            }
            Some(24 | 25) => return Err(Outage::Disowned(refusal.clone())),
            Some(28) => return Err(Outage::Banned(refusal.clone())),
            _ => {}
        }
        self.learn_from(now, refusal);
        let Phase::Open(connection) = &mut self.phase else { return Ok(()) };
        let (first, count) = connection.rejects.unwrap_or((now, 0));
        connection.rejects = Some((first, count + 1));
        if count + 1 >= FEWEST_REJECTS && now.since(first) >= ONLY_REJECTS {
            let seconds = now.since(first).as_secs();
            return Err(Outage::OnlyRejects { seconds, reason: refusal.to_string() });
        }
        if connection.rolling.is_ambiguous(share.job.version) && self.style.on_refused(kind) {
            self.complain(now, format_args!("refuses changed version bits; sending all bits from now on"));
        } else if kind == RejectKind::LowDifficulty {
            let (found, asked) = (share.difficulty, share.job.share_target.difficulty());
            self.complain(
                now,
                format_args!("refused a share of difficulty {found} as too easy, its job asked for {asked}"),
            );
        }
        Ok(())
    }
}

/// Whether a refusal is about the header time or about version bits, by its code or by the words pools use.
fn is_about(refusal: &Refusal, codes: &[i64], words: &[&str]) -> bool {
    let text = refusal.message.as_deref().unwrap_or_default().to_ascii_lowercase();
    refusal.code.is_some_and(|code| codes.contains(&code)) || words.iter().any(|word| text.contains(word))
}

/// The reason of a reject, by its code or by the words pools use.
fn kind_of(refusal: &Refusal) -> RejectKind {
    let text = refusal.message.as_deref().unwrap_or_default().to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match refusal.code {
        Some(21 | 36 | 37) => RejectKind::Stale,
        _ if says(&["stale", "job not found", "unknown-work", "invalid jobid"]) => RejectKind::Stale,
        Some(22) => RejectKind::Duplicate,
        Some(23) => RejectKind::LowDifficulty,
        Some(24) => RejectKind::Unauthorized,
        _ if says(&["duplicate"]) => RejectKind::Duplicate,
        _ if says(&["above target", "low difficulty", "high-hash", "h-not-zero"]) => {
            RejectKind::LowDifficulty
        }
        _ if says(&["unauthorized", "worker mismatch"]) => RejectKind::Unauthorized,
        _ => RejectKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_are_told_apart_by_code_and_by_words() {
        let table = [
            (Some(21), "Job not found", RejectKind::Stale),
            (Some(37), "", RejectKind::Stale),
            (None, "stale-prevblk", RejectKind::Stale),
            (None, "Invalid JobID", RejectKind::Stale),
            (Some(20), "unknown-work", RejectKind::Stale),
            (Some(22), "Duplicate share", RejectKind::Duplicate),
            (None, "Duplicate", RejectKind::Duplicate),
            (Some(23), "Low difficulty share", RejectKind::LowDifficulty),
            (None, "Above target", RejectKind::LowDifficulty),
            (None, "high-hash", RejectKind::LowDifficulty),
            (Some(24), "Unauthorized worker", RejectKind::Unauthorized),
            (None, "Worker mismatch", RejectKind::Unauthorized),
            (Some(-32601), "Method not found", RejectKind::Other),
            (None, "", RejectKind::Other),
        ];
        for (code, text, kind) in table {
            let refusal = Refusal { code, message: Some(text.to_owned()) };
            assert_eq!(kind_of(&refusal), kind, "{code:?} {text}");
        }
    }
}
