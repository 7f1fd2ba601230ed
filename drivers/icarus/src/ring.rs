//! The works a device may still answer for.

use adit_driver::{Claim, MAX_CLAIMS, Work, WorkId};
use adit_protocol::icarus::{Dialect, Job, Nonce};
use adit_protocol::pow::Target;
use adit_protocol::wire::Micros;
use arrayvec::ArrayVec;

/// Claims of one answer, most likely first.
pub(crate) type Claims = ArrayVec<Claim, MAX_CLAIMS>;

/// A work that has been written to the device.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    /// The work.
    pub work: Work,
    /// The job frame made of it.
    pub job: Job,
    /// When it was written.
    pub at: Micros,
}

impl Placed {
    /// The claim that this work was solved by `nonce`.
    pub(crate) fn claim(&self, nonce: u32) -> Claim {
        Claim {
            work: self.work.id,
            extranonce2: self.work.space.extranonce2.start,
            ntime: self.work.header.ntime,
            version: self.work.header.version,
            nonce,
        }
    }

    /// Whether `nonce` meets `target` in this work.
    pub(crate) fn is_solved_by(&self, nonce: u32, target: &Target) -> bool {
        target.is_met_by(&self.job.hash(nonce))
    }
}

/// Works that an answer without work id may belong to: the last ones, when jobs follow each other within milliseconds.
const WITHOUT_IDS: usize = 4;

/// The last works of a device that takes one job at a time, by their ids: 5-bit work ids where the device returns them,
/// else just their order. At least half of the ids are retired at any time: a late nonce finds its old work and not the
/// one that has its id next.
#[derive(Debug)]
pub(crate) struct Ring {
    slots: Vec<Option<Placed>>,
    placed: usize,
    tagged: bool,
}

impl Ring {
    /// The ring of a device that speaks `dialect`.
    pub(crate) fn new(dialect: Dialect) -> Self {
        let tagged = dialect == Dialect::Icarus5;
        let ids = if tagged { usize::from(Job::WORK_IDS) } else { WITHOUT_IDS };
        Self { slots: vec![None; ids], placed: 0, tagged }
    }

    /// How many works are remembered.
    pub(crate) fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// The id of the next work.
    pub(crate) fn next_id(&self) -> usize {
        self.placed % self.slots.len()
    }

    /// Gives the next id to `placed` and forgets who had it before.
    pub(crate) fn push(&mut self, placed: Placed) {
        let id = self.next_id();
        self.slots[id] = Some(placed);
        self.placed += 1;
    }

    /// The newest work.
    pub(crate) fn newest(&self) -> Option<&Placed> {
        self.back(0)
    }

    /// The work that was written `age` works ago; 0 is the newest.
    fn back(&self, age: usize) -> Option<&Placed> {
        let number = self.placed.checked_sub(age + 1).filter(|_| age < self.slots.len())?;
        self.by_id(number)
    }

    /// The work with this id, if the id has been given out.
    fn by_id(&self, id: usize) -> Option<&Placed> {
        self.slots[id % self.slots.len()].as_ref()
    }

    /// The works `record` may belong to, most likely first. With a work id: the work of that id, the newest ones, and
    /// those of the neighbouring ids. Without: the newest first.
    fn likely(&self, record: &Nonce) -> impl Iterator<Item = &Placed> {
        let id = usize::from(record.work_id());
        let last = [self.back(0), self.back(1)];
        let named =
            [self.by_id(id), last[0], last[1], self.by_id(id + 1), self.by_id(id + self.capacity() - 1)];
        let plain = [last[0], last[1], self.back(2), self.back(3), None];
        let likely = if self.tagged { named } else { plain };
        let is_first =
            move |at: usize, id: WorkId| likely[..at].iter().flatten().all(|earlier| earlier.work.id != id);
        let each = likely.into_iter().enumerate();
        each.filter_map(move |(at, placed)| placed.filter(|placed| is_first(at, placed.work.id)))
    }

    /// The headers `record` may stand for. `crossed`: it came before the newest job can have been received, so without a
    /// work id it most likely belongs to the one before.
    pub(crate) fn claims(&self, record: &Nonce, crossed: bool) -> Claims {
        let mut claims: Claims = self.likely(record).map(|placed| placed.claim(record.nonce)).collect();
        if crossed && !self.tagged && claims.len() > 1 {
            claims.swap(0, 1);
        }
        claims
    }

    /// The work that `record` solves, if any.
    pub(crate) fn solver(&self, record: &Nonce, target: &Target) -> Option<WorkId> {
        self.likely(record)
            .find(|placed| placed.is_solved_by(record.nonce, target))
            .map(|placed| placed.work.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::work;

    fn ring(dialect: Dialect, works: u64) -> Ring {
        let mut ring = Ring::new(dialect);
        for id in 0..works {
            let work = work(id);
            let job = Job::from_header(&work.header);
            ring.push(Placed { work, job, at: Micros(id) });
        }
        ring
    }

    /// The works claimed for an answer, after `written` works; `id`: of a device with work ids.
    fn claimed(written: u64, id: Option<u8>, crossed: bool) -> Vec<u64> {
        let (dialect, record) = match id {
            Some(id) => (Dialect::Icarus5, Nonce::tagged(7, id)),
            None => (Dialect::Icarus, Nonce::plain(7)),
        };
        ring(dialect, written).claims(&record, crossed).iter().map(|claim| claim.work.0).collect()
    }

    #[test]
    fn before_the_first_work_nothing_is_claimed() {
        assert!(claimed(0, None, false).is_empty());
        assert!(claimed(0, Some(31), false).is_empty());
    }

    #[test]
    fn without_ids_the_newest_work_is_most_likely() {
        assert_eq!(claimed(1, None, true), [0]);
        assert_eq!(claimed(9, None, false), [8, 7, 6, 5]);
        assert_eq!(claimed(9, None, true), [7, 8, 6, 5]);
    }

    #[test]
    fn with_ids_the_named_work_comes_first_then_the_newest_then_its_neighbours() {
        assert_eq!(claimed(40, Some(20), false), [20, 39, 38, 21, 19]);
        assert_eq!(claimed(40, Some(7), true), [39, 38, 8]);
        assert_eq!(claimed(3, Some(9), false), [2, 1]);
    }

    #[test]
    fn a_late_nonce_finds_the_work_it_belongs_to() {
        // 40 works: the ids 0 to 7 have been given twice, 8 to 31 still mean the works 8 to 31.
        for id in 8..32 {
            assert_eq!(claimed(40, Some(id), false)[0], u64::from(id));
        }
    }
}
