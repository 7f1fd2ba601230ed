use adit_protocol::icarus::{ChipCommand, IDENTIFY_FRAME, PllWord};

use super::*;

const NOTHING: Vec<String> = Vec::new();

fn with_id(number: u32, id: u8) -> Job {
    job(number).with_work_id(id)
}

/// Hashes per second in MH/s, from the time to the only solution of a known job.
fn rate(bench: &mut Bench) -> f64 {
    bench.send_bytes(&golden::ICARUS_SCRIPT.job().to_icarus_bytes());
    let (micros, answer) = bench.next_answer();
    assert_eq!(answer, "063c5e0180");
    f64::from(0x063c_5e01) / micros as f64
}

#[test]
fn a_u1_answers_with_five_bytes_in_one_piece() {
    let mut bench = Bench::new("antminer-u1", &[]);
    bench.send(GOLDEN);
    assert_eq!(bench.next_answer(), (63, "000187a280".into()));
    bench.send(DIVISION);
    assert_eq!(bench.next_answer(), (49_848, "04c0fdb480".into()));
}

#[test]
fn a_u2_passes_the_detection_that_sets_the_frequency_twice() {
    let mut bench = Bench::new("antminer-u2", &[]);
    for chip in ["aa1a0055", "aa1a0155", "aa1a0255", "aa1a0355"] {
        bench.send(&RBOX_GOLDEN.replace("aa1a0055", chip));
        bench.pass(110);
    }
    bench.heard();
    bench.send(GOLDEN);
    assert_eq!(bench.answers(115), ["000187a280"]);
    bench.send("82038008");
    assert_eq!(bench.answers(110), NOTHING);
    bench.send("82038008");
    assert_eq!(bench.answers(107), NOTHING);
    bench.send(GOLDEN);
    assert_eq!(bench.answers(300), ["000187a280"]);
    for id in 0..31 {
        let job = with_id(u32::from(id), id);
        bench.send_bytes(&job.to_icarus_bytes());
        for answer in bench.answers(2_000) {
            assert_eq!(answer[8..], format!("{:02x}", 0x80 | id));
            assert!(solves(&job, &answer));
        }
    }
    assert!(bench.truth().nonces > 10);
}

#[test]
fn frequency_words_of_both_styles_set_the_rate_to_eight_hashes_per_clock() {
    let mut bench = Bench::new("antminer-u1", &[]);
    assert!((rate(&mut bench) - 1_600.0).abs() < 0.1, "200 MHz from the start");
    for (command, mhz) in [("82098110", 250.0), ("82038008", 200.0), ("82048003", 250.0), ("824c811d", 325.0)]
    {
        bench.send(command);
        bench.pass(100);
        let found = rate(&mut bench);
        assert!((found - 8.0 * mhz).abs() < 0.2, "{command}: {found}");
    }
    bench.send("82098111");
    bench.pass(100);
    assert!((rate(&mut bench) - 2_600.0).abs() < 0.2, "a command with a bad checksum is ignored");
    bench.fault(DeviceFault::BrownOut);
    assert!((rate(&mut bench) - 1_600.0).abs() < 0.1, "a brown-out resets the clock");
}

#[test]
fn a_frequency_register_is_reported_by_every_chip() {
    let mut bench = Bench::new("antminer-u3", &[]);
    bench.send("84000400");
    assert_eq!(bench.answers(100), NOTHING, "silent until commanded");
    bench.send_bytes(&ChipCommand::SetPll(PllWord(0x1006)).to_bytes());
    bench.pass(100);
    bench.send("84000400");
    assert_eq!(bench.answers(100), ["8020010203"; 4]);
}

#[test]
fn a_u3_is_silent_until_it_is_commanded() {
    let mut bench = Bench::new("antminer-u3", &[]);
    for _ in 0..2 {
        bench.send(GOLDEN);
        assert_eq!(bench.answers(400), NOTHING);
    }
    assert_eq!(bench.truth().jobs, 0);
    for _round in 0..2 {
        bench.pass(900);
        bench.send("aab775de");
        bench.pass(7);
        bench.send("8208821c");
        bench.pass(110);
        bench.send("8208821c");
        bench.pass(105);
        bench.send(GOLDEN);
        assert_eq!(bench.next_answer(), (8, "000187a280".into()));
    }
    let mut bench = Bench::new("antminer-u3", &[("answers-at-once", "on")]);
    bench.send(GOLDEN);
    assert_eq!(bench.answers(10), ["000187a280"]);
}

#[test]
fn a_u3_takes_voltage_and_frequency_in_one_go() {
    let mut bench = Bench::new("antminer-u3", &[]);
    bench.send("aab775de8208821c");
    bench.pass(500);
    assert!((rate(&mut bench) / 4.0 - 14_175.0 / 4.0).abs() < 1.0, "63 hashes per clock and chip at 225 MHz");
}

#[test]
fn a_u3_splits_the_range_by_the_top_two_bits() {
    let mut bench = Bench::new("antminer-u3", &[("answers-at-once", "on")]);
    bench.send(DIVISION);
    assert_eq!(bench.next_answer(), (3_954, "417c0f3680".into()));
    bench.pass(1_000);
    bench.heard();
    for (job, expected) in [
        (golden::U3_CHIP_0, vec!["0345182b9f"]),
        (golden::U3_CHIP_1, vec!["466b30a59f", "9ec2c2989f"]),
        (golden::U3_CHIP_2, vec!["80043afb9f"]),
        (golden::U3_CHIP_3, vec!["c00010949f"]),
    ] {
        bench.send_bytes(&job.job().with_work_id(0x1f).to_icarus_bytes());
        assert_eq!(bench.answers(500), expected, "{}", job.id);
    }
}

#[test]
fn the_gate_of_a_u3_switches_its_chips_off_and_on() {
    let mut bench = Bench::new("antminer-u3", &[]);
    bench.send("aab775de");
    bench.pass(500);
    bench.send("bb000095");
    bench.pass(500);
    bench.send(GOLDEN);
    assert_eq!(bench.answers(500), NOTHING);
    bench.send_bytes(&ChipCommand::Gate(true).to_bytes());
    bench.pass(500);
    bench.send(GOLDEN);
    assert_eq!(bench.answers(500), ["000187a280"]);
}

#[test]
fn identify_frames_between_jobs_are_dropped() {
    let mut bench = Bench::new("antminer-u1", &[]);
    for _ in 0..10 {
        bench.send_bytes(&IDENTIFY_FRAME);
        bench.pass(1);
        bench.send(GOLDEN);
        assert_eq!(bench.answers(254), ["000187a280"]);
    }
    let burst =
        format!("{GOLDEN}{}{DIVISION}{}{GOLDEN}", hex::encode(&IDENTIFY_FRAME), hex::encode(&IDENTIFY_FRAME));
    bench.send(&burst);
    assert_eq!(bench.answers(100), ["000187a280"]);
    assert_eq!(bench.truth().jobs, 13);
}

#[test]
fn a_job_may_come_in_halves_or_right_behind_a_command() {
    let mut bench = Bench::new("antminer-u2", &[]);
    for pause in [1, 60] {
        bench.send(&GOLDEN[..64]);
        bench.pass(pause);
        bench.send(&GOLDEN[64..]);
        assert_eq!(bench.answers(1), ["000187a280"], "{pause} ms apart");
    }
    bench.send(&format!("82098110{GOLDEN}"));
    assert_eq!(bench.answers(10), ["000187a280"]);
    bench.send("82098110");
    bench.send(GOLDEN);
    assert_eq!(bench.answers(10), ["000187a280"]);
    assert!((rate(&mut bench) - 2_000.0).abs() < 0.2);
}

#[test]
fn a_job_that_begins_like_a_command_is_a_job() {
    let mut bench = Bench::new("antminer-u1", &[]);
    let mut bytes = job(7).to_icarus_bytes();
    bytes[..4].copy_from_slice(&[0x82, 0x09, 0x81, 0x10]);
    bench.send_bytes(&bytes);
    bench.pass(6);
    assert_eq!(bench.truth().jobs, 1);
    bench.send(DIVISION);
    assert_eq!(bench.next_answer(), (49_848, "04c0fdb480".into()), "and no frequency");
}

#[test]
fn left_over_bytes_are_dropped_after_20_ms_and_half_a_job_after_120() {
    let mut bench = Bench::new("antminer-u1", &[]);
    for (left_over, pause) in [("00", 20), (&GOLDEN[..126], 20), (&GOLDEN[..64], 120), ("8209", 20)] {
        bench.send(left_over);
        bench.pass(pause);
        bench.send(GOLDEN);
        assert_eq!(bench.answers(1), ["000187a280"], "after {left_over}");
    }
}
