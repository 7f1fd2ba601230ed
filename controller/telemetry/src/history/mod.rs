//! What was: ten seconds for a day, five minutes for a month, an hour for a year, in SQLite.
//!
//! The database lives on a thread of its own. It is written once a minute in one transaction (memory cards wear out), in WAL mode:
//! what was committed survives the end of the process, however it ends.

mod store;
#[cfg(test)]
mod tests;
mod thread;

use std::path::PathBuf;

use adit_driver::Quantity;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ledger::Ledger;
use crate::reading::Measured;
use crate::sample::{DeviceSample, Sample};
pub use store::StoreError;
pub(crate) use store::{Asked, Part, Store};
pub(crate) use thread::{Busy, History, start};

/// Length of the shortest interval, in seconds.
pub(crate) const FINEST_S: i64 = 10;
/// Intervals and for how long they are kept, both in seconds.
pub(crate) const TIERS: [(i64, i64); 3] = [(FINEST_S, 86_400), (300, 30 * 86_400), (3_600, 366 * 86_400)];
/// The subject that stands for all devices together.
pub(crate) const ALL: &str = "all";

/// Where history is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The file; `None`: in memory, until adit ends.
    pub file: Option<PathBuf>,
    /// Most bytes of the database. Beyond that the oldest of the most numerous intervals go first.
    pub most_bytes: u64,
}

impl Kept {
    /// In this file, of at most 1 GiB.
    pub const fn in_file(file: PathBuf) -> Self {
        Self { file: Some(file), most_bytes: 1 << 30 }
    }
}

impl Default for Kept {
    /// In memory, of at most 16 MiB.
    fn default() -> Self {
        Self { file: None, most_bytes: 16 << 20 }
    }
}

/// What happened to one subject within one interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Interval {
    /// The device's id, or [`ALL`].
    pub(crate) subject: String,
    /// When it began, in seconds since 1970, a multiple of its length.
    pub(crate) at: i64,
    /// How much of it was observed, in seconds.
    pub(crate) seconds: f64,
    pub(crate) hashes: f64,
    pub(crate) nonces: u64,
    pub(crate) hardware_errors: u64,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) temperature_celsius: Option<f64>,
    pub(crate) power_watts: Option<f64>,
}

/// One interval as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Point {
    /// When it began, in seconds since 1970.
    pub(crate) at_unix_s: i64,
    /// How much of it was observed, in seconds.
    pub(crate) span_s: f64,
    /// Rate of verified work in that time; `null` where nothing was observed.
    pub(crate) hashrate_hs: Option<f64>,
    /// Right nonces.
    pub(crate) nonces: u64,
    /// Wrong nonces.
    pub(crate) hardware_errors: u64,
    /// Shares that were accepted.
    pub(crate) accepted: u64,
    /// Shares that were refused.
    pub(crate) rejected: u64,
    /// Highest temperature on average; `null` where none was measured.
    pub(crate) temperature_celsius: Option<f64>,
    /// Power on average; `null` where it was not measured.
    pub(crate) power_watts: Option<f64>,
}

/// Counts intervals out of samples.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    last: Option<(i64, Sample)>,
}

impl Recorder {
    /// Takes the newest sample; gives the interval that ended with it, one row for each device and one for all.
    pub(crate) fn take(&mut self, ledger: &Ledger, sample: &Sample) -> Vec<Interval> {
        let number = ledger.clock.unix_s(sample.at) as i64 / FINEST_S;
        match &self.last {
            None => {
                self.last = Some((number, sample.clone()));
                Vec::new()
            }
            Some((begun, _)) if *begun == number => Vec::new(),
            Some((begun, before)) => {
                let rows = between(ledger, *begun * FINEST_S, before, sample);
                self.last = Some((number, sample.clone()));
                rows
            }
        }
    }
}

fn between(ledger: &Ledger, at: i64, before: &Sample, after: &Sample) -> Vec<Interval> {
    let seconds = after.at.since(before.at).as_secs_f64();
    let mut all = Interval { subject: ALL.to_owned(), at, seconds, ..Interval::default() };
    let mut rows = Vec::with_capacity(after.devices.len() + 1);
    for (index, device) in after.devices.iter().enumerate().filter(|(_, device)| device.begun) {
        let Some(row) = ledger.rows.get(index) else { continue };
        let mut interval = of_device(before.devices.get(index), device, after);
        (interval.subject, interval.at, interval.seconds) = (row.id.clone(), at, seconds);
        all.hashes += interval.hashes;
        all.nonces += interval.nonces;
        all.hardware_errors += interval.hardware_errors;
        all.accepted += interval.accepted;
        all.rejected += interval.rejected;
        let hottest = [all.temperature_celsius, interval.temperature_celsius].into_iter().flatten();
        all.temperature_celsius = hottest.reduce(f64::max);
        rows.push(interval);
    }
    let powers = rows.iter().map(|row| row.power_watts);
    all.power_watts = powers.reduce(|a, b| a.zip(b).map(|(a, b)| a + b)).flatten();
    rows.push(all);
    rows
}

fn of_device(before: Option<&DeviceSample>, after: &DeviceSample, sample: &Sample) -> Interval {
    use adit_driver::Verdict::HardwareError;
    let since = |count: fn(&DeviceSample) -> u64| count(after).saturating_sub(before.map_or(0, count));
    let measured = |wanted: Quantity| {
        let of_kind = after.readings.iter().filter(move |((_, quantity), _)| *quantity == wanted);
        of_kind.map(|(_, reading)| Measured::of(reading, sample.at))
    };
    let none = crate::reading::Missing::NotFitted;
    Interval {
        hashes: after.done.hashes - before.map_or(0.0, |before| before.done.hashes),
        nonces: since(|device| device.tally.valid()),
        hardware_errors: since(|device| device.tally.verdicts(HardwareError)),
        accepted: since(|device| device.shares.accepted),
        rejected: since(|device| device.shares.rejected() + device.shares.stale()),
        temperature_celsius: Measured::highest(measured(Quantity::TemperatureCelsius), none).value,
        power_watts: Measured::sum(measured(Quantity::PowerWatts), none).value,
        ..Interval::default()
    }
}
