//! What the reports say (`docs/protocols/cgminer-api.md §8`), fields in the order of the wire.
//!
//! This protocol has no way to say "unknown": what is not known is 0, as its tools expect. The REST interface says `null`.

use std::sync::Arc;

use adit_driver::Fault;

use super::record::{Record, Value};
use super::reply::{Body, Reply};
use crate::ledger::Ledger;
use crate::snapshot::{Device, DeviceState, Pool, PoolState, Shares, Snapshot};
use crate::windows::Window;

/// Expected hashes of difficulty 1.
const DIFF1: f64 = 4_294_967_296.0;
/// The version of the API that is spoken, and of the program that speaks it so.
const API: &str = "3.7";
const LIKE: &str = "4.13.6";
/// What stands for "never waited".
const NEVER: f64 = 99_999_999.0;

/// What the reports are made of.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) snapshot: Arc<Snapshot>,
    /// The last fault of each device, and when it was.
    faults: Vec<(Option<Fault>, Option<f64>)>,
}

impl Seen {
    pub(crate) fn of(ledger: &mut Ledger) -> Self {
        let snapshot = ledger.snapshot();
        let devices = ledger.sample.iter().flat_map(|sample| &sample.devices);
        let faults =
            devices.zip(&ledger.rows).map(|(device, row)| (device.last_fault, row.failed_at)).collect();
        Self { snapshot, faults }
    }

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.snapshot.summary.at_unix_s as i64
    }

    fn elapsed(&self) -> f64 {
        self.snapshot.summary.uptime_s
    }

    /// Million hashes altogether.
    fn total_mh(&self) -> f64 {
        self.snapshot.devices.iter().map(|device| device.hashes).sum::<f64>() / 1e6
    }
}

pub(crate) fn version() -> Reply {
    let record = Record::default()
        .with("CGMiner", LIKE)
        .with("API", API)
        .with("Miner", format!("adit {}", env!("CARGO_PKG_VERSION")));
    Reply::success(22, "CGMiner versions", Body::One("VERSION", record))
}

pub(crate) fn config(seen: &Seen) -> Reply {
    let mut names: Vec<&str> = seen.snapshot.devices.iter().map(code).collect();
    names.sort_unstable();
    names.dedup();
    let codes: String = names.into_iter().map(|name| format!("{name} ")).collect();
    let record = Record::default()
        .with("ASC Count", seen.snapshot.devices.len() as u64)
        .with("PGA Count", 0_u64)
        .with("Pool Count", seen.snapshot.pools.len() as u64)
        .with("Strategy", "Failover")
        .with("Log Interval", 5_u64)
        .with("Device Code", codes)
        .with("OS", "Linux")
        .with("Hotplug", 1_u64);
    Reply::success(33, "CGMiner config", Body::One("CONFIG", record))
}

pub(crate) fn summary(seen: &Seen) -> Reply {
    let summary = &seen.snapshot.summary;
    let (shares, nonces) = (&summary.shares, &summary.nonces);
    let (elapsed, total) = (seen.elapsed(), seen.total_mh());
    let average = by(total, elapsed);
    let diff1 = total * 1e6 / DIFF1;
    let record =
        Record::default().with("Elapsed", Value::Elapsed(elapsed)).with("MHS av", Value::Two(average));
    let record = rates(record, &summary.hashrate)
        .with("Found Blocks", summary.blocks)
        .with("Getworks", seen.snapshot.pools.iter().map(|pool| pool.jobs).sum::<u64>())
        .with("Accepted", shares.accepted)
        .with("Rejected", shares.rejected + shares.stale)
        .with("Hardware Errors", nonces.hardware_error)
        .with("Utility", Value::Two(by(shares.accepted as f64, elapsed / 60.0)))
        .with("Discarded", 0_u64)
        .with("Stale", nonces.stale)
        .with("Get Failures", 0_u64)
        .with("Local Work", 0_u64)
        .with("Remote Failures", 0_u64)
        .with("Network Blocks", 0_u64)
        .with("Total MH", Value::Four(total))
        .with("Work Utility", Value::Two(by(diff1, elapsed / 60.0)));
    let record = difficulties(record, shares)
        .with("Best Share", summary.best_difficulty_session.unwrap_or(0.0) as u64)
        .with(
            "Device Hardware%",
            Value::Percent(by(nonces.hardware_error as f64, nonces.hardware_error as f64 + diff1)),
        )
        .with(
            "Device Rejected%",
            Value::Percent(by(shares.rejected_difficulty + shares.stale_difficulty, diff1)),
        );
    let record = pool_parts(record, shares)
        .with("Last getwork", 0_u64)
        // Behind the fields that have always been there: what other tools look for.
        .with("GHS 5s", Value::Two(rate(&summary.hashrate, "5s") / 1e3))
        .with("GHS av", Value::Two(average / 1e3))
        .with("MHS 20s", Value::Two(rate(&summary.hashrate, "1m")));
    Reply::success(11, "Summary", Body::One("SUMMARY", record))
}

fn rates(record: Record, windows: &[Window]) -> Record {
    ["5s", "1m", "5m", "15m"]
        .into_iter()
        .fold(record, |record, name| record.with(format!("MHS {name}"), Value::Two(rate(windows, name))))
}

/// Million hashes per second; 0 where it is not known.
fn rate(windows: &[Window], name: &str) -> f64 {
    let window = windows.iter().find(|window| window.window == name);
    window.and_then(|window| window.hashrate_hs).unwrap_or(0.0) / 1e6
}

fn difficulties(record: Record, shares: &Shares) -> Record {
    record
        .with("Difficulty Accepted", Value::Eight(shares.accepted_difficulty))
        .with("Difficulty Rejected", Value::Eight(shares.rejected_difficulty))
        .with("Difficulty Stale", Value::Eight(shares.stale_difficulty))
}

fn pool_parts(record: Record, shares: &Shares) -> Record {
    let all = shares.accepted_difficulty + shares.rejected_difficulty + shares.stale_difficulty;
    record
        .with("Pool Rejected%", Value::Percent(by(shares.rejected_difficulty, all)))
        .with("Pool Stale%", Value::Percent(by(shares.stale_difficulty, all)))
}

/// `a / b`; 0 where there is nothing to divide by.
fn by(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 0.0 }
}

pub(crate) fn pools(seen: &Seen) -> Reply {
    let pools = &seen.snapshot.pools;
    if pools.is_empty() {
        return Reply::error(8, "No pools");
    }
    let records = pools.iter().enumerate().map(|(number, pool)| of_pool(number, pool)).collect();
    Reply::success(7, format!("{} Pool(s)", pools.len()), Body::List("POOLS", records))
}

fn of_pool(number: usize, pool: &Pool) -> Record {
    let shares = &pool.shares;
    let alive = matches!(pool.state, PoolState::Working | PoolState::Standby);
    let status = match pool.state {
        PoolState::Working | PoolState::Standby => "Alive",
        PoolState::Down => "Dead",
        PoolState::Disabled => "Disabled",
    };
    let host = pool.pool.rsplit_once(':').map_or(pool.pool.as_str(), |(host, _)| host);
    let difficulty = pool.difficulty.unwrap_or(0.0);
    let record = Record::default()
        .with("POOL", number as u64)
        .with("URL", pool.url.as_str())
        .with("Status", status)
        .with("Priority", pool.priority)
        .with("Quota", pool.quota)
        .with("Long Poll", "N")
        .with("Getworks", pool.jobs)
        .with("Accepted", shares.accepted)
        .with("Rejected", shares.rejected + shares.stale)
        .with("Works", 0_u64)
        .with("Discarded", 0_u64)
        .with("Stale", shares.stale)
        .with("Get Failures", 0_u64)
        .with("Remote Failures", 0_u64)
        .with("User", pool.user.as_str())
        .with("Last Share Time", Value::Whole(pool.last_share_unix_s.unwrap_or(0.0) as i64))
        .with("Diff1 Shares", shares.accepted_difficulty as u64)
        .with("Proxy Type", "")
        .with("Proxy", "");
    let record = difficulties(record, shares)
        .with("Last Share Difficulty", Value::Eight(if shares.accepted > 0 { difficulty } else { 0.0 }))
        .with("Work Difficulty", Value::Eight(difficulty))
        .with("Has Stratum", true)
        .with("Stratum Active", pool.state == PoolState::Working)
        .with("Stratum URL", if alive { host } else { "" })
        .with("Stratum Difficulty", Value::Eight(difficulty))
        .with("Has Vmask", false)
        .with("Has GBT", false)
        .with("Best Share", 0_u64);
    pool_parts(record, shares)
        .with("Bad Work", 0_u64)
        .with("Current Block Height", 0_u64)
        .with("Current Block Version", 0_u64)
}

pub(crate) fn devs(seen: &Seen) -> Reply {
    let devices = &seen.snapshot.devices;
    if devices.is_empty() {
        return Reply::error(10, "No ASCs");
    }
    let records = (0..devices.len()).map(|number| of_device(seen, number)).collect();
    Reply::success(9, format!("{} ASC(s)", devices.len()), Body::List("DEVS", records))
}

pub(crate) fn asc(seen: &Seen, parameter: Option<&str>) -> Reply {
    let devices = seen.snapshot.devices.len();
    if devices == 0 {
        return Reply::error(105, "No ASCs");
    }
    let Some(parameter) = parameter.filter(|parameter| !parameter.is_empty()) else {
        return Reply::error(15, "Missing device id parameter");
    };
    match parameter.parse::<usize>() {
        Ok(number) if number < devices => {
            Reply::success(106, format!("ASC{number}"), Body::One("ASC", of_device(seen, number)))
        }
        // The original takes what is no number for 0.
        _ => Reply::error(107, format!("Invalid ASC id {parameter} - range is 0 - {}", devices - 1)),
    }
}

/// `number` is that of a device.
fn of_device(seen: &Seen, number: usize) -> Record {
    let device = &seen.snapshot.devices[number];
    let (shares, elapsed) = (&device.shares, seen.elapsed());
    let (megahashes, diff1) = (device.hashes / 1e6, device.hashes / DIFF1);
    let rejected = shares.rejected_difficulty + shares.stale_difficulty;
    let wrong = device.nonces.hardware_error as f64;
    let record = Record::default()
        .with("ASC", number as u64)
        .with("Name", code(device))
        .with("ID", id(seen, number))
        .with("Enabled", "Y")
        .with("Status", status(device.state))
        .with("Temperature", Value::Two(device.temperature_celsius.value.unwrap_or(0.0)))
        .with("MHS av", Value::Two(by(megahashes, elapsed)));
    rates(record, &device.hashrate)
        .with("Accepted", shares.accepted)
        .with("Rejected", shares.rejected + shares.stale)
        .with("Hardware Errors", device.nonces.hardware_error)
        .with("Utility", Value::Two(by(shares.accepted as f64, elapsed / 60.0)))
        .with("Last Share Pool", Value::Whole(working_pool(seen)))
        .with("Last Share Time", Value::Whole(device.last_share_unix_s.unwrap_or(0.0) as i64))
        .with("Total MH", Value::Four(megahashes))
        .with("Diff1 Work", diff1 as u64)
        .with("Difficulty Accepted", Value::Eight(shares.accepted_difficulty))
        .with("Difficulty Rejected", Value::Eight(rejected))
        .with("Last Share Difficulty", Value::Eight(0.0))
        .with("No Device", device.state == DeviceState::Away)
        .with("Last Valid Work", Value::Whole(device.last_nonce_unix_s.unwrap_or(0.0) as i64))
        .with("Device Hardware%", Value::Percent(by(wrong, wrong + diff1)))
        .with("Device Rejected%", Value::Percent(by(rejected, diff1)))
        .with("Device Elapsed", Value::Elapsed(elapsed))
}

fn working_pool(seen: &Seen) -> i64 {
    let place = seen.snapshot.pools.iter().position(|pool| pool.state == PoolState::Working);
    place.map_or(-1, |place| place as i64)
}

/// Three letters for a driver. None of them is one by which scanners take a generic controller for somebody's machine (§10.1).
fn code(device: &Device) -> &'static str {
    match device.driver.as_deref() {
        Some("icarus") if device.chip.as_deref().is_some_and(|chip| chip.starts_with("BM138")) => "AMU",
        Some("icarus") => "ICA",
        Some("gekko") => "GSX",
        Some("bitaxe" | "bitaxe-raw") => "BTX",
        Some("bm13xx") => "BMC",
        Some("cpu") => "CPU",
        Some("avalon-nano") => "AVN",
        _ => "ASC",
    }
}

/// Number among the devices of the same letters.
fn id(seen: &Seen, number: usize) -> u64 {
    let devices = &seen.snapshot.devices;
    devices[..number].iter().filter(|other| code(other) == code(&devices[number])).count() as u64
}

const fn status(state: DeviceState) -> &'static str {
    match state {
        DeviceState::Hashing | DeviceState::Idle => "Alive",
        DeviceState::Opening | DeviceState::Detecting => "Initialising",
        DeviceState::Retrying => "Sick",
        DeviceState::Quarantined | DeviceState::Gone | DeviceState::Away => "Dead",
        DeviceState::Paused | DeviceState::Stopping | DeviceState::Stopped => "NoStart",
    }
}

pub(crate) fn devdetails(seen: &Seen) -> Reply {
    let devices = &seen.snapshot.devices;
    if devices.is_empty() {
        return Reply::error(10, "No ASCs");
    }
    let record = |(number, device): (usize, &Device)| {
        Record::default()
            .with("DEVDETAILS", number as u64)
            .with("Name", code(device))
            .with("ID", id(seen, number))
            .with("Driver", device.driver.clone().unwrap_or_default())
            .with("Kernel", "")
            // The key of the model, not its name: some names make scanners see somebody's machine (§10.1).
            .with("Model", code_model(device))
            .with("Device Path", device.location.as_str())
            .with("Worker", device.worker.clone().unwrap_or_default())
            .with("Agent", device.agent.clone().unwrap_or_default())
    };
    let records = devices.iter().enumerate().map(record).collect();
    Reply::success(69, "Device Details", Body::List("DEVDETAILS", records))
}

/// The key of the model without the words that scanners look for.
fn code_model(device: &Device) -> String {
    let key = device.model.clone().unwrap_or_default();
    key.replace("antminer-", "amu-").replace("avalon-", "avn-")
}

pub(crate) fn notify(seen: &Seen) -> Reply {
    let devices = &seen.snapshot.devices;
    if devices.is_empty() {
        return Reply::error(10, "No ASCs");
    }
    let record = |(number, device): (usize, &Device)| {
        let (fault, at) = seen.faults.get(number).copied().unwrap_or_default();
        let reason = fault.map_or("None", reason);
        let record = Record::default()
            .with("NOTIFY", number as u64)
            .with("Name", code(device))
            .with("ID", id(seen, number))
            .with("Last Well", Value::Whole(device.last_nonce_unix_s.unwrap_or(0.0) as i64))
            .with("Last Not Well", Value::Whole(at.unwrap_or(0.0) as i64))
            .with("Reason Not Well", reason);
        NOTIFIED.iter().fold(record, |record, (name, counted)| {
            // Only the last fault is known by kind: faults are not counted by kind.
            record.with(*name, u64::from(*counted == reason))
        })
    };
    let records = devices.iter().enumerate().map(record).collect();
    Reply::success(60, "Notify", Body::List("NOTIFY", records))
}

/// Counters of a notification, and the reason that each of them counts.
const NOTIFIED: [(&str, &str); 10] = [
    ("*Thread Fail Init", "Thread failed to init"),
    ("*Thread Zero Hash", "Thread got zero hashes"),
    ("*Thread Fail Queue", "Thread failed to queue work"),
    ("*Dev Sick Idle 60s", "Device idle for 60s"),
    ("*Dev Dead Idle 600s", "Device dead - idle for 600s"),
    ("*Dev Nostart", "Device failed to start"),
    ("*Dev Over Heat", "Device over heated"),
    ("*Dev Thermal Cutoff", "Device reached thermal cutoff"),
    ("*Dev Comms Error", "Device comms error"),
    ("*Dev Throttle", "Device throttle"),
];

fn reason(fault: Fault) -> &'static str {
    match fault {
        Fault::Silent { .. } => "Device idle for 60s",
        Fault::NoAnswer { .. } | Fault::WrongDevice { .. } => "Device failed to start",
        Fault::Overheated { .. } | Fault::SensorLost { .. } => "Device reached thermal cutoff",
        _ => "Device comms error",
    }
}

/// Figures of devices, then of pools. What the original counts and adit does not is left out, not zero.
pub(crate) fn stats(seen: &Seen, with_pools: bool) -> Reply {
    let mut records = Vec::new();
    for (number, device) in seen.snapshot.devices.iter().enumerate() {
        let name = format!("{}{}", code(device), id(seen, number));
        records.push(of_units(waits(records.len(), name, seen.elapsed()), device));
    }
    if with_pools {
        for (number, pool) in seen.snapshot.pools.iter().enumerate() {
            let record = waits(records.len(), format!("POOL{number}"), seen.elapsed());
            records.push(record.with("Work Diff", Value::Eight(pool.difficulty.unwrap_or(0.0))));
        }
    }
    Reply::success(70, "CGMiner stats", Body::List("STATS", records))
}

fn waits(number: usize, id: String, elapsed: f64) -> Record {
    Record::default()
        .with("STATS", number as u64)
        .with("ID", id)
        .with("Elapsed", Value::Elapsed(elapsed))
        .with("Calls", 0_u64)
        .with("Wait", Value::Six(0.0))
        .with("Max", Value::Six(0.0))
        .with("Min", Value::Six(NEVER))
}

fn of_units(record: Record, device: &Device) -> Record {
    let mut record = record
        .with("Serial", device.serial.clone().unwrap_or_default())
        .with("Nonces", device.nonces.received)
        .with("Accepted", device.shares.accepted)
        .with("Dups", device.nonces.duplicate)
        .with("Resets", device.faults);
    if let Some(chips) = device.chips {
        record = record.with("Chips", chips);
    }
    for (name, quantity, scale) in [
        ("Frequency", "clock_hertz", 1e-6),
        ("Temp", "temperature_celsius", 1.0),
        ("Fan", "fan_rpm", 1.0),
        ("Vout", "core_volts", 1.0),
    ] {
        for unit in &device.units {
            if let Some(value) = unit.readings.get(quantity).and_then(|reading| reading.value) {
                let number = if unit.unit == 0 { String::new() } else { (unit.unit + 1).to_string() };
                record = record.with(format!("{name}{number}"), Value::Six(value * scale));
            }
        }
    }
    for unit in device.units.iter().filter(|unit| unit.nonces.received > 0) {
        record = record.with(format!("Chip{}Nonces", unit.unit), unit.nonces.received);
    }
    record
}

pub(crate) fn coin(seen: &Seen) -> Reply {
    let working = seen.snapshot.pools.iter().find(|pool| pool.state == PoolState::Working);
    let record = Record::default()
        .with("Hash Method", "sha256")
        .with("Current Block Time", Value::Moment(0.0))
        .with("Current Block Hash", working.and_then(|pool| pool.previous_block.clone()).unwrap_or_default())
        .with("LP", working.is_some())
        .with(
            "Network Difficulty",
            Value::Eight(working.and_then(|pool| pool.network_difficulty).unwrap_or(0.0)),
        );
    Reply::success(78, "CGMiner coin", Body::One("COIN", record))
}

pub(crate) fn lcd(seen: &Seen) -> Reply {
    let summary = &seen.snapshot.summary;
    let devices = || seen.snapshot.devices.iter();
    let hottest = devices().filter_map(|device| device.temperature_celsius.value).fold(0.0, f64::max);
    let newest = |of: fn(&Device) -> Option<f64>| devices().filter_map(of).fold(0.0, f64::max) as i64;
    let pool = seen.snapshot.pools.iter().find(|pool| pool.state == PoolState::Working);
    let record = Record::default()
        .with("Elapsed", Value::Elapsed(seen.elapsed()))
        .with("GHS av", Value::Two(by(seen.total_mh(), seen.elapsed()) / 1e3))
        .with("GHS 5m", Value::Two(rate(&summary.hashrate, "5m") / 1e3))
        .with("GHS 5s", Value::Two(rate(&summary.hashrate, "5s") / 1e3))
        .with("Temperature", Value::Two(hottest))
        .with("Last Share Difficulty", Value::Eight(0.0))
        .with("Last Share Time", Value::Whole(newest(|device| device.last_share_unix_s)))
        .with("Best Share", summary.best_difficulty_session.unwrap_or(0.0) as u64)
        .with("Last Valid Work", Value::Whole(newest(|device| device.last_nonce_unix_s)))
        .with("Found Blocks", summary.blocks)
        .with("Current Pool", pool.map(|pool| pool.url.clone()).unwrap_or_default())
        .with("User", pool.map(|pool| pool.user.clone()).unwrap_or_default());
    Reply::success(125, "LCD", Body::One("LCD", record))
}

pub(crate) fn count(code: u16, message: &str, section: &'static str, count: u64) -> Reply {
    Reply::success(code, message, Body::One(section, Record::default().with("Count", count)))
}
