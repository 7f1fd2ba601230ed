use super::*;

#[test]
fn a_block_erupter_answers_the_golden_job_in_time_and_without_a_fifth_byte() {
    let mut bench = Bench::new("block-erupter", &[]);
    bench.send(GOLDEN);
    assert_eq!(bench.next_answer(), (299, "000187a2".into()));
    assert_eq!(bench.answers(20_000), Vec::<String>::new());
    assert_eq!(bench.truth().hashes, 2_f64.powi(32));
}

#[test]
fn a_block_erupter_answers_the_division_probe_after_237_ms_and_goes_on_to_the_end() {
    let mut bench = Bench::new("block-erupter", &[]);
    bench.send(DIVISION);
    assert_eq!(bench.next_answer(), (237_372, "04c0fdb4".into()));
    assert_eq!(bench.answers(12_600), ["417c0f36", "60c994d5", "82540e46"]);
}

#[test]
fn only_a_whole_job_aborts_the_one_before() {
    let mut bench = Bench::new("block-erupter", &[]);
    bench.send(DIVISION);
    bench.pass(100);
    bench.send(&GOLDEN[..64]);
    bench.pass(60);
    bench.send(&GOLDEN[64..]);
    assert_eq!(bench.next_answer(), (299, "000187a2".into()), "halves 60 ms apart");
    bench.send(DIVISION);
    bench.send("a5a5a5");
    assert_eq!(bench.next_answer(), (237_372, "04c0fdb4".into()));
}

#[test]
fn bytes_of_other_probes_are_forgotten() {
    let mut bench = Bench::new("block-erupter", &[]);
    for foreign in ["00", "a0", &"5a".repeat(39), "aab775de8208821c", &GOLDEN[..126]] {
        bench.send(foreign);
        bench.pass(20);
        bench.heard();
        bench.send(GOLDEN);
        assert_eq!(bench.answers(1), ["000187a2"], "after {foreign}");
    }
}

#[test]
fn two_jobs_in_one_piece_are_two_jobs() {
    let mut bench = Bench::new("block-erupter", &[]);
    bench.send(&format!("{DIVISION}{GOLDEN}"));
    assert_eq!(bench.answers(1_000), ["000187a2"]);
    assert_eq!(bench.truth().jobs, 2);
}

#[test]
fn a_block_erupter_mines_at_its_nominal_rate() {
    let mut bench = Bench::new("block-erupter", &[]);
    let jobs: u32 = 200;
    for number in 0..jobs {
        let job = job(number);
        bench.send_bytes(&job.to_icarus_bytes());
        assert!(bench.answers(5_000).iter().all(|answer| answer.len() == 8 && solves(&job, answer)));
    }
    bench.input(DeviceInput::Timer);
    let expected = 336e6 * 5.0 * f64::from(jobs);
    assert!((bench.truth().hashes / expected - 1.0).abs() < 1e-6);
    let nonces = expected / 2_f64.powi(32);
    assert!((bench.truth().nonces as f64 - nonces).abs() < 4.0 * nonces.sqrt(), "{:?}", bench.truth());
}

#[test]
fn at_true_difficulty_the_search_leaves_as_data_and_what_comes_of_it_is_sent() {
    for (model, engines) in [("block-erupter", 1), ("icarus", 2), ("antminer-u2", 1), ("rbox", 4)] {
        let mut device =
            start(adit_protocol::devices::model(model).unwrap(), &Build { seed: 1, ..Build::default() })
                .unwrap();
        let now = Micros(1_000_000);
        device.on_input(now, DeviceInput::PowerOn);
        let mut jobs = vec![job(1).to_icarus_bytes().to_vec()];
        if model == "rbox" {
            let clock = adit_protocol::icarus::rbox_clock_code(270);
            jobs = (0..4).map(|chip| job(1).for_rbox(clock, chip).to_rbox_bytes().to_vec()).collect();
        }
        for bytes in jobs {
            device.on_input(now, DeviceInput::Bytes { port: Port(0), bytes: &bytes });
        }
        let scans: Vec<_> = std::iter::from_fn(|| device.next_scan()).collect();
        assert_eq!(scans.len(), engines, "{model}");
        while device.next_output().is_some() {}
        let counter = *scans[0].range.start() + 9;
        device.on_scanned(Micros(9_000_000), &scans[0], Some(counter));
        let said = std::iter::from_fn(|| device.next_output());
        let nonce = |said: &DeviceOutput| matches!(said, DeviceOutput::Bytes { bytes, .. } if bytes.starts_with(&counter.to_be_bytes()));
        assert_eq!(said.filter(nonce).count(), 1, "{model}");
        assert_eq!(device.truth().nonces, 1, "{model}");
    }
}
