//! From what is kept to what is shown.

use std::collections::BTreeMap;

use adit_core::{Credit, Latencies, RejectKind, ShareCounts, State, Tally};
use adit_driver::{Introduction, Quantity, Verdict};
use adit_protocol::wire::Micros;

use crate::ledger::{Ledger, Row, is_hashing};
use crate::reading::{Measured, Missing};
use crate::sample::{DeviceSample, Identity, PoolSample, Sample};
use crate::snapshot::{
    Device, DeviceState, DeviceTotals, Latency, Nonces, Pool, PoolState, Refused, Shares, Snapshot, Summary,
    Trouble, Unit, Unused,
};
use crate::trouble;
use crate::windows::{self, Span, WINDOWS, Window};

/// Window that energy per work is taken over.
const EFFICIENCY_WINDOW: &str = "1m";

/// All there is to see.
pub(crate) fn of(ledger: &Ledger) -> Snapshot {
    let empty = Sample { at: Micros(0), devices: Vec::new(), pools: Vec::new() };
    let sample = ledger.sample.as_deref().unwrap_or(&empty);
    let devices: Vec<Device> =
        sample.devices.iter().zip(&ledger.rows).map(|(it, row)| device(ledger, sample.at, it, row)).collect();
    let there = sample.pools.iter().filter_map(|pool| Some((pool, pool.priority?)));
    let pools: Vec<Pool> =
        there.map(|(pool, priority)| show_pool(ledger, sample.at, pool, priority)).collect();
    Snapshot { summary: summary(ledger, sample, &devices, &pools), pools, devices }
}

fn summary(ledger: &Ledger, sample: &Sample, devices: &[Device], pools: &[Pool]) -> Summary {
    let tallies = sample.devices.iter().map(|device| &device.tally);
    let nonces = tallies.map(nonces).fold(Nonces::default(), add_nonces);
    let hashrate = total_rate(ledger, sample);
    let at_work = || devices.iter().filter(|device| device.state == DeviceState::Hashing);
    let power = Measured::sum(at_work().map(|device| device.power_watts), Missing::NotYet);
    let best = sample.devices.iter().filter_map(|device| device.best_difficulty).max_by(f64::total_cmp);
    Summary {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_unix_s: ledger.clock.unix_s(Micros(0)),
        at_unix_s: ledger.clock.unix_s(sample.at),
        uptime_s: sample.at.as_secs_f64(),
        devices: totals(devices),
        nominal_hs: at_work().filter_map(|device| device.nominal_hs).sum(),
        efficiency_joules_per_terahash: efficiency(power, &hashrate),
        hashrate,
        nonces,
        hardware_error_ratio: error_ratio(&nonces),
        shares: sample
            .pools
            .iter()
            .map(|pool| shares(&pool.shares, &pool.credit))
            .fold(Shares::default(), add_shares),
        best_difficulty_session: best,
        best_difficulty_ever: ledger.best_ever.filter(|ever| *ever > 0.0),
        blocks: ledger.blocks,
        power_watts: power,
        eased: devices.iter().any(|device| device.eased),
        troubles: troubles(devices, pools, &ledger.unused),
        unused: ledger.unused.clone(),
        events_dropped: ledger.dropped,
    }
}

fn troubles(devices: &[Device], pools: &[Pool], unused: &[Unused]) -> Vec<Trouble> {
    let mut all: Vec<Trouble> = devices.iter().filter_map(|device| device.trouble.clone()).collect();
    let down = pools.iter().filter(|pool| pool.state == PoolState::Down);
    all.extend(down.map(|pool| Trouble {
        subject: Some(pool.pool.clone()),
        what: "the pool is not connected or has no work".to_owned(),
        fix: "check its address and your network; it is tried again by itself".to_owned(),
    }));
    // What may be anything is no trouble.
    let kept_out = unused.iter().filter(|found| found.access != "ambiguous");
    all.extend(kept_out.map(|found| {
        Trouble {
            subject: Some(format!("{} at {}", found.name, found.location)),
            what: match found.access.as_str() {
                "busy" => "it is plugged in, and another program uses it",
                _ => "it is plugged in, and adit may not open it",
            }
            .to_owned(),
            fix: found.fix.clone().unwrap_or_else(|| "`adit devices` says more".to_owned()),
        }
    }));
    if devices.is_empty() {
        all.push(Trouble {
            subject: None,
            what: "no device is there to mine with".to_owned(),
            fix: "plug one in; `adit devices` lists what is plugged in and why it is not used".to_owned(),
        });
    }
    all
}

fn totals(devices: &[Device]) -> DeviceTotals {
    let mut totals = DeviceTotals::default();
    for device in devices {
        totals.total += 1;
        *match device.state {
            DeviceState::Hashing => &mut totals.hashing,
            DeviceState::Idle => &mut totals.idle,
            DeviceState::Opening | DeviceState::Detecting => &mut totals.starting,
            DeviceState::Retrying | DeviceState::Quarantined | DeviceState::Gone => &mut totals.faulted,
            DeviceState::Away => &mut totals.away,
            DeviceState::Paused | DeviceState::Stopping | DeviceState::Stopped => &mut totals.stopped,
        } += 1;
    }
    totals
}

fn device(ledger: &Ledger, now: Micros, it: &DeviceSample, row: &Row) -> Device {
    let identity = &it.identity;
    let model = identity.model;
    let nonces = nonces(&it.tally);
    let ratio = error_ratio(&nonces);
    let hashrate = windows::show(spans(row), expected(it));
    // Nobody knows what a miner downstream can do.
    let nominal_hs = it.able.map(|able| able.nominal_hs).filter(|nominal| *nominal > 0.0);
    let power = of_kind(it, now, Quantity::PowerWatts);
    let power = Measured::sum(power, unmeasured(it.state));
    let wrong = trouble::of_state(it.state, it.last_fault)
        .or_else(|| it.last_fault.filter(|_| row.keeps_failing(now)).map(trouble::of_repetition))
        .or_else(|| trouble::of_work(&nonces, ratio, &hashrate, nominal_hs.filter(|_| is_hashing(it.state))));
    Device {
        name: identity.name.clone(),
        id: row.id.clone(),
        model: model.map(|model| model.key.to_owned()),
        model_name: model.map(|model| format!("{} {}", model.vendor, model.name)),
        identified: identity.identified,
        candidates: identity.candidates.iter().map(|model| model.key.to_owned()).collect(),
        driver: model.map(|model| model.driver.to_owned()),
        chip: model.map(|model| model.chips.kind.to_owned()),
        chips: model.map(|model| model.chips.count.into()),
        location: identity.location.clone(),
        socket: identity.socket.clone(),
        serial: identity.serial.clone(),
        agent: said(identity, |said| &said.agent),
        worker: said(identity, |said| &said.worker),
        state: device_state(it.state),
        retry_in_s: retry_at(it.state).map(|at| at.since(now).as_secs_f64()),
        eased: it.able.is_some_and(|able| able.eased),
        efficiency_joules_per_terahash: efficiency(power, &hashrate),
        hashrate,
        nominal_hs,
        hashes: it.done.hashes,
        nonces,
        hardware_error_ratio: ratio,
        shares: shares(&it.shares, &it.credit),
        best_difficulty: it.best_difficulty,
        last_nonce_unix_s: it.last_nonce_at.map(|at| ledger.clock.unix_s(at)),
        last_share_unix_s: it.last_share_at.map(|at| ledger.clock.unix_s(at)),
        temperature_celsius: Measured::highest(
            of_kind(it, now, Quantity::TemperatureCelsius),
            unmeasured(it.state),
        ),
        fan_rpm: slowest(of_kind(it, now, Quantity::FanRpm), unmeasured(it.state)),
        power_watts: power,
        units: units(it, now),
        faults: it.faults,
        last_fault: it.last_fault.map(|fault| fault.to_string()),
        last_fault_unix_s: row.failed_at,
        trouble: wrong.map(|wrong| trouble::trouble(&identity.name, wrong)),
    }
}

/// What a device says of itself, where it says anything.
fn said(identity: &Identity, which: impl Fn(&Introduction) -> &String) -> Option<String> {
    identity.introduction.as_ref().map(which).filter(|text| !text.is_empty()).cloned()
}

fn spans(row: &Row) -> [Option<Span>; WINDOWS.len()] {
    WINDOWS.map(|(_, length)| row.windows.span(length))
}

/// Nonces per second that a device at work should report.
fn expected(it: &DeviceSample) -> Option<f64> {
    let able = it.able.filter(|able| is_hashing(it.state) && able.hashes_per_nonce > 0.0)?;
    Some(able.nominal_hs / able.hashes_per_nonce)
}

fn total_rate(ledger: &Ledger, sample: &Sample) -> Vec<Window> {
    let together = WINDOWS
        .map(|(_, length)| windows::together(ledger.rows.iter().filter_map(|row| row.windows.span(length))));
    windows::show(together, sample.devices.iter().filter_map(expected).reduce(|a, b| a + b))
}

fn of_kind(it: &DeviceSample, now: Micros, wanted: Quantity) -> impl Iterator<Item = Measured> {
    let readings = it.readings.iter().filter(move |((_, quantity), _)| *quantity == wanted);
    readings.map(move |(_, reading)| Measured::of(reading, now))
}

/// Why a quantity that was never reported is missing: drivers report, from the moment a device works, all that it can measure.
fn unmeasured(state: State) -> Missing {
    match state {
        State::Hashing | State::Idle => Missing::NotFitted,
        State::Opening | State::Detecting => Missing::NotYet,
        _ => Missing::Off,
    }
}

fn slowest(all: impl Iterator<Item = Measured>, none: Missing) -> Measured {
    let below = |best: Measured, next: Measured| {
        if best.value.is_none() || next.value.is_some_and(|next| Some(next) < best.value) {
            next
        } else {
            best
        }
    };
    all.reduce(below).unwrap_or(Measured::none(none))
}

/// Joules per terahash where power and rate are both known.
pub(crate) fn efficiency(power: Measured, rates: &[Window]) -> Measured {
    let rate = rates.iter().find(|window| window.window == EFFICIENCY_WINDOW && window.certain);
    match (power.value, rate.and_then(|window| window.hashrate_hs).filter(|rate| *rate > 0.0)) {
        (Some(watts), Some(rate)) => Measured { value: Some(watts / rate * 1e12), ..power },
        (None, _) => power,
        (Some(_), None) => Measured::none(Missing::NotYet),
    }
}

fn units(it: &DeviceSample, now: Micros) -> Vec<Unit> {
    let mut units: BTreeMap<u16, Unit> = BTreeMap::new();
    for (number, tally) in &it.units {
        let nonces = nonces(tally);
        let unit = units.entry(*number).or_default();
        (unit.hardware_error_ratio, unit.nonces) = (error_ratio(&nonces), nonces);
    }
    for ((number, quantity), reading) in &it.readings {
        let readings = &mut units.entry(*number).or_default().readings;
        readings.insert(quantity.name().to_owned(), Measured::of(reading, now));
    }
    units.into_iter().map(|(number, unit)| Unit { unit: number, ..unit }).collect()
}

fn device_state(state: State) -> DeviceState {
    match state {
        State::Opening => DeviceState::Opening,
        State::Detecting => DeviceState::Detecting,
        State::Hashing => DeviceState::Hashing,
        State::Idle => DeviceState::Idle,
        State::Retrying { .. } => DeviceState::Retrying,
        State::Away { .. } => DeviceState::Away,
        State::Quarantined { .. } => DeviceState::Quarantined,
        State::Gone { .. } => DeviceState::Gone,
        State::Paused => DeviceState::Paused,
        State::Stopping => DeviceState::Stopping,
        State::Stopped => DeviceState::Stopped,
    }
}

fn retry_at(state: State) -> Option<Micros> {
    match state {
        State::Retrying { at, .. } | State::Quarantined { until: at, .. } => Some(at),
        _ => None,
    }
}

fn show_pool(ledger: &Ledger, now: Micros, it: &PoolSample, priority: usize) -> Pool {
    let facts = ledger.pools.get(usize::from(it.key.0));
    let state = match (it.working, it.up_since, it.difficulty) {
        _ if !it.enabled => PoolState::Disabled,
        (true, ..) => PoolState::Working,
        (false, Some(_), Some(_)) => PoolState::Standby,
        _ => PoolState::Down,
    };
    let latencies = &it.latencies;
    Pool {
        id: it.key.0,
        pool: ledger.place(it.key),
        url: facts.map(|facts| facts.url.clone()).unwrap_or_default(),
        user: facts.map(|facts| facts.user.clone()).unwrap_or_default(),
        priority: priority as u64,
        quota: it.quota.into(),
        hashes: it.hashes,
        state,
        connected_s: it.up_since.map(|since| now.since(since).as_secs_f64()),
        difficulty: it.difficulty,
        network_difficulty: it.network.map(|(difficulty, _)| difficulty),
        previous_block: it.network.map(|(_, hash)| hash.to_string()),
        jobs: it.jobs,
        shares: shares(&it.shares, &it.credit),
        latency_s: latencies.last.map(|last| last.as_secs_f64()),
        latency_average_s: (latencies.count > 0)
            .then(|| latencies.sum.as_secs_f64() / latencies.count as f64),
        latencies: cumulative(latencies),
        last_share_unix_s: it.last_share_at.map(|at| ledger.clock.unix_s(at)),
    }
}

fn cumulative(latencies: &Latencies) -> Vec<Latency> {
    let mut sum = 0;
    let bounded = Latencies::BOUNDS_S.into_iter().zip(latencies.counts).map(|(bound, count)| {
        sum += count;
        Latency { within_s: Some(bound), answers: sum }
    });
    let mut all: Vec<_> = bounded.collect();
    all.push(Latency { within_s: None, answers: latencies.count });
    all
}

fn nonces(tally: &Tally) -> Nonces {
    Nonces {
        received: tally.received,
        unknown_work: tally.verdicts(Verdict::UnknownWork),
        duplicate: tally.verdicts(Verdict::Duplicate),
        hardware_error: tally.verdicts(Verdict::HardwareError),
        block: tally.verdicts(Verdict::Block),
        stale: tally.verdicts(Verdict::Stale),
        below_share: tally.verdicts(Verdict::BelowShare),
        share: tally.verdicts(Verdict::Share),
    }
}

fn add_nonces(a: Nonces, b: Nonces) -> Nonces {
    Nonces {
        received: a.received + b.received,
        unknown_work: a.unknown_work + b.unknown_work,
        duplicate: a.duplicate + b.duplicate,
        hardware_error: a.hardware_error + b.hardware_error,
        block: a.block + b.block,
        stale: a.stale + b.stale,
        below_share: a.below_share + b.below_share,
        share: a.share + b.share,
    }
}

/// Wrong nonces by all that could be judged.
fn error_ratio(nonces: &Nonces) -> Option<f64> {
    (nonces.received > 0).then(|| nonces.hardware_error as f64 / nonces.received as f64)
}

fn shares(counts: &ShareCounts, credit: &Credit) -> Shares {
    Shares {
        submitted: counts.submitted,
        accepted: counts.accepted,
        rejected: counts.rejected(),
        stale: counts.stale(),
        lost: counts.lost,
        pending: counts.pending,
        refused: Refused {
            stale: counts.refused(RejectKind::Stale),
            duplicate: counts.refused(RejectKind::Duplicate),
            low_difficulty: counts.refused(RejectKind::LowDifficulty),
            unauthorized: counts.refused(RejectKind::Unauthorized),
            other: counts.refused(RejectKind::Other),
        },
        accepted_difficulty: credit.accepted,
        rejected_difficulty: credit.rejected,
        stale_difficulty: credit.stale,
    }
}

fn add_shares(a: Shares, b: Shares) -> Shares {
    Shares {
        submitted: a.submitted + b.submitted,
        accepted: a.accepted + b.accepted,
        rejected: a.rejected + b.rejected,
        stale: a.stale + b.stale,
        lost: a.lost + b.lost,
        pending: a.pending + b.pending,
        refused: Refused {
            stale: a.refused.stale + b.refused.stale,
            duplicate: a.refused.duplicate + b.refused.duplicate,
            low_difficulty: a.refused.low_difficulty + b.refused.low_difficulty,
            unauthorized: a.refused.unauthorized + b.refused.unauthorized,
            other: a.refused.other + b.refused.other,
        },
        accepted_difficulty: a.accepted_difficulty + b.accepted_difficulty,
        rejected_difficulty: a.rejected_difficulty + b.rejected_difficulty,
        stale_difficulty: a.stale_difficulty + b.stale_difficulty,
    }
}
