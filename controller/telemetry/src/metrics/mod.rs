//! The snapshot as metrics.
//!
//! The label `device` is the device's id, which outlives a restart. What is not known has no sample. No label holds free text
//! from a pool or a device but names, and none a user name.

pub(crate) mod page;

use crate::reading::Measured;
use crate::snapshot::{Device, DeviceState, Nonces, Pool, PoolState, Shares, Snapshot, Summary};
pub(crate) use page::Format;
use page::{Kind, Label, Page};

/// Measured quantities: how they are called in a snapshot, as a metric, the unit of that, what one of them is, what it says.
const MEASURED: [(&str, &str, &str, f64, &str); 10] = [
    ("temperature_celsius", "adit_temperature_celsius", "celsius", 1.0, "Temperature of a unit."),
    ("fan_rpm", "adit_fan_speed_rpm", "rpm", 1.0, "Speed of a fan."),
    ("fan_percent", "adit_fan_speed_ratio", "ratio", 0.01, "What a fan is told, by its full speed."),
    ("core_volts", "adit_core_voltage_volts", "volts", 1.0, "Voltage of the chips."),
    ("input_volts", "adit_input_voltage_volts", "volts", 1.0, "Voltage at the board's input."),
    ("current_amperes", "adit_current_amperes", "amperes", 1.0, "Current of the chips."),
    ("power_watts", "adit_power_watts", "watts", 1.0, "Electric power."),
    ("clock_hertz", "adit_frequency_hertz", "hertz", 1.0, "Clock of the chips."),
    (
        "joules_per_terahash",
        "adit_efficiency_joules_per_terahash",
        "joules_per_terahash",
        1.0,
        "Energy by work, as the device's driver sees it.",
    ),
    (
        "counted_hashrate_hs",
        "adit_counted_hashrate_hashes_per_second",
        "hashes_per_second",
        1.0,
        "Hash rate by the chip's own counter.",
    ),
];

/// The whole page, in parts.
pub(crate) fn page(snapshot: &Snapshot, format: Format) -> Vec<String> {
    let mut page = Page::new(format);
    of_all(&mut page, &snapshot.summary);
    of_devices(&mut page, &snapshot.devices);
    of_work(&mut page, &snapshot.devices);
    of_measurements(&mut page, &snapshot.devices);
    of_pools(&mut page, &snapshot.pools);
    of_shares(&mut page, &snapshot.pools);
    page.finish()
}

fn of_all(page: &mut Page, summary: &Summary) {
    page.family(Kind::Info, "adit_build", None, "Version of adit.");
    page.sample(&[("version", &summary.version)], 1.0);
    page.family(Kind::Gauge, "adit_start_timestamp_seconds", Some("seconds"), "When adit was started.");
    page.sample(&[], summary.started_unix_s);
    page.family(Kind::Gauge, "adit_devices", None, "Devices by what they do.");
    let totals = &summary.devices;
    for (state, count) in [
        ("hashing", totals.hashing),
        ("idle", totals.idle),
        ("starting", totals.starting),
        ("faulted", totals.faulted),
        ("away", totals.away),
        ("stopped", totals.stopped),
    ] {
        page.sample(&[("state", state)], count as f64);
    }
    page.family(Kind::Counter, "adit_blocks_found", None, "Nonces that met the network target.");
    page.sample(&[], summary.blocks as f64);
    page.family(Kind::Gauge, "adit_best_share_difficulty", None, "Highest difficulty of a nonce.");
    for (scope, best) in
        [("session", summary.best_difficulty_session), ("ever", summary.best_difficulty_ever)]
    {
        if let Some(best) = best {
            page.sample(&[("scope", scope)], best);
        }
    }
    page.family(
        Kind::Counter,
        "adit_events_dropped",
        None,
        "Events that came faster than they could be kept.",
    );
    page.sample(&[], summary.events_dropped as f64);
}

fn of_devices(page: &mut Page, devices: &[Device]) {
    page.family(Kind::Info, "adit_device", None, "What a device is.");
    for device in devices {
        let text = |value: &'_ Option<String>| value.clone().unwrap_or_default();
        let eased = if device.eased { "true" } else { "false" };
        page.sample(
            &[
                ("device", &device.id),
                ("name", &device.name),
                ("model", &text(&device.model)),
                ("chip", &text(&device.chip)),
                ("serial", &text(&device.serial)),
                ("location", &device.location),
                ("eased", eased),
            ],
            1.0,
        );
    }
    page.family(Kind::StateSet, "adit_device_state", None, "What a device is doing.");
    for device in devices {
        let all = DeviceState::ALL.into_iter().map(DeviceState::name);
        page.states(&[("device", &device.id)], all, device.state.name());
    }
    page.family(Kind::Gauge, "adit_device_trouble", None, "1 where something is wrong with a device.");
    for device in devices {
        page.sample(&[("device", &device.id)], f64::from(u8::from(device.trouble.is_some())));
    }
    page.family(Kind::Counter, "adit_device_faults", None, "Faults, those survived included.");
    for device in devices {
        page.sample(&[("device", &device.id)], device.faults as f64);
    }
}

fn of_work(page: &mut Page, devices: &[Device]) {
    page.family(Kind::Counter, "adit_hashes", Some("hashes"), "Expected hashes behind the verified nonces.");
    for device in devices {
        page.sample(&[("device", &device.id)], device.hashes);
    }
    let unit = Some("hashes_per_second");
    page.family(
        Kind::Gauge,
        "adit_nominal_hashrate_hashes_per_second",
        unit,
        "Rate that a device should reach at its clock.",
    );
    for device in devices {
        if let Some(nominal) = device.nominal_hs {
            page.sample(&[("device", &device.id)], nominal);
        }
    }
    page.family(
        Kind::Gauge,
        "adit_hashrate_hashes_per_second",
        unit,
        "Rate of verified work over a sliding window.",
    );
    for device in devices {
        for window in &device.hashrate {
            if let Some(rate) = window.hashrate_hs {
                page.sample(&[("device", &device.id), ("window", &window.window)], rate);
            }
        }
    }
    page.family(
        Kind::Gauge,
        "adit_hashrate_deviation_ratio",
        Some("ratio"),
        "Relative standard deviation of that rate.",
    );
    for device in devices {
        for window in &device.hashrate {
            if let Some(deviation) = window.deviation_ratio {
                page.sample(&[("device", &device.id), ("window", &window.window)], deviation);
            }
        }
    }
    page.family(Kind::Counter, "adit_nonces", None, "Nonces by what re-hashing says of them.");
    for device in devices {
        verdicts(page, &[("device", &device.id)], &device.nonces);
    }
    page.family(
        Kind::Counter,
        "adit_unit_nonces",
        None,
        "The same by chip or board, as far as a device tells them apart.",
    );
    for device in devices {
        for unit in &device.units {
            let number = unit.unit.to_string();
            let wrong = unit.nonces.hardware_error;
            for (result, count) in [("right", unit.nonces.received - wrong), ("wrong", wrong)] {
                page.sample(&[("device", &device.id), ("unit", &number), ("result", result)], count as f64);
            }
        }
    }
}

fn verdicts(page: &mut Page, labels: &[Label<'_>], nonces: &Nonces) {
    for (verdict, count) in [
        ("unknown_work", nonces.unknown_work),
        ("duplicate", nonces.duplicate),
        ("hardware_error", nonces.hardware_error),
        ("block", nonces.block),
        ("stale", nonces.stale),
        ("below_share", nonces.below_share),
        ("share", nonces.share),
    ] {
        let labels: Vec<Label<'_>> = labels.iter().copied().chain([("verdict", verdict)]).collect();
        page.sample(&labels, count as f64);
    }
}

fn of_measurements(page: &mut Page, devices: &[Device]) {
    for (quantity, name, unit, scale, help) in MEASURED {
        page.family(Kind::Gauge, name, Some(unit), help);
        for device in devices {
            for part in &device.units {
                if let Some(Measured { value: Some(value), .. }) = part.readings.get(quantity) {
                    let number = part.unit.to_string();
                    page.sample(&[("device", &device.id), ("unit", &number)], value * scale);
                }
            }
        }
    }
}

fn of_pools(page: &mut Page, pools: &[Pool]) {
    page.family(Kind::Info, "adit_pool", None, "What a pool is.");
    for pool in pools {
        let priority = pool.priority.to_string();
        page.sample(&[("pool", &pool.pool), ("url", &pool.url), ("priority", &priority)], 1.0);
    }
    page.family(Kind::StateSet, "adit_pool_state", None, "What a pool is to adit.");
    for pool in pools {
        let all = PoolState::ALL.into_iter().map(PoolState::name);
        page.states(&[("pool", &pool.pool)], all, pool.state.name());
    }
    page.family(Kind::Gauge, "adit_pool_difficulty", None, "Difficulty that a pool asks for.");
    for pool in pools {
        if let Some(difficulty) = pool.difficulty {
            page.sample(&[("pool", &pool.pool)], difficulty);
        }
    }
    page.family(Kind::Gauge, "adit_network_difficulty", None, "Difficulty of a block, as a pool says.");
    for pool in pools {
        if let Some(difficulty) = pool.network_difficulty {
            page.sample(&[("pool", &pool.pool)], difficulty);
        }
    }
    page.family(Kind::Counter, "adit_pool_hashes", None, "Expected hashes done for a pool.");
    for pool in pools {
        page.sample(&[("pool", &pool.pool)], pool.hashes);
    }
    page.family(Kind::Counter, "adit_pool_jobs", None, "Jobs received.");
    for pool in pools {
        page.sample(&[("pool", &pool.pool)], pool.jobs as f64);
    }
    page.family(Kind::Histogram, "adit_pool_response_seconds", Some("seconds"), "From submit to answer.");
    for pool in pools {
        for latency in &pool.latencies {
            let bound = latency.within_s.map_or_else(|| "+Inf".to_owned(), |bound| format!("{bound:?}"));
            page.part("_bucket", &[("pool", &pool.pool), ("le", &bound)], latency.answers as f64);
        }
        let answers = pool.latencies.last().map_or(0, |all| all.answers) as f64;
        page.part("_count", &[("pool", &pool.pool)], answers);
        page.part("_sum", &[("pool", &pool.pool)], pool.latency_average_s.unwrap_or(0.0) * answers);
    }
}

fn of_shares(page: &mut Page, pools: &[Pool]) {
    page.family(Kind::Counter, "adit_shares", None, "Shares by what became of them.");
    for pool in pools {
        for (result, reason, count) in answers(&pool.shares) {
            page.sample(&[("pool", &pool.pool), ("result", result), ("reason", reason)], count as f64);
        }
    }
    page.family(Kind::Gauge, "adit_pending_shares", None, "Shares that a pool has not answered yet.");
    for pool in pools {
        page.sample(&[("pool", &pool.pool)], pool.shares.pending as f64);
    }
    page.family(Kind::Counter, "adit_share_difficulty", None, "Difficulty of answered shares, summed up.");
    for pool in pools {
        let shares = &pool.shares;
        for (result, sum) in [
            ("accepted", shares.accepted_difficulty),
            ("rejected", shares.rejected_difficulty),
            ("stale", shares.stale_difficulty),
        ] {
            page.sample(&[("pool", &pool.pool), ("result", result)], sum);
        }
    }
    page.family(
        Kind::Gauge,
        "adit_last_share_timestamp_seconds",
        Some("seconds"),
        "When a pool last accepted a share.",
    );
    for pool in pools {
        if let Some(at) = pool.last_share_unix_s {
            page.sample(&[("pool", &pool.pool)], at);
        }
    }
}

/// Result, reason and number; together they are all shares that were answered or lost.
fn answers(shares: &Shares) -> [(&'static str, &'static str, u64); 7] {
    let refused = &shares.refused;
    [
        ("accepted", "", shares.accepted),
        ("rejected", "stale", refused.stale),
        ("rejected", "duplicate", refused.duplicate),
        ("rejected", "low_difficulty", refused.low_difficulty),
        ("rejected", "unauthorized", refused.unauthorized),
        ("rejected", "other", refused.other),
        ("lost", "", shares.lost),
    ]
}

#[cfg(test)]
mod tests;
