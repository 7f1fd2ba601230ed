//! One chip and its two task slots. A job names no slot: box and host fill them alternately, each on its own account.

use std::time::Duration;

use adit_protocol::pow::Target;
use adit_protocol::wire::Micros;

use crate::ring::{Claims, Placed};

/// The counter in a record can be off by these (§8.3).
const OFFSETS: [u32; 5] = [0, 1, 1_u32.wrapping_neg(), 2_u32.wrapping_neg(), 4_u32.wrapping_neg()];

/// Claims from this one on are of the other slot than the record named.
pub(super) const FIRST_OTHER: usize = OFFSETS.len();

/// A chip.
#[derive(Debug)]
pub(super) struct Chip {
    slots: [Option<Placed>; 2],
    /// Slots whose range has not been searched to its end.
    open: [bool; 2],
    /// Where the next job goes.
    next: usize,
    heard_at: Micros,
}

impl Chip {
    pub(super) fn new(now: Micros) -> Self {
        Self { slots: [None, None], open: [false; 2], next: 0, heard_at: now }
    }

    /// It said something.
    pub(super) fn heard(&mut self, now: Micros) {
        self.heard_at = now;
    }

    /// It has a slot free, and says which.
    pub(super) fn asked_for(&mut self, slot: u8) {
        self.next = usize::from(slot & 1);
    }

    /// It has searched the job in `slot`. False when that was none of ours.
    pub(super) fn complete(&mut self, slot: u8) -> bool {
        std::mem::take(&mut self.open[usize::from(slot & 1)])
    }

    /// It was given a job.
    pub(super) fn place(&mut self, placed: Placed) {
        self.heard_at = self.heard_at.max(placed.at);
        self.slots[self.next] = Some(placed);
        self.open[self.next] = true;
        self.next ^= 1;
    }

    /// What it found was of the other slot: our account of the slots is the wrong way round.
    pub(super) fn swap(&mut self) {
        self.slots.swap(0, 1);
        self.open.swap(0, 1);
        self.next ^= 1;
    }

    /// Whether it has something to do.
    pub(super) fn is_busy(&self) -> bool {
        self.open.contains(&true)
    }

    /// Whether it has had something to do and said nothing for `span`.
    pub(super) fn is_forgotten(&self, now: Micros, span: Duration) -> bool {
        self.forgotten_at(span).is_some_and(|at| now >= at)
    }

    /// When it will be forgotten.
    pub(super) fn forgotten_at(&self, span: Duration) -> Option<Micros> {
        self.is_busy().then(|| self.heard_at + span)
    }

    /// What a nonce from `slot` may mean, most likely first: every offset in the slot's job, then in the other's.
    pub(super) fn claims(&self, slot: u8, nonce: u32) -> Claims {
        let slot = usize::from(slot & 1);
        let placed = [self.slots[slot].as_ref(), self.slots[slot ^ 1].as_ref()];
        let mut claims = Claims::new();
        for placed in placed.into_iter().flatten() {
            claims.extend(OFFSETS.iter().map(|offset| placed.claim(shifted(nonce, *offset))));
        }
        claims
    }

    /// Whether `nonce`, off or not, solves one of its jobs.
    pub(super) fn is_solved_by(&self, nonce: u32, target: &Target) -> bool {
        self.slots
            .iter()
            .flatten()
            .any(|placed| OFFSETS.iter().any(|offset| placed.is_solved_by(shifted(nonce, *offset), target)))
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

    #[test]
    fn the_counter_is_corrected_in_the_order_of_the_document() {
        let mut chip = Chip::new(Micros(0));
        chip.place(placed(1));
        let counters: Vec<u32> =
            chip.claims(0, 0x100_u32.swap_bytes()).iter().map(|claim| claim.nonce.swap_bytes()).collect();
        assert_eq!(counters, [0x100, 0x101, 0xff, 0xfe, 0xfc]);
    }

    #[test]
    fn the_slot_that_was_named_comes_first_and_the_other_after_it() {
        let mut chip = Chip::new(Micros(0));
        chip.place(placed(1));
        chip.place(placed(2));
        let works: Vec<u64> = chip.claims(1, 7).iter().map(|claim| claim.work.0).collect();
        assert_eq!(works, [2, 2, 2, 2, 2, 1, 1, 1, 1, 1]);
        chip.swap();
        assert_eq!(chip.claims(1, 7)[0].work.0, 1);
    }

    #[test]
    fn a_request_names_the_slot_of_the_next_job() {
        let mut chip = Chip::new(Micros(0));
        chip.place(placed(1));
        chip.asked_for(0);
        chip.place(placed(2));
        assert_eq!(chip.claims(0, 7)[0].work.0, 2);
        assert!(chip.complete(0));
        assert!(!chip.complete(0), "only once");
        assert!(!chip.is_busy());
    }
}
