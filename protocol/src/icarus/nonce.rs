//! What BM138x chips and FPGA boards answer.

use super::Chip;
use super::PllWord;
use super::bm138x::crc5;

/// A found nonce: 4 bytes in the Icarus dialect, 5 in Icarus5 (`docs/protocols/icarus.md §2.2, §7.1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce {
    /// The number whose little-endian bytes stand in the header; its bytes on the wire are in that order.
    pub nonce: u32,
    /// Byte 4 of an Icarus5 record; not transmitted in the Icarus dialect and zero there.
    pub tag: u8,
}

impl Nonce {
    /// Bit 7 of the tag: set on nonces, clear on register replies.
    pub const MARK: u8 = 0x80;

    /// A nonce of a 4-byte record.
    pub const fn plain(nonce: u32) -> Self {
        Self { nonce, tag: 0 }
    }

    /// A nonce of a 5-byte record, for the job with the 5-bit `work_id`.
    pub const fn tagged(nonce: u32, work_id: u8) -> Self {
        Self { nonce, tag: Self::MARK | work_id & 0x1f }
    }

    /// The work id of the job, as far as 5-byte chips know it. The other bits of the tag are ignored, as every host does.
    pub const fn work_id(&self) -> u8 {
        self.tag & 0x1f
    }

    /// The hardware's counter: the record's four bytes read big endian. Its top bits name the engine, the rest is the
    /// progress of the search (`docs/protocols/icarus.md §2.2, §5.3`).
    pub const fn counter(&self) -> u32 {
        self.nonce.swap_bytes()
    }

    pub(super) fn to_bytes(self) -> [u8; 5] {
        let [a, b, c, d] = self.nonce.to_le_bytes();
        [a, b, c, d, self.tag]
    }
}

/// Reply of one chip to [`ChipCommand::ReadRegister`](super::ChipCommand::ReadRegister): four data bytes, bits 7 to 5 of
/// the fifth clear and a CRC5 over the first 35 bits in its bits 4 to 0 (`docs/protocols/icarus.md §7.2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// The four data bytes, first one most significant.
    pub value: u32,
}

impl Register {
    pub(super) fn to_bytes(self) -> [u8; 5] {
        let [a, b, c, d] = self.value.to_be_bytes();
        let mut bytes = [a, b, c, d, 0];
        bytes[4] = crc5(&bytes, 35);
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; 5]) -> Option<Self> {
        let register = Self { value: u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) };
        (register.to_bytes() == *bytes).then_some(register)
    }

    /// The reply to reading register 4 while `word` is set: 80, M, N, OD.
    pub const fn pll(word: PllWord) -> Self {
        Self { value: 0x8000_0000 | (word.m() as u32) << 16 | (word.n() as u32) << 8 | word.od() as u32 }
    }

    /// Reads the value as register 4: the frequency word it reports. The band bit is not reported; it follows from the
    /// oscillator frequency and `chip`.
    pub fn pll_word(&self, chip: Chip) -> Option<PllWord> {
        let [mark, m, n, od] = self.value.to_be_bytes();
        (mark == 0x80 && m < 64 && n < 32 && od < 4).then(|| PllWord::new(chip, m, n, od))
    }

    /// The same five bytes read as a nonce: for chips that turn out not to mark their nonces.
    pub fn as_nonce(&self) -> Nonce {
        Nonce { nonce: self.value.swap_bytes(), tag: self.to_bytes()[4] }
    }
}
