//! The jobs of one pool: which are alive, what they are worth, what is left of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use adit_driver::{Job, JobKey, Reach, Space};
use adit_protocol::pow::Target;
use adit_protocol::wire::Micros;

use crate::Policy;
use crate::counter::{Blocks, Counter, NeedsTime, own_rows};

/// Most jobs remembered per pool, however fast they come. Dead ones are kept among them, so that a template that comes
/// back is not counted through again.
const MOST_JOBS: usize = 128;

/// A job and what has become of it.
#[derive(Debug)]
pub(crate) struct JobState {
    pub(crate) job: Arc<Job>,
    arrived: Micros,
    /// Hashes that meet it are shares: that of the job, or an easier one the pool has announced since.
    pub(crate) share_target: Target,
    death: Option<Death>,
    counter: Counter,
    blocks: Blocks,
    /// It has been said that nothing is left.
    pub(crate) exhausted: bool,
    /// Works have been made of it.
    used: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    /// The previous block has changed.
    Block,
    /// The pool has forgotten the session it belonged to.
    Session,
    /// The pool disowned it while the previous block stayed the same.
    Cleaned(Micros),
    /// The connection is down; it lives again if the session is resumed.
    Down(Micros),
}

/// Nothing is left of a job until this instant; `None`: ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UsedUp(pub(crate) Option<Micros>);

impl JobState {
    /// The next box for a device, with header times that run at most `ahead_s` ahead of the clock.
    pub(crate) fn take(
        &mut self,
        now: Micros,
        reach: Reach,
        ahead_s: u32,
        policy: &Policy,
    ) -> Result<Space, UsedUp> {
        let elapsed = u32::try_from(now.since(self.arrived).as_secs()).unwrap_or(u32::MAX);
        let ahead = elapsed.saturating_add(ahead_s).min(policy.ntime_cap_s);
        let latest = self.job.ntime.saturating_add(ahead);
        self.used = true;
        self.counter.take(&self.job, latest, reach).map_err(|NeedsTime(needed)| {
            let ahead = needed.saturating_sub(self.job.ntime);
            let wait = Duration::from_secs(u64::from(ahead.saturating_sub(ahead_s)));
            UsedUp((ahead <= policy.ntime_cap_s && needed < u32::MAX).then(|| self.arrived + wait))
        })
    }

    /// A block for a device that takes whole jobs and has leased a prefix.
    pub(crate) fn take_block(&mut self, lease: u64, policy: &Policy) -> Result<Space, UsedUp> {
        self.used = true;
        self.blocks.take(&self.job, lease, policy.ntime_cap_s).ok_or(UsedUp(None))
    }

    fn is_stale(&self, now: Micros, grace: Duration) -> bool {
        match self.death {
            None => false,
            Some(Death::Block | Death::Session) => true,
            Some(Death::Cleaned(at) | Death::Down(at)) => now.since(at) > grace,
        }
    }
}

/// The jobs of one pool in the order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    states: VecDeque<JobState>,
    /// How many have arrived.
    pub(crate) received: u64,
    /// The pool takes no header time that runs ahead of the clock.
    pub(crate) strict_time: bool,
}

impl Jobs {
    /// A job arrived. Tells whether what is being searched has become worthless.
    pub(crate) fn add(&mut self, now: Micros, job: Arc<Job>) -> bool {
        self.received += 1;
        let clean = job.clean || self.current().is_none_or(|current| current.job.prev_hash != job.prev_hash);
        for state in &mut self.states {
            if state.job.prev_hash != job.prev_hash {
                state.death = Some(Death::Block);
            } else if job.clean && state.death.is_none() {
                state.death = Some(Death::Cleaned(now));
            }
        }
        // A pool may repeat a template under another id: go on counting where it was left.
        let counted = self.states.iter().rev().find(|state| is_same_content(&state.job, &job));
        let (counter, blocks) = match counted {
            Some(state) => (state.counter.clone(), state.blocks.clone()),
            None => (Counter::new(own_rows(&job)), Blocks::new(&job)),
        };
        self.states.push_back(JobState {
            arrived: now,
            share_target: job.share_target,
            death: None,
            counter,
            blocks,
            exhausted: false,
            used: false,
            job,
        });
        if self.states.len() > MOST_JOBS {
            // Rather one that nobody works on: in a storm most jobs never reach a device.
            let unused = self.states.iter().take(MOST_JOBS).position(|state| !state.used);
            self.states.remove(unused.unwrap_or(0));
        }
        clean
    }

    /// The job to work on.
    pub(crate) fn current(&self) -> Option<&JobState> {
        self.states.back().filter(|state| state.death.is_none())
    }

    /// By how much header times may run ahead of the clock.
    pub(crate) fn ahead_s(&self, policy: &Policy) -> u32 {
        if self.strict_time { 0 } else { policy.ntime_ahead_s }
    }

    /// The job to work on, to take work from.
    pub(crate) fn current_mut(&mut self) -> Option<&mut JobState> {
        self.states.back_mut().filter(|state| state.death.is_none())
    }

    /// The target of shares of this job, if shares of it are worth submitting at `now`.
    pub(crate) fn share_target(&self, key: JobKey, now: Micros, policy: &Policy) -> Option<Target> {
        let newest = self.states.back().filter(|state| state.job.key == key);
        let state = newest.or_else(|| {
            let found = self.states.iter().rev().find(|state| state.job.key == key);
            found.filter(|state| now.since(state.arrived) <= policy.job_life)
        })?;
        (!state.is_stale(now, policy.stale_grace)).then_some(state.share_target)
    }

    /// The pool accepts shares of this difficulty for every job it still honours.
    pub(crate) fn ease(&mut self, difficulty: f64) {
        let Ok(target) = Target::from_difficulty(difficulty) else { return };
        for state in self.states.iter_mut().filter(|state| state.death.is_none()) {
            state.share_target = state.share_target.max(target);
        }
    }

    /// The connection went down.
    pub(crate) fn disconnected(&mut self, now: Micros) {
        for state in self.states.iter_mut().filter(|state| state.death.is_none()) {
            state.death = Some(Death::Down(now));
        }
    }

    /// The connection is up again, in the same session or in a new one.
    pub(crate) fn reconnected(&mut self, resumed: bool) {
        for state in &mut self.states {
            match state.death {
                Some(Death::Down(_)) if resumed => state.death = None,
                Some(Death::Block) => {}
                _ if !resumed => state.death = Some(Death::Session),
                _ => {}
            }
        }
    }
}

/// Whether both jobs lead to the same merkle roots on the same previous block. Header time, version and target may
/// differ: the counter takes care of them.
fn is_same_content(a: &Job, b: &Job) -> bool {
    a.prev_hash == b.prev_hash
        && a.extranonce1 == b.extranonce1
        && a.extranonce2_size == b.extranonce2_size
        && a.merkle_branch == b.merkle_branch
        && a.fixed_root == b.fixed_root
        && a.coinbase_head == b.coinbase_head
        && a.coinbase_tail == b.coinbase_tail
}
