//! One chip and its two task slots. A job names no slot: box and host fill them alternately, each on its own account.

use std::time::Duration;

use adit_driver::WorkId;
use adit_protocol::pow::Target;
use adit_protocol::wire::Micros;

use crate::ring::{Claims, Placed};

/// The counter in a record can be off by these (§8.3).
const OFFSETS: [u32; 5] = [0, 1, 1_u32.wrapping_neg(), 2_u32.wrapping_neg(), 4_u32.wrapping_neg()];

/// A request for a slot whose job was written so shortly before has crossed it on the way.
const CROSSING: Duration = Duration::from_millis(200);

/// A task slot.
#[derive(Debug, Default)]
struct Slot {
    job: Option<Placed>,
    /// The job before: a box whose account of the slots differs may still be searching it.
    before: Option<Placed>,
    /// The range has not been searched to its end.
    open: bool,
}

/// A chip.
#[derive(Debug)]
pub(super) struct Chip {
    slots: [Slot; 2],
    /// Where the next job goes.
    next: u8,
    heard_at: Micros,
}

impl Chip {
    pub(super) fn new(now: Micros) -> Self {
        Self { slots: [Slot::default(), Slot::default()], next: 0, heard_at: now }
    }

    /// It said something.
    pub(super) fn heard(&mut self, now: Micros) {
        self.heard_at = now;
    }

    /// Whether a request for `slot` can mean what it says: no job for it is on its way.
    pub(super) fn may_ask(&self, now: Micros, slot: u8) -> bool {
        self.slot(slot).job.as_ref().is_none_or(|placed| now.since(placed.at) >= CROSSING)
    }

    /// The slot of a job that was not asked for.
    pub(super) fn next(&self) -> u8 {
        self.next
    }

    /// It has searched the job in `slot`. False when that was none of ours.
    pub(super) fn complete(&mut self, slot: u8) -> bool {
        std::mem::take(&mut self.slots[usize::from(slot & 1)].open)
    }

    /// It was given a job for `slot`.
    pub(super) fn place(&mut self, slot: u8, placed: Placed) {
        self.heard_at = self.heard_at.max(placed.at);
        self.next = slot & 1 ^ 1;
        let slot = &mut self.slots[usize::from(slot & 1)];
        slot.before = slot.job.replace(placed);
        slot.open = true;
    }

    /// What it found was of the other slot: our account of the slots is the wrong way round.
    pub(super) fn swap(&mut self) {
        self.slots.swap(0, 1);
        self.next ^= 1;
    }

    /// Whether it has something to do.
    pub(super) fn is_busy(&self) -> bool {
        self.slots.iter().any(|slot| slot.open)
    }

    /// Whether it has had something to do and said nothing for `span`.
    pub(super) fn is_forgotten(&self, now: Micros, span: Duration) -> bool {
        self.forgotten_at(span).is_some_and(|at| now >= at)
    }

    /// When it will be forgotten.
    pub(super) fn forgotten_at(&self, span: Duration) -> Option<Micros> {
        self.is_busy().then(|| self.heard_at + span)
    }

    /// What a nonce from `slot` may mean, most likely first: the slot's job, the other slot's, and the jobs before them.
    pub(super) fn claims(&self, slot: u8, nonce: u32) -> Claims {
        let nonces = |offsets: &'static [u32]| offsets.iter().map(move |offset| shifted(nonce, *offset));
        let each = self.likely(slot);
        each.flat_map(|(placed, offsets)| nonces(offsets).map(|nonce| placed.claim(nonce))).collect()
    }

    /// Whether `nonce`, off or not, solves one of its jobs.
    pub(super) fn is_solved_by(&self, nonce: u32, target: &Target) -> bool {
        self.likely(0).any(|(placed, offsets)| {
            offsets.iter().any(|offset| placed.is_solved_by(shifted(nonce, *offset), target))
        })
    }

    /// The work now in the other slot than `slot`.
    pub(super) fn other(&self, slot: u8) -> Option<WorkId> {
        self.slot(slot ^ 1).job.as_ref().map(|placed| placed.work.id)
    }

    /// The jobs that something from `slot` may concern, and the offsets to try: for the jobs before only the usual ones,
    /// as there is no room for more claims.
    fn likely(&self, slot: u8) -> impl Iterator<Item = (&Placed, &'static [u32])> {
        let (named, other) = (self.slot(slot), self.slot(slot ^ 1));
        let usual = &OFFSETS[..3];
        [
            (&named.job, &OFFSETS[..]),
            (&other.job, &OFFSETS[..]),
            (&named.before, usual),
            (&other.before, usual),
        ]
        .into_iter()
        .filter_map(|(job, offsets)| Some((job.as_ref()?, offsets)))
    }

    fn slot(&self, slot: u8) -> &Slot {
        &self.slots[usize::from(slot & 1)]
    }
}

/// The nonce whose counter, the big-endian view of it, is `offset` further.
fn shifted(nonce: u32, offset: u32) -> u32 {
    nonce.swap_bytes().wrapping_add(offset).swap_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::work;
    use adit_protocol::icarus::Job;

    fn placed(id: u64) -> Placed {
        let work = work(id);
        let job = Job::from_header(&work.header);
        Placed { work, job, at: Micros(0) }
    }

    fn works(chip: &Chip, slot: u8) -> Vec<u64> {
        let mut works: Vec<u64> = chip.claims(slot, 7).iter().map(|claim| claim.work.0).collect();
        works.dedup();
        works
    }

    #[test]
    fn the_counter_is_corrected_in_the_order_of_the_document() {
        let mut chip = Chip::new(Micros(0));
        chip.place(0, placed(1));
        let counters: Vec<u32> =
            chip.claims(0, 0x100_u32.swap_bytes()).iter().map(|claim| claim.nonce.swap_bytes()).collect();
        assert_eq!(counters, [0x100, 0x101, 0xff, 0xfe, 0xfc]);
    }

    #[test]
    fn the_slot_that_was_named_comes_first_then_the_other_then_the_jobs_before() {
        let mut chip = Chip::new(Micros(0));
        (1..=3).for_each(|id| chip.place(chip.next(), placed(id)));
        assert_eq!(works(&chip, 0), [3, 2, 1]);
        assert_eq!(works(&chip, 1), [2, 3, 1]);
        chip.swap();
        assert_eq!(works(&chip, 0), [2, 3, 1]);
        chip.place(chip.next(), placed(4));
        assert_eq!(works(&chip, 0).len(), 4);
        assert_eq!(chip.claims(0, 7).len(), 16);
        assert_eq!(chip.other(1), Some(WorkId(4)));
    }

    #[test]
    fn a_slot_is_busy_until_its_range_is_searched() {
        let mut chip = Chip::new(Micros(0));
        chip.place(0, placed(1));
        assert!(chip.is_busy());
        assert!(chip.complete(0));
        assert!(!chip.complete(0), "only once");
        assert!(!chip.is_busy());
    }

    #[test]
    fn a_request_that_crossed_its_job_is_none() {
        let mut chip = Chip::new(Micros(0));
        chip.place(0, placed(1));
        assert!(!chip.may_ask(Micros::from_millis(199), 0));
        assert!(chip.may_ask(Micros::from_millis(200), 0));
        assert!(chip.may_ask(Micros(0), 1));
    }
}
