//! Broken sticks with two BM1384.

use std::time::Duration;

use adit_protocol::bm13xx::{Bm1384Codec, Bm1384Command, Bm1384Frame};
use adit_protocol::icarus::golden::KNOWN_JOBS;
use adit_protocol::wire::{Codec as _, Micros, Side, Step};

use super::{Hears, Pieces, Says, at_once, finds};

fn frame(from: Side, bytes: &[u8]) -> Option<Bm1384Frame> {
    match Bm1384Codec::new(from).decode(bytes, true) {
        Step::Frame { frame, used } if used == bytes.len() => Some(frame),
        _ => None,
    }
}

fn encoded(frame: Bm1384Frame) -> Vec<u8> {
    Bm1384Codec::new(Side::Host).encoded(&frame)
}

/// A flaw of the nonces of works that nobody knows.
fn nonces(
    mut change: impl FnMut([u8; 4], u8) -> Pieces + Send,
) -> Says<impl FnMut(Micros, Vec<u8>) -> Pieces + Send> {
    let known =
        |nonce: [u8; 4]| KNOWN_JOBS.iter().any(|known| known.counters.contains(&u32::from_be_bytes(nonce)));
    Says(move |_, bytes: Vec<u8>| match frame(Side::Device, &bytes) {
        Some(Bm1384Frame::Nonce { nonce, job_id }) if !known(nonce) => change(nonce, job_id),
        _ => at_once(bytes),
    })
}

fn say(nonce: [u8; 4], job_id: u8) -> Vec<u8> {
    encoded(Bm1384Frame::Nonce { nonce, job_id })
}

fn command(bytes: &[u8]) -> Option<Bm1384Command> {
    match frame(Side::Host, bytes)? {
        Bm1384Frame::Command(command) => Some(command),
        _ => None,
    }
}

#[test]
fn another_chip_is_found_by_its_id() {
    let other = |_, bytes: Vec<u8>| match frame(Side::Device, &bytes) {
        Some(Bm1384Frame::Register { value }) if value >> 16 == 0x1384 => {
            at_once(encoded(Bm1384Frame::Register { value: value + 0x1_0000 }))
        }
        _ => at_once(bytes),
    };
    finds("2pac", "chip-id", Says(other));
}

#[test]
fn chips_that_answer_for_each_other_are_found_by_asking_one() {
    let all = |_, bytes: &[u8]| match command(bytes) {
        Some(Bm1384Command::Read { register, .. }) => {
            encoded(Bm1384Frame::Command(Bm1384Command::Read { chip: None, register }))
        }
        _ => bytes.to_vec(),
    };
    finds("2pac", "addresses", Hears(all));
}

#[test]
fn a_stuck_work_id_is_found_by_asking_with_several() {
    let stuck = |_, bytes: Vec<u8>| match frame(Side::Device, &bytes) {
        Some(Bm1384Frame::Nonce { nonce, .. }) => at_once(say(nonce, 1)),
        _ => at_once(bytes),
    };
    finds("2pac", "job-ids", Says(stuck));
}

#[test]
fn an_ignored_ticket_is_found_by_a_harder_one() {
    let easy = |_, bytes: &[u8]| match frame(Side::Host, bytes) {
        Some(Bm1384Frame::Work(work)) => {
            encoded(Bm1384Frame::Work(adit_protocol::bm13xx::Bm1384Work { ticket: 0, ..work }))
        }
        _ => bytes.to_vec(),
    };
    finds("2pac", "ticket", Hears(easy));
}

#[test]
fn false_nonces_are_found_by_hashing() {
    let mut count = 0;
    let flip = move |mut nonce: [u8; 4], id| {
        count += 1;
        nonce[3] ^= u8::from(count % 5 == 0);
        at_once(say(nonce, id))
    };
    finds("2pac", "nothing-false", nonces(flip));
}

#[test]
fn late_nonces_of_the_work_before_are_found_by_replacing_it() {
    let late = |nonce, id| vec![(Duration::from_millis(110), say(nonce, id))];
    finds("2pac", "job-replacement", nonces(late));
}

#[test]
fn duplicate_nonces_are_found_by_remembering_them() {
    let mut count = 0;
    let twice = move |nonce, id| {
        count += 1;
        let mut pieces = at_once(say(nonce, id));
        pieces.extend((count % 12 == 0).then(|| (Duration::from_millis(5), say(nonce, id))));
        pieces
    };
    finds("2pac", "no-duplicates", nonces(twice));
}

#[test]
fn an_ignored_clock_is_found_by_setting_one() {
    let ignore = |_, bytes: &[u8]| match command(bytes) {
        Some(Bm1384Command::SetPll(_)) => Vec::new(),
        _ => bytes.to_vec(),
    };
    finds("compac", "pll", Hears(ignore));
}
