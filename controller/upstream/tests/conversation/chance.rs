//! Conversations made of chance: bytes from a seed decide what happens, and the allocator is measured.
//!
//! `FUZZ_SEED` repeats one, `FUZZ_SECONDS` goes on for so long.

use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Most memory of a conversation, beyond what was held before.
const CAP: usize = 1 << 18;
/// Steps of a conversation.
const STEPS: usize = 1_000;
/// Conversations at least.
const FEWEST: usize = 200;

/// Plays conversations, each of a thousand steps of `width` bytes, until one breaks a law or takes more memory than the cap. `play`
/// gives the number of shares that the pool answered: chance must get that far, or the laws were not tried.
#[allow(clippy::disallowed_methods, reason = "the clock only decides when to stop looking for mistakes")]
pub(crate) fn conversations(width: usize, play: fn(&[u8]) -> u64) {
    let setting = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let end = Instant::now() + Duration::from_secs(setting("FUZZ_SECONDS").unwrap_or(0));
    let one = setting("FUZZ_SEED");
    let seeds = one.map_or(0..u64::MAX, |seed| seed..seed + 1);
    let (mut played, mut most, mut answered) = (0, 0, 0);
    for seed in seeds {
        if played >= FEWEST && Instant::now() >= end {
            break;
        }
        played += 1;
        let input = bytes(seed, width * STEPS);
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        match std::panic::catch_unwind(|| play(&input)) {
            Ok(shares) => answered += shares,
            Err(_) => panic!("FUZZ_SEED={seed}"),
        }
        let peak = MEMORY.peak_usage().saturating_sub(before);
        assert!(peak <= CAP, "FUZZ_SEED={seed}: {peak} bytes");
        most = most.max(peak);
    }
    eprintln!("{played} conversations, {answered} shares answered by the pool, {most} bytes at most");
    assert!(one.is_some() || answered > played as u64, "only {answered} shares were answered");
}

/// Bytes of chance.
fn bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut roll = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..count).map(|_| roll()).collect()
}
