//! How long to stay away from a pool, and how often something may happen.

use std::collections::VecDeque;
use std::time::Duration;

use adit_protocol::wire::Micros;

/// Pauses between attempts: 1, 2, 4 … 60 s, each shortened at random by up to a half.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    attempts: usize,
    random: u64,
}

impl Backoff {
    const SECONDS: [u64; 7] = [1, 2, 4, 8, 16, 30, 60];

    pub(crate) fn new(seed: u64) -> Self {
        Self { attempts: 0, random: seed }
    }

    pub(crate) fn next_pause(&mut self) -> Duration {
        let last = Self::SECONDS.len() - 1;
        let micros = Self::SECONDS[self.attempts.min(last)] * 1_000_000;
        self.attempts += 1;
        let half = micros / 2;
        Duration::from_micros(half + self.next_random() % (half + 1))
    }

    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// SplitMix64.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

/// At most `most` times a minute.
#[derive(Clone, Debug)]
pub(crate) struct PerMinute {
    most: usize,
    times: VecDeque<Micros>,
}

impl PerMinute {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, times: VecDeque::new() }
    }

    /// Whether it may happen now, counting it if so.
    pub(crate) fn allow(&mut self, now: Micros) -> bool {
        while self.times.front().is_some_and(|time| now.since(*time) >= Duration::from_secs(60)) {
            self.times.pop_front();
        }
        let allowed = self.times.len() < self.most;
        if allowed {
            self.times.push_back(now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_minute_and_never_fall_below_half() {
        let mut backoff = Backoff::new(7);
        for nominal in [1, 2, 4, 8, 16, 30, 60, 60, 60] {
            let pause = backoff.next_pause();
            let nominal = Duration::from_secs(nominal);
            assert!(pause >= nominal / 2 && pause <= nominal, "{pause:?} of {nominal:?}");
        }
        backoff.reset();
        assert!(backoff.next_pause() <= Duration::from_secs(1));
    }

    #[test]
    fn equal_seeds_give_equal_pauses() {
        let pauses = |seed| {
            let mut backoff = Backoff::new(seed);
            [(); 5].map(|()| backoff.next_pause())
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }

    #[test]
    fn the_sixth_message_within_a_minute_is_held_back() {
        let mut limit = PerMinute::new(5);
        let allowed = (0..7).filter(|second| limit.allow(Micros::from_secs(*second))).count();
        assert_eq!(allowed, 5);
        assert!(limit.allow(Micros::from_secs(60)));
        assert!(!limit.allow(Micros::from_secs(60)));
    }
}
