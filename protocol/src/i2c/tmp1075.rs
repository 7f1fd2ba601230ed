//! TMP1075: temperature sensor (`docs/protocols/bitaxe-raw.md §6.4`). Registers are 16 bits, most significant byte first.

use crate::units::Celsius;

/// Lowest address of the part; two on one board are at 0x4a and 0x4b.
pub const ADDRESS: u8 = 0x48;
/// Addresses on Hex and SupraHex; EmberOne has the first.
pub const BOARD_ADDRESSES: [u8; 2] = [0x4a, 0x4b];

/// Temperature.
pub const TEMPERATURE: u8 = 0x00;
/// Device id.
pub const DEVICE: u8 = 0x0f;
/// Contents of [`DEVICE`].
pub const TMP1075: u16 = 0x7500;

/// What [`TEMPERATURE`] shows: signed sixteenths of a degree in bits 15 to 4.
///
/// ```
/// use adit_protocol::i2c::tmp1075::celsius;
/// assert_eq!(celsius([0x32, 0x00]).0, 50.0);
/// assert_eq!(celsius([0xff, 0xf0]).0, -0.0625);
/// ```
pub fn celsius(bytes: [u8; 2]) -> Celsius {
    Celsius(f64::from(i16::from_be_bytes(bytes) >> 4) / 16.0)
}

/// Contents of [`TEMPERATURE`], rounded to sixteenths, −128 to 127.9375 °C.
pub fn registers(celsius: Celsius) -> [u8; 2] {
    let raw = (celsius.0 * 16.0).round().clamp(-2_048.0, 2_047.0) as i16;
    (raw << 4).to_be_bytes()
}
