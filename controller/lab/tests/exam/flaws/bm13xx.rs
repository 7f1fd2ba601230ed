//! Broken chains of two BM1370.

use std::time::Duration;

use adit_lab::exam::Subject;
use adit_protocol::bm13xx::{Codec, Command, Frame, Generation, NonceAnswer, Register, RegisterAnswer, To};
use adit_protocol::wire::{Codec as _, Micros, Port, Side, Step};

use super::{Hears, Pieces, Says, at_once, finds_at};
use crate::broken::Flaw;
use crate::{subject, twin};

fn finds(check: &str, flaw: impl Flaw + 'static) {
    let subject = Subject { chips: Some(2), ..subject("bm1370-chain") };
    let sound = twin(&subject);
    finds_at(subject, sound, Port(0), check, flaw);
}

fn frame(from: Side, bytes: &[u8]) -> Option<Frame> {
    match Codec::new(Generation::V2, from).decode(bytes, true) {
        Step::Frame { frame, used } if used == bytes.len() => Some(frame),
        _ => None,
    }
}

fn command(bytes: &[u8]) -> Option<Command> {
    match frame(Side::Host, bytes)? {
        Frame::Command(command) => Some(command),
        _ => None,
    }
}

fn encoded(frame: Frame) -> Vec<u8> {
    Codec::new(Generation::V2, Side::Host).encoded(&frame)
}

/// A flaw of the answers to reads.
fn registers(
    mut change: impl FnMut(RegisterAnswer) -> RegisterAnswer + Send,
) -> Says<impl FnMut(Micros, Vec<u8>) -> Pieces + Send> {
    Says(move |_, bytes: Vec<u8>| match frame(Side::Device, &bytes) {
        Some(Frame::Register(answer)) => at_once(encoded(Frame::Register(change(answer)))),
        _ => at_once(bytes),
    })
}

/// Nonces of known jobs.
const KNOWN: [u32; 3] = [0x7c2b_ac1d, 0x9546_a142, 0x7e5f_b903];

/// A flaw of the nonces of jobs that nobody knows.
fn nonces(
    mut change: impl FnMut(NonceAnswer) -> Pieces + Send,
) -> Says<impl FnMut(Micros, Vec<u8>) -> Pieces + Send> {
    Says(move |_, bytes: Vec<u8>| match frame(Side::Device, &bytes) {
        Some(Frame::Nonce(answer)) if !KNOWN.contains(&answer.number()) => change(answer),
        _ => at_once(bytes),
    })
}

#[test]
fn a_chain_that_never_answers_is_found_by_its_id() {
    finds("chip-id", Says(|_, _| Vec::new()));
}

#[test]
fn a_wrong_chip_id_is_found_by_reading_it() {
    let other = |answer: RegisterAnswer| match answer.register {
        Register::CHIP_ID => RegisterAnswer { value: 0x1371_0000, ..answer },
        _ => answer,
    };
    finds("chip-id", registers(other));
}

#[test]
fn a_wrong_crc_is_found() {
    let damage = |_, mut bytes: Vec<u8>| {
        if let Some(Frame::Register(RegisterAnswer { register: Register::MISC_CONTROL, .. })) =
            frame(Side::Device, &bytes)
            && let Some(last) = bytes.last_mut()
        {
            *last ^= 1;
        }
        at_once(bytes)
    };
    finds("answer-crc", Says(damage));
}

/// Until addresses are given, every chip answers twice.
#[derive(Default)]
struct AnswersTwice {
    addressed: bool,
}

impl Flaw for AnswersTwice {
    fn hears(&mut self, _now: Micros, bytes: &[u8]) -> Vec<u8> {
        self.addressed |= matches!(command(bytes), Some(Command::SetAddress(_)));
        bytes.to_vec()
    }

    fn says(&mut self, _now: Micros, bytes: Vec<u8>) -> Pieces {
        let is_id = matches!(
            frame(Side::Device, &bytes),
            Some(Frame::Register(RegisterAnswer { register: Register::CHIP_ID, .. }))
        );
        let times = if is_id && !self.addressed { 2 } else { 1 };
        vec![(Duration::ZERO, bytes); times]
    }
}

#[test]
fn a_chip_that_answers_twice_is_found_by_counting() {
    finds("chip-count", AnswersTwice::default());
}

/// Answers reads of all with another address than it was given.
#[derive(Default)]
struct WrongAddress {
    all: bool,
}

impl Flaw for WrongAddress {
    fn hears(&mut self, _now: Micros, bytes: &[u8]) -> Vec<u8> {
        self.all = matches!(command(bytes), Some(Command::Read { to: To::All, .. }));
        bytes.to_vec()
    }

    fn says(&mut self, _now: Micros, bytes: Vec<u8>) -> Pieces {
        match frame(Side::Device, &bytes) {
            Some(Frame::Register(answer)) if self.all && answer.chip == 0x80 => {
                at_once(encoded(Frame::Register(RegisterAnswer { chip: 0x40, ..answer })))
            }
            _ => at_once(bytes),
        }
    }
}

#[test]
fn a_wrong_address_is_found_by_reading_all() {
    finds("addresses", WrongAddress::default());
}

#[test]
fn chips_that_answer_for_each_other_are_found_by_asking_one() {
    let all = |_, bytes: &[u8]| match command(bytes) {
        Some(Command::Read { register, .. }) => encoded(Frame::Command(Command::read_all(register))),
        _ => bytes.to_vec(),
    };
    finds("single-read", Hears(all));
}

#[test]
fn swapped_bytes_of_a_register_are_found_by_writing_it() {
    let swap = |answer: RegisterAnswer| match answer.register {
        Register::TICKET_MASK => RegisterAnswer { value: answer.value.swap_bytes(), ..answer },
        _ => answer,
    };
    finds("register-write", registers(swap));
}

#[test]
fn chips_that_do_not_look_at_the_crc_are_found_by_a_wrong_one() {
    let obey = |_, bytes: &[u8]| match bytes {
        [0x55, 0xaa, 0x52, 0x05, 0, register, _] => {
            encoded(Frame::Command(Command::read_all(Register(*register))))
        }
        bytes => bytes.to_vec(),
    };
    finds("command-crc", Hears(obey));
}

/// Deaf to one command after something that `upsets` it.
fn deaf_after(upsets: impl Fn(&[u8]) -> bool + Send) -> Hears<impl FnMut(Micros, &[u8]) -> Vec<u8> + Send> {
    let mut deaf = false;
    Hears(move |_, bytes: &[u8]| {
        let was_deaf = std::mem::replace(&mut deaf, upsets(bytes));
        if was_deaf { Vec::new() } else { bytes.to_vec() }
    })
}

#[test]
fn chips_that_garbage_deafens_are_found_by_garbage() {
    finds("garbage", deaf_after(|bytes| !bytes.starts_with(&[0x55, 0xaa])));
}

#[test]
fn chips_that_keep_half_a_frame_are_found_by_one() {
    finds("half-frame", deaf_after(|bytes| bytes.len() == 10));
}

#[test]
fn chips_that_hang_on_a_cut_command_are_found_by_reopening() {
    finds("reopening", deaf_after(|bytes| bytes.len() == 3));
}

#[test]
fn an_ignored_baud_change_is_found_at_the_new_rate() {
    let ignore = |_, bytes: &[u8]| match command(bytes) {
        Some(Command::Write { register: Register::FAST_UART, .. }) => Vec::new(),
        _ => bytes.to_vec(),
    };
    finds("baud-change", Hears(ignore));
}

#[test]
fn a_chain_that_never_answers_golden_work_is_found_by_it() {
    let mute = |_, bytes: Vec<u8>| match frame(Side::Device, &bytes) {
        Some(Frame::Nonce(answer)) if answer.number() == KNOWN[1] => Vec::new(),
        _ => at_once(bytes),
    };
    finds("golden-jobs", Says(mute));
}

#[test]
fn a_stuck_job_id_is_found_by_asking_with_several() {
    let stuck = |_, bytes: Vec<u8>| match frame(Side::Device, &bytes) {
        Some(Frame::Nonce(answer)) => {
            at_once(encoded(Frame::Nonce(NonceAnswer { id: 0x50 | answer.id & 0xf, ..answer })))
        }
        _ => at_once(bytes),
    };
    finds("job-ids", Says(stuck));
}

#[test]
fn false_nonces_are_found_by_hashing() {
    let mut count = 0;
    let flip = move |mut answer: NonceAnswer| {
        count += 1;
        answer.nonce[3] ^= u8::from(count % 5 == 0);
        at_once(encoded(Frame::Nonce(answer)))
    };
    finds("nothing-false", nonces(flip));
}

#[test]
fn lost_nonces_are_found_by_counting() {
    let mut count = 0;
    let lose = move |answer: NonceAnswer| {
        count += 1;
        if count % 2 == 0 { Vec::new() } else { at_once(encoded(Frame::Nonce(answer))) }
    };
    finds("hash-rate", nonces(lose));
}

#[test]
fn late_nonces_of_the_previous_job_are_found_by_replacing_it() {
    let late = |answer| vec![(Duration::from_millis(800), encoded(Frame::Nonce(answer)))];
    finds("job-replacement", nonces(late));
}

#[test]
fn duplicate_nonces_are_found_by_remembering_them() {
    let mut count = 0;
    let twice = move |answer: NonceAnswer| {
        count += 1;
        let again = (Duration::from_millis(20), encoded(Frame::Nonce(answer)));
        let mut pieces = at_once(encoded(Frame::Nonce(answer)));
        pieces.extend((count % 12 == 0).then_some(again));
        pieces
    };
    finds("no-duplicates", nonces(twice));
}

/// Does not obey writes of a register once it works.
fn ignores(register: Register) -> Hears<impl FnMut(Micros, &[u8]) -> Vec<u8> + Send> {
    let mut working = false;
    Hears(move |_, bytes: &[u8]| {
        working |= matches!(frame(Side::Host, bytes), Some(Frame::Job(_)));
        match command(bytes) {
            Some(Command::Write { register: meant, .. }) if meant == register && working => Vec::new(),
            _ => bytes.to_vec(),
        }
    })
}

#[test]
fn an_ignored_ticket_mask_is_found_by_a_harder_one() {
    finds("ticket-mask", ignores(Register::TICKET_MASK));
}

#[test]
fn an_ignored_frequency_is_found_by_setting_another() {
    finds("pll", ignores(Register::PLL0));
}
