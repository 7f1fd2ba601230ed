//! The model table against the identities of `vectors/usb-ids.json`.

use adit_protocol::devices::{Match, UsbIdentity, matching, model, models};
use serde_json::Value;

use crate::vectors::{entries, load, text};

/// Keys of the models that an identity may be, and whether it may be opened without asking.
fn found(
    vid: u16,
    pid: u16,
    manufacturer: Option<&str>,
    product: Option<&str>,
) -> (&'static str, Vec<&'static str>) {
    let identity = UsbIdentity {
        vid,
        pid,
        manufacturer: manufacturer.map(str::to_owned),
        product: product.map(str::to_owned),
        serial: None,
    };
    match matching(&identity) {
        Match::None => ("none", Vec::new()),
        Match::Certain(models) => ("certain", models.iter().map(|model| model.key).collect()),
        Match::Ambiguous(models) => ("ambiguous", models.iter().map(|model| model.key).collect()),
    }
}

fn id(value: &Value, any: u16) -> u16 {
    value.as_str().map_or(any, |digits| u16::from_str_radix(digits, 16).unwrap())
}

/// A string that a row of the vectors accepts.
fn string(rule: &Value) -> Option<String> {
    match &rule["text"] {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => Some(parts.iter().map(text).collect::<Vec<_>>().join(" USB ")),
        _ => None,
    }
}

#[test]
fn strings_of_the_icarus_family_name_their_models() {
    let file = load("usb-ids");
    let mut seen = 0;
    for entry in entries(&file, "vectors") {
        let wanted: &[&str] = match entry["device"].as_str() {
            Some("Cairnsmore1") if entry["auto_detect"] == "yes" => &["cairnsmore1"],
            Some("Antminer U1/U2") => &["antminer-u1", "antminer-u2"],
            Some("Block Erupter") => &["block-erupter"],
            Some("RockMiner") if entry["product"]["text"][0] == "R-BOX miner" => &["rbox"],
            Some("RockMiner") => &["rockminer-t1"],
            _ => continue,
        };
        // "any serial" in the table: these sticks sit behind a CP2102.
        let (vid, pid) = (id(&entry["vid"], 0x10c4), id(&entry["pid"], 0xea60));
        let (manufacturer, product) = (string(&entry["manufacturer"]), string(&entry["product"]));
        let (kind, keys) = found(vid, pid, manufacturer.as_deref(), product.as_deref());
        assert_eq!((kind, keys.as_slice()), ("certain", wanted), "{}", entry["name"]);
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[test]
fn generic_bridges_are_never_certain() {
    let file = load("usb-ids");
    let all = entries(&file, "vectors");
    for entry in all.iter().filter(|entry| entry["family"] == "ambiguous") {
        let (kind, keys) = found(id(&entry["vid"], 0), id(&entry["pid"], 0), None, None);
        let wanted: &[&str] = match (text(&entry["vid"]), text(&entry["pid"])) {
            ("10c4", "ea60") => {
                &["block-erupter", "antminer-u1", "antminer-u2", "antminer-u3", "rbox", "rockminer-t1"]
            }
            ("0403", "6001") => &["lancelot"],
            ("067b", "2303") | ("1fc9", "0083") => &["icarus"],
            ("067b", "0230") => &["cairnsmore1"],
            _ => continue, // not of this family
        };
        assert_eq!((kind, keys.as_slice()), ("ambiguous", wanted), "{}", entry["name"]);
    }
}

#[test]
fn identities_are_decided_as_the_policy_says() {
    let file = load("usb-ids");
    let decisions = entries(&file, "vectors").iter().filter(|entry| !entry["case"].is_null());
    let mut icarus = 0;
    for entry in decisions {
        let case = &entry["case"];
        let (vid, pid) = (id(&case["vid"], 0), id(&case["pid"], 0));
        let (kind, keys) = found(vid, pid, case["manufacturer"].as_str(), case["product"].as_str());
        let driver = |key: &&str| model(key).unwrap().driver;
        match (text(&entry["expect"]), entry["expect_family"].as_str()) {
            ("auto", Some("icarus")) => {
                icarus += 1;
                assert_eq!(kind, "certain", "{}", entry["name"]);
                assert!(keys.iter().all(|key| driver(key) == "icarus"));
            }
            ("auto", _) => {
                assert!(kind != "certain" || keys.iter().all(|key| driver(key) != "icarus"), "{entry}")
            }
            _ => assert_ne!(kind, "certain", "{}", entry["name"]),
        }
    }
    assert_eq!(icarus, 1);
}

#[test]
fn names_and_strings_of_sold_sticks_are_recognised() {
    for (product, keys) in [
        ("Block Erupter Sapphire", &["block-erupter"][..]),
        ("USB Block Erupter Emerald", &["block-erupter"]),
        ("Antminer U2+", &["antminer-u1", "antminer-u2"]),
        ("R-BOX miner", &["rbox"]),
        ("RX-BOX miner", &["rockminer-t1"]),
    ] {
        let (kind, found) = found(0x10c4, 0xea60, Some("Silicon Labs"), Some(product));
        assert_eq!((kind, found.as_slice()), ("certain", keys), "{product}");
    }
    let (kind, _) = found(0x0403, 0x6014, Some("FTDI"), Some("Single RS232-HS"));
    assert_eq!(kind, "none", "an FT232H without strings is somebody else's");
}

#[test]
fn rows_are_complete_and_their_keys_unique() {
    let mut keys: Vec<_> = models().map(|model| model.key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), models().count(), "a key occurs twice");
    for model in models() {
        let key = model.key;
        assert!(key.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-'), "{key}");
        assert!(!model.ports.is_empty() && model.chips.count > 0 && model.nominal.0 > 0.0, "{key}");
        assert!(model.source.starts_with("docs/protocols/"), "{key}");
        if let Some([low, default, high]) = model.clock {
            assert!(low.0 > 0.0 && low.0 <= default.0 && default.0 <= high.0, "{key}");
        }
    }
}
