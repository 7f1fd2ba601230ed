//! The control protocol against `vectors/bitaxe-raw.json`.

use adit_protocol::bitaxe_raw::{
    Answer, BadStatus, Codec, Dialect, ErrorCode, ErrorReply, Expected, Firmware, Frame, Operation, Reject,
    Reply, Request, Revision, SafetyStatus, nine_bit_wire, nine_bit_word, serial_number,
};
use adit_protocol::wire::{Codec as _, Side, Step};
use proptest::prelude::*;
use serde_json::Value;

use crate::vectors::{bytes, entries, load, number, text};

const DIALECTS: [(&str, Dialect); 3] =
    [("v0", Dialect::V0), ("v1", Dialect::V1), ("bonanza", Dialect::Bonanza)];
const FIRMWARE: [Firmware; 5] =
    [Firmware::Classic, Firmware::Fan, Firmware::Bonanza, Firmware::EmberOne, Firmware::Bitcrane];

pub(crate) fn of_kind<'a>(file: &'a Value, kind: &str) -> Vec<&'a Value> {
    let found: Vec<_> = entries(file, "vectors").iter().filter(|entry| entry["kind"] == kind).collect();
    assert!(!found.is_empty(), "no {kind}");
    found
}

fn encode(dialect: Dialect, frame: &Frame) -> Vec<u8> {
    let mut out = Vec::new();
    Codec::new(dialect, Side::Host).encode(frame, &mut out);
    out
}

/// The items of a burst that is followed by silence.
fn decode(dialect: Dialect, from: Side, mut burst: &[u8]) -> Vec<Result<Frame, (usize, Reject)>> {
    let mut codec = Codec::new(dialect, from);
    let mut items = Vec::new();
    while !burst.is_empty() {
        let (used, item) = match codec.decode(burst, true) {
            Step::Frame { frame, used } => (used, Ok(frame)),
            Step::Skip { used, why } => (used, Err((used, why))),
            Step::NeedMore => panic!("waits for more after silence"),
        };
        burst = &burst[used..];
        items.push(item);
    }
    items
}

fn request(bytes: &[u8]) -> Request {
    match decode(Dialect::V0, Side::Host, bytes).as_slice() {
        [Ok(Frame::Request(request))] => request.clone(),
        other => panic!("{other:?}"),
    }
}

fn variants(entry: &Value) -> Vec<Firmware> {
    let word = text(&entry["variants"]);
    let named = |firmware: &Firmware| word == "all" || word.contains(&format!("{firmware:?}").to_lowercase());
    FIRMWARE.into_iter().filter(named).collect()
}

#[test]
fn every_exchange_is_read_and_written_in_every_dialect() {
    let file = load("bitaxe-raw");
    for entry in of_kind(&file, "control_exchange") {
        let sent = request(&bytes(&entry["request"]));
        assert_eq!(encode(Dialect::V1, &Frame::Request(sent.clone())), bytes(&entry["request"]));
        let variants = variants(entry);
        assert!(!variants.is_empty(), "{entry}");
        for firmware in variants {
            let operation = Operation::of(firmware, &sent).unwrap_or_else(|| panic!("{firmware:?}: {entry}"));
            assert_eq!(operation.request(firmware, sent.id), Some(sent.clone()));
            if let (Some(len), Some(data)) = (operation.reply_len(), entry["reply_data"].as_str()) {
                assert_eq!(len, data.len() / 2, "{entry}");
            }
        }
        let Some(_) = entry["reply_data"].as_str() else { continue };
        let data = bytes(&entry["reply_data"]);
        let reply = Reply { id: sent.id, data: data.clone() };
        for (name, dialect) in DIALECTS {
            let wire = bytes(&entry[format!("reply_{name}")]);
            assert_eq!(encode(dialect, &Frame::Reply(reply.clone())), wire);
            assert_eq!(decode(dialect, Side::Device, &wire), [Ok(Frame::Reply(reply.clone()))], "{entry}");
            let expected = Expected { id: sent.id, len: Some(data.len()) };
            let found = expected.find(dialect, &wire, false);
            let used = wire.len();
            assert_eq!(found, Step::Frame { frame: Answer::Reply(reply.clone()), used }, "{entry}");
        }
    }
}

#[test]
fn every_reply_is_told_from_an_error() {
    let file = load("bitaxe-raw");
    for entry in of_kind(&file, "reply_parse") {
        let (_, dialect) = *DIALECTS.iter().find(|(name, _)| entry["dialect"] == *name).unwrap();
        let (wire, result) = (bytes(&entry["reply"]), &entry["result"]);
        let id = result["id"].as_u64().unwrap() as u8;
        let frame = if result["error"].is_null() {
            Frame::Reply(Reply { id, data: bytes(&result["data"]) })
        } else {
            let Answer::Error(error) = found(dialect, id, None, &wire) else { panic!("{entry}") };
            assert_eq!(u32::from(error.code.byte()), number(&result["error"]));
            if let ErrorCode::Text(words) = &error.code {
                assert_eq!(words, text(&result["text"]));
            }
            Frame::Error(error)
        };
        assert_eq!(decode(dialect, Side::Device, &wire), [Ok(frame.clone())], "{entry}");
        assert_eq!(encode(dialect, &frame), wire);
    }
}

/// What a host finds in a whole answer.
fn found(dialect: Dialect, id: u8, len: Option<usize>, wire: &[u8]) -> Answer {
    match (Expected { id, len }).find(dialect, wire, true) {
        Step::Frame { frame, used } => {
            assert_eq!(used, wire.len());
            frame
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_nack_does_not_swallow_the_reply_that_follows_it() {
    let file = load("bitaxe-raw");
    for entry in of_kind(&file, "reply_sequence") {
        let steps = entries(entry, "steps");
        let mut glued = Vec::new();
        for step in steps {
            let sent = request(&bytes(&step["request"]));
            let operation = Operation::of(Firmware::Classic, &sent).unwrap();
            let expected = Expected { id: sent.id, len: operation.reply_len() };
            let wire = bytes(&step["reply"]);
            for cut in 0..wire.len() {
                assert_eq!(expected.find(Dialect::V0, &wire[..cut], false), Step::NeedMore);
            }
            let found = expected.find(Dialect::V0, &wire, false);
            assert!(
                matches!(found, Step::Frame { used, .. } if used == wire.len()),
                "without waiting: {found:?}"
            );
            glued.extend(wire);
        }
        let items = decode(Dialect::V0, Side::Device, &glued);
        assert!(
            matches!(items.as_slice(), [Ok(Frame::Error(_)), Ok(Frame::Reply(Reply { id: 5, .. }))]),
            "{items:?}"
        );
    }
}

#[test]
fn a_whole_start_of_a_gamma_is_read_and_every_reply_has_the_expected_length() {
    let file = load("bitaxe-raw");
    for entry in of_kind(&file, "control_session") {
        let exchanges = entries(entry, "exchanges");
        assert!(exchanges.len() > 90);
        for exchange in exchanges {
            let sent = request(&bytes(&exchange[0]));
            let operation = Operation::of(Firmware::Classic, &sent).unwrap();
            assert_eq!(operation.request(Firmware::Classic, sent.id), Some(sent.clone()));
            let expected = Expected { id: sent.id, len: operation.reply_len() };
            let answer = expected.find(Dialect::V0, &bytes(&exchange[1]), false);
            let Step::Frame { frame: Answer::Reply(reply), .. } = answer else { panic!("{answer:?}") };
            assert_eq!(Some(reply.data.len()), operation.reply_len());
        }
    }
}

#[test]
fn an_answer_that_cannot_be_this_one_is_dropped_as_a_whole() {
    let expected = Expected { id: 7, len: Some(1) };
    let skipped = |wire: &[u8], quiet| match expected.find(Dialect::V0, wire, quiet) {
        Step::Skip { used, why } => {
            assert_eq!(used, wire.len());
            why
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(skipped(&[1, 0, 6, 1], false), Reject::OtherId { expected: 7, found: 6 });
    assert_eq!(skipped(&[1, 0, 7], true), Reject::Incomplete { found: 3, expected: 4 });
    assert_eq!(skipped(&[0xff, 0xff, 7, 7], false), Reject::BadLength { len: 0xffff });
    assert_eq!(skipped(&[1], true), Reject::Incomplete { found: 1, expected: 0 });
    // a request that could not be parsed is answered under another id
    assert_eq!(
        found(Dialect::V0, 7, Some(1), &[4, 0, 0xff, 0x11]),
        Answer::Error(ErrorReply { id: 0xff, code: ErrorCode::Invalid })
    );
}

#[test]
fn a_reply_of_as_many_bytes_as_an_error_has_waits_for_the_rest() {
    // 4 data bytes, the first of them 0x11: its first 4 bytes are also a whole error
    let wire = [4, 0, 9, 0x11, 2, 3, 4];
    let expected = Expected { id: 9, len: Some(4) };
    assert_eq!(expected.find(Dialect::V0, &wire[..4], false), Step::NeedMore);
    let found = expected.find(Dialect::V0, &wire, false);
    assert_eq!(
        found,
        Step::Frame { frame: Answer::Reply(Reply { id: 9, data: vec![0x11, 2, 3, 4] }), used: 7 }
    );
    let error = Answer::Error(ErrorReply { id: 9, code: ErrorCode::Invalid });
    assert_eq!(expected.find(Dialect::V0, &wire[..4], true), Step::Frame { frame: error, used: 4 });
}

#[test]
fn garbage_between_frames_is_skipped_and_the_frames_are_found() {
    let good = [0x01, 0x00, 0x05, 0x01];
    let reply = Frame::Reply(Reply { id: 5, data: vec![1] });
    let burst = [&[0xde, 0xad, 0xbe, 0xef][..], &good, &[0xff, 0xfe, 0xfd], &good].concat();
    let items = decode(Dialect::V0, Side::Device, &burst);
    assert_eq!(
        items,
        [Err((4, Reject::NoReply)), Ok(reply.clone()), Err((3, Reject::NoReply)), Ok(reply.clone())]
    );
    let host = [&[0xde, 0xad, 0xbe][..], &[7, 0, 1, 0, 6, 0, 1], &[7, 0, 1, 9], &[6, 0, 2, 0, 6, 0]].concat();
    let frames: Vec<_> = decode(Dialect::V0, Side::Host, &host).into_iter().flatten().collect();
    assert!(
        matches!(&frames[..], [Frame::Request(Request { id: 1, .. }), Frame::Request(Request { id: 2, .. })]),
        "{frames:?}"
    );
}

#[test]
fn a_recording_without_pauses_is_cut_all_the_same() {
    let one = [1, 0, 3, 0x16];
    let stream = one.repeat(1_000);
    let items = decode(Dialect::V0, Side::Device, &stream);
    assert_eq!(items.len(), 1_000);
    assert!(items.iter().all(Result::is_ok));
}

#[test]
fn firmware_that_lacks_an_operation_has_no_request_for_it() {
    let operation = Operation::FanTach { fan: 0 };
    assert_eq!(operation.request(Firmware::Classic, 1), None);
    assert_eq!(operation.request(Firmware::Fan, 1).unwrap().page, 0x08);
    assert_eq!(operation.request(Firmware::Bitcrane, 1).unwrap().command, 0x21);
    assert_eq!(Operation::FanTach { fan: 4 }.request(Firmware::Bitcrane, 1), None);
    let reboot = Operation::Reboot.request(Firmware::EmberOne, 1).unwrap();
    assert_eq!(Operation::of(Firmware::Bitcrane, &reboot), None);
    let display = Request { id: 0, page: 0x09, command: 0x30, data: vec![0x3c, 1] };
    assert!(Operation::of(Firmware::Fan, &display).is_some());
    assert!(Operation::of(Firmware::Classic, &display).is_none());
}

#[test]
fn serial_numbers_and_revisions_are_read() {
    let file = load("bitaxe-raw");
    for entry in of_kind(&file, "serial_number") {
        assert_eq!(serial_number(&bytes(&entry["mac"])), text(&entry["serial"]));
    }
    for entry in of_kind(&file, "bcd_device") {
        let revision = Revision(number(&entry["bcd"]) as u16);
        let read = [revision.hardware(), revision.minor(), revision.patch()].map(u64::from);
        assert_eq!(read, ["hardware", "minor", "patch"].map(|part| entry[part].as_u64().unwrap()));
        let dialect = if entry["emberone_dialect"] == "v1" { Dialect::V1 } else { Dialect::V0 };
        assert_eq!(Firmware::EmberOne.dialect(revision), dialect);
        assert_eq!(Firmware::Classic.dialect(revision), Dialect::V0);
        assert_eq!(Firmware::Bonanza.dialect(revision), Dialect::Bonanza);
    }
    assert_eq!(Firmware::of_product("EmberOne00"), Some(Firmware::EmberOne));
    assert_eq!(Firmware::of_product("bitaxe"), None);
}

#[test]
fn only_consistent_safety_reports_are_believed() {
    let file = load("bitaxe-raw");
    for entry in of_kind(&file, "bonanza_status") {
        let payload = bytes(&entry["payload"]);
        let status = SafetyStatus::decode(&payload);
        assert_eq!(status.is_ok(), entry["valid"].as_bool().unwrap(), "{entry}");
        let Ok(status) = status else { continue };
        let decoded = &entry["decoded"];
        assert_eq!(u64::from(status.state), decoded["state"].as_u64().unwrap());
        assert_eq!(u64::from(status.fault), decoded["fault"].as_u64().unwrap());
        assert_eq!(status.outputs.are_safe(), decoded["outputs_safe"].as_bool().unwrap());
        assert_eq!(u64::from(status.lease_ms), decoded["lease_ms"].as_u64().unwrap());
        assert_eq!(u64::from(status.outputs.fan_percent), decoded["fan"].as_u64().unwrap());
        assert_eq!(status.encode(), payload.as_slice());
        // one bit anywhere in the rules' bytes, and it is refused
        for (at, bit) in [
            (2, 2),
            (3, 1),
            (8, 1),
            (8, 4),
            (8, 8),
            (10, 1),
            (14, 1),
            (14, 2),
            (14, 4),
            (14, 8),
            (15, 1),
            (16, 1),
        ] {
            let mut wrong = payload.clone();
            wrong[at] ^= bit;
            assert_eq!(SafetyStatus::decode(&wrong), Err(BadStatus::Contradiction), "byte {at} bit {bit}");
        }
        assert_eq!(SafetyStatus::decode(&payload[1..]), Err(BadStatus::Unknown));
    }
    for entry in of_kind(&file, "bonanza_9bit") {
        let word = number(&entry["word"]) as u16;
        assert_eq!(nine_bit_wire(word).as_slice(), bytes(&entry["wire"]));
        assert_eq!(nine_bit_word(nine_bit_wire(word)), word);
    }
}

fn data(most: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..=most)
}

fn frames() -> impl Strategy<Value = Frame> {
    let code = prop_oneof![
        Just(ErrorCode::TimeOut),
        Just(ErrorCode::Invalid),
        Just(ErrorCode::Overflow),
        Just(ErrorCode::SafetyFault),
        "[ -~]{1,40}".prop_map(ErrorCode::Text),
    ];
    prop_oneof![
        (any::<u8>(), any::<u8>(), any::<u8>(), data(300))
            .prop_map(|(id, page, command, data)| Frame::Request(Request { id, page, command, data })),
        (any::<u8>(), data(255)).prop_map(|(id, data)| Frame::Reply(Reply { id, data })),
        (any::<u8>(), code).prop_map(|(id, code)| Frame::Error(ErrorReply { id, code })),
    ]
}

proptest! {
    #[test]
    fn requests_and_v1_answers_are_read_back(frame in frames(), id in any::<u8>()) {
        let from = if matches!(frame, Frame::Request(_)) { Side::Host } else { Side::Device };
        prop_assert_eq!(decode(Dialect::V1, from, &encode(Dialect::V1, &frame)), [Ok(frame.clone())]);
        if let Frame::Reply(reply) = frame {
            for (_, dialect) in DIALECTS {
                let wire = encode(dialect, &Frame::Reply(reply.clone()));
                let expected = Expected { id: reply.id, len: Some(reply.data.len()) };
                let step = expected.find(dialect, &wire, false);
                if dialect != Dialect::Bonanza || !matches!(reply.data[..], [0x10..=0x13] | [0xff, ..]) {
                    prop_assert_eq!(step, Step::Frame { frame: Answer::Reply(reply.clone()), used: wire.len() });
                }
                // an id that was not asked for is never accepted as success
                if id != reply.id {
                    let other = Expected { id, len: None }.find(dialect, &wire, true);
                    let accepted = matches!(other, Step::Frame { frame: Answer::Reply(_), .. });
                    prop_assert!(!accepted);
                }
            }
        }
    }

    #[test]
    fn a_host_survives_any_answer(wire in data(600), id in any::<u8>(), len in proptest::option::of(0_usize..300)) {
        for (_, dialect) in DIALECTS {
            for quiet in [false, true] {
                match (Expected { id, len }).find(dialect, &wire, quiet) {
                    Step::Frame { used, .. } | Step::Skip { used, .. } => {
                        prop_assert!(used >= 1 && used <= wire.len());
                    }
                    Step::NeedMore => prop_assert!(!quiet || wire.is_empty()),
                }
            }
        }
    }

    #[test]
    fn firmware_survives_any_request(id in any::<u8>(), page in 0_u8..12, command in any::<u8>(), data in data(300)) {
        let request = Request { id, page, command, data };
        for firmware in FIRMWARE {
            if let Some(operation) = Operation::of(firmware, &request) {
                prop_assert_eq!(operation.request(firmware, id).map(|again| again.page), Some(page));
            }
        }
    }
}
