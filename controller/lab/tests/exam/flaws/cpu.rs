//! Broken computers.

use std::time::Duration;

use adit_protocol::cpu::{Answer, Codec, Frame, Order, VERSION, Work};
use adit_protocol::wire::{Codec as _, Micros, Side, Step};

use super::{Hears, Pieces, Says, at_once, finds};
use crate::broken::Flaw;

fn frame(from: Side, bytes: &[u8]) -> Option<Frame> {
    match Codec::new(from).decode(bytes, true) {
        Step::Frame { frame, used } if used == bytes.len() => Some(frame),
        _ => None,
    }
}

fn encoded(frame: Frame) -> Vec<u8> {
    Codec::new(Side::Host).encoded(&frame)
}

/// A flaw of what it says.
fn answers(
    mut change: impl FnMut(Answer) -> Pieces + Send,
) -> Says<impl FnMut(Micros, Vec<u8>) -> Pieces + Send> {
    Says(move |_, bytes: Vec<u8>| match frame(Side::Device, &bytes) {
        Some(Frame::Answer(answer)) => change(answer),
        _ => at_once(bytes),
    })
}

fn say(answer: Answer) -> Pieces {
    at_once(encoded(Frame::Answer(answer)))
}

/// A flaw of what it hears.
fn orders(
    mut change: impl FnMut(Order) -> Order + Send,
) -> Hears<impl FnMut(Micros, &[u8]) -> Vec<u8> + Send> {
    Hears(move |_, bytes: &[u8]| match frame(Side::Host, bytes) {
        Some(Frame::Order(order)) => encoded(Frame::Order(change(order))),
        _ => bytes.to_vec(),
    })
}

#[test]
fn a_wrong_crc_is_found_by_the_first_answer() {
    let damage = |_, mut bytes: Vec<u8>| {
        *bytes.last_mut().expect("bytes") ^= 1;
        at_once(bytes)
    };
    finds("cpu", "identity", Says(damage));
}

#[test]
fn a_computer_that_speaks_every_version_is_found_by_one_that_there_is_not() {
    let any = orders(|order| match order {
        Order::Hello { .. } => Order::Hello { version: VERSION },
        order => order,
    });
    finds("cpu", "other-version", any);
}

#[test]
fn works_that_nobody_can_search_are_found_to_be_taken() {
    let mend = orders(|order| match order {
        Order::Work(work) if !work.is_possible() && work.id != 0 => {
            Order::Work(Work { first: 0, mask: adit_protocol::pow::VersionMask(0), ..work })
        }
        order => order,
    });
    finds("cpu", "impossible-works", mend);
}

#[test]
fn an_end_that_nobody_hears_of_is_found_by_a_short_work() {
    let mute = |answer| match answer {
        Answer::Done { work: 7 } => Vec::new(),
        answer => say(answer),
    };
    finds("cpu", "done", answers(mute));
}

#[test]
fn a_range_without_its_last_nonce_is_found_by_a_known_one() {
    let shorten = orders(|order| match order {
        Order::Work(work)
            if work.last < u32::MAX && work.last > work.first && work.id < 200 && work.id != 7 =>
        {
            Order::Work(Work { last: work.last - 1, ..work })
        }
        order => order,
    });
    finds("cpu", "golden-jobs", shorten);
}

#[test]
fn late_nonces_of_the_work_before_are_found_by_replacing_it() {
    let late = |answer| match answer {
        Answer::Nonce { work: 1, .. } => {
            vec![(Duration::from_millis(400), encoded(Frame::Answer(answer)))]
        }
        answer => say(answer),
    };
    finds("cpu", "job-replacement", answers(late));
}

#[test]
fn duplicate_nonces_are_found_by_remembering_them() {
    let mut count = 0;
    let twice = move |answer| {
        count += u32::from(matches!(answer, Answer::Nonce { .. }));
        let mut pieces = say(answer);
        if matches!(answer, Answer::Nonce { .. }) && count % 12 == 0 {
            pieces.push((Duration::from_millis(20), encoded(Frame::Answer(answer))));
        }
        pieces
    };
    finds("cpu", "no-duplicates", answers(twice));
}

#[test]
fn false_nonces_are_found_by_hashing() {
    let mut count = 0;
    let flip = move |answer| match answer {
        Answer::Nonce { work, version, nonce } if work < 100 => {
            count += 1;
            say(Answer::Nonce { work, version, nonce: nonce ^ u32::from(count % 10 == 9) })
        }
        answer => say(answer),
    };
    finds("cpu", "nothing-false", answers(flip));
}

#[test]
fn an_ignored_target_is_found_by_a_harder_one() {
    let easier = orders(|order| match order {
        Order::Work(work) if work.target.leading_zeros() == 10 => {
            Order::Work(Work { target: work.target << 3 | 7, ..work })
        }
        order => order,
    });
    finds("cpu", "target", easier);
}

#[test]
fn a_duty_cycle_that_is_not_kept_is_found_by_half_of_it() {
    let full = orders(|order| match order {
        Order::Pace { nice, .. } => Order::Pace { duty: 100, nice },
        order => order,
    });
    finds("cpu", "pace", full);
}

#[test]
fn a_computer_that_falls_silent_at_rest_is_found_by_listening() {
    let mute = |answer| match answer {
        Answer::Progress { work: 0, .. } => Vec::new(),
        answer => say(answer),
    };
    finds("cpu", "signs-of-life", answers(mute));
}

/// Keeps half a frame for longer than it may.
#[derive(Default)]
struct Patient {
    kept: Vec<u8>,
}

impl Flaw for Patient {
    fn hears(&mut self, _now: Micros, bytes: &[u8]) -> Vec<u8> {
        let half = bytes.len() < 6 && bytes.starts_with(&[0xc5, 0x02]) && bytes.len() != 3;
        let kept = std::mem::take(&mut self.kept);
        if half {
            self.kept = bytes.to_vec();
            return Vec::new();
        }
        // what follows half a frame completes it, and is lost
        if kept.is_empty() { bytes.to_vec() } else { kept }
    }
}

#[test]
fn a_computer_that_keeps_half_a_frame_is_found_by_one() {
    finds("cpu", "half-frame", Patient::default());
}
