//! What a pool is told of our hash rate: it makes the difficulty of a channel of it (`docs/protocols/stratum-v2.md §6`).

use std::time::Duration;

use adit_protocol::wire::Micros;

/// A pool is told at most so often.
const PAUSE: Duration = Duration::from_secs(30);
/// Devices come to work one after the other; what they promise is told when it has been the same for so long.
const SETTLING: Duration = Duration::from_secs(5);
/// Nor is it told of less than this part of what it knows.
const LEAST: f64 = 0.1;
/// What was found longer ago says nothing of the present.
const WINDOW: Duration = Duration::from_secs(3_600);

/// What the pool has been told, and what has been found since.
#[derive(Debug)]
pub(super) struct Rate {
    /// Hashes per second.
    told: f64,
    /// What the devices promise instead, and since when, where the pool has not heard of it.
    promised: Option<(f64, Micros)>,
    /// Hashes expected behind a share of the job that is worked on.
    per_share: f64,
    since: Micros,
    /// Expected behind the shares that were found since.
    hashes: f64,
}

impl Rate {
    /// Nothing is known but what the user or the usual says.
    pub(super) fn new(told: f32) -> Self {
        Self { told: told.into(), promised: None, per_share: 0.0, since: Micros(0), hashes: 0.0 }
    }

    /// What the pool is told now.
    pub(super) fn told(&self) -> f32 {
        self.told as f32
    }

    /// The pool has been told; counting begins.
    pub(super) fn begin(&mut self, now: Micros) {
        (self.since, self.hashes) = (now, 0.0);
    }

    /// The devices that work promise so many hashes per second together. Believed until it is found otherwise.
    pub(super) fn promised(&mut self, now: Micros, rate: f64) {
        let other = (rate - self.told).abs() > LEAST * self.told;
        self.promised = (rate > 0.0 && other).then_some((rate, now));
    }

    /// Work begins on a job with so many hashes behind a share. Where that is new, nothing found before can be compared.
    pub(super) fn searching(&mut self, now: Micros, per_share: f64) {
        if std::mem::replace(&mut self.per_share, per_share) != per_share {
            self.begin(now);
        }
    }

    /// A share was found behind which so many hashes are expected. One of a job with another target says nothing of the time
    /// since this one came.
    pub(super) fn found(&mut self, hashes: f64) {
        if hashes == self.per_share {
            self.hashes += hashes;
        }
    }

    /// When what the devices promise is to be told.
    pub(super) fn deadline(&self) -> Option<Micros> {
        self.promised.map(|(_, since)| since + SETTLING)
    }

    /// Whether it is time to tell something else, beyond what chance makes of it.
    pub(super) fn changed(&mut self, now: Micros) -> bool {
        if let Some((rate, _)) = self.promised.take_if(|(_, since)| now.since(*since) >= SETTLING) {
            self.told = rate;
            self.begin(now);
            return true;
        }
        let elapsed = now.since(self.since);
        if elapsed < PAUSE {
            return false;
        }
        let expected = self.told * elapsed.as_secs_f64() / self.per_share;
        let found = self.hashes / self.per_share;
        let chance = 4.0 * expected.max(found).sqrt() + 1.0;
        // Where nothing is found, another pool may be worked for: that says nothing of the rate.
        if self.hashes == 0.0 || (found - expected).abs() <= chance.max(LEAST * expected) {
            if elapsed >= WINDOW {
                self.begin(now);
            }
            return false;
        }
        self.told = self.hashes / elapsed.as_secs_f64();
        self.begin(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_told_what_is_found_and_not_more_often_than_twice_a_minute() {
        let mut rate = Rate::new(1e11);
        rate.searching(Micros(0), 1e12);
        let mut told = Vec::new();
        for second in 1..=3_600_u64 {
            rate.found(1e12); // ten times as much as was told
            if rate.changed(Micros::from_secs(second)) {
                told.push((second, rate.told()));
            }
        }
        assert_eq!(told, [(30, 1e12)]);
    }

    #[test]
    fn neither_chance_nor_the_silence_of_a_pool_that_is_not_worked_for_is_reported() {
        let mut rate = Rate::new(1e11);
        rate.searching(Micros(0), 1e12);
        for minute in 1..=10 {
            (0..if minute % 2 == 0 { 5 } else { 7 }).for_each(|_| rate.found(1e12));
            assert!(!rate.changed(Micros::from_secs(60 * minute)), "minute {minute}");
        }
        rate.begin(Micros::from_secs(600));
        assert!((11..3_000).all(|minute| !rate.changed(Micros::from_secs(60 * minute))));
    }

    #[test]
    fn what_the_devices_promise_is_told_once_they_are_all_there() {
        let mut rate = Rate::new(1e11);
        rate.searching(Micros(0), 1e12);
        for second in 1..=3 {
            rate.promised(Micros::from_secs(second), 5e8 * second as f64);
            assert!(!rate.changed(Micros::from_secs(second)));
        }
        assert_eq!(rate.deadline(), Some(Micros::from_secs(8)));
        assert!(rate.changed(Micros::from_secs(8)));
        assert_eq!(rate.told(), 1.5e9);
        rate.promised(Micros::from_secs(9), 1.6e9); // hardly another
        assert!(!rate.changed(Micros::from_secs(20)));
    }
}
