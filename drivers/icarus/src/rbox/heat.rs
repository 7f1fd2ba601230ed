//! Temperature: it comes with every record, and it limits what the box may do.

use std::time::Duration;

use adit_driver::{Event, Fault, NoData, Outbox, Quantity, Reading};
use adit_protocol::icarus::RboxRecord;
use adit_protocol::wire::Micros;

/// A sensor that has worked may be missing for so long. A missing reading is as dangerous as a high one.
const MISSING: Duration = Duration::from_secs(30);
/// An unchanged reading is repeated this often.
const REPEAT: Duration = Duration::from_secs(10);
/// The clock is stepped down at most this often.
const STEP: Duration = Duration::from_secs(10);

/// What the temperature asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Nothing.
    Fine,
    /// A slower clock.
    Warm,
    /// No more jobs.
    Dangerous(Fault),
}

/// What is known of the temperature of each chip.
#[derive(Debug)]
pub(super) struct Heat {
    limit: f32,
    chips: Vec<Sensor>,
    stepped_at: Option<Micros>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sensor {
    /// Last reading announced, and when.
    announced: Option<(Option<u8>, Micros)>,
    /// When it last gave a value; `None`: never.
    seen_at: Option<Micros>,
}

impl Heat {
    pub(super) fn new(limit: f32, chips: usize) -> Self {
        Self { limit, chips: vec![Sensor::default(); chips], stepped_at: None }
    }

    /// Takes the temperature of `record`.
    pub(super) fn feel(&mut self, now: Micros, record: &RboxRecord, outbox: &mut Outbox) -> Verdict {
        let Some(sensor) = self.chips.get_mut(usize::from(record.chip)) else { return Verdict::Fine };
        let (unit, celsius) = (u16::from(record.chip), record.celsius());
        sensor.announce(now, unit, celsius, outbox);
        match celsius {
            Some(celsius) => {
                sensor.seen_at = Some(now);
                let celsius = f32::from(celsius);
                if celsius >= self.limit {
                    return Verdict::Dangerous(Fault::Overheated {
                        unit,
                        celsius,
                        limit_celsius: self.limit,
                    });
                }
            }
            None => {
                if let Some(missing) =
                    sensor.seen_at.map(|at| now.since(at)).filter(|missing| *missing >= MISSING)
                {
                    return Verdict::Dangerous(Fault::SensorLost { unit, seconds: missing.as_secs() as u32 });
                }
            }
        }
        let is_warm = record.status == RboxRecord::OVER_TEMPERATURE;
        if is_warm && self.stepped_at.is_none_or(|at| now.since(at) >= STEP) {
            self.stepped_at = Some(now);
            return Verdict::Warm;
        }
        Verdict::Fine
    }
}

impl Sensor {
    /// Tells the controller what changed, or now and then that nothing did.
    fn announce(&mut self, now: Micros, unit: u16, celsius: Option<u8>, outbox: &mut Outbox) {
        if self.announced.is_some_and(|(last, at)| last == celsius && now.since(at) < REPEAT) {
            return;
        }
        self.announced = Some((celsius, now));
        let missing = if self.seen_at.is_some() { NoData::Timeout } else { NoData::NotFitted };
        let value = celsius.map(f64::from).ok_or(missing);
        let reading = Reading { value, at: now };
        outbox.emit(Event::Measured { unit, quantity: Quantity::TemperatureCelsius, reading });
    }
}

#[cfg(test)]
mod tests {
    use adit_driver::Action;
    use adit_protocol::icarus::{NO_TEMPERATURE, RboxProduct, RecordKind};

    use super::*;

    fn record(temperature: u8, status: u8) -> RboxRecord {
        RboxRecord {
            kind: RecordKind::Request,
            status,
            chip: 1,
            product: RboxProduct::Rbox,
            slot: 0,
            temperature,
        }
    }

    fn at(seconds: u64) -> Micros {
        Micros::from_secs(seconds)
    }

    #[test]
    fn the_limit_ends_feeding() {
        let (mut heat, mut outbox) = (Heat::new(85.0, 4), Outbox::default());
        assert_eq!(heat.feel(at(0), &record(84, 0), &mut outbox), Verdict::Fine);
        let fault = Fault::Overheated { unit: 1, celsius: 85.0, limit_celsius: 85.0 };
        assert_eq!(heat.feel(at(1), &record(85, 0), &mut outbox), Verdict::Dangerous(fault));
    }

    #[test]
    fn a_sensor_that_falls_silent_is_as_dangerous_as_heat() {
        let (mut heat, mut outbox) = (Heat::new(85.0, 4), Outbox::default());
        heat.feel(at(0), &record(40, 0), &mut outbox);
        assert_eq!(heat.feel(at(29), &record(NO_TEMPERATURE, 0), &mut outbox), Verdict::Fine);
        let fault = Fault::SensorLost { unit: 1, seconds: 30 };
        assert_eq!(heat.feel(at(30), &record(NO_TEMPERATURE, 0), &mut outbox), Verdict::Dangerous(fault));
    }

    #[test]
    fn a_box_without_a_sensor_says_so_and_works() {
        let (mut heat, mut outbox) = (Heat::new(85.0, 4), Outbox::default());
        for second in 0..100 {
            assert_eq!(heat.feel(at(second), &record(NO_TEMPERATURE, 0), &mut outbox), Verdict::Fine);
        }
        let Some(Action::Emit(Event::Measured { reading, .. })) = outbox.pop() else {
            panic!("nothing said")
        };
        assert_eq!(reading.value, Err(NoData::NotFitted));
    }

    #[test]
    fn a_warm_box_is_slowed_down_step_by_step() {
        let (mut heat, mut outbox) = (Heat::new(85.0, 4), Outbox::default());
        let warm = record(60, RboxRecord::OVER_TEMPERATURE);
        assert_eq!(heat.feel(at(0), &warm, &mut outbox), Verdict::Warm);
        assert_eq!(heat.feel(at(9), &warm, &mut outbox), Verdict::Fine);
        assert_eq!(heat.feel(at(10), &warm, &mut outbox), Verdict::Warm);
    }
}
