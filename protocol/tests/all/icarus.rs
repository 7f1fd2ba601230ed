//! The Icarus family against `vectors/icarus.json`.

use adit_protocol::icarus::{
    CairnsmoreCommand, Chip, ChipCommand, Codec, Command, Dialect, Division, Frame, Job, Nonce, PllWord,
    RboxProduct, RboxRecord, RecordKind, Register, Reject, VoltageCode, golden, rbox_clock_code,
    rbox_clock_mhz,
};
use adit_protocol::pow::Header;
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Codec as _, Side, Step};
use proptest::prelude::*;
use serde_json::Value;

use crate::vectors::{array, bytes, entries, load, number, text};

/// Frames, or why bytes are none, with their lengths, of a burst that is followed by silence.
pub(crate) fn decode(dialect: Dialect, from: Side, mut burst: &[u8]) -> Vec<(usize, Result<Frame, Reject>)> {
    let mut codec = Codec::new(dialect, from);
    let mut items = Vec::new();
    while !burst.is_empty() {
        let item = match codec.decode(burst, true) {
            Step::Frame { frame, used } => (used, Ok(frame)),
            Step::Skip { used, why } => (used, Err(why)),
            Step::NeedMore => panic!("waits for more after silence"),
        };
        burst = &burst[item.0..];
        items.push(item);
    }
    items
}

/// The one frame that a burst consists of.
pub(crate) fn only(dialect: Dialect, from: Side, burst: &[u8]) -> Frame {
    let items = decode(dialect, from, burst);
    let [(used, Ok(frame))] = items.as_slice() else { panic!("{items:?}") };
    assert_eq!(*used, burst.len());
    *frame
}

pub(crate) fn encode(dialect: Dialect, frame: Frame) -> Vec<u8> {
    let mut out = Vec::new();
    Codec::new(dialect, Side::Host).encode(&frame, &mut out);
    out
}

fn job_of(entry: &Value) -> Job {
    let Frame::Job(job) = only(Dialect::Icarus, Side::Host, &bytes(&entry["wire"])) else { panic!("no job") };
    job
}

fn command(dialect: Dialect, command: Command) -> Vec<u8> {
    encode(dialect, Frame::Command(command))
}

#[test]
fn every_known_job_is_read_written_and_solved_by_its_known_nonces() {
    let file = load("icarus");
    for entry in entries(&file, "jobs") {
        let job = job_of(entry);
        let words: Vec<String> = job.midstate.0.iter().map(|word| format!("{word:08x}")).collect();
        assert_eq!(entry["midstate_words_h0_h7"], Value::from(words));
        assert_eq!(job.tail, array(&entry["header_64_75"]));
        assert_eq!(encode(Dialect::Icarus, Frame::Job(job)), bytes(&entry["wire"]));
        assert_eq!(encode(Dialect::Icarus5, Frame::Job(job)), bytes(&entry["wire"]));
        if !entry["header"].is_null() {
            let header = Header::from_bytes(&array(&entry["header"]));
            assert_eq!(Job { filler: job.filler, ..Job::from_header(&header) }, job);
            assert_eq!(job.hash(header.nonce), header.hash());
        }
        for reply in entries(entry, "replies") {
            let Frame::Nonce(nonce) = only(Dialect::Icarus, Side::Device, &bytes(&reply["nonce_wire"]))
            else {
                panic!("no nonce")
            };
            assert_eq!(u64::from(nonce.nonce), reply["header_nonce_le_u32"].as_u64().unwrap());
            assert_eq!(nonce.counter(), number(&reply["nonce_wire"]));
            assert_eq!(job.hash(nonce.nonce).to_string(), text(&reply["hash_be"]));
            assert!(job.is_solved_by(nonce.nonce));
            assert!(!job.is_solved_by(nonce.nonce.wrapping_add(1)));
        }
    }
}

#[test]
fn the_known_jobs_are_those_of_the_vectors_with_all_their_solutions() {
    let file = load("icarus");
    assert_eq!(golden::KNOWN_JOBS.len(), entries(&file, "jobs").len() + 1, "and the Cairnsmore probe");
    for entry in entries(&file, "jobs") {
        let known = golden::lookup(&job_of(entry)).expect("a known job");
        assert_eq!(known.id, text(&entry["id"]));
        let listed = match entry["all_solutions_wire"].as_array() {
            Some(all) => all.iter().map(number).collect::<Vec<_>>(),
            None => entries(entry, "replies").iter().map(|reply| number(&reply["nonce_wire"])).collect(),
        };
        assert_eq!(known.counters, listed);
        assert_eq!(known.complete, !entry["all_solutions_wire"].is_null());
    }
    for known in golden::KNOWN_JOBS {
        assert!(known.nonces().all(|nonce| known.job().is_solved_by(nonce)), "{}", known.id);
    }
    assert_eq!(golden::lookup(&Job { tail: [0; 12], ..golden::GENESIS.job() }), None);
}

#[test]
fn the_health_jobs_of_a_u3_name_their_chip_in_the_top_bits() {
    let four = Division::new(4).unwrap();
    let jobs = [golden::U3_CHIP_0, golden::U3_CHIP_1, golden::U3_CHIP_2, golden::U3_CHIP_3];
    for (chip, job) in (0..).zip(jobs) {
        assert_eq!(four.engine(job.counters[0]), chip, "{}", job.id);
    }
}

#[test]
fn the_first_answer_to_the_probe_tells_the_work_division() {
    let file = load("icarus");
    for entry in entries(&file, "division") {
        let division =
            Division::new(u16::try_from(entry["work_division"].as_u64().unwrap()).unwrap()).unwrap();
        if entry["job"].is_null() {
            let first = number(&entry["first_reply_to_probe"]);
            assert_eq!(division.mask(), number(&entry["mask"]));
            assert_eq!(golden::DIVISION_PROBE.first_counter(division), first);
            assert_eq!(Division::from_probe(first), Some(division));
        } else {
            let job = golden::KNOWN_JOBS.iter().find(|job| job.id == text(&entry["job"])).unwrap();
            let first = job.first_counter(division);
            assert_eq!(first, number(&entry["first_reply"]));
            assert_eq!(Some(division.hashes(first, division.parts())), entry["hashes_counted"].as_u64());
        }
    }
    assert_eq!(Division::from_probe(0x0001_87a2), None);
    assert_eq!([Division::new(0), Division::new(3), Division::new(512)], [None; 3]);
    assert_eq!(Division::ONE.engine(u32::MAX), 0);
    assert_eq!(Division::new(8).unwrap().engine(0x60c9_94d5), 0b011);
}

#[test]
fn every_known_chip_command_has_its_bytes_and_no_other_four_bytes_pass() {
    let file = load("icarus");
    let known = |id: &str| match id {
        "read-reg-04" => ChipCommand::ReadRegister { chip: 0, register: 4 },
        "gate-off" => ChipCommand::Gate(false),
        "pattern-83" => ChipCommand::Pattern,
        id => match id.split_at(8) {
            ("set-pll-", word) => ChipCommand::SetPll(PllWord(u16::from_str_radix(word, 16).unwrap())),
            ("voltage-", millivolts) => {
                ChipCommand::Voltage(VoltageCode::from_millivolts(millivolts.parse().unwrap()).unwrap())
            }
            _ => panic!("{id} is not covered"),
        },
    };
    for entry in entries(&file, "bm13xx_commands") {
        let (id, wire) = (text(&entry["id"]), bytes(&entry["bytes"]));
        if id.starts_with("reg-04-reply-") || matches!(id, "two-commands-one-write" | "identify-frame") {
            continue; // tested by name below
        }
        assert_eq!(command(Dialect::Icarus5, Command::Chip(known(id))), wire, "{id}");
        assert_eq!(
            only(Dialect::Icarus5, Side::Host, &wire),
            Frame::Command(Command::Chip(known(id))),
            "{id}"
        );
        for bit in 0..32 {
            let mut damaged = wire.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let items = decode(Dialect::Icarus5, Side::Host, &damaged);
            assert!(
                items.iter().all(|(_, item)| item.is_err()),
                "{id} with bit {bit} flipped gives {items:?}"
            );
        }
    }
    assert_eq!(ChipCommand::Gate(true).to_bytes()[..3], [0xbb, 0x08, 0x00]);
}

#[test]
fn a_register_reply_is_told_from_a_nonce_by_its_crc() {
    let file = load("icarus");
    for (id, word) in [("reg-04-reply-0b83", 0x0b83), ("reg-04-reply-1006", 0x1006)] {
        let all = entries(&file, "bm13xx_commands");
        let wire = bytes(&all.iter().find(|entry| entry["id"] == id).unwrap()["bytes"]);
        let Frame::Register(register) = only(Dialect::Icarus5, Side::Device, &wire) else {
            panic!("no register")
        };
        assert_eq!(register, Register::pll(PllWord(word)));
        assert_eq!(register.pll_word(Chip::Bm1384), Some(PllWord(word)));
        assert_eq!(encode(Dialect::Icarus5, Frame::Register(register)), wire);
        assert_eq!(register.as_nonce().counter().to_be_bytes(), wire[..4]);

        let marked = [&wire[..4], &[wire[4] | Nonce::MARK]].concat();
        assert!(matches!(only(Dialect::Icarus5, Side::Device, &marked), Frame::Nonce(_)));
        let unmarked = [&wire[..4], &[wire[4] ^ 1]].concat();
        let Frame::Nonce(nonce) = only(Dialect::Icarus5, Side::Device, &unmarked) else { panic!("no nonce") };
        assert_eq!(nonce.work_id(), wire[4] ^ 1, "chips that do not mark their nonces are understood");
    }
    assert_eq!(Register { value: 0x0b83_0000 }.pll_word(Chip::Bm1384), None);
}

#[test]
fn every_listed_clock_word_gives_its_frequency_and_its_command() {
    let file = load("icarus");
    for entry in entries(&file, "pll") {
        let word = PllWord(u16::try_from(number(&entry["word"])).unwrap());
        let (mhz, algorithm) = (entry["mhz"].as_f64().unwrap(), entry["algorithm"].as_str());
        let chips: &[Chip] = match text(&entry["chip"]) {
            "BM1380" => &[Chip::Bm1380],
            "BM1382" => &[Chip::Bm1382],
            "BM1384" => &[Chip::Bm1384],
            _ => &[Chip::Bm1382, Chip::Bm1384],
        };
        for chip in chips {
            assert_eq!(word.frequency(*chip).mhz(), mhz, "{entry}");
            if algorithm.is_none() {
                assert_eq!(PllWord::for_frequency(*chip, Hertz::from_mhz(mhz)), word, "{entry}");
            }
        }
        if let Some(vco) = entry["vco_mhz"].as_f64() {
            assert_eq!(word.oscillator().mhz(), vco);
        }
        if let Some(wire) = entry["command"].as_str() {
            let found = command(Dialect::Icarus5, Command::Chip(ChipCommand::SetPll(word)));
            assert_eq!(adit_protocol::hex::encode(&found), wire);
        }
    }
}

#[test]
fn cairnsmore_commands_are_jobs_with_a_secret() {
    let file = load("icarus");
    for entry in entries(&file, "cairnsmore") {
        let wanted = match text(&entry["id"]) {
            "dynclock-probe" => CairnsmoreCommand::probe(),
            "identify-1" => CairnsmoreCommand::identify(true),
            "identify-0" => CairnsmoreCommand::identify(false),
            _ => CairnsmoreCommand::clock(u8::try_from(entry["multiplier"].as_u64().unwrap()).unwrap()),
        };
        let wire = bytes(entry.get("frame").unwrap_or(&entry["frame_bfgminer_style"]));
        assert_eq!(command(Dialect::Icarus, Command::Cairnsmore(wanted)), wire);
        assert_eq!(only(Dialect::Icarus, Side::Host, &wire), Frame::Command(Command::Cairnsmore(wanted)));
        assert!(wanted.is_obeyed());
        if let Some(mhz) = entry["mhz"].as_f64() {
            assert_eq!(CairnsmoreCommand::clock_of(wanted.data).mhz(), mhz);
        }
    }
    let probe = &entries(&file, "cairnsmore")[0];
    let known = golden::lookup(&CairnsmoreCommand::probe().as_job()).expect("the probe is a known job");
    assert_eq!(known.first_counter(Division::ONE), number(&probe["reply_if_hashed"]));
    assert_eq!(known.first_counter(Division::TWO), number(&probe["reply_if_hashed"]));
    assert_eq!(known.counters, entries(probe, "all_solutions_wire").iter().map(number).collect::<Vec<_>>());
    let hash = CairnsmoreCommand::probe().as_job().hash(known.nonces().next().unwrap());
    assert_eq!(hash.to_string(), text(&probe["hash_be"]));
}

#[test]
fn a_cairnsmore_command_without_ff_in_its_time_is_recognised_but_not_obeyed() {
    let command = CairnsmoreCommand { trailer: [0; 12], ..CairnsmoreCommand::clock(72) };
    let wire = self::command(Dialect::Icarus, Command::Cairnsmore(command));
    assert_eq!(only(Dialect::Icarus, Side::Host, &wire), Frame::Command(Command::Cairnsmore(command)));
    assert!(!command.is_obeyed());
    let mut damaged = wire;
    damaged[32] ^= 1;
    assert!(matches!(only(Dialect::Icarus, Side::Host, &damaged), Frame::Job(_)), "anything else is a job");
}

#[test]
fn rbox_jobs_hold_the_same_work_in_another_order() {
    let file = load("icarus");
    for entry in entries(&file, "rbox").iter().filter(|entry| !entry["frame"].is_null()) {
        let wire = bytes(&entry["frame"]);
        let Frame::Job(job) = only(Dialect::Rbox, Side::Host, &wire) else { panic!("no job") };
        let nonce = u32::from_le_bytes(array(&entry["nonce_reply_first4"]));
        assert!(job.is_solved_by(nonce));
        let known = golden::lookup(&job).expect("a known job");
        assert_eq!(known.job().for_rbox(job.rbox_clock(), job.rbox_chip()), job);
        assert_eq!(encode(Dialect::Rbox, Frame::Job(job)), wire);
        if let (Some(mhz), Some(chip)) = (entry["mhz"].as_u64(), entry["chip"].as_u64()) {
            assert_eq!(u64::from(rbox_clock_mhz(job.rbox_clock())), mhz);
            assert_eq!(rbox_clock_code(mhz as u16), job.rbox_clock());
            assert_eq!(u64::from(job.rbox_chip()), chip);
        }
    }
}

#[test]
fn rbox_records_tell_nonce_slot_chip_product_and_temperature() {
    let file = load("icarus");
    let record = |kind, product, chip, slot, temperature| RboxRecord {
        kind,
        status: 0,
        chip,
        product,
        slot,
        temperature,
    };
    let golden = RecordKind::Nonce(golden::BLOCK_171874.nonces().next().unwrap());
    let wanted = [
        (record(golden, RboxProduct::Rbox, 0, 0, 30), Some(30)),
        (record(RecordKind::Complete, RboxProduct::T1, 3, 1, 128), None),
        (record(RecordKind::Request, RboxProduct::T1, 0, 0, 41), Some(41)),
    ];
    let replies: Vec<_> = entries(&file, "rbox").iter().filter(|entry| entry["id"] == "reply").collect();
    assert_eq!(replies.len(), wanted.len());
    for (entry, (record, celsius)) in replies.into_iter().zip(wanted) {
        let wire = bytes(&entry["bytes"]);
        assert_eq!(only(Dialect::Rbox, Side::Device, &wire), Frame::Record(record));
        assert_eq!(encode(Dialect::Rbox, Frame::Record(record)), wire);
        assert_eq!(record.celsius(), celsius);
    }
}

#[test]
fn an_rbox_stream_finds_its_step_again_after_a_lost_byte() {
    let job = Frame::Job(golden::GENESIS.job().for_rbox(26, 1));
    let wire = encode(Dialect::Rbox, job);
    let items = decode(Dialect::Rbox, Side::Host, &[&wire[1..], &wire[..]].concat());
    assert_eq!(items.iter().filter(|(_, item)| *item == Ok(job)).count(), 1, "{items:?}");

    let record = bytes(&Value::from("0000000002400029"));
    let items = decode(Dialect::Rbox, Side::Device, &[&record[1..], &record[..], &record[..]].concat());
    assert!(items.iter().filter(|(_, item)| item.is_ok()).count() >= 2, "{items:?}");
}

#[test]
fn an_icarus_job_means_nothing_to_an_rbox() {
    let wire = encode(Dialect::Icarus, Frame::Job(golden::BLOCK_171874.job()));
    let items = decode(Dialect::Rbox, Side::Host, &wire);
    assert!(items.iter().all(|(_, item)| item.is_err()), "{items:?}");
}

#[test]
fn an_rbox_record_of_a_chip_that_its_product_lacks_is_refused() {
    let items = decode(Dialect::Rbox, Side::Device, &bytes(&Value::from("000187a20004001e")));
    assert_eq!(items[0], (1, Err(Reject::BadRecordChip { chip: 4, chips: 4 })));
}

proptest! {
    #[test]
    fn the_word_for_a_frequency_is_as_near_as_the_divider_allows(
        mhz in 100.0..500.0_f64, chip in prop::sample::select(vec![Chip::Bm1380, Chip::Bm1382, Chip::Bm1384]),
    ) {
        let word = PllWord::for_frequency(chip, Hertz::from_mhz(mhz));
        prop_assert!((word.frequency(chip).mhz() - mhz).abs() <= 6.25 + 1e-9, "{:?} for {}", word, mhz);
        let range = if chip == Chip::Bm1380 { 300.0..=1000.0 } else { 400.0..=800.0 };
        prop_assert!(range.contains(&word.oscillator().mhz()));
        let high_band = chip == Chip::Bm1380 && word.oscillator().mhz() > 600.0;
        prop_assert_eq!(word.0 >> 14, u16::from(high_band));
    }

    #[test]
    fn every_voltage_code_says_its_millivolts(millivolts in 0..1000_u16) {
        let code = VoltageCode::from_millivolts(millivolts).unwrap();
        prop_assert_eq!(code.millivolts(), Some(millivolts));
        prop_assert_eq!(format!("{:03x}", code.0), format!("{millivolts:03}"));
    }
}
