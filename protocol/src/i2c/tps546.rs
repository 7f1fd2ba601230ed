//! TPS546D24A and TPS546D24S: core regulator with PMBus (`docs/protocols/bitaxe-raw.md §6.7`).

use super::pmbus;

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
