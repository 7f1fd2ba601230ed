//! Judging shares: the header is rebuilt and hashed, nothing is taken on trust.

use std::collections::HashSet;

use adit_protocol::pow::{Hash, VersionMask};
use adit_protocol::stratum::{Id, Response, Submit};

use super::settings::share_target;
use super::{Conn, Pool, PoolEvent, Quirk, Reject, ShareRecord, VersionBits};

/// Credited hashes kept in each of two generations; beyond it the older ones are forgotten.
const GENERATION: usize = 1 << 19;

/// Hashes credited since the last block.
#[derive(Debug, Default)]
pub(super) struct Seen {
    young: HashSet<Hash>,
    old: HashSet<Hash>,
}

impl Seen {
    fn contains(&self, hash: &Hash) -> bool {
        self.young.contains(hash) || self.old.contains(hash)
    }

    fn insert(&mut self, hash: Hash) {
        if self.young.len() == GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash);
    }
}

impl Pool {
    /// Judges a share, counts it and answers.
    pub(super) fn submit(&mut self, conn: Conn, id: Id, submit: &Submit) {
        let mut share = ShareRecord {
            conn,
            worker: submit.worker.clone(),
            job: submit.job_id.to_string(),
            verdict: Ok(()),
            difficulty: None,
            hash: None,
            block: false,
        };
        share.verdict = self.check(submit, &mut share);
        if let (Ok(()), Some(hash)) = (share.verdict, share.hash) {
            self.seen.insert(hash);
            if self.settings.quirks.has(Quirk::RejectAll) || self.rejects > 0 {
                self.rejects = self.rejects.saturating_sub(1);
                share.verdict = Err(Reject::OnPurpose);
            }
        }
        let found = share.hash.filter(|_| share.verdict.is_ok() && share.block);
        self.settle(id, share);
        if let Some(hash) = found {
            self.tally.blocks += 1;
            self.chain.block(hash);
            self.new_tip();
            self.fresh_job(!self.settings.quirks.has(Quirk::UncleanBlocks));
        }
    }

    /// A submit that cannot be read.
    pub(super) fn malformed_submit(&mut self, conn: Conn, id: Id) {
        let share = ShareRecord {
            conn,
            worker: String::new(),
            job: String::new(),
            verdict: Err(Reject::Malformed),
            difficulty: None,
            hash: None,
            block: false,
        };
        self.settle(id, share);
    }

    /// Counts and answers.
    fn settle(&mut self, id: Id, share: ShareRecord) {
        let (conn, verdict) = (share.conn, share.verdict);
        if let Some(client) = self.clients.get_mut(&conn).filter(|_| verdict.is_ok()) {
            client.shares = client.shares.saturating_add(1);
        }
        self.tally.count(&share);
        self.outbox.event(PoolEvent::Share(share));
        if !self.settings.quirks.has(Quirk::MuteSubmits) {
            self.answer(
                conn,
                match verdict {
                    Ok(()) => Response::ok(id, true),
                    Err(reject) => Response::error(id, reject.code().into(), reject.text()),
                },
            );
        }
    }

    fn check(&self, submit: &Submit, share: &mut ShareRecord) -> Result<(), Reject> {
        let client = self.clients.get(&share.conn).ok_or(Reject::NotSubscribed)?;
        let session = client.session.as_ref().ok_or(Reject::NotSubscribed)?;
        if !client.workers.contains(&submit.worker) {
            return Err(Reject::Unauthorized);
        }
        let promise = session.promise(&submit.job_id, self.now).ok_or(Reject::JobNotFound)?;
        let job = &promise.job;
        share.difficulty = Some(promise.difficulty);
        if job.epoch != self.chain.epoch {
            return Err(Reject::Stale);
        }
        if submit.extranonce2.len() != usize::from(promise.extranonce.size) {
            return Err(Reject::Extranonce2Length);
        }
        match submit.ntime.checked_sub(job.ntime) {
            None => return Err(Reject::TimeTooOld),
            Some(ahead) if ahead > self.settings.ntime_ahead => return Err(Reject::TimeTooNew),
            Some(_) => {}
        }
        let version = self.version(job.version, client.mask, submit.version_bits)?;
        let extranonce = [promise.extranonce.prefix.as_slice(), &submit.extranonce2].concat();
        let hash = job.header(&extranonce, version, submit.ntime, submit.nonce).hash();
        share.hash = Some(hash);
        share.block = job.network_target().is_some_and(|target| target.is_met_by(&hash));
        if !share.block && !share_target(promise.difficulty).is_met_by(&hash) {
            return Err(Reject::LowDifficulty);
        }
        if self.seen.contains(&hash) { Err(Reject::Duplicate) } else { Ok(()) }
    }

    /// The header version that `bits` stand for. Once rolling is negotiated they must be there.
    fn version(&self, base: u32, VersionMask(mask): VersionMask, bits: Option<u32>) -> Result<u32, Reject> {
        match bits {
            None | Some(0) if mask == 0 => Ok(base),
            Some(bits) if bits & !mask == 0 => Ok(match self.settings.version_bits {
                VersionBits::Replace => base & !mask | bits,
                VersionBits::Or => base | bits,
                VersionBits::Xor => base ^ bits,
            }),
            _ => Err(Reject::VersionBits),
        }
    }
}
