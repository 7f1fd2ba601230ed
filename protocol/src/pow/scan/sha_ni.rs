//! The SHA instructions of x86: two rounds in one instruction, four hashes side by side to hide its latency.
//!
//! The instructions keep the state in two registers, `f e b a` and `h g d c` from the lowest word up.
#![allow(unsafe_code, reason = "the SHA instructions are unsafe to use on a CPU that lacks them")]
#![allow(clippy::needless_range_loop, reason = "a stream is an index into several arrays")]

use std::arch::x86_64::*;
use std::hint::black_box;

use super::words::{HASH_BITS, HEADER_BITS, Head, IV, K, PAD, Tail, small0};
use super::{Found, Range};

/// Proof that the CPU has the SHA instructions, and AVX for their operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShaNi(());

impl ShaNi {
    pub(super) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("sha") && is_x86_feature_detected!("avx");
        found.then_some(Self(()))
    }

    pub(super) fn scan(self, heads: &[Head], tail: &Tail, range: Range, found: Found<'_>) {
        // SAFETY: `self` proves that the CPU has the instructions; every CPU with AVX has SSE4.1 and SSSE3.
        unsafe { scan(heads, tail, range, found) }
    }
}

/// Hashes side by side.
const STREAMS: usize = 4;

/// Four words of each stream.
type Words = [__m128i; STREAMS];

#[derive(Clone, Copy)]
struct State {
    feba: Words,
    hgdc: Words,
}

/// Runs `$do` with each index, written out: the constants and the padding of each four rounds differ.
macro_rules! for_each {
    ($($index:literal)* => |$i:ident| $do:expr) => { $({ const $i: usize = $index; $do })* };
}

#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn scan(heads: &[Head], tail: &Tail, range: Range, found: Found<'_>) {
    let k = black_box(&K);
    let mut done = 0;
    while done < range.count {
        let base = range.start.wrapping_add(done as u32);
        let mut first = First::new(base, &range, tail);
        for (index, head) in heads.iter().enumerate() {
            let state = if index == 0 { first.hash(head, tail, k) } else { first.hash_again(head, k) };
            let sevenths = second_hash(&state, head, k);
            for (stream, word) in sevenths.into_iter().enumerate() {
                if word & range.mask == 0 && (stream as u64) < range.count - done {
                    found(index, base.wrapping_add(stream as u32));
                }
            }
        }
        done += STREAMS as u64;
    }
}

/// The first hash of four nonces. Its message schedule is kept for the heads that share it.
struct First {
    /// Nonces as words of the message.
    nonces: [u32; STREAMS],
    /// Words 16 to 63, in fours.
    words: [Words; 12],
}

impl First {
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3,avx")]
    fn new(base: u32, range: &Range, tail: &Tail) -> Self {
        let (mut nonces, mut words) = ([0; STREAMS], [_mm_setzero_si128(); STREAMS]);
        for stream in 0..STREAMS {
            let nonce = range.word(base.wrapping_add(stream as u32));
            nonces[stream] = nonce;
            let (w18, w19) = (small0(nonce).wrapping_add(tail.w18), nonce.wrapping_add(tail.w19));
            words[stream] = four([tail.w16, tail.w17, w18, w19]);
        }
        Self { nonces, words: [words; 12] }
    }

    /// The state after round 63, and the schedule on the way.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3,avx")]
    fn hash(&mut self, head: &Head, tail: &Tail, k: &[u32; 64]) -> State {
        let mut state = self.begin(head);
        let words = &mut self.words;
        let pad5 = four([PAD, 0, HEADER_BITS, tail.w16]);
        let pad7 = four([0, 0, small0(HEADER_BITS), HEADER_BITS.wrapping_add(small0(tail.w16))]);
        for stream in 0..STREAMS {
            let w16 = words[0][stream];
            let w20 = _mm_sha256msg2_epu32(pad5, w16);
            let w24 = _mm_sha256msg2_epu32(_mm_alignr_epi8::<4>(w20, w16), w20);
            let sum = _mm_add_epi32(pad7, _mm_alignr_epi8::<4>(w24, w20));
            words[1][stream] = w20;
            words[2][stream] = w24;
            words[3][stream] = _mm_sha256msg2_epu32(sum, w24);
        }
        for_each!(0 1 2 3 => |G| four_rounds(&mut state, &words[G], constants(k, G + 4)));
        for_each!(4 5 6 7 8 9 10 11 => |G| {
            words[G] = extend(&words[G - 4], &words[G - 3], &words[G - 2], &words[G - 1]);
            four_rounds(&mut state, &words[G], constants(k, G + 4));
        });
        state
    }

    /// The state after round 63 for another head.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3,avx")]
    fn hash_again(&self, head: &Head, k: &[u32; 64]) -> State {
        let mut state = self.begin(head);
        for (group, words) in self.words.iter().enumerate() {
            four_rounds(&mut state, words, constants(k, group + 4));
        }
        state
    }

    /// The state after round 15: no word but the nonce depends on the nonce.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3,avx")]
    fn begin(&self, head: &Head) -> State {
        let (feba, hgdc) = registers(&head.round_3);
        let mut state = State { feba: [feba; STREAMS], hgdc: [hgdc; STREAMS] };
        for (nonce, feba) in self.nonces.iter().zip(&mut state.feba) {
            *feba = _mm_add_epi32(*feba, four([0, *nonce, 0, *nonce]));
        }
        four_rounds_alike(&mut state, four([K[4].wrapping_add(PAD), K[5], K[6], K[7]]));
        four_rounds_alike(&mut state, four([K[8], K[9], K[10], K[11]]));
        four_rounds_alike(&mut state, four([K[12], K[13], K[14], K[15].wrapping_add(HEADER_BITS)]));
        state
    }
}

/// Word 7 of the hash of the first hash, whose last state is `state`.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn second_hash(state: &State, head: &Head, k: &[u32; 64]) -> [u32; STREAMS] {
    let (feba, hgdc) = registers(&head.midstate);
    let mut words = [[_mm_setzero_si128(); STREAMS]; 16];
    for stream in 0..STREAMS {
        let feba = _mm_add_epi32(state.feba[stream], feba);
        let hgdc = _mm_add_epi32(state.hgdc[stream], hgdc);
        words[0][stream] = _mm_shuffle_epi32::<0b10_11_00_01>(_mm_unpackhi_epi64(feba, hgdc));
        words[1][stream] = _mm_shuffle_epi32::<0b10_11_00_01>(_mm_unpacklo_epi64(feba, hgdc));
    }
    words[2] = [four([PAD, 0, 0, 0]); STREAMS];
    words[3] = [four([0, 0, 0, HASH_BITS]); STREAMS];

    let (feba, hgdc) = registers(&IV);
    let mut state = State { feba: [feba; STREAMS], hgdc: [hgdc; STREAMS] };
    four_rounds(&mut state, &words[0], constants(k, 0));
    four_rounds(&mut state, &words[1], constants(k, 1));
    four_rounds_alike(&mut state, four([K[8].wrapping_add(PAD), K[9], K[10], K[11]]));
    four_rounds_alike(&mut state, four([K[12], K[13], K[14], K[15].wrapping_add(HASH_BITS)]));
    for_each!(4 5 6 7 8 9 10 11 12 13 14 => |G| {
        words[G] = extend(&words[G - 4], &words[G - 3], &words[G - 2], &words[G - 1]);
        four_rounds(&mut state, &words[G], constants(k, G));
    });
    let last = extend(&words[11], &words[12], &words[13], &words[14]);
    let mut sevenths = [0; STREAMS];
    for stream in 0..STREAMS {
        // After two more rounds the lowest word is `f`, the `e` of round 60, and that is word 7 but for its initial value.
        let kw = _mm_add_epi32(last[stream], constants(k, 15));
        let feba = _mm_sha256rnds2_epu32(state.hgdc[stream], state.feba[stream], kw);
        sevenths[stream] = (_mm_cvtsi128_si32(feba) as u32).wrapping_add(IV[7]);
    }
    sevenths
}

/// A vector of four words, the first in the lowest lane.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn four(words: [u32; 4]) -> __m128i {
    let [a, b, c, d] = words.map(|word| word as i32);
    _mm_set_epi32(d, c, b, a)
}

/// The state a to h in the order of the instructions.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn registers(state: &[u32; 8]) -> (__m128i, __m128i) {
    let [a, b, c, d, e, f, g, h] = *state;
    (four([f, e, b, a]), four([h, g, d, c]))
}

/// The constants of the rounds from 4 × `group` on.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn constants(k: &[u32; 64], group: usize) -> __m128i {
    k.as_chunks::<4>().0.get(group).map_or(_mm_setzero_si128(), |k| four(*k))
}

#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn four_rounds(state: &mut State, words: &Words, k: __m128i) {
    for stream in 0..STREAMS {
        let (feba, hgdc) = (state.feba[stream], state.hgdc[stream]);
        let kw = _mm_add_epi32(words[stream], k);
        state.hgdc[stream] = _mm_sha256rnds2_epu32(hgdc, feba, kw);
        state.feba[stream] = _mm_sha256rnds2_epu32(feba, state.hgdc[stream], _mm_shuffle_epi32::<0x0e>(kw));
    }
}

/// Four rounds whose words are the same in all streams; `kw` is their sum with the constants.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn four_rounds_alike(state: &mut State, kw: __m128i) {
    let upper = _mm_shuffle_epi32::<0x0e>(kw);
    for stream in 0..STREAMS {
        state.hgdc[stream] = _mm_sha256rnds2_epu32(state.hgdc[stream], state.feba[stream], kw);
        state.feba[stream] = _mm_sha256rnds2_epu32(state.feba[stream], state.hgdc[stream], upper);
    }
}

/// The four words that follow on sixteen.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn extend(a: &Words, b: &Words, c: &Words, d: &Words) -> Words {
    let mut next = *a;
    for stream in 0..STREAMS {
        let sum = _mm_add_epi32(
            _mm_sha256msg1_epu32(a[stream], b[stream]),
            _mm_alignr_epi8::<4>(d[stream], c[stream]),
        );
        next[stream] = _mm_sha256msg2_epu32(sum, d[stream]);
    }
    next
}
