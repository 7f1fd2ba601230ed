//! Whole conversations of Stratum V2, frames good, bad and damaged in any order.
//!
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz session_v2 -- -malloc_limit_mb=2 -rss_limit_mb=512 -max_len=4096`
//!
//! No single allocation above 2 MiB: a message has at most 1 MiB. What a session and its encryption may hold is stated and measured in
//! `controller/upstream/tests/memory_v2.rs` (8 MiB against the worst messages) and `tests/conversation_v2` (256 KiB for a thousand
//! ordinary steps).

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../controller/upstream/tests/conversation_v2/laws.rs"]
mod laws;

fuzz_target!(|input: &[u8]| {
    laws::v2_session_keeps_the_laws(input);
});
