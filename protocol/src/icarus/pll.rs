//! Clock words of BM1380, BM1382 and BM1384 (`docs/protocols/icarus.md §7.3`).

use crate::units::Hertz;

const CRYSTAL_MHZ: f64 = 25.0;

/// Chips whose clock the host sets with a 16-bit word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chip {
    /// Antminer U1, U2.
    Bm1380,
    /// Antminer U3.
    Bm1382,
    /// Compac sticks.
    Bm1384,
}

/// Frequency word: bit 14 band, bits 13 to 7 M, bits 6 to 2 N, bits 1 and 0 OD.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PllWord(pub u16);

impl PllWord {
    /// The word for multiplier M, divider N and output divider OD; the band bit follows from `chip` and the oscillator.
    pub fn new(chip: Chip, m: u8, n: u8, od: u8) -> Self {
        let word = Self((m as u16 & 0x7f) << 7 | (n as u16 & 0x1f) << 2 | od as u16 & 3);
        let high_band = chip == Chip::Bm1380 && word.oscillator().mhz() > 600.0;
        Self(word.0 | (high_band as u16) << 14)
    }

    /// Multiplier.
    pub const fn m(self) -> u8 {
        (self.0 >> 7 & 0x7f) as u8
    }

    /// Divider.
    pub const fn n(self) -> u8 {
        (self.0 >> 2 & 0x1f) as u8
    }

    /// Output divider.
    pub const fn od(self) -> u8 {
        (self.0 & 3) as u8
    }

    /// Frequency of the oscillator before the output divider.
    pub fn oscillator(self) -> Hertz {
        Hertz::from_mhz(CRYSTAL_MHZ * (f64::from(self.m()) + 1.0) / (f64::from(self.n()) + 1.0))
    }

    /// Clock that `chip` runs at with this word.
    pub fn frequency(self, chip: Chip) -> Hertz {
        let exponent = match chip {
            Chip::Bm1380 => i32::from(self.od()),
            Chip::Bm1382 | Chip::Bm1384 => i32::from(self.od()) - 1,
        };
        Hertz(self.oscillator().0 / 2_f64.powi(exponent))
    }
}
