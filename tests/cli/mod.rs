//! The command line, tried on the built binary as a user would: real processes, pseudo-terminals, sockets and signals.

mod bad_input;
mod browser;
mod conform;
mod doctor;
mod downstream;
mod external;
mod first;
mod ledger;
mod mining;
mod mqtt;
mod one_shot;
mod proxy;
mod reading;
mod recording;
mod rtl;
mod service;
mod steering;
mod stopping;
mod udev;
mod unread;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// Nothing that is waited for takes so long; a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(300);

/// The binary, built once with the profile of this test.
fn adit() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let test = std::env::current_exe().expect("the path of this test");
        let folder = test.parent().and_then(Path::parent).expect("target/PROFILE/deps");
        let profile = match folder.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(name) => name,
        };
        let status = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--package",
                "adit",
                "--bin",
                "adit",
                "--profile",
                profile,
                "--target-dir",
            ])
            .arg(folder.parent().expect("target"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .expect("cargo");
        assert!(status.success(), "adit is not built");
        folder.join("adit")
    })
}

/// Where the processes of this test keep their state.
fn state_folder() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder")).path()
}

/// What a finished process leaves.
#[derive(Debug)]
struct Finished {
    status: Option<i32>,
    out: String,
    err: String,
}

impl Finished {
    /// The single JSON object on standard output.
    fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "one object: {self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// One JSON object a line.
    fn json_lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
    }
}

/// Runs adit with `args` to its end.
fn run(args: &[&str]) -> Finished {
    Running::start(args).finish()
}

/// Runs adit with `args` and `input` on standard input.
fn run_with_input(args: &[&str], input: Vec<u8>) -> Finished {
    let mut running = Running::start(args);
    let mut stdin = running.child.stdin.take().expect("a pipe");
    let writer = thread::spawn(move || stdin.write_all(&input));
    let finished = running.finish();
    let _ = writer.join().expect("the writer"); // adit may have had enough
    finished
}

/// A process at work. Killed when dropped.
struct Running {
    child: Child,
    out: Arc<Collected>,
    err: Arc<Collected>,
}

#[derive(Default)]
struct Collected {
    text: Mutex<(String, bool)>,
    more: Condvar,
}

impl Collected {
    fn follow(pipe: impl Read + Send + 'static) -> Arc<Self> {
        let collected = Arc::new(Self::default());
        let into = Arc::clone(&collected);
        thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                into.text.lock().unwrap().0.push_str(&String::from_utf8_lossy(&line));
                into.more.notify_all();
                line.clear();
            }
            into.text.lock().unwrap().1 = true;
            into.more.notify_all();
        });
        collected
    }

    /// Waits until `enough` says so of the text, or there will be no more.
    fn wait(&self, enough: impl Fn(&str) -> bool) -> String {
        let guard = self.text.lock().unwrap();
        let (guard, timed_out) =
            self.more.wait_timeout_while(guard, PATIENCE, |(text, over)| !*over && !enough(text)).unwrap();
        assert!(!timed_out.timed_out(), "waited in vain; so far:\n{}", guard.0);
        guard.0.clone()
    }
}

impl Running {
    fn start(args: &[&str]) -> Self {
        Self::spawn(Command::new(adit()).args(args))
    }

    fn spawn(command: &mut Command) -> Self {
        Self::spawn_with(command, Stdio::piped(), Stdio::piped())
    }

    /// As [`Self::spawn`]; what goes elsewhere than into a pipe of ours is not collected.
    fn spawn_with(command: &mut Command, out: Stdio, err: Stdio) -> Self {
        let sets = |command: &Command, name: &str| command.get_envs().any(|(known, _)| known == name);
        if !sets(command, "STATE_DIRECTORY") {
            command.env_remove("STATE_DIRECTORY");
        }
        command.env_remove("ADIT_KEY").env("XDG_STATE_HOME", state_folder());
        if !sets(command, "XDG_CONFIG_HOME") {
            command.env("XDG_CONFIG_HOME", state_folder().join("no-configuration"));
        }
        let command = command.env_remove("RUST_LOG").stdin(Stdio::piped()).stdout(out).stderr(err);
        let mut child = command.spawn().expect("adit");
        let out = child.stdout.take().map(Collected::follow).unwrap_or_default();
        let err = child.stderr.take().map(Collected::follow).unwrap_or_default();
        Self { child, out, err }
    }

    /// Waits until `text` has stood `times` times in the log.
    fn wait_for(&self, text: &str, times: usize) {
        let log = self.err.wait(|log| log.matches(text).count() >= times);
        assert!(log.matches(text).count() >= times, "ended without `{text}`:\n{log}");
    }

    /// Sends a signal, such as `TERM`.
    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().expect("kill");
        assert!(sent.success());
    }

    /// What is left when it has ended.
    fn finish(mut self) -> Finished {
        drop(self.child.stdin.take());
        let over = |collected: &Arc<Collected>| Arc::strong_count(collected) == 1;
        let out = self.out.wait(|_| over(&self.out));
        let err = self.err.wait(|_| over(&self.err));
        let status = self.child.wait().expect("an end");
        Finished { status: status.code(), out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}
