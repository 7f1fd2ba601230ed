//! What a pool is told of our hash rate: it makes the difficulty of a channel of it (`docs/protocols/stratum-v2.md §6`).

use std::time::Duration;

use adit_protocol::wire::Micros;

/// A pool is told at most so often.
const PAUSE: Duration = Duration::from_secs(60);
/// Nor is it told of less than this part of what it knows.
const LEAST: f64 = 0.1;
/// What was found longer ago says nothing of the present.
const WINDOW: Duration = Duration::from_secs(3_600);

/// What the pool has been told, and what has been found since.
#[derive(Debug)]
pub(super) struct Rate {
    /// Hashes per second.
    told: f64,
    since: Micros,
    shares: f64,
    /// Expected hashes behind them.
    hashes: f64,
}

impl Rate {
    /// Nothing is known but what the user or the usual says.
    pub(super) fn new(told: f32) -> Self {
        Self { told: told.into(), since: Micros(0), shares: 0.0, hashes: 0.0 }
    }

    /// What the pool is told now.
    pub(super) fn told(&self) -> f32 {
        self.told as f32
    }

    /// The pool has been told; counting begins.
    pub(super) fn begin(&mut self, now: Micros) {
        (self.since, self.shares, self.hashes) = (now, 0.0, 0.0);
    }

    /// A share was found behind which so many hashes are expected.
    pub(super) fn found(&mut self, hashes: f64) {
        self.shares += 1.0;
        self.hashes += hashes;
    }

    /// Whether it is time to tell something else, beyond what chance makes of it; `hashes` are expected behind a share at
    /// present.
    pub(super) fn changed(&mut self, now: Micros, hashes: f64) -> bool {
        let elapsed = now.since(self.since);
        if elapsed < PAUSE {
            return false;
        }
        let expected = self.told * elapsed.as_secs_f64() / hashes;
        let found = self.hashes / hashes;
        let chance = 4.0 * expected.max(found).sqrt() + 1.0;
        if (found - expected).abs() <= chance.max(LEAST * expected) {
            if elapsed >= WINDOW {
                self.begin(now);
            }
            return false;
        }
        // Nothing at all is no rate: much less than was told.
        self.told = if self.shares > 0.0 { self.hashes / elapsed.as_secs_f64() } else { self.told / 16.0 };
        self.begin(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_told_what_is_found_and_not_more_often_than_once_a_minute() {
        let mut rate = Rate::new(1e11);
        rate.begin(Micros(0));
        let mut told = Vec::new();
        for second in 1..=3_600_u64 {
            rate.found(1e12); // ten times as much as was told
            if rate.changed(Micros::from_secs(second), 1e12) {
                told.push((second, rate.told()));
            }
        }
        assert_eq!(told, [(60, 1e12)]);
    }

    #[test]
    fn chance_is_not_reported_but_silence_is() {
        let mut rate = Rate::new(1e11);
        rate.begin(Micros(0));
        for minute in 1..=10 {
            (0..if minute % 2 == 0 { 5 } else { 7 }).for_each(|_| rate.found(1e12));
            assert!(!rate.changed(Micros::from_secs(60 * minute), 1e12), "minute {minute}");
        }
        let silent = (11..30).find(|minute| rate.changed(Micros::from_secs(60 * minute), 1e12));
        assert!(silent.is_some_and(|minute| minute < 25), "{silent:?}");
        assert!(rate.told() < 1e11);
    }
}
