use std::time::Duration;

use adit_protocol::devices::model;
use adit_protocol::wire::Codec as _;
use adit_protocol::{bm13xx, hex};

use super::*;

/// Block 171874 (`docs/protocols/icarus.md §2.3`).
const GOLDEN_JOB: &str = "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a\
    000000000000000000000000000000000000000087320b1a1426674f2fa722ce";
const GOLDEN_NONCE: &str = "000187a2";
const PORT: Port = Port(0);

fn bench(key: &str, settings: &[(&str, &str)]) -> Bench {
    let settings = settings.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let build = Build { seed: 3, target_difficulty: Some(1e-6), settings };
    Bench::new(model(key).unwrap(), &build).unwrap().with_journal(100)
}

fn heard(bench: &mut Bench) -> Vec<String> {
    let text = |heard| match heard {
        Heard::Bytes { bytes, .. } => Some(hex::encode(&bytes)),
        _ => None,
    };
    std::iter::from_fn(|| bench.receive()).filter_map(text).collect()
}

fn ask_golden(bench: &mut Bench, now: Micros) -> Vec<String> {
    bench.send(now, PORT, &hex::decode(GOLDEN_JOB).unwrap());
    bench.run(now + Duration::from_secs(1));
    heard(bench)
}

#[test]
fn a_job_sent_is_a_nonce_received_and_both_stand_in_the_journal() {
    let mut bench = bench("block-erupter", &[]);
    bench.plug_in(Micros(0));
    assert_eq!(ask_golden(&mut bench, Micros(1_000)), [GOLDEN_NONCE]);
    let said: Vec<_> = bench.said(Micros::from_secs(2), 0).into_iter().cloned().collect();
    let from: Vec<_> = said
        .iter()
        .filter_map(|said| match &said.what {
            Saying::Bytes { from, found, solves, .. } => {
                Some((*from, found.clone().unwrap().kind, solves.map(|it| it.difficulty >= 1.0)))
            }
            Saying::Event(_) => None,
        })
        .collect();
    assert_eq!(from, [(Side::Host, "job", None), (Side::Device, "nonce", Some(true))]);
    let next = said.last().unwrap().id;
    assert_eq!(bench.said(Micros::from_secs(2), next).len(), 1);
    assert!(bench.said(Micros::from_secs(2), next + 1).is_empty());
}

#[test]
fn the_journal_forgets_the_oldest_and_never_reuses_a_number() {
    let mut bench = bench("block-erupter", &[]);
    bench.plug_in(Micros(0));
    for round in 0..80 {
        ask_golden(&mut bench, Micros::from_secs(2 + 2 * round));
    }
    let said = bench.said(Micros::from_secs(1_000), 0);
    assert_eq!(said.len(), 100);
    assert!(said[0].id >= 60);
    assert!(said.windows(2).all(|pair| pair[1].id == pair[0].id + 1));
}

#[test]
fn three_bytes_of_the_device_are_lost_when_three_are_to_be_and_no_fourth() {
    let mut bench = bench("block-erupter", &[]);
    bench.plug_in(Micros(0));
    let drop = Command::Fault { fault: DeviceFault::DropByte, times: 3, to: Some(Side::Host) };
    bench.command(Micros(0), drop).unwrap();
    let lengths: Vec<_> = (0..4)
        .map(|round| ask_golden(&mut bench, Micros::from_secs(1 + 2 * round)).concat().len() / 2)
        .collect();
    assert_eq!(lengths, [3, 3, 3, 4]);
}

#[test]
fn a_plan_is_carried_out_at_its_times_of_the_devices_clock() {
    let mut bench = bench("block-erupter", &[]);
    bench.plug_in(Micros(0));
    bench.plan(Micros::from_secs(20), Command::Unplug { seconds: Some(5.0) }).unwrap();
    let drop = Command::Fault { fault: DeviceFault::DropByte, times: 1, to: Some(Side::Host) };
    bench.plan(Micros::from_secs(10), drop).unwrap();
    assert_eq!(ask_golden(&mut bench, Micros::from_secs(8)), [GOLDEN_NONCE]);
    assert_eq!(ask_golden(&mut bench, Micros::from_secs(12)).concat().len(), 6);
    assert_eq!(ask_golden(&mut bench, Micros::from_secs(14)), [GOLDEN_NONCE]);
    bench.run(Micros::from_secs(21));
    assert!(!bench.is_plugged());
    assert!(ask_golden(&mut bench, Micros::from_secs(22)).is_empty());
    bench.run(Micros::from_secs(26));
    assert!(bench.is_plugged());
    assert_eq!(ask_golden(&mut bench, Micros::from_secs(27)), [GOLDEN_NONCE]);
}

#[test]
fn faults_that_happen_by_themselves_end_when_all_is_cleared() {
    let mut bench = bench("block-erupter", &[]);
    bench.plug_in(Micros(0));
    bench.command(Micros(0), Command::Chance { fault: DeviceFault::FlipBit, probability: 0.5 }).unwrap();
    bench.command(Micros(0), Command::Chance { fault: DeviceFault::Unplug, probability: 0.0 }).unwrap();
    assert_eq!(bench.chances(), [(DeviceFault::FlipBit, 0.5)]);
    assert_ne!(ask_golden(&mut bench, Micros::from_secs(1)), [GOLDEN_NONCE]);
    let late = Command::Fault { fault: DeviceFault::LateNonce, times: 5, to: None };
    bench.command(Micros::from_secs(2), late).unwrap();
    bench.command(Micros::from_secs(2), Command::Clear {}).unwrap();
    assert!(bench.chances().is_empty());
    bench.run(Micros::from_secs(4));
    heard(&mut bench);
    assert_eq!(ask_golden(&mut bench, Micros::from_secs(5)), [GOLDEN_NONCE]);
}

#[test]
fn a_forgotten_speed_is_remembered_when_faults_are_cleared() {
    let mut bench = bench("block-erupter", &[]);
    bench.plug_in(Micros(0));
    bench
        .command(Micros(0), Command::Fault { fault: DeviceFault::BaudMismatch, times: 2, to: None })
        .unwrap();
    assert_eq!(bench.line(PORT).unwrap().baud, 9_600);
    assert_ne!(ask_golden(&mut bench, Micros::from_secs(1)), [GOLDEN_NONCE]);
    bench.command(Micros::from_secs(3), Command::Clear {}).unwrap();
    assert_eq!(bench.line(PORT).unwrap().baud, 115_200);
    assert_eq!(ask_golden(&mut bench, Micros::from_secs(4)), [GOLDEN_NONCE]);
}

#[test]
fn what_makes_no_sense_for_the_device_is_refused_and_nothing_happens() {
    let mut stick = bench("block-erupter", &[]).without_speed();
    let mut refusal = |command| stick.command(Micros(0), command).unwrap_err().to_string();
    let fault = |fault| Command::Fault { fault, times: 1, to: None };
    assert!(refusal(fault(DeviceFault::DeadFan)).contains("what can: drop_byte"));
    assert!(refusal(fault(DeviceFault::BaudMismatch)).starts_with("baud_mismatch cannot happen here"));
    assert_eq!(refusal(fault(DeviceFault::Stall)), "the device is unplugged");
    assert!(refusal(Command::Ambient { celsius: 30.0 }).ends_with("has no temperature"));
    assert!(refusal(Command::Temperature { celsius: None, chip: Some(0) }).contains("no chip 0"));
    assert!(refusal(Command::Ambient { celsius: f64::NAN }).contains("-55 to 200"));
    assert!(refusal(Command::Chance { fault: DeviceFault::Stall, probability: 1.5 }).contains("0 to 1"));
    assert!(refusal(Command::Unplug { seconds: Some(-1.0) }).contains("0 to 2678400"));
    let to = Some(Side::Host);
    assert!(refusal(Command::Fault { fault: DeviceFault::Stall, times: 1, to }).contains("leave `to` out"));
    assert!(refusal(Command::Fault { fault: DeviceFault::Delay, times: 0, to }).contains("1 to 1000"));
}

/// A board whose first chip has voltage and is out of reset.
fn running_board() -> Bench {
    let mut bench = bench("bitaxe-gamma", &[]);
    bench.plug_in(Micros(0));
    let requests = ["0a000500052024214d02", "090006000520240180", "07000700060001"];
    for (request, at) in requests.into_iter().zip(1..) {
        bench.send(Micros::from_millis(100 * at), PORT, &hex::decode(request).unwrap());
        bench.run(Micros::from_millis(100 * at + 50));
    }
    bench.run(Micros::from_secs(1));
    heard(&mut bench);
    bench
}

#[test]
fn a_look_inside_a_board_shows_what_its_host_would_measure() {
    let bench = running_board();
    let now = Micros::from_secs(1);
    let insides = bench.insides(now);
    assert_eq!(insides.core_volts, Some(1.150_390_625));
    assert_eq!(insides.i2c.iter().map(|part| part.address).collect::<Vec<_>>(), [0x24, 0x4c]);
    assert_eq!((insides.chips.len(), insides.chips[0].alive), (1, true));
    let registers = bench.chip(now, 0).unwrap().registers;
    assert_eq!(registers[0].value >> 16, 0x1370, "the chip's id");
    assert!(bench.chip(now, 1).is_none());
    assert_eq!(bench.peek(now, 0x4c, 0xfd, None), Some(vec![0x16]), "product of the fan controller");
    assert_eq!(bench.peek(now, 0x24, 0x21, None), Some(vec![0x4d, 0x02]), "VOUT_COMMAND as it was written");
    assert_eq!(bench.peek(now, 0x33, 0, None), None);
}

#[test]
fn a_temperature_that_is_set_is_kept_until_it_is_let_go() {
    let mut bench = running_board();
    let set = |celsius| Command::Temperature { celsius, chip: None };
    bench.command(Micros::from_secs(1), set(Some(95.0))).unwrap();
    bench.run(Micros::from_secs(60));
    let hot = bench.insides(Micros::from_secs(60));
    assert_eq!((hot.temperature_celsius, hot.sensor_celsius), (Some(95.0), Some(95.0)));
    bench.command(Micros::from_secs(60), set(None)).unwrap();
    bench.command(Micros::from_secs(60), Command::Ambient { celsius: 5.0 }).unwrap();
    bench.run(Micros::from_secs(1_000));
    let cold = bench.insides(Micros::from_secs(1_000)).temperature_celsius.unwrap();
    assert!(cold < 40.0, "{cold}");
}

#[test]
fn one_chip_of_a_chain_that_is_kept_hot_shows_it_and_computes_wrongly() {
    let mut bench = bench("bm1368-chain", &[("chips", "12")]);
    bench.plug_in(Micros(0));
    bench.command(Micros(0), Command::Temperature { celsius: Some(125.0), chip: Some(7) }).unwrap();
    let insides = bench.insides(Micros(0));
    assert_eq!(insides.chips[7].held_celsius, Some(125.0));
    assert!(insides.chips.iter().filter(|chip| chip.held_celsius.is_some()).count() == 1);
    let refused = bench.command(Micros(0), Command::Temperature { celsius: None, chip: Some(12) });
    assert_eq!(refused, Err(Refused::NoChip { chip: 12, chips: 12, model: "bm1368-chain" }));
    // the sensor measures once it has been started
    let start =
        bm13xx::Command::Write { to: bm13xx::To::All, register: bm13xx::Register(0xb0), value: 0x1000_0000 };
    let codec = bm13xx::Codec::new(bm13xx::Generation::V2, Side::Device);
    bench.send(Micros(1_000), PORT, &codec.encoded(&bm13xx::Frame::Command(start)));
    bench.run(Micros::from_millis(100));
    let sensor = |bench: &Bench, chip| {
        let registers = bench.chip(Micros::from_millis(100), chip).unwrap().registers;
        registers.iter().find(|it| it.register == 0xb4).map(|it| it.value & 0xffff)
    };
    let code = f64::from(sensor(&bench, 7).unwrap());
    assert!((code * 0.171_342 - 299.5144 - 125.0).abs() < 0.2, "{code}");
    assert_eq!(sensor(&bench, 6), None);
}

#[test]
fn nothing_a_host_sends_makes_a_bench_fall_over() {
    for key in ["icarus", "rbox", "antminer-u1", "bm1370-chain", "bitaxe-gamma"] {
        let mut bench = bench(key, &[]);
        bench.plug_in(Micros(0));
        let mut dice = Dice::new(9, 9);
        for step in 1..500_u64 {
            let bytes: Vec<u8> = (0..dice.between(1, 90)).map(|_| dice.roll() as u8).collect();
            let port = Port(dice.below(3) as u8);
            bench.send(Micros::from_millis(step * 7), port, &bytes);
            bench.turn(Micros::from_millis(step * 7));
            bench.insides(Micros::from_millis(step * 7));
        }
        let said = bench.said(Micros::from_secs(100), 0).len();
        assert!(said <= 100);
    }
}

fn any_command(dice: &mut Dice) -> Command {
    let fault = DeviceFault::ALL[dice.below(DeviceFault::ALL.len() as u64) as usize];
    let celsius = dice.between(0, 250) as f64 - 60.0;
    match dice.below(8) {
        0 => Command::Chance { fault, probability: dice.below(3) as f64 / 2.0 },
        1 => Command::Clear {},
        2 => Command::Unplug { seconds: dice.chance(0.8).then(|| dice.below(3) as f64) },
        3 => Command::Replug {},
        4 => Command::Ambient { celsius },
        5 => Command::Temperature { celsius: dice.chance(0.7).then_some(celsius), chip: None },
        6 => Command::Temperature { celsius: Some(celsius), chip: Some(dice.below(20) as u16) },
        _ => {
            let to = dice.chance(0.3).then_some(Side::Host);
            Command::Fault { fault, times: dice.below(5) as u16, to }
        }
    }
}

#[test]
fn whatever_is_done_to_a_device_at_whatever_time_it_goes_on_and_is_mended_by_clearing_all() {
    for key in
        ["block-erupter", "icarus", "rbox", "antminer-u3", "bm1387-chain", "bm1368-chain", "bitaxe-gamma"]
    {
        let mut bench = bench(key, &[]);
        let mut dice = Dice::new(11, 4);
        bench.plug_in(Micros(0));
        for step in 1..400_u64 {
            let now = Micros::from_millis(step * 50);
            let command = any_command(&mut dice);
            let known = bench.check(&command);
            let done = bench.command(now, command);
            assert!(
                done == known || done == Err(Refused::Unplugged),
                "{key}: {command:?}: {done:?}, {known:?}"
            );
            let later = now + Duration::from_millis(dice.below(500));
            assert_eq!(bench.plan(later, command).is_ok(), known.is_ok());
            bench.send(now, PORT, &hex::decode(GOLDEN_JOB).unwrap());
            bench.run(now);
            while bench.receive().is_some() {}
        }
        let end = Micros::from_secs(100);
        bench.run(end);
        bench.command(end, Command::Clear {}).unwrap();
        bench.command(end, Command::Replug {}).unwrap();
        bench.set_line(end, PORT, bench.model().ports[0].line);
        bench.run(end + Duration::from_secs(1));
        while bench.receive().is_some() {}
        if ["block-erupter", "icarus"].contains(&key) {
            assert_eq!(ask_golden(&mut bench, end + Duration::from_secs(2)), [GOLDEN_NONCE], "{key}");
        }
    }
}
