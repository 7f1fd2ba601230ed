use adit_protocol::devices::{Model, PortSpec, model};
use proptest::prelude::*;

use super::*;

const JOB: [u8; 64] = [0xa5; 64];
const DAMAGE: [DeviceFault; 3] = [DeviceFault::DropByte, DeviceFault::FlipBit, DeviceFault::DuplicateByte];

fn icarus() -> &'static Model {
    model("icarus").unwrap()
}

fn wire(seed: u64) -> Wire {
    Wire::new(seed, &icarus().ports[0])
}

fn packets() -> Wire {
    Wire::new(1, &PortSpec { kind: PortKind::Packets(64), ..icarus().ports[0] })
}

/// Everything that arrives, with its time.
fn arrivals(wire: &mut Wire) -> Vec<(Micros, Side, Vec<u8>)> {
    let mut arrived = Vec::new();
    while let Some(now) = wire.deadline() {
        arrived.extend(wire.next_arrival(now).map(|(to, bytes)| (now, to, bytes)));
    }
    arrived
}

/// The pieces in which records of 4 bytes arrive, one sent every `millis`.
fn answers(wire: &mut Wire, count: u64, millis: u64) -> Vec<(Micros, Vec<u8>)> {
    let mut arrived = Vec::new();
    for number in 0..count {
        let now = Micros::from_millis(number * millis);
        while let Some(due) = wire.deadline().filter(|due| *due <= now) {
            arrived.extend(wire.next_arrival(due).map(|(_, bytes)| (due, bytes)));
        }
        wire.send(now, Side::Host, &[number as u8, 1, 2, 3]);
    }
    arrived.extend(arrivals(wire).into_iter().map(|(due, _, bytes)| (due, bytes)));
    arrived
}

#[test]
fn bytes_take_their_time_and_directions_do_not_disturb_each_other() {
    let mut wire = wire(1);
    wire.send(Micros(1_000), Side::Device, &JOB);
    wire.send(Micros(1_000), Side::Device, &JOB);
    wire.send(Micros(1_100), Side::Host, &[0, 1, 0x87, 0xa2]);
    assert_eq!(wire.next_arrival(Micros(1_446)), None);
    assert_eq!(
        arrivals(&mut wire),
        [
            (Micros(1_447), Side::Host, vec![0, 1, 0x87, 0xa2]),
            (Micros(6_555), Side::Device, JOB.to_vec()),
            (Micros(12_110), Side::Device, JOB.to_vec()),
        ]
    );
}

#[test]
fn an_injected_fault_strikes_once() {
    for fault in DAMAGE {
        let mut wire = wire(7);
        assert!(wire.inject(fault));
        for second in 0..10 {
            for to in [Side::Host, Side::Device] {
                wire.send(Micros::from_secs(second), to, &[1, 2, 3, 4]);
            }
        }
        let damaged = arrivals(&mut wire).iter().filter(|(_, _, bytes)| *bytes != [1, 2, 3, 4]).count();
        assert_eq!((damaged, wire.applied(fault)), (1, 1), "{fault:?}");
    }
}

#[test]
fn a_faulty_wire_damages_as_many_bytes_as_it_says() {
    for fault in DAMAGE {
        let mut wire = wire(3);
        assert!(wire.set_chance(fault, 0.01));
        let sent: usize = 2_000 * JOB.len();
        let mut heard = 0;
        for number in 0..2_000 {
            wire.send(Micros::from_millis(number * 10), Side::Device, &JOB);
            heard += arrivals(&mut wire).iter().map(|(_, _, bytes)| bytes.len()).sum::<usize>();
        }
        let (applied, expected) = (wire.applied(fault) as f64, sent as f64 * 0.01);
        assert!((applied - expected).abs() < 4.0 * expected.sqrt(), "{fault:?}: {applied} of {expected}");
        let change = heard as i64 - sent as i64;
        let expected = match fault {
            DeviceFault::DropByte => -(applied as i64),
            DeviceFault::DuplicateByte => applied as i64,
            _ => 0,
        };
        assert_eq!(change, expected, "{fault:?}");
    }
}

#[test]
fn a_split_answer_arrives_in_two_pieces_with_a_pause_and_in_order() {
    let mut wire = wire(5);
    wire.inject(DeviceFault::SplitChunk);
    let arrived = answers(&mut wire, 3, 1);
    let bytes: Vec<u8> = arrived.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    assert_eq!(bytes, [0, 1, 2, 3, 1, 1, 2, 3, 2, 1, 2, 3]);
    assert_eq!((arrived.len(), wire.applied(DeviceFault::SplitChunk)), (4, 1));
    assert!(arrived[1].0.since(arrived[0].0) >= Duration::from_millis(2));
}

#[test]
fn two_answers_within_a_tenth_of_a_second_are_merged_and_others_are_not() {
    let mut near = wire(5);
    near.inject(DeviceFault::MergeChunks);
    let pieces: Vec<_> = answers(&mut near, 3, 50).into_iter().map(|(_, bytes)| bytes.len()).collect();
    assert_eq!((pieces, near.applied(DeviceFault::MergeChunks)), (vec![8, 4], 1));
    let mut far = wire(5);
    far.inject(DeviceFault::MergeChunks);
    let pieces: Vec<_> = answers(&mut far, 3, 500).into_iter().map(|(_, bytes)| bytes.len()).collect();
    assert_eq!((pieces, far.applied(DeviceFault::MergeChunks)), (vec![4, 4, 4], 0));
}

#[test]
fn delayed_bytes_do_not_overtake_each_other() {
    let mut wire = wire(9);
    wire.set_chance(DeviceFault::Delay, 0.5);
    let arrived = answers(&mut wire, 100, 20);
    assert!(arrived.is_sorted_by_key(|(due, _)| *due));
    assert_eq!(arrived.iter().map(|(_, bytes)| bytes[0]).collect::<Vec<_>>(), (0..100).collect::<Vec<u8>>());
    assert!(wire.applied(DeviceFault::Delay) > 30);
}

#[test]
fn a_forgotten_baud_rate_garbles_both_directions_until_the_host_sets_its_line() {
    let mut wire = wire(2);
    assert!(wire.inject(DeviceFault::BaudMismatch));
    assert_eq!(wire.applied(DeviceFault::BaudMismatch), 1);
    for to in [Side::Host, Side::Device] {
        wire.send(Micros(0), to, &JOB);
    }
    assert!(arrivals(&mut wire).iter().all(|(_, _, bytes)| bytes[..] != JOB));
    wire.set_line(Side::Host, icarus().ports[0].line);
    for to in [Side::Host, Side::Device] {
        wire.send(Micros::from_secs(1), to, &JOB);
    }
    assert!(arrivals(&mut wire).iter().all(|(_, _, bytes)| bytes[..] == JOB));
}

#[test]
fn a_transfer_of_a_packet_port_arrives_at_once_and_whole() {
    let mut wire = packets();
    for fault in WIRE_FAULTS {
        assert!(!wire.inject(fault) && !wire.set_chance(fault, 1.0), "{fault:?}");
    }
    wire.send(Micros(5), Side::Device, &JOB);
    assert_eq!(arrivals(&mut wire), [(Micros(5), Side::Device, JOB.to_vec())]);
}

#[test]
fn what_is_on_a_cut_wire_is_lost() {
    let mut wire = wire(1);
    wire.inject(DeviceFault::SplitChunk);
    wire.send(Micros(0), Side::Device, &JOB);
    wire.cut();
    assert_eq!(wire.deadline(), None);
    assert_eq!(answers(&mut wire, 1, 1), [(Micros(347), vec![0, 1, 2, 3])]);
}

#[test]
fn a_flood_is_bounded() {
    let mut wire = wire(1);
    for _ in 0..10_000 {
        wire.send(Micros(0), Side::Device, &JOB);
    }
    assert_eq!(arrivals(&mut wire).len(), ON_THE_WAY / JOB.len());
}

proptest! {
    #[test]
    fn the_same_seed_damages_the_same_bytes(
        seed: u64, chance in 0.0..0.3, chunks in prop::collection::vec((any::<bool>(), 0_u64..50_000, 1..80_usize), 1..50),
    ) {
        let run = || {
            let mut wire = wire(seed);
            WIRE_FAULTS.iter().for_each(|fault| assert!(wire.set_chance(*fault, chance)));
            let (mut now, mut arrived) = (Micros(0), Vec::new());
            for (to_host, pause, length) in &chunks {
                now = now + Duration::from_micros(*pause);
                let to = if *to_host { Side::Host } else { Side::Device };
                wire.send(now, to, &JOB.repeat(2)[..*length]);
                while let Some(arrival) = wire.next_arrival(now) {
                    arrived.push((now, arrival.0, arrival.1));
                }
            }
            arrived.extend(arrivals(&mut wire));
            arrived
        };
        prop_assert_eq!(run(), run());
    }
}
