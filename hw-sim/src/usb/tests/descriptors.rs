//! What devices tell of themselves, against the published descriptors of their bridge chips.

use std::fs;

use adit_protocol::devices::{Bridge, Model, Text, UsbMatch, model, models};
use adit_protocol::hex;
use serde_json::Value;

use super::super::Descriptors;
use super::Host;

fn published() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../protocol/vectors/usb-uart-bridges.json");
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    file["descriptors"].as_array().unwrap().clone()
}

fn generic(vid: u16, pid: u16, bridge: Bridge) -> UsbMatch {
    UsbMatch { vid, pid, manufacturer: Text::Any, product: Text::Any, bridge, generic: true }
}

#[test]
fn bare_bridge_chips_have_their_published_descriptors() {
    let stick = model("block-erupter").unwrap();
    for entry in published() {
        let usb = match entry["id"].as_str().unwrap() {
            "cp2102" => generic(0x10c4, 0xea60, Bridge::Cp210x),
            "ft232r" => generic(0x0403, 0x6001, Bridge::Ftdi),
            "pl2303hx" => generic(0x067b, 0x2303, Bridge::Pl2303),
            "ch340g" => generic(0x1a86, 0x7523, Bridge::Ch340),
            other => panic!("{other}"),
        };
        let found = Descriptors::new(stick, &usb, "");
        assert_eq!(hex::encode(&found.device), entry["device"].as_str().unwrap(), "{}", entry["id"]);
        assert_eq!(hex::encode(&found.configuration), entry["config"].as_str().unwrap(), "{}", entry["id"]);
        for (found, expected) in found.strings.iter().zip(entry["strings"].as_array().unwrap()) {
            assert!(found == expected || expected == "(any)", "{}: {found}", entry["id"]);
        }
    }
}

#[test]
fn every_model_of_the_table_tells_consistent_descriptors() {
    let rows = |model: &'static Model| model.usb.iter().map(move |usb| (model, usb));
    for (model, usb) in models().flat_map(rows) {
        let found = Descriptors::new(model, usb, "0badcafe");
        let bytes = &found.configuration;
        let told = u16::from_le_bytes([bytes[2], bytes[3]]);
        assert_eq!(usize::from(told), bytes.len(), "{}", model.key);
        assert_eq!(found.classes().len(), usize::from(found.interfaces()), "{}", model.key);
        let (mut endpoints, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            assert!(bytes[at] >= 2 && at + usize::from(bytes[at]) <= bytes.len(), "{}", model.key);
            if bytes[at + 1] == 5 {
                endpoints.push(bytes[at + 2]);
            }
            at += usize::from(bytes[at]);
        }
        let count = endpoints.len();
        endpoints.sort_unstable();
        endpoints.dedup();
        assert_eq!(endpoints.len(), count, "{}: an endpoint twice", model.key);
        assert_eq!(found.functions.len(), model.ports.len().min(4), "{}", model.key);
    }
}

#[test]
fn a_model_is_found_in_the_table_by_what_its_twin_tells() {
    use adit_protocol::devices::{Match, UsbIdentity, matching};
    let rows = |model: &'static Model| model.usb.iter().map(move |usb| (model, usb));
    for (model, usb) in models().flat_map(rows) {
        let [manufacturer, product, serial] = Descriptors::new(model, usb, "0badcafe").strings.map(Some);
        let identity = UsbIdentity { vid: usb.vid, pid: usb.pid, manufacturer, product, serial };
        let (Match::Certain(found) | Match::Ambiguous(found)) = matching(&identity) else {
            panic!("{} is not found as {identity:?}", model.key)
        };
        assert!(found.contains(&model), "{} is not among {identity:?}", model.key);
    }
}

#[test]
fn a_kernel_gets_what_it_asks_of_a_device() {
    let mut host = Host::new("bitaxe-gamma");
    let device = host.control("8006000100004000", &[]).unwrap();
    assert_eq!((device.len(), &device[8..12]), (18, &[0xde, 0xc0, 0xfe, 0xca][..]));
    let head = host.control("8006000200000900", &[]).unwrap();
    let total = u16::from_le_bytes([head[2], head[3]]);
    assert_eq!((head.len(), head[4]), (9, 4), "four interfaces");
    assert_eq!(host.control("800600020000ff00", &[]).unwrap().len(), usize::from(total));
    assert_eq!(host.control("800600030000ff00", &[]).unwrap(), [4, 3, 9, 4]);
    assert_eq!(host.control("800602030904ff00", &[]).unwrap(), b"\x0e\x03B\0i\0t\0a\0x\0e\0");
    assert_eq!(host.control("8006000600000a00", &[]), Err(-32), "no high speed: no qualifier");
    assert_eq!(host.control("8006000f00000500", &[]).unwrap(), [5, 15, 5, 0, 0]);
    assert_eq!(host.control("0009010000000000", &[]).unwrap(), b"");
    assert_eq!(host.control("8008000000000100", &[]).unwrap(), [1]);
    assert_eq!(host.control("8000000000000200", &[]).unwrap(), [0, 0]);
    assert_eq!(host.control("0201000082000000", &[]).unwrap(), b"", "clear halt");
    assert_eq!(host.control("c077000000000400", &[]), Err(-32), "what nobody knows stalls");
}
