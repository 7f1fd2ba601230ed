//! The temperature of a box: it follows load and cooling with the inertia of the metal.

use adit_protocol::wire::Micros;

use crate::breakage::Breakage;

/// Air around the box unless somebody says otherwise.
const AMBIENT: f64 = 25.0;
/// Rise above it at full load with the fan at full speed.
const RISE: f64 = 17.0;
/// How much more it rises without moving air.
const STILL_AIR: f64 = 4.5;
/// Time in which it approaches its final value by about half.
const INERTIA_SECONDS: f64 = 60.0;
/// The box says that it is too hot.
const LIMIT: f64 = 80.0;
/// What a broken sensor shows.
const BROKEN_READING: f64 = 120.0;

/// Metal, fan and sensor.
#[derive(Debug)]
pub(super) struct Heat {
    pub(super) ambient: f64,
    celsius: f64,
    /// Somebody keeps it at this temperature.
    held: Option<f64>,
    at: Micros,
    /// Fan speed as a fraction of its highest.
    pub(super) fan: f64,
    dead_fan: Breakage,
    hot_sensor: Breakage,
    dead_sensor: Breakage,
}

/// A part that can break.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Fan,
    /// The sensor shows far too much.
    SensorHot,
    /// The sensor shows nothing.
    SensorDead,
}

impl Heat {
    pub(super) fn new() -> Self {
        let broken = Breakage::default();
        Self {
            ambient: AMBIENT,
            celsius: AMBIENT,
            held: None,
            at: Micros(0),
            fan: 1.0,
            dead_fan: broken,
            hot_sensor: broken,
            dead_sensor: broken,
        }
    }

    /// Lets the time until `now` pass, during which the chips ran at `load`, 1 being the nominal one.
    pub(super) fn advance(&mut self, now: Micros, load: f64) {
        let cooling = if self.dead_fan.is_on(now) { 0.0 } else { self.fan };
        let goal = self.ambient + RISE * load * (STILL_AIR + (1.0 - STILL_AIR) * cooling);
        let weight = now.since(self.at).as_secs_f64() / INERTIA_SECONDS;
        self.celsius = self.held.unwrap_or((self.celsius + weight * goal) / (1.0 + weight));
        self.at = self.at.max(now);
    }

    /// Everything works again.
    pub(super) fn mend(&mut self) {
        [&mut self.dead_fan, &mut self.hot_sensor, &mut self.dead_sensor]
            .into_iter()
            .for_each(Breakage::mend);
    }

    /// Keeps it at a temperature, or no longer.
    pub(super) fn hold(&mut self, celsius: Option<f64>) {
        self.held = celsius;
        self.celsius = celsius.unwrap_or(self.celsius);
    }

    pub(super) fn toggle(&mut self, now: Micros, part: Part) {
        match part {
            Part::Fan => self.dead_fan.toggle(now),
            Part::SensorHot => self.hot_sensor.toggle(now),
            Part::SensorDead => self.dead_sensor.toggle(now),
        }
    }

    /// Real temperature in degrees Celsius.
    pub(super) const fn celsius(&self) -> f64 {
        self.celsius
    }

    /// What the sensor shows; `None` when it shows nothing.
    pub(super) fn reading(&self, now: Micros) -> Option<f64> {
        let shown = if self.hot_sensor.is_on(now) { BROKEN_READING } else { self.celsius };
        (!self.dead_sensor.is_on(now)).then_some(shown)
    }

    /// Whether the box complains of a reading.
    pub(super) fn is_too_hot(&self, now: Micros) -> bool {
        self.reading(now).is_some_and(|celsius| celsius >= LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn after(minutes: u64, load: f64, heat: &mut Heat) -> f64 {
        let from = heat.at;
        for second in 1..=minutes * 60 {
            heat.advance(from + Duration::from_secs(second), load);
        }
        heat.celsius()
    }

    #[test]
    fn temperature_follows_load_and_fan() {
        let mut heat = Heat::new();
        let idle = after(10, 0.0, &mut heat);
        assert!((24.0..26.0).contains(&idle), "{idle}");
        let busy = after(10, 1.0, &mut heat);
        assert!((41.0..43.0).contains(&busy), "{busy}");
        heat.toggle(heat.at, Part::Fan);
        let still = after(1, 1.0, &mut heat);
        assert!(still > 60.0, "{still}");
        let repaired = after(10, 1.0, &mut heat);
        assert!((41.0..43.0).contains(&repaired), "{repaired}");
    }

    #[test]
    fn a_broken_sensor_changes_the_reading_and_nothing_else() {
        let mut heat = Heat::new();
        heat.toggle(Micros(0), Part::SensorHot);
        assert!(heat.is_too_hot(Micros(0)));
        assert!(heat.celsius() < 30.0);
        heat.toggle(Micros(0), Part::SensorDead);
        assert_eq!(heat.reading(Micros(0)), None);
        assert!(!heat.is_too_hot(Micros(0)));
        assert!(!heat.is_too_hot(Micros::from_secs(61)), "it is repaired after a minute");
        assert!(heat.reading(Micros::from_secs(61)).is_some());
    }
}
