//! The PLL that makes the hash clock (`docs/protocols/bm13xx.md §6.4`).

use super::Chip;
use crate::units::Hertz;

/// The crystal that every chip gets, in MHz.
pub const CRYSTAL_MHZ: f64 = 25.0;

/// From this VCO frequency on, inclusive, later chips want the bit for the high range.
const HIGH_RANGE_MHZ: f64 = 2400.0;
/// With reference divider 1 a BM1362 may not exceed this (factory firmware); held against every chip.
const HIGHEST_VCO_UNDIVIDED_MHZ: f64 = 3125.0;

/// How post dividers stand in the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PllEncoding {
    /// The divider itself: BM1397 and earlier.
    Direct,
    /// The divider less one: BM1362 and later.
    MinusOne,
}

/// What the PLL of a chip type can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PllLimits {
    /// How post dividers stand in the register.
    pub encoding: PllEncoding,
    /// Least and greatest feedback divider.
    pub feedback: (u16, u16),
    /// Lowest and highest frequency of the oscillator.
    pub vco_mhz: (f64, f64),
    /// Both post dividers may be the same; the first is never less than the second.
    pub equal_dividers: bool,
}

/// Dividers of a PLL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pll {
    /// Feedback divider, 12 bits.
    pub feedback: u16,
    /// Reference divider, 1 or 2.
    pub reference: u8,
    /// First post divider, 1 to 7.
    pub post1: u8,
    /// Second post divider, 1 to 7.
    pub post2: u8,
}

impl Pll {
    /// The dividers that come closest to `wanted` within the limits of `chip`: of those the lowest oscillator frequency, of
    /// those the smallest product of post dividers, the second as small as it can be. [`Self::frequency`] says what they
    /// really give.
    ///
    /// ```
    /// use adit_protocol::{bm13xx::{Chip, Pll}, units::Hertz};
    /// let pll = Pll::solve(Chip::Bm1370, Hertz::from_mhz(327.0));
    /// assert_eq!((pll.frequency().mhz() * 1e3).round(), 326_786.0);
    /// assert_eq!(pll.word(Chip::Bm1370), 0x40b7_0260);
    /// ```
    pub fn solve(chip: Chip, wanted: Hertz) -> Self {
        let mut best: Option<(Self, [i64; 4])> = None;
        for pll in candidates(chip, wanted) {
            // In millihertz: equal frequencies must not differ by rounding.
            let rank = [
                ((pll.frequency().0 - wanted.0).abs() * 1e3) as i64,
                (pll.vco_mhz() * 1e6) as i64,
                i64::from(pll.post1) * i64::from(pll.post2),
                i64::from(pll.post2),
            ];
            if best.is_none_or(|(_, least)| rank < least) {
                best = Some((pll, rank));
            }
        }
        // Limits leave candidates for any target: each set of dividers is tried with the feedback divider nearest to it.
        best.map_or(Self { feedback: 0, reference: 1, post1: 1, post2: 1 }, |(pll, _)| pll)
    }

    /// Frequency of the oscillator.
    pub fn vco_mhz(&self) -> f64 {
        CRYSTAL_MHZ * f64::from(self.feedback) / f64::from(self.reference.max(1))
    }

    /// The clock it makes.
    pub fn frequency(&self) -> Hertz {
        let post = f64::from(self.post1.max(1)) * f64::from(self.post2.max(1));
        Hertz::from_mhz(self.vco_mhz() / post)
    }

    /// Whether a chip can run so.
    pub fn is_within(&self, limits: &PllLimits) -> bool {
        let vco = self.vco_mhz();
        let undivided = self.reference == 1 && vco > HIGHEST_VCO_UNDIVIDED_MHZ;
        let ordered = self.post1 > self.post2 || limits.equal_dividers && self.post1 == self.post2;
        (limits.feedback.0..=limits.feedback.1).contains(&self.feedback)
            && (limits.vco_mhz.0..=limits.vco_mhz.1).contains(&vco)
            && !undivided
            && ordered
    }

    /// The value to be written.
    pub fn word(&self, chip: Chip) -> u32 {
        let (top, less): (u32, u8) = match (chip, chip.facts().pll.encoding) {
            (Chip::Bm1387, _) => (0x00, 0),
            (_, PllEncoding::Direct) => (0x40, 0),
            (_, PllEncoding::MinusOne) if self.vco_mhz() >= HIGH_RANGE_MHZ => (0x50, 1),
            (_, PllEncoding::MinusOne) => (0x40, 1),
        };
        let field = |divider: u8| u32::from(divider.saturating_sub(less) & 7);
        top << 24
            | u32::from(self.feedback & 0xfff) << 16
            | u32::from(self.reference & 0x3f) << 8
            | field(self.post1) << 4
            | field(self.post2)
    }

    /// Reads what stands in the register; `None` where a divider is 0.
    pub fn from_word(encoding: PllEncoding, word: u32) -> Option<Self> {
        let less = u8::from(encoding == PllEncoding::MinusOne);
        let pll = Self {
            feedback: (word >> 16 & 0xfff) as u16,
            reference: (word >> 8 & 0x3f) as u8,
            post1: (word >> 4 & 7) as u8 + less,
            post2: (word & 7) as u8 + less,
        };
        let dividers = [pll.reference, pll.post1, pll.post2];
        (pll.feedback != 0 && !dividers.contains(&0)).then_some(pll)
    }
}

/// For each pair of post dividers and each reference divider the feedback divider that comes closest to `wanted`.
fn candidates(chip: Chip, wanted: Hertz) -> impl Iterator<Item = Pll> {
    let limits = &chip.facts().pll;
    let dividers = [2, 1].into_iter().flat_map(|reference| (1..=7).map(move |post1| (reference, post1)));
    let dividers =
        dividers.flat_map(|(reference, post1)| (1..=post1).map(move |post2| (reference, post1, post2)));
    dividers.filter_map(move |(reference, post1, post2)| {
        let product = f64::from(reference) * f64::from(post1) * f64::from(post2);
        let (least, most) = feedback_range(limits, reference);
        let feedback =
            (wanted.mhz() * product / CRYSTAL_MHZ).round().clamp(f64::from(least), f64::from(most));
        let pll = Pll { feedback: feedback as u16, reference, post1, post2 };
        pll.is_within(limits).then_some(pll)
    })
}

/// Feedback dividers with which the oscillator stays within its limits.
fn feedback_range(limits: &PllLimits, reference: u8) -> (u16, u16) {
    let scale = f64::from(reference) / CRYSTAL_MHZ;
    let (low, high) = ((limits.vco_mhz.0 * scale).ceil() as u16, (limits.vco_mhz.1 * scale).floor() as u16);
    let least = limits.feedback.0.max(low);
    (least, limits.feedback.1.min(high).max(least))
}
