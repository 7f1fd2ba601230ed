//! `verify`, `decode` and what all commands have in common.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{Running, adit, run, run_with_input};

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../protocol/vectors/verification.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the vectors")).expect("JSON")
}

#[test]
fn verify_agrees_with_every_header_vector_and_every_corrupted_one() {
    let vectors = vectors();
    let good = vectors["headers"].as_array().unwrap();
    let bad = vectors["corrupted"].as_array().unwrap();
    let lines: String =
        good.iter().chain(bad).map(|vector| format!("{}\n", vector["header"].as_str().unwrap())).collect();
    let finished = run_with_input(&["verify", "--json", "-"], lines.into_bytes());
    assert_eq!(finished.status, Some(0), "{}", finished.err);
    let answers = finished.json_lines();
    assert_eq!(answers.len(), good.len() + bad.len());
    for (index, (vector, answer)) in good.iter().chain(bad).zip(&answers).enumerate() {
        assert_eq!(answer["hash"], vector["hash"], "{}", vector["name"]);
        let expected = index < good.len() || vector["meets_nbits"] == json!(true);
        assert_eq!(answer["nbits_target_met"], json!(expected), "{}", vector["name"]);
        let difficulty: f64 = vector["hash_difficulty"].as_str().unwrap().parse().unwrap();
        let found = answer["difficulty"].as_f64().unwrap();
        assert!((found / difficulty - 1.0).abs() < 1e-14, "{found} {difficulty}");
        if index < good.len() {
            assert_eq!(answer["header"]["prev_hash"], vector["prev_hash"]);
            assert_eq!(answer["header"]["merkle_root"], vector["merkle_root"]);
            assert_eq!(answer["header"]["ntime"], vector["time"]);
            let bits = u32::from_str_radix(vector["bits"].as_str().unwrap(), 16).unwrap();
            assert_eq!(answer["header"]["nbits"], json!(bits));
        }
    }
}

#[test]
fn verify_answers_the_good_lines_around_malformed_ones_and_exits_with_2() {
    let genesis = vectors()["headers"][0]["header"].as_str().unwrap().to_owned();
    let mut input = format!("{genesis}\nzz\n\n{}\n", &genesis[2..]).into_bytes();
    input.extend(vec![b'a'; 3 << 20]);
    input.extend_from_slice(b"\n\xff\xfe\n");
    input.extend_from_slice(genesis.to_uppercase().as_bytes());
    let finished = run_with_input(&["verify", "-", "--json"], input);
    assert_eq!(finished.status, Some(2));
    let answers = finished.json_lines();
    let malformed: Vec<_> = answers.iter().filter_map(|answer| answer["line"].as_u64()).collect();
    assert_eq!(malformed, [2, 4, 5, 6]);
    assert_eq!(answers.iter().filter(|answer| answer["nbits_target_met"] == json!(true)).count(), 2);
    assert!(answers[1]["error"].as_str().unwrap().contains("hex"), "{answers:?}");
}

#[test]
fn decode_prints_frames_and_skips_of_hex_text() {
    let finished = run_with_input(
        &["decode", "--protocol", "icarus", "--from", "device", "--hex", "--json", "-"],
        b"000187a2\n0001\n".to_vec(),
    );
    assert_eq!(finished.status, Some(0), "{}", finished.err);
    let lines = finished.json_lines();
    assert_eq!((&lines[0]["ok"], &lines[0]["from"]), (&json!(true), &json!("device")));
    assert_eq!((&lines[0]["offset"], &lines[0]["len"]), (&json!(0), &json!(4)));
    assert_eq!(lines[0]["frame"]["type"], json!("nonce"));
    assert_eq!((&lines[1]["ok"], &lines[1]["offset"]), (&json!(false), &json!(4)));
    assert!(lines[1]["reason"].is_string());
}

#[test]
fn a_table_of_a_logic_analyser_is_decoded_in_both_directions_with_the_job_of_each_nonce() {
    let job = "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a\
               000000000000000000000000000000000000000087320b1a1426674f2fa722ce";
    let (mut table, mut at) = ("name,type,start_time,duration,data\n".to_owned(), -0.01);
    for (name, hex) in [("TX", job), ("RX", "000187a2")] {
        for byte in adit_protocol::hex::decode(hex).unwrap() {
            table += &format!("\"{name}\",\"data\",{at:.6},0.00008,0x{byte:02X}\n");
            at += 0.000_087;
        }
    }
    let line = ["decode", "--saleae", "icarus", "--host", "TX", "--json", "-"];
    let finished = run_with_input(&line, table.clone().into_bytes());
    assert_eq!((finished.status, &*finished.err), (Some(0), ""));
    let lines = finished.json_lines();
    assert_eq!((&lines[1]["from"], &lines[1]["frame"]["type"]), (&json!("host"), &json!("job")));
    assert_eq!(lines[2]["frame"]["type"], json!("nonce"));
    assert!(lines[2]["solves"]["difficulty"].as_f64().unwrap() > 1.0, "{}", lines[2]);
    let finished = run_with_input(&line, [table.as_bytes(), b"\"RX\",\"data\",noon,0,0x00\n"].concat());
    assert_eq!((finished.status, finished.json_lines().len()), (Some(2), 3));
    assert!(finished.err.contains("line 70: \"noon\" is no time in seconds"), "{}", finished.err);
}

#[test]
fn a_capture_of_the_other_direction_is_no_riddle() {
    let job = format!("{}\n", "55aa".repeat(3));
    let finished = run_with_input(&["decode", "--protocol", "icarus5", "--hex", "-"], b"01\n02\n".to_vec());
    assert!(
        finished.err.contains("no icarus5 frame was sent by the device; is it --from host?"),
        "{finished:?}"
    );
    let finished = run_with_input(&["decode", "--protocol", "bm13xx", "--hex", "-"], job.into_bytes());
    assert!(finished.err.contains("is it --from host?"), "{finished:?}");
    let nonce = b"000187a2\n".to_vec();
    let finished = run_with_input(&["decode", "--protocol", "icarus", "--hex", "-"], nonce);
    assert!(
        finished.out.contains("nonce") && finished.err.is_empty(),
        "the device's, unless it is said: {finished:?}"
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut child = Command::new(adit())
        .args(["verify", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let header = format!("{}\n", "00".repeat(80));
    stdin.write_all(header.as_bytes()).unwrap();
    stdout.read_line(&mut String::new()).unwrap();
    drop(stdout);
    for _ in 0..100_000 {
        if stdin.write_all(header.as_bytes()).is_err() {
            break;
        }
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn every_supported_model_is_listed_in_json() {
    let finished = run(&["devices", "--supported", "--json"]);
    assert_eq!(finished.status, Some(0));
    let models: Vec<_> =
        finished.json_lines().iter().map(|row| row["model"].as_str().unwrap().to_owned()).collect();
    let known: Vec<_> = adit_protocol::devices::models().map(|model| model.key).collect();
    assert_eq!(models, known);
}

#[test]
fn help_of_every_command_has_an_example_or_says_what_json_it_prints() {
    for command in ["demo", "mine", "devices", "doctor", "udev", "verify", "decode", "world"] {
        let finished = run(&[command, "--help"]);
        assert_eq!(finished.status, Some(0));
        assert!(finished.out.contains("adit ") && finished.err.is_empty(), "{command}: {}", finished.out);
    }
}

#[test]
fn the_cpu_is_listed_and_what_is_listed_can_be_named() {
    let finished = run(&["devices", "--json"]);
    assert_eq!(finished.status, Some(0), "{}", finished.err);
    let rows = finished.json_lines();
    let cpu = rows.iter().find(|row| row["model"] == "cpu").unwrap_or_else(|| panic!("{finished:?}"));
    assert_eq!((&cpu["access"], &cpu["driver"], &cpu["fix"]), (&json!("ok"), &json!("cpu"), &Value::Null));
    let location = cpu["location"].as_str().unwrap();
    let selector: adit_link::Selector = location.parse().unwrap();
    assert!(matches!(selector.target, adit_link::Target::Cpu(_)), "{location}");
}

#[test]
fn the_bench_of_the_scan_measures_every_kernel_this_cpu_has() {
    let finished = run(&["bench", "scan", "--seconds", "0.1", "--json"]);
    assert_eq!(finished.status, Some(0), "{}", finished.err);
    let rows = finished.json_lines();
    for name in adit_protocol::pow::scan::Kernel::NAMES {
        let rows: Vec<_> = rows.iter().filter(|row| row["kernel"] == name).collect();
        assert_eq!(rows.len(), 3, "{name}");
        let there = adit_protocol::pow::scan::Kernel::named(name).is_some();
        for row in rows {
            assert_eq!(row["available"], json!(there), "{row}");
            assert_eq!(row["hashrate_hs"].as_f64().is_some_and(|rate| rate > 0.0), there, "{row}");
        }
    }
}

#[test]
fn golden_work_is_printed_for_every_family_that_carries_work() {
    let all = run(&["golden", "--json"]);
    assert_eq!(all.status, Some(0), "{}", all.err);
    let lines = all.json_lines();
    let families: std::collections::BTreeSet<_> =
        lines.iter().map(|it| it["protocol"].as_str().unwrap()).collect();
    assert!(families.len() >= 6 && !families.contains("bitaxe-raw"), "{families:?}");
    for line in lines {
        let checked = run(&["verify", line["header"].as_str().unwrap(), "--json"]).json();
        assert_eq!(
            (&checked["nbits_target_met"], &checked["header"]["nonce"]),
            (&json!(true), &line["nonce"]),
            "{line}"
        );
    }
    let none = run(&["golden", "--family", "bitaxe-raw"]);
    assert_eq!(none.status, Some(2));
    assert!(none.err.contains("no work travels in this format"), "{}", none.err);
}

#[test]
fn watching_devices_ends_well_when_it_is_interrupted() {
    for signal in ["INT", "TERM"] {
        let running = Running::start(&["devices", "--watch"]);
        running.wait_for("Watching what is plugged in", 1);
        running.signal(signal);
        assert_eq!(running.finish().status, Some(0), "{signal}");
    }
}
