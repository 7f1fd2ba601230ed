//! DS4432U: current DAC that trims a regulator (`docs/protocols/bitaxe-raw.md §6.6`).

use crate::units::Volts;

/// Its address.
pub const ADDRESS: u8 = 0x48;

/// Output 0.
pub const OUTPUT_0: u8 = 0xf8;
/// Output 1.
pub const OUTPUT_1: u8 = 0xf9;
/// Contents of an output after power-up: no current, nominal voltage.
pub const NOMINAL: u8 = 0x00;

/// The feedback network that the DAC's current is fed into.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Feedback {
    /// Feedback voltage of the regulator.
    pub reference: Volts,
    /// Resistor to the output, in ohms.
    pub upper_ohms: f64,
    /// Resistor to ground, in ohms.
    pub lower_ohms: f64,
    /// Current of code 127, in amperes.
    pub full_scale_amperes: f64,
    /// Below this voltage the current flows the other way (bit 7).
    pub nominal: Volts,
    /// What may be set, both ends excluded.
    pub limits: [Volts; 2],
}

/// Bitaxe boards.
pub const BITAXE: Feedback = Feedback {
    reference: Volts(0.6),
    upper_ohms: 4_750.0,
    lower_ohms: 3_320.0,
    full_scale_amperes: 98.921e-6,
    nominal: Volts(1.451),
    limits: [Volts(0.046), Volts(2.39)],
};

/// EmberOne 00: the voltage of the whole stack.
pub const EMBERONE: Feedback = Feedback {
    reference: Volts(0.8),
    upper_ohms: 3_570.0,
    lower_ohms: 1_020.0,
    full_scale_amperes: 0.997 / 39_000.0 * 127.0 / 16.0,
    nominal: Volts(3.6),
    limits: [Volts(2.875), Volts(4.324)],
};

impl Feedback {
    /// Contents of the output register for `volts`; `None` outside the limits. A magnitude above 127 is held at 127.
    pub fn code(&self, volts: Volts) -> Option<u8> {
        if !(volts > self.limits[0] && volts < self.limits[1]) {
            return None;
        }
        let current = self.reference.0 / self.lower_ohms - (volts.0 - self.reference.0) / self.upper_ohms;
        let magnitude = (current.abs() / self.full_scale_amperes * 127.0).ceil().min(127.0) as u8;
        Some(if volts < self.nominal { magnitude | 0x80 } else { magnitude })
    }

    /// The voltage that `code` sets.
    pub fn volts(&self, code: u8) -> Volts {
        let current = f64::from(code & 0x7f) / 127.0 * self.full_scale_amperes;
        let current = if code & 0x80 != 0 { -current } else { current };
        Volts(self.reference.0 + self.upper_ohms * (self.reference.0 / self.lower_ohms + current))
    }
}
