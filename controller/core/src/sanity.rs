//! Pools held against each other. What is found is only said: a pool is judged by its own jobs alone, so that one that is
//! broken or lies cannot take work away from another.

use std::time::Duration;

use adit_driver::{Job, PoolKey};
use adit_protocol::pow::Target;
use adit_protocol::wire::Micros;

use crate::{Core, Effect, Notice};

/// A pool may be behind the others for so long: blocks do not reach all at once.
const BEHIND: Duration = Duration::from_secs(60);
/// Network difficulties that differ more are not of one chain: a retarget changes it by this at most.
const RETARGET: f64 = 4.0;

/// What has been said of a pool.
#[derive(Debug, Default)]
pub(crate) struct Sanity {
    /// Since when it has been building on a lower height than another pool.
    behind_since: Option<Micros>,
    told_behind: bool,
    told_difficulty: bool,
    told_prev_hash: bool,
    told_bits: bool,
}

/// What is odd about a pool's newest job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Oddity {
    /// Another pool has been building on a higher block for a minute.
    Behind {
        /// Of the block the pool's job makes.
        height: u32,
        /// Who is ahead.
        other: PoolKey,
        /// Height of the block that is made there.
        best: u32,
    },
    /// Another pool claims a network difficulty that one chain cannot have together with this one.
    Difficulty {
        /// The pool's.
        says: f64,
        /// Who claims another.
        other: PoolKey,
        /// What he claims.
        others: f64,
    },
    /// The hash of the previous block does not even nearly meet the network target.
    PrevHash,
    /// The header bits stand for no target: blocks cannot be recognised.
    Bits(u32),
}

impl Oddity {
    /// One sentence about `pool`, with the names of pools as its reader knows them.
    pub fn sentence(&self, pool: PoolKey, name: impl Fn(PoolKey) -> String) -> String {
        let pool = name(pool);
        match *self {
            Self::Behind { height, other, best } => {
                format!("{pool} builds on height {height}, {} already on {best}", name(other))
            }
            Self::Difficulty { says, other, others } => format!(
                "{pool} says the network difficulty is {says:.3e}, {} says {others:.3e}: one is wrong or on another chain",
                name(other)
            ),
            Self::Bits(bits) => format!(
                "{pool} sends jobs with the header bits {bits:08x}, which are no target: blocks found for it are not recognised"
            ),
            Self::PrevHash => format!(
                "{pool} builds on a block whose hash does not even nearly meet the network target: is it on the right chain?"
            ),
        }
    }
}

impl Core {
    /// Says what is odd about the newest job of a pool, once until it is as it should be.
    pub(crate) fn compare(&mut self, now: Micros, index: usize) {
        let Some(job) = self.pools[index].jobs.current().map(|state| std::sync::Arc::clone(&state.job))
        else {
            return;
        };
        let (behind, difficulty) = (self.behind(index, &job), self.disagreement(index, &job));
        let sanity = &mut self.pools[index].sanity;
        let since = *sanity.behind_since.get_or_insert(now);
        if behind.is_none() {
            (sanity.behind_since, sanity.told_behind) = (None, false);
        }
        let long = behind.filter(|_| now.since(since) >= BEHIND);
        let oddities = [
            (long, &mut sanity.told_behind),
            (difficulty, &mut sanity.told_difficulty),
            (odd_prev_hash(&job), &mut sanity.told_prev_hash),
            (odd_bits(&job), &mut sanity.told_bits),
        ];
        for (oddity, told) in oddities {
            let new = oddity.filter(|_| !*told);
            *told = oddity.is_some();
            if let Some(oddity) = new {
                self.effects.push_back(Effect::Notice(Notice::PoolIsOdd(Self::pool_key(index), oddity)));
            }
        }
    }

    /// The newest jobs of the other pools that are up.
    fn others(&self, index: usize) -> impl Iterator<Item = (PoolKey, &Job)> {
        self.pools
            .iter()
            .enumerate()
            .filter(move |(other, pool)| *other != index && pool.up_since.is_some() && !pool.removed)
            .filter_map(|(other, pool)| Some((Self::pool_key(other), pool.jobs.current()?.job.as_ref())))
    }

    fn behind(&self, index: usize, job: &Job) -> Option<Oddity> {
        let height = job.height()?;
        // A height that is far off is no block ahead, but another chain or a lie: it hides nobody who really is ahead.
        let ahead = self
            .others(index)
            .filter_map(|(key, job)| Some((key, job.height()?)))
            .filter(|(_, other)| (1..=100).contains(&other.saturating_sub(height)));
        let (other, best) = ahead.max_by_key(|(_, height)| *height)?;
        Some(Oddity::Behind { height, other, best })
    }

    fn disagreement(&self, index: usize, job: &Job) -> Option<Oddity> {
        let says = job.network_target?.difficulty();
        self.others(index).find_map(|(other, job)| {
            let others = job.network_target?.difficulty();
            let ratio = says / others;
            (!(1.0 / RETARGET..=RETARGET).contains(&ratio)).then_some(Oddity::Difficulty {
                says,
                other,
                others,
            })
        })
    }
}

fn odd_bits(job: &Job) -> Option<Oddity> {
    job.network_target.is_none().then_some(Oddity::Bits(job.nbits))
}

/// The previous block met its own target, which is at most four times this one's.
fn odd_prev_hash(job: &Job) -> Option<Oddity> {
    let needed = job.network_target?.difficulty() / RETARGET;
    (Target::from_hash(&job.prev_hash).difficulty() < needed * 0.999).then_some(Oddity::PrevHash)
}
