//! Whatever a device says, the machine neither panics nor runs on, and keeps its books.

use adit_driver::{Action, Detected, Event, Input, Machine, Reply, Settings};
use adit_driver_cpu::start;
use adit_protocol::cpu::{Answer, Codec, Frame, Identity, Kernel, VERSION};
use adit_protocol::devices::model;
use adit_protocol::wire::{Codec as _, Micros, Port, Side};
use proptest::prelude::*;

fn machine() -> Box<dyn Machine> {
    let detected = Detected {
        location: "cpu:1".into(),
        socket: None,
        usb: None,
        candidates: vec![model("cpu").unwrap()],
        chosen: true,
    };
    start(&detected, Settings::default()).unwrap()
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        (0_u8..3, any::<u16>(), 0_u32..3, any::<u64>()).prop_map(|(version, threads, stride, rate)| {
            let (kernel, threads) = (Kernel(0), threads % 64);
            Answer::Identity(Identity { version, kernel, threads, stride, hashes_per_second: rate })
        }),
        (0_u32..4, any::<u32>(), any::<u32>()).prop_map(|(work, version, nonce)| Answer::Nonce {
            work,
            version,
            nonce
        }),
        (0_u32..4, any::<u64>()).prop_map(|(work, hashes)| Answer::Progress { work, hashes }),
        (0_u32..4).prop_map(|work| Answer::Done { work }),
        (any::<u8>(), any::<u32>()).prop_map(|(order, which)| Answer::Refused { order, which }),
    ]
}

fn bytes(answer: Answer) -> Vec<u8> {
    Codec::new(Side::Device).encoded(&Frame::Answer(answer))
}

#[derive(Clone, Debug)]
enum Step {
    Says(Answer),
    Noise(Vec<u8>),
    Quiet,
    Waits(u32),
    JobChanged(bool),
    Stop,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => answer().prop_map(Step::Says),
        1 => prop::collection::vec(any::<u8>(), 1..60).prop_map(Step::Noise),
        1 => Just(Step::Quiet),
        1 => (0_u32..6_000_000).prop_map(Step::Waits),
        1 => any::<bool>().prop_map(Step::JobChanged),
        1 => Just(Step::Stop),
    ]
}

/// Takes everything the machine wants; answers link actions. Says whether it is finished.
fn serve(machine: &mut dyn Machine, now: Micros) -> bool {
    let mut over = false;
    for count in 0.. {
        assert!(count < 1_000, "no end of actions");
        match machine.next_action() {
            Some(Action::Purge { token, .. }) => {
                machine.on_input(now, Input::Done { token, result: Ok(Reply::Complete) });
            }
            Some(Action::Emit(Event::Room { received, free })) => {
                assert!(received == 0 && free <= 1, "no work was given: {received} received, {free} free");
            }
            Some(Action::Emit(Event::Stopped) | Action::Fail(_)) => over = true,
            Some(_) => assert!(!over, "a finished machine goes on"),
            None => return over,
        }
    }
    over
}

proptest! {
    #[test]
    fn anything_may_happen(introduced in any::<bool>(), steps in prop::collection::vec(step(), 0..60)) {
        let (mut machine, mut now) = (machine(), Micros(0));
        machine.on_input(now, Input::LinkUp);
        let mut over = serve(machine.as_mut(), now);
        if introduced {
            let identity =
                Identity { version: VERSION, kernel: Kernel(3), threads: 2, stride: 1, hashes_per_second: 1 << 27 };
            machine.on_input(now, Input::Bytes { port: Port(0), bytes: &bytes(Answer::Identity(identity)) });
            over |= serve(machine.as_mut(), now);
        }
        for step in steps {
            if over {
                break;
            }
            match step {
                Step::Says(answer) => {
                    machine.on_input(now, Input::Bytes { port: Port(0), bytes: &bytes(answer) });
                }
                Step::Noise(noise) => machine.on_input(now, Input::Bytes { port: Port(0), bytes: &noise }),
                Step::Quiet => machine.on_input(now, Input::Quiet { port: Port(0) }),
                Step::Waits(micros) => {
                    now = Micros(now.0 + u64::from(micros));
                    while !over && machine.deadline().is_some_and(|at| at <= now) {
                        machine.on_input(now, Input::Timer);
                        over |= serve(machine.as_mut(), now);
                    }
                }
                Step::JobChanged(clean) => machine.on_input(now, Input::JobChanged { clean }),
                Step::Stop => machine.on_input(now, Input::Stop { by: now }),
            }
            over |= serve(machine.as_mut(), now);
        }
    }
}
