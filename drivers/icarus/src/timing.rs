//! How long a device takes for its nonce range, from its nominal rate and from the nonces it finds
//! (`docs/protocols/icarus.md §5.4, §5.5`).

use std::collections::VecDeque;
use std::str::FromStr;
use std::time::Duration;

use adit_protocol::icarus::Division;
use adit_protocol::wire::Micros;

/// Hashes in the whole nonce range.
pub(crate) const RANGE: f64 = 4_294_967_296.0;

/// A new job is sent this long before the range is exhausted, the time the job takes on the wire included.
const MARGIN: Duration = Duration::from_millis(20);
/// A data set lasts at least this long.
const SET_SPAN: Duration = Duration::from_secs(60);
/// Sets that are kept.
const SETS: usize = 10;
/// Samples of the first set; each later set needs twice as many until it needs `LAST_SET`.
const FIRST_SET: u32 = 5;
const LAST_SET: u32 = 160;

/// Where the time per hash comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// The model's nominal rate.
    Nominal,
    /// Measured until some 315 nonces have been timed.
    Short,
    /// Measured for ever.
    Long,
    /// Seconds per hash as the user says.
    Fixed(f64),
}

impl FromStr for Pace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "nominal" => Ok(Self::Nominal),
            "short" => Ok(Self::Short),
            "long" => Ok(Self::Long),
            number => match number.parse::<f64>() {
                Ok(nanoseconds) if (1e-6..=1e6).contains(&nanoseconds) => Ok(Self::Fixed(nanoseconds * 1e-9)),
                _ => Err(()),
            },
        }
    }
}

/// One nonce whose place in the range is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Hashes the whole device had done.
    pub hashes: f64,
    /// Seconds from the writing of the job to the nonce, without the nonce's own time on the wire.
    pub seconds: f64,
    /// When the job was written.
    pub started: Micros,
}

/// The straight line through the samples so far: seconds = offset + hashes × seconds per hash.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sums {
    n: f64,
    x: f64,
    t: f64,
    xt: f64,
    xx: f64,
}

impl Sums {
    fn add(&mut self, sample: &Sample) {
        let (x, t) = (sample.hashes, sample.seconds);
        *self = self.with(&Self { n: 1.0, x, t, xt: x * t, xx: x * x });
    }

    fn with(&self, other: &Self) -> Self {
        Self {
            n: self.n + other.n,
            x: self.x + other.x,
            t: self.t + other.t,
            xt: self.xt + other.xt,
            xx: self.xx + other.xx,
        }
    }

    /// Seconds per hash and offset in seconds.
    fn fit(&self) -> Option<(f64, f64)> {
        let spread = self.n * self.xx - self.x * self.x;
        if spread.is_nan() || spread <= 0.0 {
            return None;
        }
        let per_hash = (self.n * self.xt - self.x * self.t) / spread;
        let offset = self.t / self.n - per_hash * self.x / self.n;
        (per_hash > 0.0).then_some((per_hash, offset))
    }
}

/// Time per hash of one device and what follows from it.
#[derive(Clone, Debug)]
pub(crate) struct Timing {
    per_hash: f64,
    offset: f64,
    pace: Pace,
    /// Part of the range's hashes that is really done: less than 1 where engines are missing.
    share: f64,
    sets: VecDeque<Sums>,
    set: Sums,
    set_began: Option<Micros>,
    needed: u32,
}

impl Timing {
    /// `rate`: nominal hashes per second. `engines` of the parts of the range are searched.
    pub(crate) fn new(pace: Pace, rate: f64, engines: u16, division: Division) -> Self {
        let per_hash = match pace {
            Pace::Fixed(seconds) => seconds,
            Pace::Nominal | Pace::Short | Pace::Long => rate.max(1.0).recip(),
        };
        Self {
            per_hash,
            offset: 0.0,
            pace,
            share: f64::from(engines) / f64::from(division.parts()),
            sets: VecDeque::with_capacity(SETS),
            set: Sums::default(),
            set_began: None,
            needed: FIRST_SET,
        }
    }

    /// Hashes per second.
    pub(crate) fn rate(&self) -> f64 {
        self.per_hash.recip()
    }

    /// Time from the writing of a job to the end of its range.
    pub(crate) fn full(&self) -> Duration {
        let seconds = self.offset.max(0.0) + self.per_hash * RANGE * self.share;
        Duration::from_secs_f64(seconds.clamp(1e-3, 1e5))
    }

    /// Time from the writing of a job to the writing of the next one, if nothing happens before.
    pub(crate) fn until_next(&self) -> Duration {
        let full = self.full();
        full - MARGIN.min(full / 4)
    }

    /// The device now does `rate` hashes per second: another clock.
    pub(crate) fn set_rate(&mut self, rate: f64) {
        let fresh = Self::new(self.pace, rate, 1, Division::ONE);
        *self = Self { share: self.share, ..fresh };
    }

    /// Learns from a valid nonce. Returns whether the time per hash changed.
    pub(crate) fn learn(&mut self, sample: &Sample) -> bool {
        if !matches!(self.pace, Pace::Short | Pace::Long) {
            return false;
        }
        self.set.add(sample);
        let began = *self.set_began.get_or_insert(sample.started);
        if self.set.n < f64::from(self.needed) || sample.started.since(began) <= SET_SPAN {
            return false;
        }
        if self.sets.len() == SETS {
            self.sets.pop_front();
        }
        self.sets.push_back(std::mem::take(&mut self.set));
        self.set_began = None;
        if self.pace == Pace::Short && self.needed == LAST_SET {
            self.pace = Pace::Nominal;
        }
        self.needed = if self.needed < 100 { self.needed * 2 } else { self.needed };
        self.refit()
    }

    fn refit(&mut self) -> bool {
        let all = self.sets.iter().fold(Sums::default(), |all, set| all.with(set));
        let plausible = |per_hash: f64| (0.5..=2.0).contains(&(per_hash / self.per_hash));
        match all.fit() {
            Some((per_hash, offset)) if plausible(per_hash) && offset.abs() < 1.0 => {
                (self.per_hash, self.offset) = (per_hash, offset);
                true
            }
            _ => {
                self.sets.pop_back();
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTORS: &str = include_str!("../../../protocol/vectors/icarus.json");

    fn timing(rate: f64) -> Timing {
        Timing::new(Pace::Long, rate, 1, Division::ONE)
    }

    #[test]
    fn the_range_of_each_device_takes_as_long_as_the_vectors_say() {
        let vectors: serde_json::Value = serde_json::from_str(VECTORS).unwrap();
        let rows = vectors["timing"].as_array().unwrap();
        assert!(rows.len() >= 6);
        for row in rows {
            let per_hash = row["seconds_per_hash"].as_f64().unwrap();
            let full = timing(per_hash.recip()).full().as_secs_f64();
            let expected = row["fullnonce_s"].as_f64().unwrap();
            assert!((full - expected).abs() < 1e-6, "{row}: {full}");
        }
    }

    #[test]
    fn the_regression_gives_the_figures_of_the_vectors() {
        let vectors: serde_json::Value = serde_json::from_str(VECTORS).unwrap();
        for case in vectors["regression"].as_array().unwrap() {
            let overhead = case["read_overhead_s"].as_f64().unwrap();
            let mut sums = Sums::default();
            for row in case["samples"].as_array().unwrap() {
                sums.add(&Sample {
                    hashes: row["hashes"].as_f64().unwrap(),
                    seconds: row["elapsed_s"].as_f64().unwrap() - overhead,
                    started: Micros(0),
                });
            }
            let (per_hash, offset) = sums.fit().unwrap();
            assert!((per_hash / case["Hs"].as_f64().unwrap() - 1.0).abs() < 1e-6, "{per_hash}");
            assert!((offset - case["W"].as_f64().unwrap()).abs() < 1e-3, "{offset}");
            let full = offset + per_hash * RANGE;
            assert!((full - case["fullnonce_s"].as_f64().unwrap()).abs() < 1e-3, "{full}");
        }
    }

    /// Nonces of a device of `rate` hashes per second with `latency`, one per range, at varying places.
    fn samples(rate: f64, latency: f64) -> impl Iterator<Item = Sample> {
        (0..400_u32).map(move |n| {
            let hashes = f64::from(n.wrapping_mul(2_654_435_761));
            let started = Micros((f64::from(n) * RANGE / rate * 1e6) as u64);
            Sample { hashes, seconds: latency + hashes / rate, started }
        })
    }

    #[test]
    fn a_device_that_is_slower_than_its_nominal_rate_is_measured() {
        let mut timing = timing(380e6);
        assert!(samples(360e6, 0.004).any(|sample| timing.learn(&sample)));
        assert!((timing.rate() / 360e6 - 1.0).abs() < 1e-6);
        assert!((timing.full().as_secs_f64() - (0.004 + RANGE / 360e6)).abs() < 1e-3);
    }

    #[test]
    fn nothing_is_learnt_within_the_first_minute() {
        let mut timing = timing(380e6);
        for sample in samples(360e6, 0.0).filter(|sample| sample.started <= Micros::from_secs(60)) {
            assert!(!timing.learn(&sample));
        }
    }

    #[test]
    fn the_first_set_needs_five_samples_and_a_minute() {
        let mut timing = timing(380e6);
        let learnt = samples(360e6, 0.0).position(|sample| timing.learn(&sample));
        assert_eq!(learnt, Some(6)); // 6 × 11.9 s > 60 s
    }

    #[test]
    fn short_measuring_ends() {
        let mut timing = Timing::new(Pace::Short, 380e6, 1, Division::ONE);
        let last = samples(379e6, 0.0).enumerate().filter(|(_, sample)| timing.learn(sample)).last();
        assert_eq!(last.map(|(at, _)| at < 330), Some(true));
        assert_eq!(timing.pace, Pace::Nominal);
    }

    #[test]
    fn a_set_that_cannot_be_true_is_not_believed() {
        for rate in [380e6 * 2.5, 380e6 / 2.5] {
            let mut timing = timing(380e6);
            assert!(!samples(rate, 0.0).any(|sample| timing.learn(&sample)), "{rate}");
            assert!((timing.rate() / 380e6 - 1.0).abs() < 1e-12);
        }
        let mut timing = timing(380e6);
        let still = (0..100).map(|s| Sample { hashes: 1e9, seconds: 3.0, started: Micros::from_secs(s * 5) });
        assert!(!still.into_iter().any(|sample| timing.learn(&sample)), "all at one place: no spread");
    }

    #[test]
    fn another_clock_means_inversely_as_much_time() {
        let mut timing = timing(150e6);
        timing.set_rate(200e6);
        assert!((timing.full().as_secs_f64() - RANGE / 200e6).abs() < 1e-6);
    }

    #[test]
    fn with_one_engine_of_two_missing_the_range_ends_as_early_as_with_both() {
        let whole = Timing::new(Pace::Nominal, 380e6, 2, Division::TWO).full();
        assert_eq!(Timing::new(Pace::Nominal, 190e6, 1, Division::TWO).full(), whole);
    }

    #[test]
    fn a_short_range_keeps_three_quarters() {
        let timing = timing(RANGE / 0.060);
        assert_eq!(timing.until_next(), timing.full() / 4 * 3);
        let timing = Timing::new(Pace::Nominal, 336e6, 1, Division::ONE);
        assert_eq!(timing.full() - timing.until_next(), MARGIN);
    }
}
