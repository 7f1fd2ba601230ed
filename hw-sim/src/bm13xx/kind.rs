//! The chips of the family as hardware (`docs/protocols/bm13xx.md §1, §6.1, §9`).

use adit_protocol::bm13xx::Generation;

/// What one type of chip is.
#[derive(Debug, PartialEq)]
pub(crate) struct Kind {
    /// Type designation.
    pub(crate) name: &'static str,
    pub(crate) generation: Generation,
    /// Upper half of register 0.
    pub(crate) id: u16,
    /// Bits 15 to 8 of register 0.
    pub(crate) id_cores: u8,
    pub(crate) cores: u32,
    /// Hashing units of one core.
    pub(crate) subs: u32,
    /// Units that work.
    pub(crate) units: u32,
    /// Where an answer says who found the nonce.
    pub(crate) layout: Layout,
    /// How the answer's id byte comes from the job byte.
    pub(crate) ids: Ids,
    /// Registers that are not 0 after reset.
    pub(crate) reset: &'static [(u8, u32)],
    /// Core registers that are not 0 after reset.
    pub(crate) core_reset: &'static [(u8, u8)],
    /// Clock and core voltage at which the boards run it, in megahertz and volts.
    pub(crate) usual: (f64, f64),
    /// What one chip draws there, in watts.
    pub(crate) watts: f64,
}

/// Bit fields of a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Number in the header: core in bits 30 to 24, address in bits 7 to 2, the counter in the others.
    Bm1387,
    /// Most significant byte first: core 31 to 24, small core 23 and 22, address 21 to 14.
    Bm1397,
    /// Core 31 to 25; the counter below starts at address bits 7 to 1 in 24 to 18.
    Address7,
    /// Core 31 to 25; the counter below starts at the address in 24 to 17, or at the nonce offset.
    Address8,
}

/// Id bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    /// Job byte, plus the index of the midstate.
    Midstate,
    /// Job byte bits 7 to 3, then the sub-core.
    Upper5,
    /// Job byte bits 6 to 3 moved up by one, then the sub-core.
    Upper4,
}

const BM1366_RESET: &[(u8, u32)] = &[
    (0x04, 0x0001_2a89),
    (0x08, 0xc054_0165),
    (0x18, 0x0000_c100),
    (0x20, 0x0000_0003),
    (0x24, 0x0010_0000),
    (0x28, 0x0130_1a00),
    (0x2c, 0x000f_0000),
    (0x30, 0x0000_0070),
    (0x40, 0x1eaf_5fbe),
    (0x58, 0x0001_2111),
    (0x5c, 0x0000_ffff),
    (0x60, 0x2050_0174),
    (0x64, 0x2050_0174),
    (0x6c, 0x0001_0200),
    (0x9c, 0x00fd_0077),
    (0xa4, 0x0000_ffff),
    (0xa8, 0x0007_0000),
    (0xbc, 0x0000_3313),
    (0xc0, 0x0000_2000),
    (0xd0, 0x0000_0070),
    (0xd4, 0x0037_6400),
    (0xd8, 0x3030_3030),
    (0xdc, 0x0000_ffff),
    (0xec, 0x0000_0008),
];

/// BM1362: published only where it differs from BM1366; the rest is taken from there.
const BM1362_RESET: &[(u8, u32)] = &[
    (0x08, 0xc054_0165),
    (0x18, 0x0000_c100),
    (0x28, 0x0130_1a00),
    (0x2c, 0x000f_0000),
    (0x58, 0x0001_2111),
    (0x5c, 0x0000_ffff),
    (0x60, 0x2050_0174),
    (0x64, 0x2050_0174),
    (0xa4, 0x0000_ffff),
];

const BM1370_RESET: &[(u8, u32)] = &[
    (0x08, 0xc054_0165),
    (0x18, 0x0000_c100),
    (0x20, 0x0000_0007),
    (0x24, 0x0010_0000),
    (0x28, 0x0130_1a00),
    (0x2c, 0x000f_0000),
    (0x30, 0x0000_0080),
    (0x40, 0x0802_0100),
    (0x58, 0x0001_2111),
    (0x5c, 0x0000_ffff),
    (0x60, 0x2050_0174),
    (0x64, 0x2050_0174),
    (0x6c, 0x0001_0200),
    (0x9c, 0x00f7_0073),
    (0xa4, 0x0000_ffff),
    (0xa8, 0x0007_0000),
    (0xb8, 0x2000_0000),
    (0xbc, 0x0000_3313),
    (0xc0, 0x0000_2000),
    (0xc4, 0x0000_b850),
];

const BM1397_RESET: &[(u8, u32)] = &[
    (0x08, 0xc060_0161),
    (0x18, 0x0000_3a01),
    (0x1c, 0x0100_0000),
    (0x20, 0x0000_ffff),
    (0x28, 0x0600_000f),
    (0x2c, 0x000f_0000),
    (0x3c, 0x0000_4000),
    (0x44, 0x0000_0100),
    (0x48, 0xff00_0000),
    (0x58, 0x0211_2111),
    (0x5c, 0x0000_ffff),
    (0x60, 0x0064_0111),
    (0x64, 0x0068_0111),
    (0x68, 0x0070_0111),
    (0x70, 0x0304_0607),
    (0x74, 0x0304_0506),
    (0x78, 0x0304_0506),
    (0x7c, 0x0304_0506),
    (0x80, 0xd95c_8410),
    (0x84, 0xfb73_ea62),
    (0x90, 0x0000_0070),
    (0x94, 0x0037_6400),
    (0x98, 0x3030_3030),
    (0x9c, 0x0000_ffff),
];

/// Its misc control says divider 26; its PLL does not run before it is set.
const BM1387_RESET: &[(u8, u32)] = &[(0x1c, 0x0000_1a00)];

const fn v2(name: &'static str, id: u16, cores: u32, subs: u32, units: u32) -> Kind {
    Kind {
        name,
        generation: Generation::V2,
        id,
        id_cores: 0,
        cores,
        subs,
        units,
        layout: Layout::Address8,
        ids: Ids::Upper4,
        reset: &[],
        core_reset: &[],
        usual: (500.0, 1.2),
        watts: 12.0,
    }
}

const BM1387: Kind = Kind {
    generation: Generation::V0,
    id_cores: 0x90,
    layout: Layout::Bm1387,
    ids: Ids::Midstate,
    reset: BM1387_RESET,
    usual: (650.0, 0.45),
    watts: 6.5,
    ..v2("BM1387", 0x1387, 114, 1, 114)
};
const BM1397: Kind = Kind {
    generation: Generation::V1,
    id_cores: 0x18,
    layout: Layout::Bm1397,
    ids: Ids::Midstate,
    reset: BM1397_RESET,
    usual: (425.0, 1.4),
    watts: 9.0,
    ..v2("BM1397", 0x1397, 168, 4, 672)
};
const BM1362: Kind = Kind {
    id_cores: 0x03,
    layout: Layout::Address7,
    ids: Ids::Upper5,
    reset: BM1362_RESET,
    usual: (525.0, 0.3),
    watts: 6.0,
    ..v2("BM1362", 0x1362, 65, 8, 514)
};
const BM1368: Kind = Kind {
    reset: BM1370_RESET,
    core_reset: &[(2, 0x55)],
    usual: (490.0, 1.166),
    watts: 11.0,
    ..v2("BM1368", 0x1368, 80, 16, 1276)
};
const BM1370: Kind = Kind {
    reset: BM1370_RESET,
    core_reset: &[(0, 0x52), (2, 0x55), (6, 0x08), (13, 0x15), (16, 0xbe), (23, 0x80)],
    usual: (525.0, 1.15),
    watts: 15.0,
    ..v2("BM1370", 0x1370, 128, 16, 2040)
};

/// All chips. Clock and voltage: `docs/protocols/bm13xx.md §12`; watts: self-test power of the boards less their offset
/// (`docs/protocols/bitaxe-raw.md §7`), for chips without such a board an estimate.
static KINDS: &[Kind] = &[
    BM1387,
    BM1397,
    BM1362,
    Kind {
        layout: Layout::Address7,
        ids: Ids::Upper5,
        reset: BM1366_RESET,
        core_reset: &[(0, 0x98), (2, 0x55), (5, 0x40), (7, 0x11)],
        usual: (485.0, 1.2),
        watts: 9.0,
        ..v2("BM1366", 0x1366, 112, 8, 894)
    },
    BM1368,
    BM1370,
    Kind { reset: BM1370_RESET, usual: (327.0, 1.0), watts: 25.0, ..v2("BM1372", 0x1372, 128, 16, 6725) },
];

/// Chips as they are on sticks and pods (`docs/protocols/gekko.md §6.3, §12.1, §19.2`). A host that does not set the clock finds
/// the one it believes in; the voltage is that of one chip as these boards' hosts count it.
static STICKS: &[(&str, Kind)] = &[
    ("newpac", Kind { reset: &[(0x1c, 0x0000_1a00), (0x0c, 0x0020_0241)], ..BM1387 }),
    ("r606", Kind { reset: &[(0x1c, 0x0000_1a00), (0x0c, 0x0058_0221)], ..BM1387 }),
    // So many units do not hash, as it finds less than its chip could.
    ("compac-f", Kind { units: 525, ..BM1397 }),
    ("compac-a2", Kind { usual: (525.0, 0.27), ..BM1370 }),
    ("compac-a2", Kind { usual: (490.0, 0.27), ..BM1368 }),
    ("terminus-a2", Kind { usual: (525.0, 0.27), ..BM1370 }),
    ("terminus-a2", Kind { usual: (490.0, 0.27), ..BM1368 }),
];

/// The chip of the stick `key`, which is called `name`, where it is not as it always is.
pub(crate) fn kind_on(key: &str, name: &str) -> Option<&'static Kind> {
    let own = STICKS.iter().find(|(stick, kind)| *stick == key && kind.name == name);
    own.map(|(_, kind)| kind).or_else(|| kind(name))
}

/// The chip called `name`.
pub(crate) fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

impl Kind {
    /// Units of one core as far as addresses and versions go; BM1372 has more units than that, grouped in an unknown way.
    pub(crate) const fn lanes(&self) -> u32 {
        let named = self.cores * self.subs;
        if self.units < named { self.units } else { named }
    }

    /// Core that the last four header bytes name.
    pub(crate) const fn core_of(&self, nonce: [u8; 4]) -> u32 {
        match self.layout {
            Layout::Bm1387 => (nonce[3] & 0x7f) as u32,
            Layout::Bm1397 => nonce[0] as u32,
            Layout::Address7 | Layout::Address8 => (nonce[0] >> 1) as u32,
        }
    }

    /// Whether jobs hold midstates whatever its registers say.
    pub(crate) const fn is_midstate_chip(&self) -> bool {
        !matches!(self.generation, Generation::V2)
    }
}
