//! Job bytes and what comes back of them (`docs/protocols/bm13xx.md §9.1`), and the version an answer means (§9.3, §9.4).

use super::{Chip, NonceAnswer};
use crate::pow::VersionMask;

/// What the id byte of an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerId {
    /// The job byte that was sent.
    pub job_byte: u8,
    /// Index of the midstate (BM1387, BM1397) or of the sub-core.
    pub index: u8,
}

impl Chip {
    /// How many job bytes there are for jobs of `midstates` midstates (V2: any number).
    pub const fn job_bytes(self, midstates: u8) -> u8 {
        match self {
            Self::Bm1387 => 0x80 / places(midstates),
            Self::Bm1397 | Self::Bm1362 | Self::Bm1366 => 32,
            Self::Bm1368 | Self::Bm1370 | Self::Bm1372 => 16,
        }
    }

    /// Job byte number `k` of [`Self::job_bytes`].
    pub const fn job_byte(self, k: u8, midstates: u8) -> u8 {
        match self {
            Self::Bm1387 => (k % self.job_bytes(midstates)) * places(midstates),
            Self::Bm1397 => k % 32 * 4,
            Self::Bm1362 | Self::Bm1366 => (k % 32) << 3,
            Self::Bm1368 | Self::Bm1370 | Self::Bm1372 => (k % 16) << 3,
        }
    }

    /// What the id byte of an answer to a job of `midstates` midstates says.
    ///
    /// ```
    /// use adit_protocol::bm13xx::Chip;
    /// let id = Chip::Bm1370.answer_id(0x99, 1);
    /// assert_eq!((id.job_byte, id.index), (0x48, 9));
    /// ```
    pub const fn answer_id(self, id: u8, midstates: u8) -> AnswerId {
        let (job_byte, index) = match self {
            Self::Bm1387 => {
                let low = places(midstates) - 1;
                (id & 0x7f & !low, id & low)
            }
            Self::Bm1397 => (id & 0xfc, id & 3),
            Self::Bm1362 | Self::Bm1366 => (id & 0xf8, id & 7),
            Self::Bm1368 | Self::Bm1370 | Self::Bm1372 => ((id & 0xf0) >> 1, id & 15),
        };
        AnswerId { job_byte, index }
    }

    /// The id byte of an answer to job `job_byte`, found with midstate or sub-core `index`: the inverse of
    /// [`Self::answer_id`].
    pub const fn id_byte(self, job_byte: u8, index: u8) -> u8 {
        match self {
            Self::Bm1368 | Self::Bm1370 | Self::Bm1372 => (job_byte & 0x78) << 1 | index & 15,
            Self::Bm1362 | Self::Bm1366 => job_byte & 0xf8 | index & 7,
            Self::Bm1397 => job_byte & 0xfc | index & 3,
            Self::Bm1387 => job_byte & 0x7f | index & 3,
        }
    }
}

/// Values the chip itself puts into the low bits of a job byte: 1, 2 or 4.
const fn places(midstates: u8) -> u8 {
    match midstates {
        0 | 1 => 1,
        2 => 2,
        _ => 4,
    }
}

/// Version bits a chip that rolls versions can reach: its 16-bit counter stands at bit 13.
const ROLLED: VersionMask = VersionMask::BIP320;

/// The part of `mask` that a chip can roll, as bits 15 to 0 of its version register.
pub const fn rolled_mask(mask: VersionMask) -> u16 {
    ((mask.0 & ROLLED.0) >> 13) as u16
}

/// Versions that an answer with this counter may mean, the likelier first: the counter in place (§9.3), and where the mask
/// has holes the counter spread over its bits. `base` has no bits inside `mask`.
pub const fn rolled_versions(base: u32, mask: VersionMask, counter: u16) -> [u32; 2] {
    let mask = VersionMask(mask.0 & ROLLED.0);
    let in_place = (counter as u32) << 13 & mask.0;
    [base | in_place, base | mask.scatter(counter as u32)]
}

/// The version of midstate `index` (§7.2): `base` with the index counted through the bits of `mask`.
pub const fn stepped_version(base: u32, mask: VersionMask, index: u8) -> u32 {
    base & !mask.0 | mask.scatter(index as u32)
}

/// The version after `version` when the bits of `mask` are counted as one number, the others kept.
///
/// ```
/// use adit_protocol::{bm13xx::next_version, pow::VersionMask};
/// assert_eq!(next_version(0x2000_0004, VersionMask(0x00ff_ff00)), 0x2000_0104);
/// ```
pub const fn next_version(version: u32, mask: VersionMask) -> u32 {
    // Ones outside the mask carry the addition across its holes.
    let stepped = (version | !mask.0).wrapping_add(mask.0 & mask.0.wrapping_neg());
    version & !mask.0 | stepped & mask.0
}

impl NonceAnswer {
    /// Leading zero bits that the hash of a V2 answer has beyond those the ticket asks for (§9.3).
    pub const fn excess_bits(&self) -> u8 {
        self.detail / 2
    }
}
