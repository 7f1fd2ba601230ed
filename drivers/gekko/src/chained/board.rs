//! The controller of the second port: values, and what they allow (`docs/protocols/gekko.md §15`).

use std::collections::VecDeque;
use std::time::Duration;

use adit_driver::script::Play;
use adit_driver::{Event, Fault, NoData, Outbox, Quantity, Reading};
use adit_protocol::gekko::telemetry::{Lamp, Request, Scale, Sensor};
use adit_protocol::units::Volts;
use adit_protocol::wire::Micros;

use super::talk::{Answered, Talk};

/// The chips are switched off here.
const LIMIT: f64 = 110.0;
/// A single damaged answer is no heat.
const HOT_ROUNDS: u8 = 2;
/// A temperature may be missing for so long.
const MISSING: Duration = Duration::from_secs(6);
/// Between two rounds of readings.
const ROUND: Duration = Duration::from_secs(1);
/// Times that a controller is asked who it is.
const GREETINGS: u8 = 3;
/// What stays on the chips when they are switched off because of heat.
const COLD_VOLTS: f64 = 0.1;
/// Somebody who looks for the stick sees the lamp blink for so long.
const BLINKS: Duration = Duration::from_secs(10);
/// Orders of the user that wait at most.
const MOST_ORDERS: usize = 8;
/// An answer is never longer; more is not looked at.
const MOST_HEARD: usize = 64;

/// What has come of a talk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Heard {
    /// The voltage is set, the regulator on: the chips can be brought up.
    Awake,
    /// Everything is off.
    Asleep,
    /// It must be switched off.
    Danger(Fault),
}

/// What is talked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    Greeting,
    WakingUp,
    Round,
    Order,
    Sleep,
}

/// The controller as its host knows it.
#[derive(Debug)]
pub(crate) struct Board {
    core: Volts,
    fan: u8,
    scale: Option<Scale>,
    talk: Option<(Topic, Play<Talk>)>,
    orders: VecDeque<Request>,
    /// Bytes of the answer so far.
    heard: Vec<u8>,
    /// `None`: not at work.
    next_round: Option<Micros>,
    /// The last temperature, and how many in a row were too high.
    seen_at: Micros,
    hot: u8,
    blinks_until: Option<Micros>,
}

impl Board {
    /// A controller that is to feed each chip `core`.
    pub(crate) fn new(core: Volts) -> Self {
        Self {
            core,
            fan: 100,
            scale: None,
            talk: None,
            orders: VecDeque::new(),
            heard: Vec::new(),
            next_round: None,
            seen_at: Micros(0),
            hot: 0,
            blinks_until: None,
        }
    }

    /// Asks who is there, then feeds the chips. Ends in [`Heard::Awake`] or [`Heard::Danger`].
    pub(crate) fn wake(&mut self, now: Micros, outbox: &mut Outbox) -> Option<Heard> {
        self.next_round = None;
        self.scale = None;
        self.begin(now, Topic::Greeting, vec![Request::Version], GREETINGS, outbox)
    }

    /// Switches off. `fault`: what for, where it is no friendly end. Ends in [`Heard::Asleep`].
    pub(crate) fn sleep(&mut self, now: Micros, fault: Option<Fault>, outbox: &mut Outbox) -> Option<Heard> {
        self.next_round = None;
        self.orders.clear();
        let requests = match fault {
            Some(Fault::Overheated { .. } | Fault::SensorLost { .. }) => {
                let lamp = Request::Lamp(Lamp::On);
                vec![Request::core(COLD_VOLTS), Request::Regulator(false), lamp]
            }
            _ => vec![Request::Lamp(Lamp::Off)],
        };
        self.begin(now, Topic::Sleep, requests, 1, outbox)
    }

    /// Somebody has answered on its port.
    pub(crate) const fn is_known(&self) -> bool {
        self.scale.is_some()
    }

    /// The user wants another voltage of each chip.
    pub(crate) fn feed(&mut self, core: Volts) -> bool {
        self.core = core;
        self.order(Request::core(core.0))
    }

    /// The user wants the fan at `percent`; false where it cannot be set.
    pub(crate) fn blow(&mut self, percent: u8) -> bool {
        if !self.scale.is_some_and(Scale::sets_fan) {
            return false;
        }
        self.fan = percent.min(100);
        self.order(Request::Fan(self.fan))
    }

    /// The user looks for the stick.
    pub(crate) fn blink(&mut self, now: Micros) -> bool {
        self.blinks_until = Some(now + BLINKS);
        self.order(Request::Lamp(Lamp::Blinks))
    }

    fn order(&mut self, request: Request) -> bool {
        let is_taken = self.orders.len() < MOST_ORDERS;
        if is_taken {
            self.orders.push_back(request);
        }
        is_taken
    }

    fn begin(
        &mut self,
        now: Micros,
        topic: Topic,
        requests: Vec<Request>,
        tries: u8,
        outbox: &mut Outbox,
    ) -> Option<Heard> {
        self.heard.clear();
        let mut play = Play::new(Talk::new(requests, tries));
        let outcome = play.start(now, outbox);
        self.talk = Some((topic, play));
        self.ended(now, outcome, outbox)
    }

    /// Bytes of the controller, or silence behind them.
    pub(crate) fn on_bytes(
        &mut self,
        now: Micros,
        bytes: &[u8],
        quiet: bool,
        outbox: &mut Outbox,
    ) -> Option<Heard> {
        let (_, play) = self.talk.as_mut()?;
        let size = play.script().asking().map_or(0, Request::answer_size);
        let room = MOST_HEARD - self.heard.len();
        self.heard.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if self.heard.is_empty() || !quiet && self.heard.len() < size {
            return None;
        }
        let answer = std::mem::take(&mut self.heard);
        let outcome = play.on_frame(now, answer, outbox);
        self.ended(now, outcome, outbox)
    }

    /// Time has passed.
    pub(crate) fn on_timer(&mut self, now: Micros, outbox: &mut Outbox) -> Option<Heard> {
        if let Some((_, play)) = &mut self.talk {
            let outcome = play.on_timer(now, outbox);
            return self.ended(now, outcome, outbox);
        }
        let next_round = self.next_round?;
        if self.blinks_until.take_if(|until| now >= *until).is_some() {
            self.order(Request::Lamp(Lamp::Works));
        }
        if !self.orders.is_empty() {
            let orders = self.orders.drain(..).collect();
            return self.begin(now, Topic::Order, orders, 1, outbox);
        }
        if now >= next_round {
            self.next_round = Some(now + ROUND);
            return self.begin(now, Topic::Round, vec![Request::Values], 1, outbox);
        }
        None
    }

    /// When time matters next.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        match &self.talk {
            Some((_, play)) => play.deadline(),
            None => self.next_round,
        }
    }

    fn ended(
        &mut self,
        now: Micros,
        outcome: Option<Result<Answered, Fault>>,
        outbox: &mut Outbox,
    ) -> Option<Heard> {
        // A talk never fails: what was not answered is part of its output.
        let Some(Ok(answered)) = outcome else { return None };
        let (topic, _) = self.talk.take()?;
        match topic {
            Topic::Greeting => self.greeted(now, &answered, outbox),
            Topic::WakingUp => self.woken(now, &answered),
            Topic::Round => self.read(now, &answered, outbox),
            Topic::Order => None,
            Topic::Sleep => Some(Heard::Asleep),
        }
    }

    fn greeted(&mut self, now: Micros, answered: &Answered, outbox: &mut Outbox) -> Option<Heard> {
        let version = answered.first().and_then(|(_, answer)| answer.as_ref()?.first().copied());
        let Some(scale) = version.and_then(Scale::of_version) else { return Some(blind(GREETINGS.into())) };
        self.scale = Some(scale);
        let mut requests =
            vec![Request::core(self.core.0), Request::Regulator(true), Request::Lamp(Lamp::Works)];
        if scale.wants_fitted() {
            requests.push(Request::Fitted);
        }
        requests.push(Request::Fan(self.fan));
        self.begin(now, Topic::WakingUp, requests, 1, outbox)
    }

    fn woken(&mut self, now: Micros, answered: &Answered) -> Option<Heard> {
        let fitted = answered.iter().find(|(request, _)| *request == Request::Fitted);
        if let (Some((_, answer)), Some(scale)) = (fitted, self.scale) {
            let Some(mask) = answer.as_ref().and_then(|answer| answer.first()) else { return Some(blind(0)) };
            self.scale = Some(scale.with_fitted(*mask));
        }
        (self.seen_at, self.hot, self.next_round) = (now, 0, Some(now + ROUND));
        let measures = |sensor| self.scale.is_some_and(|scale| scale.has(sensor));
        Some(match measures(Sensor::Celsius) || measures(Sensor::OtherCelsius) {
            true => Heard::Awake,
            false => blind(0),
        })
    }

    /// Tells what was measured, and judges it.
    fn read(&mut self, now: Micros, answered: &Answered, outbox: &mut Outbox) -> Option<Heard> {
        let scale = self.scale?;
        let answer = answered.first().and_then(|(_, answer)| answer.as_deref());
        let last = Sensor::ALL.iter().rposition(|sensor| scale.has(*sensor)).map_or(0, |last| last + 1);
        let missing = if answer.is_some() { NoData::Implausible } else { NoData::Timeout };
        // An answer that lost a byte on the way says nothing: its values stand in the wrong places.
        let answer = answer.filter(|answer| answer.len() >= last);
        let value = |sensor| {
            let value = answer.and_then(|answer| scale.read(sensor, answer));
            scale.has(sensor).then(|| value.ok_or(missing))
        };
        for (sensor, unit, quantity) in [
            (Sensor::InputVolts, 0, Quantity::InputVolts),
            (Sensor::CoreVolts, 0, Quantity::CoreVolts),
            (Sensor::OutputAmperes, 0, Quantity::CurrentAmperes),
            (Sensor::Celsius, 0, Quantity::TemperatureCelsius),
            (Sensor::OtherCelsius, 1, Quantity::TemperatureCelsius),
            (Sensor::FanRpm, 0, Quantity::FanRpm),
        ] {
            if let Some(value) = value(sensor) {
                outbox.emit(Event::Measured { unit, quantity, reading: Reading { value, at: now } });
            }
        }
        if let (Some(volts), Some(amperes)) = (value(Sensor::InputVolts), value(Sensor::InputAmperes)) {
            let value = volts.and_then(|volts| amperes.map(|amperes| volts * amperes));
            let (quantity, reading) = (Quantity::PowerWatts, Reading { value, at: now });
            outbox.emit(Event::Measured { unit: 0, quantity, reading });
        }
        let celsius = [Sensor::Celsius, Sensor::OtherCelsius].map(|sensor| value(sensor)?.ok());
        self.judge(now, celsius).map(Heard::Danger)
    }

    /// What temperatures allow. A missing one is as dangerous as a high one.
    fn judge(&mut self, now: Micros, celsius: [Option<f64>; 2]) -> Option<Fault> {
        let warmest = (0..).zip(celsius).filter_map(|(unit, celsius)| Some((unit, celsius?)));
        let Some((unit, celsius)) = warmest.max_by(|one, other| one.1.total_cmp(&other.1)) else {
            let missing = now.since(self.seen_at);
            let seconds = u32::try_from(missing.as_secs()).unwrap_or(u32::MAX);
            return (missing >= MISSING).then_some(Fault::SensorLost { unit: 0, seconds });
        };
        self.seen_at = now;
        self.hot = if celsius >= LIMIT { self.hot + 1 } else { 0 };
        (self.hot >= HOT_ROUNDS).then_some(Fault::Overheated {
            unit,
            celsius: celsius as f32,
            limit_celsius: LIMIT as f32,
        })
    }
}

/// Nothing says how warm it is.
const fn blind(seconds: u32) -> Heard {
    Heard::Danger(Fault::SensorLost { unit: 0, seconds })
}
