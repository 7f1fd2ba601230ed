//! What the registers of a chip make of its 25 MHz crystal (`docs/protocols/bm13xx.md §2, §6.2, §6.4, §8`).

use super::kind::{Kind, Layout};

const CRYSTAL: f64 = 25e6;
/// Range of the oscillator inside a PLL. Published are 1600 to 3200 MHz for BM1370 and 2000 to 3200 MHz for BM1362; chips
/// before them run much lower.
const OSCILLATOR: [f64; 2] = [1.5e9, 3.3e9];

/// Frequency in hertz of a PLL word; 0 when it does not lock. `minus_one`: its post dividers are one less than the divider.
fn pll(word: u32, minus_one: bool) -> f64 {
    let more = u32::from(minus_one);
    let (fb, reference) = (word >> 16 & 0xfff, word >> 8 & 0x3f);
    let divider = ((word >> 4 & 7) + more) * ((word & 7) + more);
    if reference == 0 || divider == 0 {
        return 0.0;
    }
    let oscillator = CRYSTAL * f64::from(fb) / f64::from(reference);
    let [low, high] = OSCILLATOR;
    let locks = oscillator <= high && (oscillator >= low || !minus_one);
    if locks { oscillator / f64::from(divider) } else { 0.0 }
}

/// The hash clock in hertz.
pub(super) fn hash_clock(kind: &Kind, register: impl Fn(u8) -> u32) -> f64 {
    match kind.layout {
        Layout::Bm1387 => pll(register(0x0c), false),
        Layout::Bm1397 if register(0x08) & 1 << 30 != 0 => pll(register(0x08), false),
        Layout::Address7 | Layout::Address8 if register(0x08) & 1 << 30 != 0 => pll(register(0x08), true),
        _ => 0.0,
    }
}

/// The rate at which the chip listens and talks, in baud.
pub(super) fn baud(kind: &Kind, register: impl Fn(u8) -> u32) -> u32 {
    let divided = |clock: f64, divider: u32| (clock / (8.0 * f64::from(divider + 1))) as u32;
    match kind.layout {
        Layout::Bm1387 => divided(CRYSTAL, register(0x1c) >> 8 & 0x1f),
        Layout::Bm1397 => {
            let misc = register(0x18);
            let divider = (misc >> 8 & 0x1f) | (misc >> 24 & 0xf) << 5;
            let fast = pll(register(0x68), false) / f64::from((register(0x28) >> 24 & 0xf) + 1);
            divided(if misc & 1 << 16 == 0 { CRYSTAL } else { fast }, divider)
        }
        Layout::Address7 | Layout::Address8 => {
            let uart = register(0x28);
            if kind.name == "BM1372" && uart & 1 << 31 != 0 {
                return 3_000_000;
            }
            let fast = pll(register(0x60), false) / f64::from((uart >> 20 & 0xf) + 1);
            divided(if uart >> 26 & 3 == 0 { CRYSTAL } else { fast }, uart >> 8 & 0xff)
        }
    }
}

/// Leading zero bits beyond 32 that a ticket mask asks for: the bits of each byte stand in reverse order.
pub(super) const fn ticket_bits(mask: u32) -> u32 {
    mask.swap_bytes().reverse_bits().trailing_ones()
}

#[cfg(test)]
mod tests {
    use super::super::kind::kind;
    use super::*;

    fn of<'a>(chip: &str, words: &'a [(u8, u32)]) -> impl Fn(u8) -> u32 + 'a {
        let reset = kind(chip).unwrap().reset;
        move |number| {
            let found = words.iter().chain(reset).find(|(register, _)| *register == number);
            found.map_or(0, |(_, value)| *value)
        }
    }

    #[test]
    fn clocks_are_those_of_captures_and_data_sheets() {
        let clock = |chip: &str, words: &[(u8, u32)]| hash_clock(kind(chip).unwrap(), of(chip, words)) / 1e6;
        assert_eq!(clock("BM1397", &[]), 400.0);
        assert_eq!(clock("BM1366", &[]), 50.0);
        assert_eq!(clock("BM1370", &[(0x08, 0x50d2_0240)]), 525.0);
        assert_eq!(clock("BM1362", &[(0x08, 0x40a2_0255)]), 56.25);
        assert_eq!(clock("BM1387", &[(0x0c, 0x0068_0221)]), 650.0);
        assert_eq!(clock("BM1387", &[]), 0.0);
        assert_eq!(clock("BM1370", &[(0x08, 0x10d2_0240)]), 0.0, "not enabled");
        // 153 MHz as a driver solves it that looks at the feedback divider alone: 4284 MHz inside
        assert_eq!(clock("BM1370", &[(0x08, 0x50ab_0163)]), 0.0, "does not lock");
    }

    #[test]
    fn rates_are_those_of_the_table_of_baud_changes() {
        let rate = |chip: &str, words: &[(u8, u32)]| baud(kind(chip).unwrap(), of(chip, words));
        for chip in ["BM1387", "BM1397", "BM1362", "BM1366", "BM1368", "BM1370"] {
            assert_eq!(rate(chip, &[]), 115_740, "{chip}");
        }
        assert_eq!(rate("BM1387", &[(0x1c, 0x0020_8180)]), 1_562_500);
        assert_eq!(rate("BM1397", &[(0x18, 0x0000_6031)]), 3_125_000);
        assert_eq!(
            rate("BM1397", &[(0x68, 0xc070_0111), (0x28, 0x0600_000f), (0x18, 0x0001_6731)]),
            6_250_000
        );
        assert_eq!(rate("BM1362", &[(0x28, 0x1130_0000)]), 3_125_000);
        assert_eq!(rate("BM1366", &[(0x28, 0x1130_0200)]), 1_041_666);
        assert_eq!(rate("BM1366", &[(0x60, 0xc070_0111), (0x28, 0x1560_0700)]), 6_250_000);
        assert_eq!(rate("BM1372", &[(0x28, 0x8000_0000)]), 3_000_000);
    }

    #[test]
    fn ticket_masks_are_read_with_each_byte_reversed() {
        let bits = [0x0000_0000, 0x0000_00fc, 0x0000_00ff, 0x0000_80ff, 0x0000_f0ff, 0x0000_ffff];
        assert_eq!(bits.map(ticket_bits), [0, 6, 8, 9, 12, 16]);
    }
}
