//! Options of kinds of devices.

use adit_driver::{Detected, Settings};
use adit_protocol::devices::{Model, model};
use serde_json::{Map, Value};
use toml_edit::{InlineTable, Table, Value as Toml, value};

use super::{Draft, text_of};

/// An option that is one setting of some models.
const SETTINGS: &[(&str, &[&str], &str)] = &[
    ("anu-freq", &["antminer-u1", "antminer-u2"], "frequency"),
    ("au3-freq", &["antminer-u3"], "frequency"),
    ("au3-volt", &["antminer-u3"], "voltage"),
    ("rock-freq", &["rbox", "rockminer-t1"], "frequency"),
    ("compac-freq", &["compac"], "frequency"),
    ("gekko-compac-freq", &["compac"], "frequency"),
    ("gekko-2pac-freq", &["2pac"], "frequency"),
    ("gekko-terminus-freq", &["terminus"], "frequency"),
    ("gekko-newpac-freq", &["newpac"], "frequency"),
    ("gekko-r606-freq", &["r606"], "frequency"),
    ("gekko-compacf-freq", &["compac-f"], "frequency"),
    ("gekko-r909-freq", &["r909"], "frequency"),
    ("gekko-compaca1-freq", &["compac-a1", "terminus-a1"], "frequency"),
    ("gekko-compaca2-freq", &["compac-a2", "terminus-a2"], "frequency"),
    ("gekko-start-freq", BEFORE_A1, "start-frequency"),
    ("gekko-compaca1-start-freq", &["compac-a1", "terminus-a1"], "start-frequency"),
    ("gekko-compaca2-start-freq", &["compac-a2", "terminus-a2"], "start-frequency"),
    ("gekko-compaca1-corev", &["compac-a1", "terminus-a1"], "core-voltage"),
    ("gekko-compaca2-corev", &["compac-a2", "terminus-a2"], "core-voltage"),
    ("gekko-tune2", GEKKO, "tune-up"),
];

/// GekkoScience sticks and pods; those before the A1 share an option.
const GEKKO: &[&str] = &[
    "compac",
    "2pac",
    "terminus",
    "newpac",
    "r606",
    "compac-f",
    "r909",
    "compac-a1",
    "terminus-a1",
    "compac-a2",
    "terminus-a2",
];
const BEFORE_A1: &[&str] = &["compac", "2pac", "terminus", "newpac", "r606", "compac-f", "r909"];

/// Names of drivers in `scan-serial`, and the model that is meant.
const DRIVERS: &[(&str, &str)] = &[
    ("icarus", "icarus"),
    ("erupter", "block-erupter"),
    ("cairnsmore", "cairnsmore1"),
    ("antminer", "antminer-u2"),
    ("rockminer", "rbox"),
    ("compac", "compac"),
];

pub(super) fn take(draft: &mut Draft<'_>, options: &Map<String, Value>) {
    for (option, models, setting) in SETTINGS {
        if let Some(text) = options.get(*option).and_then(text_of) {
            // Some take several, for the first stick, the second and so on.
            let first = text.split([',', ':']).next().unwrap_or_default().to_owned();
            one(draft, option, models, &[(setting, first)]);
        }
    }
    if let Some(text) = options.get("icarus-options").and_then(text_of) {
        let first = text.split(',').next().unwrap_or_default();
        let names = ["baud", "work-division", "fpga-count"];
        let settings: Vec<(&str, String)> = names
            .into_iter()
            .zip(first.split(':'))
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        one(draft, "icarus-options", &["icarus"], &settings);
    }
    if let Some(text) = options.get("icarus-timing").and_then(text_of) {
        let first = text.split([',', '=']).next().unwrap_or_default();
        let timing = if first == "default" { "nominal" } else { first };
        one(draft, "icarus-timing", &["icarus"], &[("timing", timing.to_owned())]);
    }
    for option in ["scan-serial", "scan"] {
        if let Some(scan) = options.get(option) {
            serial(draft, option, scan);
        }
    }
}

/// `[[device]]` for each of `models` whose driver takes the settings.
fn one(draft: &mut Draft<'_>, option: &str, models: &[&str], settings: &[(&str, String)]) {
    let mut refused = None;
    let mut taken = Vec::new();
    for key in models {
        let Some(known) = model(key) else { continue };
        match check(known, settings) {
            Ok(()) => {
                merge(draft, key, settings);
                taken.push(*key);
            }
            Err(why) => refused = Some(why),
        }
    }
    match (taken.as_slice(), refused) {
        ([], why) => draft.left_out(option, why.unwrap_or_else(|| "adit has no driver for it".to_owned())),
        (taken, _) => draft.taken(option, format!("[[device]] model {}", taken.join(", "))),
    }
}

/// Whether the driver of `known` takes the settings.
fn check(known: &'static Model, settings: &[(&str, String)]) -> Result<(), String> {
    let location = known.key.to_owned();
    let detected = Detected { location, socket: None, usb: None, candidates: vec![known], chosen: true };
    let mut all = Settings::default();
    for (name, text) in settings {
        all.set(*name, text.clone());
    }
    adit_catalog::start(&detected, all).map(drop).map_err(|why| why.to_string())
}

/// Settings of one model stand in one table.
fn merge(draft: &mut Draft<'_>, key: &str, settings: &[(&str, String)]) {
    let of = |table: &Table| table.get("model").and_then(|it| it.as_str()) == Some(key);
    let index = draft.devices.iter().position(of).unwrap_or_else(|| {
        let mut table = Table::new();
        table.insert("model", value(key));
        table.insert("settings", value(InlineTable::new()));
        draft.devices.push(table);
        draft.devices.len() - 1
    });
    let place = draft.devices.get_mut(index).and_then(|table| table.get_mut("settings"));
    if let Some(all) = place.and_then(|settings| settings.as_inline_table_mut()) {
        for (name, text) in settings {
            all.insert(*name, Toml::from(text.as_str()));
        }
    }
}

/// `DRIVER:PATH`, one or several.
fn serial(draft: &mut Draft<'_>, option: &str, scan: &Value) {
    let all: Vec<String> = match scan {
        Value::Array(all) => all.iter().filter_map(text_of).collect(),
        one => text_of(one).into_iter().collect(),
    };
    for (number, text) in all.iter().enumerate() {
        let name = if all.len() > 1 { format!("{option}[{number}]") } else { option.to_owned() };
        let Some((driver, path)) = text.split_once(':').filter(|(_, path)| path.starts_with('/')) else {
            draft.left_out(&name, "everything that is certain to be a miner is used by itself; a port is named as DRIVER:/dev/PATH");
            continue;
        };
        let Some((_, key)) = DRIVERS.iter().find(|(known, _)| *known == driver) else {
            draft.left_out(
                &name,
                "adit has no driver of this name; `adit devices --supported` lists its models",
            );
            continue;
        };
        let select = format!("serial:{path},model={key}");
        if path.contains(',') || select.parse::<adit_link::Selector>().is_err() {
            draft.left_out(&name, "its path cannot be named");
            continue;
        }
        let mut table = Table::new();
        table.insert("select", value(select));
        draft.devices.push(table);
        draft.changed(&name, "[[device]] select", "only the devices that are named are used then");
    }
}
