//! TPS53647 and TPS53667: multiphase regulators (`docs/protocols/bitaxe-raw.md §6.8`). Commands are those of PMBus.

use crate::units::Volts;

/// Its address.
pub const ADDRESS: u8 = 0x71;
/// Device code.
pub const DEVICE_CODE: u8 = 0xfc;
/// Contents of [`DEVICE_CODE`] of a TPS53647.
pub const TPS53647: u16 = 0x01f0;
/// Output voltage, word × 2^−9.
pub const READ_VOUT: u8 = 0xd4;
/// VID after the part has restarted by itself: a power fault.
pub const RESTARTED: u8 = 0x97;

/// The VID of a voltage; 0 is off.
pub fn vid(volts: Volts) -> u8 {
    if volts.0 <= 0.0 { 0 } else { (((volts.0 - 0.25) / 0.005).round() + 1.0).clamp(0.0, 255.0) as u8 }
}

/// The voltage of a VID.
pub fn volts(vid: u8) -> Volts {
    if vid == 0 { Volts(0.0) } else { Volts(0.25 + f64::from(vid - 1) * 0.005) }
}
