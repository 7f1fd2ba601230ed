//! AVX-512 and AVX2 vectors.
#![allow(unsafe_code, reason = "vector instructions are unsafe to use on a CPU that lacks them")]

use std::arch::x86_64::*;
use std::mem::transmute;

use super::lanes::{Lanes, Twice};
use super::words::{Head, Tail};
use super::{Found, Range, batch, wide};

/// Proof that the CPU has AVX-512F.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx512(());

/// Proof that the CPU has AVX2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx2(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx512f").then_some(Self(()))
    }

    pub(super) fn scan(self, heads: &[Head], tail: &Tail, range: Range, found: Found<'_>) {
        if heads.len() >= MANY_HEADS {
            // SAFETY: `self` proves that the CPU has the instructions.
            return unsafe { scan_many_avx512(self, heads, tail, range, found) };
        }
        for (index, head) in heads.iter().enumerate() {
            let found: Found<'_> = &mut |_, nonce| found(index, nonce);
            // SAFETY: as above.
            unsafe { scan_one_avx512(self, head, tail, range, found) }
        }
    }

    pub(super) fn hardest(self, heads: &[batch::Head]) -> Option<usize> {
        // SAFETY: `self` proves that the CPU has the instructions.
        unsafe { hardest_avx512(self, heads) }
    }
}

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    pub(super) fn scan(self, heads: &[Head], tail: &Tail, range: Range, found: Found<'_>) {
        if heads.len() >= MANY_HEADS {
            // SAFETY: `self` proves that the CPU has the instructions.
            return unsafe { scan_many_avx2(self, heads, tail, range, found) };
        }
        for (index, head) in heads.iter().enumerate() {
            let found: Found<'_> = &mut |_, nonce| found(index, nonce);
            // SAFETY: as above.
            unsafe { scan_one_avx2(self, head, tail, range, found) }
        }
    }

    pub(super) fn hardest(self, heads: &[batch::Head]) -> Option<usize> {
        // SAFETY: `self` proves that the CPU has the instructions.
        unsafe { hardest_avx2(self, heads) }
    }
}

/// Two streams of 16 lanes.
#[target_feature(enable = "avx512f")]
fn scan_one_avx512(lanes: Avx512, head: &Head, tail: &Tail, range: Range, found: Found<'_>) {
    wide::scan_one(Twice(lanes), head, tail, range, found);
}

#[target_feature(enable = "avx512f")]
fn scan_many_avx512(lanes: Avx512, heads: &[Head], tail: &Tail, range: Range, found: Found<'_>) {
    wide::scan_many(Twice(lanes), heads, tail, range, found);
}

/// One stream of 8 lanes: two do not fit into 16 registers.
#[target_feature(enable = "avx2")]
fn scan_one_avx2(lanes: Avx2, head: &Head, tail: &Tail, range: Range, found: Found<'_>) {
    wide::scan_one(lanes, head, tail, range, found);
}

#[target_feature(enable = "avx2")]
fn scan_many_avx2(lanes: Avx2, heads: &[Head], tail: &Tail, range: Range, found: Found<'_>) {
    wide::scan_many(lanes, heads, tail, range, found);
}

/// Fewer heads than this are searched one after the other: making a schedule apart from the rounds costs more than it saves.
const MANY_HEADS: usize = 5;

#[target_feature(enable = "avx512f")]
fn hardest_avx512(lanes: Avx512, heads: &[batch::Head]) -> Option<usize> {
    batch::hardest(Twice(lanes), heads)
}

#[target_feature(enable = "avx2")]
fn hardest_avx2(lanes: Avx2, heads: &[batch::Head]) -> Option<usize> {
    batch::hardest(lanes, heads)
}

/// An intrinsic inside a method of a proof.
macro_rules! proven {
    ($intrinsic:expr) => {{
        // SAFETY: the method was called on a proof that the CPU has the instructions.
        unsafe { $intrinsic }
    }};
}

macro_rules! sigma512 {
    ($x:ident, $a:literal, $b:literal, ror $c:literal) => {
        sigma512!(@xor $x, $a, $b, _mm512_ror_epi32::<$c>($x))
    };
    ($x:ident, $a:literal, $b:literal, shr $c:literal) => {
        sigma512!(@xor $x, $a, $b, _mm512_srli_epi32::<$c>($x))
    };
    (@xor $x:ident, $a:literal, $b:literal, $last:expr) => {
        // 0x96: exclusive or of three
        proven!(_mm512_ternarylogic_epi32::<0x96>(_mm512_ror_epi32::<$a>($x), _mm512_ror_epi32::<$b>($x), $last))
    };
}

impl Lanes for Avx512 {
    type V = __m512i;
    const COUNT: u32 = 16;

    #[inline(always)]
    fn splat(self, word: u32) -> __m512i {
        proven!(_mm512_set1_epi32(word as i32))
    }

    #[inline(always)]
    fn count_from(self, first: u32) -> __m512i {
        let steps = proven!(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
        self.add(self.splat(first), steps)
    }

    #[inline(always)]
    fn swap_bytes(self, x: __m512i) -> __m512i {
        let outer = self.splat(0x00ff_00ff);
        proven!(_mm512_ternarylogic_epi32::<0xca>(outer, _mm512_rol_epi32::<8>(x), _mm512_ror_epi32::<8>(x)))
    }

    #[inline(always)]
    fn load(self, words: &[u32; 32], at: usize) -> __m512i {
        let mut lanes = [0; 16];
        lanes.copy_from_slice(&words[at..at + 16]);
        // SAFETY: both types are 64 bytes, and every pattern of bits is a value of either.
        unsafe { transmute::<[u32; 16], __m512i>(lanes) }
    }

    #[inline(always)]
    fn store(self, x: __m512i, words: &mut [u32; 32], at: usize) {
        // SAFETY: as above.
        words[at..at + 16].copy_from_slice(&unsafe { transmute::<__m512i, [u32; 16]>(x) });
    }

    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        proven!(_mm512_add_epi32(a, b))
    }

    #[inline(always)]
    fn big0(self, x: __m512i) -> __m512i {
        sigma512!(x, 2, 13, ror 22)
    }

    #[inline(always)]
    fn big1(self, x: __m512i) -> __m512i {
        sigma512!(x, 6, 11, ror 25)
    }

    #[inline(always)]
    fn small0(self, x: __m512i) -> __m512i {
        sigma512!(x, 7, 18, shr 3)
    }

    #[inline(always)]
    fn small1(self, x: __m512i) -> __m512i {
        sigma512!(x, 17, 19, shr 10)
    }

    #[inline(always)]
    fn choice(self, e: __m512i, f: __m512i, g: __m512i) -> __m512i {
        proven!(_mm512_ternarylogic_epi32::<0xca>(e, f, g))
    }

    #[inline(always)]
    fn majority(self, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        proven!(_mm512_ternarylogic_epi32::<0xe8>(a, b, c))
    }

    #[inline(always)]
    fn clear(self, x: __m512i, mask: u32) -> u64 {
        u64::from(proven!(_mm512_testn_epi32_mask(x, _mm512_set1_epi32(mask as i32))))
    }
}

/// AVX2 has no rotation: two shifts whose bits do not overlap.
macro_rules! rotate256 {
    ($x:ident, $n:literal) => {
        _mm256_or_si256(_mm256_srli_epi32::<$n>($x), _mm256_slli_epi32::<{ 32 - $n }>($x))
    };
}

macro_rules! sigma256 {
    ($x:ident, $a:literal, $b:literal, ror $c:literal) => {
        sigma256!(@xor $x, $a, $b, rotate256!($x, $c))
    };
    ($x:ident, $a:literal, $b:literal, shr $c:literal) => {
        sigma256!(@xor $x, $a, $b, _mm256_srli_epi32::<$c>($x))
    };
    (@xor $x:ident, $a:literal, $b:literal, $last:expr) => {
        proven!(_mm256_xor_si256(_mm256_xor_si256(rotate256!($x, $a), rotate256!($x, $b)), $last))
    };
}

impl Lanes for Avx2 {
    type V = __m256i;
    const COUNT: u32 = 8;

    #[inline(always)]
    fn splat(self, word: u32) -> __m256i {
        proven!(_mm256_set1_epi32(word as i32))
    }

    #[inline(always)]
    fn count_from(self, first: u32) -> __m256i {
        self.add(self.splat(first), proven!(_mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0)))
    }

    #[inline(always)]
    fn swap_bytes(self, x: __m256i) -> __m256i {
        let reversed = proven!(_mm256_setr_epi32(
            0x0001_0203,
            0x0405_0607,
            0x0809_0a0b,
            0x0c0d_0e0f,
            0x0001_0203,
            0x0405_0607,
            0x0809_0a0b,
            0x0c0d_0e0f
        ));
        proven!(_mm256_shuffle_epi8(x, reversed))
    }

    #[inline(always)]
    fn load(self, words: &[u32; 32], at: usize) -> __m256i {
        let mut lanes = [0; 8];
        lanes.copy_from_slice(&words[at..at + 8]);
        // SAFETY: both types are 32 bytes, and every pattern of bits is a value of either.
        unsafe { transmute::<[u32; 8], __m256i>(lanes) }
    }

    #[inline(always)]
    fn store(self, x: __m256i, words: &mut [u32; 32], at: usize) {
        // SAFETY: as above.
        words[at..at + 8].copy_from_slice(&unsafe { transmute::<__m256i, [u32; 8]>(x) });
    }

    #[inline(always)]
    fn add(self, a: __m256i, b: __m256i) -> __m256i {
        proven!(_mm256_add_epi32(a, b))
    }

    #[inline(always)]
    fn big0(self, x: __m256i) -> __m256i {
        sigma256!(x, 2, 13, ror 22)
    }

    #[inline(always)]
    fn big1(self, x: __m256i) -> __m256i {
        sigma256!(x, 6, 11, ror 25)
    }

    #[inline(always)]
    fn small0(self, x: __m256i) -> __m256i {
        sigma256!(x, 7, 18, shr 3)
    }

    #[inline(always)]
    fn small1(self, x: __m256i) -> __m256i {
        sigma256!(x, 17, 19, shr 10)
    }

    #[inline(always)]
    fn choice(self, e: __m256i, f: __m256i, g: __m256i) -> __m256i {
        proven!(_mm256_xor_si256(g, _mm256_and_si256(e, _mm256_xor_si256(f, g))))
    }

    #[inline(always)]
    fn majority(self, a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        let differ = proven!(_mm256_xor_si256(b, c));
        proven!(_mm256_xor_si256(b, _mm256_and_si256(_mm256_xor_si256(a, b), differ)))
    }

    #[inline(always)]
    fn clear(self, x: __m256i, mask: u32) -> u64 {
        let bits = proven!(_mm256_and_si256(x, _mm256_set1_epi32(mask as i32)));
        let zero = proven!(_mm256_cmpeq_epi32(bits, _mm256_setzero_si256()));
        proven!(_mm256_movemask_ps(_mm256_castsi256_ps(zero))) as u64
    }
}
