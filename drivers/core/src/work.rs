//! What one device is given to search.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use adit_protocol::pow::{Header, VersionMask};

use crate::Job;

/// Names a work for the life of the process; never reused. Ascending in the order of issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkId(pub u64);

/// A box of the search space of one job, given to one device and to no other.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// Its name.
    pub id: WorkId,
    /// The job it is a part of.
    pub job: Arc<Job>,
    /// The part.
    pub space: Space,
    /// The header of the box's first corner (first extranonce2, first ntime, base version), nonce zero: all that a device
    /// which rolls nothing needs.
    pub header: Header,
}

/// All combinations of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// Values of the extranonce2 counter.
    pub extranonce2: Range<u64>,
    /// Header times.
    pub ntime: Range<u32>,
    /// Header versions.
    pub version: VersionWindow,
    /// Header nonces.
    pub nonce: RangeInclusive<u32>,
}

/// The versions `base | x` for every `x` that has bits only inside `mask`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionWindow {
    /// Bits that are fixed; none of them inside `mask`.
    pub base: u32,
    /// Bits the device may choose.
    pub mask: VersionMask,
}

impl VersionWindow {
    /// Whether `version` lies in the window.
    pub const fn contains(&self, version: u32) -> bool {
        version & !self.mask.0 == self.base
    }
}

impl Space {
    /// Whether a claim for these values lies in the box.
    #[inline]
    pub fn contains(&self, extranonce2: u64, ntime: u32, version: u32, nonce: u32) -> bool {
        self.extranonce2.contains(&extranonce2)
            && self.ntime.contains(&ntime)
            && self.version.contains(version)
            && self.nonce.contains(&nonce)
    }
}
