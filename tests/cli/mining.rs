//! `demo` and `mine`, end to end.

use std::path::Path;
use std::time::Duration;

use adit_hw_sim::pool::{Pool, PoolSettings};
use adit_hw_sim::serve::{Served, ServedPool, epoch, ptys};
use adit_hw_sim::{Build, start};
use adit_protocol::devices::model;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

use super::{PATIENCE, Running, run};

/// One hash in 256 is a nonce.
const DIFFICULTY: f64 = 1.0 / (1 << 24) as f64;

/// A simulated device on a pseudo-terminal.
pub(super) async fn served(key: &str, link: &Path) -> Served {
    let model = model(key).unwrap();
    let build = Build { seed: 5, target_difficulty: Some(DIFFICULTY), settings: Vec::new() };
    let places = ptys(model, 1, link).remove(0);
    Served::start(start(model, &build).unwrap(), model, places, 5).await.unwrap()
}

pub(super) async fn served_pool() -> ServedPool {
    pool_with(PoolSettings::default(), 0).await
}

/// A pool at `port` (0: any) that is as easy as the devices.
pub(super) async fn pool_with(settings: PoolSettings, port: u16) -> ServedPool {
    let settings = PoolSettings { epoch: epoch(), difficulty: DIFFICULTY, ..settings };
    ServedPool::start(Pool::new(settings, 7).unwrap(), ([127, 0, 0, 1], port).into()).await.unwrap()
}

/// Waits until `pool` has accepted `shares` shares.
pub(super) async fn accepted(pool: &ServedPool, shares: u64) {
    let enough = async {
        while pool.tally().await.unwrap().total.accepted < shares {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, enough).await.expect("shares at the pool");
}

pub(super) fn selector(key: &str, link: &Path) -> String {
    format!("serial:{},model={key},target-difficulty={DIFFICULTY}", link.display())
}

pub(super) fn url(pool: &ServedPool) -> String {
    format!("stratum+tcp://{}", pool.address())
}

pub(super) fn count(summary: &Value, field: &str) -> u64 {
    summary[field].as_u64().unwrap_or_else(|| panic!("no {field} in {summary}"))
}

#[test]
fn the_demo_ends_when_enough_shares_are_accepted_and_every_device_has_one() {
    let finished = run(&["demo", "--shares", "3", "--json"]);
    assert_eq!(finished.status, Some(0), "{}", finished.err);
    let summary = finished.json();
    let accepted = summary["accepted"].as_u64().unwrap();
    assert!(accepted >= 3, "{summary}");
    for field in ["rejected", "stale", "duplicate", "hardware_errors"] {
        assert_eq!(summary[field], json!(0), "{field}: {summary}");
    }
    assert!(summary["elapsed_s"].as_f64().unwrap() > 0.0);
    let devices = summary["devices"].as_array().unwrap();
    let models: Vec<_> = devices.iter().map(|device| device["model"].as_str().unwrap()).collect();
    assert_eq!(models, ["block-erupter", "icarus"]);
    for device in devices {
        assert_eq!(device["eased"], json!(true));
        assert_eq!(device["name"], json!(format!("{}-1", device["model"].as_str().unwrap())));
        assert!(device["location"].as_str().unwrap().starts_with("serial:/"));
    }
    let by_devices: u64 = devices.iter().map(|device| count(device, "accepted")).sum();
    assert_eq!(by_devices, accepted);
    assert!(devices.iter().all(|device| count(device, "accepted") > 0), "{summary}");
    assert!(finished.err.contains("targets are eased"), "{}", finished.err);
    let (_, repeat) = finished.err.split_once("to repeat: adit demo --seed ").unwrap();
    assert!(repeat.lines().next().unwrap().parse::<u64>().is_ok(), "{}", finished.err);
}

#[test]
fn unplugging_one_stick_leaves_another_at_work_and_it_comes_back_to_its_row() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let pool = runtime.block_on(served_pool());
    let mut pulled = runtime.block_on(served("antminer-u3", &first));
    let steady = runtime.block_on(served("antminer-u3", &second));
    let running = Running::start(&[
        "mine",
        "--json",
        "--pool",
        &url(&pool),
        "--user",
        "u",
        "--device",
        &selector("antminer-u3", &first),
        "--device",
        &selector("antminer-u3", &second),
    ]);
    running.wait_for("its first share is accepted", 2);

    runtime.block_on(pulled.unplug());
    running.wait_for("first): the device was unplugged", 1);
    let before = runtime.block_on(pool.tally()).unwrap().total.accepted;
    runtime.block_on(accepted(&pool, before + 20));
    runtime.block_on(pulled.replug()).unwrap();
    running.wait_for("antminer-u3-1 (", 4); // hashing, first share, unplugged, hashing again
    running.signal("TERM");

    let finished = running.finish();
    assert_eq!(finished.status, Some(0), "{}", finished.err);
    let summary = finished.json();
    assert_eq!((count(&summary, "rejected"), count(&summary, "duplicate")), (0, 0), "{summary}");
    let devices = summary["devices"].as_array().unwrap();
    assert_eq!(devices.len(), 2, "{summary}");
    assert!(devices.iter().all(|device| count(device, "accepted") > 0), "{summary}");
    assert!(!finished.err.contains("second): the device was unplugged"), "{}", finished.err);
    assert!(runtime.block_on(steady.stop()).unwrap().nonces >= 20);
}

#[test]
fn a_pool_that_is_down_is_replaced_by_the_next_one() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("stick");
    let pool = runtime.block_on(served_pool());
    let _stick = runtime.block_on(served("rbox", &link));
    let config = folder.path().join("adit.toml");
    let text = format!(
        "[mine]\nshares = 5\n[[pool]]\nurl = \"127.0.0.1:1\"\nuser = \"first\"\n[[pool]]\nurl = \"{}\"\nuser = \"second\"\n\
         [[device]]\nselect = \"serial:{},model=rbox\"\nsettings = {{ target-difficulty = {DIFFICULTY} }}\n",
        url(&pool),
        link.display()
    );
    std::fs::write(&config, text).unwrap();
    let finished = run(&["mine", "--json", "--config", config.to_str().unwrap()]);
    assert_eq!(finished.status, Some(0), "{}", finished.err);
    assert_eq!(finished.json()["accepted"], json!(5));
    assert!(finished.err.contains("connection refused"), "{}", finished.err);
    let tally = runtime.block_on(pool.tally()).unwrap();
    assert!(tally.workers["second"].accepted >= 5);
}

#[test]
fn a_pool_that_dies_while_mining_is_replaced_and_used_again_when_it_is_back() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("stick");
    let (first, second) = (runtime.block_on(served_pool()), runtime.block_on(served_pool()));
    let port = first.address().port();
    let _stick = runtime.block_on(served("antminer-u3", &link));
    let config = folder.path().join("adit.toml");
    let text = format!(
        "[mine]\nreturn_after_s = 0\n[[pool]]\nurl = \"{}\"\nuser = \"u\"\n[[pool]]\nurl = \"{}\"\nuser = \"u\"\n\
         [[device]]\nselect = \"serial:{},model=antminer-u3\"\nsettings = {{ target-difficulty = {DIFFICULTY} }}\n",
        url(&first),
        url(&second),
        link.display()
    );
    std::fs::write(&config, text).unwrap();
    let running = Running::start(&["mine", "--json", "--config", config.to_str().unwrap()]);
    runtime.block_on(accepted(&first, 3));
    assert_eq!(runtime.block_on(second.tally()).unwrap().total.accepted, 0);

    let at_first = runtime.block_on(first.stop()).unwrap().total.accepted;
    runtime.block_on(accepted(&second, 3));
    let anew = PoolSettings { extranonce1: 0x5eed_0000, ..PoolSettings::default() }; // remembers nothing
    let first = runtime.block_on(pool_with(anew, port));
    runtime.block_on(accepted(&first, 3));
    let at_second = runtime.block_on(second.tally()).unwrap().total.accepted;
    runtime.block_on(accepted(&first, 10));
    running.signal("TERM");

    let finished = running.finish();
    assert_eq!(finished.status, Some(0), "{}", finished.err);
    let again = runtime.block_on(first.stop()).unwrap().total.accepted;
    assert_eq!(runtime.block_on(second.stop()).unwrap().total.accepted, at_second, "left alone since");
    let summary = finished.json();
    // A share that was answered when the pool died may not have been heard of.
    let known = at_first + at_second + again;
    assert!((known - 2..=known).contains(&count(&summary, "accepted")), "{known} {summary}");
    assert_eq!((count(&summary, "rejected"), count(&summary, "duplicate")), (0, 0), "{summary}");
    let (_, last) = finished.err.rsplit_once("working for 127.0.0.1:").unwrap();
    assert!(last.starts_with(&port.to_string()), "{}", finished.err);
}

/// Difficulty 0.001 is a header in 4.3 million: no simulated stick of this test finds one, any real processor does.
#[test]
fn the_cpu_mines_beside_a_stick() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("stick");
    let runtime = Runtime::new().unwrap();
    let settings = PoolSettings { epoch: epoch(), difficulty: 0.001, ..PoolSettings::default() };
    let (_stick, pool) = runtime.block_on(async {
        let pool = ServedPool::start(Pool::new(settings, 7).unwrap(), ([127, 0, 0, 1], 0).into());
        (served("block-erupter", &link).await, pool.await.unwrap())
    });
    let (url, stick) = (url(&pool), selector("block-erupter", &link));
    let finished = run(&[
        "mine",
        "--json",
        "--pool",
        &url,
        "--user",
        "u",
        "--device",
        "cpu:2,duty=90,nice=5",
        "--device",
        &stick,
        "--shares",
        "4",
    ]);
    assert_eq!(finished.status, Some(0), "{}", finished.err);
    let summary = finished.json();
    assert_eq!(count(&summary, "rejected") + count(&summary, "hardware_errors"), 0, "{summary}");
    let row = |model: &str| {
        let rows = summary["devices"].as_array().unwrap();
        rows.iter().find(|row| row["model"] == model).unwrap_or_else(|| panic!("no {model} in {summary}"))
    };
    assert_eq!((&row("cpu")["location"], &row("cpu")["eased"]), (&json!("cpu:2"), &json!(false)));
    assert_eq!(count(row("cpu"), "accepted"), 4);
    // The CPU may be done before the stick is introduced.
    assert_eq!(count(row("block-erupter"), "hardware_errors"), 0);
}
