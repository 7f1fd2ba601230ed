//! GekkoScience sticks with BM1387 and later chips against `vectors/gekko.json`: frames, clocks, works, solutions, telemetry, and
//! what their hosts ask of the bridge.

use adit_protocol::bm13xx::{
    Chip, Codec, Command, Frame, Generation, Job, Jobs, Pll, Register, To, crc5, crc16, rolled_versions,
};
use adit_protocol::bridge::{Heard, Uart, ftdi};
use adit_protocol::devices::Bridge;
use adit_protocol::gekko::telemetry::{Request, Scale, Sensor};
use adit_protocol::gekko::{CBUS, CBUS_RESET, CBUS_RUN, LATCH, LATCH_OFF, LATCH_ON};
use adit_protocol::pow::{Header, VersionMask};
use adit_protocol::wire::{Codec as _, SetupPacket, Side, Step};
use serde_json::Value;

use crate::vectors::{array, bytes, entries, load, number, text};

const CHIPS: [Chip; 4] = [Chip::Bm1387, Chip::Bm1397, Chip::Bm1362, Chip::Bm1370];

fn chip(entry: &Value) -> Option<Chip> {
    Chip::from_name(text(&entry["chip"]))
}

/// What a chip of this type, or its host, is heard to say.
fn decoded(chip: Chip, from: Side, frame: &[u8]) -> Frame {
    let mut codec = Codec::new(chip.facts().generation, from);
    codec.set_jobs(if chip.rolls_versions() { Jobs::Headers } else { Jobs::Midstates });
    match codec.decode(frame, true) {
        Step::Frame { frame: found, used } if used == frame.len() => found,
        step => panic!("{frame:02x?}: {step:?}"),
    }
}

fn encoded(chip: Chip, frame: &Frame) -> Vec<u8> {
    Codec::new(chip.facts().generation, Side::Device).encoded(frame)
}

#[test]
fn every_frame_of_the_initialisations_is_a_command_but_the_malformed_one() {
    let init = &load("gekko")["init"];
    let (mut seen, mut malformed) = (0, 0);
    for chip in CHIPS {
        for list in init[chip.facts().name].as_object().unwrap().values().filter_map(Value::as_array) {
            for step in list.iter().filter(|step| step["frame"].is_string()) {
                let wire = bytes(&step["frame"]);
                if text(&step["name"]).starts_with("malformed") {
                    let step = Codec::new(Generation::V2, Side::Host).decode(&wire, true);
                    assert!(matches!(step, Step::Skip { .. }), "{step:?}");
                    malformed += 1;
                    continue;
                }
                let frame = decoded(chip, Side::Host, &wire);
                assert!(matches!(frame, Frame::Command(_)), "{step}: {frame:?}");
                assert_eq!(encoded(chip, &frame), wire, "{step}");
                seen += 1;
            }
        }
    }
    assert!(seen > 100 && malformed == 2, "{seen}, {malformed}");
}

#[test]
fn clocks_are_set_and_read_back_at_every_step() {
    let pll = &load("gekko")["pll"];
    let lists = [(Chip::Bm1387, "BM1387"), (Chip::Bm1397, "BM1397"), (Chip::Bm1362, "BM1362_BM1370")];
    for (chip, list) in lists {
        for entry in entries(pll, list) {
            let mhz = entry["actual_mhz"].as_f64().or(entry["mhz"].as_f64()).unwrap();
            let frame = decoded(chip, Side::Host, &bytes(&entry["set_all"]));
            let Frame::Command(Command::Write { to: To::All, register, value }) = frame else {
                panic!("{entry}")
            };
            assert_eq!(register, chip.pll_register());
            let clock =
                |word| Pll::from_word(chip.facts().pll.encoding, word).map(|pll| pll.frequency().mhz());
            if mhz > 0.0 {
                let found = clock(value).unwrap_or_else(|| panic!("{entry}"));
                assert!((found - mhz).abs() < 1e-3, "{entry}: {found}");
            }
            let reply = ["reply", "reply_addr00"].into_iter().find_map(|key| entry[key].as_str()).unwrap();
            let Frame::Register(answer) = decoded(chip, Side::Device, &bytes(&reply.into())) else {
                panic!("{entry}")
            };
            assert_eq!(answer.value & 0x3fff_ffff, value & 0x3fff_ffff, "{entry}");
        }
    }
}

#[test]
fn works_and_answers_of_real_blocks_are_solved() {
    let file = load("gekko");
    let mut seen = 0;
    for entry in entries(&file, "work") {
        let Some(chip) = chip(entry) else { continue };
        let header = Header::from_bytes(&array(&entry["header"]));
        let Frame::Job(job) = decoded(chip, Side::Host, &bytes(&entry["work"])) else { panic!("{entry}") };
        assert_eq!(u64::from(job.job_byte()), entry["job_id"].as_u64().unwrap());
        let Frame::Nonce(answer) = decoded(chip, Side::Device, &bytes(&entry["nonce_response"])) else {
            panic!("{entry}")
        };
        assert_eq!(answer.nonce, array(&entry["nonce_wire"]));
        assert_eq!(
            chip.answer_id(answer.id, 4).job_byte,
            chip.answer_id(chip.id_byte(job.job_byte(), 0), 4).job_byte
        );
        let hash = match &job {
            Job::Midstates(job) => job.hash(0, answer.nonce).unwrap(),
            Job::Header(job) => Header { nonce: answer.number(), ..job.header }.hash(),
        };
        assert_eq!(hash, header.hash());
        assert_eq!(hash.to_string(), text(&entry["hash_display"]));
        seen += 1;
    }
    assert_eq!(seen, 16);
}

#[test]
fn rolled_versions_are_those_that_were_hashed() {
    let file = load("gekko");
    for entry in entries(&file, "version_rolling") {
        let chip = chip(entry).unwrap();
        let solved = Header::from_bytes(&array(&entry["solved_header"]));
        let Frame::Job(job) = decoded(chip, Side::Host, &bytes(&entry["work"])) else { panic!("{entry}") };
        let Frame::Nonce(answer) = decoded(chip, Side::Device, &bytes(&entry["nonce_response"])) else {
            panic!("{entry}")
        };
        assert_eq!(answer.number(), solved.nonce);
        match &job {
            Job::Midstates(job) => {
                let index = entry["midstate_index"].as_u64().unwrap() as u8;
                assert_eq!(job.hash(index, answer.nonce), Some(solved.hash()), "{}", entry["id"]);
            }
            Job::Header(job) => {
                let mask = VersionMask(number(&entry["version_mask"]));
                let versions = rolled_versions(job.header.version, mask, answer.version.unwrap());
                assert!(versions.contains(&solved.version), "{}: {versions:x?}", entry["id"]);
                let claimed = Header { version: solved.version, nonce: answer.number(), ..job.header };
                assert_eq!(claimed.hash().to_string(), text(&entry["hash_display"]));
            }
        }
    }
}

#[test]
fn works_that_open_cores_have_the_solutions_that_were_found_by_trying_all() {
    let file = &load("gekko")["open_core"];
    for entry in entries(file, "frames") {
        let Some(chip) = chip(entry) else { continue };
        let Frame::Job(job) = decoded(chip, Side::Host, &bytes(&entry["work"])) else { panic!("{entry}") };
        let id = entry["job_id"].as_u64().unwrap();
        // The common host keeps only the upper half of a BM1370's.
        assert_eq!(u64::from(job.job_byte()), if chip == Chip::Bm1370 { id & 0xf0 } else { id });
        for solution in entries(file, "solutions") {
            let nonce: [u8; 4] = array(&solution["nonce_wire"]);
            let hash = match &job {
                Job::Midstates(job) => job.hash(0, nonce).unwrap(),
                Job::Header(job) => Header { nonce: u32::from_le_bytes(nonce), ..job.header }.hash(),
            };
            let is_of_this_work = text(&solution["work"]).contains(chip.facts().name);
            assert_eq!(hash.0 == array(&solution["second_hash"]), is_of_this_work, "{entry} {solution}");
        }
    }
}

#[test]
fn captured_frames_are_read_as_they_were_meant() {
    let file = &load("gekko")["captures"];
    for entry in entries(&file["bm1387_nonces"], "frames") {
        let Frame::Nonce(answer) = decoded(Chip::Bm1387, Side::Device, &bytes(&entry["frame"])) else {
            panic!("{entry}")
        };
        assert_eq!(answer.nonce, array(&entry["nonce_wire"]));
        assert_eq!(u64::from(answer.id), entry["job_byte"].as_u64().unwrap());
        assert_eq!(u64::from(answer.detail), entry["aux"].as_u64().unwrap());
        let split = adit_protocol::bm13xx::Split::Addresses { stride: 128 };
        let unit = Chip::Bm1387.facts().layout.chip_index(answer.nonce, split, 2);
        assert_eq!(unit.map(u64::from), entry["chip_of_2"].as_u64());
    }
    for (chip, entry) in [(Chip::Bm1387, &file["bm1387_job"]), (Chip::Bm1362, &file["full_header_job"])] {
        assert!(matches!(decoded(chip, Side::Host, &bytes(&entry["frame"])), Frame::Job(_)), "{entry}");
    }
    for entry in entries(file, "others") {
        let chip = Chip::from_name(&text(&entry["chip"])[..6]).unwrap();
        if entry["frame"].is_string() {
            let answer = decoded(chip, Side::Device, &bytes(&entry["frame"]));
            assert!(matches!(answer, Frame::Nonce(_)), "{entry}");
            continue;
        }
        let solved = Header::from_bytes(&array(&entry["solved_header"]));
        let work = decoded(chip, Side::Host, &bytes(&entry["work_as_captured"]));
        let Frame::Job(Job::Header(job)) = work else { panic!("{entry}") };
        let answer = decoded(chip, Side::Device, &bytes(&entry["nonce_response"]));
        let Frame::Nonce(answer) = answer else { panic!("{entry}") };
        let versions = rolled_versions(job.header.version, VersionMask::BIP320, answer.version.unwrap());
        let claims = versions.map(|version| Header { version, nonce: answer.number(), ..job.header });
        assert!(claims.contains(&solved), "{entry}");
        assert_eq!(solved.hash().to_string(), text(&entry["hash_display"]));
    }
}

#[test]
fn checksums_are_those_of_the_tables() {
    let file = &load("gekko")["crc"];
    for entry in entries(file, "crc16") {
        assert_eq!(u32::from(crc16(&bytes(&entry["bytes"]))), number(&entry["crc"]), "{entry}");
    }
    let whole = |entry: &&Value| entry["bits"].as_u64() == Some(4 * text(&entry["bytes"]).len() as u64);
    for entry in entries(file, "crc5").iter().filter(whole) {
        assert_eq!(u32::from(crc5(&bytes(&entry["bytes"]))), number(&entry["crc"]), "{entry}");
    }
}

#[test]
fn measured_values_have_their_scales() {
    let file = &load("gekko")["telemetry"];
    let scale = |version| Scale::of_version(version).unwrap();
    let (first, high, low) = (scale(0x10), scale(0x20), scale(0x21));
    for entry in entries(file, "scale") {
        let answer = [bytes(&entry["byte"])[0]; 7];
        let expect = |key: &str, scale: Scale, sensor| {
            let found = scale.read(sensor, &answer);
            let expected = entry[key].as_f64();
            match (found, expected) {
                (Some(found), Some(expected)) => {
                    assert!((found - expected).abs() < 1e-3, "{key} {entry}: {found}")
                }
                (found, expected) => assert_eq!(found, expected, "{key} {entry}"),
            }
            if let Some(found) = found.filter(|found| *found < 125.0) {
                assert_eq!(scale.code(sensor, Some(found)), answer[0], "{key} {entry}");
            }
        };
        expect("vin_v1", first, Sensor::InputVolts);
        expect("vin_v2v3", high, Sensor::InputVolts);
        expect("iin_hi", high, Sensor::InputAmperes);
        expect("iin_lo", low, Sensor::InputAmperes);
        expect("vout_per_chip", low, Sensor::CoreVolts);
        expect("temp", low, Sensor::Celsius);
        expect("temp", low, Sensor::OtherCelsius);
        expect("tach_rpm", low, Sensor::FanRpm);
    }
    for entry in entries(file, "core_voltage") {
        let request = Request::core(entry["mv"].as_f64().unwrap() / 1e3);
        assert_eq!(request.to_bytes().to_vec(), bytes(&entry["cmd"]), "{entry}");
        assert_eq!(Request::from_bytes(request.to_bytes()), Some(request));
    }
    assert!(!first.has(Sensor::OtherCelsius) && Scale::of_version(0x40).is_none());
}

/// What the bridge understands of the requests in `list`.
fn heard(list: &Value, uart: Uart) -> Vec<Heard> {
    let requests = list.as_array().unwrap().iter().filter(|request| request["bRequest"].is_u64());
    let understood = |request: &Value| {
        let data = bytes(&request["data"]);
        let setup = SetupPacket {
            request_type: number(&request["bmRequestType"]) as u8,
            request: request["bRequest"].as_u64().unwrap() as u8,
            value: number(&request["wValue"]) as u16,
            index: number(&request["wIndex"]) as u16,
            length: data.len() as u16,
        };
        uart.heard(&setup, &data).unwrap_or_else(|| panic!("{request}: a stall"))
    };
    requests.map(understood).collect()
}

#[test]
fn the_requests_of_their_hosts_are_understood_by_the_bridges() {
    let usb = &load("gekko")["usb"];
    let pins = |mask, levels: &[u8]| {
        levels.iter().map(|value| Heard::Pins { mask, value: *value }).collect::<Vec<_>>()
    };
    let driven = |heard: Vec<Heard>| {
        heard.into_iter().filter(|it| matches!(it, Heard::Pins { .. })).collect::<Vec<_>>()
    };
    let ft_x = Uart::new(Bridge::Ftdi, 0, 0x1000);
    let reset = heard(&usb["ftdi_reset_bm1387"], ft_x);
    assert!(reset.contains(&Heard::Reset) && reset.contains(&Heard::Baud(115_385)), "{reset:?}");
    assert_eq!(driven(reset), pins(CBUS, &[CBUS_RUN, CBUS_RESET, CBUS_RUN]));
    let fast = heard(&Value::Array(vec![usb["ftdi_baud_1500000"].clone()]), ft_x);
    assert_eq!(fast, [Heard::Baud(1_500_000)]);
    let chips = Uart::new(Bridge::Cp210x, 0, 0x0100);
    assert_eq!(driven(heard(&usb["cp2105_enable"], chips)), pins(LATCH, &[LATCH_ON]));
    assert_eq!(driven(heard(&usb["cp2105_disable"], chips)), pins(LATCH, &[LATCH_OFF]));
    let telemetry = heard(&usb["cp2105_telemetry"], Uart::new(Bridge::Cp210x, 1, 0x0100));
    assert!(telemetry.contains(&Heard::Enabled(true)) && telemetry.contains(&Heard::Baud(115_200)));
}

#[test]
fn twelve_identities_in_two_packets_are_twelve() {
    let file = &load("gekko")["ftdi_packets"];
    let (payload, transfer) =
        (bytes(&file["payload"]), entries(file, "packets").iter().flat_map(bytes).collect::<Vec<u8>>());
    let mut data = Vec::new();
    assert!(ftdi::strip(&transfer, 64, &mut data).is_some());
    assert_eq!(data, payload);
    let mut dressed = Vec::new();
    let status = ftdi::Status([0x01, 0x60]);
    let first = ftdi::dress(status, &payload, 64, &mut dressed);
    ftdi::dress(status, &payload[first..], 64, &mut dressed);
    assert_eq!(dressed, transfer);
    for identity in payload.chunks(7) {
        let Frame::Register(answer) = decoded(Chip::Bm1387, Side::Device, identity) else { panic!() };
        assert_eq!((answer.register, answer.value >> 16), (Register::CHIP_ID, 0x1387));
    }
}
