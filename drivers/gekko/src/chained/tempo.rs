//! The clock of a stick: where it is, where it goes, and which clocks were too high (`docs/protocols/gekko.md §13`).

use std::time::Duration;

use adit_protocol::units::Hertz;
use adit_protocol::wire::Micros;

/// A step up or down.
const STEP_MHZ: f64 = 6.25;
/// Valid nonces at a clock before it is raised: chips that find nothing are not to run faster.
const PROOF: u32 = 9;

/// A clock on its way.
#[derive(Clone, Debug)]
pub(crate) struct Tempo {
    /// What the user wants.
    wanted: Hertz,
    /// Where it goes: what is wanted, or less where that was too much.
    target: Hertz,
    clock: Hertz,
    start: Hertz,
    lowest: Hertz,
    ramp_step: Duration,
    step_at: Option<Micros>,
    /// Valid nonces at this clock.
    found: u32,
    /// After this time a target that was lowered is raised by a step.
    tune_up: Option<Duration>,
    raise_at: Option<Micros>,
}

impl Tempo {
    /// From `start` to `wanted`, not below `lowest`, a step each `ramp_step`. `tune_up`: after so long a target that was lowered
    /// is raised again.
    pub(crate) fn new(
        [lowest, start, wanted]: [Hertz; 3],
        ramp_step: Duration,
        tune_up: Option<Duration>,
    ) -> Self {
        let (target, clock) = (wanted, start);
        Self {
            wanted,
            target,
            clock,
            start,
            lowest,
            ramp_step,
            step_at: None,
            found: 0,
            tune_up,
            raise_at: None,
        }
    }

    /// The chips have just been brought up at [`Self::start`].
    pub(crate) fn begin(&mut self, now: Micros) {
        self.clock = self.start();
        self.go_on(now);
    }

    /// Where chips that were reset begin.
    pub(crate) fn start(&self) -> Hertz {
        if self.start.0 < self.target.0 { self.start } else { self.target }
    }

    /// The user wants another one: what was too high counts no more.
    pub(crate) fn want(&mut self, now: Micros, wanted: Hertz) {
        (self.wanted, self.target, self.raise_at) = (wanted, wanted, None);
        self.go_on(now);
    }

    /// So many steps less than now, for good or until it is tuned up.
    pub(crate) fn back_off(&mut self, now: Micros, steps: f64) -> Hertz {
        let lower = Hertz::from_mhz(self.clock.mhz() - steps * STEP_MHZ);
        self.clock = if lower.0 < self.lowest.0 { self.lowest } else { lower };
        (self.target, self.step_at) = (self.clock, None);
        self.raise_at = self.tune_up.map(|after| now + after);
        self.clock
    }

    /// A valid nonce was found.
    pub(crate) fn found(&mut self) {
        self.found = self.found.saturating_add(1);
    }

    /// When the next step is due, if the chips have shown that they can take it.
    fn step_due(&self) -> Option<Micros> {
        let is_proven = self.target.0 < self.clock.0 || self.found >= PROOF;
        self.step_at.filter(|_| is_proven)
    }

    /// When [`Self::turn`] has something to say.
    pub(crate) fn due(&self) -> Option<Micros> {
        self.step_due().into_iter().chain(self.raise_at).min()
    }

    /// The next clock, where one is due.
    pub(crate) fn turn(&mut self, now: Micros) -> Option<Hertz> {
        if self.raise_at.is_some_and(|at| now >= at) {
            self.target = toward(self.target, self.wanted);
            self.raise_at = self.tune_up.filter(|_| self.target != self.wanted).map(|after| now + after);
            self.step_at = Some(now);
        }
        self.step_due().filter(|at| now >= *at)?;
        self.clock = toward(self.clock, self.target);
        self.go_on(now);
        Some(self.clock)
    }

    fn go_on(&mut self, now: Micros) {
        self.found = 0;
        self.step_at = (self.clock != self.target).then(|| now + self.ramp_step);
    }
}

/// One step from `from` to `to`.
fn toward(from: Hertz, to: Hertz) -> Hertz {
    let left = to.mhz() - from.mhz();
    if left.abs() <= STEP_MHZ { to } else { Hertz::from_mhz(from.mhz() + STEP_MHZ.copysign(left)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tempo(tune_up: Option<u64>) -> Tempo {
        let clocks = [50.0, 100.0, 115.0].map(Hertz::from_mhz);
        Tempo::new(clocks, Duration::from_secs(1), tune_up.map(Duration::from_secs))
    }

    /// Clocks it gives within `seconds` from `from` on.
    fn clocks(tempo: &mut Tempo, from: u64, seconds: u64) -> Vec<f64> {
        let turn = |second| {
            (0..PROOF).for_each(|_| tempo.found());
            tempo.turn(Micros::from_secs(second)).map(|clock| clock.mhz())
        };
        (from..from + seconds).filter_map(turn).collect()
    }

    #[test]
    fn it_rises_step_by_step_and_ends_exactly() {
        let mut tempo = tempo(None);
        tempo.begin(Micros(0));
        assert_eq!(clocks(&mut tempo, 0, 10), [106.25, 112.5, 115.0]);
        assert_eq!(tempo.due(), None);
    }

    #[test]
    fn chips_that_find_nothing_get_no_faster() {
        let mut tempo = tempo(None);
        tempo.begin(Micros(0));
        let turns = (0..100).filter_map(|second| tempo.turn(Micros::from_secs(second))).count();
        assert_eq!((turns, tempo.due()), (0, None));
        tempo.want(Micros::from_secs(100), Hertz::from_mhz(90.0));
        assert_eq!(tempo.due(), Some(Micros::from_secs(101)), "slower is always allowed");
    }

    #[test]
    fn a_clock_that_was_too_high_stays_lower_also_after_a_reset() {
        let mut tempo = tempo(None);
        tempo.begin(Micros(0));
        clocks(&mut tempo, 0, 10);
        assert_eq!(tempo.back_off(Micros::from_secs(10), 2.0).mhz(), 102.5);
        assert_eq!(clocks(&mut tempo, 10, 10_000), [0.0; 0]);
        assert_eq!(tempo.start().mhz(), 100.0);
        tempo.begin(Micros::from_secs(20_000));
        assert_eq!(clocks(&mut tempo, 20_000, 10), [102.5]);
        let lowest = (0..100).map(|_| tempo.back_off(Micros::from_secs(30_000), 1.0).mhz()).last();
        assert_eq!((lowest, tempo.start().mhz()), (Some(50.0), 50.0));
    }

    #[test]
    fn it_is_tuned_up_again_to_what_is_wanted_and_no_further() {
        let mut tempo = tempo(Some(1_800));
        tempo.begin(Micros(0));
        clocks(&mut tempo, 0, 10);
        tempo.back_off(Micros::from_secs(10), 2.0);
        assert_eq!(clocks(&mut tempo, 10, 1_800), [0.0; 0]);
        assert_eq!(clocks(&mut tempo, 1_810, 10_000), [108.75, 115.0]);
    }

    #[test]
    fn the_user_has_the_last_word() {
        let mut tempo = tempo(Some(1_800));
        tempo.begin(Micros(0));
        tempo.back_off(Micros::from_secs(1), 2.0);
        tempo.want(Micros::from_secs(2), Hertz::from_mhz(95.0));
        assert_eq!(clocks(&mut tempo, 2, 10_000), [93.75, 95.0]);
    }
}
