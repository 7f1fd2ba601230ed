//! Job bytes and the works behind them (`docs/protocols/bm13xx.md §9.1`).

use adit_driver::{Claim, VersionWindow, Work, WorkId};
use adit_protocol::bm13xx::Chip;

/// Jobs after one another differ in several bits of their bytes, as 24 = 3 × 8 does.
const STRIDE: u32 = 3;
/// Values of a job byte.
const BYTES: usize = 256;

/// What is known of a job that chips have been given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub work: WorkId,
    pub extranonce2: u64,
    pub ntime: u32,
    pub window: VersionWindow,
    /// Midstates it had.
    pub midstates: u8,
}

impl Slot {
    pub(crate) fn of(work: &Work, midstates: u8) -> Self {
        Self {
            work: work.id,
            extranonce2: work.space.extranonce2.start,
            ntime: work.space.ntime.start,
            window: work.space.version,
            midstates,
        }
    }

    /// The header with this version and nonce.
    pub(crate) const fn claim(&self, version: u32, nonce: u32) -> Claim {
        Claim { work: self.work, extranonce2: self.extranonce2, ntime: self.ntime, version, nonce }
    }
}

/// The jobs given last. Of all job bytes half are retired: an answer to one of those came too late, and cannot be taken for
/// one to a newer job.
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    chip: Chip,
    slots: [Option<Slot>; BYTES],
    /// Jobs given so far.
    given: u32,
}

impl Ring {
    pub(crate) fn new(chip: Chip) -> Self {
        Self { chip, slots: [None; BYTES], given: 0 }
    }

    /// How many job bytes there are. Those of BM1387 keep their low bits free for four midstates.
    fn size(&self) -> u32 {
        u32::from(self.chip.job_bytes(4))
    }

    fn byte_of(&self, job: u32) -> u8 {
        self.chip.job_byte((job.wrapping_mul(STRIDE) % self.size()) as u8, 4)
    }

    /// Remembers a job that is about to be given, and returns its byte.
    pub(crate) fn give(&mut self, slot: Slot) -> u8 {
        let byte = self.byte_of(self.given);
        let retired = self.byte_of(self.given.wrapping_add(self.size() / 2));
        self.slots[usize::from(retired)] = None;
        self.slots[usize::from(byte)] = Some(slot);
        self.given = self.given.wrapping_add(1);
        byte
    }

    /// No job has been retired yet: an answer to any other than those remembered is to a job of somebody before, or to a work
    /// that opened cores.
    pub(crate) fn is_young(&self) -> bool {
        self.given < self.size() / 2
    }

    /// The job with this byte, unless it is retired.
    pub(crate) fn job(&self, byte: u8) -> Option<&Slot> {
        self.slots[usize::from(byte)].as_ref()
    }

    /// The jobs given last, newest first.
    pub(crate) fn latest(&self, count: u32) -> impl Iterator<Item = &Slot> {
        let count = count.min(self.given).min(self.size() / 2);
        (1..=count).filter_map(|back| self.job(self.byte_of(self.given.wrapping_sub(back))))
    }
}

#[cfg(test)]
mod tests {
    use adit_protocol::pow::VersionMask;

    use super::*;

    fn slot(id: u64) -> Slot {
        let window = VersionWindow { base: 0x2000_0000, mask: VersionMask(0) };
        Slot { work: WorkId(id), extranonce2: id, ntime: 0, window, midstates: 1 }
    }

    #[test]
    fn job_bytes_follow_each_other_as_a_running_host_s() {
        let mut ring = Ring::new(Chip::Bm1370);
        let bytes: Vec<u8> = (0..16).map(|id| ring.give(slot(id))).collect();
        assert_eq!(
            bytes,
            [0x00, 0x18, 0x30, 0x48, 0x60, 0x78, 0x10, 0x28, 0x40, 0x58, 0x70, 0x08, 0x20, 0x38, 0x50, 0x68]
        );
    }

    #[test]
    fn half_of_the_bytes_are_retired() {
        for chip in Chip::ALL {
            let mut ring = Ring::new(chip);
            let half = usize::from(chip.job_bytes(4)) / 2;
            let bytes: Vec<u8> = (0..1_000).map(|id| ring.give(slot(id))).collect();
            for (id, byte) in bytes.iter().enumerate().rev().take(half) {
                assert_eq!(ring.job(*byte).map(|slot| slot.work.0), Some(id as u64), "{chip:?}");
            }
            for (id, byte) in bytes.iter().enumerate().rev().skip(half).take(half) {
                assert_eq!(ring.job(*byte), None, "{chip:?}: job {id} is too old");
            }
        }
    }

    #[test]
    fn the_latest_jobs_come_newest_first() {
        let mut ring = Ring::new(Chip::Bm1366);
        assert_eq!(ring.latest(4).count(), 0);
        for id in 0..50 {
            ring.give(slot(id));
        }
        assert_eq!(ring.latest(4).map(|slot| slot.work.0).collect::<Vec<_>>(), [49, 48, 47, 46]);
    }
}
