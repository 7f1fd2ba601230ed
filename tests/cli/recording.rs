//! `--record`, `decode` and `replay` of what was recorded.

use std::fs;

use serde_json::Value;

use super::mining::{selector, served, served_pool, url};
use super::{Running, run};

#[test]
fn a_recorded_demo_decodes_without_a_stray_byte_and_replays_without_a_difference() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("demo.rec");
    let file = file.to_str().unwrap();
    let devices = "icarus:1,antminer-u3:1";
    let demo =
        run(&["demo", "--devices", devices, "--shares", "4", "--seed", "3", "--record", file, "--json"]);
    assert_eq!(demo.status, Some(0), "{}", demo.err);

    let decoded = run(&["decode", file, "--json"]);
    assert_eq!(decoded.status, Some(0), "{}", decoded.err);
    let lines = decoded.json_lines();
    let frames = |from: &str, kind: &str| {
        lines.iter().filter(|line| line["from"] == from && line["frame"]["type"] == kind).count() as u64
    };
    assert_eq!(lines.iter().filter(|line| line["ok"] == false).count(), 0, "{}", decoded.out);
    assert!(
        frames("host", "job") >= 2 && frames("device", "nonce") >= demo.json()["accepted"].as_u64().unwrap()
    );

    let summary = run(&["decode", file, "--summary", "--json"]);
    assert_eq!(summary.status, Some(0), "{}", summary.err);
    let figures = summary.json_lines();
    assert_eq!(figures.len(), 2);
    let verdicts: u64 = figures.iter().filter_map(|it| it["verdicts"]["share"].as_u64()).sum();
    assert!(verdicts >= demo.json()["accepted"].as_u64().unwrap(), "{figures:?}");
    for it in &figures {
        assert_eq!((&it["skipped_bytes"], &it["duplicates"]), (&serde_json::json!({}), &0.into()));
        let easiest = it["lowest_difficulty"].as_f64().unwrap();
        assert!(easiest >= f64::powi(2.0, -24), "the target was eased to 2^-24: {it}");
    }

    let replayed = run(&["replay", file, "--json"]);
    assert_eq!(replayed.status, Some(0), "{}{}", replayed.out, replayed.err);
    let links = replayed.json_lines();
    assert_eq!(links.len(), 2);
    assert!(links.iter().all(|link| link["ok"] == Value::Bool(true) && link["actions"].as_u64() > Some(5)));

    // Another job than the driver writes: damaged if the checksum stays, a difference if it goes.
    let text = fs::read_to_string(file).unwrap();
    let at = text.find(" > ").unwrap() + 3;
    let mut other = text.clone().into_bytes();
    other[at] = if other[at] == b'0' { b'1' } else { b'0' };
    fs::write(file, &other).unwrap();
    let damaged = run(&["replay", file]);
    assert_eq!(damaged.status, Some(1));
    assert!(damaged.err.contains("damaged: checksum"), "{}", damaged.err);
    let end = at + text[at..].find('\n').unwrap();
    other.drain(end - 6..end);
    fs::write(file, &other).unwrap();
    let differs = run(&["replay", file, "--json"]);
    assert_eq!(differs.status, Some(1));
    let reasons: Vec<_> =
        differs.json_lines().iter().filter_map(|it| it["reason"].as_str().map(str::to_owned)).collect();
    assert!(reasons.len() == 1 && reasons[0].contains("recorded `> "), "{reasons:?}");
}

#[test]
fn the_host_of_a_recording_is_played_to_simulated_devices() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/recordings/icarus-family.rec");
    let played = run(&["replay", "--simulator", file, "--json"]);
    assert_eq!(played.status, Some(0), "{}{}", played.out, played.err);
    let links = played.json_lines();
    assert!(
        links.len() == 6 && links.iter().all(|link| link["ok"] == true && link["same"].as_u64() >= Some(8))
    );
    // A tap of another block's nonce.
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("tap.rec");
    let job = "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a\
        000000000000000000000000000000000000000087320b1a1426674f2fa722ce";
    let text = format!(
        "adit recording 1\n0 0 device block-erupter serial:./x\n100000 0 > {job}\n112000 0 < 000187a3\n"
    );
    fs::write(&other, text).unwrap();
    let differs = run(&["replay", "--simulator", other.to_str().unwrap()]);
    assert_eq!(differs.status, Some(1), "{}", differs.err);
    assert!(differs.out.contains("byte 3 from the device: recorded a3, simulated a2"), "{}", differs.out);
}

#[test]
fn what_is_no_recording_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.bin");
    fs::write(&file, b"\x00\x01\x87\xa2").unwrap();
    let file = file.to_str().unwrap();
    for command in [&["replay", file][..], &["decode", file]] {
        let refused = run(command);
        assert_eq!(refused.status, Some(2), "{}", refused.err);
        assert!(refused.err.contains("this is no recording of adit"), "{}", refused.err);
    }
    let refused =
        run(&["mine", "--pool", "stratum+tcp://127.0.0.1:1", "--user", "a", "--record", "/nowhere/x.rec"]);
    assert_eq!(refused.status, Some(2));
    assert!(refused.err.contains("--record /nowhere/x.rec: cannot be written"), "{}", refused.err);
}

#[test]
fn a_tap_passes_everything_on_and_writes_it_down() {
    let folder = tempfile::tempdir().unwrap();
    let [device, tapped, file] = ["device", "tapped", "tap.rec"].map(|name| folder.path().join(name));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (pool, stick) =
        runtime.block_on(async { (served_pool().await, served("block-erupter", &device).await) });

    let real = format!("serial:{},model=block-erupter", device.display());
    let record = ["--record", file.to_str().unwrap(), "--json"];
    let tap =
        Running::start(&[&["tap", "--a", &real, "--b", tapped.to_str().unwrap()], &record[..]].concat());
    tap.out.wait(|text| text.contains("block-erupter"));
    let (pool_url, through) = (url(&pool), selector("block-erupter", &tapped));
    let mined =
        run(&["mine", "--pool", &pool_url, "--user", "a", "--device", &through, "--shares", "2", "--json"]);
    assert_eq!(mined.status, Some(0), "{}", mined.err);
    assert_eq!(mined.json()["hardware_errors"], 0);
    tap.signal("INT");
    let seen = tap.finish();
    assert_eq!(seen.status, Some(0), "{}", seen.err);
    let nonces = seen.json_lines().iter().filter(|line| line["frame"]["type"] == "nonce").count();
    assert!(nonces >= 4, "two golden ones and two shares: {}", seen.out);
    assert_eq!(run(&["decode", file.to_str().unwrap(), "--json"]).out, seen.out);
    runtime.block_on(async { (stick.stop().await, pool.stop().await) });
}
