//! Many headers at once whose midstates are at hand: one per lane, nothing in common.

use std::hint::black_box;

use super::lanes::Lanes;
use super::wide::{eight_rounds, last_rounds, round};
use super::words::{HASH_BITS, HEADER_BITS, IV, K, PAD};
use crate::pow::Midstate;

/// A header: the state after its first block, and its last 16 bytes.
pub(super) type Head = (Midstate, [u8; 16]);

/// Index of the first head whose hash has the lowest first 32 displayed bits.
#[inline(always)]
pub(super) fn hardest<L: Lanes>(lanes: L, heads: &[Head]) -> Option<usize> {
    let k = black_box(&K);
    let zero = lanes.splat(0);
    let mut schedule = [zero; 64];
    let (mut rows, mut tops) = ([[0; 32]; 12], [0; 32]);
    let (mut index, mut lowest) = (None, u32::MAX);
    for (chunk, heads) in heads.chunks(L::COUNT as usize).enumerate() {
        for (lane, (midstate, tail)) in heads.iter().enumerate() {
            let tail = tail.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
            for (row, word) in rows.iter_mut().zip(midstate.0.into_iter().chain(tail)) {
                row[lane] = word;
            }
        }
        let rows = rows.each_ref().map(|row| lanes.load(row, 0));
        let (mut initial, mut block) = ([zero; 8], [zero; 16]);
        initial.copy_from_slice(&rows[..8]);
        block[..4].copy_from_slice(&rows[8..]);
        (block[4], block[15]) = (lanes.splat(PAD), lanes.splat(HEADER_BITS));
        let mut state = initial;
        rounds(lanes, &mut state, &block, &mut schedule, k, 64);

        let mut block = [zero; 16];
        for ((word, value), initial) in block.iter_mut().zip(state).zip(initial) {
            *word = lanes.add(value, initial);
        }
        (block[8], block[15]) = (lanes.splat(PAD), lanes.splat(HASH_BITS));
        let mut state = IV.map(|word| lanes.splat(word));
        rounds(lanes, &mut state, &block, &mut schedule, k, 56);
        let top = lanes.swap_bytes(last_rounds(lanes, &mut state, &mut schedule, k));

        lanes.store(top, &mut tops, 0);
        for (lane, top) in tops.iter().take(heads.len()).enumerate() {
            if index.is_none() || *top < lowest {
                (index, lowest) = (Some(chunk * L::COUNT as usize + lane), *top);
            }
        }
    }
    index
}

/// The first rounds of the compression function of SHA-256 in every lane, up to round `end`, a multiple of eight.
/// `words`: room for the schedule.
#[inline(always)]
fn rounds<L: Lanes>(
    lanes: L,
    state: &mut [L::V; 8],
    block: &[L::V; 16],
    words: &mut [L::V; 64],
    k: &[u32; 64],
    end: usize,
) {
    words[..16].copy_from_slice(block);
    for (word, k) in block.iter().zip(k) {
        round(lanes, state, lanes.add_word(*word, *k));
    }
    for at in (16..end).step_by(8) {
        eight_rounds(lanes, state, words, k, at);
    }
}
