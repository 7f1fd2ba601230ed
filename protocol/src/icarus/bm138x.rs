//! Commands of BM1380, BM1382 and BM1384 chips behind the Icarus protocol (`docs/protocols/icarus.md §7.2`).

use super::PllWord;

/// The frame with which one miner means to blink an Antminer's LED (§7.8). It is sent between jobs; devices ignore it.
pub const IDENTIFY_FRAME: [u8; 36] = {
    let mut frame = [0; 36];
    (frame[32], frame[33], frame[34], frame[35]) = (0x80, 0x01, 0x01, 0x0c);
    frame
};

/// A 4-byte command. Each has exactly one encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChipCommand {
    /// Sets the clock of all chips.
    SetPll(PllWord),
    /// Asks all chips for a register: 0 is the identity, 4 the frequency.
    ReadRegister {
        /// Chip address; 0 together with the broadcast bit, which is always set, means all.
        chip: u8,
        /// Register number.
        register: u8,
    },
    /// The vendor's `gray` option.
    Pattern,
    /// Core voltage of an Antminer U3, obeyed by its controller.
    Voltage(VoltageCode),
    /// Power of an Antminer U3's hash board, obeyed by its controller.
    Gate(bool),
}

/// Core voltage of an Antminer U3: three hex digits that read as decimal millivolts, 0x775 for 775 mV (§7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoltageCode(pub u16);

impl VoltageCode {
    /// The code of `millivolts`, which has at most three digits.
    pub const fn from_millivolts(millivolts: u16) -> Option<Self> {
        if millivolts > 999 {
            return None;
        }
        let (a, b, c) = (millivolts / 100, millivolts / 10 % 10, millivolts % 10);
        Some(Self(a << 8 | b << 4 | c))
    }

    /// The voltage; `None` for a code that is no decimal number.
    pub const fn millivolts(self) -> Option<u16> {
        let (a, b, c) = (self.0 >> 8, self.0 >> 4 & 0xf, self.0 & 0xf);
        if a > 9 || b > 9 || c > 9 { None } else { Some(a * 100 + b * 10 + c) }
    }
}

impl ChipCommand {
    /// Bytes of a command on the wire.
    pub const SIZE: usize = 4;

    /// The bytes on the wire, CRC5 included.
    pub fn to_bytes(self) -> [u8; 4] {
        let [first, second, third] = self.head();
        let mut bytes = [first, second, third, 0];
        let (before, after) = match self {
            Self::SetPll(_) | Self::ReadRegister { .. } => (0, 0),
            Self::Pattern => (0x80, 0), // covered by the CRC
            Self::Voltage(_) => (0, 0xc0),
            Self::Gate(_) => (0, 0x80),
        };
        bytes[3] = before;
        bytes[3] |= after | crc5(&bytes, 27);
        bytes
    }

    fn head(self) -> [u8; 3] {
        match self {
            Self::SetPll(PllWord(word)) => [0x82, (word >> 8) as u8, word as u8],
            Self::ReadRegister { chip, register } => [0x84, chip, register],
            Self::Pattern => [0x83, 0x00, 0x80],
            Self::Voltage(VoltageCode(code)) => [0xaa, 0xb0 | (code >> 8) as u8 & 0x0f, code as u8],
            Self::Gate(on) => [0xbb, if on { 0x08 } else { 0x00 }, 0x00],
        }
    }

    /// Reads four bytes; `None` when they are not the encoding of a command.
    pub fn from_bytes(bytes: [u8; 4]) -> Option<Self> {
        let [first, second, third, _] = bytes;
        let command = match first {
            0x82 => Self::SetPll(PllWord(u16::from_be_bytes([second, third]))),
            0x83 => Self::Pattern,
            0x84 => Self::ReadRegister { chip: second, register: third },
            0xaa => Self::Voltage(VoltageCode(u16::from_be_bytes([second & 0x0f, third]))),
            0xbb => Self::Gate(second != 0),
            _ => return None,
        };
        (command.to_bytes() == bytes).then_some(command)
    }
}

/// CRC5 of the first `bits` bits of `bytes`: polynomial x⁵ + x² + 1, initial value 1f, most significant bit first.
pub(super) fn crc5(bytes: &[u8], bits: usize) -> u8 {
    (0..bits).fold(0x1f, |crc, index| {
        let bit = bytes[index / 8] >> (7 - index % 8) & 1;
        let shifted = crc << 1 & 0x1f;
        if crc >> 4 ^ bit == 1 { shifted ^ 0x05 } else { shifted }
    })
}
