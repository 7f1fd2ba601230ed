//! The ticket mask: which solutions a chip reports (`docs/protocols/bm13xx.md §6.5`).

use crate::pow::Target;

/// A chip reports hashes with at least 32 + N leading zero bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u8);

impl Ticket {
    /// Most zero bits beyond 32.
    pub const MAX_BITS: u8 = 32;

    /// N zero bits beyond 32, at most [`Self::MAX_BITS`].
    pub const fn from_bits(bits: u8) -> Self {
        Self(if bits > Self::MAX_BITS { Self::MAX_BITS } else { bits })
    }

    /// The hardest that still reports everything of `difficulty`: powers of two, rounded down; at least 1.
    ///
    /// ```
    /// use adit_protocol::bm13xx::Ticket;
    /// assert_eq!(Ticket::from_difficulty(300.0).difficulty(), 256.0);
    /// assert_eq!(Ticket::from_difficulty(256.0).register(), 0x0000_00ff);
    /// ```
    pub fn from_difficulty(difficulty: f64) -> Self {
        let bits = if difficulty >= 2.0 { difficulty.log2().floor() } else { 0.0 };
        Self::from_bits(bits.min(f64::from(Self::MAX_BITS)) as u8)
    }

    /// N.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Difficulty 2^N: 2^N × 2^32 hashes are expected for one report.
    pub fn difficulty(self) -> f64 {
        2_f64.powi(i32::from(self.0))
    }

    /// Hashes expected for one report.
    pub fn hashes(self) -> f64 {
        2_f64.powi(32 + i32::from(self.0))
    }

    /// What is reported: hashes below 2^(224 − N).
    pub const fn target(self) -> Target {
        let top = u32::MAX as u64 >> self.0;
        // 2^(224 − N) − 1: limb 3 holds bits 255 to 192, of which the 32 − N lowest are ones.
        Target::from_limbs([u64::MAX, u64::MAX, u64::MAX, top])
    }

    /// The value to be written: 2^N − 1 with the bits of each byte reversed.
    pub const fn register(self) -> u32 {
        let number = ((1_u64 << self.0) - 1) as u32;
        number.reverse_bits().swap_bytes()
    }

    /// Reads what stands in the register; `None` where it is no such number.
    pub const fn from_register(value: u32) -> Option<Self> {
        let number = value.swap_bytes().reverse_bits();
        if number.wrapping_add(1) & number == 0 { Some(Self(number.count_ones() as u8)) } else { None }
    }
}
