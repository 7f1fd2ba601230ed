//! EMC2302: controller of two fans (`docs/protocols/bitaxe-raw.md §6.3`).

use super::emc2103;
use crate::units::Rpm;

/// Its address.
pub const ADDRESS: u8 = 0x2f;

/// Setting of each fan, 0 to 255.
pub const FAN_SETTING: [u8; 2] = [0x30, 0x40];
/// Configuration of each fan: bits 6 and 5 are the [`Range`].
pub const CONFIGURATION: [u8; 2] = [0x32, 0x42];
/// Tachometer of each fan, high byte; the low byte follows.
pub const TACH_HIGH: [u8; 2] = [0x3e, 0x4e];
/// Product id.
pub const PRODUCT: u8 = 0xfd;
/// Manufacturer id: [`SMSC`](super::emc2101::SMSC).
pub const MANUFACTURER: u8 = 0xfe;

/// Bits 6 and 5 of a fan's configuration: the slowest fan that can be measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range(u8);

impl Range {
    /// From the contents of a [`CONFIGURATION`] register.
    pub const fn of(configuration: u8) -> Self {
        Self(configuration >> 5 & 3)
    }

    /// 1, 2, 4 or 8.
    pub const fn multiplier(self) -> u8 {
        1 << self.0
    }

    /// Speed that tachometer registers show; 0 when the fan is too slow to be measured.
    pub fn rpm(self, tach: [u8; 2]) -> Rpm {
        match emc2103::Tach(tach).count() {
            0 => Rpm(0.0),
            _ if tach[0] == 0xff => Rpm(0.0),
            count => Rpm(3_932_160.0 * f64::from(self.multiplier()) / f64::from(count)),
        }
    }

    /// Tachometer registers at a speed.
    pub fn tach(self, rpm: Rpm) -> [u8; 2] {
        let count = (3_932_160.0 * f64::from(self.multiplier()) / rpm.0).round().clamp(1.0, 8_191.0);
        ((count as u16) << 3).to_be_bytes()
    }
}
