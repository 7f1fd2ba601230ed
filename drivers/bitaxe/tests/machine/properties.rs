//! Whatever a board answers, and whenever it is told to stop.

use std::time::Duration;

use adit_driver::words::work;
use adit_driver::{Action, Detected, Event, Input, LinkError, Machine, Reply, Settings};
use adit_driver_bitaxe::DRIVER;
use adit_protocol::bitaxe_raw::{Firmware, Operation, Request};
use adit_protocol::devices::{Model, model, models};
use adit_protocol::pow::Header;
use adit_protocol::wire::{Micros, Port};
use proptest::prelude::*;

const CONTROL: Port = Port(0);
const DATA: Port = Port(1);
/// Actions without time passing: more is an endless loop.
const MOST_ACTIONS: usize = 10_000;

fn mine() -> Vec<&'static Model> {
    models().filter(|model| model.driver == DRIVER.name).collect()
}

fn machine(candidates: Vec<&'static Model>) -> Box<dyn Machine> {
    let detected =
        Detected { location: "serial:./a+./b".into(), socket: None, usb: None, candidates, chosen: false };
    (DRIVER.start)(&detected, Settings::default()).unwrap()
}

/// What a machine did until it came to rest.
#[derive(Default)]
struct Done {
    requests: Vec<Vec<u8>>,
    stopped: bool,
    failed: bool,
}

fn act(machine: &mut dyn Machine, now: Micros, done: &mut Done) {
    for round in 0.. {
        assert!(round < MOST_ACTIONS, "it never rests");
        let Some(action) = machine.next_action() else { return };
        match action {
            Action::Write { port: CONTROL, bytes } => done.requests.push(bytes),
            Action::Line { token, .. } | Action::Purge { token, .. } => {
                machine.on_input(now, Input::Done { token, result: Ok(Reply::Complete) });
            }
            Action::Emit(Event::Stopped) => done.stopped = true,
            Action::Fail(_) => done.failed = true,
            _ => {}
        }
    }
}

/// How a board answers a request: as hostile as it likes.
#[derive(Clone, Debug)]
enum Mood {
    /// Success with these data bytes, cut or filled to the length that is expected.
    Yes(u8),
    /// A refusal.
    No,
    /// Nothing.
    Silence,
    /// These bytes.
    Noise(Vec<u8>),
}

fn moods() -> impl Strategy<Value = Mood> {
    prop_oneof![
        6 => any::<u8>().prop_map(Mood::Yes),
        2 => Just(Mood::No),
        1 => Just(Mood::Silence),
        1 => prop::collection::vec(any::<u8>(), 1..70).prop_map(Mood::Noise),
    ]
}

fn answer(mood: &Mood, request: &[u8]) -> Vec<u8> {
    let id = request.get(2).copied().unwrap_or(0);
    match mood {
        Mood::Silence => Vec::new(),
        Mood::Noise(bytes) => bytes.clone(),
        Mood::No => [&[0x17, 0, id, 0xff], "I2C WriteRead Error".as_bytes()].concat(),
        Mood::Yes(byte) => {
            let operation = Request::from_bytes(request).and_then(|it| Operation::of(Firmware::Classic, &it));
            let len = operation.and_then(|it| it.reply_len()).unwrap_or(1);
            let level = [&[1, 0, id], &request[request.len() - 1..]].concat();
            match request.get(4) {
                Some(6) if request.len() == 7 => level,
                _ => [&[len as u8, 0, id], vec![*byte; len].as_slice()].concat(),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// No request crashes the firmware (fewer than 6 bytes) or needs a second packet, and a stop ends, with the chips in reset,
    /// within the two seconds there are.
    #[test]
    fn a_machine_survives_any_board_and_stops_in_time(
        moods in prop::collection::vec(moods(), 1..200),
        chips in prop::collection::vec(any::<u8>(), 0..80),
        only in any::<prop::sample::Index>(),
        narrow in any::<bool>(),
    ) {
        let all = mine();
        let candidates = if narrow { vec![all[only.index(all.len())]] } else { all };
        let mut machine = machine(candidates);
        let (mut now, mut done, mut asked) = (Micros(0), Done::default(), 0);
        machine.on_input(now, Input::LinkUp);
        act(&mut *machine, now, &mut done);
        for (round, mood) in moods.iter().enumerate() {
            if done.failed {
                break;
            }
            if let Some(request) = done.requests.get(asked) {
                asked = done.requests.len();
                let bytes = answer(mood, &request.clone());
                now = now + Duration::from_millis(1);
                if !bytes.is_empty() {
                    machine.on_input(now, Input::Bytes { port: CONTROL, bytes: &bytes });
                    act(&mut *machine, now, &mut done);
                    now = now + Duration::from_millis(20);
                    machine.on_input(now, Input::Quiet { port: CONTROL });
                    act(&mut *machine, now, &mut done);
                }
            }
            if round % 7 == 0 && !chips.is_empty() {
                machine.on_input(now, Input::Bytes { port: DATA, bytes: &chips });
                machine.on_input(now, Input::Quiet { port: DATA });
                machine.on_input(now, Input::Work(work(round as u64, Header::from_bytes(&[7; 80]))));
                act(&mut *machine, now, &mut done);
            }
            if let Some(at) = machine.deadline() {
                now = now.max(at);
                machine.on_input(now, Input::Timer);
                act(&mut *machine, now, &mut done);
            }
        }
        for request in &done.requests {
            prop_assert!((6..=64).contains(&request.len()), "{request:02x?}");
            prop_assert_eq!(usize::from(u16::from_le_bytes([request[0], request[1]])), request.len());
            prop_assert_ne!(request[2], 0xff);
        }
        if done.failed {
            return Ok(());
        }
        // From now on the board answers nothing at all.
        let begun = now;
        machine.on_input(now, Input::Stop { by: now + Duration::from_secs(2) });
        act(&mut *machine, now, &mut done);
        while !done.stopped && !done.failed {
            let at = machine.deadline();
            prop_assert!(at.is_some(), "it waits for nothing");
            now = now.max(at.unwrap());
            prop_assert!(now.since(begun) < Duration::from_secs(3), "not stopped after {:?}", now.since(begun));
            machine.on_input(now, Input::Timer);
            act(&mut *machine, now, &mut done);
        }
        let reset = |request: &Vec<u8>| request[4..] == [0x06, 0x00, 0x00];
        prop_assert!(done.requests.iter().any(reset));
    }
}

#[test]
fn an_unplugged_board_ends_the_machine_at_once() {
    let mut machine = machine(vec![model("bitaxe-gamma").unwrap()]);
    let mut done = Done::default();
    machine.on_input(Micros(0), Input::LinkUp);
    act(&mut *machine, Micros(0), &mut done);
    machine.on_input(Micros(1), Input::LinkDown { why: LinkError::Gone });
    act(&mut *machine, Micros(1), &mut done);
    assert!(done.failed && machine.deadline().is_none());
}

#[test]
fn pages_that_mean_different_things_are_not_sent_before_the_firmware_is_known() {
    let mut machine = machine(mine());
    let (mut now, mut done) = (Micros(0), Done::default());
    machine.on_input(now, Input::LinkUp);
    act(&mut *machine, now, &mut done);
    for _ in 0..200 {
        let Some(at) = machine.deadline() else { break };
        now = at;
        machine.on_input(now, Input::Timer);
        act(&mut *machine, now, &mut done);
    }
    assert!(done.failed, "a board that never answers is given up");
    assert!(done.requests.iter().all(|request| ![0x08, 0x09].contains(&request[4])));
}
