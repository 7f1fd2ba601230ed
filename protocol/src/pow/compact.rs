//! Compact bits: the 4-byte form of the network target in a header.

use super::Target;

/// Why compact bits are no target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBits {
    /// The sign bit is set.
    #[error("nbits are negative")]
    Negative,
    /// The value does not fit into 256 bits.
    #[error("nbits overflow 256 bits")]
    Overflow,
    /// The value is zero: no hash can meet it.
    #[error("nbits are zero")]
    Zero,
}

/// nbits of a header: a base-256 floating point number (`docs/protocols/verification.md §2.3`).
///
/// ```
/// use adit_protocol::pow::{CompactBits, Target};
/// assert_eq!(CompactBits(0x1d00ffff).target(), Ok(Target::ONE));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactBits(pub u32);

impl CompactBits {
    /// The target these bits stand for.
    pub fn target(self) -> Result<Target, BadBits> {
        let size = self.0 >> 24;
        let mut mantissa = self.0 & 0x007f_ffff;
        if size <= 3 {
            mantissa >>= 8 * (3 - size);
        }
        if mantissa == 0 {
            return Err(BadBits::Zero);
        }
        if self.0 & 0x0080_0000 != 0 {
            return Err(BadBits::Negative);
        }
        if size > 34 || (mantissa > 0xff && size > 33) || (mantissa > 0xffff && size > 32) {
            return Err(BadBits::Overflow);
        }
        let mut bytes = [0; 32];
        let shift = size.saturating_sub(3) as usize;
        for (index, byte) in mantissa.to_le_bytes().into_iter().enumerate().filter(|(_, byte)| *byte != 0) {
            bytes[31 - shift - index] = byte;
        }
        Ok(Target::from_be_bytes(&bytes))
    }

    /// The bits of `target`; truncation loses all but the three most significant bytes.
    pub fn from_target(target: Target) -> Self {
        let bytes = target.to_be_bytes();
        let Some(first) = bytes.iter().position(|byte| *byte != 0) else { return Self(0) };
        let byte = |at: usize| bytes.get(at).copied().map_or(0, u32::from);
        let mut size = 32 - first as u32;
        let mut mantissa = byte(first) << 16 | byte(first + 1) << 8 | byte(first + 2);
        if mantissa & 0x0080_0000 != 0 {
            mantissa >>= 8;
            size += 1;
        }
        Self(size << 24 | mantissa)
    }
}
