//! Frames of the CPU device against `vectors/cpu.json`.

use adit_protocol::cpu::{Codec, Frame, Kernel, Order, Work, report_bits};
use adit_protocol::pow::{Header, Target, VersionMask, scan};
use adit_protocol::protocols::{Describe, protocol};
use adit_protocol::units::HashRate;
use adit_protocol::wire::{Codec as _, Side, Step};
use proptest::prelude::*;
use serde_json::Value;

use crate::vectors::{bytes, entries, load, text};

fn side(entry: &Value) -> Side {
    if entry["from"] == "host" { Side::Host } else { Side::Device }
}

fn frame(entry: &Value) -> Frame {
    match Codec::new(side(entry)).decode(&bytes(&entry["wire"]), false) {
        Step::Frame { frame, .. } => frame,
        other => panic!("{}: {other:?}", entry["name"]),
    }
}

#[test]
fn every_frame_is_read_shown_and_written_again() {
    let file = load("cpu");
    for entry in entries(&file, "frames") {
        let (wire, mut codec) = (bytes(&entry["wire"]), Codec::new(side(entry)));
        let frame = frame(entry);
        let shown = serde_json::to_value(codec.describe(&frame)).unwrap();
        assert_eq!(shown, entry["frame"], "{}", entry["name"]);
        let mut again = Vec::new();
        codec.encode(&frame, &mut again);
        assert_eq!(again, wire, "{}", entry["name"]);
        for cut in 1..wire.len() {
            assert_eq!(codec.decode(&wire[..cut], false), Step::NeedMore, "{} cut at {cut}", entry["name"]);
        }
    }
}

#[test]
fn what_is_no_frame_is_skipped_with_the_reason() {
    let file = load("cpu");
    for entry in entries(&file, "rejects") {
        let mut lines = Vec::new();
        let mut decoder = protocol("cpu").unwrap().decoder(side(entry));
        decoder.feed(&bytes(&entry["wire"]), true, &mut |item| lines.push(item));
        assert_eq!(lines[0].found, Err(text(&entry["first_reason"]).to_owned()), "{}", entry["name"]);
        assert_eq!(lines.len(), bytes(&entry["wire"]).len(), "one byte is skipped at a time");
    }
}

#[test]
fn the_work_of_a_known_block_has_its_solution() {
    let file = load("cpu");
    let entry = entries(&file, "frames").iter().find(|entry| entry["solution"].is_u64()).unwrap();
    let Frame::Order(Order::Work(work)) = frame(entry) else { panic!("no work") };
    let search = scan::Search::new(&[work.header.midstate()], work.header.fixed_tail(), work.target());
    let mut nonces = Vec::new();
    search.scan(work.first..=work.last, &mut |hit| nonces.push(u64::from(hit.nonce)));
    assert_eq!(nonces, [entry["solution"].as_u64().unwrap()]);
    let hash = Header { nonce: nonces[0] as u32, ..work.header }.hash();
    assert_eq!(hash.to_string(), text(&entry["hash"]));
}

#[test]
fn versions_are_all_the_mask_allows() {
    let file = load("cpu");
    let entry = entries(&file, "frames").iter().find(|entry| entry["versions"].is_array()).unwrap();
    let Frame::Order(Order::Work(work)) = frame(entry) else { panic!("no work") };
    let versions: Vec<Value> = work.versions().map(Value::from).collect();
    assert_eq!(Value::from(versions), entry["versions"]);
    assert!(work.is_possible());
}

#[test]
fn works_that_make_no_sense_are_impossible() {
    let file = load("cpu");
    let entry = entries(&file, "frames").iter().find(|entry| entry["versions"].is_array()).unwrap();
    let Frame::Order(Order::Work(good)) = frame(entry) else { panic!("no work") };
    let mut rolled = good;
    rolled.header.version |= 0x2000;
    let wide = Work { mask: VersionMask(0x1f << 13), ..good };
    let empty = Work { first: 5, last: 4, ..good };
    let nameless = Work { id: 0, ..good };
    for bad in [rolled, wide, empty, nameless] {
        assert!(!bad.is_possible(), "{bad:?}");
    }
}

#[test]
fn a_device_is_asked_for_about_a_nonce_a_second() {
    for (mhs, bits) in [(0.001, 20), (1.1, 20), (20.0, 24), (150.0, 27), (10_000.0, 32), (1e9, 32)] {
        assert_eq!(report_bits(HashRate::from_mhs(mhs)), bits, "{mhs} MH/s");
    }
}

#[test]
fn every_kernel_of_the_scan_has_its_number() {
    for name in scan::Kernel::NAMES {
        assert_eq!(Kernel::named(name).and_then(Kernel::name), Some(name));
    }
    assert_eq!(Kernel::named("abacus"), None);
}

proptest! {
    #[test]
    fn a_target_on_the_wire_is_never_easier_than_the_one_meant(limbs in any::<[u64; 4]>()) {
        let meant = Target::from_limbs(limbs);
        let sent = Target::from_limbs([u64::MAX, u64::MAX, u64::MAX, Work::target_of(&meant)]);
        prop_assert!(sent <= meant || limbs[3] == 0);
    }
}
