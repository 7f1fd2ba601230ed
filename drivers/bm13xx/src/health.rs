//! Signs that a chain is no longer well: wrong nonces, repeated ones, none at all (`docs/protocols/bm13xx.md §13.3`).

use std::time::Duration;

use adit_driver::{Fault, Verdict};
use adit_protocol::wire::Micros;

/// Judged nonces that are looked back on.
const WINDOW: u32 = 64;
/// So many wrong ones among them are too many.
const TOO_MANY_WRONG: u32 = 48;
/// So many repeated ones mean that chips do each other's work. Some chips repeat a few results of their own (§9.5).
const TOO_MANY_REPEATED: u32 = 20;
/// A chain that should have found so many nonces and has found none is silent: chance does that once in 485 million times.
const SILENT_INTERVALS: u32 = 20;
/// However many are due: a host may be late by seconds.
const LEAST_SILENCE: Duration = Duration::from_secs(10);

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Advice {
    /// Nothing.
    Fine,
    /// Chips search the same nonces.
    Overlap(Fault),
    /// They find nothing. If they answer, they may only have lost their settings.
    Revive,
    /// The chain must be reset.
    Reset(Fault),
}

/// The last judged nonces of a chain, and when the last valid one came.
#[derive(Clone, Debug)]
pub struct Health {
    /// The last verdicts, newest in bit 0.
    wrong: u64,
    repeated: u64,
    judged: u32,
    /// A valid nonce, or the beginning of a search.
    last: Micros,
    /// When silence was answered with settings; since then nothing has been found either.
    revived: Option<Micros>,
}

impl Health {
    /// Nothing has been judged; the search begins now.
    pub fn new(now: Micros) -> Self {
        Self { wrong: 0, repeated: 0, judged: 0, last: now, revived: None }
    }

    /// A nonce was judged.
    pub fn judge(&mut self, now: Micros, verdict: Verdict) -> Advice {
        let (wrong, repeated) = match verdict {
            Verdict::HardwareError => (1, 0),
            Verdict::Duplicate => (0, 1),
            verdict if verdict.is_valid() => (0, 0),
            _ => return Advice::Fine,
        };
        if wrong + repeated == 0 {
            (self.last, self.revived) = (now, None);
        }
        (self.wrong, self.repeated) = (self.wrong << 1 | wrong, self.repeated << 1 | repeated);
        self.judged = (self.judged + 1).min(WINDOW);
        let (errors, duplicates) = (self.wrong.count_ones(), self.repeated.count_ones());
        if errors >= TOO_MANY_WRONG {
            return Advice::Reset(Fault::HardwareErrors { errors, nonces: self.judged });
        }
        if duplicates >= TOO_MANY_REPEATED {
            let nonces = self.judged;
            (self.repeated, self.judged) = (0, 0);
            return Advice::Overlap(Fault::Duplicates { duplicates, nonces });
        }
        Advice::Fine
    }

    /// The search begins, or begins anew.
    pub fn restart(&mut self, now: Micros) {
        self.last = now;
        self.revived = self.revived.map(|_| now);
    }

    /// For how long nothing has been found.
    pub fn silence(&self, now: Micros) -> Fault {
        Fault::Silent { seconds: now.since(self.last).as_secs() as u32 }
    }

    /// When a chain that has found nothing until then is silent. `interval`: between two nonces on average.
    pub fn patience(&self, interval: Duration) -> Micros {
        self.revived.unwrap_or(self.last)
            + (interval * SILENT_INTERVALS).max(LEAST_SILENCE)
            + Duration::from_micros(1)
    }

    /// Time has passed. `interval`: between two nonces on average.
    pub fn check(&mut self, now: Micros, interval: Duration) -> Advice {
        if now < self.patience(interval) {
            return Advice::Fine;
        }
        if self.revived.is_some() {
            return Advice::Reset(self.silence(now));
        }
        self.revived = Some(now);
        Advice::Revive
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_wrong_of_four_are_too_many() {
        let mut health = Health::new(Micros(0));
        let verdict = |n| if n % 4 == 0 { Verdict::Share } else { Verdict::HardwareError };
        let found = (0..64).find_map(|n| match health.judge(Micros(n), verdict(n)) {
            Advice::Fine => None,
            advice => Some((n, advice)),
        });
        assert_eq!(found, Some((63, Advice::Reset(Fault::HardwareErrors { errors: 48, nonces: 64 }))));
    }

    #[test]
    fn a_few_repeated_nonces_are_fine_and_many_are_an_overlap() {
        let mut health = Health::new(Micros(0));
        for n in 0..1_000 {
            let verdict = if n % 5 == 0 { Verdict::Duplicate } else { Verdict::BelowShare };
            assert_eq!(health.judge(Micros(n), verdict), Advice::Fine);
        }
        let advice = (0..64).map(|n| {
            let verdict = if n % 2 == 0 { Verdict::Duplicate } else { Verdict::BelowShare };
            health.judge(Micros(n), verdict)
        });
        assert!(advice.into_iter().any(|advice| matches!(advice, Advice::Overlap(_))));
    }

    #[test]
    fn silence_is_first_answered_with_settings_and_then_with_a_reset() {
        let (mut health, interval) = (Health::new(Micros(0)), Duration::from_millis(500));
        assert_eq!(health.check(Micros::from_secs(10), interval), Advice::Fine);
        assert_eq!(health.check(Micros::from_secs(11), interval), Advice::Revive);
        assert_eq!(health.silence(Micros::from_secs(12)), Fault::Silent { seconds: 12 }, "nobody answered");
        assert_eq!(health.check(Micros::from_secs(21), interval), Advice::Fine);
        assert_eq!(
            health.check(Micros::from_secs(22), interval),
            Advice::Reset(Fault::Silent { seconds: 22 }),
            "all of it, not what came after the settings"
        );
        health.judge(Micros::from_secs(23), Verdict::Stale);
        assert_eq!(health.check(Micros::from_secs(34), interval), Advice::Revive);
    }

    #[test]
    fn a_slow_chain_is_given_twenty_intervals() {
        let mut health = Health::new(Micros(0));
        assert_eq!(health.check(Micros::from_secs(1199), Duration::from_secs(60)), Advice::Fine);
    }
}
