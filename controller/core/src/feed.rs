//! Who gets work, and which.

use std::collections::BTreeSet;
use std::sync::Arc;

use adit_driver::{Work, WorkId};
use adit_protocol::wire::Micros;

use crate::jobs::UsedUp;
use crate::{Core, Effect, Notice};

impl Core {
    /// Gives every device works of the current job, or tells it that there is none: first one work for each, so that
    /// nobody waits for another's whole portion. Another device begins every time.
    pub(crate) fn change_job(&mut self, now: Micros, clean: bool) {
        self.change_job_of(now, None, clean);
    }

    /// The same for devices that have works of this pool or none.
    pub(crate) fn change_job_of(&mut self, now: Micros, pool: Option<usize>, clean: bool) {
        self.refill_at = None;
        (self.changed_at, self.change_at) = (Some(now), None);
        self.first = self.first.wrapping_add(1);
        for index in self.turn() {
            let device = &self.devices[index];
            let concerned = |pool| !device.working || device.has_works_of(Self::pool_key(pool));
            if device.is_ready() && pool.is_none_or(concerned) {
                self.release(index);
                self.devices[index].hands.clear();
                self.devices[index].change_job(clean, &mut self.effects);
                self.fill_up_to(now, index, 1);
            }
        }
        self.fill_all(now);
    }

    /// Gives every device as many works as it has room for.
    pub(crate) fn fill_all(&mut self, now: Micros) {
        for index in self.turn() {
            self.fill(now, index);
        }
    }

    /// Gives a device as many works as it has room for.
    pub(crate) fn fill(&mut self, now: Micros, index: usize) {
        self.fill_up_to(now, index, u64::MAX);
    }

    fn fill_up_to(&mut self, now: Micros, index: usize, most: u64) {
        let device = &self.devices[index];
        if !device.is_ready() {
            return;
        }
        for _ in 0..device.wants().min(most) {
            let Some(work) = self.next_work(now, index) else { break };
            self.devices[index].give(work, &mut self.effects);
        }
    }

    /// All devices, beginning with another one after every job.
    fn turn(&self) -> impl Iterator<Item = usize> + use<> {
        let (count, first) = (self.devices.len(), self.first);
        (0..count).map(move |offset| (first + offset) % count)
    }

    /// The next box for a device, of the pool whose turn it is. Without one the device is idle.
    fn next_work(&mut self, now: Micros, index: usize) -> Option<Work> {
        if self.policy.strategy.spreads() {
            return self.candidates().find_map(|pool| self.next_work_of(now, index, pool));
        }
        self.next_work_of(now, index, self.active?)
    }

    fn next_work_of(&mut self, now: Micros, index: usize, pool: usize) -> Option<Work> {
        let (whole, reach) =
            self.devices[index].capability.as_ref().map(|able| (able.whole_jobs, able.reach))?;
        let lease = if whole { self.lease(index) } else { 0 };
        let jobs = &mut self.pools[pool].jobs;
        let ahead_s = jobs.ahead_s(&self.policy);
        let state = jobs.current_mut()?;
        let taken = if whole {
            state.take_block(lease, &self.policy)
        } else {
            state.take(now, reach, ahead_s, &self.policy)
        };
        match taken {
            Ok(space) => {
                let id = WorkId(self.next_work);
                self.next_work += 1;
                let job = Arc::clone(&state.job);
                let header = job.header(space.extranonce2.start, space.ntime.start, space.version.base);
                self.hand(index, pool, &space);
                Some(Work { id, job, space, header })
            }
            Err(UsedUp(until)) => {
                self.devices[index].working = false;
                self.refill_at = self.refill_at.into_iter().chain(until).min();
                if !std::mem::replace(&mut state.exhausted, true) {
                    self.effects.push_back(Effect::Notice(Notice::Exhausted(Self::pool_key(pool))));
                }
                None
            }
        }
    }

    /// The extranonce2 prefix that a device keeps while its link is up: the lowest that nobody else has.
    fn lease(&mut self, index: usize) -> u64 {
        if let Some(lease) = self.devices[index].lease {
            return lease;
        }
        let taken: BTreeSet<u64> = self.devices.iter().filter_map(|device| device.lease).collect();
        let lease =
            (1..).zip(&taken).find(|(free, taken)| free != *taken).map_or(taken.len() as u64 + 1, |it| it.0);
        self.devices[index].lease = Some(lease);
        lease
    }
}
