//! Whole conversations of Stratum V1, valid and invalid messages in any order: our session with a pool, and our server for a miner.
//!
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz session -- -malloc_limit_mb=2 -rss_limit_mb=512 -max_len=4096`
//!
//! No single allocation above 2 MiB: a line has at most 1 MiB, and a buffer that grows doubles. What a whole session may hold is
//! stated and measured in `controller/upstream/tests/memory.rs` (32 MiB against the worst lines) and `tests/conversation` (256 KiB
//! for a thousand ordinary steps).

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../controller/upstream/tests/conversation/laws.rs"]
mod client;
#[path = "../../../drivers/downstream/tests/machine/laws.rs"]
mod server;

// The first byte chooses the side.
fuzz_target!(|input: &[u8]| {
    let [side, steps @ ..] = input else { return };
    if side & 1 == 0 {
        client::session_keeps_the_laws(steps);
    } else {
        server::server_keeps_the_laws(steps);
    }
});
