//! What is said of adit and of its devices: JSON, with `null` for what is not known.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::snapshot::{Device, DeviceState, PoolState, Snapshot};
use crate::windows::Window;

/// Window of the hash rate that is said.
const WINDOW: &str = "5m";
/// A longer time between two looks was not observed: nothing is counted for it.
const LONGEST_GAP_S: f64 = 60.0;
/// Joules of a kilowatt-hour.
const KWH: f64 = 3.6e6;

/// Energy of devices that measure their power, since adit was started, as far as it was looked at.
#[derive(Debug, Default)]
pub(crate) struct Energies {
    at_unix_s: Option<f64>,
    joules: HashMap<String, f64>,
}

impl Energies {
    /// Counts the time since the last snapshot at the power of this one.
    pub(crate) fn count(&mut self, snapshot: &Snapshot) {
        let now = snapshot.summary.at_unix_s;
        let gap = self.at_unix_s.replace(now).map_or(0.0, |before| now - before);
        let seconds = if (0.0..=LONGEST_GAP_S).contains(&gap) { gap } else { 0.0 };
        for device in &snapshot.devices {
            if let Some(watts) = device.power_watts.value {
                *self.joules.entry(device.id.clone()).or_default() += watts * seconds;
            }
        }
    }

    fn kwh(&self, device: &str) -> Option<f64> {
        self.joules.get(device).map(|joules| (joules / KWH * 1e6).round() / 1e6)
    }

    fn all_kwh(&self) -> Option<f64> {
        (!self.joules.is_empty()).then(|| (self.joules.values().sum::<f64>() / KWH * 1e6).round() / 1e6)
    }
}

/// Of adit as a whole.
pub(crate) fn of_all(snapshot: &Snapshot, energies: &Energies) -> Value {
    let summary = &snapshot.summary;
    let shares = &summary.shares;
    let working = snapshot.pools.iter().filter(|pool| pool.state == PoolState::Working);
    let trouble = summary.troubles.first().map(|trouble| match &trouble.subject {
        Some(subject) => format!("{subject}: {}; {}", trouble.what, trouble.fix),
        None => format!("{}; {}", trouble.what, trouble.fix),
    });
    json!({
        "version": summary.version,
        "started_unix_s": summary.started_unix_s,
        "devices": summary.devices,
        "pools": working.map(|pool| pool.pool.as_str()).collect::<Vec<_>>(),
        "hashrate_hs": rate(&summary.hashrate),
        "nominal_hs": summary.nominal_hs,
        "accepted": shares.accepted,
        "rejected": shares.rejected,
        "stale": shares.stale,
        "lost": shares.lost,
        "hardware_error_ratio": summary.hardware_error_ratio,
        "best_difficulty_ever": summary.best_difficulty_ever.or(summary.best_difficulty_session),
        "blocks": summary.blocks,
        "power_watts": summary.power_watts.value,
        "efficiency_joules_per_terahash": summary.efficiency_joules_per_terahash.value,
        "energy_kwh": energies.all_kwh(),
        "eased": summary.eased,
        "troubles": summary.troubles.len(),
        "trouble": trouble,
    })
}

/// Of one device.
pub(crate) fn of_device(device: &Device, energies: &Energies) -> Value {
    let shares = &device.shares;
    json!({
        "name": device.name,
        "id": device.id,
        "model": device.model,
        "location": device.location,
        "state": device.state.name(),
        "hashing": device.state == DeviceState::Hashing,
        "mining": !matches!(device.state, DeviceState::Paused | DeviceState::Stopping | DeviceState::Stopped),
        "hashrate_hs": rate(&device.hashrate),
        "nominal_hs": device.nominal_hs,
        "temperature_celsius": device.temperature_celsius.value,
        "fan_rpm": device.fan_rpm.value,
        "fan_percent": reading(device, "fan_percent"),
        "power_watts": device.power_watts.value,
        "energy_kwh": energies.kwh(&device.id),
        "efficiency_joules_per_terahash": device.efficiency_joules_per_terahash.value,
        "frequency_megahertz": reading(device, "clock_hertz").map(|hertz| hertz / 1e6),
        "core_volts": reading(device, "core_volts"),
        "accepted": shares.accepted,
        "rejected": shares.rejected,
        "stale": shares.stale,
        "lost": shares.lost,
        "hardware_error_ratio": device.hardware_error_ratio,
        "best_difficulty": device.best_difficulty,
        "last_share_unix_s": device.last_share_unix_s,
        "faults": device.faults,
        "last_fault": device.last_fault,
        "eased": device.eased,
        "trouble": device.trouble.as_ref().map(|trouble| format!("{}; {}", trouble.what, trouble.fix)),
    })
}

/// Whether a device is there, whatever it does.
pub(crate) fn is_there(device: &Device) -> bool {
    !matches!(device.state, DeviceState::Away | DeviceState::Gone | DeviceState::Stopped)
}

/// Of the first of its parts that measures this.
pub(crate) fn reading(device: &Device, quantity: &str) -> Option<f64> {
    device.units.iter().find_map(|unit| unit.readings.get(quantity)?.value)
}

fn rate(windows: &[Window]) -> Option<f64> {
    windows.iter().find(|window| window.window == WINDOW)?.hashrate_hs
}
