//! One nonce, one verdict.

use std::sync::Arc;

use adit_driver::{Job, Nonce, Order, Ruling, Verdict};
use adit_protocol::pow::Target;
use adit_protocol::wire::Micros;

use crate::issued::Finding;
use crate::pools::{Pending, Pool};
use crate::{Answer, Core, Effect, Notice, Policy, Share, ShareKey};

impl Core {
    /// A device reported a nonce: judges it, tells the machine, submits it if it is worth it.
    pub(crate) fn on_nonce(&mut self, now: Micros, index: usize, nonce: &Nonce) {
        let device = &mut self.devices[index];
        device.tally.received += 1;
        let finding = device.issued.examine(&nonce.claims);
        let verdict = match &finding {
            None => Verdict::UnknownWork,
            Some(finding) => {
                let job = &device.issued.work(finding).job;
                let pool = &self.pools[usize::from(job.pool.0)];
                judge(now, finding, job, pool, &self.policy)
            }
        };
        let ruling = ruling(nonce, finding.as_ref(), verdict);
        let hashes = finding.as_ref().map_or(0.0, |finding| finding.hashes);
        device.judged(now, nonce.unit, verdict, hashes, ruling.difficulty);
        let (device, difficulty) = (device.key, ruling.difficulty);
        if let Some(finding) = finding.as_ref().filter(|_| verdict.is_valid()) {
            let pool = usize::from(self.devices[index].issued.work(finding).job.pool.0);
            self.pools[pool].load.proven += hashes;
            self.release(index);
        }
        self.effects.push_back(Effect::Order(device, Order::Ruling(ruling)));
        self.effects.push_back(Effect::Notice(Notice::Judged { device, verdict, difficulty }));
        if let (Verdict::Block | Verdict::Share, Some(finding)) = (verdict, finding) {
            self.submit(index, nonce, &finding, verdict, difficulty);
        }
    }

    fn submit(&mut self, index: usize, nonce: &Nonce, finding: &Finding, verdict: Verdict, difficulty: f64) {
        let device = &mut self.devices[index];
        let (Some(claim), Some(hash)) = (nonce.claims.get(usize::from(finding.claim)), finding.hash) else {
            return;
        };
        let job = Arc::clone(&device.issued.work(finding).job);
        let key = ShareKey(self.next_share);
        self.next_share += 1;
        device.shares.submit();
        let device = device.key;
        let pool = job.pool;
        let waiting = Pending { device, difficulty, credit: job.share_target.difficulty() };
        let given_up = self.pools[usize::from(pool.0)].submit(key, waiting, hash);
        if let Some(finder) = given_up {
            self.devices[finder.0 as usize].shares.answer(&Answer::Lost);
        }
        let share = Share {
            key,
            device,
            extranonce2: job.extranonce2_bytes(claim.extranonce2),
            ntime: claim.ntime,
            version: claim.version,
            nonce: claim.nonce,
            difficulty,
            block: verdict == Verdict::Block,
            job,
        };
        self.effects.push_back(Effect::Submit(pool, share));
    }
}

/// Judges a nonce whose claims were re-hashed, in the order of [`Verdict::ALL`]. `pool`: whose job it is of.
fn judge(now: Micros, finding: &Finding, job: &Job, pool: &Pool, policy: &Policy) -> Verdict {
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
fn ruling(nonce: &Nonce, finding: Option<&Finding>, verdict: Verdict) -> Ruling {
    let hash = finding.and_then(|finding| finding.hash);
    Ruling {
        seq: nonce.seq,
        claim: finding.map(|finding| finding.claim),
        verdict,
        difficulty: hash.map_or(0.0, |hash| Target::from_hash(&hash).difficulty()),
    }
}
