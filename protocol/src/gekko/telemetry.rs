//! The second port of the A1 and A2 models: a small controller that measures, sets the core voltage and turns the fan
//! (`docs/protocols/gekko.md §15`). Requests of two bytes, answers of one to seven, no checksums.

use crate::protocols::{Describe, Mining};
use crate::shown::{Member, Shown};
use crate::wire::{self, Side, Step};

/// Highest core voltage that can be asked for, in steps of [`CORE_STEP_VOLTS`].
const MOST_STEPS: u8 = 100;
/// A step of the core voltage of one chip.
pub const CORE_STEP_VOLTS: f64 = 0.005;
/// Longest answer.
pub const LONGEST: usize = 7;

/// What a host asks or orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Which version are you? One byte.
    Version,
    /// Which values are there? One byte, version 3 only.
    Fitted,
    /// All values, up to seven bytes.
    Values,
    /// Core voltage of one chip, in steps of 5 mV. The answer, as of all that follow, is one byte without meaning.
    Core(u8),
    /// The core regulator.
    Regulator(bool),
    /// The lamp.
    Lamp(Lamp),
    /// The fan, 0 to 100 per cent.
    Fan(u8),
}

/// What the lamp shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lamp {
    /// Dark.
    Off,
    /// On once a second.
    Blinks,
    /// On with every work.
    Works,
    /// On.
    On,
}

impl Request {
    /// The request for `volts` of one chip; what is out of range becomes the nearest that is in it.
    ///
    /// ```
    /// use adit_protocol::gekko::telemetry::Request;
    /// assert_eq!(Request::core(0.3).to_bytes(), [0x56, 0x3c]);
    /// ```
    pub fn core(volts: f64) -> Self {
        // A voltage between two steps becomes the lower one; one hundredth of a step is rounding.
        Self::Core((volts / CORE_STEP_VOLTS + 0.01).clamp(0.0, f64::from(MOST_STEPS)) as u8)
    }

    /// As sent.
    pub const fn to_bytes(self) -> [u8; 2] {
        match self {
            Self::Version => *b"?v",
            Self::Fitted => *b"M.",
            Self::Values => *b"G.",
            Self::Core(steps) => [b'V', steps],
            Self::Regulator(true) => *b"BO",
            Self::Regulator(false) => *b"B-",
            Self::Lamp(Lamp::Off) => *b"L-",
            Self::Lamp(Lamp::Blinks) => *b"LH",
            Self::Lamp(Lamp::Works) => *b"LN",
            Self::Lamp(Lamp::On) => *b"LO",
            Self::Fan(percent) => [b'F', percent],
        }
    }

    /// As received; `None`: no such request.
    pub const fn from_bytes(bytes: [u8; 2]) -> Option<Self> {
        Some(match bytes {
            [b'?', b'v'] => Self::Version,
            [b'M', b'.'] => Self::Fitted,
            [b'G', b'.'] => Self::Values,
            [b'V', steps @ 0..=MOST_STEPS] => Self::Core(steps),
            [b'B', b'O'] => Self::Regulator(true),
            [b'B', b'-'] => Self::Regulator(false),
            [b'L', b'-'] => Self::Lamp(Lamp::Off),
            [b'L', b'H'] => Self::Lamp(Lamp::Blinks),
            [b'L', b'N'] => Self::Lamp(Lamp::Works),
            [b'L', b'O'] => Self::Lamp(Lamp::On),
            [b'F', percent @ 0..=100] => Self::Fan(percent),
            _ => return None,
        })
    }

    /// Bytes of the answer at most.
    pub const fn answer_size(self) -> usize {
        if matches!(self, Self::Values) { LONGEST } else { 1 }
    }
}

/// A measured value; its place in the answer is its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sensor {
    /// Volts at the input.
    InputVolts,
    /// Amperes at the input.
    InputAmperes,
    /// Volts of one chip.
    CoreVolts,
    /// Amperes of the chips.
    OutputAmperes,
    /// Degrees Celsius at the chips.
    Celsius,
    /// Degrees Celsius at a second place.
    OtherCelsius,
    /// Rotations of the fan per minute.
    FanRpm,
}

impl Sensor {
    /// In the order of an answer.
    pub const ALL: [Self; LONGEST] = [
        Self::InputVolts,
        Self::InputAmperes,
        Self::CoreVolts,
        Self::OutputAmperes,
        Self::Celsius,
        Self::OtherCelsius,
        Self::FanRpm,
    ];
}

/// Which values a controller has, and how they are scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    major: u8,
    fitted: u8,
}

/// Full scale of the converter in volts.
const FULL: f64 = 2.048;
/// In a mask of what is fitted: input current has the larger range.
const HIGH_CURRENT: u8 = 0x80;

impl Scale {
    /// That of a controller that has answered `version`, the major number in the high nibble. `None`: nobody knows it. One of
    /// version 3 says itself what it has ([`Request::Fitted`]) and has nothing before [`Self::with_fitted`].
    pub const fn of_version(version: u8) -> Option<Self> {
        let (major, minor) = (version >> 4, version & 0x0f);
        let fitted = match (major, minor) {
            (1, _) => 0x15,
            (2, 0) => 0xdf,
            (2, _) => 0x77,
            (3, _) => 0,
            _ => return None,
        };
        Some(Self { major, fitted })
    }

    /// Whether it must be asked what is fitted.
    pub const fn wants_fitted(self) -> bool {
        self.major == 3
    }

    /// What it has answered to [`Request::Fitted`].
    #[must_use]
    pub const fn with_fitted(self, fitted: u8) -> Self {
        Self { fitted, ..self }
    }

    /// Whether it measures this.
    pub const fn has(self, sensor: Sensor) -> bool {
        self.fitted & 1 << sensor as u8 != 0
    }

    /// Whether the speed of a fan can be set.
    pub const fn sets_fan(self) -> bool {
        self.major > 2 && self.has(Sensor::FanRpm) || self.major == 2 && self.fitted == 0x77
    }

    /// The value in `answer`; `None` where it is not fitted, not there, or a temperature that says itself that it is none.
    ///
    /// ```
    /// use adit_protocol::gekko::telemetry::{Scale, Sensor};
    /// let scale = Scale::of_version(0x21).unwrap();
    /// let celsius = scale.read(Sensor::Celsius, &[0, 0, 0, 0, 0x78]).unwrap();
    /// assert!((celsius - 46.330).abs() < 0.001);
    /// ```
    pub fn read(self, sensor: Sensor, answer: &[u8]) -> Option<f64> {
        let byte = *answer.get(sensor as usize).filter(|_| self.has(sensor))?;
        let part = f64::from(byte) / 255.0;
        Some(match sensor {
            Sensor::Celsius | Sensor::OtherCelsius => match byte {
                0 => return None,
                219.. => 125.0,
                _ => f64::from(byte) * 175.0 / 218.0 - 50.0,
            },
            _ => part * self.full(sensor),
        })
    }

    /// The byte for `value`, as a controller would say it; 0 where there is none.
    pub fn code(self, sensor: Sensor, value: Option<f64>) -> u8 {
        let Some(value) = value.filter(|_| self.has(sensor)) else { return 0 };
        let byte = match sensor {
            Sensor::Celsius | Sensor::OtherCelsius => ((value + 50.0) * 218.0 / 175.0).round().max(1.0),
            _ => (value / self.full(sensor) * 255.0).round(),
        };
        byte.clamp(0.0, 255.0) as u8
    }

    /// What 255 stands for.
    fn full(self, sensor: Sensor) -> f64 {
        match sensor {
            Sensor::InputVolts if self.major == 1 => 6.0,
            Sensor::InputVolts => FULL * 12.0,
            Sensor::InputAmperes if self.fitted & HIGH_CURRENT != 0 => FULL * 20.0,
            Sensor::InputAmperes => FULL * 3.125,
            Sensor::CoreVolts => FULL / 2.0,
            Sensor::OutputAmperes => FULL * 20.0,
            Sensor::FanRpm => 255.0 * 30.0,
            Sensor::Celsius | Sensor::OtherCelsius => 125.0,
        }
    }
}

/// What travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// From the host.
    Request(Request),
    /// From the controller, 1 to 7 bytes: only the request says what they mean.
    Answer(Vec<u8>),
}

/// Why a byte is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// These two are none.
    #[error("{0:02x}{1:02x} is no request")]
    NoRequest(u8, u8),
    /// Nothing followed.
    #[error("silence after half a request")]
    Half,
}

/// Cuts one direction into frames. Answers end with silence.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    from: Side,
}

impl Codec {
    /// For what the side `from` sends.
    pub const fn new(from: Side) -> Self {
        Self { from }
    }
}

impl wire::Codec for Codec {
    type Frame = Frame;
    type Reject = Reject;

    fn encode(&self, frame: &Frame, out: &mut Vec<u8>) {
        match frame {
            Frame::Request(request) => out.extend(request.to_bytes()),
            Frame::Answer(bytes) => out.extend(bytes),
        }
    }

    fn decode(&mut self, input: &[u8], quiet: bool) -> Step<Frame, Reject> {
        match (self.from, input) {
            (_, []) => Step::NeedMore,
            (Side::Host, [first, second, ..]) => match Request::from_bytes([*first, *second]) {
                Some(request) => Step::Frame { frame: Frame::Request(request), used: 2 },
                None => Step::Skip { used: 1, why: Reject::NoRequest(*first, *second) },
            },
            (Side::Host, [_]) if quiet => Step::Skip { used: 1, why: Reject::Half },
            (Side::Device, _) if quiet || input.len() >= LONGEST => {
                let used = input.len().min(LONGEST);
                Step::Frame { frame: Frame::Answer(input[..used].to_vec()), used }
            }
            _ => Step::NeedMore,
        }
    }
}

impl Describe for Codec {
    /// Types `request` and `answer`.
    fn describe(&self, frame: &Frame) -> Shown {
        match frame {
            Frame::Request(request) => {
                let (operation, value) = match *request {
                    Request::Version => ("version", Member::Nothing),
                    Request::Fitted => ("fitted", Member::Nothing),
                    Request::Values => ("values", Member::Nothing),
                    Request::Core(steps) => ("core_millivolts", (u16::from(steps) * 5).into()),
                    Request::Regulator(on) => ("regulator", on.into()),
                    Request::Lamp(lamp) => ("lamp", format!("{lamp:?}").to_lowercase().into()),
                    Request::Fan(percent) => ("fan_percent", percent.into()),
                };
                Shown::new("request").with("operation", operation).with("value", value)
            }
            Frame::Answer(bytes) => Shown::new("answer").with("data", bytes.as_slice()),
        }
    }

    fn mining(&self, _: &Frame) -> Option<Mining> {
        None // jobs and nonces travel over the other port
    }
}
