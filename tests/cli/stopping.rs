//! Signals: what stops adit, what does not, and what is left behind.

use std::process::{Command, Stdio};
use std::time::Duration;

use adit_hw_sim::pool::PoolSettings;
use serde_json::json;
use tokio::runtime::Runtime;

use super::mining::{accepted, count, pool_with, selector, served, url};
use super::{Running, adit};

#[test]
fn a_stop_by_signal_is_a_summary_and_no_failure() {
    for signal in ["TERM", "INT", "HUP"] {
        let running = start_demo("exec");
        running.wait_for("its first share is accepted", 1);
        running.signal(signal);
        let finished = running.finish();
        assert_eq!(finished.status, Some(0), "{}", finished.err);
        assert!(count(&finished.json(), "accepted") >= 1);
        assert!(!finished.err.contains("not every device"), "{}", finished.err);
    }
}

#[test]
fn a_hangup_that_is_ignored_from_the_beginning_stays_ignored() {
    let running = start_demo("trap '' HUP; exec");
    running.wait_for("its first share is accepted", 1);
    running.signal("HUP");
    running.wait_for("accepted: share 3 ", 1);
    running.signal("TERM");
    let finished = running.finish();
    assert_eq!(finished.status, Some(0), "{}", finished.err);
    assert!(count(&finished.json(), "accepted") >= 3);
}

/// `adit demo` with one device, run by a shell that does `first`.
fn start_demo(first: &str) -> Running {
    let mut command = Command::new("env");
    command.args(["--default-signal", "sh", "-c", &format!("{first} \"$0\" \"$@\"")]).arg(adit());
    command.args(["demo", "--json", "--log", "debug", "--devices", "rbox", "--seed", "3"]);
    Running::spawn(&mut command)
}

#[test]
fn two_signals_at_once_leave_no_folder_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(adit());
    let running = Running::spawn(command.args(["demo", "--json"]).env("TMPDIR", folder.path()));
    running.wait_for("is hashing", 2);
    assert_eq!(folder.path().read_dir().unwrap().count(), 1, "the pseudo-terminals");
    for signal in ["STOP", "INT", "TERM", "CONT"] {
        running.signal(signal); // both are there before the first is seen
    }
    let finished = running.finish();
    assert!(finished.status.is_some(), "killed: {finished:?}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "{finished:?}");
}

#[test]
fn answers_that_come_while_it_stops_are_counted() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("stick");
    let slow = PoolSettings { reply_delay: Duration::from_millis(400), ..PoolSettings::default() };
    let pool = runtime.block_on(pool_with(slow, 0));
    let _stick = runtime.block_on(served("antminer-u3", &link));
    let mut command = Command::new(adit());
    command.args(["mine", "--json", "--pool", &url(&pool), "--user", "u", "--device"]);
    let running =
        Running::spawn_with(command.arg(selector("antminer-u3", &link)), Stdio::piped(), Stdio::piped());
    runtime.block_on(accepted(&pool, 5));
    running.signal("TERM");
    let finished = running.finish();
    assert_eq!(finished.status, Some(0), "{finished:?}");
    let summary = finished.json();
    let at_the_pool = runtime.block_on(pool.tally()).unwrap().total.accepted;
    assert_eq!(count(&summary, "accepted"), at_the_pool, "{finished:?}");
    assert_eq!(summary["devices"][0]["eased"], json!(true), "although its link is closed");
}
