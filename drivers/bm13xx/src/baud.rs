//! Baud rates and what sets them (`docs/protocols/bm13xx.md §8`).

use adit_protocol::bm13xx::{Chip, Command, FastUart, MiscControl1387, MiscControl1397, Register, baud};

use crate::setup::RESET_BAUD;

/// A chip's rate and the host's may differ by so much.
const TOLERANCE: f64 = 0.045;
/// The one rate a BM1372 can be set to.
const BM1372_BAUD: u32 = 3_000_000;
const MOST: u32 = 3_125_000;

/// The rate a chain of these chips usually works at: the slowest at which jobs do not crowd the line.
pub(crate) const fn usual(chip: Chip) -> u32 {
    match chip {
        Chip::Bm1387 => 1_562_500,
        Chip::Bm1397 | Chip::Bm1362 | Chip::Bm1366 | Chip::Bm1368 | Chip::Bm1370 => 1_000_000,
        Chip::Bm1372 => BM1372_BAUD,
    }
}

/// The divider whose rate is near enough to `wanted`.
fn divider(wanted: u32) -> Option<u16> {
    if wanted == 0 {
        return None;
    }
    let divider = (f64::from(MOST) / f64::from(wanted)).round().clamp(1.0, 32.0) as u16 - 1;
    let off = (f64::from(baud(divider)) / f64::from(wanted) - 1.0).abs();
    (off <= TOLERANCE).then_some(divider)
}

/// Whether chips of this type can be set to `wanted`.
pub(crate) fn is_possible(chip: Chip, wanted: u32) -> bool {
    wanted == RESET_BAUD
        || if chip == Chip::Bm1372 { wanted == BM1372_BAUD } else { divider(wanted).is_some() }
}

/// The writes that set every chip to `wanted`; none where it cannot be set.
pub(crate) fn writes(chip: Chip, wanted: u32) -> Vec<Command> {
    let all = Command::write_all;
    if chip == Chip::Bm1372 {
        if wanted != BM1372_BAUD {
            return Vec::new();
        }
        return vec![all(Register::AUTO_WORK, 0), all(Register::FAST_UART, 0x8000_0000)];
    }
    let Some(divider) = divider(wanted) else { return Vec::new() };
    match chip {
        Chip::Bm1387 => vec![all(Register::V0_MISC_CONTROL, misc_1387(divider).bits())],
        Chip::Bm1397 => vec![all(Register::MISC_CONTROL, MiscControl1397::with_divider(divider).bits())],
        _ => vec![all(Register::FAST_UART, FastUart { divider: divider as u8, old: true }.bits())],
    }
}

/// Miscellaneous control of a BM1387 at work: clock inverted, cores gated until they are opened, several midstates (§11.7).
const fn misc_1387(divider: u16) -> MiscControl1387 {
    MiscControl1387 {
        keep_baud: false,
        invert_clock: true,
        i2c: false,
        gate_block: true,
        sda: false,
        divider: divider as u8,
        multi_midstate: true,
        tf: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(chip: Chip, baud: u32) -> Vec<u32> {
        let values = writes(chip, baud).into_iter().map(|command| match command {
            Command::Write { value, .. } => value,
            other => panic!("{other:?}"),
        });
        values.collect()
    }

    #[test]
    fn rates_are_set_by_the_words_that_hosts_write() {
        assert_eq!(value(Chip::Bm1366, 1_000_000), [0x1130_0200]);
        assert_eq!(value(Chip::Bm1362, 3_125_000), [0x1130_0000]);
        assert_eq!(value(Chip::Bm1397, 1_562_500), [0x0000_6131]);
        assert_eq!(value(Chip::Bm1387, 1_562_500), [0x0020_8180]);
        assert_eq!(value(Chip::Bm1372, 3_000_000), [0, 0x8000_0000]);
    }

    #[test]
    fn a_rate_that_no_divider_comes_near_is_not_possible() {
        assert!(!is_possible(Chip::Bm1370, 2_000_000));
        assert!(!is_possible(Chip::Bm1372, 1_000_000));
        for chip in Chip::ALL {
            assert!(is_possible(chip, usual(chip)) && is_possible(chip, RESET_BAUD));
        }
        assert!(writes(Chip::Bm1370, 0).is_empty());
    }
}
