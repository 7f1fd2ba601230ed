//! At work: rounds of readings, what they allow, and what the user and the tuner want.

use std::time::Duration;

use adit_driver::{Command, Event, Fault, NoData, OperatingPoint, Quantity, Reading, Verdict, Why};
use adit_driver_bm13xx::Status;
use adit_protocol::bitaxe_raw::{Firmware, Operation, pin};
use adit_protocol::units::{Hertz, Volts};
use adit_protocol::wire::Micros;

use crate::account::Account;
use crate::boards::Fan;
use crate::bringup::Known;
use crate::control::{Outcome, Task};
use crate::fan::FanControl;
use crate::heat::{self, Heat};
use crate::machine::{Bitaxe, Purpose, Stage};
use crate::options::{Options, allows_clock, allows_core};
use crate::pace::Pace;
use crate::power::{self, Budget, Supply};
use crate::readings::{self, Round};
use crate::regulator::Regulator;
use crate::resting::ROUND;
use crate::sample::Sample;
use crate::tune::{Field, Step, Tuner};

/// A board at work.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) known: Known,
    heat: Heat,
    supply: Supply,
    fan: FanControl,
    pace: Pace,
    tuner: Option<Tuner>,
    account: Account,
    /// What the chips are fed.
    core: Volts,
    /// A lower voltage, and when the clock is low enough for it.
    lower: Option<(Volts, Micros)>,
    /// A higher clock that waits until the voltage is high enough for it.
    faster: Option<Hertz>,
    next_round: Micros,
}

impl Running {
    /// Chips out of reset, fed for `point`, being brought up.
    pub(crate) fn begin(now: Micros, known: Known, options: &Options, point: OperatingPoint) -> Self {
        let model = known.model;
        let budget = Budget {
            watts: options.power_limit(model),
            amperes: known.board.amperes(),
            input: model.supply.and_then(|supply| supply.input),
        };
        let mut supply = Supply::new(now, budget);
        if matches!(known.regulator, Regulator::Tps546(_)) {
            supply.set(now, known.at_regulator(point.core));
        }
        let [slowest, _, fastest] = model.clock.unwrap_or([point.clock; 3]);
        let tuner = options.tune.filter(|_| options.tuned.is_none()).and_then(|goal| {
            let field = Field {
                clock: [slowest, fastest],
                core: model.supply?.core,
                hashes_per_cycle: f64::from(known.chip.facts().units) * f64::from(options.chips(model)),
                error_limit: options.error_limit,
            };
            Some(Tuner::new(now, goal, field, point))
        });
        Self {
            known,
            heat: Heat::new(now, options.limit, options.fan_check && known.board.fan != Fan::None),
            supply,
            fan: FanControl::new(options.target, options.fan),
            pace: Pace::new(now, slowest, point.clock),
            tuner,
            account: Account::default(),
            core: point.core,
            lower: None,
            faster: None,
            next_round: now + ROUND,
        }
    }

    /// Where it runs, or is on its way to.
    fn point(&self) -> OperatingPoint {
        OperatingPoint { clock: self.pace.clock(), core: self.lower.map_or(self.core, |(core, _)| core) }
    }

    /// When the next readings are due.
    pub(crate) fn next_round(&self) -> Micros {
        self.next_round
    }

    pub(crate) fn judged(&mut self, now: Micros, verdict: Verdict) {
        self.account.judged(verdict);
        if let Some(tuner) = &mut self.tuner {
            tuner.judged(now, verdict);
        }
    }
}

impl Bitaxe {
    /// Asks for the next round when it is time and nothing else is asked.
    pub(crate) fn on_round_due(&mut self, now: Micros) {
        if !self.errands.is_silent() {
            return;
        }
        let mut tasks = match &mut self.stage {
            Stage::Running(running) if now >= running.next_round => {
                running.next_round = now + ROUND;
                readings::questions(&running.known.board)
            }
            Stage::Resting(resting) if now >= resting.next_round() => {
                resting.round_begun(now);
                readings::questions(&resting.known.board)
            }
            _ => return,
        };
        tasks.push(Task::May(Operation::GpioGet { pin: pin::RESET }));
        self.errand(now, Purpose::Round, tasks);
    }

    pub(crate) fn round_ended(&mut self, now: Micros, mut outcomes: Vec<Outcome>) {
        let reset = outcomes.pop();
        match &self.stage {
            Stage::Running(running) => {
                // Reset is low when the controller has started anew: the chips are cold, whatever they were told.
                if matches!(&reset, Some(Ok(level)) if level[..] == [0]) {
                    return self.leave(now, Some(Fault::Restarted));
                }
                let sample = Round::new(&running.known.board, running.known.regulator, outcomes).sample();
                self.judge(now, &sample);
            }
            Stage::Resting(resting) => {
                let sample = Round::new(&resting.known.board, resting.known.regulator, outcomes).sample();
                self.announce(now, &sample);
                self.cool_down(now, &sample);
            }
            _ => {}
        }
    }

    /// On again when it is cool.
    fn cool_down(&mut self, now: Micros, sample: &Sample) {
        let Stage::Resting(resting) = &self.stage else { return };
        if resting.is_hopeless(now) {
            return self.leave(now, Some(resting.fault));
        }
        if resting.rest.is_over(now, sample) {
            self.wake(now, resting.known);
        }
    }

    /// What one round allows.
    fn judge(&mut self, now: Micros, sample: &Sample) {
        self.announce(now, sample);
        let Stage::Running(running) = &mut self.stage else { return };
        let heat = running.heat.judge(now, sample, running.fan.percent());
        let power = running.supply.judge(now, sample, running.pace.is_slowest());
        let percent = match heat {
            heat::Verdict::Fine(celsius) | heat::Verdict::Warm { celsius, .. } => {
                running.fan.feel(now, celsius.0)
            }
            heat::Verdict::Blind | heat::Verdict::Danger(_) => running.fan.fear(),
        };
        match (heat, power) {
            (heat::Verdict::Danger(fault @ Fault::Overheated { .. }), _) => return self.rest(now, fault),
            (heat::Verdict::Danger(fault), _) | (_, power::Verdict::Danger(fault)) => {
                return self.leave(now, Some(fault));
            }
            _ => {}
        }
        if let Ok(watts) = sample.watts {
            running.account.weighed(now, watts);
            if let Some(tuner) = &mut running.tuner {
                tuner.weighed(now, watts);
            }
        }
        let too_much = match (heat, power) {
            (heat::Verdict::Warm { celsius, limit }, _) => Some(Why::Warm { celsius, limit }),
            (_, power::Verdict::Heavy { watts, limit }) => Some(Why::Power { watts, limit }),
            _ => None,
        };
        let fan = readings::fan_speed(&running.known.board, percent);
        let is_well = matches!(heat, heat::Verdict::Fine(_)) && too_much.is_none();
        if let heat::Verdict::Fine(celsius) = heat {
            self.steer(now, too_much, Why::Cool { celsius }, is_well);
        } else {
            self.steer(now, too_much, Why::Asked, is_well);
        }
        // Written each time: a controller that has forgotten it gets it back.
        let wanted = matches!(self.stage, Stage::Running(_)) && !self.errands.is_asking(Purpose::Fan);
        if wanted && !fan.is_empty() {
            self.errand(now, Purpose::Fan, fan);
        }
    }

    /// Another point, where heat, power or the tuner ask for it.
    fn steer(&mut self, now: Micros, too_much: Option<Why>, cool: Why, is_well: bool) {
        let is_mining = matches!(self.chain.status(), Status::Mining(_));
        let per_nonce = self.hashes_per_nonce();
        let Stage::Running(running) = &mut self.stage else { return };
        if !is_mining {
            return;
        }
        if let Some((core, _)) = running.lower.filter(|(_, at)| now >= *at) {
            running.lower = None;
            return self.feed(now, core);
        }
        let step = match (&mut running.tuner, too_much) {
            (Some(tuner), Some(why)) => tuner.forbidden(now, why),
            (Some(tuner), None) => tuner.on_time(now, per_nonce),
            (None, _) => None,
        };
        match step {
            Some(Step::Move(point, why)) => {
                running.pace.want(now, point.clock);
                return self.move_to(now, point, why);
            }
            Some(Step::Settled(tuned)) => {
                running.tuner = None;
                running.pace.want(now, tuned.point.clock);
                self.move_to(now, tuned.point, Why::Settled);
                return self.outbox.emit(Event::Tuned(tuned));
            }
            None => {}
        }
        if running.tuner.is_some() {
            return;
        }
        let core = running.point().core;
        let (clock, why) = match too_much {
            Some(why) => (running.pace.slower(now), why),
            None if is_well => (running.pace.well(now), cool),
            None => (None, cool),
        };
        if let Some(clock) = clock {
            self.move_to(now, OperatingPoint { clock, core }, why);
        }
    }

    /// Voltage up before clock up, clock down before voltage down.
    fn move_to(&mut self, now: Micros, to: OperatingPoint, why: Why) {
        let Stage::Running(running) = &mut self.stage else { return };
        self.outbox.emit(Event::Moved { to, why });
        running.account.moved(now);
        (running.lower, running.faster) = (None, None);
        if to.core.0 > running.core.0 {
            running.faster = Some(to.clock);
            return self.feed(now, to.core);
        }
        if to.core.0 < running.core.0 {
            let from = self.chain.clock().unwrap_or(to.clock);
            running.lower = Some((to.core, now + ramp_time(from, to.clock)));
        }
        self.chain.set_clock(now, to.clock);
        self.after_chain(now);
    }

    fn feed(&mut self, now: Micros, core: Volts) {
        let Stage::Running(running) = &mut self.stage else { return };
        running.core = core;
        let at_regulator = running.known.at_regulator(core);
        if matches!(running.known.regulator, Regulator::Tps546(_)) {
            running.supply.set(now, at_regulator);
        }
        let tasks = running.known.regulator.set(at_regulator);
        self.errand(now, Purpose::Core, tasks);
    }

    pub(crate) fn core_set(&mut self, now: Micros, outcomes: &[Outcome]) {
        let Stage::Running(running) = &mut self.stage else { return };
        let wanted = running.known.at_regulator(running.core);
        if let Err(fault) = running.known.regulator.is_set(wanted, outcomes.last()) {
            return self.leave(now, Some(fault));
        }
        if let Some(clock) = running.faster.take() {
            self.chain.set_clock(now, clock);
            self.after_chain(now);
        }
    }

    /// What the chain wants after anything that happened to it.
    pub(crate) fn after_chain(&mut self, now: Micros) {
        match (&self.stage, self.chain.status()) {
            (Stage::Counting(_) | Stage::Running(_), Status::Failed(fault)) => self.leave(now, Some(fault)),
            (Stage::Counting(_), Status::Counted(census)) => self.counted(now, census),
            (Stage::Running(_), Status::Counted(_)) => self.chain.bring_up(now, &mut self.outbox),
            _ => {}
        }
    }

    /// What one nonce stands for.
    fn hashes_per_nonce(&self) -> f64 {
        self.capability.as_ref().map_or(f64::INFINITY, |capability| capability.hashes_per_nonce)
    }

    pub(crate) fn obey(&mut self, now: Micros, command: Command) {
        let Stage::Running(running) = &mut self.stage else { return };
        let (model, at) = (running.known.model, running.point());
        let to = match command {
            Command::Frequency(clock) if allows_clock(model, clock) => OperatingPoint { clock, ..at },
            Command::Voltage(core) if allows_core(model, core) => OperatingPoint { core, ..at },
            Command::Fan(percent)
                if running.known.board.fan != Fan::None && percent.is_none_or(|percent| percent <= 100) =>
            {
                running.fan.set(percent);
                let tasks = readings::fan_speed(&running.known.board, running.fan.percent());
                return self.errand(now, Purpose::Fan, tasks);
            }
            Command::Identify if self.errands.firmware() == Firmware::EmberOne => {
                return self.errand(now, Purpose::Fan, blink());
            }
            _ => return self.outbox.emit(Event::Declined(command)),
        };
        running.tuner = None;
        running.pace.want(now, to.clock);
        self.move_to(now, to, Why::Asked);
    }

    fn announce(&mut self, now: Micros, sample: &Sample) {
        let per_nonce = self.hashes_per_nonce();
        let mut say = |unit: u16, quantity: Quantity, value: Result<f64, NoData>| {
            self.outbox.emit(Event::Measured { unit, quantity, reading: Reading { value, at: now } });
        };
        for sensor in &sample.sensors {
            say(sensor.unit, Quantity::TemperatureCelsius, heat::Plausible::filter_plausible(sensor.celsius));
        }
        for (index, rpm) in sample.fans.iter().enumerate() {
            say(index as u16, Quantity::FanRpm, *rpm);
        }
        say(0, Quantity::InputVolts, sample.input_volts);
        say(0, Quantity::CurrentAmperes, sample.amperes);
        say(0, Quantity::PowerWatts, sample.watts);
        let Stage::Running(running) = &self.stage else { return };
        let core = sample.core_volts.map(|volts| volts / running.known.board.series());
        let fan = if running.known.board.fan == Fan::None {
            Err(NoData::NotFitted)
        } else {
            Ok(f64::from(running.fan.percent()))
        };
        let energy = running.account.joules_per_terahash(per_nonce);
        let energy = if sample.watts == Err(NoData::NotFitted) { Err(NoData::NotFitted) } else { energy };
        say(0, Quantity::CoreVolts, core);
        say(0, Quantity::FanPercent, fan);
        say(0, Quantity::JoulesPerTerahash, energy);
    }
}

/// What a ramp of 6.25 MHz in 100 ms takes, and a second more.
fn ramp_time(from: Hertz, to: Hertz) -> Duration {
    let steps = ((from.mhz() - to.mhz()).abs() / 6.25).ceil();
    Duration::from_secs(1) + Duration::from_millis(100).mul_f64(steps.min(1_000.0))
}

/// The lamp of the board: a second of white.
fn blink() -> Vec<Task> {
    let lamp = |colour| Task::May(Operation::Led(colour));
    vec![lamp([255; 3]), Task::Pause(Duration::from_secs(1)), lamp([0; 3])]
}
