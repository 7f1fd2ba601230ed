//! The difficulty of a miner's shares: such that they come at a steady pace.

use std::time::Duration;

use adit_protocol::wire::Micros;

/// Difficulties that a miner can be asked for.
const LIMITS: [f64; 2] = [1e-4, 1e15];
/// Nothing found: the difficulty is divided by so much.
const STEP_DOWN: f64 = 8.0;
/// The difficulty never changes by more at once.
const LARGEST_STEP: f64 = 256.0;
/// What is known of the pace is forgotten after so many expected shares: a miner may be tuned.
const WINDOW: f64 = 120.0;
/// Shares a second that a miner may find when the pool takes easier ones than its pace asks for.
const MOST_PER_SECOND: f64 = 20.0;

/// How fast a miner finds shares, and how hard they should be.
#[derive(Debug)]
pub(crate) struct Pace {
    per_minute: f64,
    difficulty: f64,
    /// The difficulty is what the miner's rate asks for, as far as it has been seen.
    is_known: bool,
    /// What the miner wants at least (BIP 310).
    floor: f64,
    /// Since when shares are counted; `None`: it has no job yet.
    since: Option<Micros>,
    /// Shares of `difficulty` found since then.
    found: f64,
}

impl Pace {
    /// A miner gets shares of `difficulty` at first; `is_known`: which suit it. `per_minute` are wanted.
    pub(crate) fn new(difficulty: f64, is_known: bool, per_minute: f64) -> Self {
        let mut pace = Self { per_minute, difficulty, is_known, floor: 0.0, since: None, found: 0.0 };
        pace.set(difficulty);
        pace
    }

    /// The difficulty that suits the miner, while the pool asks for `pool`: shares that the pool takes are not left out, as
    /// far as the miner does not drown us with them.
    pub(crate) fn difficulty(&self, pool: f64) -> f64 {
        let flood = self.difficulty * self.per_minute / 60.0 / MOST_PER_SECOND;
        let easiest = if self.is_known { flood } else { 0.0 };
        self.difficulty.min(pool).max(easiest)
    }

    /// The miner has a job of a pool that asks for `pool`. A guess is not left to keep it from finding what the pool takes.
    pub(crate) fn begin(&mut self, now: Micros, pool: f64) {
        if self.since.is_none() {
            if !self.is_known {
                self.set(self.difficulty.min(pool));
            }
            self.since = Some(now);
        }
    }

    /// The miner would like this difficulty. What it then finds goes on deciding.
    pub(crate) fn suggest(&mut self, now: Micros, difficulty: f64) {
        self.is_known = false;
        self.set(difficulty);
        self.restart(now);
    }

    /// The miner wants no easier shares than these.
    pub(crate) fn at_least(&mut self, now: Micros, difficulty: f64) {
        self.floor = difficulty.clamp(0.0, LIMITS[1]);
        if self.difficulty < self.floor {
            self.suggest(now, self.floor);
        }
    }

    /// It has found a share of `difficulty`.
    pub(crate) fn found(&mut self, difficulty: f64) {
        if self.since.is_some() {
            self.found += difficulty / self.difficulty;
        }
    }

    /// Whether the difficulty has changed, because so few or so many shares are no chance: beyond four deviations and six.
    pub(crate) fn adjust(&mut self, now: Micros) -> bool {
        let Some(since) = self.since else { return false };
        let expected = now.since(since).as_secs_f64() / 60.0 * self.per_minute;
        let too_few = expected >= enough(self.found);
        let too_many = self.found >= enough(expected);
        if !(too_few || too_many) {
            if expected >= WINDOW {
                self.restart(now);
            }
            return false;
        }
        let ratio =
            if self.found < 1.0 { 1.0 / STEP_DOWN } else { self.found / expected.max(f64::MIN_POSITIVE) };
        let before = self.difficulty;
        self.is_known = true;
        self.set(before * ratio.clamp(1.0 / LARGEST_STEP, LARGEST_STEP));
        self.restart(now);
        self.difficulty != before
    }

    /// When [`adjust`](Self::adjust) has something to do if nothing is found until then.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        let wait = (enough(self.found) / self.per_minute * 60.0).min(1e6);
        Some(self.since? + Duration::from_secs_f64(wait) + Duration::from_micros(1))
    }

    fn set(&mut self, difficulty: f64) {
        self.difficulty = difficulty.max(self.floor).clamp(LIMITS[0], LIMITS[1]);
    }

    fn restart(&mut self, now: Micros) {
        self.since = self.since.map(|_| now);
        self.found = 0.0;
    }
}

/// So many are more than chance makes of `expected`.
fn enough(expected: f64) -> f64 {
    expected + 4.0 * expected.sqrt() + 6.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const PER_MINUTE: f64 = 12.0;
    /// Expected hashes of a share of difficulty 1.
    const HASHES: f64 = 4_294_967_296.0;

    /// A miner of `rate` hashes a second for so long: shares and changes of the difficulty after the first quarter of an hour.
    fn mine(pace: &mut Pace, rate: f64, pool: f64, seconds: u64) -> (u64, u32) {
        let (mut seed, mut shares, mut changes) = (7_u64, 0, 0);
        let settled = Micros::from_secs(900);
        let mut now = Micros(0);
        pace.begin(now, pool);
        while now < Micros::from_secs(seconds) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let chance = ((seed >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
            let told = pace.difficulty(pool);
            let next = now + Duration::from_secs_f64(-chance.ln() * told * HASHES / rate);
            match pace.deadline().filter(|at| *at <= next) {
                Some(at) => now = at.max(now),
                None => {
                    now = next;
                    pace.found(told);
                    shares += u64::from(now > settled);
                }
            }
            changes += u32::from(pace.adjust(now) && now > settled);
        }
        (shares, changes)
    }

    #[test]
    fn every_miner_comes_to_its_pace_within_minutes_and_stays_there() {
        for rate in [1e6, 1e9, 500e9, 5e12, 234e12, 1e18] {
            let mut pace = Pace::new(1_024.0, false, PER_MINUTE);
            let (shares, changes) = mine(&mut pace, rate, f64::INFINITY, 8_100);
            let ideal = rate * 60.0 / PER_MINUTE / HASHES;
            let ratio = pace.difficulty(f64::INFINITY) / ideal;
            assert!((0.4..2.5).contains(&ratio), "{rate}: {ratio} of what it should be");
            let settled = (900..2_300).contains(&shares) && changes <= 3;
            assert!(settled, "{rate}: {shares} shares, {changes} changes");
        }
    }

    #[test]
    fn a_flood_is_over_within_a_second() {
        let mut pace = Pace::new(1.0, false, PER_MINUTE);
        pace.begin(Micros(0), f64::INFINITY);
        let shares = (1..1_000).find(|share| {
            let now = Micros(share * 43); // 100 TH/s
            pace.found(1.0);
            pace.adjust(now)
        });
        assert!(shares < Some(20), "{shares:?} shares before the difficulty changes");
    }

    #[test]
    fn what_the_pool_takes_is_not_left_out_unless_it_drowns_us() {
        let mut pace = Pace::new(1_024.0, false, PER_MINUTE);
        mine(&mut pace, 4.3e12, 64.0, 900);
        assert_eq!(pace.difficulty(64.0), 64.0, "a share a second for a pool of difficulty 64");
        assert_eq!(pace.difficulty(1e9), pace.difficulty(1e8));
        let drowning = 4.3e12 / HASHES / pace.difficulty(1e-6);
        assert!((5.0..60.0).contains(&drowning), "{drowning} shares a second");
    }

    #[test]
    fn a_miner_that_suggests_is_heard_and_one_that_insists_is_obeyed() {
        let mut pace = Pace::new(1_024.0, false, PER_MINUTE);
        pace.suggest(Micros(0), 64.0);
        assert_eq!(pace.difficulty(f64::INFINITY), 64.0);
        pace.at_least(Micros(0), 512.0);
        mine(&mut pace, 1e6, f64::INFINITY, 3_600);
        assert_eq!(pace.difficulty(f64::INFINITY), 512.0);
        pace.suggest(Micros(0), f64::MAX);
        assert_eq!(pace.difficulty(f64::INFINITY), LIMITS[1]);
    }
}
