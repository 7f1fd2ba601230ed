use adit_protocol::devices::model;
use adit_protocol::hex;
use adit_protocol::wire::{Micros, Port};

use crate::{Bench, Build, Heard};

fn stick(key: &str) -> Bench {
    let build = Build { seed: 3, ..Build::default() };
    let mut bench = Bench::new(model(key).unwrap(), &build).unwrap();
    bench.plug_in(Micros(0));
    bench
}

/// What it says within two seconds of being sent `frame` at second `at`.
fn ask(bench: &mut Bench, at: u64, frame: &str) -> String {
    bench.run(Micros::from_secs(at));
    bench.send(Micros::from_secs(at), Port(0), &hex::decode(frame).unwrap());
    bench.run(Micros::from_secs(at + 2));
    let mut answer = Vec::new();
    while let Some(heard) = bench.receive() {
        if let Heard::Bytes { bytes, .. } = heard {
            answer.extend(bytes);
        }
    }
    hex::encode(&answer)
}

#[test]
fn every_chip_says_who_it_is_and_only_the_addressed_one_its_clock() {
    let mut bench = stick("2pac");
    assert_eq!(ask(&mut bench, 1, "84000011"), "13840000131384000013");
    assert_eq!(ask(&mut bench, 4, "8500000f0100001901800016"), "");
    assert_eq!(ask(&mut bench, 7, "820b8319"), "");
    assert_eq!(ask(&mut bench, 10, "0480040e"), "801700031a", "the chip at 80, at 150 MHz");
    assert_eq!(ask(&mut bench, 13, "84000400"), "801700031a801700031a");
}

#[test]
fn a_command_with_a_wrong_checksum_is_not_obeyed() {
    assert_eq!(ask(&mut stick("compac"), 1, "84000012"), "");
}

#[test]
fn a_compac_answers_the_probe_of_hosts_of_the_antminers() {
    let probe = "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a\
                 000000000000000000000000000000000000000087320b1a1426674f2fa722ce";
    assert_eq!(ask(&mut stick("compac"), 1, probe), "000187a280");
}
