//! Every frame of the vectors of the BM13xx family.

use adit_protocol::bm13xx::{
    Answers, Codec, Command, Frame, Generation, HeaderJob, Job, Jobs, MidstateJob, Register, Reject, To,
};
use adit_protocol::hex;
use adit_protocol::pow::{Hash, Header, Midstate};
use adit_protocol::protocols::protocol;
use adit_protocol::wire::{Codec as _, Side, Step};
use serde_json::{Value, json};

use crate::vectors::{array, bytes, entries, load, number};

/// Entries of one kind, at least `least`.
pub(crate) fn of_kind(kind: &str, least: usize) -> Vec<Value> {
    let file = load("bm13xx");
    let found: Vec<Value> =
        entries(&file, "vectors").iter().filter(|entry| entry["kind"] == kind).cloned().collect();
    assert!(found.len() >= least, "only {} of {kind}", found.len());
    found
}

/// The generation of an entry, from the name of its chip and the beginning of its bytes.
fn generation(entry: &Value, frame: &[u8]) -> Generation {
    let framed = frame.starts_with(&[0x55, 0xaa]) || frame.starts_with(&[0xaa, 0x55]);
    let chip = entry["chip"].as_str().unwrap_or_default();
    match (framed, chip.starts_with("BM1391"), chip.starts_with("BM1397")) {
        (false, true, _) => Generation::V0Bm1391,
        (false, false, _) => Generation::V0,
        (true, _, true) => Generation::V1,
        (true, ..) => Generation::V2,
    }
}

/// The one frame that `bytes` are.
pub(crate) fn decode(generation: Generation, from: Side, bytes: &[u8]) -> Frame {
    match Codec::new(generation, from).decode(bytes, true) {
        Step::Frame { frame, used } if used == bytes.len() => frame,
        step => panic!("{bytes:02x?}: {step:?}"),
    }
}

fn encode(generation: Generation, frame: &Frame) -> Vec<u8> {
    let mut out = Vec::new();
    Codec::new(generation, Side::Host).encode(frame, &mut out);
    out
}

#[test]
fn every_command_of_the_vectors_reads_as_its_bytes_say_and_is_written_the_same() {
    for entry in of_kind("command_frame", 60) {
        let wire = bytes(&entry["hex"]);
        let generation = generation(&entry, &wire);
        let frame = decode(generation, Side::Host, &wire);
        assert_eq!(encode(generation, &frame), wire, "{entry}");
        let body = if generation.has_preamble() { &wire[2..] } else { &wire };
        let Frame::Command(command) = frame else { panic!("{frame:?}") };
        let to = if body[0] & 0x10 != 0 { To::All } else { To::Chip(body[2]) };
        let register = Register(body[3]);
        let expected = match (generation, body[0]) {
            (Generation::V0, 0x41) | (_, 0x40) => Command::SetAddress(body[2]),
            (Generation::V0, 0x55) | (_, 0x53) => Command::Inactive,
            (_, _) if body[1] == 5 => Command::Read { to, register },
            _ => {
                let value = u32::from_be_bytes(*body[4..8].first_chunk().unwrap());
                Command::Write { to, register, value }
            }
        };
        assert_eq!(command, expected, "{entry}");
    }
}

#[test]
fn the_frames_of_a_running_host_are_read_one_after_the_other() {
    for entry in of_kind("host_frames", 1) {
        let frames = entries(&entry, "frames");
        let stream: Vec<u8> = frames.iter().flat_map(bytes).collect();
        let (mut codec, mut at) = (Codec::new(Generation::V2, Side::Host), 0);
        for frame in frames {
            let Step::Frame { frame: found, used } = codec.decode(&stream[at..], false) else {
                panic!("{frame}")
            };
            assert_eq!(stream[at..at + used], bytes(frame));
            assert_eq!(encode(Generation::V2, &found), bytes(frame));
            at += used;
        }
    }
}

#[test]
fn every_register_answer_of_the_vectors_gives_value_chip_and_register() {
    for entry in of_kind("register_response", 14) {
        let wire = bytes(&entry["hex"]);
        let generation = generation(&entry, &wire);
        let frame = decode(generation, Side::Device, &wire);
        assert_eq!(encode(generation, &frame), wire, "{entry}");
        let Frame::Register(answer) = frame else { panic!("{frame:?}") };
        let decoded = &entry["decoded"];
        assert_eq!(answer.value, number(&decoded["value"]));
        if let Some(chip) = decoded.get("chip_addr") {
            assert_eq!(u32::from(answer.chip), number(chip));
            assert_eq!(u32::from(answer.register.0), number(&decoded["reg"]));
        }
        assert_eq!(answer.extra, (wire.len() == 11).then_some(0), "{entry}");
    }
}

#[test]
fn every_nonce_of_the_vectors_gives_its_fields() {
    for entry in of_kind("nonce_response", 11) {
        let wire = bytes(&entry["hex"]);
        let generation = generation(&entry, &wire);
        let frame = decode(generation, Side::Device, &wire);
        assert_eq!(encode(generation, &frame), wire, "{entry}");
        let Frame::Nonce(nonce) = frame else { panic!("{frame:?}") };
        let decoded = &entry["decoded"];
        assert_eq!(nonce.nonce, array(&decoded["nonce_wire"]));
        assert_eq!(nonce.number(), number(&decoded["nonce_u32_le"]));
        let id = decoded.get("id_byte").or(decoded.get("result_header")).unwrap();
        assert_eq!(u32::from(nonce.id), number(id));
        assert_eq!(nonce.version.map(u32::from), decoded.get("version_counter").map(number));
        if let Some(excess) = decoded.get("excess_half_bits") {
            assert_eq!(Some(u64::from(nonce.detail)), excess.as_u64());
        }
    }
}

#[test]
fn a_wrong_checksum_costs_one_byte() {
    for entry in of_kind("reject_response", 2) {
        let wire = bytes(&entry["hex"]);
        let mut codec = Codec::new(generation(&entry, &wire), Side::Device);
        let Step::Skip { used: 1, why: Reject::BadCrc5 { expected, found } } = codec.decode(&wire, true)
        else {
            panic!("{entry} is taken for a frame")
        };
        assert_eq!(expected ^ found, 1, "the last bit is flipped");
    }
}

#[test]
fn every_job_of_the_vectors_holds_the_header_it_says() {
    for entry in of_kind("job_frame", 9) {
        let wire = bytes(&entry["hex"]);
        let generation = generation(&entry, &wire);
        let frame = decode(generation, Side::Host, &wire);
        assert_eq!(encode(generation, &frame), wire, "{entry}");
        let Frame::Job(job) = frame else { panic!("{frame:?}") };
        let decoded = &entry["decoded"];
        assert_eq!(u32::from(job.job_byte()), number(&decoded["job_id"]));
        match job {
            Job::Header(HeaderJob { header, length, midstates, .. }) => {
                assert_eq!(decoded["format"], "full_header");
                assert_eq!(header.to_bytes()[..76], bytes(&decoded["header76"])[..]);
                assert_eq!(u32::from(length), number(&decoded["length_byte"]));
                assert_eq!(Some(u64::from(midstates)), decoded["num_midstates"].as_u64());
            }
            Job::Midstates(job) => {
                assert_eq!(decoded["format"], "midstate");
                assert_eq!((job.nbits, job.ntime), (number(&decoded["nbits"]), number(&decoded["ntime"])));
                assert_eq!(job.merkle_tail, array(&decoded["merkle_tail_wire"]));
                let wires = entries(decoded, "midstates_wire");
                assert_eq!(usize::from(job.slots), wires.len());
                for (midstate, wire) in job.midstates.iter().zip(wires) {
                    assert_eq!(midstate.to_reversed_words(), array(wire));
                }
            }
        }
    }
}

#[test]
fn a_job_made_from_a_header_is_the_captured_frame() {
    for entry in of_kind("job_frame", 9) {
        let wire = bytes(&entry["hex"]);
        let generation = generation(&entry, &wire);
        let Frame::Job(Job::Header(captured)) = decode(generation, Side::Host, &wire) else { continue };
        let made =
            HeaderJob { length: captured.length, ..HeaderJob::new(captured.job_byte, captured.header) };
        assert_eq!(encode(generation, &Frame::Job(Job::Header(made))), wire);
    }
    let header = Header {
        version: 0x2000_0004,
        prev_hash: Hash(array(&Value::from(
            "35fd44bf837bdc13c6e5607db472b528a804d248490700000000000000000000",
        ))),
        merkle_root: Hash(array(&Value::from(
            "cd1be82132ef0d12053dcece1fa0247fcfdb61d4dbd3eb32ea9ef9b4c604a846",
        ))),
        ntime: 0x6465_8bd8,
        nbits: 0x1705_dd01,
        nonce: 0,
    };
    let job = MidstateJob { count: 4, ..MidstateJob::new(4, &header, &[]).with_slots(4) };
    let esp = of_kind("job_frame", 9).into_iter().find(|entry| entry["id"] == "job-1397-esp").unwrap();
    assert_eq!(encode(Generation::V1, &Frame::Job(Job::Midstates(job))), bytes(&esp["hex"]));
}

#[test]
fn the_midstates_of_the_vectors_are_those_of_their_headers() {
    for entry in of_kind("midstate", 3) {
        let midstate = Midstate::new(&array(&entry["header_first64"]));
        assert_eq!(midstate.to_be_bytes(), array(&entry["midstate_words_big_endian"]));
        assert_eq!(midstate.to_reversed_words(), array(&entry["midstate_wire"]));
    }
}

#[test]
fn a_simulated_chip_takes_a_full_header_whatever_the_length_byte_says() {
    let entry = of_kind("job_frame", 9).into_iter().find(|entry| entry["id"] == "job-full-a8").unwrap();
    let Frame::Job(Job::Header(job)) = decode(Generation::V2, Side::Host, &bytes(&entry["hex"])) else {
        panic!()
    };
    for length in [0x36, 0x56, 0xff] {
        let job = Frame::Job(Job::Header(HeaderJob { length, ..job }));
        let wire = encode(Generation::V2, &job);
        let mut codec = Codec::new(Generation::V2, Side::Host);
        assert_eq!(codec.decode(&wire, false), Step::Frame { frame: job, used: 88 });
        codec.set_jobs(Jobs::Headers);
        assert_eq!(codec.decode(&wire, false), Step::Frame { frame: job, used: 88 });
    }
}

#[test]
fn a_chip_that_is_told_the_format_of_its_answers_does_not_wait_for_more() {
    let wire = bytes(&Value::from("aa550000c100001802"));
    let mut codec = Codec::new(Generation::V2, Side::Device);
    assert_eq!(codec.decode(&wire, false), Step::NeedMore);
    assert!(matches!(codec.decode(&wire, true), Step::Frame { used: 9, .. }));
    codec.set_answers(Answers::Short);
    assert!(matches!(codec.decode(&wire, false), Step::Frame { used: 9, .. }));
}

/// What `adit decode` prints of every frame of the vectors, in the dialect of its board.
#[test]
fn every_frame_of_the_vectors_is_listed_with_its_type_and_fields() {
    let file = load("bm13xx");
    let mut listed = 0;
    for entry in entries(&file, "vectors") {
        let fields = [("hex", None), ("job_hex", Some("job")), ("response_hex", Some("nonce"))];
        for (field, wanted) in fields {
            let Some(text) = entry[field].as_str() else { continue };
            let wire = hex::decode(text).unwrap();
            let wanted = match entry["kind"].as_str().unwrap() {
                "job_frame" => "job",
                "register_response" => "register",
                "nonce_response" => "nonce",
                "reject_response" => continue,
                _ => wanted.unwrap_or("command"),
            };
            let from = if ["register", "nonce"].contains(&wanted) { Side::Device } else { Side::Host };
            let preamble = wire[..2] == [0x55, 0xaa] || wire[..2] == [0xaa, 0x55];
            let name = if preamble { "bm13xx" } else { "bm13xx-v0" };
            let mut found = Vec::new();
            protocol(name).unwrap().decoder(from).feed(&wire, true, &mut |item| found.push(item));
            let [item] = &found[..] else { panic!("{entry}: {found:?}") };
            let frame = serde_json::to_value(item.found.as_ref().unwrap()).unwrap();
            let kind = frame["type"].as_str().unwrap();
            let fields: &[&str] = match kind {
                "set_address" => &["chip"],
                "write_register" => &["all", "chip", "register", "value"],
                "read_register" => &["all", "chip", "register"],
                "chain_inactive" => &["all"],
                "job" => &["job_id", "nbits", "ntime", "num_midstates", "start_nonce"],
                "register" => &["chip", "register", "value"],
                "nonce" => &["nonce", "job_id", "detail"],
                other => panic!("{other}"),
            };
            assert!(wanted == kind || wanted == "command" && from == Side::Host, "{entry}: {frame}");
            assert!(fields.iter().all(|field| !frame[field].is_null()), "{entry}: {frame}");
            assert_eq!(frame["version_bits"].is_u64(), kind == "nonce" && wire.len() == 11, "{frame}");
            listed += 1;
        }
    }
    assert!(listed > 100, "{listed}");
    let mut codes = Vec::new();
    let mut decoder = protocol("bm13xx").unwrap().decoder(Side::Device);
    decoder.feed(&hex::decode("aa551800a640029922f991").unwrap(), true, &mut |item| codes.push(item));
    let frame = serde_json::to_value(codes[0].found.as_ref().unwrap()).unwrap();
    assert_eq!(
        (&frame["nonce"], &frame["job_id"], &frame["version_bits"]),
        (&json!(0x40a6_0018_u32), &json!(0x99), &json!(0x045f_2000))
    );
}
