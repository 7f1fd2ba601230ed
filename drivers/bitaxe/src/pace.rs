//! The clock between what the user wants and what heat and power allow.

use std::time::Duration;

use adit_protocol::units::Hertz;
use adit_protocol::wire::Micros;

/// One step down in megahertz.
const DOWN: f64 = 25.0;
/// One step back up, the step of a ramp (`docs/protocols/bm13xx.md §12`).
const UP: f64 = 6.25;
/// A step down is given so long to show before the next.
const AFTER_DOWN: Duration = Duration::from_secs(10);
/// Everything must have been well for so long before a step up.
const BEFORE_UP: Duration = Duration::from_secs(60);

/// The clock of a board at work.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    lowest: Hertz,
    wanted: Hertz,
    now: Hertz,
    moved_at: Micros,
    /// Since when everything has been well.
    well_since: Option<Micros>,
}

impl Pace {
    /// A board that has just reached the clock `wanted`, and may be slowed down to `lowest`.
    pub(crate) fn new(now: Micros, lowest: Hertz, wanted: Hertz) -> Self {
        Self { lowest, wanted, now: wanted, moved_at: now, well_since: None }
    }

    /// The present clock.
    pub(crate) fn clock(&self) -> Hertz {
        self.now
    }

    /// Another clock is wanted, and taken at once.
    pub(crate) fn want(&mut self, now: Micros, wanted: Hertz) {
        (self.wanted, self.now, self.moved_at, self.well_since) = (wanted, wanted, now, None);
    }

    /// It cannot be slower.
    pub(crate) fn is_slowest(&self) -> bool {
        self.now.0 <= self.lowest.0
    }

    /// It is slower than wanted.
    pub(crate) fn is_held_back(&self) -> bool {
        self.now.0 < self.wanted.0
    }

    /// Too warm or too heavy. Returns the new clock when it is time for a step.
    pub(crate) fn slower(&mut self, now: Micros) -> Option<Hertz> {
        self.well_since = None;
        if self.is_slowest() || now.since(self.moved_at) < AFTER_DOWN {
            return None;
        }
        Some(self.to(now, self.now.mhz() - DOWN))
    }

    /// Everything is well. Returns the new clock when it is time for a step back up.
    pub(crate) fn well(&mut self, now: Micros) -> Option<Hertz> {
        let since = *self.well_since.get_or_insert(now);
        if !self.is_held_back() || now.since(since) < BEFORE_UP {
            return None;
        }
        self.well_since = Some(now);
        Some(self.to(now, self.now.mhz() + UP))
    }

    fn to(&mut self, now: Micros, mhz: f64) -> Hertz {
        self.moved_at = now;
        self.now = Hertz::from_mhz(mhz.clamp(self.lowest.mhz(), self.wanted.mhz()));
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Micros {
        Micros::from_secs(seconds)
    }

    fn pace() -> Pace {
        Pace::new(at(0), Hertz::from_mhz(400.0), Hertz::from_mhz(525.0))
    }

    #[test]
    fn it_is_slowed_down_step_by_step_to_the_lowest_clock() {
        let mut pace = pace();
        let steps: Vec<_> =
            (0..200).step_by(2).filter_map(|second| pace.slower(at(second))).map(Hertz::mhz).collect();
        assert_eq!(steps, [500.0, 475.0, 450.0, 425.0, 400.0]);
        assert!(pace.is_slowest());
    }

    #[test]
    fn it_goes_back_up_slowly_and_no_further_than_wanted() {
        let mut pace = pace();
        pace.slower(at(10));
        let steps: Vec<_> = (12..600).step_by(2).filter_map(|second| pace.well(at(second))).collect();
        assert_eq!(steps.iter().map(|clock| clock.mhz()).collect::<Vec<_>>(), [506.25, 512.5, 518.75, 525.0]);
        assert!(!pace.is_held_back());
    }

    #[test]
    fn a_warm_moment_begins_the_wait_anew() {
        let mut pace = pace();
        pace.slower(at(10));
        assert_eq!(pace.well(at(12)), None);
        assert_eq!(pace.slower(at(14)), None, "too soon for another step");
        assert_eq!(pace.well(at(73)), None);
        assert_eq!(pace.well(at(133)), Some(Hertz::from_mhz(506.25)));
    }
}
