//! From `mining.notify` to [`Job`], and from a job back to the pool's id (`docs/protocols/stratum-v1.md §5.3`).

use std::collections::BTreeMap;
use std::time::Duration;

use adit_driver::{Job, JobKey, PoolKey};
use adit_protocol::pow::{CompactBits, Hash, Target};
use adit_protocol::stratum::{JobId, Notify, Subscription};
use adit_protocol::wire::Micros;

use super::rolling::Rolling;

/// Jobs remembered at least, however old.
const FEWEST: usize = 64;
/// Jobs remembered at most, however young.
const MOST: usize = 4096;
/// Age beyond which a job is forgotten.
const OLDEST: Duration = Duration::from_secs(600);

/// The jobs of one pool. Shares of a job can be submitted as long as its id is remembered, also after a clean job: whether
/// they should be is not decided here.
#[derive(Debug)]
pub(super) struct Jobs {
    pool: PoolKey,
    announced: u64,
    ids: BTreeMap<JobKey, (JobId, Micros)>,
    prev_hash: Option<Hash>,
    /// Difficulty of the newest job.
    difficulty: Option<f64>,
}

impl Jobs {
    pub(super) fn new(pool: PoolKey) -> Self {
        Self { pool, announced: 0, ids: BTreeMap::new(), prev_hash: None, difficulty: None }
    }

    /// Makes a job of an announcement. A changed previous hash means clean, whatever the pool says.
    pub(super) fn announce(
        &mut self,
        now: Micros,
        notify: Notify,
        subscription: &Subscription,
        difficulty: f64,
        rolling: &Rolling,
    ) -> Job {
        self.announced += 1;
        let key = JobKey(u64::from(self.pool.0) << 48 | self.announced);
        self.ids.insert(key, (notify.job_id, now));
        self.forget_old(now);
        let clean = notify.clean || self.prev_hash != Some(notify.prev_hash);
        self.prev_hash = Some(notify.prev_hash);
        self.difficulty = Some(difficulty);
        Job {
            key,
            pool: self.pool,
            coinbase_head: notify.coinbase_head,
            coinbase_tail: notify.coinbase_tail,
            extranonce1: subscription.extranonce1.clone(),
            extranonce2_size: subscription.extranonce2_size,
            merkle_branch: notify.merkle_branch,
            fixed_root: None,
            version: notify.version,
            version_mask: rolling.mask_for(notify.version),
            prev_hash: notify.prev_hash,
            nbits: notify.nbits,
            ntime: notify.ntime,
            share_target: Target::from_difficulty(difficulty).unwrap_or(Target::ONE),
            network_target: CompactBits(notify.nbits).target().ok(),
            clean,
        }
    }

    /// The pool's id of a job it still knows.
    pub(super) fn id(&self, job: JobKey) -> Option<&JobId> {
        self.ids.get(&job).map(|(id, _)| id)
    }

    /// The block that the newest job builds on.
    pub(super) fn prev_hash(&self) -> Option<Hash> {
        self.prev_hash
    }

    /// Difficulty that counts for the newest job.
    pub(super) fn difficulty(&self) -> Option<f64> {
        self.difficulty
    }

    /// The newest job has become easier.
    pub(super) fn ease(&mut self, difficulty: f64) {
        self.difficulty = Some(difficulty);
    }

    /// The pool has forgotten everything.
    pub(super) fn forget(&mut self) {
        self.ids.clear();
        self.prev_hash = None;
        self.difficulty = None;
    }

    fn forget_old(&mut self, now: Micros) {
        while self.ids.len() > FEWEST {
            let Some(oldest) = self.ids.first_entry() else { return };
            let age = now.since(oldest.get().1);
            if age <= OLDEST && self.ids.len() <= MOST {
                return;
            }
            self.ids.pop_first();
        }
    }
}
