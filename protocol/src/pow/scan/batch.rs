//! Many headers at once whose midstates are at hand: one per lane, nothing in common.

use std::hint::black_box;

use super::lanes::Lanes;
use super::wide::{eight_rounds, round};
use super::words::{HASH_BITS, HEADER_BITS, IV, K, PAD};
use crate::pow::{Hash, Midstate};

/// A header: the state after its first block, and its last 16 bytes.
pub(super) type Head = (Midstate, [u8; 16]);

/// Appends the hash of every head.
#[inline(always)]
pub(super) fn finish_all<L: Lanes>(lanes: L, heads: &[Head], hashes: &mut Vec<Hash>) {
    let k = black_box(&K);
    let mut words = [0; 64];
    for heads in heads.chunks(L::COUNT as usize) {
        let gather = |word: &dyn Fn(&Head) -> u32| lanes.gather(&|lane| heads.get(lane).map_or(0, word));
        let zero = lanes.splat(0);
        let mut state = [zero; 8];
        for (index, value) in state.iter_mut().enumerate() {
            *value = gather(&|(midstate, _)| midstate.0[index]);
        }
        let mut block = [zero; 16];
        for (index, value) in block.iter_mut().take(4).enumerate() {
            *value = gather(&|(_, tail)| {
                tail.as_chunks::<4>().0.get(index).map_or(0, |word| u32::from_be_bytes(*word))
            });
        }
        (block[4], block[15]) = (lanes.splat(PAD), lanes.splat(HEADER_BITS));
        let first = compress(lanes, state, &block, k);

        let mut block = [zero; 16];
        block[..8].copy_from_slice(&first);
        (block[8], block[15]) = (lanes.splat(PAD), lanes.splat(HASH_BITS));
        let second = compress(lanes, IV.map(|word| lanes.splat(word)), &block, k);

        let begin = hashes.len();
        hashes.resize(begin + heads.len(), Hash::default());
        for (index, value) in second.into_iter().enumerate() {
            lanes.scatter(value, &mut words);
            for (hash, word) in hashes[begin..].iter_mut().zip(words) {
                hash.0[4 * index..4 * index + 4].copy_from_slice(&word.to_be_bytes());
            }
        }
    }
}

/// The compression function of SHA-256 in every lane.
#[inline(always)]
fn compress<L: Lanes>(lanes: L, initial: [L::V; 8], block: &[L::V; 16], k: &[u32; 64]) -> [L::V; 8] {
    let mut words = [lanes.splat(0); 64];
    words[..16].copy_from_slice(block);
    let mut state = initial;
    for (word, k) in block.iter().zip(k) {
        round(lanes, &mut state, lanes.add_word(*word, *k));
    }
    for at in (16..64).step_by(8) {
        eight_rounds(lanes, &mut state, &mut words, k, at);
    }
    for (value, initial) in state.iter_mut().zip(initial) {
        *value = lanes.add(*value, initial);
    }
    state
}
