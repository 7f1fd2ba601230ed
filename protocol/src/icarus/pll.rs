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

    /// The word for the clock nearest to `wanted`: the vendor's where its table lists that frequency, else the best one
    /// whose oscillator stays in the range the tables use.
    ///
    /// ```
    /// use adit_protocol::icarus::{Chip, PllWord};
    /// use adit_protocol::units::Hertz;
    /// assert_eq!(PllWord::for_frequency(Chip::Bm1380, Hertz::from_mhz(193.75)), PllWord(0x4f02));
    /// assert_eq!(PllWord::for_frequency(Chip::Bm1382, Hertz::from_mhz(225.0)), PllWord(0x0882));
    /// ```
    pub fn for_frequency(chip: Chip, wanted: Hertz) -> Self {
        let error = |word: &Self| (word.frequency(chip).0 - wanted.0).abs();
        let listed = vendor_words(chip).iter().map(|word| Self(*word)).find(|word| error(word) < 1.0);
        listed.unwrap_or_else(|| {
            let first = Self(vendor_words(chip)[0]);
            candidates(chip).fold(first, |best, word| if error(&word) < error(&best) { word } else { best })
        })
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

/// Words of the vendor's tables; every one gives the frequency it is listed for.
const fn vendor_words(chip: Chip) -> &'static [u16] {
    match chip {
        Chip::Bm1380 => &[
            0x0581, 0x0681, 0x0781, 0x0881, 0x0981, 0x0a81, 0x0b81, 0x4c81, 0x4d81, 0x4e81, 0x4f81, 0x5081,
            0x5181, 0x5281, 0x5381, 0x4f02,
        ],
        Chip::Bm1382 => &[
            0x0783, 0x0983, 0x0b83, 0x0d83, 0x0f03, 0x1f07, 0x0782, 0x1006, 0x1086, 0x1106, 0x0882, 0x1286,
            0x1306, 0x0982,
        ],
        Chip::Bm1384 => &[
            0x0783, 0x0803, 0x0883, 0x0903, 0x0983, 0x0a03, 0x0a83, 0x1687, 0x0b83, 0x0c03, 0x0c83, 0x1a87,
            0x0d83, 0x0e03, 0x0f03, 0x1f07, 0x0782, 0x1006, 0x1086, 0x1106, 0x0882, 0x1206, 0x1286, 0x1306,
            0x0982, 0x1406, 0x0a02, 0x1506, 0x0a82, 0x1606, 0x0b02, 0x1706, 0x0b82, 0x1806, 0x0c02, 0x1906,
            0x0c82, 0x1a06, 0x0d02, 0x1b06, 0x0d82, 0x1c06, 0x0e02, 0x1d06, 0x0e82, 0x1e06, 0x0f02, 0x1f06,
            0x0f82, 0x1005, 0x0801, 0x1105, 0x0881, 0x1205, 0x0901, 0x1305, 0x0981,
        ],
    }
}

/// All words with N 0 or 1 whose oscillator is in range: 300 to 1000 MHz by the data sheet of the BM1380, 400 to 800 MHz
/// as far as the tables of the others go.
fn candidates(chip: Chip) -> impl Iterator<Item = PllWord> {
    let (ods, range) = match chip {
        Chip::Bm1380 => (0..=3, 300.0..=1000.0),
        Chip::Bm1382 | Chip::Bm1384 => (1..=3, 400.0..=800.0),
    };
    ods.flat_map(move |od| (0..=1).flat_map(move |n| (0..64).map(move |m| PllWord::new(chip, m, n, od))))
        .filter(move |word| range.contains(&word.oscillator().mhz()))
}
