//! Broken devices of the Icarus family.

use std::time::Duration;

use adit_hw_sim::Build;
use adit_protocol::icarus::golden::{GENESIS, KNOWN_JOBS};
use adit_protocol::icarus::{ChipCommand, Codec, Dialect, Frame};
use adit_protocol::wire::{Codec as _, Micros, Port, Side, Step};

use super::{Hears, Pieces, Says, at_once, finds, finds_at};
use crate::broken::Flaw;
use crate::subject;

fn counter(record: &[u8]) -> u32 {
    u32::from_be_bytes(*record.first_chunk().expect("a record"))
}

#[test]
fn swapped_bytes_are_found_by_the_detection_job() {
    let swap = |_, mut record: Vec<u8>| {
        record[..4].reverse();
        at_once(record)
    };
    finds("block-erupter", "detection-job", Says(swap));
}

#[test]
fn a_device_that_never_answers_is_found_by_the_detection_job() {
    finds("icarus", "detection-job", Says(|_, _| Vec::new()));
}

#[test]
fn a_late_nonce_is_found_by_the_time_of_the_answer() {
    let late = |_, record| vec![(Duration::from_millis(150), record)];
    finds("block-erupter", "prompt-answer", Says(late));
}

#[test]
fn half_answers_are_found_by_their_gap() {
    let halves = |_, record: Vec<u8>| {
        let (first, second) = record.split_at(2);
        vec![(Duration::ZERO, first.to_vec()), (Duration::from_millis(20), second.to_vec())]
    };
    finds("lancelot", "whole-records", Says(halves));
}

#[test]
fn a_wrong_work_division_is_found_by_the_division_probe() {
    let subject = subject("icarus");
    let build = Build {
        seed: 1,
        target_difficulty: Some(subject.difficulty),
        settings: vec![("chips".into(), "1".into())],
    };
    let single = adit_hw_sim::start(subject.model, &build).expect("a twin");
    finds_at(subject, single, Port(0), "work-division", Hears(|_, bytes: &[u8]| bytes.to_vec()));
}

#[test]
fn a_device_that_never_answers_golden_work_is_found_by_it() {
    let mute =
        |_, record: Vec<u8>| if counter(&record) == 0x063c_5e01 { Vec::new() } else { at_once(record) };
    finds("block-erupter", "golden-jobs", Says(mute));
}

/// Goes on with a job that was replaced.
#[derive(Default)]
struct AnswersThePrevious {
    begun: Option<Micros>,
    owed: Option<Duration>,
}

impl Flaw for AnswersThePrevious {
    fn hears(&mut self, now: Micros, bytes: &[u8]) -> Vec<u8> {
        let search = Duration::from_millis(1_482);
        let genesis = GENESIS.job().to_icarus_bytes();
        self.owed = self
            .begun
            .take()
            .filter(|_| bytes.len() == 64)
            .map(|begun| search.saturating_sub(now.since(begun)));
        self.begun = (bytes == genesis).then_some(now);
        bytes.to_vec()
    }

    fn says(&mut self, _now: Micros, bytes: Vec<u8>) -> Pieces {
        if counter(&bytes) == GENESIS.counters[0] {
            self.begun = None;
        }
        at_once(bytes)
    }

    fn adds(&mut self, _now: Micros) -> Option<(Duration, Vec<u8>)> {
        Some((self.owed.take()?, GENESIS.counters[0].to_be_bytes().to_vec()))
    }
}

#[test]
fn an_answer_to_the_previous_job_is_found_by_replacing_a_job() {
    finds("block-erupter", "job-replacement", AnswersThePrevious::default());
}

#[test]
fn duplicate_nonces_are_found_by_counting_them() {
    let mut first = true;
    let twice = move |_, record: Vec<u8>| {
        first &= counter(&record) == 0x0001_87a2;
        let again = (Duration::from_millis(3), record.clone());
        let mut pieces = at_once(record);
        pieces.extend((!first && counter(&again.1) != 0x0001_87a2).then_some(again));
        pieces
    };
    finds("block-erupter", "once-and-in-order", Says(twice));
}

#[test]
fn false_nonces_are_found_by_hashing() {
    let flip = |_, mut record: Vec<u8>| {
        if !KNOWN_JOBS.iter().any(|known| known.counters.contains(&counter(&record))) {
            record[3] ^= 1;
        }
        at_once(record)
    };
    finds("block-erupter", "nothing-false", Says(flip));
}

#[test]
fn a_device_that_is_shifted_by_garbage_is_found_by_garbage() {
    let mut shifted = false;
    let shift = move |_, bytes: &[u8]| {
        let deaf = std::mem::replace(&mut shifted, bytes.len() % 2 == 1);
        if deaf { Vec::new() } else { bytes.to_vec() }
    };
    finds("block-erupter", "garbage", Hears(shift));
}

#[test]
fn a_device_that_keeps_half_a_job_is_found_by_half_a_job() {
    let mut half = Vec::new();
    let join = move |_, bytes: &[u8]| {
        half.extend_from_slice(bytes);
        if half.len() == 32 { Vec::new() } else { std::mem::take(&mut half) }
    };
    finds("block-erupter", "half-job", Hears(join));
}

/// Searches at half its speed.
#[derive(Default)]
struct HalfSpeed {
    begun: Micros,
}

impl Flaw for HalfSpeed {
    fn hears(&mut self, now: Micros, bytes: &[u8]) -> Vec<u8> {
        self.begun = now;
        bytes.to_vec()
    }

    fn says(&mut self, now: Micros, bytes: Vec<u8>) -> Pieces {
        vec![(now.since(self.begun), bytes)]
    }
}

#[test]
fn half_the_speed_is_found_by_the_time_of_a_deep_solution() {
    finds("block-erupter", "hash-rate", HalfSpeed::default());
}

#[test]
fn a_device_that_hangs_when_a_job_is_cut_off_is_found_by_reopening() {
    let mut hung = false;
    let hang = move |_, bytes: &[u8]| {
        hung |= bytes.len() == 20;
        if hung { Vec::new() } else { bytes.to_vec() }
    };
    finds("block-erupter", "reopening", Hears(hang));
}

fn is_register(record: &[u8]) -> bool {
    let step = Codec::new(Dialect::Icarus5, Side::Device).decode(record, true);
    matches!(step, Step::Frame { frame: Frame::Register(_), .. })
}

#[test]
fn a_stuck_job_id_is_found_by_asking_with_several() {
    let stuck = |_, mut record: Vec<u8>| {
        if !is_register(&record) {
            record[4] = 0x85;
        }
        at_once(record)
    };
    finds("antminer-u2", "work-ids", Says(stuck));
}

#[test]
fn a_wrong_crc_is_found_by_reading_a_register() {
    let damage = |_, mut record: Vec<u8>| {
        if is_register(&record) {
            record[4] ^= 1;
        }
        at_once(record)
    };
    finds("antminer-u2", "register-read", Says(damage));
}

#[test]
fn a_missing_chip_is_found_by_reading_a_register_of_all() {
    let mut answers = 0;
    let skip = move |_, record: Vec<u8>| {
        answers += usize::from(is_register(&record));
        if is_register(&record) && answers.is_multiple_of(4) { Vec::new() } else { at_once(record) }
    };
    finds("antminer-u3", "register-read", Says(skip));
}

#[test]
fn an_ignored_frequency_is_found_by_the_time_of_a_search() {
    let ignore =
        |_, bytes: &[u8]| if bytes.len() == 4 && bytes[0] == 0x82 { Vec::new() } else { bytes.to_vec() };
    finds("antminer-u2", "frequency", Hears(ignore));
}

#[test]
fn an_ignored_clock_command_is_found_by_the_time_of_a_search() {
    let ignore = |_, bytes: &[u8]| {
        let command = bytes.len() == 64 && bytes[..32] == [0; 32];
        if command { Vec::new() } else { bytes.to_vec() }
    };
    finds("cairnsmore1", "clock-command", Hears(ignore));
}

#[test]
fn a_device_that_does_not_look_at_the_crc_is_found_by_a_wrong_one() {
    let obey = |_, bytes: &[u8]| match bytes {
        [0x84, chip, register, _] => {
            ChipCommand::ReadRegister { chip: *chip, register: *register }.to_bytes().to_vec()
        }
        bytes => bytes.to_vec(),
    };
    finds("antminer-u2", "command-crc", Hears(obey));
}
