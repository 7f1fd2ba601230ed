//! What Home Assistant is told: one retained message for each device (device discovery, `docs/protocols/telemetry.md` §6).

use std::time::Duration;

use adit_protocol::devices::model;
use serde_json::{Map, Value, json};

use super::topics::{Host, segment};
use crate::snapshot::Device;

/// Kind, name, unit, class and template of something that is read.
struct Sensor {
    key: &'static str,
    name: &'static str,
    unit: Option<&'static str>,
    class: Option<&'static str>,
    /// `measurement`, or `total_increasing` for what only grows.
    state_class: &'static str,
    /// Divides the value of `key` that is in the state.
    by: &'static str,
    diagnostic: bool,
}

const fn sensor(key: &'static str, name: &'static str, unit: Option<&'static str>) -> Sensor {
    Sensor { key, name, unit, class: None, state_class: "measurement", by: "1", diagnostic: false }
}

const fn count(key: &'static str, name: &'static str) -> Sensor {
    Sensor { state_class: "total_increasing", ..sensor(key, name, None) }
}

const HASHRATE: Sensor = Sensor { by: "1e9", ..sensor("hashrate_hs", "Hash rate", Some("GH/s")) };
const POWER: Sensor = Sensor { class: Some("power"), ..sensor("power_watts", "Power", Some("W")) };
const ENERGY: Sensor =
    Sensor { class: Some("energy"), unit: Some("kWh"), ..count("energy_kwh", "Energy since start") };
const EFFICIENCY: Sensor = sensor("efficiency_joules_per_terahash", "Efficiency", Some("J/TH"));
const ACCEPTED: Sensor = count("accepted", "Accepted shares");
const REJECTED: Sensor = Sensor { diagnostic: true, ..count("rejected", "Rejected shares") };
const STALE: Sensor = Sensor { diagnostic: true, ..count("stale", "Stale shares") };
const ERRORS: Sensor =
    Sensor { by: "0.01", diagnostic: true, ..sensor("hardware_error_ratio", "Hardware errors", Some("%")) };

const OF_DEVICE: [Sensor; 13] = [
    HASHRATE,
    Sensor { class: Some("temperature"), ..sensor("temperature_celsius", "Temperature", Some("°C")) },
    sensor("fan_rpm", "Fan", Some("rpm")),
    POWER,
    ENERGY,
    EFFICIENCY,
    Sensor { class: Some("frequency"), ..sensor("frequency_megahertz", "Clock", Some("MHz")) },
    Sensor { class: Some("voltage"), diagnostic: true, ..sensor("core_volts", "Core voltage", Some("V")) },
    ACCEPTED,
    REJECTED,
    STALE,
    ERRORS,
    sensor("best_difficulty", "Best difficulty", None),
];

const OF_ALL: [Sensor; 10] = [
    HASHRATE,
    POWER,
    ENERGY,
    EFFICIENCY,
    ACCEPTED,
    REJECTED,
    STALE,
    ERRORS,
    sensor("best_difficulty_ever", "Best difficulty", None),
    count("blocks", "Blocks found"),
];

/// A message: topic and payload.
pub(crate) type Message = (String, Value);

/// For whom, and how long state may be silent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Discovery<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) host: &'a Host,
    pub(crate) commands: bool,
    pub(crate) interval: Duration,
}

impl Discovery<'_> {
    /// Of adit as a whole.
    pub(crate) fn of_all(&self, version: &str) -> Message {
        let id = self.host.identity();
        let mut parts = self.sensors(&id, &OF_ALL);
        parts.insert("problem".into(), problem(&id));
        let device =
            json!({ "ids": [id], "name": format!("adit {}", self.host), "mf": "adit", "sw": version });
        let topics = [self.host.topic("status")];
        self.message(&id, version, (device, &topics, &self.host.topic("state")), parts)
    }

    /// Of one device.
    pub(crate) fn of_device(&self, device: &Device, version: &str) -> Message {
        let place = segment(&device.id);
        let id = format!("{}_{place}", self.host.identity());
        let mut parts = self.sensors(&id, &OF_DEVICE);
        parts.insert("problem".into(), problem(&id));
        parts.insert(
            "hashing".into(),
            json!({ "p": "binary_sensor", "unique_id": format!("{id}_hashing"), "name": "Hashing", "dev_cla": "running",
                    "val_tpl": "{{ 'ON' if value_json.hashing else 'OFF' }}" }),
        );
        if self.commands {
            self.commands(device, &place, &id, &mut parts);
        }
        let model_name = device.model_name.as_deref().unwrap_or("unknown");
        let which = device.serial.as_deref().or(device.socket.as_deref()).unwrap_or(&device.name);
        let mut shown = json!({
            "ids": [id], "name": format!("{model_name} {which}"), "mdl": model_name, "via_device": self.host.identity(),
        });
        if let Some(serial) = &device.serial {
            shown["sn"] = json!(serial);
        }
        if let Some(model) = device.model.as_deref().and_then(model) {
            shown["mf"] = json!(model.vendor);
        }
        let topics = [self.host.topic("status"), self.host.topic(&format!("{place}/availability"))];
        self.message(&id, version, (shown, &topics, &self.host.topic(&format!("{place}/state"))), parts)
    }

    fn message(
        &self,
        id: &str,
        version: &str,
        (device, availability, state): (Value, &[String], &str),
        parts: Map<String, Value>,
    ) -> Message {
        let availability: Vec<_> = availability.iter().map(|topic| json!({ "t": topic })).collect();
        let payload = json!({
            "dev": device,
            "o": { "name": "adit", "sw": version },
            "avty": availability,
            "avty_mode": "all",
            "stat_t": state,
            "qos": 1,
            "cmps": parts,
        });
        (format!("{}/device/{id}/config", self.prefix), payload)
    }

    fn sensors(&self, id: &str, sensors: &[Sensor]) -> Map<String, Value> {
        // A daemon that hangs says nothing more: what it said last is no longer true.
        let expires = (4 * self.interval.as_secs()).max(60);
        let one = |it: &Sensor| {
            let (key, by) = (it.key, it.by);
            let known =
                format!("(value_json.{key} / {by}) | round(6) if value_json.{key} is number else none");
            let mut part = json!({
                "p": "sensor", "unique_id": format!("{id}_{key}"), "name": it.name, "stat_cla": it.state_class,
                "val_tpl": format!("{{{{ {known} }}}}"), "exp_aft": expires,
            });
            if let Some(unit) = it.unit {
                part["unit_of_meas"] = json!(unit);
            }
            if let Some(class) = it.class {
                part["dev_cla"] = json!(class);
            }
            if it.diagnostic {
                part["ent_cat"] = json!("diagnostic");
            }
            (key.to_owned(), part)
        };
        sensors.iter().map(one).collect()
    }

    fn commands(&self, device: &Device, place: &str, id: &str, parts: &mut Map<String, Value>) {
        let topic = |setting: &str| self.host.topic(&format!("{place}/{setting}/set"));
        let unique = |setting: &str| format!("{id}_{setting}_set");
        parts.insert(
            "mining".into(),
            json!({ "p": "switch", "unique_id": unique("mining"), "name": "Mining", "cmd_t": topic("mining"),
                    "val_tpl": "{{ 'ON' if value_json.mining else 'OFF' }}" }),
        );
        parts.insert(
            "reset".into(),
            json!({ "p": "button", "unique_id": unique("reset"), "name": "Reset", "dev_cla": "restart",
                    "ent_cat": "config", "cmd_t": topic("reset") }),
        );
        let clock = device.model.as_deref().and_then(model).and_then(|model| model.clock);
        if let Some([least, _, most]) = clock {
            parts.insert(
                "frequency".into(),
                json!({ "p": "number", "unique_id": unique("frequency"), "name": "Set clock", "dev_cla": "frequency",
                        "unit_of_meas": "MHz", "min": least.0 / 1e6, "max": most.0 / 1e6, "step": 6.25, "mode": "box",
                        "ent_cat": "config", "cmd_t": topic("frequency"), "val_tpl": "{{ value_json.frequency_megahertz }}" }),
            );
        }
        if device.units.iter().any(|unit| unit.readings.contains_key("fan_percent")) {
            parts.insert(
                "fan".into(),
                json!({ "p": "number", "unique_id": unique("fan"), "name": "Set fan", "unit_of_meas": "%", "min": 0, "max": 100,
                        "ent_cat": "config", "cmd_t": topic("fan"), "val_tpl": "{{ value_json.fan_percent }}" }),
            );
        }
    }
}

fn problem(id: &str) -> Value {
    json!({ "p": "binary_sensor", "unique_id": format!("{id}_problem"), "name": "Problem", "dev_cla": "problem",
            "ent_cat": "diagnostic", "val_tpl": "{{ 'ON' if value_json.trouble else 'OFF' }}" })
}
