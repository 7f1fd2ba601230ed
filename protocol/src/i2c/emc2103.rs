//! EMC2103: fan controller with two remote diodes (`docs/protocols/bitaxe-raw.md §6.2`).

use super::Diode;
use crate::units::Rpm;

/// Its address.
pub const ADDRESS: u8 = 0x2e;

/// Remote diode 1, high byte; the low byte follows.
pub const EXTERNAL_1_HIGH: u8 = 0x02;
/// Remote diode 2, high byte; the low byte follows.
pub const EXTERNAL_2_HIGH: u8 = 0x04;
/// Ideality of diode 1; that of diode 2 follows.
pub const IDEALITY: u8 = 0x11;
/// Beta of diode 1; that of diode 2 follows.
pub const BETA: u8 = 0x14;
/// Configuration: hosts write 0.
pub const CONFIGURATION: u8 = 0x20;
/// Fan setting, 0 to 255.
pub const FAN_SETTING: u8 = 0x40;
/// Fan configuration: hosts write 0. The number is that of the PWM base.
pub const PWM_CONFIGURATION: u8 = 0x2a;
/// Tachometer, high byte; the low byte follows.
pub const TACH_HIGH: u8 = 0x4e;
/// Product id.
pub const PRODUCT: u8 = 0xfd;
/// Manufacturer id: [`SMSC`](super::emc2101::SMSC).
pub const MANUFACTURER: u8 = 0xfe;

/// High and low register of a diode. A broken one reads as 0x8000, whatever is wrong with it.
pub fn diode(bytes: [u8; 2]) -> Diode {
    if bytes == [0x80, 0x00] { Diode::Open } else { Diode::from_registers(bytes) }
}

/// The registers that show `diode`.
pub fn diode_registers(diode: Diode) -> [u8; 2] {
    match diode {
        Diode::Shows(_) => diode.to_registers(),
        Diode::Open | Diode::Short => [0x80, 0x00],
    }
}

/// Tachometer registers, high and low: a count of 13 bits, left aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tach(pub [u8; 2]);

impl Tach {
    /// Of a fan that stands still.
    pub const STOPPED: Self = Self([0xff, 0xf8]);

    /// The count.
    pub const fn count(self) -> u16 {
        u16::from_be_bytes(self.0) >> 3
    }

    /// Speed; 0 for counts that no fan gives.
    pub fn rpm(self) -> Rpm {
        match self.count() {
            0 | 0x1fff => Rpm(0.0),
            count => Rpm(7_864_320.0 / f64::from(count)),
        }
    }

    /// The count at a speed.
    pub fn at(rpm: Rpm) -> Self {
        let count = (7_864_320.0 / rpm.0).round().clamp(1.0, 8_191.0) as u16;
        Self((count << 3).to_be_bytes())
    }
}
