//! What the user may set, read once and typed, and held against the limits of the models it may be.

use std::str::FromStr;

use adit_driver::{OperatingPoint, Settings, SettingsError};
use adit_protocol::devices::Model;
use adit_protocol::units::{Hertz, Volts, Watts};

use crate::tune::Goal;

/// Names of all settings, in the order of the crate documentation.
pub(crate) const KNOWN: &[&str] = &[
    "target-difficulty",
    "frequency",
    "voltage",
    "fan",
    "fan-check",
    "target-temperature",
    "temperature-limit",
    "power-limit",
    "chips",
    "tune",
    "tuned",
    "error-limit",
];

/// The settings of one device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Options {
    /// Difficulty of the nonces that a simulated device reports.
    pub(crate) eased: Option<f64>,
    /// Chip clock; the default of the model when absent.
    pub(crate) frequency: Option<Hertz>,
    /// Core voltage; the default of the model when absent.
    pub(crate) core: Option<Volts>,
    /// Per cent of full speed; the controller decides when absent.
    pub(crate) fan: Option<u8>,
    /// The fans have tachometers.
    pub(crate) fan_check: bool,
    /// What the fan controller holds, in degrees Celsius.
    pub(crate) target: f64,
    /// A chip is switched off here, in degrees Celsius.
    pub(crate) limit: f64,
    /// Most power of the board; that of the model when absent.
    pub(crate) watts: Option<Watts>,
    /// How many chips there must be; those of the model when absent.
    pub(crate) chips: Option<u16>,
    /// What tuning seeks.
    pub(crate) tune: Option<Goal>,
    /// What an earlier tuning found.
    pub(crate) tuned: Option<OperatingPoint>,
    /// Share of wrong answers that tuning bears.
    pub(crate) error_limit: f64,
}

impl Options {
    /// Takes what is known out of `settings`, refuses the rest, and what none of `models` allows.
    pub(crate) fn from_settings(
        mut settings: Settings,
        models: &[&'static Model],
    ) -> Result<Self, SettingsError> {
        let settings = &mut settings;
        let percent = "a share of wrong answers in per cent, 0.1 to 5";
        let options = Self {
            eased: settings.take_easing()?,
            frequency: settings
                .take_if("frequency", "a clock in MHz within the limits of the model", |mhz| {
                    models.iter().any(|model| allows_clock(model, Hertz::from_mhz(*mhz)))
                })?
                .map(Hertz::from_mhz),
            core: settings
                .take_if(
                    "voltage",
                    "a core voltage in millivolts within the limits of the model",
                    |millivolts: &f64| {
                        models.iter().any(|model| allows_core(model, Volts(*millivolts / 1e3)))
                    },
                )?
                .map(|millivolts| Volts(millivolts / 1e3)),
            fan: settings
                .take::<FanSpeed>("fan", "`auto` or per cent of full speed, 0 to 100")?
                .and_then(|fan| fan.0),
            fan_check: settings.take_switch("fan-check", "`on` or `off`")?.unwrap_or(true),
            target: settings
                .take_within("target-temperature", "degrees Celsius, 35 to 66", 35.0..=66.0)?
                .unwrap_or(60.0),
            limit: settings
                .take_within("temperature-limit", "degrees Celsius, 50 to 85", 50.0..=85.0)?
                .unwrap_or(75.0),
            watts: settings
                .take_if("power-limit", "watts, at most those of the model", |watts| {
                    models.iter().any(|model| allows_watts(model, Watts(*watts)))
                })?
                .map(Watts),
            chips: settings
                .take_within("chips", "how many chips there are, 1 to 256", 1.0..=256.0)?
                .map(|chips: f64| chips as u16),
            tune: settings.take::<Tune>("tune", "`off`, `efficiency` or `hashrate`")?.and_then(|tune| tune.0),
            tuned: settings
                .take::<Point>("tuned", "a clock and a core voltage, as 512.5@1130 (MHz@mV)")?
                .map(|point| point.0),
            error_limit: settings.take_within("error-limit", percent, 0.1..=5.0)?.unwrap_or(1.0) / 100.0,
        };
        std::mem::take(settings).finish(KNOWN)?;
        Ok(options)
    }

    /// Where a `model` is to run. Wishes beyond its limits give way to its defaults; what tuning found, to both.
    pub(crate) fn point(&self, model: &Model) -> Option<OperatingPoint> {
        let [_, clock, _] = model.clock?;
        let [_, core, _] = model.supply?.core;
        if let Some(tuned) = self.tuned.filter(|tuned| allows(model, *tuned)) {
            return Some(tuned);
        }
        Some(OperatingPoint {
            clock: self.frequency.filter(|wanted| allows_clock(model, *wanted)).unwrap_or(clock),
            core: self.core.filter(|wanted| allows_core(model, *wanted)).unwrap_or(core),
        })
    }

    /// How many chips a `model` must have: a board may have lost one for good.
    pub(crate) fn chips(&self, model: &Model) -> u16 {
        self.chips.unwrap_or(model.chips.count)
    }

    /// Most power of a `model`.
    pub(crate) fn power_limit(&self, model: &Model) -> Option<Watts> {
        self.watts.filter(|watts| allows_watts(model, *watts)).or_else(|| model.supply?.most)
    }
}

/// Whether `model` may run at `point`.
pub(crate) fn allows(model: &Model, point: OperatingPoint) -> bool {
    allows_clock(model, point.clock) && allows_core(model, point.core)
}

/// Whether `model` may run at `clock`.
pub(crate) fn allows_clock(model: &Model, clock: Hertz) -> bool {
    model.clock.is_some_and(|[low, _, high]| (low..=high).contains(&clock))
}

/// Whether the chips of `model` may be fed `core`.
pub(crate) fn allows_core(model: &Model, core: Volts) -> bool {
    model.supply.is_some_and(|supply| (supply.core[0]..=supply.core[2]).contains(&core))
}

fn allows_watts(model: &Model, watts: Watts) -> bool {
    let most = model.supply.and_then(|supply| supply.most);
    watts.0 >= 1.0 && most.is_none_or(|most| watts <= most) && watts.0 <= 10_000.0
}

struct FanSpeed(Option<u8>);

impl FromStr for FanSpeed {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "auto" => Ok(Self(None)),
            _ => text
                .parse()
                .ok()
                .filter(|percent| *percent <= 100)
                .map(|percent| Self(Some(percent)))
                .ok_or(()),
        }
    }
}

struct Tune(Option<Goal>);

impl FromStr for Tune {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "off" => Ok(Self(None)),
            "efficiency" => Ok(Self(Some(Goal::Efficiency))),
            "hashrate" => Ok(Self(Some(Goal::Hashrate))),
            _ => Err(()),
        }
    }
}

struct Point(OperatingPoint);

impl FromStr for Point {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (mhz, millivolts) = text.split_once('@').ok_or(())?;
        let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or(());
        Ok(Self(OperatingPoint {
            clock: Hertz::from_mhz(number(mhz)?),
            core: Volts(number(millivolts)? / 1e3),
        }))
    }
}

#[cfg(test)]
mod tests {
    use adit_protocol::devices::model;

    use super::*;

    fn read(pairs: &[(&str, &str)], keys: &[&str]) -> Result<Options, SettingsError> {
        let mut settings = Settings::default();
        pairs.iter().for_each(|(key, value)| settings.set(*key, *value));
        let models: Vec<_> = keys.iter().map(|key| model(key).unwrap()).collect();
        Options::from_settings(settings, &models)
    }

    const GAMMA: &[&str] = &["bitaxe-gamma"];

    #[test]
    fn without_settings_a_model_runs_at_its_defaults() {
        let options = read(&[], GAMMA).unwrap();
        let gamma = model("bitaxe-gamma").unwrap();
        let point = options.point(gamma).unwrap();
        assert_eq!(point.to_string(), "525.00 MHz at 1.150 V");
        assert_eq!((options.limit, options.target, options.fan, options.fan_check), (75.0, 60.0, None, true));
        assert_eq!(options.power_limit(gamma), Some(Watts(40.0)));
    }

    #[test]
    fn what_no_possible_model_allows_is_refused_before_the_device_is_touched() {
        for (key, value) in [
            ("frequency", "626"),
            ("frequency", "fast"),
            ("frequency", "NaN"),
            ("voltage", "1300"),
            ("voltage", "1.15"),
            ("fan", "101"),
            ("fan", "-1"),
            ("fan-check", "maybe"),
            ("target-temperature", "80"),
            ("temperature-limit", "100"),
            ("power-limit", "41"),
            ("power-limit", "0"),
            ("tune", "max"),
            ("tuned", "500"),
            ("error-limit", "50"),
            ("target-difficulty", "0"),
        ] {
            let error = read(&[(key, value)], GAMMA).unwrap_err();
            assert!(matches!(error, SettingsError::Malformed { key: named, .. } if named == key), "{error}");
        }
        assert!(read(&[("colour", "red")], GAMMA).is_err());
    }

    #[test]
    fn what_one_of_several_models_allows_waits_for_its_name() {
        let options = read(&[("frequency", "600")], &["bitaxe-gamma", "bitaxe-gamma-duo"]).unwrap();
        let clock = |key| options.point(model(key).unwrap()).unwrap().clock.mhz();
        assert_eq!((clock("bitaxe-gamma"), clock("bitaxe-gamma-duo")), (600.0, 400.0));
    }

    #[test]
    fn a_remembered_point_is_taken_while_the_model_allows_it() {
        let options = read(&[("tuned", "512.5@1130"), ("frequency", "600")], GAMMA).unwrap();
        let point = options.point(model("bitaxe-gamma").unwrap()).unwrap();
        assert_eq!(point.to_string(), "512.50 MHz at 1.130 V");
        let options = read(&[("tuned", "900@1130"), ("frequency", "600")], GAMMA).unwrap();
        assert_eq!(options.point(model("bitaxe-gamma").unwrap()).unwrap().clock.mhz(), 600.0);
    }

    #[test]
    fn a_user_s_speed_and_the_controller_s() {
        assert_eq!(read(&[("fan", "35")], GAMMA).unwrap().fan, Some(35));
        assert_eq!(read(&[("fan", "auto")], GAMMA).unwrap().fan, None);
    }
}
