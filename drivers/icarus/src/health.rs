//! Signs that a device is no longer well: wrong nonces, and none at all.

use std::time::Duration;

use adit_driver::{Fault, Verdict};

/// Judged nonces that are looked back on.
const WINDOW: u32 = 16;
/// So many wrong ones among them are too many.
const TOO_MANY: u32 = 12;
/// Nonce ranges searched without a valid nonce. One is expected in each, so a well device keeps silent for so long with
/// probability e^-16, once in some nine million ranges: in months even where a range takes seconds.
const SILENT_RANGES: u32 = 16;
/// As many where at least [`SPOILT`] answers came that made no sense: chance has a part of e^-8 in the silence, and noise that
/// falls into every gap would have to come with it.
const SPOILT_RANGES: u32 = 8;
/// So many answers in a row that make no sense: the line no longer fits, as after a lost baud rate.
const SPOILT: u32 = 8;
/// A short range is no reason for haste: a host may be late by seconds.
const LEAST_SILENCE: Duration = Duration::from_secs(10);

/// What a device's answers say of its health.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// The last verdicts, newest in bit 0; 1 is a hardware error.
    errors: u32,
    judged: u32,
    /// Time spent searching since the last valid nonce.
    unanswered: Duration,
    /// Answers since then that made no sense.
    spoilt: u32,
}

impl Health {
    /// A nonce was judged. Returns the fault when most of the last ones were wrong.
    pub(crate) fn judge(&mut self, verdict: Verdict) -> Option<Fault> {
        let wrong = match verdict {
            Verdict::HardwareError => true,
            verdict if verdict.is_valid() => false,
            _ => return None,
        };
        if !wrong {
            (self.unanswered, self.spoilt) = (Duration::ZERO, 0);
        }
        self.errors = (self.errors << 1 | u32::from(wrong)) & ((1 << WINDOW) - 1);
        self.judged = (self.judged + 1).min(WINDOW);
        let errors = self.errors.count_ones();
        (errors >= TOO_MANY).then_some(Fault::HardwareErrors { errors, nonces: self.judged })
    }

    /// Something came between two silences that was neither a nonce of a work nor a register.
    pub(crate) fn spoilt(&mut self) {
        self.spoilt = self.spoilt.saturating_add(1);
    }

    /// The device has searched for `span` more; its whole range takes `full`. Returns the fault when it should have found
    /// something long ago.
    pub(crate) fn searched(&mut self, span: Duration, full: Duration) -> Option<Fault> {
        self.unanswered += span;
        let (ranges, fault) = if self.spoilt >= SPOILT {
            (SPOILT_RANGES, Fault::HardwareErrors { errors: self.spoilt, nonces: self.spoilt })
        } else {
            let seconds = u32::try_from(self.unanswered.as_secs()).unwrap_or(u32::MAX);
            (SILENT_RANGES, Fault::Silent { seconds })
        };
        (self.unanswered > (full * ranges).max(LEAST_SILENCE)).then_some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_wrong_nonces_are_no_fault() {
        let mut health = Health::default();
        for round in 0..100 {
            let verdict = if round % 3 == 0 { Verdict::Share } else { Verdict::HardwareError };
            assert_eq!(health.judge(verdict), None, "two of three: round {round}");
        }
    }

    #[test]
    fn twelve_wrong_of_the_last_sixteen_are() {
        let mut health = Health::default();
        assert_eq!(health.judge(Verdict::BelowShare), None);
        for _ in 0..11 {
            assert_eq!(health.judge(Verdict::HardwareError), None);
            assert_eq!(health.judge(Verdict::Duplicate), None);
        }
        let fault = health.judge(Verdict::HardwareError);
        assert_eq!(fault, Some(Fault::HardwareErrors { errors: 12, nonces: 13 }));
    }

    /// Whole ranges of 11 s that pass until there is a fault, and the fault.
    fn ranges_until_fault(health: &mut Health) -> (u32, Fault) {
        let full = Duration::from_secs(11);
        let at_end = |range| health.searched(full, full).map(|fault| (range, fault));
        (1..100).find_map(at_end).unwrap()
    }

    #[test]
    fn more_than_sixteen_ranges_without_a_nonce_are_silence() {
        let mut health = Health::default();
        assert_eq!(ranges_until_fault(&mut health), (17, Fault::Silent { seconds: 187 }));
        health.judge(Verdict::Stale);
        assert_eq!(ranges_until_fault(&mut health).0, 17, "a nonce begins it anew");
    }

    #[test]
    fn answers_that_make_no_sense_halve_the_patience() {
        let mut health = Health::default();
        (0..7).for_each(|_| health.spoilt());
        assert_eq!(ranges_until_fault(&mut health).0, 17, "seven may be noise");
        let mut health = Health::default();
        (0..8).for_each(|_| health.spoilt());
        assert_eq!(ranges_until_fault(&mut health), (9, Fault::HardwareErrors { errors: 8, nonces: 8 }));
        health.judge(Verdict::BelowShare);
        assert_eq!(ranges_until_fault(&mut health).0, 17, "a valid nonce ends the row");
    }

    #[test]
    fn a_short_range_gives_ten_seconds() {
        let (mut health, full) = (Health::default(), Duration::from_millis(75));
        let mut spent = Duration::ZERO;
        while health.searched(full, full).is_none() {
            spent += full;
        }
        assert!(spent >= Duration::from_secs(9) && spent < Duration::from_secs(11), "{spent:?}");
    }
}
