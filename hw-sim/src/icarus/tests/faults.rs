use super::*;
use crate::supports;

const NOTHING: Vec<String> = Vec::new();

#[test]
fn a_stalled_device_is_deaf_and_mute_for_a_while() {
    for model in ["icarus", "block-erupter", "antminer-u1"] {
        let mut bench = Bench::new(model, &[]);
        bench.send(DIVISION);
        bench.fault(DeviceFault::Stall);
        assert_eq!(bench.answers(1_000), NOTHING, "{model}");
        bench.send(GOLDEN);
        assert_eq!(bench.answers(900), NOTHING, "{model}");
        bench.pass(20_000);
        assert_eq!(bench.heard(), NOTHING, "{model}");
        bench.send(GOLDEN);
        assert_eq!(bench.answers(10).len(), 1, "{model}");
    }
}

#[test]
fn a_brown_out_takes_the_job_and_the_state_of_the_chips() {
    let mut bench = Bench::new("antminer-u3", &[]);
    bench.send("aab775de8208821c");
    bench.pass(500);
    bench.send(GOLDEN);
    bench.fault(DeviceFault::BrownOut);
    assert_eq!(bench.answers(1_000), NOTHING);
    bench.send(GOLDEN);
    assert_eq!(bench.answers(1_000), NOTHING, "it waits for its voltage again");
    bench.send("aab775de");
    bench.pass(500);
    bench.send(GOLDEN);
    assert_eq!(bench.answers(10), ["000187a280"]);
}

#[test]
fn a_late_nonce_comes_after_the_next_job() {
    for (model, answer) in [("icarus", "000187a2"), ("antminer-u2", "000187a280")] {
        let mut bench = Bench::new(model, &[]);
        bench.fault(DeviceFault::LateNonce);
        bench.send(GOLDEN);
        assert_eq!(bench.answers(10), NOTHING, "{model}");
        bench.send_bytes(&job(1).with_work_id(5).to_icarus_bytes());
        assert_eq!(bench.answers(0), [answer], "{model}");
    }
}

#[test]
fn a_nonce_comes_back_under_the_wrong_work_id() {
    let mut bench = Bench::new("antminer-u2", &[]);
    bench.fault(DeviceFault::WrongWorkId);
    bench.send(GOLDEN);
    let answer = bench.answers(10).remove(0);
    assert_eq!((&answer[..8], answer.len()), ("000187a2", 10));
    assert!(("81"..="9f").contains(&&answer[8..]), "{answer}");
    bench.send(GOLDEN);
    assert_eq!(bench.answers(10), ["000187a280"], "once");

    let mut bench = Bench::new("rbox", &[]);
    bench.fault(DeviceFault::WrongWorkId);
    bench.send(RBOX_GOLDEN);
    bench.heard();
    assert_eq!(bench.answers(1), ["000187a200000119"], "the other slot");
}

#[test]
fn a_false_nonce_solves_nothing_and_is_not_counted_as_found() {
    for (model, length) in [("icarus", 8), ("block-erupter", 8), ("antminer-u1", 10), ("rbox", 16)] {
        let mut bench = Bench::new(model, &[]);
        bench.fault(DeviceFault::FalseNonce);
        assert_eq!(bench.answers(1_000), NOTHING, "{model}: no work to claim it for");
        let job = job(3);
        if model == "rbox" {
            bench.send_bytes(&job.for_rbox(26, 0).to_rbox_bytes());
            bench.heard.remove(0);
        } else {
            bench.send_bytes(&job.to_icarus_bytes());
        }
        let answer = bench.heard().remove(0);
        assert_eq!(answer.len(), length);
        assert!(!solves(&job, &answer), "{model}");
        assert_eq!(bench.truth().nonces, 0, "{model}");
    }
}

#[test]
fn power_on_forgets_everything_but_the_truth() {
    let mut bench = Bench::new("antminer-u3", &[]);
    bench.send("8208821c");
    bench.pass(100);
    bench.send(GOLDEN);
    assert_eq!(bench.answers(10).len(), 1);
    bench.now = Micros(bench.now.0 + 3_600_000_000); // unplugged: nobody wakes it
    bench.input(DeviceInput::PowerOn);
    bench.send(GOLDEN);
    assert_eq!(bench.answers(1_000), NOTHING);
    let truth = bench.truth();
    assert_eq!((truth.nonces, truth.jobs), (1, 1));
    assert!(truth.hashes <= 2_f64.powi(32));
}

#[test]
fn only_boxes_have_sensors_and_fans() {
    let supporting = |fault| {
        let models = adit_protocol::devices::models().filter(|model| model.driver == "icarus");
        models.filter(|model| supports(model, fault)).map(|model| model.key).collect::<Vec<_>>()
    };
    for fault in [DeviceFault::HotSensor, DeviceFault::DeadSensor, DeviceFault::DeadFan] {
        assert_eq!(supporting(fault), ["rbox", "rockminer-t1"]);
    }
    for fault in [DeviceFault::Stall, DeviceFault::FlipBit, DeviceFault::Unplug] {
        assert_eq!(supporting(fault).len(), 9);
    }
}
