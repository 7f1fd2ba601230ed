//! Seeking the best operating point: a walk in small steps that keeps what is stable and turns back where it is not.
//!
//! Energy per hash is sought by lowering the voltage as far as the answers stay right, then the clock, and so on while it
//! pays; the highest hash rate by raising the clock, and the voltage where the answers ask for it. A point is judged by a
//! few hundred nonces; heat and power end it at once.

use std::time::Duration;

use adit_driver::{OperatingPoint, Tuned, Verdict, Why};
use adit_protocol::units::{HashRate, Hertz, Volts};
use adit_protocol::wire::Micros;

/// Nonces that are not counted while clock and voltage settle.
const SETTLING: Duration = Duration::from_secs(30);
/// Shortest look at a point.
const SHORTEST: Duration = Duration::from_secs(120);
/// Nonces that judge a point. One standard deviation of their number is 5 per cent.
const NONCES: u32 = 400;
/// With so many wrong answers a point is bad, however few the others are.
const HOPELESS: u32 = 40;
/// Longest look at a point: a chip that has stopped answers nothing.
const LONGEST: Duration = Duration::from_secs(3_600);
/// A move is given so long before heat or power may ask for the next.
const PATIENCE: Duration = Duration::from_secs(10);
/// Step of the clock in megahertz.
const CLOCK_STEP: f64 = 12.5;
/// Step of the core voltage as a share of the default.
const CORE_STEP: f64 = 0.01;
/// A point must be so much dearer than the best before the walk ends: power is not measured better.
const DEARER: f64 = 1.01;

/// What is sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Least energy per hash.
    Efficiency,
    /// Most hashes.
    Hashrate,
}

/// Limits of the walk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Field {
    /// Lowest and highest clock.
    pub(crate) clock: [Hertz; 2],
    /// Lowest, default and highest core voltage.
    pub(crate) core: [Volts; 3],
    /// Hash rate per hertz of clock.
    pub(crate) hashes_per_cycle: f64,
    /// Share of wrong answers that is borne, 0 to 1.
    pub(crate) error_limit: f64,
}

/// What the walk wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    /// Another point.
    Move(OperatingPoint, Why),
    /// It has ended: go to this point and remember it.
    Settled(Tuned),
}

/// A walk.
#[derive(Clone, Debug)]
pub(crate) struct Tuner {
    goal: Goal,
    field: Field,
    at: OperatingPoint,
    best: Option<Tuned>,
    look: Look,
}

/// What was seen at the present point.
#[derive(Clone, Copy, Debug)]
struct Look {
    moved: Micros,
    begun: Micros,
    valid: u32,
    wrong: u32,
    watts: f64,
    samples: u32,
}

impl Look {
    fn new(now: Micros) -> Self {
        Self { moved: now, begun: now + SETTLING, valid: 0, wrong: 0, watts: 0.0, samples: 0 }
    }

    fn error_share(&self) -> f64 {
        f64::from(self.wrong) / f64::from((self.valid + self.wrong).max(1))
    }
}

impl Tuner {
    /// A walk that begins where the board runs now.
    pub(crate) fn new(now: Micros, goal: Goal, field: Field, at: OperatingPoint) -> Self {
        Self { goal, field, at, best: None, look: Look::new(now) }
    }

    /// A nonce was judged.
    pub(crate) fn judged(&mut self, now: Micros, verdict: Verdict) {
        if now < self.look.begun {
            return;
        }
        match verdict {
            Verdict::HardwareError => self.look.wrong += 1,
            verdict if verdict.is_valid() => self.look.valid += 1,
            _ => {}
        }
    }

    /// Power was measured.
    pub(crate) fn weighed(&mut self, now: Micros, watts: f64) {
        if now >= self.look.begun {
            self.look.watts += watts;
            self.look.samples += 1;
        }
    }

    /// Time has passed. `hashes_per_nonce`: what one nonce stands for.
    pub(crate) fn on_time(&mut self, now: Micros, hashes_per_nonce: f64) -> Option<Step> {
        let looked = now.since(self.look.begun);
        let Look { valid, wrong, .. } = self.look;
        let hopeless = wrong >= HOPELESS && self.look.error_share() > self.field.error_limit;
        let enough = looked >= SHORTEST && valid + wrong >= NONCES;
        if !hopeless && !enough && looked < LONGEST {
            return None;
        }
        let share = self.look.error_share();
        if share > self.field.error_limit {
            let limit = self.field.error_limit;
            return Some(self.unstable(now, Why::Errors { share, limit }));
        }
        let promised = self.promise().0 * looked.as_secs_f64() / hashes_per_nonce;
        let found = f64::from(valid) / promised.max(1.0);
        if found < 1.0 - 4.0 / promised.max(1.0).sqrt() {
            return Some(self.unstable(now, Why::Short { share: found }));
        }
        Some(self.stable(now, share))
    }

    /// Heat or power does not allow the present point.
    pub(crate) fn forbidden(&mut self, now: Micros, why: Why) -> Option<Step> {
        if now.since(self.look.moved) < PATIENCE {
            return None;
        }
        Some(match (self.goal, self.best) {
            (Goal::Hashrate, Some(best)) => Step::Settled(best),
            // The start is too much already: go down until it is not.
            _ => match self.slower() {
                Some(point) => self.go(now, point, why),
                None => self.settle(),
            },
        })
    }

    /// Hash rate that the present clock promises.
    fn promise(&self) -> HashRate {
        HashRate(self.at.clock.0 * self.field.hashes_per_cycle)
    }

    fn stable(&mut self, now: Micros, error_share: f64) -> Step {
        let rate = HashRate(self.promise().0 * (1.0 - error_share));
        let energy =
            (self.look.samples > 0).then(|| self.look.watts / f64::from(self.look.samples) / (rate.0 / 1e12));
        let found = Tuned { point: self.at, rate, joules_per_terahash: energy };
        let why = Why::Stable { rate, joules_per_terahash: energy };
        match self.goal {
            Goal::Hashrate => {
                self.best = Some(found);
                match self.faster() {
                    Some(point) => self.go(now, point, why),
                    None => Step::Settled(found),
                }
            }
            Goal::Efficiency => {
                let best = self.best.and_then(|best| best.joules_per_terahash);
                if let (Some(energy), Some(best)) = (energy, best)
                    && energy > best * DEARER
                {
                    return self.settle();
                }
                if energy.is_none() || best.is_none() || energy < best {
                    self.best = Some(found);
                }
                match self.lower().or_else(|| self.slower()) {
                    // Without a power meter nothing tells where it ends: the default clock stays.
                    Some(point) if energy.is_some() || point.clock == self.at.clock => {
                        self.go(now, point, why)
                    }
                    _ => self.settle(),
                }
            }
        }
    }

    fn unstable(&mut self, now: Micros, why: Why) -> Step {
        let next = match self.goal {
            Goal::Hashrate => self.higher(),
            Goal::Efficiency => self.slower(),
        };
        match (self.goal, next) {
            // What was lowered too far has been stable one step higher.
            (Goal::Efficiency, _) if self.best.is_some_and(|best| best.joules_per_terahash.is_none()) => {
                self.settle()
            }
            (_, Some(point)) => self.go(now, point, why),
            (_, None) => self.settle(),
        }
    }

    /// Ends at the best point, or where it is if none was good.
    fn settle(&self) -> Step {
        let here = Tuned { point: self.at, rate: self.promise(), joules_per_terahash: None };
        Step::Settled(self.best.unwrap_or(here))
    }

    fn go(&mut self, now: Micros, point: OperatingPoint, why: Why) -> Step {
        (self.at, self.look) = (point, Look::new(now));
        Step::Move(point, why)
    }

    fn faster(&self) -> Option<OperatingPoint> {
        let clock = Hertz::from_mhz(self.at.clock.mhz() + CLOCK_STEP);
        (clock.0 <= self.field.clock[1].0).then_some(OperatingPoint { clock, ..self.at })
    }

    fn slower(&self) -> Option<OperatingPoint> {
        let clock = Hertz::from_mhz(self.at.clock.mhz() - CLOCK_STEP);
        (clock.0 >= self.field.clock[0].0).then_some(OperatingPoint { clock, ..self.at })
    }

    fn higher(&self) -> Option<OperatingPoint> {
        let core = Volts(self.at.core.0 + self.core_step());
        (core.0 <= self.field.core[2].0).then_some(OperatingPoint { core, ..self.at })
    }

    fn lower(&self) -> Option<OperatingPoint> {
        let core = Volts(self.at.core.0 - self.core_step());
        (core.0 >= self.field.core[0].0).then_some(OperatingPoint { core, ..self.at })
    }

    fn core_step(&self) -> f64 {
        self.field.core[1].0 * CORE_STEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASHES_PER_NONCE: f64 = 256.0 * 4_294_967_296.0;

    /// A chip that is right up to a clock that grows with its voltage.
    struct Chip {
        /// Volts at which 525 MHz are just right.
        needs: f64,
        overhead: f64,
        has_meter: bool,
    }

    impl Chip {
        fn error_share(&self, at: OperatingPoint) -> f64 {
            let needed = self.needs + (at.clock.mhz() - 525.0) * 0.000_8;
            ((needed - at.core.0) * 4.0).clamp(0.0, 1.0)
        }

        fn watts(&self, at: OperatingPoint) -> f64 {
            let dynamic = 15.0 * at.clock.mhz() / 525.0 * (at.core.0 / 1.15).powi(2);
            self.overhead + dynamic
        }
    }

    fn field() -> Field {
        Field {
            clock: [Hertz::from_mhz(400.0), Hertz::from_mhz(625.0)],
            core: [Volts(1.0), Volts(1.15), Volts(1.25)],
            hashes_per_cycle: 2_040.0,
            error_limit: 0.01,
        }
    }

    fn start() -> OperatingPoint {
        OperatingPoint { clock: Hertz::from_mhz(525.0), core: Volts(1.15) }
    }

    /// Walks to the end. Returns the result, and every move with its reason.
    fn walk(chip: &Chip, goal: Goal, most_watts: f64) -> (Tuned, Vec<(OperatingPoint, Why)>) {
        let mut tuner = Tuner::new(Micros(0), goal, field(), start());
        let (mut point, mut moves, mut wrong, mut found) = (start(), Vec::new(), 0.0, 0.0);
        for second in (2..400_000).step_by(2) {
            let now = Micros::from_secs(second);
            found += 2.0 * point.clock.0 * 2_040.0 / HASHES_PER_NONCE;
            while found >= 1.0 {
                found -= 1.0;
                wrong += chip.error_share(point);
                let verdict = if wrong >= 1.0 { Verdict::HardwareError } else { Verdict::BelowShare };
                wrong -= if wrong >= 1.0 { 1.0 } else { 0.0 };
                tuner.judged(now, verdict);
            }
            let watts = chip.watts(point);
            if chip.has_meter {
                tuner.weighed(now, watts);
            }
            let step = if watts > most_watts {
                let (watts, limit) =
                    (adit_protocol::units::Watts(watts), adit_protocol::units::Watts(most_watts));
                tuner.forbidden(now, Why::Power { watts, limit })
            } else {
                tuner.on_time(now, HASHES_PER_NONCE)
            };
            match step {
                Some(Step::Move(to, why)) => {
                    point = to;
                    moves.push((to, why));
                }
                Some(Step::Settled(tuned)) => return (tuned, moves),
                None => {}
            }
        }
        panic!("no end after {} moves", moves.len());
    }

    const GOOD: Chip = Chip { needs: 1.1, overhead: 5.0, has_meter: true };

    #[test]
    fn the_least_energy_per_hash_lies_where_the_voltage_is_as_low_as_the_answers_allow() {
        let (tuned, moves) = walk(&GOOD, Goal::Efficiency, 40.0);
        let energy = |at| GOOD.watts(at) / (at.clock.0 * 2_040.0 / 1e12);
        let (before, after) = (energy(start()), tuned.joules_per_terahash.unwrap());
        assert!(after < before - 1.0, "{before} -> {after}");
        assert!(GOOD.error_share(tuned.point) <= 0.01, "{tuned:?}");
        assert!((energy(tuned.point) - after).abs() < 0.2, "{tuned:?}");
        assert!(moves.iter().any(|(_, why)| matches!(why, Why::Errors { .. })), "{moves:?}");
        assert!(moves.len() < 60);
    }

    #[test]
    fn without_a_power_meter_only_the_voltage_is_lowered() {
        let chip = Chip { has_meter: false, ..GOOD };
        let (tuned, moves) = walk(&chip, Goal::Efficiency, f64::INFINITY);
        assert_eq!(tuned.point.clock, start().clock);
        assert!(tuned.point.core.0 < 1.13 && chip.error_share(tuned.point) <= 0.01, "{tuned:?}");
        assert!(moves.iter().all(|(to, _)| to.clock == start().clock));
    }

    #[test]
    fn the_highest_hash_rate_ends_at_the_power_limit() {
        let (tuned, _) = walk(&GOOD, Goal::Hashrate, 22.0);
        assert!(GOOD.watts(tuned.point) <= 22.0, "{tuned:?}");
        assert!(tuned.point.clock.mhz() >= 537.5, "{tuned:?}");
        let higher =
            OperatingPoint { clock: Hertz::from_mhz(tuned.point.clock.mhz() + CLOCK_STEP), ..tuned.point };
        assert!(GOOD.watts(higher) > 22.0, "{tuned:?}");
    }

    #[test]
    fn the_voltage_is_raised_for_a_clock_only_when_the_answers_ask_for_it_and_never_above_its_limit() {
        let weak = Chip { needs: 1.14, ..GOOD };
        let (tuned, moves) = walk(&weak, Goal::Hashrate, 60.0);
        let raised = moves.iter().filter(|(_, why)| matches!(why, Why::Errors { .. })).count();
        assert!(raised > 0 && moves.iter().all(|(to, _)| to.core.0 <= 1.25), "{moves:?}");
        assert!(weak.error_share(tuned.point) <= 0.01, "{tuned:?}");
    }

    #[test]
    fn a_start_that_is_too_much_is_left_downwards() {
        let (tuned, moves) = walk(&GOOD, Goal::Hashrate, 18.0);
        assert!(GOOD.watts(tuned.point) <= 18.0, "{tuned:?}");
        assert!(matches!(moves[0].1, Why::Power { .. }), "{moves:?}");
    }

    #[test]
    fn a_chip_that_has_stopped_is_not_stable() {
        let mut tuner = Tuner::new(Micros(0), Goal::Hashrate, field(), start());
        let step = (2..5_000)
            .step_by(2)
            .find_map(|second| tuner.on_time(Micros::from_secs(second), HASHES_PER_NONCE));
        assert!(matches!(step, Some(Step::Move(_, Why::Short { share })) if share == 0.0), "{step:?}");
    }
}
