use super::*;

const NOTHING: Vec<String> = Vec::new();

fn send(bench: &mut Bench, job: &Job, code: u8, chip: u8) {
    bench.send_bytes(&job.for_rbox(code, chip).to_rbox_bytes());
}

fn probe(bench: &mut Bench, chip: u8) {
    send(bench, &golden::BLOCK_171874.job(), 26, chip);
}

/// Records without their temperature byte.
fn records(bench: &mut Bench, millis: u64) -> Vec<String> {
    bench.answers(millis).into_iter().map(|record| record[..14].to_string()).collect()
}

#[test]
fn a_box_answers_the_golden_job_and_asks_once_for_the_other_slot() {
    let mut bench = Bench::new("rbox", &[]);
    assert_eq!(bench.answers(10_000), NOTHING, "nothing is asked for before the first job");
    bench.send(RBOX_GOLDEN);
    assert_eq!(bench.answers(0), ["0000000002000119"], "chip 0 wants a job for slot 1, 25 °C");
    assert_eq!(bench.next_answer(), (13, "000187a200000019".into()));
    assert_eq!(bench.answers(500), NOTHING);
}

#[test]
fn a_task_is_complete_after_its_whole_range_at_the_clock_of_its_job() {
    let mut bench = Bench::new("rbox", &[]);
    probe(&mut bench, 2);
    bench.pass(1);
    bench.heard();
    assert_eq!(records(&mut bench, 535), NOTHING);
    assert_eq!(records(&mut bench, 1), ["00000000010200", "00000000020200"], "0.537 s at 270 MHz");
    send(&mut bench, &job(1), 53, 2); // 540 MHz: half as long
    bench.pass(267);
    let early = bench.heard();
    assert!(!early.iter().any(|record| record[8..10] == *"01"), "{early:?}");
    assert!(records(&mut bench, 2).contains(&"00000000010201".into()), "slot 1 is complete");
}

#[test]
fn slots_take_turns_and_a_waiting_job_starts_when_the_other_is_complete() {
    let mut bench = Bench::new("rbox", &[]);
    let jobs: Vec<_> = (0..40).map(job).collect();
    send(&mut bench, &jobs[0], 26, 1);
    let (mut sent, mut running, mut nonces) = (1, 0, 0);
    while running < 39 {
        let (_, record) =
            if bench.heard.is_empty() { bench.next_answer() } else { (0, bench.heard.remove(0).1) };
        let slot: usize = record[12..14].parse().unwrap();
        match &record[8..12] {
            "0001" => {
                assert!(solves(&jobs[running], &record), "{record} of job {running}");
                assert_eq!(slot, running % 2);
                nonces += 1;
            }
            "0101" => {
                assert_eq!(slot, running % 2);
                running += 1;
            }
            "0201" => {
                assert_eq!(slot, sent % 2, "the free slot");
                if sent < jobs.len() {
                    send(&mut bench, &jobs[sent], 26, 1);
                    sent += 1;
                }
            }
            other => panic!("{other}"),
        }
    }
    assert!((16..64).contains(&nonces), "{nonces} nonces in 39 tasks"); // 39 ± 4 sigma
    assert_eq!(bench.truth().nonces, nonces);
}

#[test]
fn a_request_is_repeated_only_after_six_seconds() {
    let mut bench = Bench::new("rbox", &[]);
    probe(&mut bench, 0);
    assert_eq!(
        records(&mut bench, 5_999),
        ["00000000020001", "000187a2000000", "00000000010000", "00000000020000"]
    );
    assert_eq!(records(&mut bench, 2), ["00000000020001"]);
    assert_eq!(records(&mut bench, 600), ["00000000020000"]);
    assert_eq!(records(&mut bench, 5_300), NOTHING);
}

#[test]
fn jobs_for_missing_chips_and_of_other_families_are_ignored() {
    let mut bench = Bench::new("rbox", &[]);
    bench.send(GOLDEN);
    bench.pass(100);
    bench.send("aab775de8208821c");
    bench.pass(100);
    for chip in [4, 15, 31, 47, 63, 255] {
        probe(&mut bench, chip);
    }
    assert_eq!(bench.answers(1_000), NOTHING);
    assert_eq!(bench.truth().jobs, 0);
    probe(&mut bench, 3);
    assert_eq!(records(&mut bench, 1), ["00000000020301", "000187a2000300"]);
    probe(&mut bench, 0);
    bench.heard();
    assert_eq!(records(&mut bench, 1), ["000187a2000000"]);
}

#[test]
fn the_number_of_chips_is_found_by_bisection() {
    for (model, settings, chips) in
        [("rbox", vec![], 4), ("rockminer-t1", vec![], 12), ("rockminer-t1", vec![("chips", "7")], 7)]
    {
        let mut bench = Bench::new(model, &settings);
        let (mut low, mut high) = (0_u8, 63_u8); // the last chip that answers lies between them
        while low < high {
            let step = (high - low).div_ceil(4).max(1);
            let probes: Vec<u8> = (1..=4).map(|k| low + k * step).filter(|chip| *chip <= high).collect();
            probes.iter().for_each(|chip| probe(&mut bench, *chip));
            let seen = bench.answers(100).iter().map(|record| hex::decode(record).unwrap()[5] & 63).max();
            let found = probes.iter().copied().filter(|chip| seen.is_some_and(|seen| *chip <= seen)).max();
            high = probes.iter().copied().find(|chip| Some(*chip) > found).map_or(high, |chip| chip - 1);
            low = found.unwrap_or(low);
        }
        assert_eq!(low + 1, chips, "{model} {settings:?}");
    }
}

#[test]
fn a_box_makes_its_nominal_rate_with_all_chips_busy_and_gets_warm() {
    let mut bench = Bench::new("rockminer-t1", &[]);
    for chip in 0..12 {
        send(&mut bench, &job(u32::from(chip)), 29, chip);
    }
    let (from, mut number) = (bench.now, 100);
    while bench.now.since(from).as_secs() < 300 {
        for record in bench.answers(10) {
            let bytes = hex::decode(&record).unwrap();
            assert_eq!(bytes[5] >> 6, 1, "product T1");
            if bytes[4] == 2 {
                send(&mut bench, &job(number), 29, bytes[5] & 63);
                number += 1;
            }
        }
    }
    let truth = bench.truth();
    let rate = truth.hashes / bench.now.since(from).as_secs_f64();
    assert!((rate / 106.6e9 - 1.0).abs() < 0.001, "{rate}");
    let expected = truth.hashes / 2_f64.powi(32);
    assert!((truth.nonces as f64 - expected).abs() < 4.0 * expected.sqrt(), "{truth:?}");
    let celsius = truth.temperature_celsius.unwrap();
    assert!((40.0..43.0).contains(&celsius), "{celsius}");
}

#[test]
fn a_nonce_offset_moves_the_counter_of_every_record() {
    let mut bench = Bench::new("rbox", &[("nonce-offset", "1")]);
    probe(&mut bench, 0);
    bench.heard();
    assert_eq!(records(&mut bench, 1), ["000187a3000000"]);
}

#[test]
fn newer_boxes_obey_orders_and_older_ones_ignore_them() {
    let mut order = [0; 64];
    (order[48], order[49], order[50], order[51]) = (1, 26, 0, 0x55);
    for (model, done) in [("rockminer-t1", false), ("rbox", true)] {
        let mut bench = Bench::new(model, &[]);
        probe(&mut bench, 0);
        bench.pass(100);
        bench.heard();
        bench.send_bytes(&order);
        let complete = records(&mut bench, 1_000).iter().any(|record| record[8..10] == *"01");
        assert_eq!(complete, done, "{model}");
    }
}

#[test]
fn sensors_and_fan_can_break() {
    let mut bench = Bench::new("rbox", &[]);
    let temperature = |bench: &mut Bench| {
        probe(bench, 0);
        bench.heard();
        bench.pass(1);
        let record = hex::decode(&bench.heard().pop().unwrap()).unwrap();
        bench.pass(700);
        bench.heard();
        (record[4] >> 4, record[7])
    };
    assert_eq!(temperature(&mut bench), (0, 25));
    bench.fault(DeviceFault::HotSensor);
    assert_eq!(temperature(&mut bench), (2, 120), "status: over temperature");
    bench.fault(DeviceFault::HotSensor);
    bench.fault(DeviceFault::DeadSensor);
    assert_eq!(temperature(&mut bench), (0, 128), "no temperature");
    bench.pass(60_000);
    assert_eq!(temperature(&mut bench).0, 0);
    let before = bench.truth().temperature_celsius.unwrap();
    bench.fault(DeviceFault::DeadFan);
    for _ in 0..40 {
        temperature(&mut bench);
    }
    assert!(bench.truth().temperature_celsius.unwrap() > before + 3.0);
}
