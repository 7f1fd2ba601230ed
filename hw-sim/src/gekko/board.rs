//! What the A1 and A2 models have beside their chips: a controller that measures on a port of its own, a regulator, a fan and heat
//! (`docs/protocols/gekko.md §15`).

use std::collections::VecDeque;
use std::time::Duration;

use adit_protocol::gekko::telemetry::{CORE_STEP_VOLTS, Codec, Frame, Lamp, Request, Scale, Sensor};
use adit_protocol::wire::{Codec as _, Micros, Side, Step};

use crate::bm13xx::{Chain, cooked, starved};
use crate::climate::Climate;
use crate::{Adjustment, DeviceFault, Insides};

/// What the supply gives.
const SUPPLY: f64 = 12.0;
/// Of what is drawn so much reaches the chips.
const EFFICIENCY: f64 = 0.9;
/// What the board draws beside its chips, in watts.
const OFFSET_WATTS: f64 = 1.5;
/// Part of the usual voltage that chips need to live at all.
const LIVES_AT: f64 = 0.6;
/// Of the fan at full speed.
const FULL_RPM: f64 = 4_500.0;
/// Half a request is dropped after this time.
const PATIENCE: Duration = Duration::from_millis(50);
/// Time that an answer takes.
const THINKS: Duration = Duration::from_millis(5);
/// Answers that wait at most: a host that asks without waiting loses the rest.
const WAITING: usize = 32;

/// Which controller is fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fitted {
    /// What it answers to the question for its version; `None`: it says nothing at all.
    pub(super) version: Option<u8>,
    /// What it answers to the question for its values, if it is one that does.
    pub(super) mask: u8,
}

/// The board around the chips.
#[derive(Debug)]
pub(super) struct Board {
    fitted: Fitted,
    /// Usual voltage of one chip.
    usual_volts: f64,
    usual_watts: f64,
    climate: Climate,
    volts: f64,
    on: bool,
    lamp: Lamp,
    fan: f64,
    /// The regulator has switched itself off.
    tripped: bool,
    bytes: Vec<u8>,
    last: Micros,
    answers: VecDeque<(Micros, Vec<u8>)>,
}

impl Board {
    pub(super) fn new(fitted: Fitted, chain: &Chain, ambient: f64) -> Self {
        let usual_watts = chain.kind().watts * chain.len() as f64;
        let usual_volts = chain.kind().usual.1;
        Self {
            fitted,
            usual_volts,
            usual_watts,
            climate: Climate::new(ambient, usual_watts),
            volts: usual_volts,
            on: true,
            lamp: Lamp::Off,
            fan: 1.0,
            tripped: false,
            bytes: Vec::new(),
            last: Micros(0),
            answers: VecDeque::new(),
        }
    }

    /// The supply comes back: everything is as after power-up but for the heat.
    pub(super) fn power_on(&mut self) {
        (self.volts, self.on, self.lamp, self.fan) = (self.usual_volts, true, Lamp::Off, 1.0);
        self.tripped = false;
        self.bytes.clear();
        self.answers.clear();
    }

    /// The chips lose their supply and get it back: what has tripped is tried again.
    pub(super) fn cycle(&mut self) {
        self.tripped = false;
    }

    /// Voltage of one chip; `powered`: the pins of the bridge allow it.
    pub(super) fn core_volts(&self, powered: bool) -> f64 {
        if powered && self.on && !self.tripped { self.volts } else { 0.0 }
    }

    /// Lets the time until `now` pass.
    pub(super) fn advance(&mut self, now: Micros, chain: &Chain, powered: bool) {
        self.climate.advance(now, self.watts(chain, powered), self.fan);
    }

    /// Chips follow the voltage.
    pub(super) fn settle(&mut self, now: Micros, chain: &mut Chain, powered: bool) {
        let (volts, celsius) = (self.core_volts(powered), self.climate.celsius());
        chain.live(now, volts >= LIVES_AT * self.usual_volts);
        let clock = chain.clock();
        let usual = (chain.kind().usual.0, self.usual_volts);
        let wrong = if clock > 0.0 { starved(usual, clock, volts).max(cooked(celsius)) } else { 0.0 };
        chain.err(now, wrong);
        chain.warm(celsius);
    }

    /// What the chips draw: with the clock, the square of the voltage, and much less while they do not hash.
    fn watts(&self, chain: &Chain, powered: bool) -> f64 {
        let squared = (self.core_volts(powered) / self.usual_volts).powi(2);
        let clock = chain.clock() / (chain.kind().usual.0 * 1e6);
        self.usual_watts * squared * (0.03 + 0.97 * clock * (0.15 + 0.85 * chain.load()))
    }

    pub(super) fn receive(&mut self, now: Micros, bytes: &[u8], chain: &Chain, powered: bool) {
        if now.since(self.last) >= PATIENCE {
            self.bytes.clear();
        }
        self.last = now;
        self.bytes.extend_from_slice(bytes);
        loop {
            match Codec::new(Side::Host).decode(&self.bytes, false) {
                Step::Frame { frame, used } => {
                    self.bytes.drain(..used);
                    if let Frame::Request(request) = frame {
                        self.obey(now, request, chain, powered);
                    }
                }
                Step::Skip { used, .. } => {
                    self.bytes.drain(..used);
                }
                Step::NeedMore => return,
            }
        }
    }

    fn obey(&mut self, now: Micros, request: Request, chain: &Chain, powered: bool) {
        let Some(version) = self.fitted.version else { return };
        let answer = match request {
            Request::Version => vec![version],
            Request::Fitted => vec![self.fitted.mask],
            Request::Values => self.values(now, chain, powered),
            Request::Core(steps) => {
                self.volts = f64::from(steps) * CORE_STEP_VOLTS;
                vec![steps]
            }
            Request::Regulator(on) => {
                (self.on, self.tripped) = (on, self.tripped && on);
                vec![u8::from(on)]
            }
            Request::Lamp(lamp) => {
                self.lamp = lamp;
                vec![0]
            }
            Request::Fan(percent) => {
                self.fan = f64::from(percent) / 100.0;
                vec![percent]
            }
        };
        if self.answers.len() < WAITING {
            self.answers.push_back((now + THINKS, answer));
        }
    }

    /// Which values there are, and their scale.
    fn scale(&self) -> Option<Scale> {
        let scale = Scale::of_version(self.fitted.version?)?;
        Some(if scale.wants_fitted() { scale.with_fitted(self.fitted.mask) } else { scale })
    }

    fn values(&self, now: Micros, chain: &Chain, powered: bool) -> Vec<u8> {
        let Some(scale) = self.scale() else { return Vec::new() };
        let (volts, watts) = (self.core_volts(powered), self.watts(chain, powered));
        let drawn = watts / EFFICIENCY + OFFSET_WATTS;
        let value = |sensor| match sensor {
            Sensor::InputVolts => Some(SUPPLY),
            Sensor::InputAmperes => Some(drawn / SUPPLY),
            Sensor::CoreVolts => Some(volts),
            Sensor::OutputAmperes => Some(if volts > 0.0 { watts / volts } else { 0.0 }),
            Sensor::Celsius => self.climate.shown(now, self.climate.celsius()),
            Sensor::OtherCelsius => self.climate.shown(now, self.climate.board()),
            Sensor::FanRpm => Some(FULL_RPM * self.climate.spin()),
        };
        let last = Sensor::ALL.iter().rposition(|sensor| scale.has(*sensor)).unwrap_or(0);
        Sensor::ALL[..=last].iter().map(|sensor| scale.code(*sensor, value(*sensor))).collect()
    }

    /// The next answer whose time has come.
    pub(super) fn next_answer(&mut self, now: Micros) -> Option<Vec<u8>> {
        self.answers.pop_front_if(|(at, _)| *at <= now).map(|(_, answer)| answer)
    }

    /// When something happens by itself.
    pub(super) fn deadline(&self, now: Micros) -> Option<Micros> {
        // Heat is looked at once a second.
        let second = self.on.then(|| now + Duration::from_secs(1));
        self.answers.front().map(|(at, _)| *at).into_iter().chain(second).min()
    }

    /// A fault of the board; false for any other.
    pub(super) fn suffer(&mut self, now: Micros, fault: DeviceFault) -> bool {
        match fault {
            DeviceFault::HotSensor => self.climate.hot_sensor.toggle(now),
            DeviceFault::DeadSensor => self.climate.dead_sensor.toggle(now),
            DeviceFault::DeadFan => self.climate.dead_fan.toggle(now),
            DeviceFault::RegulatorFault => self.tripped = true,
            DeviceFault::LostReply => {
                self.answers.pop_front();
            }
            _ => return false,
        }
        true
    }

    pub(super) fn adjust(&mut self, adjustment: Adjustment) {
        match adjustment {
            Adjustment::Mend => {
                self.climate.mend();
                self.tripped = false;
            }
            Adjustment::Ambient(celsius) => self.climate.ambient = celsius,
            Adjustment::Temperature(celsius) => self.climate.hold(celsius),
            Adjustment::ChipTemperature(..) => {}
        }
    }

    pub(super) fn insides(&self, now: Micros, chain: &Chain, powered: bool) -> Insides {
        let (volts, watts) = (self.core_volts(powered), self.watts(chain, powered));
        Insides {
            ambient_celsius: Some(self.climate.ambient),
            temperature_celsius: Some(self.climate.celsius()),
            board_celsius: Some(self.climate.board()),
            sensor_celsius: self.climate.shown(now, self.climate.celsius()),
            fan_percent: Some(100.0 * self.fan),
            fan_rpm: Some(FULL_RPM * self.climate.spin()),
            supply_volts: Some(SUPPLY),
            core_volts: Some(volts),
            core_amperes: Some(if volts > 0.0 { watts / volts } else { 0.0 }),
            power_watts: Some(watts / EFFICIENCY + OFFSET_WATTS),
            ..Insides::default()
        }
    }

    /// Real temperature of the chips in degrees Celsius.
    pub(super) const fn celsius(&self) -> f64 {
        self.climate.celsius()
    }
}
