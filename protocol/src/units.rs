//! Physical units as types, so that a number never travels without its unit.

use std::fmt;

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident, $suffix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub f64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{:.2} ", $suffix), self.0)
            }
        }
    };
}

unit!(
    /// Temperature in degrees Celsius.
    Celsius, "°C");
unit!(
    /// Electric potential in volts.
    Volts, "V");
unit!(
    /// Electric current in amperes.
    Amperes, "A");
unit!(
    /// Power in watts.
    Watts, "W");
unit!(
    /// Rotations per minute.
    Rpm, "rpm");

/// Frequency in hertz.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize)]
pub struct Hertz(pub f64);

impl Hertz {
    /// `mhz` megahertz.
    pub const fn from_mhz(mhz: f64) -> Self {
        Self(mhz * 1e6)
    }

    /// In megahertz.
    pub const fn mhz(self) -> f64 {
        self.0 / 1e6
    }
}

impl fmt::Display for Hertz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MHz", self.mhz())
    }
}

/// Hashes (of whole headers) per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize)]
pub struct HashRate(pub f64);

impl HashRate {
    /// `mhs` million hashes per second.
    pub const fn from_mhs(mhs: f64) -> Self {
        Self(mhs * 1e6)
    }
}

impl fmt::Display for HashRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scale, prefix) = match self.0 {
            r if r >= 1e15 => (1e15, "P"),
            r if r >= 1e12 => (1e12, "T"),
            r if r >= 1e9 => (1e9, "G"),
            r if r >= 1e6 => (1e6, "M"),
            r if r >= 1e3 => (1e3, "k"),
            _ => (1.0, ""),
        };
        write!(f, "{:.2} {prefix}H/s", self.0 / scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_printed_with_their_name() {
        assert_eq!(HashRate::from_mhs(336.0).to_string(), "336.00 MH/s");
        assert_eq!(HashRate(1.6e9).to_string(), "1.60 GH/s");
        assert_eq!(Celsius(41.5).to_string(), "41.50 °C");
        assert_eq!(Hertz::from_mhz(193.75).to_string(), "193.75 MHz");
    }
}
