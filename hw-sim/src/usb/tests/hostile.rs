//! Hosts that mean no good: lengths, order, races.

use std::collections::HashSet;

use adit_protocol::usbip::{Command, MAX_DATA, Reject, Return, Submit, error};
use adit_protocol::wire::{Micros, SetupPacket};
use proptest::prelude::*;

use super::super::Attached;
use super::device;

fn sends(bytes: &[u8]) -> Result<Vec<u8>, Reject> {
    let (mut device, mut out) = (device("block-erupter", false), Vec::new());
    Attached::default().on_bytes(Micros(1), bytes, &mut device, &mut out).map(|()| out)
}

fn encoded(command: &Command) -> Vec<u8> {
    let mut bytes = Vec::new();
    command.encode(&mut bytes);
    bytes
}

fn submit(sequence: u32, endpoint: u8, length: u32) -> Command {
    let data = if endpoint & 0x80 == 0 { vec![0x55; length as usize] } else { Vec::new() };
    let setup = SetupPacket::from_bytes([0; 8]);
    Command::Submit(Submit { sequence, device: 1, endpoint, flags: 0, interval: 0, setup, length, data })
}

#[test]
fn a_length_that_is_announced_is_not_believed() {
    for at in [24, 25] {
        let mut bytes = encoded(&submit(1, 1, 0));
        bytes[at] = 0xff;
        assert!(matches!(sends(&bytes), Err(Reject::TooLong { .. })), "byte {at}");
    }
    let whole = encoded(&submit(1, 1, MAX_DATA));
    assert!(sends(&whole[..whole.len() - 1]).unwrap().is_empty(), "one byte short: it waits");
    assert_eq!(sends(&whole).unwrap().len(), 48, "whole: it has its return");
}

#[test]
fn numbers_out_of_range_end_the_connection() {
    for (at, value) in [(3, 9), (15, 2), (19, 16), (35, 3)] {
        let mut bytes = encoded(&submit(1, 0x81, 64));
        bytes[at] = value;
        assert!(sends(&bytes).is_err(), "byte {at} = {value}");
    }
    let twice = [encoded(&submit(7, 0x81, 64)), encoded(&submit(7, 0x81, 64))].concat();
    assert_eq!(sends(&twice), Err(Reject::Repeated { sequence: 7 }));
}

#[test]
fn a_reset_of_the_port_ends_what_waits() {
    let (mut device, mut server, mut out) = (device("block-erupter", false), Attached::default(), Vec::new());
    let setup = SetupPacket::from_bytes([0x23, 3, 4, 0, 1, 0, 0, 0]);
    let reset = |sequence| {
        let (data, length) = (Vec::new(), 0);
        Command::Submit(Submit {
            sequence,
            device: 1,
            endpoint: 0,
            flags: 0,
            interval: 0,
            setup,
            length,
            data,
        })
    };
    for command in [submit(1, 0x81, 64), submit(2, 0x81, 64), reset(3), submit(1, 0x81, 64)] {
        server
            .on_bytes(Micros(1), &encoded(&command), &mut device, &mut out)
            .expect("its numbers are free again");
    }
    let mut ended = Vec::new();
    let mut rest = out.as_slice();
    while let Some((Return::Submit { sequence, status, .. }, used)) =
        Return::decode(rest, |_| Some(true)).unwrap()
    {
        ended.push((sequence, status));
        rest = &rest[used..];
    }
    ended.sort_unstable();
    assert_eq!(ended, [(1, error::SHUT_DOWN), (2, error::SHUT_DOWN), (3, error::NONE)]);
}

#[derive(Clone, Debug)]
enum Act {
    Submit(u8, u32),
    /// A request, and whether its transfer goes the other way.
    Control([u8; 8], bool),
    Unlink(usize),
    Wait(u32),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        (prop::sample::select(vec![0x81_u8, 0x01, 0x82, 0x8f, 0x02]), 0..700_u32)
            .prop_map(|(endpoint, length)| Act::Submit(endpoint, length)),
        (any::<[u8; 8]>(), any::<bool>()).prop_map(|(setup, turned)| Act::Control(setup, turned)),
        // A reset of the port.
        Just(Act::Control([0x23, 3, 4, 0, 1, 0, 0, 0], false)),
        (0..40_usize).prop_map(Act::Unlink),
        (0..30_000_u32).prop_map(Act::Wait),
    ];
    prop::collection::vec(act, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn garbage_is_refused_or_waits_for_more(bytes in prop::collection::vec(any::<u8>(), 0..300), code in 0..5_u8) {
        let mut bytes = bytes;
        if bytes.len() > 4 {
            bytes[..4].copy_from_slice(&[0, 0, 0, code]);
        }
        let _ = sends(&bytes);
    }

    /// Whatever is asked in whatever order, cut anywhere: every command has one return, unless it was given up under way.
    #[test]
    fn every_command_has_one_return(
        acts in acts(),
        key in prop::sample::select(vec!["block-erupter", "lancelot", "icarus", "bitaxe-gamma"]),
        cut in 1..200_usize,
    ) {
        let bare = matches!(key, "lancelot" | "icarus");
        let (mut device, mut server, mut now) = (device(key, bare), Attached::default(), Micros(1_000_000));
        let (mut inward, mut open, mut given_up) = (std::collections::HashMap::new(), HashSet::new(), HashSet::new());
        let (mut victims, mut returns) = (std::collections::HashMap::new(), Vec::new());
        for (act, sequence) in acts.into_iter().zip(1_u32..) {
            let bytes = match act {
                Act::Wait(micros) => {
                    now = Micros(now.0 + u64::from(micros));
                    device.turn(now);
                    server.collect(&mut device, &mut returns);
                    continue;
                }
                Act::Submit(endpoint, length) => {
                    inward.insert(sequence, endpoint & 0x80 != 0);
                    encoded(&submit(sequence, endpoint, length))
                }
                Act::Control(setup, turned) => {
                    let setup = SetupPacket::from_bytes(setup);
                    let endpoint = (setup.request_type & 0x80) ^ if turned { 0x80 } else { 0 };
                    inward.insert(sequence, endpoint != 0);
                    let data = if endpoint == 0 { vec![0; setup.length.into()] } else { Vec::new() };
                    let length = setup.length.into();
                    encoded(&Command::Submit(Submit {
                        sequence, device: 1, endpoint, flags: 0, interval: 0, setup, length, data,
                    }))
                }
                Act::Unlink(back) => {
                    let victim = sequence.saturating_sub(back as u32 + 1);
                    inward.insert(sequence, false);
                    victims.insert(sequence, victim);
                    encoded(&Command::Unlink { sequence, device: 1, victim })
                }
            };
            open.insert(sequence);
            for piece in bytes.chunks(cut) {
                server.on_bytes(now, piece, &mut device, &mut returns).unwrap();
            }
        }
        let mut at = 0;
        while let Some((heard, used)) = Return::decode(&returns[at..], |of| inward.get(&of).copied()).unwrap() {
            at += used;
            let (Return::Submit { sequence, status, .. } | Return::Unlink { sequence, status }) = heard;
            prop_assert!(open.remove(&sequence), "{sequence} is answered twice");
            prop_assert!(!given_up.contains(&sequence), "{sequence} was given up and has a return");
            if let (Some(victim), true) = (victims.get(&sequence), status == error::RESET) {
                prop_assert!(open.contains(victim), "{victim} was over already");
                given_up.insert(*victim);
            }
        }
        prop_assert_eq!(at, returns.len());
        for left in open {
            prop_assert!(given_up.contains(&left) || !victims.contains_key(&left), "{left} has no return");
        }
    }
}
