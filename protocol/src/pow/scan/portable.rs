//! One header after the other by the `sha2` crate: for every CPU, and the measure of the other kernels.

use super::words::Head;
use super::{Found, Range, with_word};
use crate::pow::Midstate;

pub(super) fn scan(heads: &[Head], fixed: &[u8; 12], range: Range, found: Found<'_>) {
    for step in 0..range.count {
        let nonce = range.start.wrapping_add(step as u32);
        let tail = with_word(fixed, range.word(nonce));
        for (index, head) in heads.iter().enumerate() {
            let hash = Midstate(head.midstate).finish(&tail);
            let last = u32::from_be_bytes([hash.0[28], hash.0[29], hash.0[30], hash.0[31]]);
            if last & range.mask == 0 {
                found(index, nonce);
            }
        }
    }
}
