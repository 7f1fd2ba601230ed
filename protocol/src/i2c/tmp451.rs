//! TMP451: temperature sensor with a remote diode (`docs/protocols/bitaxe-raw.md §6.4`).

use super::tmp1075;
use crate::units::Celsius;

/// Address on EmberOne.
pub const ADDRESS: u8 = 0x49;

/// Local temperature, high byte, signed; sixteenths in bits 7 to 4 of [`LOCAL_LOW`].
pub const LOCAL_HIGH: u8 = 0x00;
/// Local temperature, low byte.
pub const LOCAL_LOW: u8 = 0x15;
/// Remote temperature, high byte.
pub const REMOTE_HIGH: u8 = 0x01;
/// Remote temperature, low byte.
pub const REMOTE_LOW: u8 = 0x10;
/// Status.
pub const STATUS: u8 = 0x02;
/// Bit of [`STATUS`]: nothing is connected.
pub const REMOTE_OPEN: u8 = 0x04;
/// Bit of [`STATUS`]: a conversion is under way.
pub const BUSY: u8 = 0x80;
/// Starts a conversion.
pub const ONE_SHOT: u8 = 0x0f;
/// Offset added to the remote temperature, high byte, signed degrees.
pub const REMOTE_OFFSET_HIGH: u8 = 0x11;
/// Offset, low byte.
pub const REMOTE_OFFSET_LOW: u8 = 0x12;
/// n-factor correction.
pub const N_FACTOR: u8 = 0x23;
/// Manufacturer id.
pub const MANUFACTURER: u8 = 0xfe;
/// Contents of [`MANUFACTURER`].
pub const TEXAS_INSTRUMENTS: u8 = 0x55;

/// What a pair of high and low registers shows.
pub fn celsius(bytes: [u8; 2]) -> Celsius {
    tmp1075::celsius(bytes)
}

/// High and low register, rounded to sixteenths.
pub fn registers(celsius: Celsius) -> [u8; 2] {
    tmp1075::registers(celsius)
}
