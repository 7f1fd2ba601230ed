//! How fast the fan turns: a controller that holds a temperature, or what the user says, and full speed when nobody knows.

use std::time::Duration;

use adit_protocol::wire::Micros;

/// Per cent per degree above the target (`docs/protocols/bitaxe-raw.md §8`).
const PROPORTIONAL: f64 = 5.0;
/// Per cent per degree and second.
const INTEGRAL: f64 = 0.1;
/// Per cent per degree a second of rise.
const DERIVATIVE: f64 = 2.0;
/// What is left of an old temperature after 100 ms of a new one.
const SMOOTHING: f64 = 0.8;
/// Slowest under control: a fan that stands still has no speed to check.
const SLOWEST: f64 = 25.0;
/// Before the first temperature.
const UNKNOWN: u8 = 70;
/// When a temperature is missing or too high.
pub(crate) const FULL: u8 = 100;
/// Readings further apart tell nothing about the rise between them.
const LONGEST_STEP: Duration = Duration::from_secs(10);

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    /// The controller, which holds this temperature in degrees Celsius.
    Target(f64),
    /// The user: this share of full speed in per cent.
    Fixed(u8),
}

/// The controller of all fans of a board, which run at one speed.
#[derive(Clone, Debug)]
pub(crate) struct FanControl {
    mode: Mode,
    target: f64,
    integral: f64,
    last: Option<(Micros, f64)>,
    percent: u8,
}

impl FanControl {
    pub(crate) fn new(target: f64, fixed: Option<u8>) -> Self {
        let mode = fixed.map_or(Mode::Target(target), Mode::Fixed);
        let percent = fixed.unwrap_or(UNKNOWN);
        Self { mode, target, integral: 0.0, last: None, percent }
    }

    /// What the fan should be told now, in per cent of full speed.
    pub(crate) fn percent(&self) -> u8 {
        self.percent
    }

    /// The user decides, or leaves it to the controller.
    pub(crate) fn set(&mut self, fixed: Option<u8>) {
        self.mode = fixed.map_or(Mode::Target(self.target), |percent| Mode::Fixed(percent.min(FULL)));
        if let Mode::Fixed(percent) = self.mode {
            self.percent = percent;
        }
    }

    /// The hottest temperature is known. Returns what the fan should be told.
    pub(crate) fn feel(&mut self, now: Micros, celsius: f64) -> u8 {
        let Mode::Target(target) = self.mode else { return self.percent };
        let (smooth, rise, seconds) = match self.last {
            Some((at, before)) if now.since(at) <= LONGEST_STEP && now > at => {
                let seconds = now.since(at).as_secs_f64();
                let kept = SMOOTHING.powf(seconds / 0.1);
                let smooth = before * kept + celsius * (1.0 - kept);
                (smooth, (smooth - before) / seconds, seconds)
            }
            _ => (celsius, 0.0, 0.0),
        };
        self.last = Some((now, smooth));
        let error = smooth - target;
        let at_once = SLOWEST + PROPORTIONAL * error + DERIVATIVE * rise;
        // The integral never asks for more than the fan can give, so that it does not have to be undone.
        let most = f64::from(FULL) - SLOWEST;
        self.integral = (self.integral + INTEGRAL * error * seconds).clamp(0.0, most);
        self.percent = (at_once + self.integral).clamp(SLOWEST, f64::from(FULL)).round() as u8;
        self.percent
    }

    /// The temperature is unknown or dangerous: full speed, whoever decides.
    pub(crate) fn fear(&mut self) -> u8 {
        self.last = None;
        if let Mode::Target(_) = self.mode {
            self.percent = FULL;
        }
        FULL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chip that takes `watts`, and air that a fan moves. Returns the last temperature and speed after `minutes`.
    fn settle(control: &mut FanControl, watts: f64, ambient: f64, minutes: u64) -> (f64, u8) {
        let (mut celsius, mut percent) = (ambient, control.percent());
        for second in 1..=minutes * 60 {
            let watts_per_degree = 0.15 + 0.6 * f64::from(percent) / 100.0;
            celsius += (watts - watts_per_degree * (celsius - ambient)) / 25.0;
            if second % 2 == 0 {
                percent = control.feel(Micros::from_secs(second), celsius);
            }
        }
        (celsius, percent)
    }

    #[test]
    fn the_target_temperature_is_held_in_a_cool_room_and_in_a_hot_one() {
        for ambient in [18.0, 25.0, 33.0] {
            let mut control = FanControl::new(60.0, None);
            let (celsius, percent) = settle(&mut control, 17.0, ambient, 30);
            assert!((celsius - 60.0).abs() < 1.0, "{ambient}: {celsius} at {percent} %");
            assert!((26..100).contains(&percent), "{ambient}: {percent}");
        }
    }

    #[test]
    fn what_cannot_be_cooled_gets_all_the_air_there_is_and_little_heat_gets_the_least() {
        let mut control = FanControl::new(60.0, None);
        assert_eq!(settle(&mut control, 60.0, 30.0, 10).1, 100);
        let mut control = FanControl::new(60.0, None);
        assert_eq!(settle(&mut control, 3.0, 20.0, 10).1, 25);
    }

    #[test]
    fn the_integral_does_not_remember_an_hour_of_heat() {
        let mut control = FanControl::new(60.0, None);
        settle(&mut control, 60.0, 30.0, 60);
        let end = Micros::from_secs(4_000);
        let after = (0..60).map(|step| control.feel(end + Duration::from_secs(2 * step), 50.0)).last();
        assert_eq!(after, Some(25));
    }

    #[test]
    fn before_the_first_reading_it_is_70_and_without_one_100_per_cent() {
        let mut control = FanControl::new(60.0, None);
        assert_eq!(control.percent(), 70);
        assert_eq!(control.fear(), 100);
        assert_eq!(control.percent(), 100);
    }

    #[test]
    fn a_user_s_speed_stays_what_it_is_but_not_in_danger() {
        let mut control = FanControl::new(60.0, Some(0));
        assert_eq!(control.feel(Micros(0), 90.0), 0);
        assert_eq!(control.fear(), 100);
        assert_eq!(control.feel(Micros::from_secs(2), 40.0), 0);
        control.set(Some(45));
        assert_eq!(control.percent(), 45);
        control.set(None);
        assert_eq!(control.feel(Micros::from_secs(4), 70.0), 75);
    }
}
