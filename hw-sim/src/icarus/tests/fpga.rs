use adit_protocol::Codec as _;
use adit_protocol::icarus::{CairnsmoreCommand, Codec, Command, Dialect, Frame};
use adit_protocol::wire::Side;

use super::*;

const PROBE: &str = "0000000000000000000000000000000000000000000000000000000000000000db0100b70000000000000000000000000000000062666730ffffffffb5010000";
const CLOCK_50: &str = "0000000000000000000000000000000000000000000000000000000000000000ce1400b70000000000000000000000000000000062666730ffffffffb5000000";
const CLOCK_200: &str = "00000000000000000000000000000000000000000000000000000000000000008a5000b70000000000000000000000000000000062666730ffffffffb5000000";
const IDENTIFY_ON: &str = "0000000000000000000000000000000000000000000000000000000000000000da0101b70000000000000000000000000000000062666730ffffffffb5000000";

#[test]
fn an_icarus_answers_the_golden_job_once_and_in_one_piece() {
    let mut bench = Bench::new("icarus", &[]);
    bench.send(GOLDEN);
    assert_eq!(bench.next_answer(), (527, "000187a2".into()));
    assert_eq!(bench.answers(60_000), Vec::<String>::new());
    let whole = f64::from(0x0001_87a2 - 256) + f64::from(0x7fff_ffff - 256 + 1);
    assert!((bench.truth().hashes - whole).abs() < 400.0, "one FPGA stopped, the other finished");
    assert_eq!((bench.truth().jobs, bench.truth().nonces), (1, 1));
}

#[test]
fn an_icarus_answers_the_division_probe_like_two_engines_that_stop() {
    let mut bench = Bench::new("icarus", &[]);
    bench.send(DIVISION);
    assert_eq!(bench.next_answer(), (205_594, "82540e46".into()));
    assert_eq!(bench.next_answer(), (419_771 - 205_594, "04c0fdb4".into()));
    assert_eq!(bench.answers(60_000), Vec::<String>::new());
}

#[test]
fn a_v4_bitstream_goes_on_after_a_nonce() {
    let mut bench = Bench::new("lancelot", &[("bitstream", "v4")]);
    bench.send(DIVISION);
    assert_eq!(bench.answers(20_000), ["82540e46", "04c0fdb4", "417c0f36", "60c994d5"]);
}

#[test]
fn boards_of_other_division_answer_the_probe_with_other_nonces_first() {
    for (chips, first) in [("1", "04c0fdb4"), ("2", "82540e46"), ("4", "417c0f36"), ("8", "60c994d5")] {
        let mut bench = Bench::new("icarus", &[("chips", chips)]);
        bench.send(DIVISION);
        assert_eq!(bench.next_answer().1, first, "{chips} chips");
    }
}

#[test]
fn the_last_64_bytes_are_the_job_whatever_came_before() {
    let mut bench = Bench::new("icarus", &[]);
    bench.send(&"a5".repeat(39));
    assert_eq!(bench.answers(5_000), Vec::<String>::new(), "silent until there are 64 bytes");
    bench.send(GOLDEN);
    assert_eq!(bench.answers(1), ["000187a2"]);
    bench.send(&format!("00ff{GOLDEN}"));
    assert_eq!(bench.answers(1), ["000187a2"], "garbage directly in front");
    bench.send("00");
    bench.pass(5_000);
    bench.send("a0");
    bench.heard();
    bench.send(GOLDEN);
    assert_eq!(bench.answers(1), ["000187a2"], "the bytes of another probe");
    bench.send(RBOX_GOLDEN);
    bench.heard();
    bench.send(GOLDEN);
    assert_eq!(bench.answers(1), ["000187a2"], "after the job of another family");
}

#[test]
fn a_job_may_come_in_two_halves() {
    for pause in [1, 60] {
        let mut bench = Bench::new("icarus", &[]);
        for number in 0..3 {
            bench.send(&GOLDEN[..64]);
            bench.pass(pause);
            bench.heard();
            bench.send(&GOLDEN[64..]);
            assert_eq!(bench.answers(1), ["000187a2"]);
            assert_eq!(bench.truth().jobs, number + 1);
        }
    }
}

#[test]
fn a_single_byte_aborts_the_search() {
    let mut bench = Bench::new("icarus", &[]);
    bench.send(DIVISION);
    bench.pass(200);
    bench.send("00");
    assert!(!bench.answers(1_000).contains(&"82540e46".to_string()));
}

#[test]
fn an_icarus_stops_both_fpgas_at_their_first_nonce_of_a_job() {
    let mut bench = Bench::new("icarus", &[]);
    for number in 0..50 {
        let job = job(number);
        bench.send_bytes(&job.to_icarus_bytes());
        let answers = bench.answers(12_000);
        assert!(answers.iter().all(|answer| answer.len() == 8 && solves(&job, answer)));
        let second = answers.iter().filter(|answer| answer.as_str() >= "80000000").count();
        assert!(second <= 1 && answers.len() - second <= 1, "{answers:?}");
    }
    // an FPGA finds something in 39 % of its halves: 39 ± 4 sigma of 100
    assert!((19..=59).contains(&bench.truth().nonces), "{:?}", bench.truth());
}

#[test]
fn a_cairnsmore_with_commands_is_silent_for_100_ms_after_the_support_probe() {
    let mut bench = Bench::new("cairnsmore1", &[]);
    bench.send(&PROBE.repeat(2));
    assert_eq!(bench.answers(100), Vec::<String>::new());
    bench.send(CLOCK_200);
    bench.send(GOLDEN);
    assert_eq!(bench.next_answer(), (501, "000187a2".into()), "at 200 MHz");
}

#[test]
fn a_cairnsmore_with_commands_hashes_the_second_probe_at_50_mhz() {
    let mut bench = Bench::new("cairnsmore1", &[]);
    bench.send(&PROBE.repeat(2));
    assert_eq!(bench.next_answer(), (194_773, "00949a6f".into()));
}

#[test]
fn a_cairnsmore_without_commands_solves_the_support_probe() {
    let mut bench = Bench::new("cairnsmore1", &[("commands", "off")]);
    bench.send(&PROBE.repeat(2));
    assert_eq!(bench.next_answer(), (64_925, "00949a6f".into()));
}

/// Clock in MHz, from the time to the golden nonce.
fn clock(bench: &mut Bench) -> f64 {
    bench.send(GOLDEN);
    bench.heard();
    let (micros, _) = bench.next_answer();
    f64::from(0x0001_87a2 - 256) / micros as f64
}

#[test]
fn a_cairnsmore_clamps_its_clock() {
    let mut bench = Bench::new("cairnsmore1", &[]);
    for (multiplier, mhz) in [(0, 50.0), (20, 50.0), (81, 202.5), (88, 220.0), (255, 220.0)] {
        let frame = Frame::Command(Command::Cairnsmore(CairnsmoreCommand::clock(multiplier)));
        let bytes = Codec::new(Dialect::Icarus, Side::Device).encoded(&frame);
        bench.send_bytes(&bytes);
        let found = clock(&mut bench);
        assert!((found - mhz).abs() < 0.6, "M = {multiplier}: {found}");
    }
    bench.fault(DeviceFault::BrownOut);
    assert!((clock(&mut bench) - 150.0).abs() < 0.3, "power-up clock after a brown-out");
}

#[test]
fn a_cairnsmore_obeys_zeros_in_the_trailer_only_when_asked_to() {
    let zeros = format!("{}{}", &CLOCK_50[..104], "0".repeat(24));
    for (setting, mhz) in [("off", 150.0), ("on", 50.0)] {
        let mut bench = Bench::new("cairnsmore1", &[("zero-trailer", setting)]);
        bench.send(&zeros);
        assert!((clock(&mut bench) - mhz).abs() < 0.3, "{setting}");
    }
}

#[test]
fn the_first_bitstream_takes_no_command_after_identify() {
    for (setting, mhz) in [("off", 50.0), ("on", 150.0)] {
        let mut bench = Bench::new("cairnsmore1", &[("command-lock", setting)]);
        bench.send(IDENTIFY_ON);
        bench.send(CLOCK_50);
        assert!((clock(&mut bench) - mhz).abs() < 0.3, "{setting}");
    }
}
