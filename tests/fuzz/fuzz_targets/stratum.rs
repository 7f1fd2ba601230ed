//! Lines and messages of Stratum V1: alike however the stream is cut, never longer than allowed, and never a panic.
//!
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz stratum`

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "each target keeps one of the laws")]
#[path = "../../../protocol/tests/all/laws.rs"]
mod laws;

// Two bytes choose the longest line and the cuts.
fuzz_target!(|input: &[u8]| {
    let [limit, cut, stream @ ..] = input else { return };
    let mut next = *cut;
    laws::lines_keep_the_laws(4 * (usize::from(*limit) + 1), stream, &mut |_| {
        next = next.wrapping_mul(5).wrapping_add(3);
        usize::from(next >> 2)
    });
});
