//! Readers of our output who do not read: mining goes on, and a stop is obeyed.

use std::io::{PipeReader, PipeWriter, Write, pipe};
use std::process::{Command, Stdio};
use std::thread;

use tokio::runtime::Runtime;

use super::mining::{accepted, count, selector, served, served_pool, url};
use super::{Running, adit};

/// A pipe that is full and stays so while the reader is kept.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, writer) = pipe().unwrap();
    let mut filler = writer.try_clone().unwrap();
    thread::spawn(move || filler.write_all(&vec![b'.'; 4 << 20])); // waits for ever: more than any pipe holds
    (reader, writer)
}

/// Mines with a simulated stick, as talkative as can be, until the pool has accepted shares; then sends SIGTERM.
fn mined(out: impl Into<Stdio>, err: impl Into<Stdio>) -> super::Finished {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("stick");
    let pool = runtime.block_on(served_pool());
    let _stick = runtime.block_on(served("antminer-u3", &link));
    let mut command = Command::new(adit());
    command.args(["mine", "--json", "--log", "trace", "--pool", &url(&pool), "--user", "u", "--device"]);
    command.arg(selector("antminer-u3", &link));
    let running = Running::spawn_with(&mut command, out.into(), err.into());
    runtime.block_on(accepted(&pool, 20));
    running.signal("TERM");
    running.finish()
}

#[test]
fn a_log_that_nobody_reads_stops_neither_the_mining_nor_the_summary() {
    let (_unread, err) = full_pipe();
    let finished = mined(Stdio::piped(), err);
    assert_eq!(finished.status, Some(0), "{finished:?}");
    assert!(count(&finished.json(), "accepted") >= 20, "{finished:?}");
}

#[test]
fn a_summary_that_nobody_reads_is_given_up_with_a_word() {
    let (_unread, out) = full_pipe();
    let finished = mined(out, Stdio::piped());
    assert_eq!(finished.status, Some(1), "{finished:?}");
    assert!(
        finished.err.ends_with("adit: nobody reads standard output: the summary is lost\n"),
        "{finished:?}"
    );
}

#[test]
fn a_stop_is_obeyed_although_nobody_reads_anything() {
    let ((_unread, out), (_neither, err)) = (full_pipe(), full_pipe());
    assert_eq!(mined(out, err).status, Some(1));
}
