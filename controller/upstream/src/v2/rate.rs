//! What a pool is told of our hash rate: it makes the difficulty of a channel of it (`docs/protocols/stratum-v2.md §6`).

use std::time::Duration;

use adit_protocol::wire::Micros;

/// A pool is told at most so often.
const PAUSE: Duration = Duration::from_secs(30);
/// So many shares do not fail to appear by chance (one time in 22,000).
const MISSED: f64 = 10.0;
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

    /// When it is time to tell something else, or to count afresh, if no share is found before; `hashes` are expected behind
    /// a share at present.
    pub(super) fn deadline(&self, hashes: f64) -> Option<Micros> {
        (self.shares == 0.0).then(|| self.since + self.silence(hashes).clamp(PAUSE, WINDOW))
    }

    /// Within this [`MISSED`] shares are expected. Whole microseconds, as the clock has them: else what is due at the deadline
    /// would not be due there, and the deadline would stay.
    fn silence(&self, hashes: f64) -> Duration {
        Duration::from_micros((MISSED * hashes / self.told * 1e6) as u64) // saturates
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
        let silent = self.shares == 0.0 && elapsed >= self.silence(hashes);
        if !silent && (found - expected).abs() <= chance.max(LEAST * expected) {
            if elapsed >= WINDOW {
                self.begin(now);
            }
            return false;
        }
        // Where nothing was found, a share may be about to be.
        self.told = if silent { hashes } else { self.hashes } / elapsed.as_secs_f64();
        self.begin(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_at_the_deadline_is_done_there_and_not_a_moment_later() {
        for step in 0..2_000 {
            let hashes = 1e11 * (1.0 + f64::from(step) / 7.0);
            let mut rate = Rate::new(1e11);
            rate.begin(Micros(1));
            let at = rate.deadline(hashes).unwrap();
            rate.changed(at, hashes);
            assert!(rate.deadline(hashes).is_none_or(|next| next > at), "{hashes} hashes behind a share");
        }
    }

    #[test]
    fn a_pool_is_told_what_is_found_and_not_more_often_than_twice_a_minute() {
        let mut rate = Rate::new(1e11);
        rate.begin(Micros(0));
        let mut told = Vec::new();
        for second in 1..=3_600_u64 {
            rate.found(1e12); // ten times as much as was told
            if rate.changed(Micros::from_secs(second), 1e12) {
                told.push((second, rate.told()));
            }
        }
        assert_eq!(told, [(30, 1e12)]);
    }

    #[test]
    fn chance_is_not_reported_but_silence_is() {
        let mut rate = Rate::new(1e10);
        rate.begin(Micros(0));
        for minute in 1..=10 {
            (0..if minute % 2 == 0 { 5 } else { 7 }).for_each(|_| rate.found(1e11));
            assert!(!rate.changed(Micros::from_secs(60 * minute), 1e11), "minute {minute}");
        }
        // Six a minute were told: ten are missed in 100 s, with which no share of the last ten minutes reckons.
        rate.begin(Micros::from_secs(600));
        assert_eq!(rate.deadline(1e11), Some(Micros::from_secs(700)));
        assert!(!rate.changed(Micros::from_secs(699), 1e11));
        assert!(rate.changed(Micros::from_secs(700), 1e11));
        assert_eq!(rate.told(), 1e9, "one share in 100 s, at most");
        assert_eq!(rate.deadline(1e9), Some(Micros::from_secs(730)), "and not at once again");
    }
}
