//! The two objects that readers want (`docs/protocols/axeos-api.md §3, §4`; `docs/protocols/cgminer-api.md §10.2`).

use serde_json::{Map, Value, json};

use super::Served;
use crate::snapshot::{Device, DeviceState, Pool, PoolState, Snapshot};
use crate::windows::Window;

/// Small cores of the chips that readers know.
const SMALL_CORES: [(&str, u64); 4] =
    [("BM1397", 672), ("BM1366", 894), ("BM1368", 1_276), ("BM1370", 2_040)];

/// `GET /api/system/info`.
pub(super) fn info(snapshot: &Snapshot, served: &Served) -> Value {
    let summary = &snapshot.summary;
    let mut info = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            info.insert(name.to_owned(), value);
        }
    };
    let giga = |rate: f64| json!(rate / 1e9);
    let rate = |name| rate(&summary.hashrate, name).map(giga);
    let hottest = hottest(snapshot).map(|celsius| json!(celsius));
    put("power", summary.power_watts.value.map(|watts| json!(watts)));
    // Readers show the regulator's temperature as the average; a device with one sensor has one temperature.
    put("temp", hottest.clone());
    put("vrTemp", hottest);
    put("hashRate", rate("1m").or(rate("5m")).or(rate("15m")));
    put("hashRate_1m", rate("1m"));
    put("hashRate_10m", rate("15m"));
    put("hashRate_1h", rate("1h"));
    put("expectedHashrate", Some(giga(summary.nominal_hs)));
    put("errorPercentage", summary.hardware_error_ratio.map(|ratio| json!(ratio * 100.0)));
    put("fanrpm", fan(snapshot).map(|rpm| json!(rpm as u64)));
    put("sharesAccepted", Some(json!(summary.shares.accepted)));
    put("sharesRejected", Some(json!(summary.shares.rejected + summary.shares.stale)));
    put("sharesPending", Some(json!(summary.shares.pending)));
    put("sharesRejectedReasons", Some(reasons(snapshot)));
    let session = summary.best_difficulty_session;
    put("bestDiff", summary.best_difficulty_ever.or(session).map(|best| json!(best)));
    put("bestSessionDiff", session.map(|best| json!(best)));
    put("blockFound", Some(json!(summary.blocks)));
    put("uptimeSeconds", Some(json!(summary.uptime_s as u64)));
    put("miningPaused", Some(json!(false)));
    put("overheat_mode", Some(json!(u8::from(is_overheated(snapshot)))));
    put("ASICModel", chip(snapshot, served).map(|chip| json!(chip)));
    put("asicCount", Some(json!(chips(snapshot))));
    if let Some((cores, megahertz)) = cores(snapshot, served) {
        put("smallCoreCount", Some(json!(cores)));
        put("frequency", Some(json!(megahertz)));
    }
    put("hostname", Some(json!(served.hostname)));
    put("macAddr", Some(json!(address(&served.hostname))));
    put("version", Some(json!(format!("adit {}", summary.version))));
    put("autofanspeed", Some(json!(1)));
    of_pools(&snapshot.pools, &mut put);
    Value::Object(info)
}

/// `GET /api/system/asic`.
pub(super) fn asic(snapshot: &Snapshot, served: &Served) -> Value {
    let mut asic = Map::new();
    if let Some(chip) = chip(snapshot, served) {
        asic.insert("ASICModel".to_owned(), json!(chip));
    }
    asic.insert("asicCount".to_owned(), json!(chips(snapshot)));
    Value::Object(asic)
}

fn at_work(snapshot: &Snapshot) -> impl Iterator<Item = &Device> {
    snapshot.devices.iter().filter(|device| device.state == DeviceState::Hashing)
}

fn rate(windows: &[Window], name: &str) -> Option<f64> {
    windows.iter().find(|window| window.window == name)?.hashrate_hs
}

fn hottest(snapshot: &Snapshot) -> Option<f64> {
    snapshot.devices.iter().filter_map(|device| device.temperature_celsius.value).reduce(f64::max)
}

fn fan(snapshot: &Snapshot) -> Option<f64> {
    at_work(snapshot).filter_map(|device| device.fan_rpm.value).reduce(f64::min)
}

fn chips(snapshot: &Snapshot) -> u64 {
    at_work(snapshot).filter_map(|device| device.chips).sum()
}

/// The chip that the operator wants to be shown, else the most common one.
fn chip(snapshot: &Snapshot, served: &Served) -> Option<String> {
    if served.borrowed_chip.is_some() {
        return served.borrowed_chip.clone();
    }
    let all: Vec<&String> = snapshot.devices.iter().filter_map(|device| device.chip.as_ref()).collect();
    let count = |chip: &&&String| all.iter().filter(|other| other == chip).count();
    all.iter().max_by_key(count).map(|chip| (*chip).clone())
}

/// Small cores per chip, and the clock at which so many of them make up the expected rate: readers multiply them. Only for
/// chips that really are what is shown.
fn cores(snapshot: &Snapshot, served: &Served) -> Option<(u64, f64)> {
    let chip = chip(snapshot, served)?;
    let genuine = at_work(snapshot).all(|device| device.chip.as_ref() == Some(&chip));
    let (_, cores) = SMALL_CORES.into_iter().find(|(known, _)| *known == chip && genuine)?;
    let all = (cores * chips(snapshot)) as f64;
    (all > 0.0).then(|| (cores, snapshot.summary.nominal_hs / 1e6 / all))
}

fn is_overheated(snapshot: &Snapshot) -> bool {
    let hot = |device: &Device| {
        device.state == DeviceState::Quarantined
            && device.last_fault.as_ref().is_some_and(|why| why.contains("°C"))
    };
    snapshot.devices.iter().any(hot)
}

fn reasons(snapshot: &Snapshot) -> Value {
    let refused = &snapshot.summary.shares.refused;
    let all = [
        ("Stale", refused.stale),
        ("Duplicate", refused.duplicate),
        ("Low difficulty", refused.low_difficulty),
        ("Unauthorized", refused.unauthorized),
        ("Other", refused.other),
    ];
    all.into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(message, count)| json!({ "message": message, "count": count }))
        .collect()
}

/// The first two pools. Readers want these fields whatever there is.
fn of_pools(pools: &[Pool], put: &mut impl FnMut(&str, Option<Value>)) {
    let fallback = pools.iter().skip(1).any(|pool| pool.state == PoolState::Working);
    put("isUsingFallbackStratum", Some(json!(u8::from(fallback))));
    let working = pools.iter().find(|pool| pool.state == PoolState::Working);
    put("poolDifficulty", working.and_then(|pool| pool.difficulty).map(|difficulty| json!(difficulty)));
    put("responseTime", working.and_then(|pool| pool.latency_s).map(|latency| json!(latency * 1e3)));
    for (prefix, pool) in ["stratum", "fallbackStratum"].into_iter().zip(pools) {
        let (host, port) = pool.pool.rsplit_once(':').unwrap_or((&pool.pool, "0"));
        put(&format!("{prefix}URL"), Some(json!(host)));
        put(&format!("{prefix}Port"), Some(json!(port.parse::<u16>().unwrap_or(0))));
        put(&format!("{prefix}User"), Some(json!(pool.user)));
    }
}

/// An address by which readers tell machines apart: made of the host's name, and marked as made (the bit for locally
/// administered addresses is set).
fn address(hostname: &str) -> String {
    let hash = hostname.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3) // FNV-1a
    });
    let [a, b, c, d, e, ..] = hash.to_be_bytes();
    format!("02:{a:02X}:{b:02X}:{c:02X}:{d:02X}:{e:02X}")
}
