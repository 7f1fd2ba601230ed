//! Energy by hashes: what a terahash costs at the present point.

use adit_driver::{NoData, Verdict};
use adit_protocol::wire::Micros;

/// Fewer nonces say too little: one standard deviation of so many is a seventh.
const ENOUGH: u32 = 50;

/// Power and valid nonces since the last move.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account {
    valid: u32,
    joules: f64,
    /// When power was last measured.
    weighed_at: Option<Micros>,
}

impl Account {
    /// Another clock or voltage: what was counted belongs to the old one.
    pub(crate) fn moved(&mut self, now: Micros) {
        *self = Self { weighed_at: Some(now), ..Self::default() };
    }

    /// A nonce was judged.
    pub(crate) fn judged(&mut self, verdict: Verdict) {
        self.valid += u32::from(verdict.is_valid() && self.weighed_at.is_some());
    }

    /// Power was measured: so much since the last time.
    pub(crate) fn weighed(&mut self, now: Micros, watts: f64) {
        if let Some(at) = self.weighed_at {
            self.joules += watts * now.since(at).as_secs_f64();
        }
        self.weighed_at = Some(now);
    }

    /// What a terahash has cost. `hashes_per_nonce`: what one nonce stands for.
    pub(crate) fn joules_per_terahash(&self, hashes_per_nonce: f64) -> Result<f64, NoData> {
        if self.valid < ENOUGH {
            return Err(NoData::NotYet);
        }
        Ok(self.joules / (f64::from(self.valid) * hashes_per_nonce / 1e12))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_watts_for_a_terahash_a_second_are_twenty_joules_per_terahash() {
        let mut account = Account::default();
        assert_eq!(account.joules_per_terahash(1e12), Err(NoData::NotYet));
        for second in 0..=100 {
            account.weighed(Micros::from_secs(second), 20.0);
            if second > 0 {
                account.judged(Verdict::BelowShare);
                account.judged(Verdict::HardwareError);
            }
        }
        assert_eq!(account.joules_per_terahash(1e12), Ok(20.0));
        account.moved(Micros::from_secs(100));
        assert_eq!(account.joules_per_terahash(1e12), Err(NoData::NotYet));
    }
}
