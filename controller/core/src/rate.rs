//! Hash rate from verified nonces.

use std::time::Duration;

use adit_protocol::units::HashRate;
use adit_protocol::wire::Micros;

/// Length of a slot.
const SLOT: Duration = Duration::from_secs(10);
/// Whole slots in the sliding window.
const SLOTS: u64 = 30;

/// Work done, as far as nonces tell. Both numbers only grow: what lies between two instants is their difference.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Done {
    /// Expected hashes behind the verified nonces.
    pub hashes: f64,
    /// Variance of that estimate, in hashes squared: with nonces of one kind, hashes² ÷ nonces.
    pub variance: f64,
}

/// Work done since the beginning and in the last five minutes. Every verified nonce counts as the hashes that a nonce of
/// its device stands for, not as the difficulty it happens to have (`docs/protocols/verification.md §3`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Rate {
    since: Option<Micros>,
    hashes: f64,
    squares: f64,
    slots: [Slot; SLOTS as usize + 1],
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    number: u64,
    hashes: f64,
}

impl Rate {
    /// The device begins to work. Only the first call counts.
    pub(crate) fn begin(&mut self, now: Micros) {
        self.since.get_or_insert(now);
    }

    /// A verified nonce that stands for so many hashes.
    pub(crate) fn add(&mut self, now: Micros, hashes: f64) {
        let number = slot_number(now);
        let slot = &mut self.slots[(number % (SLOTS + 1)) as usize];
        if slot.number != number {
            *slot = Slot { number, hashes: 0.0 };
        }
        slot.hashes += hashes;
        self.hashes += hashes;
        self.squares += hashes * hashes;
    }

    /// Hashes since the beginning, and the variance of that number: the sum of the squares of what each nonce stands for.
    pub(crate) fn done(&self) -> Done {
        Done { hashes: self.hashes, variance: self.squares }
    }

    /// Rate of the last five minutes, or of the time since the beginning where that is shorter.
    pub(crate) fn recent(&self, now: Micros) -> Option<HashRate> {
        let number = slot_number(now);
        let oldest = number.saturating_sub(SLOTS);
        let hashes =
            self.slots.iter().filter(|slot| (oldest..=number).contains(&slot.number)).map(|s| s.hashes);
        let window = Micros(oldest * SLOT.as_micros() as u64);
        per_second(hashes.sum(), now.since(self.since?.max(window)))
    }

    /// Rate since the beginning.
    pub(crate) fn session(&self, now: Micros) -> Option<HashRate> {
        per_second(self.hashes, now.since(self.since?))
    }
}

fn slot_number(now: Micros) -> u64 {
    now.0 / SLOT.as_micros() as u64
}

fn per_second(hashes: f64, span: Duration) -> Option<HashRate> {
    (!span.is_zero()).then(|| HashRate(hashes / span.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recent_rate_forgets_what_is_older_than_five_minutes() {
        let mut rate = Rate::default();
        assert_eq!(rate.recent(Micros::from_secs(9)), None);
        rate.begin(Micros::from_secs(10));
        for second in 11..=1_000 {
            rate.add(Micros::from_secs(second), 5.0);
        }
        for second in 1_001..=2_000 {
            rate.add(Micros::from_secs(second), 2.0);
        }
        let recent = rate.recent(Micros::from_secs(2_000)).unwrap().0;
        assert!((recent - 2.0).abs() < 0.02, "{recent}");
        let session = rate.session(Micros::from_secs(2_000)).unwrap().0;
        assert!((session - 3.5).abs() < 0.02, "{session}");
    }

    #[test]
    fn a_device_that_fell_silent_decays_to_zero() {
        let mut rate = Rate::default();
        rate.begin(Micros(0));
        rate.add(Micros::from_secs(1), 100.0);
        assert_eq!(rate.recent(Micros::from_secs(10)), Some(HashRate(10.0)));
        assert_eq!(rate.recent(Micros::from_secs(1_000)), Some(HashRate(0.0)));
    }
}
