//! Pieces of search that leave a device as data.

use std::ops::RangeInclusive;

use adit_protocol::pow::scan::Search;
use adit_protocol::pow::{Midstate, Target};

/// A piece of a search in earnest: every number of a range is hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    pub(crate) midstate: Midstate,
    pub(crate) tail: [u8; 12],
    pub(crate) target: Target,
    pub(crate) range: RangeInclusive<u32>,
    /// The numbers are nonces, least significant byte first, and not hardware counters.
    pub(crate) nonces: bool,
}

impl Scan {
    /// Carries it out and answers the lowest number that solves it. Takes some milliseconds.
    pub fn run(&self) -> Option<u32> {
        let search = Search::new(&[self.midstate], self.tail, self.target);
        let search = if self.nonces { search } else { search.over_counters() };
        let mut lowest = None;
        search.scan(self.range.clone(), &mut |hit| {
            lowest = Some(lowest.map_or(hit.nonce, |lowest: u32| lowest.min(hit.nonce)));
        });
        lowest
    }

    /// Headers that carrying it out hashes.
    pub fn hashes(&self) -> u64 {
        u64::from(self.range.end() - self.range.start()) + 1
    }
}
