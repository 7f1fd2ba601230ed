//! Every decoder of the registry: takes all bytes, in order, alike however they are cut, and never panics.
//!
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz decode`

#![no_main]

use adit_protocol::protocols::PROTOCOLS;
use adit_protocol::wire::Side;
use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "each target keeps one of the laws")]
#[path = "../../../protocol/tests/all/laws.rs"]
mod laws;

// One byte chooses protocol and side, one the cuts; then bursts, each after a byte that says how long it is.
fuzz_target!(|input: &[u8]| {
    let [choice, cut, stream @ ..] = input else { return };
    let protocol = &PROTOCOLS[usize::from(choice >> 1) % PROTOCOLS.len()];
    let from = if choice & 1 == 0 { Side::Host } else { Side::Device };
    let (mut bursts, mut rest) = (Vec::new(), stream);
    while let [len, tail @ ..] = rest {
        let (burst, behind) = tail.split_at(usize::from(*len).min(tail.len()));
        bursts.push(burst);
        rest = behind;
    }
    let mut next = *cut;
    laws::decoder_keeps_the_laws(protocol, from, &bursts, &mut |_| {
        next = next.wrapping_mul(5).wrapping_add(3);
        usize::from(next >> 4)
    });
});
