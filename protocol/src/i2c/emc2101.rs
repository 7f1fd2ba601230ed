//! EMC2101: fan controller with one remote diode (`docs/protocols/bitaxe-raw.md §6.1`). Registers are read and written one
//! byte at a time.

use crate::units::Rpm;

/// Its address.
pub const ADDRESS: u8 = 0x4c;

/// Internal temperature, signed degrees Celsius.
pub const INTERNAL: u8 = 0x00;
/// Remote diode, high byte. Read it first: it latches the low byte. See [`Diode`](super::Diode).
pub const EXTERNAL_HIGH: u8 = 0x01;
/// Remote diode, low byte.
pub const EXTERNAL_LOW: u8 = 0x10;
/// Status.
pub const STATUS: u8 = 0x02;
/// Configuration.
pub const CONFIGURATION: u8 = 0x03;
/// Bit of [`CONFIGURATION`]: the alert pin is the tachometer input.
pub const TACH_INPUT: u8 = 0x04;
/// Conversion rate.
pub const CONVERSION_RATE: u8 = 0x04;
/// Ideality of the diode.
pub const IDEALITY: u8 = 0x17;
/// Beta compensation.
pub const BETA: u8 = 0x18;
/// Tachometer, low byte. Read it first: it latches the high byte.
pub const TACH_LOW: u8 = 0x46;
/// Tachometer, high byte.
pub const TACH_HIGH: u8 = 0x47;
/// Limit of the tachometer, low byte; the high byte follows.
pub const TACH_LIMIT_LOW: u8 = 0x48;
/// Fan configuration.
pub const FAN_CONFIGURATION: u8 = 0x4a;
/// What hosts write to [`FAN_CONFIGURATION`]: the fan follows [`FAN_SETTING`].
pub const DIRECT_PWM: u8 = 0x23;
/// Spin-up.
pub const SPIN_UP: u8 = 0x4b;
/// Fan setting, 0 to 63. See [`fan_setting`].
pub const FAN_SETTING: u8 = 0x4c;
/// PWM frequency.
pub const PWM_FREQUENCY: u8 = 0x4d;
/// PWM divider.
pub const PWM_DIVIDER: u8 = 0x4e;
/// Product id.
pub const PRODUCT: u8 = 0xfd;
/// Contents of [`PRODUCT`].
pub const PRODUCTS: [u8; 2] = [0x16, 0x28];
/// Manufacturer id.
pub const MANUFACTURER: u8 = 0xfe;
/// Contents of [`MANUFACTURER`], of all EMC parts.
pub const SMSC: u8 = 0x5d;
/// Revision.
pub const REVISION: u8 = 0xff;

/// Highest fan setting.
pub const FULL_SPEED: u8 = 63;

/// The fan setting for a speed in per cent, rounded down.
pub const fn fan_setting(percent: u8) -> u8 {
    let percent = if percent > 100 { 100 } else { percent as u16 };
    (63 * percent / 100) as u8
}

/// Clock counts of one tachometer period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tach(pub u16);

impl Tach {
    /// Of a fan that stands still.
    pub const STOPPED: Self = Self(0xffff);

    /// Speed; 0 for counts that no fan gives.
    pub fn rpm(self) -> Rpm {
        match self.0 {
            0 | 0xffff => Rpm(0.0),
            count => Rpm(5_400_000.0 / f64::from(count)),
        }
    }

    /// The count at a speed.
    pub fn at(rpm: Rpm) -> Self {
        Self((5_400_000.0 / rpm.0).round().clamp(1.0, 65_535.0) as u16)
    }
}
