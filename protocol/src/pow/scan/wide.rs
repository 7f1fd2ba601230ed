//! The kernel for vectors: one hash per lane, several heads per schedule.
//!
//! One copy of an eight-round body serves both hashes, so that all the code stays in the CPU's cache of decoded
//! operations; only rounds that can be thinned are written out. Eight rounds bring the state back into the same registers.

use std::hint::black_box;

use super::lanes::Lanes;
use super::words::{HASH_BITS, HEADER_BITS, Head, IV, K, PAD, SECOND_ROUND_0, Tail, small0, small1};
use super::{ByteOrder, Found, Range};

type State<L> = [<L as Lanes>::V; 8];
type Schedule<L> = [<L as Lanes>::V; 64];

/// Runs `$do` with each index, written out: the compiler would not unroll so long a body.
macro_rules! for_each {
    ($($index:literal)* => |$i:ident| $do:expr) => { $({ const $i: usize = $index; $do })* };
}

/// Searches `range` with one head.
#[inline(always)]
pub(super) fn scan_one<L: Lanes>(lanes: L, head: &Head, tail: &Tail, range: Range, found: Found<'_>) {
    // The compiler must not know the constants: it would put them into the code and reorder the additions.
    let k = black_box(&K);
    // Nor that there are two hashes: it would write both turns of the loop out.
    let hashes = black_box(2);
    let (mut first, mut second) = ([lanes.splat(0); 64], [lanes.splat(0); 64]);
    (first[16], first[17]) = (lanes.splat(tail.w16), lanes.splat(tail.w17));
    let mut done = 0;
    while done < range.count {
        let (nonces, base, left) = group(lanes, &range, done);
        let mut state = begin_first(lanes, head, nonces);
        let mut hash = 0;
        let seventh = loop {
            let (words, end) = if hash == 0 { (&mut first, 64) } else { (&mut second, 56) };
            if hash == 0 {
                thin_first(lanes, &mut state, words, tail, nonces, k);
            } else {
                thin_second(lanes, &mut state, words, k);
            }
            let mut at = 32;
            while at < end {
                eight_rounds(lanes, &mut state, words, k, at);
                at += 8;
            }
            hash += 1;
            if hash == hashes {
                break last_rounds(lanes, &mut state, words, k);
            }
            state = begin_second(lanes, head, &state, &mut second, k);
        };
        let hits = lanes.clear(seventh, range.mask);
        if hits != 0 {
            report(hits, 0, base, left, found);
        }
        done += u64::from(L::COUNT);
    }
}

/// Searches `range` with many heads: the message schedule of the first hash is made once for all of them.
#[inline(always)]
pub(super) fn scan_many<L: Lanes>(lanes: L, heads: &[Head], tail: &Tail, range: Range, found: Found<'_>) {
    let k = black_box(&K);
    let end = black_box(56);
    let (mut sums, mut words) = ([lanes.splat(0); 64], [lanes.splat(0); 64]);
    let mut done = 0;
    while done < range.count {
        let (nonces, base, left) = group(lanes, &range, done);
        schedule_first(lanes, &mut sums, tail, nonces, k);
        for (index, head) in heads.iter().enumerate() {
            let mut state = begin_first(lanes, head, nonces);
            scheduled_first(lanes, &mut state, &sums, tail, k);
            state = begin_second(lanes, head, &state, &mut words, k);
            thin_second(lanes, &mut state, &mut words, k);
            let mut at = 32;
            while at < end {
                eight_rounds(lanes, &mut state, &mut words, k, at);
                at += 8;
            }
            let seventh = last_rounds(lanes, &mut state, &mut words, k);
            let hits = lanes.clear(seventh, range.mask);
            if hits != 0 {
                report(hits, index, base, left, found);
            }
        }
        done += u64::from(L::COUNT);
    }
}

/// The numbers of `range` after the first `done`, a vector full: as words of the message, the first of them, and how many are
/// left. Not a closure over all of them: that would not be compiled for the instructions of its caller.
#[inline(always)]
fn group<L: Lanes>(lanes: L, range: &Range, done: u64) -> (L::V, u32, u64) {
    let base = range.start.wrapping_add(done as u32);
    let nonces = match range.order {
        ByteOrder::Little => lanes.swap_bytes(lanes.count_from(base)),
        ByteOrder::Big => lanes.count_from(base),
    };
    (nonces, base, range.count - done)
}

/// Hands out the lanes of `hits` that are among the `left` nonces from `base` on.
#[cold]
#[inline(never)]
fn report(mut hits: u64, head: usize, base: u32, left: u64, found: Found<'_>) {
    while hits != 0 {
        let lane = hits.trailing_zeros();
        if u64::from(lane) < left {
            found(head, base.wrapping_add(lane));
        }
        hits &= hits - 1;
    }
}

/// One round; `kw` is the sum of the schedule word and the round's constant.
#[inline(always)]
pub(super) fn round<L: Lanes>(lanes: L, state: &mut State<L>, kw: L::V) {
    let sum = lanes.add(state[7], kw);
    round_with(lanes, state, sum);
}

/// One round; `sum` contains `h` as well.
#[inline(always)]
fn round_with<L: Lanes>(lanes: L, state: &mut State<L>, sum: L::V) {
    let [a, b, c, d, e, f, g, _] = *state;
    let t1 = lanes.add(lanes.add(sum, lanes.choice(e, f, g)), lanes.big1(e));
    let t2 = lanes.add(lanes.add(t1, lanes.majority(a, b, c)), lanes.big0(a));
    *state = [t2, a, b, c, lanes.add(d, t1), e, f, g];
}

/// One round whose `a` nobody needs.
#[inline(always)]
fn round_e<L: Lanes>(lanes: L, state: &mut State<L>, kw: L::V) {
    let [a, b, c, d, e, f, g, h] = *state;
    let sum = lanes.add(lanes.add(lanes.add(h, kw), d), lanes.choice(e, f, g));
    *state = [a, a, b, c, lanes.add(sum, lanes.big1(e)), e, f, g];
}

/// The next schedule word, at `at` (16 or more).
#[inline(always)]
fn extend<L: Lanes>(lanes: L, window: &mut [L::V; 24], at: usize) -> L::V {
    let sum = lanes.add(window[at], window[at + 9]);
    let word = lanes.add(lanes.add(sum, lanes.small0(window[at + 1])), lanes.small1(window[at + 14]));
    window[at + 16] = word;
    word
}

/// Rounds `at` to `at + 7`, which need no thought: schedule and round in full.
#[inline(always)]
pub(super) fn eight_rounds<L: Lanes>(
    lanes: L,
    state: &mut State<L>,
    words: &mut Schedule<L>,
    k: &[u32; 64],
    at: usize,
) {
    let window = words.get_mut(at - 16..).and_then(|rest| rest.first_chunk_mut::<24>());
    let (Some(window), Some(k)) = (window, k.get(at..).and_then(|rest| rest.first_chunk::<8>())) else {
        return;
    };
    for_each!(0 1 2 3 4 5 6 7 => |J| {
        let word = extend(lanes, window, J);
        round(lanes, state, lanes.add_word(word, k[J]));
    });
}

/// Rounds 56 to 60 of the second hash; of the last four only `e` matters. Gives word 7 of the hash.
#[inline(always)]
pub(super) fn last_rounds<L: Lanes>(
    lanes: L,
    state: &mut State<L>,
    words: &mut Schedule<L>,
    k: &[u32; 64],
) -> L::V {
    let Some(window) = words[40..].first_chunk_mut::<24>() else { return state[4] };
    let word = extend(lanes, window, 0);
    round(lanes, state, lanes.add_word(word, k[56]));
    for_each!(1 2 3 4 => |J| {
        let word = extend(lanes, window, J);
        round_e(lanes, state, lanes.add_word(word, k[56 + J]));
    });
    lanes.add_word(state[4], IV[7])
}

/// The state after round 7 of the first hash.
#[inline(always)]
fn begin_first<L: Lanes>(lanes: L, head: &Head, nonces: L::V) -> State<L> {
    let [a, b, c, d, e, f, g, h] = head.round_3;
    let word = |word| lanes.splat(word);
    let mut state = [
        lanes.add_word(nonces, a),
        word(b),
        word(c),
        word(d),
        lanes.add_word(nonces, e),
        word(f),
        word(g),
        word(h),
    ];
    round_with(lanes, &mut state, word(h.wrapping_add(K[4]).wrapping_add(PAD)));
    round_with(lanes, &mut state, word(g.wrapping_add(K[5])));
    round_with(lanes, &mut state, word(f.wrapping_add(K[6])));
    round(lanes, &mut state, word(K[7]));
    state
}

/// The schedule words 18 to 31 of the first hash, which have two or three terms: most of the message is padding. Calls `$each`
/// with each of them as soon as it is known.
macro_rules! thin_words {
    ($lanes:ident, $w:ident, $tail:ident, $nonces:ident, |$at:ident| $each:expr) => {
        thin_words!(@ $w, $at, $each;
            18 = $lanes.add_word($lanes.small0($nonces), $tail.w18);
            19 = $lanes.add_word($nonces, $tail.w19);
            20 = $lanes.add_word($lanes.small1($w[18]), PAD);
            21 = $lanes.small1($w[19]);
            22 = $lanes.add_word($lanes.small1($w[20]), HEADER_BITS);
            23 = $lanes.add_word($lanes.small1($w[21]), $tail.w16);
            24 = $lanes.add_word($lanes.small1($w[22]), $tail.w17);
            25 = $lanes.add($lanes.small1($w[23]), $w[18]);
            26 = $lanes.add($lanes.small1($w[24]), $w[19]);
            27 = $lanes.add($lanes.small1($w[25]), $w[20]);
            28 = $lanes.add($lanes.small1($w[26]), $w[21]);
            29 = $lanes.add($lanes.small1($w[27]), $w[22]);
            30 = $lanes.add($lanes.add_word($w[23], small0(HEADER_BITS)), $lanes.small1($w[28]));
            31 = $lanes.add($lanes.add_word($w[24], $tail.w31), $lanes.small1($w[29]));
        );
    };
    (@ $w:ident, $at:ident, $each:expr; $($index:literal = $word:expr;)*) => {
        $({
            const $at: usize = $index;
            $w[$at] = $word;
            $each;
        })*
    };
}

/// Rounds 8 to 31 of the first hash.
#[inline(always)]
fn thin_first<L: Lanes>(
    lanes: L,
    state: &mut State<L>,
    w: &mut Schedule<L>,
    tail: &Tail,
    nonces: L::V,
    k: &[u32; 64],
) {
    padded_first(lanes, state, tail, k);
    thin_words!(lanes, w, tail, nonces, |I| round(lanes, state, lanes.add_word(w[I], k[I])));
}

/// The schedule words 18 to 63 of the first hash, each with the constant of its round.
#[inline(always)]
fn schedule_first<L: Lanes>(lanes: L, sums: &mut Schedule<L>, tail: &Tail, nonces: L::V, k: &[u32; 64]) {
    let mut w = [lanes.splat(0); 64];
    (w[16], w[17]) = (lanes.splat(tail.w16), lanes.splat(tail.w17));
    thin_words!(lanes, w, tail, nonces, |I| sums[I] = lanes.add_word(w[I], k[I]));
    let mut at = 32;
    while at < 64 {
        let window = w.get_mut(at - 16..).and_then(|rest| rest.first_chunk_mut::<24>());
        let sums = sums.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<8>());
        let k = k.get(at..).and_then(|rest| rest.first_chunk::<8>());
        let (Some(window), Some(sums), Some(k)) = (window, sums, k) else { return };
        for_each!(0 1 2 3 4 5 6 7 => |J| {
            let word = extend(lanes, window, J);
            sums[J] = lanes.add_word(word, k[J]);
        });
        at += 8;
    }
}

/// Rounds 8 to 17 of the first hash: no word depends on the nonce.
#[inline(always)]
fn padded_first<L: Lanes>(lanes: L, state: &mut State<L>, tail: &Tail, k: &[u32; 64]) {
    for_each!(8 9 10 11 12 13 14 => |I| round(lanes, state, lanes.splat(k[I])));
    round(lanes, state, lanes.splat(K[15].wrapping_add(HEADER_BITS)));
    round(lanes, state, lanes.splat(K[16].wrapping_add(tail.w16)));
    round(lanes, state, lanes.splat(K[17].wrapping_add(tail.w17)));
}

/// Rounds 8 to 63 of the first hash; `sums`: see [`schedule_first`].
#[inline(always)]
fn scheduled_first<L: Lanes>(lanes: L, state: &mut State<L>, sums: &Schedule<L>, tail: &Tail, k: &[u32; 64]) {
    padded_first(lanes, state, tail, k);
    for_each!(18 19 20 21 22 23 => |I| round(lanes, state, sums[I]));
    let mut at = black_box(24);
    while at < 64 {
        let Some(sums) = sums.get(at..).and_then(|rest| rest.first_chunk::<8>()) else { return };
        for_each!(0 1 2 3 4 5 6 7 => |J| round(lanes, state, sums[J]));
        at += 8;
    }
}

/// The state after round 7 of the second hash, whose message begins with the result of the first: its last state and the
/// midstate.
#[inline(always)]
fn begin_second<L: Lanes>(
    lanes: L,
    head: &Head,
    first: &State<L>,
    w: &mut Schedule<L>,
    k: &[u32; 64],
) -> State<L> {
    for (word, (value, initial)) in w.iter_mut().zip(first.iter().zip(head.midstate)) {
        *word = lanes.add_word(*value, initial);
    }
    let [a, b, c, d, e, f, g, h] = SECOND_ROUND_0;
    let word = |word| lanes.splat(word);
    let mut state = [
        lanes.add_word(w[0], a),
        word(b),
        word(c),
        word(d),
        lanes.add_word(w[0], e),
        word(f),
        word(g),
        word(h),
    ];
    round_with(lanes, &mut state, lanes.add_word(w[1], K[1].wrapping_add(h)));
    round_with(lanes, &mut state, lanes.add_word(w[2], K[2].wrapping_add(g)));
    round_with(lanes, &mut state, lanes.add_word(w[3], K[3].wrapping_add(f)));
    for_each!(4 5 6 7 => |I| round(lanes, &mut state, lanes.add_word(w[I], k[I])));
    state
}

/// Rounds 8 to 31 of the second hash: half of the message is padding.
#[inline(always)]
fn thin_second<L: Lanes>(lanes: L, state: &mut State<L>, w: &mut Schedule<L>, k: &[u32; 64]) {
    round(lanes, state, lanes.splat(K[8].wrapping_add(PAD)));
    for_each!(9 10 11 12 13 14 => |I| round(lanes, state, lanes.splat(k[I])));
    round(lanes, state, lanes.splat(K[15].wrapping_add(HASH_BITS)));
    macro_rules! word {
        ($at:literal, $value:expr) => {
            w[$at] = $value;
            round(lanes, state, lanes.add_word(w[$at], k[$at]));
        };
    }
    let add3 = |a, b, c| lanes.add(lanes.add(a, b), c);
    word!(16, lanes.add(w[0], lanes.small0(w[1])));
    word!(17, lanes.add(lanes.add_word(w[1], small1(HASH_BITS)), lanes.small0(w[2])));
    word!(18, add3(w[2], lanes.small0(w[3]), lanes.small1(w[16])));
    word!(19, add3(w[3], lanes.small0(w[4]), lanes.small1(w[17])));
    word!(20, add3(w[4], lanes.small0(w[5]), lanes.small1(w[18])));
    word!(21, add3(w[5], lanes.small0(w[6]), lanes.small1(w[19])));
    word!(22, add3(lanes.add_word(w[6], HASH_BITS), lanes.small0(w[7]), lanes.small1(w[20])));
    word!(23, add3(lanes.add_word(w[7], small0(PAD)), w[16], lanes.small1(w[21])));
    word!(24, lanes.add(lanes.add_word(w[17], PAD), lanes.small1(w[22])));
    word!(25, lanes.add(w[18], lanes.small1(w[23])));
    word!(26, lanes.add(w[19], lanes.small1(w[24])));
    word!(27, lanes.add(w[20], lanes.small1(w[25])));
    word!(28, lanes.add(w[21], lanes.small1(w[26])));
    word!(29, lanes.add(w[22], lanes.small1(w[27])));
    word!(30, lanes.add(lanes.add_word(w[23], small0(HASH_BITS)), lanes.small1(w[28])));
    word!(31, add3(lanes.add_word(w[24], HASH_BITS), lanes.small0(w[16]), lanes.small1(w[29])));
}
