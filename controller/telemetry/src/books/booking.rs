//! From what happens to what is booked.

use std::collections::BTreeMap;

use adit_core::{Answer, Notice, RejectKind, State};
use adit_driver::Quantity;
use adit_protocol::wire::Micros;

use super::Day;
use crate::ledger::Ledger;
use crate::reading::{Measured, Missing};
use crate::sample::{DeviceSample, PoolSample, Sample};

/// Shares that may wait to be written; more are counted and not kept.
const MOST_WAITING: usize = 100_000;
/// A measurement that is older says nothing of the present power.
const OLDEST_POWER_S: f64 = 60.0;
/// Blocks between two halvings of the reward.
const HALVING: u32 = 210_000;
/// What a block brought its finder at first, fees left out, in satoshis.
const FIRST_SUBSIDY: u64 = 50 * 100_000_000;

/// What a pool answered to a share, as it is booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Booked {
    Accepted,
    Rejected,
    Stale,
    Lost,
}

/// A share as it is booked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// In milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// Id of the device.
    pub(crate) device: String,
    /// `host:port`.
    pub(crate) pool: String,
    pub(crate) booked: Booked,
    /// What it counts: the difficulty that the pool asked for.
    pub(crate) difficulty: f64,
    /// Difficulty of its hash.
    pub(crate) hash_difficulty: f64,
    /// Difficulty of a block then, as the pool's job said it.
    pub(crate) network_difficulty: Option<f64>,
    /// What that block brought its finder, fees left out.
    pub(crate) subsidy_sats: Option<u64>,
}

impl Entry {
    pub(crate) fn day(&self) -> Day {
        Day::of_unix_s(self.at_ms as f64 / 1e3)
    }

    /// What it is worth to whoever is paid by expectation, in satoshis; `None` where the job did not tell.
    pub(crate) fn worth_sats(&self) -> Option<f64> {
        let (network, subsidy) = self.network_difficulty.zip(self.subsidy_sats)?;
        Some((self.difficulty / network).min(1.0) * subsidy as f64)
    }

    /// Whether it made a block.
    pub(crate) fn is_block(&self) -> bool {
        self.network_difficulty.is_some_and(|network| self.hash_difficulty >= network)
    }
}

/// Time and energy that one device spent for one pool on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Effort {
    pub(crate) hashing_s: f64,
    /// As measured, in whatever state.
    pub(crate) joules: f64,
    /// Part of the hashing time in which power was not measured.
    pub(crate) unmeasured_s: f64,
}

/// Whose effort: day, id of the device, and the pool that it worked for, where it did.
pub(crate) type Whose = (Day, String, Option<String>);

/// What is to be written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    pub(crate) efforts: BTreeMap<Whose, Effort>,
    /// Shares that could not be kept, by day.
    pub(crate) missed: BTreeMap<Day, u64>,
}

impl Page {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes over what stands on `next`, within bounds.
    pub(crate) fn append(&mut self, next: Self) {
        for entry in next.entries {
            self.push(entry);
        }
        for (whose, effort) in next.efforts {
            self.spend(whose, effort);
        }
        for (day, shares) in next.missed {
            *self.missed.entry(day).or_default() += shares;
        }
    }

    fn push(&mut self, entry: Entry) {
        match self.entries.len() {
            MOST_WAITING.. => *self.missed.entry(entry.day()).or_default() += 1,
            _ => self.entries.push(entry),
        }
    }

    fn spend(&mut self, whose: Whose, more: Effort) {
        let effort = self.efforts.entry(whose).or_default();
        effort.hashing_s += more.hashing_s;
        effort.joules += more.joules;
        effort.unmeasured_s += more.unmeasured_s;
    }
}

/// Fills pages.
#[derive(Debug, Default)]
pub(crate) struct Booking {
    last: Option<Micros>,
    page: Page,
}

impl Booking {
    /// A pool has answered a share; `missed` answers before it came too fast.
    pub(crate) fn answered(&mut self, ledger: &Ledger, at: Micros, notice: &Notice, missed: u64) {
        let at_unix_s = ledger.clock.unix_s(at);
        if missed > 0 {
            *self.page.missed.entry(Day::of_unix_s(at_unix_s)).or_default() += missed;
        }
        let Notice::Answered { pool, device, difficulty, credit, answer, .. } = notice else { return };
        let sample = ledger.sample.as_deref().and_then(|sample| sample.pools.get(usize::from(pool.0)));
        let finite = |number: f64| if number.is_finite() { number } else { 0.0 };
        self.page.push(Entry {
            at_ms: (at_unix_s * 1e3).round() as i64,
            device: ledger.id(*device),
            pool: ledger.place(*pool),
            booked: match answer {
                Answer::Accepted => Booked::Accepted,
                Answer::Rejected { kind: RejectKind::Stale, .. } => Booked::Stale,
                Answer::Rejected { .. } => Booked::Rejected,
                Answer::Lost => Booked::Lost,
            },
            difficulty: finite(*credit),
            hash_difficulty: finite(*difficulty),
            network_difficulty: sample.and_then(network_difficulty),
            subsidy_sats: sample.and_then(|pool| Some(subsidy_sats(pool.height?))),
        });
    }

    /// Books the time since the last sample as what `sample` finds.
    pub(crate) fn take(&mut self, ledger: &Ledger, sample: &Sample) {
        let Some(last) = self.last.replace(sample.at) else { return };
        let seconds = sample.at.since(last).as_secs_f64();
        let day = Day::of_unix_s(ledger.clock.unix_s(sample.at));
        let pools = parts(&sample.pools);
        for (device, row) in sample.devices.iter().zip(&ledger.rows) {
            let effort = effort(device, sample.at, seconds);
            if effort == Effort::default() {
                continue;
            }
            if !matches!(device.state, State::Hashing) || pools.is_empty() {
                self.page.spend((day, row.id.clone(), None), effort);
                continue;
            }
            for (pool, part) in &pools {
                let part = Effort {
                    hashing_s: effort.hashing_s * part,
                    joules: effort.joules * part,
                    unmeasured_s: effort.unmeasured_s * part,
                };
                self.page.spend((day, row.id.clone(), Some(ledger.place(pool.key))), part);
            }
        }
    }

    /// What has come together.
    pub(crate) fn page(&mut self) -> Page {
        std::mem::take(&mut self.page)
    }

    /// A page that could not be passed on.
    pub(crate) fn put_back(&mut self, mut page: Page) {
        page.append(std::mem::take(&mut self.page));
        self.page = page;
    }
}

fn effort(device: &DeviceSample, now: Micros, seconds: f64) -> Effort {
    let of_power = device.readings.iter().filter(|((_, quantity), _)| *quantity == Quantity::PowerWatts);
    let power = Measured::sum(of_power.map(|(_, reading)| Measured::of(reading, now)), Missing::NotFitted);
    let fresh = power.age_s.is_some_and(|age| age <= OLDEST_POWER_S);
    let watts = power.value.filter(|watts| fresh && *watts >= 0.0);
    let hashing_s = if device.state == State::Hashing { seconds } else { 0.0 };
    Effort {
        hashing_s,
        joules: watts.map_or(0.0, |watts| watts * seconds),
        unmeasured_s: if watts.is_none() { hashing_s } else { 0.0 },
    }
}

/// The pools that are worked for, each with its part of the work: where there are several, that of the hashes proved for them so far.
fn parts(pools: &[PoolSample]) -> Vec<(&PoolSample, f64)> {
    let working: Vec<_> = pools.iter().filter(|pool| pool.working).collect();
    let hashes: f64 = working.iter().map(|pool| pool.hashes).sum();
    let part =
        |pool: &PoolSample| if hashes > 0.0 { pool.hashes / hashes } else { 1.0 / working.len() as f64 };
    working.iter().map(|pool| (*pool, part(pool))).collect()
}

fn network_difficulty(pool: &PoolSample) -> Option<f64> {
    let (difficulty, _) = pool.network?;
    (difficulty.is_finite() && difficulty > 0.0).then_some(difficulty)
}

/// What a block of Bitcoin's main chain at `height` brings, fees left out.
fn subsidy_sats(height: u32) -> u64 {
    FIRST_SUBSIDY.checked_shr(height / HALVING).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subsidy_is_halved_every_210_000_blocks() {
        let table = [
            (0, 5_000_000_000),
            (209_999, 5_000_000_000),
            (210_000, 2_500_000_000),
            (840_000, 312_500_000),
            (6_930_000, 0),
            (u32::MAX, 0),
        ];
        for (height, sats) in table {
            assert_eq!(subsidy_sats(height), sats, "{height}");
        }
    }

    #[test]
    fn a_page_that_nobody_takes_is_bounded_and_counts_what_it_leaves_out() {
        let entry = Entry {
            at_ms: 86_400_000,
            device: "icarus:A".into(),
            pool: "p:1".into(),
            booked: Booked::Accepted,
            difficulty: 1.0,
            hash_difficulty: 2.0,
            network_difficulty: None,
            subsidy_sats: None,
        };
        let mut booking = Booking::default();
        for _ in 0..MOST_WAITING + 7 {
            booking.page.push(entry.clone());
        }
        let page = booking.page();
        booking.page.push(entry);
        booking.put_back(page);
        let page = booking.page();
        assert_eq!(page.entries.len(), MOST_WAITING);
        assert_eq!(page.missed, BTreeMap::from([(Day(1), 8)]));
        assert!(booking.page().is_empty());
    }
}
