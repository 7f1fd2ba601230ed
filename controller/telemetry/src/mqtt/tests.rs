use std::collections::BTreeSet;
use std::time::Duration;

use adit_driver::{Event, Fault, LinkError, Quantity, Reading};
use proptest::prelude::*;
use serde_json::Value;

use super::discovery::Discovery;
use super::figures::{self, Energies};
use super::topics::{Order, command, segment};
use super::{Broker, BrokerError, Host};
use crate::snapshot::Snapshot;
use crate::testing::Rig;

fn host() -> Host {
    "rig1".parse().unwrap()
}

/// A board that measures what it does, and a stick that does not.
fn rig() -> Rig {
    let mut rig = Rig::new();
    let (gamma, stick) = (rig.stick("bitaxe-gamma", "G1"), rig.stick("icarus", "A1"));
    for (quantity, value) in [
        (Quantity::PowerWatts, 18.0),
        (Quantity::FanPercent, 60.0),
        (Quantity::ClockHertz, 525e6),
        (Quantity::TemperatureCelsius, 61.5),
    ] {
        rig.event(
            gamma,
            Event::Measured { unit: 0, quantity, reading: Reading { value: Ok(value), at: rig.now } },
        );
    }
    rig.minute(&[gamma, stick]);
    rig
}

fn messages(snapshot: &Snapshot, commands: bool) -> Vec<(String, Value)> {
    let host = host();
    let told =
        Discovery { prefix: "homeassistant", host: &host, commands, interval: Duration::from_secs(15) };
    let devices = snapshot.devices.iter().map(|device| told.of_device(device, "1.2.3"));
    std::iter::once(told.of_all("1.2.3")).chain(devices).collect()
}

#[test]
fn brokers_are_named_by_urls_without_secrets() {
    let broker = |url: &str| url.parse::<Broker>();
    let at = |host: &str, port, secure| Ok(Broker { host: host.into(), port, secure });
    assert_eq!(broker("mqtt://h"), at("h", 1_883, false));
    assert_eq!(broker("mqtt://[::1]:1884/"), at("::1", 1_884, false));
    assert_eq!(broker("mqtts://h"), at("h", 8_883, true));
    assert_eq!(broker("mqtts://h:1883"), at("h", 1_883, true));
    assert_eq!(broker("wss://h"), Err(BrokerError::WebSocket));
    for wrong in [
        "h",
        "mqtt://",
        "mqtts://",
        "ssl://h",
        "mqtt://u:p@h",
        "mqtt://h:0",
        "mqtt://h:x",
        "mqtt://h/t",
        "mqtt://a b",
        "mqtt://::1",
    ] {
        assert_eq!(broker(wrong), Err(BrokerError::Malformed), "{wrong}");
    }
}

#[test]
fn ids_become_segments_that_tell_them_apart() {
    assert_eq!(segment("icarus:A1234"), "icarus-A1234");
    let odd =
        ["icarus@1-1.4", "icarus:a/b", "icarus:a#b", "icarus:a:b", "icarus:", "", "ü", &"x".repeat(100)];
    let segments: BTreeSet<_> = odd.iter().map(|id| segment(id)).collect();
    assert_eq!(segments.len(), odd.len());
    assert!("a/b".parse::<Host>().is_err() && "".parse::<Host>().is_err());
    assert_eq!(Host::of_machine("pi").to_string(), "pi");
}

proptest! {
    #[test]
    fn no_id_leaves_its_segment(id in any::<String>()) {
        let segment = segment(&id);
        prop_assert!(!segment.is_empty() && segment.len() <= 71);
        prop_assert!(segment.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'));
    }

    #[test]
    fn no_message_breaks_the_reader_of_commands(topic in any::<String>(), text in any::<Vec<u8>>()) {
        let _ = command(&host(), &topic, &text);
        let _ = command(&host(), &format!("adit/rig1/{topic}/set"), &text);
    }
}

#[test]
fn commands_are_read_strictly() {
    let read = |setting: &str, text: &str| {
        command(&host(), &format!("adit/rig1/icarus-A/{setting}/set"), text.as_bytes())
            .map(|(_, order)| order)
    };
    assert_eq!(read("mining", "OFF"), Some(Order::Mine(false)));
    assert_eq!(read("frequency", " 512.5 "), Some(Order::Megahertz(512.5)));
    assert_eq!(
        (read("fan", "auto"), read("fan", "60.0")),
        (Some(Order::Fan(None)), Some(Order::Fan(Some(60))))
    );
    assert_eq!(read("reset", "PRESS"), Some(Order::Reset));
    for (setting, text) in [
        ("mining", "off"),
        ("frequency", "NaN"),
        ("frequency", "fast"),
        ("fan", "101"),
        ("fan", "-1"),
        ("fan", "1.5"),
        ("reset", ""),
        ("pool", "x"),
        ("a/b", "ON"),
    ] {
        assert_eq!(read(setting, text), None, "{setting} {text}");
    }
    assert_eq!(command(&host(), "adit/rig2/icarus-A/mining/set", b"ON"), None);
    assert_eq!(command(&host(), "adit/rig1/icarus-A/mining/set", b"\xff"), None);
}

#[test]
fn what_is_not_known_is_null_and_energy_is_what_was_measured() {
    let rig = rig();
    let snapshot = rig.snapshot();
    let mut energies = Energies::default();
    energies.count(&snapshot);
    let mut later = (*snapshot).clone();
    for _ in 0..360 {
        later.summary.at_unix_s += 10.0;
        energies.count(&later);
    }
    later.summary.at_unix_s += 7_200.0; // the broker was away: nobody has looked
    energies.count(&later);
    let [gamma, stick] = [0, 1].map(|index| figures::of_device(&snapshot.devices[index], &energies));
    assert_eq!((&gamma["power_watts"], &gamma["energy_kwh"]), (&18.0.into(), &0.018.into()));
    assert_eq!((&gamma["frequency_megahertz"], &gamma["mining"]), (&525.0.into(), &true.into()));
    assert_eq!((&stick["power_watts"], &stick["energy_kwh"]), (&Value::Null, &Value::Null));
    let all = figures::of_all(&snapshot, &energies);
    assert_eq!(
        (&all["power_watts"], &all["energy_kwh"]),
        (&Value::Null, &0.018.into()),
        "half of it is unknown"
    );
    assert_eq!((&all["accepted"], &all["pools"][0]), (&120.into(), &"pool.example:3333".into()));
    assert!(!all.to_string().contains("rig.1"), "no user name");
}

#[test]
fn home_assistant_is_told_of_what_stands_in_the_state_and_of_nothing_else() {
    let mut rig = rig();
    let stick = adit_driver::DeviceKey(1);
    rig.fail(stick, Fault::Link(LinkError::Gone));
    rig.second();
    let snapshot = rig.snapshot();
    assert!(!figures::is_there(&snapshot.devices[1]));
    let mut states = vec![figures::of_all(&snapshot, &Energies::default())];
    states.extend(snapshot.devices.iter().map(|device| figures::of_device(device, &Energies::default())));
    let mut unique = BTreeSet::new();
    for ((topic, payload), state) in messages(&snapshot, true).iter().zip(&states) {
        let id = topic.strip_prefix("homeassistant/device/").unwrap().strip_suffix("/config").unwrap();
        assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'), "{id}");
        assert_eq!((&payload["dev"]["ids"][0], &payload["o"]["name"]), (&id.into(), &"adit".into()));
        assert_eq!(payload["avty"][0]["t"], "adit/rig1/status");
        for (key, part) in payload["cmps"].as_object().unwrap() {
            let platform = part["p"].as_str().unwrap();
            assert!(["sensor", "binary_sensor", "switch", "button", "number"].contains(&platform), "{part}");
            assert!(unique.insert(part["unique_id"].as_str().unwrap().to_owned()), "{key} twice");
            let template = part["val_tpl"].as_str().unwrap_or_default();
            let fields = template.split("value_json.").skip(1);
            let fields: Vec<&str> = fields
                .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap())
                .collect();
            assert!(fields.iter().all(|field| state.get(*field).is_some()), "{key}: {template} of {state}");
            assert_eq!(fields.is_empty(), platform == "button", "{part}");
            assert_eq!(
                part["cmd_t"].is_string(),
                ["switch", "button", "number"].contains(&platform),
                "{part}"
            );
        }
    }
    let parts = |commands| messages(&snapshot, commands)[1].1["cmps"].as_object().unwrap().len();
    assert_eq!(parts(true) - parts(false), 4, "a board takes mining, reset, clock and fan");
    let gamma = &messages(&snapshot, true)[1].1;
    assert_eq!((&gamma["dev"]["sn"], &gamma["dev"]["via_device"]), (&"G1".into(), &"adit_rig1".into()));
    assert_eq!(gamma["cmps"]["energy_kwh"]["dev_cla"], "energy");
    assert_eq!(gamma["cmps"]["energy_kwh"]["stat_cla"], "total_increasing");
    assert_eq!(gamma["cmps"]["frequency"]["cmd_t"], "adit/rig1/bitaxe-gamma-G1/frequency/set");
}
