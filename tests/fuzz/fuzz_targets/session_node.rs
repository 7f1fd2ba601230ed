//! Whole conversations with a node that gives templates, answers good and bad in any order.
//!
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz session_node -- -malloc_limit_mb=2 -rss_limit_mb=512 -max_len=2048`
//!
//! What a thousand ordinary steps may hold is stated and measured in `controller/upstream/tests/conversation_node`: 256 KiB.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../controller/upstream/tests/conversation_node/laws.rs"]
mod laws;

fuzz_target!(|input: &[u8]| {
    laws::node_session_keeps_the_laws(input);
});
