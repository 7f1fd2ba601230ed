//! Heat and air: temperature follows power, fan and the air around, with the inertia of metal.

use adit_protocol::wire::Micros;

use crate::breakage::Breakage;
use crate::{Build, BuildError, Setting};

/// The air around a board.
pub(crate) const AMBIENT: Setting = Setting { key: "ambient", wants: "degrees Celsius from -20 to 60" };

/// How much hotter than the air chips get at their usual clock and voltage: with the fan at full speed, and in still air.
const RISE: f64 = 27.0;
const RISE_STILL: f64 = 110.0;
/// Time constant with the fan at full speed, in seconds.
const INERTIA: f64 = 25.0;
/// Time constant of a fan, in seconds.
const SPIN: f64 = 0.7;
/// A fan told less than this stands still.
const STARTS_AT: f64 = 0.08;
/// What a broken sensor shows.
pub(crate) const BROKEN_READING: f64 = 121.0;

/// Degrees Celsius of the air that `build` asks for.
pub(crate) fn ambient(build: &Build) -> Result<f64, BuildError> {
    let degrees = |value: &str| value.parse().ok().filter(|celsius| (-20.0..=60.0).contains(celsius));
    build.read(AMBIENT, 25.0, degrees)
}

/// Chips, fan and air of a board.
#[derive(Debug)]
pub(crate) struct Climate {
    pub(crate) ambient: f64,
    /// Power at which the rises above are reached, in watts.
    usual_watts: f64,
    celsius: f64,
    /// Somebody keeps the chips at this temperature.
    held: Option<f64>,
    /// Speed of the fan as a fraction of its highest.
    spin: f64,
    at: Micros,
    pub(crate) dead_fan: Breakage,
    pub(crate) hot_sensor: Breakage,
    pub(crate) dead_sensor: Breakage,
}

impl Climate {
    pub(crate) fn new(ambient: f64, usual_watts: f64) -> Self {
        let whole = Breakage::default();
        Self {
            ambient,
            usual_watts,
            celsius: ambient,
            held: None,
            spin: 0.0,
            at: Micros(0),
            dead_fan: whole,
            hot_sensor: whole,
            dead_sensor: whole,
        }
    }

    /// Lets the time until `now` pass, during which the chips drew `watts` and the fan was told `duty`, 0 to 1.
    pub(crate) fn advance(&mut self, now: Micros, watts: f64, duty: f64) {
        let seconds = now.since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        let told = if self.dead_fan.is_on(now) || duty < STARTS_AT { 0.0 } else { duty.min(1.0) };
        self.spin = approach(self.spin, told, seconds / SPIN);
        // of the heat per kelvin, a part goes without the fan
        let conductance = 1.0 / RISE_STILL + self.spin * (1.0 / RISE - 1.0 / RISE_STILL);
        let rise = watts / self.usual_watts / conductance;
        let times = seconds / INERTIA * RISE * conductance;
        self.celsius = self.held.unwrap_or(approach(self.celsius, self.ambient + rise, times));
    }

    /// Keeps the chips at a temperature, or no longer.
    pub(crate) fn hold(&mut self, celsius: Option<f64>) {
        self.held = celsius;
        self.celsius = celsius.unwrap_or(self.celsius);
    }

    /// Everything works again.
    pub(crate) fn mend(&mut self) {
        [&mut self.dead_fan, &mut self.hot_sensor, &mut self.dead_sensor]
            .into_iter()
            .for_each(Breakage::mend);
    }

    /// Temperature of the chips in degrees Celsius.
    pub(crate) const fn celsius(&self) -> f64 {
        self.celsius
    }

    /// Temperature of the board near the chips.
    pub(crate) fn board(&self) -> f64 {
        self.ambient + 0.6 * (self.celsius - self.ambient)
    }

    /// What a sensor at a place of `celsius` shows; `None` when it shows nothing.
    pub(crate) fn shown(&self, now: Micros, celsius: f64) -> Option<f64> {
        let shown = if self.hot_sensor.is_on(now) { BROKEN_READING } else { celsius };
        (!self.dead_sensor.is_on(now)).then_some(shown)
    }

    /// Speed of the fan as a fraction of its highest.
    pub(crate) const fn spin(&self) -> f64 {
        self.spin
    }
}

/// `value` on its way to `goal` after `times` time constants.
fn approach(value: f64, goal: f64, times: f64) -> f64 {
    goal + (value - goal) * (-times).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(climate: &mut Climate, seconds: u64, watts: f64, duty: f64) -> f64 {
        let from = climate.at;
        for second in 1..=seconds {
            climate.advance(Micros(from.0 + second * 1_000_000), watts, duty);
        }
        climate.celsius()
    }

    #[test]
    fn temperature_follows_power_and_fan() {
        let mut climate = Climate::new(25.0, 15.0);
        assert!((after(&mut climate, 600, 0.0, 1.0) - 25.0).abs() < 0.1);
        assert!((after(&mut climate, 600, 15.0, 1.0) - 52.0).abs() < 0.1);
        assert!((after(&mut climate, 600, 30.0, 1.0) - 79.0).abs() < 0.1);
        let half = after(&mut climate, 600, 15.0, 0.5);
        assert!((60.0..75.0).contains(&half), "{half}");
        let soon = after(&mut climate, 30, 15.0, 0.0);
        assert!(soon > half + 8.0, "{soon}");
        assert!((after(&mut climate, 3_600, 15.0, 0.0) - 135.0).abs() < 0.5);
    }

    #[test]
    fn long_steps_end_where_short_ones_do() {
        let (mut short, mut long) = (Climate::new(25.0, 15.0), Climate::new(25.0, 15.0));
        after(&mut short, 5, 15.0, 1.0);
        after(&mut long, 5, 15.0, 1.0);
        let one = after(&mut short, 100, 15.0, 1.0);
        long.advance(Micros(105_000_000), 15.0, 1.0);
        assert!((one - long.celsius()).abs() < 0.1, "{one} and {}", long.celsius());
    }

    #[test]
    fn a_dead_fan_stands_still_until_it_is_repaired() {
        let mut climate = Climate::new(25.0, 15.0);
        after(&mut climate, 10, 15.0, 1.0);
        climate.dead_fan.toggle(climate.at);
        after(&mut climate, 10, 15.0, 1.0);
        assert!(climate.spin() < 0.01);
        after(&mut climate, 60, 15.0, 1.0);
        assert!(climate.spin() > 0.99);
    }
}
