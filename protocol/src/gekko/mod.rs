//! GekkoScience sticks with BM1384 chips: what their host must know beyond the frames of
//! [`Bm1384Codec`](crate::bm13xx::Bm1384Codec), and the pins and the [`telemetry`] of those with later chips, whose frames are
//! those of [`crate::bm13xx`] (`docs/protocols/gekko.md`).

pub mod telemetry;

use crate::bm13xx::{Bm1384Work, Ticket};
use crate::icarus::{Chip, PllWord};
use crate::pow::Midstate;
use crate::units::{HashRate, Hertz};

/// Cores of a BM1384: hashes per clock (§1).
pub const CORES: u16 = 55;
/// Works that open the cores, each 10 ms after the one before (§4.3).
pub const OPENING_WORKS: u16 = CORES + 2;
/// Register 0 of a BM1384, bits 31 to 16 (§4.2).
pub const CHIP_ID: u16 = 0x1384;
/// Register of the clock (§6.1).
pub const PLL_REGISTER: u8 = 4;
/// Clocks are multiples of it, above 400 MHz of twice as much (§6.1).
pub const CLOCK_STEP_MHZ: f64 = 6.25;
/// Most chips whose addresses differ.
pub const MOST_CHIPS: u16 = 255;

/// Address of chip `index` of `chips` (§5): the first nonce byte where its part begins.
pub const fn address(index: u16, chips: u16) -> u8 {
    (index * span(chips)) as u8
}

/// The chip of `chips` that found `nonce` (header bytes 76 to 79, §10.6).
pub const fn chip_of(nonce: [u8; 4], chips: u16) -> u16 {
    let index = nonce[0] as u16 / span(chips);
    let last = chips.saturating_sub(1);
    if index < last { index } else { last }
}

/// Nonces that each of `chips` is told to try (§7.1).
pub const fn nonce_count(chips: u16) -> u32 {
    u32::MAX / if chips == 0 { 1 } else { chips as u32 }
}

/// Pins of the FT-X bridge, all driven: pin 1 is the chips' reset, 0 holds them in it (§2.2).
pub const CBUS: u8 = 0x0f;
/// Levels of [`CBUS`] with which the chips run.
pub const CBUS_RUN: u8 = 0x02;
/// Levels of [`CBUS`] with which they are held in reset.
pub const CBUS_RESET: u8 = 0x00;
/// Pins of the CP2105: low they power the chips, high they do not (§2.4).
pub const LATCH: u8 = 0x07;
/// Levels of [`LATCH`] with power.
pub const LATCH_ON: u8 = 0x00;
/// Levels of [`LATCH`] without.
pub const LATCH_OFF: u8 = 0x07;

/// Of the units of a BM1397 on a Compac F so many hash, 52.5 of 67.2 (§12.1).
pub const COMPAC_F_SHARE: f64 = 52.5 / 67.2;

const fn span(chips: u16) -> u16 {
    match chips {
        0 => 256,
        1..=256 => 256 / chips,
        _ => 1,
    }
}

/// The word for the clock nearest to `wanted`, 6.25 to 500 MHz (§6.1). Above 400 MHz only multiples of 12.5 MHz are chosen: the
/// words that the common host sends for those between divide by 18.
///
/// ```
/// use adit_protocol::{gekko, icarus::PllWord, units::Hertz};
/// assert_eq!(gekko::clock_word(Hertz::from_mhz(150.0)), PllWord(0x0b83));
/// assert_eq!(gekko::clock_word(Hertz::from_mhz(6.25)), PllWord(0x0003));
/// ```
pub fn clock_word(wanted: Hertz) -> PllWord {
    let steps = (wanted.mhz() / CLOCK_STEP_MHZ).round().clamp(1.0, 80.0);
    if steps < 16.0 {
        // One multiplier step for each 6.25 MHz below the lowest of the vendor's table.
        return PllWord(0x0783 - 0x80 * (16 - steps as u16));
    }
    PllWord::for_frequency(Chip::Bm1384, Hertz::from_mhz(steps * CLOCK_STEP_MHZ))
}

/// The clock that `word` gives.
pub fn clock(word: PllWord) -> Hertz {
    word.frequency(Chip::Bm1384)
}

/// What register 4 holds while `word` is set (§6.1): `80 m n od`.
pub const fn pll_register(word: PllWord) -> u32 {
    0x80 << 24 | (word.m() as u32) << 16 | (word.n() as u32) << 8 | word.od() as u32
}

/// Hash rate of `chips` at `clock`.
pub fn rate(clock: Hertz, chips: u16) -> HashRate {
    HashRate(clock.0 * f64::from(CORES) * f64::from(chips))
}

/// The ticket with which sticks of this rate report about two nonces a second at most (§9).
pub fn ticket(rate: HashRate) -> Ticket {
    Ticket::from_bits((rate.0 / 2_f64.powi(33)).max(1.0).log2().ceil().min(8.0) as u8)
}

/// The work that opens a core and has no solution (§4.3).
pub const fn opening_work(number: u16) -> Bm1384Work {
    Bm1384Work {
        midstate: Midstate([0; 8]),
        ticket: 0,
        nonce_count: 0,
        job_id: (number % Bm1384Work::JOB_IDS as u16) as u8,
        nbits: 0,
        ntime: 0,
        merkle_tail: [0; 4],
    }
}
