//! How cores and chips share nonces and versions (`docs/protocols/bm13xx.md §9.2, §12`).

use std::time::Duration;

use super::Chip;
use super::pll::{CRYSTAL_MHZ, Pll};
use crate::units::Hertz;

/// Where core and chip stand in the four nonce bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// BM1387, little-endian reading: core in bits 30 to 24, chip address in bits 7 to 2.
    Bm1387,
    /// BM1397, big-endian reading: core in bits 31 to 24, chip address in bits 21 to 14.
    Bm1397,
    /// BM1362 and BM1366 rolling versions, big-endian reading: core in bits 31 to 25, bits 7 to 1 of the chip address in bits
    /// 24 to 18.
    SevenBits,
    /// BM1368 and later, big-endian reading: core in bits 31 to 25, chip address in bits 24 to 17.
    EightBits,
}

/// How the chips of a chain divide the nonces of a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// By their addresses, which are multiples of `stride`.
    Addresses {
        /// Distance of two addresses.
        stride: u16,
    },
    /// By offsets that were written to their registers ([`offset`]).
    Offsets,
}

impl Layout {
    /// The core that found a nonce. Statistics only: some answers name cores that do not exist (§9.2).
    pub const fn core(self, nonce: [u8; 4]) -> u16 {
        let bits = u32::from_be_bytes(nonce);
        match self {
            Self::Bm1387 => (u32::from_le_bytes(nonce) >> 24 & 0x7f) as u16,
            Self::Bm1397 => (bits >> 24) as u16,
            Self::SevenBits | Self::EightBits => (bits >> 25) as u16,
        }
    }

    /// The address that stands in a nonce: of the chip that found it, or one up to its successor's.
    pub const fn address(self, nonce: [u8; 4]) -> u8 {
        let bits = u32::from_be_bytes(nonce);
        match self {
            Self::Bm1387 => nonce[0] & 0xfc,
            Self::Bm1397 => (bits >> 14) as u8,
            Self::SevenBits => (bits >> 17) as u8 & 0xfe,
            Self::EightBits => (bits >> 17) as u8,
        }
    }

    /// Position in the chain of the chip that found a nonce; `None` where it names a chip that does not exist.
    pub fn chip_index(self, nonce: [u8; 4], split: Split, chips: u16) -> Option<u16> {
        let index = match split {
            Split::Addresses { stride } => u16::from(self.address(nonce)) / stride.max(1),
            Split::Offsets => (((u32::from_be_bytes(nonce) >> 9 & 0xffff) * u32::from(chips)) >> 16) as u16,
        };
        (index < chips).then_some(index)
    }
}

/// Distance of addresses that gives every chip an equal, even part of the address space: 256 / next power of two.
///
/// ```
/// assert_eq!(adit_protocol::bm13xx::stride(65), 2);
/// assert_eq!(adit_protocol::bm13xx::stride(1), 256);
/// ```
pub const fn stride(chips: u16) -> u16 {
    let parts = chips.next_power_of_two();
    if parts == 0 || parts > 256 { 1 } else { 256 / parts }
}

/// Where chip `index` of `chips` begins in bits 24 to 9 of its nonces: ceil(65536 × index / chips).
pub const fn offset(index: u16, chips: u16) -> u16 {
    (index as u32 * 0x1_0000).div_ceil(if chips == 0 { 1 } else { chips as u32 }) as u16
}

/// The register value that sets [`offset`].
pub const fn offset_register(index: u16, chips: u16) -> u32 {
    0x8000_0000 | offset(index, chips) as u32
}

/// Nonces that a core of one chip of `chips` tries in one sweep.
pub fn slice(chip: Chip, split: Split, chips: u16) -> u64 {
    let of_core = (1_u64 << 32) / u64::from(chip.facts().cores.next_power_of_two());
    match split {
        Split::Addresses { stride } => of_core * u64::from(stride.min(256)) / 256,
        Split::Offsets => of_core / u64::from(chips.max(1)),
    }
}

/// Ticks of the crystal in which a core tries `slice` nonces, `guard` ticks less: rounded down, for too long a sweep does
/// work twice.
pub fn hash_count(slice: u64, pll: &Pll, guard: u32) -> u32 {
    let divided = u64::from(pll.reference) * u64::from(pll.post1) * u64::from(pll.post2);
    let ticks = slice.saturating_mul(divided) / (2 * u64::from(pll.feedback.max(1)));
    u32::try_from(ticks.saturating_sub(u64::from(guard))).unwrap_or(u32::MAX)
}

/// Ticks by which a sweep runs over its deadline.
pub const OVERSHOOT_TICKS: u32 = 130;

/// Time in which a chip with `subcores` sub-cores tries `versions` versions in sweeps of `hash_count` ticks. Afterwards it
/// repeats itself.
pub fn version_epoch(versions: u32, subcores: u16, hash_count: u32) -> Duration {
    let batches = f64::from(versions) / f64::from(subcores.max(1));
    Duration::from_secs_f64(batches.max(1.0) * f64::from(hash_count) / (CRYSTAL_MHZ * 1e6))
}

/// Time in which a BM1397 chain tries `midstates` versions of every nonce.
pub fn scan_time(chip: Chip, chips: u16, midstates: u32, clock: Hertz) -> Duration {
    let facts = chip.facts();
    let (small, cores) = (facts.units.next_power_of_two(), facts.cores.next_power_of_two());
    let rounds = f64::from(midstates) / (f64::from(small) / f64::from(cores));
    let nonces = 2_f64.powi(32) / f64::from(cores) / f64::from(chips.next_power_of_two());
    Duration::from_secs_f64(rounds * nonces / clock.0.max(1.0))
}
