//! INA260: power monitor (`docs/protocols/bitaxe-raw.md §6.5`). Registers are 16 bits, most significant byte first.

use crate::units::{Amperes, Volts, Watts};

/// Its address.
pub const ADDRESS: u8 = 0x40;

/// Current, signed, 1.25 mA per count.
pub const CURRENT: u8 = 0x01;
/// Bus voltage, 1.25 mV per count.
pub const VOLTAGE: u8 = 0x02;
/// Power, 10 mW per count.
pub const POWER: u8 = 0x03;
/// Manufacturer id.
pub const MANUFACTURER: u8 = 0xfe;
/// Contents of [`MANUFACTURER`].
pub const TEXAS_INSTRUMENTS: u16 = 0x5449;
/// Die id.
pub const DIE: u8 = 0xff;

/// What [`CURRENT`] shows.
pub fn current(word: u16) -> Amperes {
    Amperes(f64::from(word as i16) / 800.0)
}

/// Contents of [`CURRENT`].
pub fn current_word(amperes: Amperes) -> u16 {
    (amperes.0 * 800.0).round() as i16 as u16
}

/// What [`VOLTAGE`] shows.
pub fn voltage(word: u16) -> Volts {
    Volts(f64::from(word) / 800.0)
}

/// Contents of [`VOLTAGE`].
pub fn voltage_word(volts: Volts) -> u16 {
    (volts.0 * 800.0).round() as u16
}

/// What [`POWER`] shows.
pub fn power(word: u16) -> Watts {
    Watts(f64::from(word) / 100.0)
}

/// Contents of [`POWER`].
pub fn power_word(watts: Watts) -> u16 {
    (watts.0 * 100.0).round() as u16
}
