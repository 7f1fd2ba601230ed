//! What chips find, and the lies they can be made to tell.

use adit_protocol::bm13xx::{Frame, Generation, Job, NonceAnswer};
use adit_protocol::wire::Micros;

use super::super::kind::Ids;
use super::super::search::{AHEAD, Found, excess};
use super::super::work::{Try, Work};
use super::Chain;
use crate::DeviceFault;

/// Hashes made in one go when the search is behind its time.
const SLICE: u32 = 8_192;
/// Nonces held back at most.
const HELD: usize = 16;

/// Faults that wait for their moment.
#[derive(Debug, Default)]
pub(super) struct Lies {
    late: u32,
    mislabelled: u32,
    untrue: u32,
    twice: u32,
}

impl Chain {
    /// Hashes a bounded number of headers and reports what was found by `now`.
    pub(crate) fn turn(&mut self, now: Micros) {
        let Some(work) = &self.work else { return };
        if work.is_known {
            return self.find_known(now);
        }
        let count = self.reached;
        let mut budget = SLICE;
        for step in 0..count {
            let index = (self.turn_of + step) % count;
            let chip = &mut self.chips[index];
            if chip.deadline().is_some_and(|at| at <= now) && budget > 0 {
                budget -= chip.search(now, work, budget.min(SLICE / 8)).min(budget);
            }
        }
        self.turn_of = (self.turn_of + 1) % count.max(1);
        for index in 0..count {
            while let Some(found) = self.chips[index].take(now) {
                self.report(index, found);
                if let Some(work) = &self.work {
                    self.chips[index].search(now, work, AHEAD);
                }
            }
        }
        self.tell_untrue_nonces();
    }

    /// Reports the known solution when it is time, if it meets the ticket of chips that search.
    fn find_known(&mut self, now: Micros) {
        let (Some((_, tried)), Some(work)) = (self.known.take_if(|(at, _)| *at <= now), &self.work) else {
            return;
        };
        let searching = self.chips[..self.reached].iter().position(|chip| chip.target().is_some());
        let Some(target) = searching.and_then(|index| self.chips[index].target()) else { return };
        let hash = work.hash(self.mask(), tried);
        if let Some(index) = searching
            && target.is_met_by(&hash)
        {
            let sub = u32::from(tried.version) % self.kind.subs;
            let core = self.kind.core_of(tried.nonce);
            self.report(index, Found { tried, core, sub, excess: excess(&hash, &target) });
        }
    }

    fn report(&mut self, index: usize, found: Found) {
        let chip = &self.chips[index];
        let (core, share) = (found.core, chip.error_share());
        if !chip.reports(core) {
            return;
        }
        if share > 0.0 && self.dice.chance(share) {
            // what should have been found was computed wrongly, and something else is reported instead
            let nonce = self.dice.roll() as u32;
            let tried = Try { nonce: nonce.to_le_bytes(), ..found.tried };
            if let Some(frame) = self.frame(Found { tried, ..found }) {
                self.send(&frame);
            }
            return;
        }
        let Some(frame) = self.frame(found) else { return };
        self.report_frame(frame);
    }

    fn report_frame(&mut self, frame: Frame) {
        let Frame::Nonce(answer) = frame else { return };
        if self.lies.mislabelled > 0 {
            self.lies.mislabelled -= 1;
            let id = answer.id ^ 0x40; // another job, the same sub-core or midstate
            self.nonces += 1;
            return self.send(&Frame::Nonce(NonceAnswer { id, ..answer }));
        }
        if self.lies.late > 0 && self.held.len() < HELD {
            self.lies.late -= 1;
            self.held.push(frame);
            return;
        }
        self.nonces += 1;
        self.send(&frame);
        if self.lies.twice > 0 {
            self.lies.twice -= 1;
            self.send(&frame);
        }
    }

    fn frame(&self, found: Found) -> Option<Frame> {
        let Work { job, .. } = self.work.as_ref()?;
        let byte = job.job_byte();
        let sub = found.sub as u8;
        let (id, version, detail) = match (job, self.kind.ids) {
            (Job::Midstates(_), _) => (byte & 0xfc | found.tried.version as u8, None, 0),
            (Job::Header(_), Ids::Upper4) => {
                ((byte & 0x78) << 1 | sub & 0xf, Some(found.tried.version), found.excess)
            }
            (Job::Header(_), _) => (byte & 0xf8 | sub & 7, Some(found.tried.version), found.excess),
        };
        let id =
            if self.kind.generation == Generation::V0 { byte & 0x7f | found.tried.version as u8 } else { id };
        Some(Frame::Nonce(NonceAnswer { nonce: found.tried.nonce, detail, id, version }))
    }

    fn tell_untrue_nonces(&mut self) {
        while self.lies.untrue > 0 {
            let Some(work) = &self.work else { return };
            if self.chips[..self.reached].iter().all(|chip| chip.target().is_none()) {
                return;
            }
            let mask = self.mask();
            let target = self.easing.target_of(0);
            let tried = loop {
                let tried = Try { version: 0, nonce: (self.dice.roll() as u32).to_le_bytes() };
                if !target.is_met_by(&work.hash(mask, tried)) {
                    break tried;
                }
            };
            self.lies.untrue -= 1;
            if let Some(frame) = self.frame(Found { tried, core: 0, sub: 0, excess: 0 }) {
                self.send(&frame);
            }
        }
    }

    /// A fault of chips or nonces; false for any other.
    pub(crate) fn suffer(&mut self, now: Micros, fault: DeviceFault) -> bool {
        match fault {
            DeviceFault::LateNonce => self.lies.late = self.lies.late.saturating_add(1),
            DeviceFault::WrongWorkId => self.lies.mislabelled = self.lies.mislabelled.saturating_add(1),
            DeviceFault::FalseNonce => self.lies.untrue = self.lies.untrue.saturating_add(1),
            DeviceFault::DuplicateNonce => self.lies.twice = self.lies.twice.saturating_add(1),
            DeviceFault::LostChip => {
                self.reached = self.dice.below(self.reached as u64) as usize;
                self.chips[self.reached..].iter_mut().for_each(|chip| chip.stop(now));
            }
            _ => return false,
        }
        self.tell_untrue_nonces();
        true
    }
}
