//! What temperatures and tachometers allow. A missing reading is as dangerous as a high one.

use std::time::Duration;

use adit_driver::{Fault, NoData};
use adit_protocol::units::Celsius;
use adit_protocol::wire::Micros;
use arrayvec::ArrayVec;

use crate::sample::{SENSORS, Sample};

/// A temperature outside cannot be true of a board that mines: it is a missing one.
pub(crate) const PLAUSIBLE: std::ops::RangeInclusive<f64> = 0.0..=120.0;
/// The regulator is switched off here (`docs/protocols/bitaxe-raw.md §8`).
pub(crate) const REGULATOR_LIMIT: f64 = 105.0;
/// The regulator is cool again below.
const REGULATOR_COOL: f64 = 95.0;
/// The chip is cool again below.
const CHIP_COOL: f64 = 45.0;
/// Shortest pause after overheating.
const SHORTEST_REST: Duration = Duration::from_secs(30);
/// The chips are slowed down so far below the limit.
const WARM: f64 = 5.0;
/// A sensor may be missing for so long: three readings, two seconds apart.
pub(crate) const MISSING: Duration = Duration::from_secs(6);
/// So long after power-up a diode does not show the chip yet, and a fan does not turn (`docs/protocols/bitaxe-raw.md §6.1`).
const SETTLING: Duration = Duration::from_secs(2);

/// What the temperatures allow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Everything is well; the hottest chip.
    Fine(Celsius),
    /// Too warm for this speed.
    Warm { celsius: Celsius, limit: Celsius },
    /// A reading is missing: as much air as there is, and a short patience.
    Blind,
    /// Off.
    Danger(Fault),
}

/// What is known of each sensor and fan of a board at work.
#[derive(Clone, Debug)]
pub(crate) struct Heat {
    /// Cut-off of a chip in degrees Celsius.
    limit: f64,
    fan_check: bool,
    armed_at: Micros,
    seen_at: ArrayVec<Option<Micros>, SENSORS>,
    turned_at: ArrayVec<Option<Micros>, SENSORS>,
}

impl Heat {
    /// The chips are under voltage from `now` on. `fan_check`: the fans have tachometers.
    pub(crate) fn new(now: Micros, limit: f64, fan_check: bool) -> Self {
        Self {
            limit,
            fan_check,
            armed_at: now,
            seen_at: ArrayVec::from([None; SENSORS]),
            turned_at: ArrayVec::from([None; SENSORS]),
        }
    }

    /// Judges one round of readings. `percent`: what the fans are told.
    pub(crate) fn judge(&mut self, now: Micros, sample: &Sample, percent: u8) -> Verdict {
        let mut blind = false;
        let mut hottest: Option<(u16, f64)> = None;
        for (index, sensor) in sample.sensors.iter().enumerate().take(SENSORS) {
            let unit = sensor.unit;
            match sensor.celsius.filter_plausible() {
                Ok(celsius) => {
                    self.seen_at[index] = Some(now);
                    let limit = if sensor.is_chip { self.limit } else { REGULATOR_LIMIT };
                    if celsius >= limit {
                        return Verdict::Danger(overheated(unit, celsius, limit));
                    }
                    if sensor.is_chip && hottest.is_none_or(|(_, other)| celsius > other) {
                        hottest = Some((unit, celsius));
                    }
                }
                Err(NoData::NotFitted) => {}
                Err(_) => {
                    let missing = self.missing(now, self.seen_at[index]);
                    if missing >= MISSING {
                        let seconds = u32::try_from(missing.as_secs()).unwrap_or(u32::MAX);
                        return Verdict::Danger(Fault::SensorLost { unit, seconds });
                    }
                    blind = true;
                }
            }
        }
        if let Some(fan) = self.stopped_fan(now, sample, percent) {
            return Verdict::Danger(Fault::FanStopped { fan });
        }
        match hottest {
            _ if blind => Verdict::Blind,
            Some((_, celsius)) if celsius >= self.limit - WARM => {
                Verdict::Warm { celsius: Celsius(celsius), limit: Celsius(self.limit - WARM) }
            }
            Some((_, celsius)) => Verdict::Fine(Celsius(celsius)),
            // A board without a chip sensor does not exist: nothing has been read at all.
            None => self.nothing(now),
        }
    }

    /// A whole round of readings has failed, or brought none of a chip.
    fn nothing(&self, now: Micros) -> Verdict {
        let missing = self.missing(now, self.seen_at.iter().flatten().max().copied());
        if missing < MISSING {
            return Verdict::Blind;
        }
        let seconds = u32::try_from(missing.as_secs()).unwrap_or(u32::MAX);
        Verdict::Danger(Fault::SensorLost { unit: 0, seconds })
    }

    /// Time without a reading, the time after power-up in which there can be none not counted.
    fn missing(&self, now: Micros, seen_at: Option<Micros>) -> Duration {
        now.since(seen_at.unwrap_or(self.armed_at + SETTLING))
    }

    /// A fan that is told to turn and has not for too long.
    fn stopped_fan(&mut self, now: Micros, sample: &Sample, percent: u8) -> Option<u16> {
        if !self.fan_check || percent == 0 {
            self.turned_at.iter_mut().for_each(|at| *at = Some(now));
            return None;
        }
        for (index, fan) in sample.fans.iter().enumerate().take(SENSORS) {
            match fan {
                Ok(rpm) if *rpm > 0.0 => self.turned_at[index] = Some(now),
                Err(NoData::NotFitted) => {}
                _ if self.missing(now, self.turned_at[index]) >= MISSING => return Some(index as u16),
                _ => {}
            }
        }
        None
    }
}

/// A board that has been switched off because of heat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    since: Micros,
}

impl Rest {
    pub(crate) fn new(now: Micros) -> Self {
        Self { since: now }
    }

    /// Whether it may be switched on again. A chip without voltage may show nothing; the regulator does.
    pub(crate) fn is_over(&self, now: Micros, sample: &Sample) -> bool {
        let cool = |sensor: &crate::sample::Sensor| match sensor.celsius.filter_plausible() {
            Ok(celsius) if sensor.is_chip => celsius < CHIP_COOL,
            Ok(celsius) => celsius < REGULATOR_COOL,
            Err(_) => sensor.is_chip || sensor.celsius == Err(NoData::NotFitted),
        };
        now.since(self.since) >= SHORTEST_REST && sample.sensors.iter().all(cool)
    }
}

fn overheated(unit: u16, celsius: f64, limit: f64) -> Fault {
    Fault::Overheated { unit, celsius: celsius as f32, limit_celsius: limit as f32 }
}

/// A reading, or the reason why there is none.
pub(crate) trait Plausible {
    /// The reading, where it can be true.
    fn filter_plausible(self) -> Self;
}

impl Plausible for Result<f64, NoData> {
    fn filter_plausible(self) -> Self {
        match self {
            Ok(celsius) if PLAUSIBLE.contains(&celsius) => Ok(celsius),
            Ok(_) => Err(NoData::Implausible),
            none => none,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Sensor;

    fn at(seconds: u64) -> Micros {
        Micros::from_secs(seconds)
    }

    fn sample(chip: Result<f64, NoData>, regulator: Result<f64, NoData>, rpm: Result<f64, NoData>) -> Sample {
        let mut sample = Sample::default();
        sample.sensors.push(Sensor { unit: 0, is_chip: true, celsius: chip });
        sample.sensors.push(Sensor { unit: 1, is_chip: false, celsius: regulator });
        sample.fans.push(rpm);
        sample
    }

    fn heat() -> Heat {
        Heat::new(at(0), 75.0, true)
    }

    #[test]
    fn a_cool_board_is_fine_and_a_warm_one_is_slowed_down() {
        let mut heat = heat();
        let fine = heat.judge(at(2), &sample(Ok(60.0), Ok(70.0), Ok(5_000.0)), 50);
        assert_eq!(fine, Verdict::Fine(Celsius(60.0)));
        let warm = heat.judge(at(4), &sample(Ok(71.5), Ok(70.0), Ok(5_000.0)), 100);
        assert_eq!(warm, Verdict::Warm { celsius: Celsius(71.5), limit: Celsius(70.0) });
    }

    #[test]
    fn the_first_reading_at_the_limit_switches_off() {
        let chip = heat().judge(at(2), &sample(Ok(75.0), Ok(70.0), Ok(5_000.0)), 50);
        assert_eq!(chip, Verdict::Danger(overheated(0, 75.0, 75.0)));
        let regulator = heat().judge(at(2), &sample(Ok(60.0), Ok(105.0), Ok(5_000.0)), 50);
        assert_eq!(regulator, Verdict::Danger(overheated(1, 105.0, 105.0)));
    }

    #[test]
    fn a_missing_reading_is_as_dangerous_as_a_high_one() {
        for lost in [Err(NoData::Timeout), Ok(127.0), Ok(-40.0)] {
            let mut heat = heat();
            heat.judge(at(2), &sample(Ok(60.0), Ok(70.0), Ok(5_000.0)), 50);
            let lost = sample(lost, Ok(70.0), Ok(5_000.0));
            assert_eq!(heat.judge(at(4), &lost, 50), Verdict::Blind);
            assert_eq!(heat.judge(at(6), &lost, 100), Verdict::Blind);
            let fault = Fault::SensorLost { unit: 0, seconds: 6 };
            assert_eq!(heat.judge(at(8), &lost, 100), Verdict::Danger(fault));
        }
    }

    #[test]
    fn a_sensor_that_never_shows_anything_is_missed_too() {
        let mut heat = heat();
        let lost = sample(Err(NoData::NotYet), Ok(40.0), Ok(5_000.0));
        assert_eq!(heat.judge(at(4), &lost, 70), Verdict::Blind);
        assert!(matches!(heat.judge(at(8), &lost, 70), Verdict::Danger(Fault::SensorLost { .. })));
        let mut heat = Heat::new(at(0), 75.0, true);
        assert_eq!(heat.judge(at(4), &Sample::default(), 70), Verdict::Blind);
        assert!(matches!(
            heat.judge(at(8), &Sample::default(), 70),
            Verdict::Danger(Fault::SensorLost { .. })
        ));
    }

    #[test]
    fn one_good_reading_begins_the_patience_anew() {
        let mut heat = heat();
        let (good, lost) =
            (sample(Ok(60.0), Ok(60.0), Ok(1.0)), sample(Err(NoData::Timeout), Ok(60.0), Ok(1.0)));
        for round in 0..20 {
            assert_ne!(heat.judge(at(4 * round + 2), &good, 50), Verdict::Blind);
            assert_eq!(heat.judge(at(4 * round + 4), &lost, 50), Verdict::Blind);
        }
    }

    #[test]
    fn a_fan_that_stands_still_is_noticed_unless_it_is_told_to() {
        for dead in [Ok(0.0), Err(NoData::Timeout)] {
            let mut heat = heat();
            let still = sample(Ok(50.0), Ok(50.0), dead);
            assert_eq!(heat.judge(at(2), &still, 70), Verdict::Fine(Celsius(50.0)), "it may be starting");
            assert_eq!(heat.judge(at(4), &still, 0), Verdict::Fine(Celsius(50.0)));
            assert_eq!(heat.judge(at(6), &still, 70), Verdict::Fine(Celsius(50.0)));
            assert_eq!(heat.judge(at(10), &still, 70), Verdict::Danger(Fault::FanStopped { fan: 0 }));
        }
        let mut unchecked = Heat::new(at(0), 75.0, false);
        for second in 0..100 {
            let verdict = unchecked.judge(at(second), &sample(Ok(50.0), Ok(50.0), Ok(0.0)), 70);
            assert_eq!(verdict, Verdict::Fine(Celsius(50.0)));
        }
    }

    #[test]
    fn a_rest_lasts_half_a_minute_and_until_everything_readable_is_cool() {
        let rest = Rest::new(at(100));
        let cool = sample(Err(NoData::Off), Ok(94.0), Ok(0.0));
        assert!(!rest.is_over(at(129), &cool));
        assert!(rest.is_over(at(130), &cool));
        assert!(!rest.is_over(at(200), &sample(Ok(46.0), Ok(50.0), Ok(0.0))));
        assert!(!rest.is_over(at(200), &sample(Err(NoData::Off), Ok(95.0), Ok(0.0))));
        let blind = sample(Err(NoData::Off), Err(NoData::Timeout), Ok(0.0));
        assert!(!rest.is_over(at(200), &blind), "a regulator nobody can see is not cool");
    }
}
