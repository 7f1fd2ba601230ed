//! GekkoScience sticks against `vectors/gekko.json`: BM1384 frame by frame, and the frames of the other chips through the codecs
//! of the BM13xx family.

use adit_protocol::bm13xx::{
    Bm1384Codec, Bm1384Command, Bm1384Frame, Bm1384Work, Codec, Command, Frame, Generation, Register, Ticket,
};
use adit_protocol::pow::{Hash, Header};
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Codec as _, Side, Step};
use adit_protocol::{gekko, hex};
use serde_json::Value;

use crate::vectors::{array, bytes, entries, load, number, text};

fn bm1384(from: Side, frame: &[u8]) -> Bm1384Frame {
    match Bm1384Codec::new(from).decode(frame, true) {
        Step::Frame { frame: found, used } if used == frame.len() => found,
        step => panic!("{frame:02x?}: {step:?}"),
    }
}

fn of_chip<'a>(list: &'a [Value], chip: &'a str) -> impl Iterator<Item = &'a Value> {
    list.iter().filter(move |entry| entry["chip"] == chip)
}

#[test]
fn addresses_are_those_of_the_initialisation() {
    let file = load("gekko");
    for (list, chips) in [("one_chip", 1), ("two_chips", 2)] {
        let steps = entries(&file["init"]["BM1384"], list);
        let mut frames = steps.iter().map(|step| bm1384(Side::Host, &bytes(&step["frame"])));
        assert_eq!(frames.next(), Some(Bm1384Frame::Command(Bm1384Command::Inactive)));
        let addresses = (0..chips).map(|index| Bm1384Command::SetAddress(gekko::address(index, chips)));
        assert!(frames.eq(addresses.map(Bm1384Frame::Command)));
    }
    let read = bm1384(Side::Host, &bytes(&file["init"]["BM1384"]["enumerate"]));
    assert_eq!(read, Bm1384Frame::Command(Bm1384Command::Read { chip: None, register: 0 }));
}

#[test]
fn every_chip_says_who_it_is() {
    let file = load("gekko");
    let replies = entries(&file, "identity_replies");
    for reply in replies {
        let frame = bytes(&reply["frame"]);
        let generation = match text(&reply["chip"]) {
            "BM1384" => {
                let value = u32::from(gekko::CHIP_ID) << 16;
                assert_eq!(bm1384(Side::Device, &frame), Bm1384Frame::Register { value });
                continue;
            }
            "BM1387" => Generation::V0,
            "BM1397" => Generation::V1,
            _ => Generation::V2,
        };
        let step = Codec::new(generation, Side::Device).decode(&frame, true);
        let Step::Frame { frame: Frame::Register(answer), .. } = step else { panic!("{reply}: {step:?}") };
        let id = answer.value >> 16;
        assert_eq!(format!("BM{id:x}"), text(&reply["chip"]));
    }
}

#[test]
fn clocks_are_set_and_read_back() {
    let file = load("gekko");
    let mut exact = 0;
    for entry in entries(&file["pll"], "BM1384") {
        let mhz = entry["mhz"].as_f64().unwrap();
        let Bm1384Frame::Command(Bm1384Command::SetPll(word)) = bm1384(Side::Host, &bytes(&entry["set"]))
        else {
            panic!("{entry}")
        };
        assert_eq!(u32::from(word.0), number(&entry["word"]));
        let truth = entry["true_mhz_by_divider"].as_f64().unwrap();
        assert!((gekko::clock(word).mhz() - truth).abs() < 1e-3, "{entry}");
        let value = gekko::pll_register(word);
        assert_eq!(bm1384(Side::Device, &bytes(&entry["reply"])), Bm1384Frame::Register { value });
        // Ours may divide otherwise, and is never a word that gives another clock.
        let ours = gekko::clock(gekko::clock_word(Hertz::from_mhz(mhz))).mhz();
        assert!((ours - mhz).abs() <= if mhz > 400.0 { 6.25 } else { 0.0 }, "{mhz}: {ours}");
        exact += u32::from(ours == mhz);
    }
    assert!(exact > 40, "{exact}");
}

#[test]
fn works_and_answers_of_real_blocks_are_solved() {
    let file = load("gekko");
    for entry in of_chip(entries(&file, "work"), "BM1384") {
        let header = Header::from_bytes(&array(&entry["header"]));
        let id = entry["job_id"].as_u64().unwrap() as u8;
        let work = Bm1384Work {
            ticket: entry["ticket"].as_u64().unwrap() as u8,
            nonce_count: number(&entry["hcn"]),
            ..Bm1384Work::new(id, &header)
        };
        let wire = bytes(&entry["work"]);
        assert_eq!(Bm1384Codec::new(Side::Device).encoded(&Bm1384Frame::Work(work)), wire, "{}", entry["id"]);
        assert_eq!(bm1384(Side::Host, &wire), Bm1384Frame::Work(work));
        let answer = bm1384(Side::Device, &bytes(&entry["nonce_response"]));
        let Bm1384Frame::Nonce { nonce, job_id } = answer else { panic!("{answer:?}") };
        assert_eq!(job_id, id);
        let Hash(mut hash) = work.hash(nonce);
        hash.reverse();
        assert_eq!(hex::encode(&hash), text(&entry["hash_display"]));
    }
}

#[test]
fn works_of_the_other_chips_are_frames_of_their_family() {
    let file = load("gekko");
    let mut seen = 0;
    for entry in entries(&file, "work") {
        let generation = match text(&entry["chip"]) {
            "BM1387" => Generation::V0,
            "BM1397" => Generation::V1,
            "BM1362" | "BM1370" => Generation::V2,
            _ => continue,
        };
        let answer = bytes(&entry["nonce_response"]);
        let step = Codec::new(generation, Side::Device).decode(&answer, true);
        let Step::Frame { frame: Frame::Nonce(nonce), used } = step else { panic!("{entry}: {step:?}") };
        assert_eq!((nonce.nonce, used), (array(&entry["nonce_wire"]), answer.len()));
        seen += 1;
    }
    assert!(seen >= 8, "{seen}");
}

#[test]
fn tickets_are_powers_of_two_with_their_bits_reversed() {
    let file = load("gekko");
    for entry in entries(&file, "ticket_mask") {
        let difficulty = entry["difficulty"].as_f64().unwrap();
        let value = Ticket::from_difficulty(difficulty).register();
        let frame = Frame::Command(Command::write_all(Register::TICKET_MASK, value));
        assert_eq!(Codec::new(Generation::V1, Side::Device).encoded(&frame), bytes(&entry["frame"]));
    }
    let rate = |mhz, chips| gekko::ticket(gekko::rate(Hertz::from_mhz(mhz), chips)).difficulty();
    assert_eq!([rate(150.0, 1), rate(100.0, 2), rate(100.0, 6), rate(106.25, 6)], [1.0, 2.0, 4.0, 8.0]);
}

#[test]
fn the_work_that_opens_cores_is_zero_but_for_its_id() {
    for number in [0, 1, 31, 56] {
        let wire = Bm1384Codec::new(Side::Device).encoded(&Bm1384Frame::Work(gekko::opening_work(number)));
        assert!(wire.iter().enumerate().all(|(at, byte)| at == 51 || *byte == 0));
        assert_eq!(u16::from(wire[51]), number % 32);
    }
}

#[test]
fn chips_are_told_by_the_first_byte_of_their_nonces() {
    for chips in [1, 2, 6, 12] {
        for chip in 0..chips {
            assert_eq!(gekko::chip_of([gekko::address(chip, chips), 0, 0, 0], chips), chip);
        }
        assert_eq!(gekko::chip_of([0xff; 4], chips), chips - 1);
    }
    assert_eq!(gekko::address(1, 2), 0x80);
    assert_eq!(gekko::chip_of([7; 4], 0), 0);
}
