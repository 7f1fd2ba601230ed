//! 256-bit targets and their difficulty, in exact arithmetic.

use std::fmt;

use super::Hash;

/// A difficulty from which no target can be made.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("difficulty {found} is not a positive finite number")]
pub struct BadDifficulty {
    /// What was given.
    pub found: f64,
}

/// A 256-bit threshold: a hash, read as a little-endian number, meets it when it is *less than or equal*.
///
/// Four 64-bit limbs, least significant first.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target([u64; 4]);

impl Target {
    /// The target of difficulty 1 at every pool: 0xffff × 2^208.
    pub const ONE: Self = Self([0, 0, 0, 0xffff_0000]);
    /// Hashes whose top 32 bits are zero: what difficulty-1 hardware reports (2^224 − 1).
    pub const TOP32_ZERO: Self = Self([u64::MAX, u64::MAX, u64::MAX, 0xffff_ffff]);
    /// Met by every hash.
    pub const MAX: Self = Self([u64::MAX; 4]);

    /// From limbs, least significant first.
    pub const fn from_limbs(limbs: [u64; 4]) -> Self {
        Self(limbs)
    }

    /// Limbs, least significant first.
    pub const fn limbs(&self) -> [u64; 4] {
        self.0
    }

    /// From 32 big-endian bytes, the order targets are printed in.
    pub fn from_be_bytes(bytes: &[u8; 32]) -> Self {
        let mut limbs = [0; 4];
        for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.chunks_exact(8)) {
            *limb = chunk.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        }
        Self(limbs)
    }

    /// 32 big-endian bytes.
    pub fn to_be_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, limb) in bytes.chunks_exact_mut(8).zip(self.0.iter().rev()) {
            chunk.copy_from_slice(&limb.to_be_bytes());
        }
        bytes
    }

    /// floor(0xffff × 2^208 / difficulty) of the exact value of `difficulty`, at most 2^256 − 1.
    ///
    /// `docs/protocols/verification.md §2.1`.
    pub fn from_difficulty(difficulty: f64) -> Result<Self, BadDifficulty> {
        if !difficulty.is_finite() || difficulty <= 0.0 {
            return Err(BadDifficulty { found: difficulty });
        }
        let (mantissa, exponent) = split(difficulty);
        // 0xffff × 2^208 / (mantissa × 2^exponent) = 0xffff × 2^(208 − exponent) / mantissa
        let shift = 208 - exponent;
        if shift < 0 {
            return Ok(Self([0; 4])); // below 0xffff / 2^1 / mantissa: never met
        }
        Ok(divide(shift as u32, mantissa).unwrap_or(Self::MAX))
    }

    /// 0xffff × 2^208 / target: the difficulty of this target, infinite for zero.
    #[inline]
    pub fn difficulty(&self) -> f64 {
        let value = self.to_f64();
        if value == 0.0 { f64::INFINITY } else { 65_535.0 * power_of_two(208) / value }
    }

    /// Expected number of hashes until one meets the target: 2^256 / (target + 1).
    pub fn expected_hashes(&self) -> f64 {
        power_of_two(256) / (self.to_f64() + 1.0)
    }

    /// Whether `hash` meets the target.
    #[inline]
    pub fn is_met_by(&self, hash: &Hash) -> bool {
        Self::from_hash(hash) <= *self
    }

    /// The hash as a number.
    #[inline]
    pub fn from_hash(hash: &Hash) -> Self {
        let mut limbs = [0; 4];
        for (limb, chunk) in limbs.iter_mut().zip(hash.0.chunks_exact(8)) {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(chunk);
            *limb = u64::from_le_bytes(bytes);
        }
        Self(limbs)
    }

    fn to_f64(self) -> f64 {
        const LIMB: f64 = power_of_two(64);
        self.0.iter().rev().fold(0.0, |value, limb| value * LIMB + *limb as f64)
    }
}

impl PartialOrd for Target {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Target {
    #[inline]
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.iter().rev().cmp(other.0.iter().rev())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().rev().try_for_each(|limb| write!(f, "{limb:016x}"))
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

/// 2^exponent, which must be below 1024.
const fn power_of_two(exponent: u64) -> f64 {
    f64::from_bits((1_023 + exponent) << 52)
}

/// `value` = mantissa × 2^exponent exactly, mantissa < 2^53 and odd.
fn split(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let raw_exponent = (bits >> 52 & 0x7ff) as i32;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) =
        if raw_exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, raw_exponent - 1075) };
    let zeros = mantissa.trailing_zeros();
    (mantissa >> zeros, exponent + zeros as i32)
}

/// floor(0xffff × 2^shift / divisor), `None` when it does not fit into 256 bits. Schoolbook division bit by bit of a
/// numerator that is 16 ones followed by zeros: at most 16 + shift steps, and `shift` is bounded by the first test.
fn divide(shift: u32, divisor: u64) -> Option<Target> {
    if shift > 256 + 64 {
        return None;
    }
    let mut quotient = [0_u64; 4];
    let mut rest: u128 = 0;
    for position in 0..16 + shift {
        let bit = u128::from(position < 16);
        rest = rest << 1 | bit;
        let one = rest >= u128::from(divisor);
        if one {
            rest -= u128::from(divisor);
        }
        if quotient[3] >> 63 == 1 {
            return None;
        }
        for limb in (1..4).rev() {
            quotient[limb] = quotient[limb] << 1 | quotient[limb - 1] >> 63;
        }
        quotient[0] = quotient[0] << 1 | u64::from(one);
    }
    Some(Target(quotient))
}
