//! Which pool is worked for: the strategies, and what users change while it runs (`docs/protocols/stratum-v1.md §16`).
//!
//! Work is shared out by hashes, not by time or by number of works: a hash counts for a pool when a verified nonce proves it.
//! In between, works that were given count as what they are expected to prove.

use std::time::Duration;

use adit_driver::{PoolKey, Space};
use adit_protocol::wire::Micros;

use crate::pools::Pool;
use crate::{Core, Effect, Notice};

/// How work is divided among pools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// All for the best pool that works. A better one that had failed is returned to after [`crate::Policy::return_after`].
    #[default]
    Failover,
    /// All for one pool, for the next one that works after so long, in the order of priority.
    Rotate {
        /// How long each is worked for.
        every: Duration,
    },
    /// For all pools at once, the same number of hashes for each.
    RoundRobin,
    /// For all pools at once, hashes in proportion to their quotas. One with quota 0 is worked for when no other works.
    Quota,
    /// For all pools at once, so that all credit the same difficulty.
    Balance,
}

impl Strategy {
    /// Whether several pools are worked for at once.
    pub(crate) const fn spreads(self) -> bool {
        matches!(self, Self::RoundRobin | Self::Quota | Self::Balance)
    }
}

/// Hashes of a box.
pub(crate) fn hashes(space: &Space) -> f64 {
    let rows = (space.extranonce2.end - space.extranonce2.start) as f64;
    let nonces = f64::from(space.nonce.end() - space.nonce.start()) + 1.0;
    rows * space.ntime.len() as f64 * f64::from(space.version.mask.bits()).exp2() * nonces
}

impl Core {
    /// Another pool, last in the order. Its session's inputs carry the key.
    pub fn add_pool(&mut self, _now: Micros) -> PoolKey {
        let index = self.pools.len();
        self.pools.push(Pool::default());
        self.order.push(index);
        Self::pool_key(index)
    }

    /// The pool is worked for no more. Its row stays, and with it the shares whose answers are open: its session is to be kept
    /// until [`crate::PoolView::shares`] has none pending.
    pub fn remove_pool(&mut self, now: Micros, pool: PoolKey) {
        let index = usize::from(pool.0);
        if let Some(row) = self.pools.get_mut(index) {
            row.removed = true;
            self.order.retain(|other| *other != index);
            self.unhand(now, index);
        }
    }

    /// Whether the pool may be worked for. One that may not keeps its connection and the shares on their way.
    pub fn enable_pool(&mut self, now: Micros, pool: PoolKey, enabled: bool) {
        let index = usize::from(pool.0);
        let Some(row) = self.pools.get_mut(index) else { return };
        row.disabled = !enabled;
        if enabled { self.choose_pool(now) } else { self.unhand(now, index) }
    }

    /// The pool's part of the work under [`Strategy::Quota`].
    pub fn set_quota(&mut self, pool: PoolKey, quota: u32) {
        if let Some(row) = self.pools.get_mut(usize::from(pool.0)) {
            row.quota = quota;
        }
        self.begin_afresh();
    }

    /// Another order of priority; pools that are not named come after in the order they had.
    pub fn set_order(&mut self, now: Micros, order: &[PoolKey]) {
        let known = |key: &PoolKey| Some(usize::from(key.0)).filter(|index| self.order.contains(index));
        let mut new: Vec<usize> = Vec::new();
        for index in order.iter().filter_map(known).chain(self.order.iter().copied()) {
            if !new.contains(&index) {
                new.push(index);
            }
        }
        self.order = new;
        self.choose_pool(now);
    }

    /// Makes the pool the best and works for it at once if it works.
    pub fn switch_to(&mut self, now: Micros, pool: PoolKey) {
        self.set_order(now, &[pool]);
        let index = usize::from(pool.0);
        if self.order.contains(&index) && self.pools[index].is_usable() && !self.policy.strategy.spreads() {
            self.work_for(now, Some(index));
        }
    }

    /// Divides the work otherwise from now on.
    pub fn set_strategy(&mut self, now: Micros, strategy: Strategy) {
        self.policy.strategy = strategy;
        self.rotate_at = None;
        self.begin_afresh();
        self.choose_pool(now);
    }

    /// Nothing more for a pool that was worked for.
    fn unhand(&mut self, now: Micros, index: usize) {
        self.choose_pool(now);
        if self.policy.strategy.spreads() {
            self.change_job_of(now, Some(index), false);
        }
    }

    /// Works for the pool that is best now.
    pub(crate) fn choose_pool(&mut self, now: Micros) {
        let chosen = match self.policy.strategy {
            Strategy::Failover => self.best(now),
            Strategy::Rotate { every } => self.next_in_turn(now, every),
            Strategy::RoundRobin | Strategy::Quota | Strategy::Balance => {
                self.settle();
                let usable = |index: &usize| self.pools[*index].is_usable();
                self.active.filter(usable).or_else(|| self.order.iter().copied().find(usable))
            }
        };
        if chosen != self.active {
            self.work_for(now, chosen);
        }
    }

    fn work_for(&mut self, now: Micros, chosen: Option<usize>) {
        let was_idle = self.active.is_none();
        // While the pool that is left is connected, it takes what its works still bring in.
        let left_connected = self.active.is_some_and(|index| self.pools[index].up_since.is_some());
        self.active = chosen;
        self.rotate_at = None;
        if self.policy.strategy.spreads() && chosen.is_some() && !was_idle {
            return; // one of several: whoever has its works is given others
        }
        self.effects.push_back(Effect::Notice(Notice::WorkingFor(chosen.map(Self::pool_key))));
        self.change_job(now, !left_connected);
    }

    /// The best pool that is usable. From one that works only a trusted better one takes over.
    fn best(&self, now: Micros) -> Option<usize> {
        let active = self.active.filter(|index| self.pools[*index].is_usable());
        let better = self.order.iter().copied().take_while(|index| Some(*index) != active);
        let trusted = |index: &usize| match active {
            Some(_) => self.pools[*index].trusted_at(self.policy.return_after).is_some_and(|at| now >= at),
            None => self.pools[*index].is_usable(),
        };
        let mut better = better.filter(trusted);
        better.next().or(active)
    }

    fn next_in_turn(&mut self, now: Micros, every: Duration) -> Option<usize> {
        let usable = |index: &usize| self.pools[*index].is_usable();
        let active = self.active.filter(usable);
        let due = self.rotate_at.is_some_and(|at| now >= at);
        if active.is_some() && !due {
            self.rotate_at.get_or_insert(now + every);
            return active;
        }
        self.rotate_at = Some(now + every);
        let at = self.order.iter().position(|index| Some(*index) == self.active).map_or(0, |at| at + 1);
        let (before, after) = self.order.split_at(at.min(self.order.len()));
        after.iter().chain(before).copied().find(usable)
    }

    /// When [`Self::choose_pool`] may choose otherwise although nothing happens.
    pub(crate) fn choice_deadline(&self) -> Option<Micros> {
        match self.policy.strategy {
            Strategy::Failover => {
                let active = self.active?;
                let better = self.order.iter().take_while(|index| **index != active);
                better.filter_map(|index| self.pools[*index].trusted_at(self.policy.return_after)).min()
            }
            Strategy::Rotate { .. } => self.rotate_at.filter(|_| self.active.is_some()),
            Strategy::RoundRobin | Strategy::Quota | Strategy::Balance => None,
        }
    }

    /// The pools to take the next work from, in this order, where several are worked for.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = usize> + use<> {
        let usable = |index: &usize| self.pools[*index].is_usable();
        let mut candidates: Vec<usize> = self.order.iter().copied().filter(usable).collect();
        if candidates.iter().any(|index| self.share_of(*index) > 0.0) {
            candidates.retain(|index| self.share_of(*index) > 0.0);
        }
        candidates.sort_by(|a, b| self.got(*a).total_cmp(&self.got(*b)));
        candidates.into_iter()
    }

    /// The pool's part of the work.
    fn share_of(&self, index: usize) -> f64 {
        if self.policy.strategy == Strategy::Quota { self.pools[index].quota.into() } else { 1.0 }
    }

    /// What a pool has got of its part.
    fn got(&self, index: usize) -> f64 {
        let (pool, share) = (&self.pools[index], self.share_of(index));
        (pool.load.head_start + self.work_of(index) + pool.load.given) / share.max(f64::MIN_POSITIVE)
    }

    fn work_of(&self, index: usize) -> f64 {
        match self.policy.strategy {
            Strategy::Balance => self.pools[index].credited() * f64::from(u32::MAX),
            _ => self.pools[index].load.proven,
        }
    }

    /// A pool that is usable again, or for the first time, begins with as much as the one that has got least.
    fn settle(&mut self) {
        let usable =
            |core: &Self, index: &usize| core.pools[*index].is_usable() && core.share_of(*index) > 0.0;
        let old = self.order.iter().filter(|index| self.pools[**index].load.counts && usable(self, index));
        let least = old.map(|index| self.got(*index)).min_by(f64::total_cmp);
        for index in self.order.clone() {
            let counts = usable(self, &index);
            if counts && !self.pools[index].load.counts {
                let missing = least.map_or(0.0, |least| (least - self.got(index)) * self.share_of(index));
                self.pools[index].load.head_start += missing;
            }
            self.pools[index].load.counts = counts;
        }
    }

    /// What pools have got so far counts no more.
    fn begin_afresh(&mut self) {
        for index in 0..self.pools.len() {
            let got = self.work_of(index) + self.pools[index].load.given;
            let load = &mut self.pools[index].load;
            (load.head_start, load.counts) = (-got, false);
        }
        self.settle();
    }

    /// What a device was given counts no more: it has proven something, or has lost it.
    pub(crate) fn release(&mut self, device: usize) {
        for (pool, hashes) in &mut self.devices[device].hands {
            self.pools[*pool].load.given -= std::mem::take(hashes);
        }
    }

    /// A device is given a work of a pool.
    pub(crate) fn hand(&mut self, device: usize, pool: usize, space: &Space) {
        let device = &mut self.devices[device];
        let expected = device.capability.as_ref().map_or(0.0, |capability| capability.hashes_per_nonce);
        let expected = expected.min(hashes(space));
        self.pools[pool].load.given += expected;
        match device.hands.iter_mut().find(|(other, _)| *other == pool) {
            Some((_, hashes)) => *hashes += expected,
            None => device.hands.push((pool, expected)),
        }
    }
}
