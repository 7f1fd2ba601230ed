//! Signs that a device is no longer well: wrong nonces, and none at all.

use std::time::Duration;

use adit_driver::{Fault, Verdict};

/// Judged nonces that are looked back on.
const WINDOW: u32 = 16;
/// So many wrong ones among them are too many.
const TOO_MANY: u32 = 12;
/// Nonce ranges searched without a valid nonce. One is expected in each, so a well device is silent so long once in 10^13.
const SILENT_RANGES: u32 = 30;
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
            self.unanswered = Duration::ZERO;
        }
        self.errors = (self.errors << 1 | u32::from(wrong)) & ((1 << WINDOW) - 1);
        self.judged = (self.judged + 1).min(WINDOW);
        let errors = self.errors.count_ones();
        (errors >= TOO_MANY).then_some(Fault::HardwareErrors { errors, nonces: self.judged })
    }

    /// The device has searched for `span` more; its whole range takes `full`. Returns the fault when it should have found
    /// something long ago.
    pub(crate) fn searched(&mut self, span: Duration, full: Duration) -> Option<Fault> {
        self.unanswered += span;
        let seconds = u32::try_from(self.unanswered.as_secs()).unwrap_or(u32::MAX);
        (self.unanswered > (full * SILENT_RANGES).max(LEAST_SILENCE)).then_some(Fault::Silent { seconds })
    }
}

/// Most nonces that wait for their verdict.
const WAITING: usize = 64;

/// What a machine remembers of nonces that have not been judged, by their number. Bounded: the oldest are forgotten, and
/// nothing is learnt from them.
#[derive(Debug)]
pub(crate) struct Unjudged<T> {
    waiting: [Option<(u64, T)>; WAITING],
    next: u64,
}

impl<T: Copy> Unjudged<T> {
    /// No nonce yet.
    pub(crate) fn new() -> Self {
        Self { waiting: [None; WAITING], next: 0 }
    }

    /// Numbers a nonce and remembers `what` of it.
    pub(crate) fn number(&mut self, what: T) -> u64 {
        let seq = self.next;
        self.waiting[seq as usize % WAITING] = Some((seq, what));
        self.next += 1;
        seq
    }

    /// Takes what was remembered of nonce `seq`.
    pub(crate) fn take(&mut self, seq: u64) -> Option<T> {
        let slot = &mut self.waiting[seq as usize % WAITING];
        match slot {
            Some((waiting, what)) if *waiting == seq => {
                let what = *what;
                *slot = None;
                Some(what)
            }
            _ => None,
        }
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

    #[test]
    fn thirty_ranges_without_a_nonce_are_silence() {
        let (mut health, full) = (Health::default(), Duration::from_secs(11));
        for _ in 0..30 {
            assert_eq!(health.searched(full, full), None);
        }
        assert_eq!(health.searched(full, full), Some(Fault::Silent { seconds: 341 }));
        health.judge(Verdict::Stale);
        assert_eq!(health.searched(full, full), None);
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

    #[test]
    fn unjudged_nonces_are_numbered_from_0_and_bounded() {
        let mut unjudged = Unjudged::new();
        let seqs: Vec<u64> = (0..100).map(|n| unjudged.number(n)).collect();
        assert_eq!(seqs, (0..100).collect::<Vec<u64>>());
        assert_eq!(unjudged.take(0), None, "forgotten");
        assert_eq!(unjudged.take(99), Some(99));
        assert_eq!(unjudged.take(99), None, "judged once");
        assert_eq!(unjudged.take(1_000_000), None);
    }
}
