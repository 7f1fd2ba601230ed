//! Conversations made of chance, from seeds: the short version of the libFuzzer target `session`. A binary of its own, because the
//! allocator is measured.
//!
//! `FUZZ_SEED` repeats one, `FUZZ_SECONDS` goes on for so long.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod laws;

use std::time::{Duration, Instant};

use laws::session_keeps_the_laws;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Most memory of a conversation of a thousand steps, beyond what was held before.
const CAP: usize = 1 << 20;
/// Steps of a conversation.
const STEPS: usize = 1_000;

fn steps(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut roll = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..2 * STEPS).map(|_| roll()).collect()
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the clock only decides when to stop looking for mistakes")]
fn no_conversation_of_chance_breaks_a_law_or_takes_more_memory_than_the_cap() {
    let setting = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let end = Instant::now() + Duration::from_secs(setting("FUZZ_SECONDS").unwrap_or(0));
    let one = setting("FUZZ_SEED");
    let seeds = one.map_or(0..u64::MAX, |seed| seed..seed + 1);
    for (number, seed) in seeds.enumerate() {
        if number >= 200 && Instant::now() >= end {
            break;
        }
        let input = steps(seed);
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        if std::panic::catch_unwind(|| session_keeps_the_laws(&input)).is_err() {
            panic!("FUZZ_SEED={seed}");
        }
        let peak = MEMORY.peak_usage().saturating_sub(before);
        assert!(peak <= CAP, "FUZZ_SEED={seed}: {peak} bytes");
    }
}
