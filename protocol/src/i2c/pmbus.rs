//! PMBus: commands, number formats and status bits (`docs/protocols/bitaxe-raw.md §6.7`). Words travel low byte first.

/// Output on or off.
pub const OPERATION: u8 = 0x01;
/// Contents of [`OPERATION`]: off at once.
pub const OFF: u8 = 0x00;
/// Contents of [`OPERATION`]: on.
pub const ON: u8 = 0x80;
/// What switches the output.
pub const ON_OFF_CONFIG: u8 = 0x02;
/// Forgets faults. Send byte.
pub const CLEAR_FAULTS: u8 = 0x03;
/// Phase that the next reading is of.
pub const PHASE: u8 = 0x04;
/// Writes the part's memory. Never send it: a bad image cannot be repaired.
pub const STORE_USER_ALL: u8 = 0x15;
/// Capabilities.
pub const CAPABILITY: u8 = 0x19;
/// Exponent of voltages: [`VoutMode`].
pub const VOUT_MODE: u8 = 0x20;
/// Output voltage.
pub const VOUT_COMMAND: u8 = 0x21;
/// Highest output voltage.
pub const VOUT_MAX: u8 = 0x24;
/// Upper margin.
pub const VOUT_MARGIN_HIGH: u8 = 0x25;
/// Lower margin.
pub const VOUT_MARGIN_LOW: u8 = 0x26;
/// Ratio of the feedback divider.
pub const VOUT_SCALE_LOOP: u8 = 0x29;
/// Lowest output voltage.
pub const VOUT_MIN: u8 = 0x2b;
/// Switching frequency in kHz.
pub const FREQUENCY_SWITCH: u8 = 0x33;
/// Input voltage above which it works.
pub const VIN_ON: u8 = 0x35;
/// Input voltage below which it stops.
pub const VIN_OFF: u8 = 0x36;
/// Position among interleaved parts.
pub const INTERLEAVE: u8 = 0x37;
/// Output over-voltage fault.
pub const VOUT_OV_FAULT_LIMIT: u8 = 0x40;
/// Output over-voltage warning.
pub const VOUT_OV_WARN_LIMIT: u8 = 0x42;
/// Output under-voltage warning.
pub const VOUT_UV_WARN_LIMIT: u8 = 0x43;
/// Output under-voltage fault.
pub const VOUT_UV_FAULT_LIMIT: u8 = 0x44;
/// Output over-current fault, amperes.
pub const IOUT_OC_FAULT_LIMIT: u8 = 0x46;
/// What happens then.
pub const IOUT_OC_FAULT_RESPONSE: u8 = 0x47;
/// Output over-current warning, amperes.
pub const IOUT_OC_WARN_LIMIT: u8 = 0x4a;
/// Over-temperature fault, degrees Celsius.
pub const OT_FAULT_LIMIT: u8 = 0x4f;
/// What happens then.
pub const OT_FAULT_RESPONSE: u8 = 0x50;
/// Over-temperature warning.
pub const OT_WARN_LIMIT: u8 = 0x51;
/// Input over-voltage fault.
pub const VIN_OV_FAULT_LIMIT: u8 = 0x55;
/// What happens then.
pub const VIN_OV_FAULT_RESPONSE: u8 = 0x56;
/// Input under-voltage warning.
pub const VIN_UV_WARN_LIMIT: u8 = 0x58;
/// Delay before switching on, ms.
pub const TON_DELAY: u8 = 0x60;
/// Rise time, ms.
pub const TON_RISE: u8 = 0x61;
/// Longest rise, ms.
pub const TON_MAX_FAULT_LIMIT: u8 = 0x62;
/// What happens then.
pub const TON_MAX_FAULT_RESPONSE: u8 = 0x63;
/// Delay before switching off, ms.
pub const TOFF_DELAY: u8 = 0x64;
/// Fall time, ms.
pub const TOFF_FALL: u8 = 0x65;
/// Low byte of [`STATUS_WORD`].
pub const STATUS_BYTE: u8 = 0x78;
/// What is wrong: [`Status`].
pub const STATUS_WORD: u8 = 0x79;
/// What is wrong with the output voltage.
pub const STATUS_VOUT: u8 = 0x7a;
/// What is wrong with the output current.
pub const STATUS_IOUT: u8 = 0x7b;
/// What is wrong with the input.
pub const STATUS_INPUT: u8 = 0x7c;
/// What is wrong with the temperature.
pub const STATUS_TEMPERATURE: u8 = 0x7d;
/// What is wrong with communication.
pub const STATUS_CML: u8 = 0x7e;
/// What else is wrong.
pub const STATUS_OTHER: u8 = 0x7f;
/// What the manufacturer thinks is wrong.
pub const STATUS_MFR: u8 = 0x80;
/// Input voltage.
pub const READ_VIN: u8 = 0x88;
/// Output voltage.
pub const READ_VOUT: u8 = 0x8b;
/// Output current, amperes.
pub const READ_IOUT: u8 = 0x8c;
/// Temperature of the part, degrees Celsius.
pub const READ_TEMPERATURE_1: u8 = 0x8d;
/// Manufacturer, block.
pub const MFR_ID: u8 = 0x99;
/// Model, block.
pub const MFR_MODEL: u8 = 0x9a;
/// Revision, block.
pub const MFR_REVISION: u8 = 0x9b;
/// Type of the part, block: the first byte read is the count.
pub const IC_DEVICE_ID: u8 = 0xad;

/// SLINEAR11: bits 15 to 11 a signed exponent e, bits 10 to 0 a signed mantissa m; the value is m × 2^e.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Linear11(pub u16);

impl Linear11 {
    /// The word sent low byte first.
    pub const fn from_wire(bytes: [u8; 2]) -> Self {
        Self(u16::from_le_bytes(bytes))
    }

    /// Low byte first.
    pub const fn to_wire(self) -> [u8; 2] {
        self.0.to_le_bytes()
    }

    /// The value, exactly.
    ///
    /// ```
    /// use adit_protocol::i2c::pmbus::Linear11;
    /// assert_eq!(Linear11(0xcaa0).value(), 5.25);
    /// assert_eq!(Linear11::truncated(4.8), Linear11(0xca66));
    /// assert_eq!(Linear11::integer(650), Linear11(0x028a));
    /// ```
    pub fn value(self) -> f64 {
        let exponent = i32::from(self.0 as i16 >> 11);
        let mantissa = (self.0 << 5) as i16 >> 5;
        f64::from(mantissa) * 2_f64.powi(exponent)
    }

    /// A whole number with the smallest exponent from 0 up, as hosts write limits.
    pub const fn integer(value: u16) -> Self {
        let (mut mantissa, mut exponent) = (value, 0);
        while mantissa > 1_023 {
            mantissa >>= 1;
            exponent += 1;
        }
        Self(exponent << 11 | mantissa)
    }

    /// A value that is not negative with the finest exponent from −15 to 0, rounded down, as hosts write limits.
    pub fn truncated(value: f64) -> Self {
        let fits = |exponent: &i32| value * 2_f64.powi(-exponent) < 1_024.0;
        let exponent = (-15..=0).find(fits).unwrap_or(0);
        Self::of((value * 2_f64.powi(-exponent)).floor().clamp(0.0, 1_023.0), exponent)
    }

    /// The nearest word with the finest exponent, for any value.
    pub fn nearest(value: f64) -> Self {
        let mantissa = |exponent: i32| (value * 2_f64.powi(-exponent)).round();
        let exponent = (-16..15).find(|exponent| mantissa(*exponent).abs() < 1_024.0).unwrap_or(15);
        Self::of(mantissa(exponent).clamp(-1_024.0, 1_023.0), exponent)
    }

    const fn of(mantissa: f64, exponent: i32) -> Self {
        Self((exponent as u16) << 11 | mantissa as i16 as u16 & 0x7ff)
    }
}

/// Contents of VOUT_MODE: ULINEAR16, whose exponent e is the signed low five bits; a word w is w × 2^e volts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoutMode(pub u8);

impl VoutMode {
    /// The exponent.
    pub const fn exponent(self) -> i32 {
        ((self.0 << 3) as i8 >> 3) as i32
    }

    /// Volts, or the factor of a relative limit.
    pub fn value(self, word: u16) -> f64 {
        f64::from(word) * 2_f64.powi(self.exponent())
    }

    /// The nearest word.
    pub fn nearest(self, value: f64) -> u16 {
        (value * 2_f64.powi(-self.exponent())).round().clamp(0.0, 65_535.0) as u16
    }

    /// The word below, as some hosts write it.
    pub fn truncated(self, value: f64) -> u16 {
        (value * 2_f64.powi(-self.exponent())).floor().clamp(0.0, 65_535.0) as u16
    }
}

/// Contents of STATUS_WORD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status(pub u16);

impl Status {
    /// Something about the output voltage.
    pub const VOUT: u16 = 1 << 15;
    /// Something about the output current.
    pub const IOUT: u16 = 1 << 14;
    /// Something about the input.
    pub const INPUT: u16 = 1 << 13;
    /// Something of the manufacturer's.
    pub const MFR: u16 = 1 << 12;
    /// The output is not what it should be.
    pub const NOT_POWER_GOOD: u16 = 1 << 11;
    /// Something else, in STATUS_OTHER.
    pub const OTHER: u16 = 1 << 9;
    /// Too busy to answer.
    pub const BUSY: u16 = 1 << 7;
    /// The output is off, for whatever reason.
    pub const OFF: u16 = 1 << 6;
    /// Output over-voltage.
    pub const VOUT_OV: u16 = 1 << 5;
    /// Output over-current.
    pub const IOUT_OC: u16 = 1 << 4;
    /// Input under-voltage.
    pub const VIN_UV: u16 = 1 << 3;
    /// Temperature.
    pub const TEMPERATURE: u16 = 1 << 2;
    /// Communication.
    pub const CML: u16 = 1 << 1;
    /// None of the above.
    pub const NONE_OF_THE_ABOVE: u16 = 1;
    /// Faults to act on while the output is meant to be on.
    pub const FATAL: u16 = Self::OFF | Self::VOUT_OV | Self::IOUT_OC | Self::VIN_UV | Self::TEMPERATURE;

    /// Whether any of `bits` is set.
    pub const fn any(self, bits: u16) -> bool {
        self.0 & bits != 0
    }

    /// What is wrong, in words, the most telling first.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        const WORDS: &[(u16, &str)] = &[
            (Status::VOUT_OV, "output over-voltage"),
            (Status::IOUT_OC, "output over-current"),
            (Status::VIN_UV, "input under-voltage"),
            (Status::TEMPERATURE, "over-temperature"),
            (Status::CML, "communication fault"),
            (Status::VOUT, "output voltage"),
            (Status::IOUT, "output current"),
            (Status::INPUT, "input"),
            (Status::MFR, "manufacturer-specific"),
            (Status::OTHER, "other"),
            (Status::NONE_OF_THE_ABOVE, "unknown"),
            (Status::OFF, "output off"),
            (Status::NOT_POWER_GOOD, "power not good"),
            (Status::BUSY, "busy"),
        ];
        WORDS.iter().filter(move |(bit, _)| self.any(*bit)).map(|(_, word)| *word)
    }
}

/// Bits of the detailed status registers, 7 first.
pub mod detail {
    /// STATUS_VOUT: over-voltage fault.
    pub const VOUT_OV_FAULT: u8 = 1 << 7;
    /// STATUS_VOUT: over-voltage warning.
    pub const VOUT_OV_WARNING: u8 = 1 << 6;
    /// STATUS_VOUT: under-voltage warning.
    pub const VOUT_UV_WARNING: u8 = 1 << 5;
    /// STATUS_VOUT: under-voltage fault.
    pub const VOUT_UV_FAULT: u8 = 1 << 4;
    /// STATUS_VOUT: a command outside VOUT_MIN or VOUT_MAX.
    pub const VOUT_MIN_MAX: u8 = 1 << 3;
    /// STATUS_VOUT: it took too long to rise.
    pub const TON_MAX: u8 = 1 << 2;
    /// STATUS_IOUT: over-current fault.
    pub const IOUT_OC_FAULT: u8 = 1 << 7;
    /// STATUS_IOUT: over-current warning.
    pub const IOUT_OC_WARNING: u8 = 1 << 5;
    /// STATUS_INPUT: over-voltage fault.
    pub const VIN_OV_FAULT: u8 = 1 << 7;
    /// STATUS_INPUT: under-voltage warning.
    pub const VIN_UV_WARNING: u8 = 1 << 5;
    /// STATUS_INPUT: too low to work.
    pub const VIN_LOW: u8 = 1 << 3;
    /// STATUS_TEMPERATURE: over-temperature fault.
    pub const OT_FAULT: u8 = 1 << 7;
    /// STATUS_TEMPERATURE: over-temperature warning.
    pub const OT_WARNING: u8 = 1 << 6;
    /// STATUS_CML: an unknown command.
    pub const BAD_COMMAND: u8 = 1 << 7;
    /// STATUS_CML: unacceptable data.
    pub const BAD_DATA: u8 = 1 << 6;
    /// STATUS_MFR: the part has started since the flag was cleared.
    pub const POWER_ON_RESET: u8 = 1 << 7;
    /// STATUS_MFR: self check.
    pub const SELF_CHECK: u8 = 1 << 6;
}
