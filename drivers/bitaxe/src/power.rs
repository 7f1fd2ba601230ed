//! What the power supply allows: faults of the regulator, voltages that are not what they must be, too much current or power.

use std::time::Duration;

use adit_driver::{Fault, NoData};
use adit_protocol::units::{Volts, Watts};
use adit_protocol::wire::Micros;

use crate::heat::MISSING;
use crate::sample::{Sample, Value};

/// A voltage may be wrong, or power too high at the lowest clock, for so long: three rounds.
const WRONG: Duration = Duration::from_secs(6);
/// Deviation of the core voltage from what was set, beyond the drop on the way.
pub(crate) const CORE_TOLERANCE: f64 = 0.08;
/// So long after the voltage was set it may still be on its way.
const SETTLING: Duration = Duration::from_secs(2);
/// Bits of STATUS_WORD that mean a fault while the output is meant to be on: off, output over-voltage, over-current, input
/// under-voltage, temperature (`docs/protocols/bitaxe-raw.md §6.7`).
const FATAL: u16 = 1 << 6 | 1 << 5 | 1 << 4 | 1 << 3 | 1 << 2;

/// What a board may draw and must be given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Budget {
    /// Power of the whole board.
    pub(crate) watts: Option<Watts>,
    /// Current of the chips.
    pub(crate) amperes: Option<f64>,
    /// Input voltage, lowest and highest.
    pub(crate) input: Option<[Volts; 2]>,
}

/// What the power supply allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Everything is well.
    Fine,
    /// More than the budget: slower.
    Heavy { watts: Watts, limit: Watts },
    /// Off.
    Danger(Fault),
}

/// What is known of the supply of a board at work.
#[derive(Clone, Debug)]
pub(crate) struct Supply {
    budget: Budget,
    /// What was set at the regulator; `None` where it cannot be read back.
    core: Option<Volts>,
    set_at: Micros,
    status_at: Micros,
    input: Since,
    output: Since,
    heavy: Since,
}

/// Since when something has been wrong without a pause.
#[derive(Clone, Copy, Debug, Default)]
struct Since(Option<Micros>);

impl Since {
    /// Whether it has been wrong for too long.
    fn wrong(&mut self, now: Micros, wrong: bool) -> bool {
        self.0 = wrong.then(|| self.0.unwrap_or(now));
        self.0.is_some_and(|since| now.since(since) >= WRONG)
    }
}

impl Supply {
    /// The chips are under voltage from `now` on.
    pub(crate) fn new(now: Micros, budget: Budget) -> Self {
        let calm = Since::default();
        Self { budget, core: None, set_at: now, status_at: now, input: calm, output: calm, heavy: calm }
    }

    /// The core voltage was set.
    pub(crate) fn set(&mut self, now: Micros, core: Volts) {
        (self.core, self.set_at, self.output) = (Some(core), now, Since::default());
    }

    /// Judges one round of readings. `slowest`: the clock cannot be lowered any more.
    pub(crate) fn judge(&mut self, now: Micros, sample: &Sample, slowest: bool) -> Verdict {
        let fault = self
            .status(now, sample.status)
            .or_else(|| self.current(sample.amperes))
            .or_else(|| self.input_voltage(now, sample.input_volts))
            .or_else(|| self.core_voltage(now, sample.core_volts));
        if let Some(fault) = fault {
            return Verdict::Danger(fault);
        }
        let (Ok(watts), Some(limit)) = (sample.watts, self.budget.watts) else {
            self.heavy = Since::default();
            return Verdict::Fine;
        };
        let heavy = watts > limit.0;
        if self.heavy.wrong(now, heavy && slowest) {
            let fault = Fault::OverPower { watts: watts as f32, limit_watts: limit.0 as f32 };
            return Verdict::Danger(fault);
        }
        if heavy { Verdict::Heavy { watts: Watts(watts), limit } } else { Verdict::Fine }
    }

    /// The regulator's own opinion; one that no longer gives it is taken for a bad one.
    fn status(&mut self, now: Micros, status: Result<u16, NoData>) -> Option<Fault> {
        match status {
            Ok(status) => {
                self.status_at = now;
                (status & FATAL != 0).then_some(Fault::Regulator { status })
            }
            Err(NoData::NotFitted) => None,
            Err(_) => {
                let silent = now.since(self.status_at);
                let seconds = u32::try_from(silent.as_secs()).unwrap_or(u32::MAX);
                (silent >= MISSING).then_some(Fault::Silent { seconds })
            }
        }
    }

    fn current(&self, amperes: Value) -> Option<Fault> {
        let (amperes, limit) = (amperes.ok()?, self.budget.amperes?);
        let fault = Fault::OverCurrent { amperes: amperes as f32, limit_amperes: limit as f32 };
        (amperes > limit).then_some(fault)
    }

    fn input_voltage(&mut self, now: Micros, volts: Value) -> Option<Fault> {
        let (Ok(volts), Some([low, high])) = (volts, self.budget.input) else { return None };
        let fault = Fault::Voltage { volts: volts as f32, low: low.0 as f32, high: high.0 as f32 };
        self.input.wrong(now, !(low.0..=high.0).contains(&volts)).then_some(fault)
    }

    fn core_voltage(&mut self, now: Micros, volts: Value) -> Option<Fault> {
        let (Ok(volts), Some(core)) = (volts, self.core) else { return None };
        if now.since(self.set_at) < SETTLING {
            return None;
        }
        let (low, high) = (core.0 * (1.0 - CORE_TOLERANCE), core.0 * (1.0 + CORE_TOLERANCE));
        let fault = Fault::Voltage { volts: volts as f32, low: low as f32, high: high as f32 };
        self.output.wrong(now, !(low..=high).contains(&volts)).then_some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAMMA: Budget =
        Budget { watts: Some(Watts(40.0)), amperes: Some(30.0), input: Some([Volts(4.5), Volts(5.5)]) };

    fn at(seconds: u64) -> Micros {
        Micros::from_secs(seconds)
    }

    fn well() -> Sample {
        Sample {
            status: Ok(0),
            input_volts: Ok(5.0),
            core_volts: Ok(1.148),
            amperes: Ok(14.0),
            watts: Ok(21.0),
            ..Sample::default()
        }
    }

    fn supply() -> Supply {
        let mut supply = Supply::new(at(0), GAMMA);
        supply.set(at(0), Volts(1.15));
        supply
    }

    #[test]
    fn a_board_that_is_well_is_left_alone() {
        let mut supply = supply();
        for second in 0..100 {
            assert_eq!(supply.judge(at(second), &well(), false), Verdict::Fine);
        }
    }

    /// mujina logs these, clears them with CLEAR_FAULTS and mines on.
    #[test]
    fn a_fault_of_the_regulator_switches_off_at_once_and_is_never_cleared_and_mined_through() {
        for status in [0x0010, 0x0008, 0x0020, 0x0004, 0x0040, 0x4810] {
            let sample = Sample { status: Ok(status), ..well() };
            let fault = Verdict::Danger(Fault::Regulator { status });
            assert_eq!(supply().judge(at(2), &sample, false), fault, "{status:04x}");
        }
        let warning = Sample { status: Ok(0x0002), ..well() };
        assert_eq!(supply().judge(at(2), &warning, false), Verdict::Fine, "a bad command is no danger");
    }

    #[test]
    fn a_regulator_that_no_longer_answers_is_a_bad_one() {
        let (mut supply, silent) = (supply(), Sample { status: Err(NoData::Timeout), ..well() });
        assert_eq!(supply.judge(at(2), &well(), false), Verdict::Fine);
        assert_eq!(supply.judge(at(6), &silent, false), Verdict::Fine);
        assert_eq!(supply.judge(at(8), &silent, false), Verdict::Danger(Fault::Silent { seconds: 6 }));
    }

    #[test]
    fn too_much_current_switches_off_at_once() {
        let sample = Sample { amperes: Ok(30.5), ..well() };
        let fault = Fault::OverCurrent { amperes: 30.5, limit_amperes: 30.0 };
        assert_eq!(supply().judge(at(2), &sample, false), Verdict::Danger(fault));
    }

    #[test]
    fn a_sagging_input_is_borne_for_a_moment_only() {
        let (mut supply, sag) = (supply(), Sample { input_volts: Ok(4.3), ..well() });
        for second in [2, 4, 6, 7] {
            assert_eq!(supply.judge(at(second), &sag, false), Verdict::Fine);
        }
        let fault = Fault::Voltage { volts: 4.3, low: 4.5, high: 5.5 };
        assert_eq!(supply.judge(at(8), &sag, false), Verdict::Danger(fault));
    }

    #[test]
    fn an_output_that_is_not_what_was_set_is_no_place_for_chips() {
        let (mut supply, low) = (supply(), Sample { core_volts: Ok(1.02), ..well() });
        assert_eq!(supply.judge(at(1), &low, false), Verdict::Fine, "still rising");
        assert_eq!(supply.judge(at(4), &low, false), Verdict::Fine);
        assert!(matches!(supply.judge(at(10), &low, false), Verdict::Danger(Fault::Voltage { .. })));
        supply.set(at(11), Volts(1.02));
        assert_eq!(supply.judge(at(14), &low, false), Verdict::Fine);
    }

    #[test]
    fn more_power_than_the_budget_slows_down_and_at_the_slowest_switches_off() {
        let (mut supply, heavy) = (supply(), Sample { watts: Ok(43.0), ..well() });
        let slower = Verdict::Heavy { watts: Watts(43.0), limit: Watts(40.0) };
        for second in [2, 4, 6, 8, 10] {
            assert_eq!(supply.judge(at(second), &heavy, false), slower);
        }
        assert_eq!(supply.judge(at(12), &heavy, true), slower);
        let fault = Fault::OverPower { watts: 43.0, limit_watts: 40.0 };
        assert_eq!(supply.judge(at(18), &heavy, true), Verdict::Danger(fault));
    }
}
