//! TPS546D24A and TPS546D24S: core regulator with PMBus (`docs/protocols/bitaxe-raw.md §6.7`).

use super::pmbus::{self, Linear11, VoutMode};
use crate::units::Volts;

/// Its address.
pub const ADDRESS: u8 = 0x24;

/// [`VOUT_MODE`](pmbus::VOUT_MODE) by data sheet: exponent −9, relative limits. Always read it.
pub const DEFAULT_VOUT_MODE: pmbus::VoutMode = pmbus::VoutMode(0x97);
/// Compensation, block of 5 bytes.
pub const COMPENSATION_CONFIG: u8 = 0xb1;
/// Synchronisation of parts.
pub const SYNC_CONFIG: u8 = 0xe4;
/// Parts in a stack.
pub const STACK_CONFIG: u8 = 0xec;
/// Which settings do not come from resistors.
pub const PIN_DETECT_OVERRIDE: u8 = 0xee;

/// Contents of [`IC_DEVICE_ID`](pmbus::IC_DEVICE_ID) after the count 6: the parts that hosts accept.
pub const DEVICE_IDS: [[u8; 6]; 3] = [
    [0x54, 0x49, 0x54, 0x6d, 0x24, 0x41],
    [0x54, 0x49, 0x54, 0x6d, 0x24, 0x62],
    [0x54, 0x49, 0x54, 0x6b, 0x24, 0x41],
];

/// How many bytes a command carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// The command alone.
    Send,
    /// One byte.
    Byte,
    /// Two bytes, low byte first.
    Word,
    /// A count, then so many bytes.
    Block(u8),
}

/// The width of `command`; `None` for commands not described.
pub const fn width(command: u8) -> Option<Width> {
    Some(match command {
        0x03 | 0x15 => Width::Send,
        0x01 | 0x02 | 0x04 | 0x19 | 0x20 | 0x47 | 0x50 | 0x56 | 0x63 | 0x78 | 0x7a..=0x80 | 0xe4 => {
            Width::Byte
        }
        0x21
        | 0x24..=0x26
        | 0x29
        | 0x2b
        | 0x33
        | 0x35..=0x37
        | 0x40
        | 0x42..=0x44
        | 0x46
        | 0x4a
        | 0x4f
        | 0x51
        | 0x55
        | 0x58
        | 0x60..=0x62
        | 0x64
        | 0x65
        | 0x79
        | 0x88
        | 0x8b..=0x8d
        | 0xec
        | 0xee => Width::Word,
        0x99..=0x9b => Width::Block(3),
        0xad => Width::Block(6),
        0xb1 => Width::Block(5),
        _ => return None,
    })
}

/// How a part is wired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wiring {
    /// 5 V in, one rail out.
    Five,
    /// 12 V in, two parts on one rail: Gamma Turbo.
    Stack,
    /// 12 V in, three rails in series: Hex, SupraHex.
    Series,
}

impl Wiring {
    /// Regulator volts per chip volt.
    pub const fn series(self) -> f64 {
        if matches!(self, Self::Series) { 3.0 } else { 1.0 }
    }

    /// Amperes above which the part switches off by itself.
    pub const fn amperes(self) -> f64 {
        if matches!(self, Self::Stack) { 55.0 } else { 30.0 }
    }

    /// What is written to a part so wired, in order, before its output is switched on at `core` volts: output off, the whole table,
    /// faults of before cleared. Never written while the output is on. `mode`: as read from [`VOUT_MODE`](pmbus::VOUT_MODE).
    pub fn configuration(self, mode: VoutMode, core: Volts) -> Vec<Vec<u8>> {
        let volts = |command: u8, value: f64| {
            let [low, high] = mode.nearest(value).to_le_bytes();
            vec![command, low, high]
        };
        let number = |command: u8, value: f64| {
            let word = if value == 0.0 { Linear11::default() } else { Linear11::truncated(value) };
            let [low, high] = word.to_wire();
            vec![command, low, high]
        };
        let byte = |command: u8, value: u8| vec![command, value];
        let phase = if self == Self::Stack { 0xff } else { 0x00 };
        let scale = if self == Self::Series { 0.125 } else { 0.25 };
        let ([vin_on, vin_off, vin_ov], [vout_min, vout_max]) = match self {
            Self::Five => ([4.8, 4.5, 6.5], [1.0, 2.0]),
            Self::Stack => ([11.0, 10.5, 14.8], [1.0, 3.0]),
            Self::Series => ([11.5, 11.0, 14.8], [2.5, 4.5]),
        };
        let mut writes = vec![
            byte(pmbus::OPERATION, pmbus::OFF),
            byte(pmbus::ON_OFF_CONFIG, 0x1f),
            byte(pmbus::PHASE, phase),
            number(pmbus::FREQUENCY_SWITCH, 650.0),
            number(pmbus::VIN_ON, vin_on),
            number(pmbus::VIN_OFF, vin_off),
            number(pmbus::VIN_OV_FAULT_LIMIT, vin_ov),
            byte(pmbus::VIN_OV_FAULT_RESPONSE, 0xb7),
        ];
        if self != Self::Five {
            writes.push(number(pmbus::VIN_UV_WARN_LIMIT, 11.0));
        }
        writes.extend([
            number(pmbus::VOUT_SCALE_LOOP, scale),
            volts(pmbus::VOUT_COMMAND, core.0),
            volts(pmbus::VOUT_MAX, vout_max),
            volts(pmbus::VOUT_MIN, vout_min),
            volts(pmbus::VOUT_OV_FAULT_LIMIT, 1.25),
            volts(pmbus::VOUT_OV_WARN_LIMIT, 1.16),
            volts(pmbus::VOUT_MARGIN_HIGH, 1.10),
            volts(pmbus::VOUT_MARGIN_LOW, 0.90),
            volts(pmbus::VOUT_UV_WARN_LIMIT, 0.90),
            volts(pmbus::VOUT_UV_FAULT_LIMIT, 0.75),
            number(pmbus::IOUT_OC_WARN_LIMIT, self.amperes() - 5.0),
            number(pmbus::IOUT_OC_FAULT_LIMIT, self.amperes()),
            byte(pmbus::IOUT_OC_FAULT_RESPONSE, 0xc0),
            number(pmbus::OT_WARN_LIMIT, 105.0),
            number(pmbus::OT_FAULT_LIMIT, 145.0),
            byte(pmbus::OT_FAULT_RESPONSE, 0xff),
            number(pmbus::TON_DELAY, 0.0),
            number(pmbus::TON_RISE, 3.0),
            number(pmbus::TON_MAX_FAULT_LIMIT, 0.0),
            byte(pmbus::TON_MAX_FAULT_RESPONSE, 0x3b),
            number(pmbus::TOFF_DELAY, 0.0),
            number(pmbus::TOFF_FALL, 0.0),
        ]);
        if self == Self::Stack {
            writes.extend([
                vec![COMPENSATION_CONFIG, 5, 0x12, 0x34, 0x42, 0x21, 0x04],
                byte(SYNC_CONFIG, 0xd0),
                vec![STACK_CONFIG, 0x01, 0x00],
            ]);
        }
        writes.extend([
            vec![PIN_DETECT_OVERRIDE, 0xff, 0xff],
            vec![pmbus::CLEAR_FAULTS],
            // readings from now on are of all phases
            byte(pmbus::PHASE, 0xff),
        ]);
        writes
    }
}
