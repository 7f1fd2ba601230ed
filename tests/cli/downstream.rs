//! Miners that mine through another one.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use adit_hw_sim::pool::{Pool, PoolSettings};
use adit_hw_sim::serve::{ServedPool, epoch};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::mining::{accepted, count, url};
use super::{PATIENCE, Running, run};

/// A port that is free now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn pool(runtime: &Runtime) -> ServedPool {
    let settings = PoolSettings { epoch: epoch(), difficulty: 0.0005, ..PoolSettings::default() };
    runtime.block_on(ServedPool::start(Pool::new(settings, 7).unwrap(), ([127, 0, 0, 1], 0).into())).unwrap()
}

/// Connects as soon as somebody listens.
fn connect(runtime: &Runtime, port: u16) -> TcpStream {
    let connecting = async {
        loop {
            match tokio::net::TcpStream::connect(("127.0.0.1", port)).await {
                Ok(stream) => return stream.into_std().unwrap(),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let connected = runtime.block_on(async { tokio::time::timeout(PATIENCE, connecting).await });
    let stream = connected.expect("somebody who listens");
    stream.set_nonblocking(false).unwrap();
    stream
}

#[test]
fn a_second_adit_mines_through_the_first_and_both_sum_up_the_same() {
    let runtime = Runtime::new().unwrap();
    let pool = pool(&runtime);
    let listen = format!("127.0.0.1:{}", free_port());
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("guests.rec");
    let record = record.to_str().unwrap();
    let first = Running::start(&[
        "mine",
        "--json",
        "--pool",
        &url(&pool),
        "--user",
        "u",
        "--listen",
        &listen,
        "--record",
        record,
        "--shares",
        "3",
    ]);
    let upstream = format!("stratum+tcp://{listen}");
    let second = Running::start(&["mine", "--json", "--pool", &upstream, "--user", "w", "--device", "cpu:1"]);
    runtime.block_on(accepted(&pool, 3));
    let first = first.finish();
    assert_eq!(first.status, Some(0), "{}", first.err);
    let summary = first.json();
    assert!(count(&summary, "accepted") >= 3, "{summary}");
    assert_eq!(count(&summary, "rejected") + count(&summary, "hardware_errors"), 0, "{summary}");
    let row = &summary["devices"][0];
    assert_eq!((&row["model"], &row["location"]), (&json!("downstream"), &json!("listen:127.0.0.1#1")));
    assert_eq!(row["accepted"], summary["accepted"]);
    second.signal("INT");
    let second = second.finish();
    assert_eq!(second.status, Some(0), "{}", second.err);
    let through = second.json();
    assert_eq!(count(&through, "rejected") + count(&through, "hardware_errors"), 0, "{through}");
    assert!(count(&through, "accepted") >= 2, "{through}");

    // What was said is written down, and the driver does the same again.
    let decoded = run(&["decode", record, "--json"]);
    assert!(
        decoded.out.contains("\"mining.submit\"") && decoded.out.contains("\"mining.notify\""),
        "{}",
        decoded.err
    );
    let replayed = run(&["replay", record]);
    assert_eq!(replayed.status, Some(0), "{}{}", replayed.out, replayed.err);
}

#[test]
fn a_miner_that_lies_leaves_and_comes_back_keeps_its_row_and_harms_nobody() {
    let runtime = Runtime::new().unwrap();
    let pool = pool(&runtime);
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let running =
        Running::start(&["mine", "--json", "--pool", &url(&pool), "--user", "u", "--listen", &listen]);
    for round in 0..2 {
        let mut stream = connect(&runtime, port);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
            .write_all(b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"w\",\"x\"]}\n")
            .unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(|line| line.unwrap());
        // The answer to the subscription names it, too.
        let is_job = |line: &String| line.contains("mining.notify") && line.contains("\"params\"");
        let notify = lines.find(is_job).unwrap();
        let notify: Value = serde_json::from_str(&notify).unwrap();
        let (id, ntime) = (&notify["params"][0], &notify["params"][7]);
        let share =
            json!({"id": 3, "method": "mining.submit", "params": ["w", id, "0000", ntime, "00000000"]});
        stream.write_all(format!("{share}\n").as_bytes()).unwrap();
        let answer = lines.find(|line| line.contains("\"id\":3")).unwrap();
        assert!(answer.contains("[23,"), "round {round}: {answer}");
    }
    running.signal("INT");
    let finished = running.finish();
    let summary = finished.json();
    assert_eq!(count(&summary, "hardware_errors"), 2, "{summary}");
    assert!(summary["devices"].as_array().unwrap().len() <= 2, "{summary}");
}

#[test]
fn a_password_that_miners_must_say_is_in_no_recording() {
    let runtime = Runtime::new().unwrap();
    let pool = pool(&runtime);
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("guests.rec");
    let pool_url = url(&pool);
    let running = Running::start(&[
        "mine",
        "--json",
        "--pool",
        &pool_url,
        "--user",
        "u",
        "--listen",
        &listen,
        "--listen-password",
        "hushhush",
        "--record",
        record.to_str().unwrap(),
    ]);
    let mut stream = connect(&runtime, port);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
        .write_all(b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"w\",\"hushhush\"]}\n")
        .unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(|line| line.unwrap());
    let answer = lines.find(|line| line.contains("\"id\":2")).unwrap();
    assert!(answer.contains("true"), "{answer}");
    running.signal("INT");
    assert_eq!(running.finish().status, Some(0));
    let recorded = std::fs::read_to_string(&record).unwrap();
    let hex: String = b"hushhush".iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!recorded.contains("hushhush") && !recorded.contains(&hex), "{recorded}");
    assert!(!recorded.contains("password-sha256d"), "{recorded}");
}

#[test]
fn beyond_this_machine_miners_need_a_password() {
    let finished = run(&["mine", "--pool", "h:1", "--user", "u", "--listen", "0.0.0.0:3333"]);
    assert_eq!(finished.status, Some(2));
    assert!(finished.err.contains("--listen-password"), "{}", finished.err);
}
