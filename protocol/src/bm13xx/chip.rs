//! What differs from chip to chip: one row each (`docs/protocols/bm13xx.md §1, §6.4, §9`).

use super::{Generation, Layout, PllEncoding, PllLimits, Register};
use crate::units::{HashRate, Hertz};

/// A chip type of the family. BM1384 has a protocol of its own ([`Bm1384Codec`](super::Bm1384Codec)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chip {
    /// S9, T9, R4, USB sticks.
    Bm1387,
    /// S17, T17, Bitaxe Max, USB sticks.
    Bm1397,
    /// S19j Pro, EmberOne00, USB sticks.
    Bm1362,
    /// S19 XP, S19k Pro, Bitaxe Ultra and Hex.
    Bm1366,
    /// S21, T21, Bitaxe Supra and SupraHex, NerdQAxe+.
    Bm1368,
    /// S21 Pro, S21 XP, Bitaxe Gamma, NerdQAxe++.
    Bm1370,
    /// BM1372 and BM1373: one model with two ids.
    Bm1372,
}

/// The row of a chip type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChipFacts {
    /// Which.
    pub chip: Chip,
    /// As it is written, and as [`Chips::kind`](crate::devices::Chips::kind) of a model.
    pub name: &'static str,
    /// What bits 31 to 16 of register 0 may say.
    pub ids: &'static [u16],
    /// How its frames look.
    pub generation: Generation,
    /// Cores. They cannot be read from the chip.
    pub cores: u16,
    /// Sub-cores of a core: so many versions are searched at the same time.
    pub subcores: u16,
    /// Hashing units that work: hashes per clock. Of BM1372 an empirical number.
    pub units: u16,
    /// What its PLL can do. No source limits the oscillator of BM1387 and BM1397; what is known to run lies within that of
    /// their successors.
    pub pll: PllLimits,
    /// Where core and chip stand in a nonce.
    pub layout: Layout,
    /// Ticks of the crystal by which a sweep runs over; kept free at the end of each slice (§9.2).
    pub guard_ticks: u32,
}

const FACTS: &[ChipFacts] = &[
    ChipFacts {
        chip: Chip::Bm1387,
        name: "BM1387",
        ids: &[0x1387],
        generation: Generation::V0,
        cores: 114,
        subcores: 1,
        units: 114,
        pll: PllLimits {
            encoding: PllEncoding::Direct,
            feedback: (32, 128),
            vco_mhz: (400.0, 3200.0),
            equal_dividers: true,
        },
        layout: Layout::Bm1387,
        guard_ticks: 0,
    },
    ChipFacts {
        chip: Chip::Bm1397,
        name: "BM1397",
        ids: &[0x1397],
        generation: Generation::V1,
        cores: 168,
        subcores: 4,
        units: 672,
        pll: PllLimits {
            encoding: PllEncoding::Direct,
            feedback: (60, 200),
            vco_mhz: (750.0, 3200.0),
            equal_dividers: false,
        },
        layout: Layout::Bm1397,
        guard_ticks: 0,
    },
    ChipFacts {
        chip: Chip::Bm1362,
        name: "BM1362",
        ids: &[0x1362],
        generation: Generation::V2,
        cores: 65,
        subcores: 8,
        units: 514,
        pll: PllLimits {
            encoding: PllEncoding::MinusOne,
            feedback: (16, 250),
            vco_mhz: (2000.0, 3200.0),
            equal_dividers: true,
        },
        layout: Layout::SevenBits,
        guard_ticks: GUARD,
    },
    ChipFacts {
        chip: Chip::Bm1366,
        name: "BM1366",
        ids: &[0x1366],
        generation: Generation::V2,
        cores: 112,
        subcores: 8,
        units: 894,
        pll: PllLimits {
            encoding: PllEncoding::MinusOne,
            feedback: (144, 235),
            vco_mhz: (1800.0, 2937.5),
            equal_dividers: true,
        },
        layout: Layout::SevenBits,
        guard_ticks: GUARD,
    },
    ChipFacts {
        chip: Chip::Bm1368,
        name: "BM1368",
        ids: &[0x1368],
        generation: Generation::V2,
        cores: 80,
        subcores: 16,
        units: 1276,
        pll: PllLimits {
            encoding: PllEncoding::MinusOne,
            feedback: (144, 235),
            vco_mhz: (1800.0, 2937.5),
            equal_dividers: true,
        },
        layout: Layout::EightBits,
        guard_ticks: GUARD,
    },
    ChipFacts {
        chip: Chip::Bm1370,
        name: "BM1370",
        ids: &[0x1370],
        generation: Generation::V2,
        cores: 128,
        subcores: 16,
        units: 2040,
        pll: BM1370_PLL,
        layout: Layout::EightBits,
        guard_ticks: GUARD,
    },
    ChipFacts {
        chip: Chip::Bm1372,
        name: "BM1372",
        ids: &[0x1372, 0x1373],
        generation: Generation::V2,
        cores: 128,
        subcores: 16,
        units: 6725,
        pll: BM1370_PLL,
        layout: Layout::EightBits,
        guard_ticks: GUARD,
    },
];

/// The larger of two guards in use, twice the overshoot that was measured.
const GUARD: u32 = 268;

const BM1370_PLL: PllLimits = PllLimits {
    encoding: PllEncoding::MinusOne,
    feedback: (160, 239),
    vco_mhz: (1600.0, 3200.0),
    equal_dividers: true,
};

impl Chip {
    /// Every chip type.
    pub const ALL: [Self; 7] =
        [Self::Bm1387, Self::Bm1397, Self::Bm1362, Self::Bm1366, Self::Bm1368, Self::Bm1370, Self::Bm1372];

    /// Its row.
    pub const fn facts(self) -> &'static ChipFacts {
        &FACTS[self as usize]
    }

    /// The type whose register 0 holds `id` in bits 31 to 16.
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|chip| chip.facts().ids.contains(&id))
    }

    /// The type that is written `name`.
    ///
    /// ```
    /// use adit_protocol::bm13xx::Chip;
    /// assert_eq!(Chip::from_name("BM1366"), Some(Chip::Bm1366));
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|chip| chip.facts().name == name)
    }

    /// Whether it rolls versions by itself and takes whole headers.
    pub const fn rolls_versions(self) -> bool {
        matches!(self.facts().generation, Generation::V2)
    }

    /// Hash rate of `chips` chips at `clock`.
    ///
    /// ```
    /// use adit_protocol::{bm13xx::Chip, units::Hertz};
    /// assert_eq!(Chip::Bm1370.hash_rate(Hertz::from_mhz(525.0), 1).to_string(), "1.07 TH/s");
    /// ```
    pub fn hash_rate(self, clock: Hertz, chips: u16) -> HashRate {
        HashRate(clock.0 * f64::from(self.facts().units) * f64::from(chips))
    }

    /// The register of its hash clock's PLL.
    pub const fn pll_register(self) -> Register {
        if matches!(self, Self::Bm1387) { Register::V0_PLL } else { Register::PLL0 }
    }

    /// The register of its ticket mask.
    pub const fn ticket_register(self) -> Register {
        if matches!(self, Self::Bm1387) { Register::V0_TICKET_MASK } else { Register::TICKET_MASK }
    }

    /// The register of its miscellaneous control.
    pub const fn misc_register(self) -> Register {
        if matches!(self, Self::Bm1387) { Register::V0_MISC_CONTROL } else { Register::MISC_CONTROL }
    }
}
