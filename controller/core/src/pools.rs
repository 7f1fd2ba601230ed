//! Pools: which of them is worked for, and what became of the shares they were given.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use adit_driver::{DeviceKey, PoolKey};
use adit_protocol::pow::Hash;
use adit_protocol::wire::Micros;

use crate::jobs::Jobs;
use crate::sanity::Sanity;
use crate::{Answer, Credit, Latencies, PoolView, ShareCounts, ShareKey};

/// Shares that may wait for an answer. A session holds fewer; beyond that the pool has forgotten them.
const MOST_PENDING: usize = 4_096;
/// Submitted shares remembered per pool.
const REMEMBERED: usize = 4_096;

/// Everything the core knows of one pool.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) up_since: Option<Micros>,
    /// It has been down since it was up for the first time: it must prove itself.
    failed: bool,
    pub(crate) jobs: Jobs,
    pub(crate) submitted: Submitted,
    pending: BTreeMap<ShareKey, Pending>,
    counts: ShareCounts,
    credit: Credit,
    latencies: Latencies,
    last_share_at: Option<Micros>,
    pub(crate) sanity: Sanity,
    /// The user does not want it worked for.
    pub(crate) disabled: bool,
    /// The user has taken it away; only answers are waited for.
    pub(crate) removed: bool,
    pub(crate) quota: u32,
    pub(crate) load: Load,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            up_since: None,
            failed: false,
            jobs: Jobs::default(),
            submitted: Submitted::default(),
            pending: BTreeMap::new(),
            counts: ShareCounts::default(),
            credit: Credit::default(),
            latencies: Latencies::default(),
            last_share_at: None,
            sanity: Sanity::default(),
            disabled: false,
            removed: false,
            quota: 1,
            load: Load::default(),
        }
    }
}

/// A share that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    /// Who found it.
    pub(crate) device: DeviceKey,
    /// Difficulty of its hash.
    pub(crate) difficulty: f64,
    /// What it counts when it is accepted.
    pub(crate) credit: f64,
}

/// What a pool has got so far, in hashes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    /// Proven by verified nonces.
    pub(crate) proven: f64,
    /// Expected of the works that devices have now.
    pub(crate) given: f64,
    /// What it is forgiven: a pool that comes late does not catch up.
    pub(crate) head_start: f64,
    /// It has been taken into account.
    pub(crate) counts: bool,
}

impl Pool {
    pub(crate) fn up(&mut self, now: Micros, resumed: bool) {
        self.up_since = Some(now);
        self.jobs.reconnected(resumed);
    }

    pub(crate) fn down(&mut self, now: Micros) {
        self.failed |= self.up_since.take().is_some();
        self.jobs.disconnected(now);
    }

    /// It may be worked for, is up and has a job.
    pub(crate) fn is_usable(&self) -> bool {
        !self.disabled && !self.removed && self.up_since.is_some() && self.jobs.current().is_some()
    }

    /// When it may replace a worse pool that works.
    pub(crate) fn trusted_at(&self, return_after: Duration) -> Option<Micros> {
        let since = self.up_since.filter(|_| self.is_usable())?;
        Some(if self.failed { since + return_after } else { since })
    }

    /// A share goes to its session. Gives the device whose oldest share is given up for it.
    pub(crate) fn submit(&mut self, share: ShareKey, waiting: Pending, hash: Hash) -> Option<DeviceKey> {
        self.submitted.insert(hash);
        self.counts.submit();
        self.pending.insert(share, waiting);
        if self.pending.len() <= MOST_PENDING {
            return None;
        }
        let (_, oldest) = self.pending.pop_first()?;
        self.counts.answer(&Answer::Lost);
        Some(oldest.device)
    }

    /// It answered a share. Gives what was known of it; `None` when nobody waits for that answer.
    pub(crate) fn answer(
        &mut self,
        now: Micros,
        share: ShareKey,
        answer: &Answer,
        latency: Duration,
    ) -> Option<Pending> {
        let waiting = self.pending.remove(&share)?;
        self.counts.answer(answer);
        self.credit.answer(answer, waiting.credit);
        if *answer != Answer::Lost {
            self.latencies.add(latency);
        }
        if *answer == Answer::Accepted {
            self.last_share_at = Some(now);
        }
        Some(waiting)
    }

    pub(crate) fn assert_conserved(&self) {
        assert!(self.counts.is_conserved(), "shares of a pool do not add up: {:?}", self.counts);
        assert_eq!(self.counts.pending, self.pending.len() as u64, "pending shares are miscounted");
    }

    /// Difficulty it has credited.
    pub(crate) fn credited(&self) -> f64 {
        self.credit.accepted
    }

    pub(crate) fn view(&self, key: PoolKey, priority: Option<usize>, working: bool) -> PoolView<'_> {
        let current = self.jobs.current();
        PoolView {
            key,
            up_since: self.up_since,
            working,
            job: current.map(|state| &state.job),
            difficulty: current.map(|state| state.share_target.difficulty()),
            jobs: self.jobs.received,
            shares: &self.counts,
            credit: &self.credit,
            latencies: &self.latencies,
            latency: self.latencies.last,
            last_share_at: self.last_share_at,
            priority,
            enabled: !self.disabled,
            quota: self.quota,
            hashes: self.load.proven,
        }
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
