//! Conversations with a node made of chance, from seeds: the short version of the libFuzzer target `session_node`. A binary of its
//! own, because the allocator is measured.
//!
//! `FUZZ_SEED` repeats one, `FUZZ_SECONDS` goes on for so long.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../conversation/chance.rs"]
mod chance;
mod laws;

use laws::node_session_keeps_the_laws;

#[test]
fn no_conversation_of_chance_breaks_a_law_or_takes_more_memory_than_the_cap() {
    chance::conversations(2, node_session_keeps_the_laws);
}
