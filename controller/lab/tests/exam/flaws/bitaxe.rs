//! Broken boards: a Gamma, its firmware, its parts, its chip.

use adit_protocol::bitaxe_raw::{
    Codec, Dialect, ErrorCode, ErrorReply, Firmware, Frame, Operation, Reply, Transfer,
};
use adit_protocol::bm13xx::{Codec as ChipCodec, Frame as ChipFrame, Generation};
use adit_protocol::i2c::{emc2101, pmbus, tps546};
use adit_protocol::wire::{Codec as _, Micros, Port, Side, Step};

use super::{Hears, Pieces, Says, at_once, finds_at};
use crate::broken::Flaw;
use crate::{subject, twin};

const CONTROL: Port = Port(0);
const DATA: Port = Port(1);

fn finds(port: Port, check: &str, flaw: impl Flaw + 'static) {
    let subject = subject("bitaxe-gamma");
    let sound = twin(&subject);
    finds_at(subject, sound, port, check, flaw);
}

fn frame(from: Side, bytes: &[u8]) -> Option<Frame> {
    match Codec::new(Dialect::V0, from).decode(bytes, true) {
        Step::Frame { frame, used } if used == bytes.len() => Some(frame),
        _ => None,
    }
}

fn encoded(frame: Frame) -> Vec<u8> {
    Codec::new(Dialect::V0, Side::Host).encoded(&frame)
}

fn operation(bytes: &[u8]) -> Option<Operation> {
    match frame(Side::Host, bytes)? {
        Frame::Request(request) => Operation::of(Firmware::Classic, &request),
        _ => None,
    }
}

/// A flaw of what a register of a part holds.
struct Reads<F> {
    address: u8,
    register: u8,
    asked: bool,
    change: F,
}

impl<F: FnMut(&mut Vec<u8>) + Send> Flaw for Reads<F> {
    fn hears(&mut self, _now: Micros, bytes: &[u8]) -> Vec<u8> {
        self.asked = matches!(
            operation(bytes),
            Some(Operation::I2c(_, Transfer::WriteRead { address, bytes, .. }))
                if address == self.address && bytes == [self.register]
        );
        bytes.to_vec()
    }

    fn says(&mut self, _now: Micros, bytes: Vec<u8>) -> Pieces {
        match frame(Side::Device, &bytes) {
            Some(Frame::Reply(Reply { id, mut data })) if self.asked => {
                (self.change)(&mut data);
                at_once(encoded(Frame::Reply(Reply { id, data })))
            }
            _ => at_once(bytes),
        }
    }
}

fn reads(address: u8, register: u8, change: impl FnMut(&mut Vec<u8>) + Send) -> impl Flaw {
    Reads { address, register, asked: false, change }
}

#[test]
fn a_firmware_that_answers_in_no_layout_is_found_at_once() {
    let strange = |_, mut bytes: Vec<u8>| {
        bytes.insert(2, 0);
        at_once(bytes)
    };
    finds(CONTROL, "control-port", Says(strange));
}

#[test]
fn an_id_that_is_taken_for_a_mark_is_found_by_using_it() {
    let strange = |_, mut bytes: Vec<u8>| {
        if bytes.get(2) == Some(&0xfe) {
            bytes[2] = 0xfd;
        }
        at_once(bytes)
    };
    finds(CONTROL, "request-ids", Says(strange));
}

#[test]
fn another_regulator_is_found_by_its_identity_and_never_switched_on() {
    finds(CONTROL, "parts", reads(tps546::ADDRESS, pmbus::IC_DEVICE_ID, |data| data[6] ^= 1));
}

#[test]
fn a_page_that_is_not_refused_as_one_is_found() {
    let mut last = 0;
    struct Echo<F>(F);
    impl<F: FnMut(Option<u8>, Vec<u8>) -> Vec<u8> + Send> Flaw for Echo<F> {
        fn hears(&mut self, _now: Micros, bytes: &[u8]) -> Vec<u8> {
            (self.0)(bytes.get(2).copied(), Vec::new());
            bytes.to_vec()
        }
        fn says(&mut self, _now: Micros, bytes: Vec<u8>) -> Pieces {
            at_once((self.0)(None, bytes))
        }
    }
    let echo = Echo(move |asked: Option<u8>, bytes: Vec<u8>| {
        last = asked.unwrap_or(last);
        match frame(Side::Device, &bytes) {
            Some(Frame::Error(ErrorReply { code: code @ ErrorCode::Invalid, .. })) => {
                encoded(Frame::Error(ErrorReply { id: last, code }))
            }
            _ => bytes,
        }
    });
    finds(CONTROL, "unknown-page", echo);
}

#[test]
fn an_error_that_is_laid_out_as_a_success_is_found_by_asking_nobody() {
    let success = |_, mut bytes: Vec<u8>| {
        if let Some(Frame::Error(ErrorReply { code: ErrorCode::Text(_), .. })) = frame(Side::Device, &bytes) {
            bytes[0] -= 3;
        }
        at_once(bytes)
    };
    finds(CONTROL, "nobody-there", Says(success));
}

#[test]
fn a_tachometer_that_stands_still_is_found_by_full_speed() {
    finds(CONTROL, "fan", reads(emc2101::ADDRESS, emc2101::TACH_HIGH, |data| data[0] = 0xff));
}

#[test]
fn a_request_that_is_not_forgotten_is_found_by_half_of_one() {
    let mut half = Vec::new();
    let join = move |_, bytes: &[u8]| {
        let joined = [std::mem::take(&mut half).as_slice(), bytes].concat();
        if joined.len() == 5 {
            half = joined;
            return Vec::new();
        }
        joined
    };
    finds(CONTROL, "control-half-request", Hears(join));
}

#[test]
fn a_wrong_core_voltage_is_found_and_switched_off() {
    finds(CONTROL, "core-voltage", reads(tps546::ADDRESS, pmbus::READ_VOUT, |data| data[1] += 1));
}

#[test]
fn a_diode_that_is_open_is_found_and_the_chips_switched_off() {
    finds(CONTROL, "temperature", reads(emc2101::ADDRESS, emc2101::EXTERNAL_HIGH, |data| data[0] = 0x7f));
}

#[test]
fn a_reset_pin_that_does_nothing_is_found_by_asking_the_chips() {
    let high = |_, bytes: &[u8]| match operation(bytes) {
        Some(Operation::GpioSet { pin: 0, high: false }) => {
            let mut bytes = bytes.to_vec();
            bytes[6] = 1;
            bytes
        }
        _ => bytes.to_vec(),
    };
    finds(CONTROL, "reset-pin", Hears(high));
}

#[test]
fn a_chip_behind_a_board_is_held_against_what_chips_do() {
    let damage = |_, mut bytes: Vec<u8>| {
        let register = ChipCodec::new(Generation::V2, Side::Device).decode(&bytes, true);
        if let Step::Frame { frame: ChipFrame::Register(answer), .. } = register
            && answer.register == adit_protocol::bm13xx::Register::MISC_CONTROL
            && let Some(last) = bytes.last_mut()
        {
            *last ^= 1;
        }
        at_once(bytes)
    };
    finds(DATA, "answer-crc", Says(damage));
}
