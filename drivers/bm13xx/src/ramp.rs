//! Clocks are changed in steps (`docs/protocols/bm13xx.md §12`).

use std::time::Duration;

use adit_protocol::bm13xx::{Chip, Command, Pll, Register};
use adit_protocol::units::Hertz;
use adit_protocol::wire::Micros;

/// A step of a ramp.
const STEP_MHZ: f64 = 6.25;
/// Where a ramp begins after a reset.
const START_MHZ: f64 = 56.25;

/// A clock on its way to another.
#[derive(Clone, Debug)]
pub(crate) struct Ramp {
    chip: Chip,
    now: Hertz,
    target: Hertz,
    /// How chips make the two clocks. Solved when they change, not when somebody asks.
    now_by: Pll,
    target_by: Pll,
    step: Duration,
    due: Option<Micros>,
}

impl Ramp {
    /// The chips stand at the clock after a reset, or at one that nobody knows: the first write is the slowest clock.
    pub(crate) fn from_reset(now: Micros, chip: Chip, target: Hertz, step: Duration) -> Self {
        let start = Hertz::from_mhz((START_MHZ - STEP_MHZ).min(target.mhz()));
        let [now_by, target_by] = [start, target].map(|clock| Pll::solve(chip, clock));
        Self { chip, now: start, target, now_by, target_by, step, due: Some(now) }
    }

    /// From wherever it is to `target`.
    pub(crate) fn redirect(&mut self, now: Micros, target: Hertz) {
        (self.target, self.target_by) = (target, Pll::solve(self.chip, target));
        if self.due.is_none() && self.now != target {
            self.due = Some(now);
        }
    }

    /// The clock that was asked for last.
    pub(crate) const fn clock(&self) -> Hertz {
        self.now
    }

    /// Where it ends.
    pub(crate) const fn target(&self) -> Hertz {
        self.target
    }

    /// The dividers of [`Self::clock`]: the clock that chips really have.
    pub(crate) const fn pll(&self) -> &Pll {
        &self.now_by
    }

    /// The dividers of the faster of the two ends of what is left of the ramp.
    pub(crate) fn fastest(&self) -> &Pll {
        if self.target > self.now { &self.target_by } else { &self.now_by }
    }

    /// When the next step is due; `None` at the end.
    pub(crate) const fn due(&self) -> Option<Micros> {
        self.due
    }

    /// Takes the next step.
    pub(crate) fn step(&mut self, now: Micros) -> Hertz {
        let left = self.target.mhz() - self.now.mhz();
        self.now = if left.abs() <= STEP_MHZ {
            self.target
        } else {
            Hertz::from_mhz(self.now.mhz() + STEP_MHZ.copysign(left))
        };
        self.now_by = Pll::solve(self.chip, self.now);
        self.due = (self.now != self.target).then(|| now + self.step);
        self.now
    }

    /// The chips have been set to `clock` by other means.
    pub(crate) fn jumped(&mut self, clock: Hertz) {
        let by = Pll::solve(self.chip, clock);
        (self.now, self.target, self.due) = (clock, clock, None);
        (self.now_by, self.target_by) = (by, by);
    }
}

/// Time between two writes of one clock, and between two works that open cores.
pub(crate) const BETWEEN_WRITES: Duration = Duration::from_millis(10);

/// The writes that set the clock of all chips, in order.
pub(crate) fn writes(chip: Chip, pll: &Pll) -> Vec<Command> {
    let word = Command::write_all(chip.pll_register(), pll.word(chip));
    if chip != Chip::Bm1397 {
        return vec![word];
    }
    // §6.4: the divider twice, then the PLL twice.
    let divider = Command::write_all(Register::PLL0_DIVIDER, 0x0f0f_0f00);
    vec![divider, divider, word, word]
}

/// The clock at which chips are left when they are no longer needed.
pub(crate) const fn slowest() -> Hertz {
    Hertz::from_mhz(50.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(100);

    fn clocks(ramp: &mut Ramp) -> Vec<f64> {
        let mut clocks = Vec::new();
        while let Some(due) = ramp.due() {
            clocks.push(ramp.step(due).mhz());
            assert!(clocks.len() < 1000, "no end");
        }
        clocks
    }

    /// As the captured ramp of a BM1370: 76 writes from 56.25 to 525 MHz.
    #[test]
    fn a_ramp_from_reset_takes_the_steps_of_a_running_host() {
        let mut ramp = Ramp::from_reset(Micros(0), Chip::Bm1370, Hertz::from_mhz(525.0), STEP);
        let clocks = clocks(&mut ramp);
        assert_eq!((clocks.len(), clocks[0], clocks[75]), (76, 56.25, 525.0));
        assert!(clocks.windows(2).all(|pair| pair[1] - pair[0] == 6.25));
    }

    #[test]
    fn a_ramp_can_be_turned_in_the_middle_and_ends_exactly() {
        let mut ramp = Ramp::from_reset(Micros(0), Chip::Bm1370, Hertz::from_mhz(525.0), STEP);
        for _ in 0..10 {
            ramp.step(Micros(0));
        }
        assert_eq!(ramp.clock().mhz(), 112.5);
        ramp.redirect(Micros(5), Hertz::from_mhz(101.0));
        assert_eq!(clocks(&mut ramp), [106.25, 101.0]);
        ramp.redirect(Micros(5), Hertz::from_mhz(101.0));
        assert_eq!(ramp.due(), None);
        ramp.redirect(Micros(7), Hertz::from_mhz(104.0));
        assert_eq!((ramp.due(), clocks(&mut ramp)), (Some(Micros(7)), vec![104.0]));
    }

    #[test]
    fn a_target_below_the_start_is_written_at_once() {
        let mut ramp = Ramp::from_reset(Micros(0), Chip::Bm1370, Hertz::from_mhz(40.0), STEP);
        assert_eq!(clocks(&mut ramp), [40.0]);
    }
}
