//! The counter that makes duplicated work impossible.
//!
//! The search space of one block template is a mixed-radix number: version window (fastest), extranonce2, header time
//! (slowest). Whoever is given work takes the next box of it and nobody is given that box again.
//!
//! A *row* is one extranonce2 with all its versions. A device that rolls every version bit takes whole rows, as many as it
//! reaches; one that rolls fewer takes an aligned window out of one opened row. Rows are counted through once per *pass*;
//! the next pass begins at the first header time that no box of earlier passes contains. So two boxes differ in their rows
//! or windows when they are of one pass, and in their times when they are not.
//!
//! A device that takes whole jobs is given a *block*: all extranonce2 values behind one prefix, the high digits of the number.
//! Prefix 0 is the row counter's own. A device leases a prefix for the life of its link and gets that of every template, so
//! that as many devices find room as there are prefixes, however many jobs there are; where it was given already, to whoever
//! had the lease before or to the device itself when a pool repeats a template, it gets one from the other end. So no prefix is
//! given twice for one template, whoever comes, leaves or comes again.

use std::ops::Range;

use adit_driver::{Job, Reach, Space, VersionWindow};
use adit_protocol::pow::VersionMask;

/// Extranonce2 values behind one prefix: three bytes of the coinbase.
const BLOCK: u64 = 1 << 24;
/// Bytes of an extranonce2 that leave room for prefixes.
const FEWEST_BYTES: u8 = 4;

/// The prefixes of a template that somebody has been given.
#[derive(Clone, Debug)]
pub(crate) struct Blocks {
    /// A bit for each prefix from 0 on.
    leased: Vec<u64>,
    /// This one and all above it, taken without a lease.
    spare: u64,
}

impl Blocks {
    pub(crate) fn new(job: &Job) -> Self {
        Self { leased: Vec::new(), spare: job.extranonce2_radix() / BLOCK }
    }

    /// Everything behind the prefix `lease`, or behind another where that is taken, for `job`, with header times of at most
    /// `ahead_s` after its own.
    pub(crate) fn take(&mut self, job: &Job, lease: u64, ahead_s: u32) -> Option<Space> {
        let prefix = if self.is_taken(lease) { self.next_spare()? } else { self.mark(lease) };
        let first = prefix * BLOCK;
        let end = job.ntime.saturating_add(ahead_s).saturating_add(1);
        let version = VersionWindow { base: job.version, mask: rollable(job) };
        (job.ntime < end).then_some(Space {
            extranonce2: first..first + BLOCK,
            ntime: job.ntime..end,
            version,
            nonce: 0..=u32::MAX,
        })
    }
}

impl Blocks {
    fn is_taken(&self, prefix: u64) -> bool {
        let word = self.leased.get((prefix / 64) as usize).copied().unwrap_or(0);
        prefix >= self.spare || word >> (prefix % 64) & 1 == 1
    }

    /// Leases are as many as devices.
    fn mark(&mut self, prefix: u64) -> u64 {
        let place = (prefix / 64) as usize;
        self.leased.resize(self.leased.len().max(place + 1), 0);
        self.leased[place] |= 1 << (prefix % 64);
        prefix
    }

    fn next_spare(&mut self) -> Option<u64> {
        let prefix = (1..self.spare).rev().find(|prefix| !self.is_taken(*prefix))?;
        self.spare = prefix;
        Some(prefix)
    }
}

/// The extranonce2 values that are counted one by one: those of prefix 0.
pub(crate) fn own_rows(job: &Job) -> Range<u64> {
    0..if job.extranonce2_size < FEWEST_BYTES { job.extranonce2_radix() } else { BLOCK }
}

/// What is left of a search space.
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    /// Rows of one pass.
    rows: Range<u64>,
    /// Rows not begun in this pass.
    fresh: Range<u64>,
    /// A row of which only some versions are handed out.
    open: Option<OpenRow>,
    /// Earliest header time of this pass.
    floor: u32,
    /// First header time after all boxes so far.
    top: u32,
}

#[derive(Clone, Copy, Debug)]
struct OpenRow {
    extranonce2: u64,
    /// What the windows are counted over.
    version: u32,
    mask: VersionMask,
    /// The next version that is not handed out.
    next: u64,
}

/// Nothing is left until header times up to this one may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NeedsTime(pub(crate) u32);

impl Counter {
    /// Counts over these values of extranonce2: the whole radix of a job, or the part behind one prefix.
    pub(crate) fn new(rows: Range<u64>) -> Self {
        Self { fresh: rows.clone(), rows, open: None, floor: 0, top: 0 }
    }

    /// The next box of at most `reach` for `job`, with no header time after `latest`.
    pub(crate) fn take(&mut self, job: &Job, latest: u32, reach: Reach) -> Result<Space, NeedsTime> {
        let latest = latest.min(u32::MAX - 1); // the end of the range must exist too
        let mut from = self.floor.max(job.ntime);
        if from > latest {
            return Err(NeedsTime(from));
        }
        let taken = match self.columns(job, reach) {
            Some(taken) => taken,
            None => {
                from = self.top.max(job.ntime);
                if from > latest {
                    return Err(NeedsTime(from));
                }
                self.begin_pass();
                self.columns(job, reach).ok_or(NeedsTime(u32::MAX))?
            }
        };
        let end = from + reach.ntime.clamp(1, latest - from + 1);
        self.top = self.top.max(end);
        let (extranonce2, version) = taken;
        Ok(Space { extranonce2, ntime: from..end, version, nonce: 0..=u32::MAX })
    }

    fn begin_pass(&mut self) {
        self.floor = self.top;
        self.fresh = self.rows.clone();
        self.open = None;
    }

    /// The next rows and versions of this pass.
    fn columns(&mut self, job: &Job, reach: Reach) -> Option<(Range<u64>, VersionWindow)> {
        let mask = rollable(job);
        let bits = reach.version_bits.min(mask.bits());
        if bits == mask.bits() {
            let rows = self.fresh_rows(reach.extranonce2.max(1))?;
            return Some((rows, VersionWindow { base: job.version, mask }));
        }
        let size = 1_u64 << bits;
        let versions = 1_u64 << mask.bits();
        let row = match self.open {
            Some(row) if row.version == job.version && row.mask == mask && row.aligned(size) < versions => {
                row
            }
            _ => {
                let extranonce2 = self.fresh_rows(1)?.start;
                OpenRow { extranonce2, version: job.version, mask, next: 0 }
            }
        };
        let first = row.aligned(size);
        self.open = Some(OpenRow { next: first + size, ..row });
        let base = job.version | mask.scatter(first as u32);
        Some((row.extranonce2..row.extranonce2 + 1, VersionWindow { base, mask: mask.lowest(bits) }))
    }

    fn fresh_rows(&mut self, most: u64) -> Option<Range<u64>> {
        let count = most.min(self.fresh.end - self.fresh.start);
        let rows = self.fresh.start..self.fresh.start + count;
        self.fresh.start = rows.end;
        (count > 0).then_some(rows)
    }
}

impl OpenRow {
    fn aligned(&self, size: u64) -> u64 {
        self.next.next_multiple_of(size)
    }
}

/// Version bits that may be rolled: those that the pool sets in the job stay set (`docs/protocols/stratum-v1.md §7`).
fn rollable(job: &Job) -> VersionMask {
    VersionMask(job.version_mask.0 & !job.version)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tests::fixtures::{are_disjoint, job};

    fn small_job(extranonce2_size: u8, mask: u32) -> Job {
        Job { extranonce2_size, version_mask: VersionMask(mask), ..job(0, 0) }
    }

    #[test]
    fn a_device_that_only_counts_nonces_gets_one_version_after_the_other() {
        let job = small_job(1, 0x6000);
        let mut counter = Counter::new(0..job.extranonce2_radix());
        let boxes: Vec<Space> =
            (0..5).map(|_| counter.take(&job, job.ntime, Reach::NONCE).unwrap()).collect();
        let bases: Vec<u32> = boxes.iter().map(|space| space.version.base ^ job.version).collect();
        assert_eq!(bases, [0, 0x2000, 0x4000, 0x6000, 0]);
        assert_eq!(boxes[3].extranonce2, 0..1);
        assert_eq!(boxes[4].extranonce2, 1..2);
    }

    #[test]
    fn devices_of_different_reach_share_a_job_without_waste() {
        let job = small_job(1, VersionMask::BIP320.0);
        let mut counter = Counter::new(0..job.extranonce2_radix());
        let wide = Reach { version_bits: 16, ..Reach::NONCE };
        for row in 0..127 {
            assert_eq!(
                counter.take(&job, job.ntime, wide).unwrap().extranonce2.start,
                row + u64::from(row > 0)
            );
            assert_eq!(counter.take(&job, job.ntime, Reach::NONCE).unwrap().extranonce2, 1..2);
        }
    }

    #[test]
    fn a_used_up_space_asks_for_time_and_never_repeats() {
        let job = small_job(0, 0);
        let mut counter = Counter::new(0..job.extranonce2_radix());
        assert_eq!(counter.take(&job, job.ntime, Reach::NONCE).unwrap().ntime, job.ntime..job.ntime + 1);
        assert_eq!(counter.take(&job, job.ntime, Reach::NONCE), Err(NeedsTime(job.ntime + 1)));
        assert_eq!(counter.take(&job, job.ntime, Reach::NONCE), Err(NeedsTime(job.ntime + 1)));
        let later = counter.take(&job, job.ntime + 1, Reach::NONCE).unwrap();
        assert_eq!(later.ntime, job.ntime + 1..job.ntime + 2);
    }

    #[test]
    fn the_last_header_time_there_is_does_not_overflow() {
        let job = Job { ntime: u32::MAX, ..small_job(0, 0) };
        let mut counter = Counter::new(0..1);
        assert_eq!(counter.take(&job, u32::MAX, Reach::NONCE), Err(NeedsTime(u32::MAX)));
        let job = Job { ntime: u32::MAX - 1, ..job };
        assert!(counter.take(&job, u32::MAX, Reach { ntime: 60, ..Reach::NONCE }).is_ok());
    }

    fn reaches() -> impl Strategy<Value = Reach> {
        (prop_oneof![Just(1_u64), 0..600_u64, any::<u64>()], 0..80_u32, 0..33_u32)
            .prop_map(|(extranonce2, ntime, version_bits)| Reach { extranonce2, ntime, version_bits })
    }

    /// Jobs with the same coinbase: all that may differ without another merkle root.
    fn same_content() -> impl Strategy<Value = (u32, u32, u32)> {
        let mask = prop_oneof![Just(0), Just(0x6000), Just(VersionMask::BIP320.0), any::<u32>()];
        let version = prop_oneof![Just(0x2000_0000), Just(0x2000_2000), Just(0x2000_4000), any::<u32>()];
        (0..100_u32, mask, version)
    }

    #[test]
    fn a_lease_holds_for_every_template_and_every_prefix_is_given_once() {
        let job = small_job(4, 0);
        for _template in 0..3 {
            let mut blocks = Blocks::new(&job);
            let mut given: Vec<u64> = Vec::new();
            for (lease, expected) in [(7, 7), (1, 1), (7, 255), (300, 254), (253, 253), (7, 252)] {
                let space = blocks.take(&job, lease, 600).unwrap();
                assert_eq!(space.extranonce2.start / BLOCK, expected);
                given.push(expected);
            }
            while let Some(space) = blocks.take(&job, 1, 600) {
                given.push(space.extranonce2.start / BLOCK);
            }
            given.sort_unstable();
            assert_eq!(given, (1..256).collect::<Vec<_>>());
        }
    }

    proptest! {
        #[test]
        fn boxes_are_disjoint_and_inside_the_job(
            size in prop_oneof![Just(0_u8), Just(1), Just(8)],
            contents in prop::collection::vec((same_content(), prop::collection::vec((reaches(), 0..120_u32), 1..20)), 1..6),
        ) {
            let template = small_job(size, 0);
            let mut counter = Counter::new(0..template.extranonce2_radix());
            let mut boxes: Vec<Space> = Vec::new();
            for ((later, mask, version), takes) in contents {
                let job = Job { ntime: template.ntime + later, version_mask: VersionMask(mask), version, ..template.clone() };
                for (reach, ahead) in takes {
                    let Ok(space) = counter.take(&job, job.ntime + ahead, reach) else { continue };
                    prop_assert!(space.extranonce2.start < space.extranonce2.end);
                    prop_assert!(space.extranonce2.end <= job.extranonce2_radix());
                    prop_assert!(space.ntime.start >= job.ntime && space.ntime.end <= job.ntime + ahead + 1);
                    prop_assert!(space.ntime.start < space.ntime.end);
                    prop_assert_eq!((space.version.base ^ version) & !mask, 0, "a fixed bit was changed");
                    prop_assert_eq!(space.version.base & version, version, "a bit of the job was cleared");
                    prop_assert_eq!(space.version.base & space.version.mask.0, 0);
                    prop_assert_eq!(space.version.mask.0 & !mask, 0);
                    prop_assert!(space.version.mask.bits() <= reach.version_bits);
                    prop_assert!(boxes.iter().all(|other| are_disjoint(other, &space)), "{space:?} among {boxes:?}");
                    boxes.push(space);
                }
            }
        }

        #[test]
        fn blocks_are_disjoint_from_each_other_and_from_what_is_counted(
            size in 0..16_u8,
            takes in prop::collection::vec(prop::option::of(reaches()), 1..60),
            leases in prop::collection::vec(1..40_u64, 60),
        ) {
            let job = small_job(size, VersionMask::BIP320.0);
            let (mut counter, mut blocks) = (Counter::new(own_rows(&job)), Blocks::new(&job));
            let mut boxes: Vec<Space> = Vec::new();
            for (reach, lease) in takes.into_iter().zip(leases) {
                let space = match reach {
                    Some(reach) => counter.take(&job, job.ntime + 60, reach).ok(),
                    None => blocks.take(&job, lease, 600),
                };
                prop_assert!(space.is_some() || reach.is_some() || size < 4, "room for prefixes, but none given");
                let Some(space) = space else { continue };
                prop_assert!(space.extranonce2.end <= job.extranonce2_radix());
                prop_assert!(boxes.iter().all(|other| are_disjoint(other, &space)), "{space:?} among {boxes:?}");
                boxes.push(space);
            }
        }
    }
}
