//! A remote diode as the EMC fan controllers show it: eleven bits, eighths of a degree.

use crate::units::Celsius;

/// What a diode input shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Diode {
    /// A temperature.
    Shows(Celsius),
    /// Nothing is connected.
    Open,
    /// The inputs are connected to each other.
    Short,
}

impl Diode {
    /// EMC2101: high register, and the low register with the eighths in bits 7 to 5.
    ///
    /// ```
    /// use adit_protocol::{i2c::Diode, units::Celsius};
    /// assert_eq!(Diode::from_registers([0x19, 0xa0]), Diode::Shows(Celsius(25.625)));
    /// assert_eq!(Diode::from_registers([0x7f, 0x00]), Diode::Open);
    /// ```
    pub fn from_registers(bytes: [u8; 2]) -> Self {
        let raw = i16::from_be_bytes(bytes) >> 5;
        match raw {
            0x3f8 => Self::Open,
            0x3ff => Self::Short,
            raw => Self::Shows(Celsius(f64::from(raw) / 8.0)),
        }
    }

    /// High and low register; temperatures are rounded to eighths and stay within −64 to 126.875 °C.
    pub fn to_registers(self) -> [u8; 2] {
        let raw = match self {
            Self::Open => 0x3f8,
            Self::Short => 0x3ff,
            Self::Shows(Celsius(celsius)) => (celsius * 8.0).round().clamp(-512.0, 1_015.0) as i16,
        };
        (raw << 5).to_be_bytes()
    }

    /// The temperature, if it shows one.
    pub const fn celsius(self) -> Option<Celsius> {
        match self {
            Self::Shows(celsius) => Some(celsius),
            Self::Open | Self::Short => None,
        }
    }
}
