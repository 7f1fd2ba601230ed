//! The simulator in the hands of other people's tools. They are installed by `.ci/run`; without `ADIT_EXTERNAL=1` these tests say
//! that they are skipped.
#![cfg(feature = "serve")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const SIMULATOR: &str = env!("CARGO_BIN_EXE_adit-sim");

/// Whether tests with other people's tools are wanted. Says so where they are not.
fn wanted(what: &str) -> bool {
    let wanted = std::env::var_os("ADIT_EXTERNAL").is_some_and(|value| value == "1");
    if !wanted {
        eprintln!("skipped: {what} (set ADIT_EXTERNAL=1 where the tools are installed, as .ci/run does)");
    }
    wanted
}

/// Runs a tool to its end in an empty folder; it must succeed. Gives what it printed.
fn tool(program: &str, args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let done = Command::new("timeout")
        .args(["300", program])
        .args(args)
        .env("ADIT_SIM", SIMULATOR)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(folder.path())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{program} {args:?}:\n{out}\n{err}");
    format!("{out}{err}")
}

#[test]
fn the_example_of_the_python_client_passes_in_pytest() {
    if !wanted("pytest on hw-sim/python") {
        return;
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/python");
    let printed = tool("python3", &["-m", "pytest", "-q", "-p", "no:cacheprovider", folder]);
    assert!(printed.contains("7 passed"), "{printed}");
}

#[test]
fn schemathesis_finds_no_answer_of_the_control_interface_that_its_description_does_not_promise() {
    if !wanted("schemathesis on adit-sim --control") {
        return;
    }
    let place = ["--tcp", "127.0.0.1:0", "--control", "127.0.0.1:0", "--json"];
    let mut simulator = Command::new(SIMULATOR)
        .args(["serve", "--model", "bitaxe-gamma", "--count", "2"])
        .args(place)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(simulator.stdout.take().unwrap()).lines();
    let mut events = lines.map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap());
    let control = events.find(|event| event["event"] == "control").unwrap();
    let description = format!("{}/api/v1/openapi.json", control["url"].as_str().unwrap());
    let args = ["run", &description, "--checks", "all", "--max-examples", "50", "--seed", "1", "--no-color"];
    let printed = std::panic::catch_unwind(|| tool("schemathesis", &args));
    simulator.kill().unwrap();
    simulator.wait().unwrap();
    let printed = printed.unwrap_or_else(|failure| std::panic::resume_unwind(failure));
    assert!(printed.contains("No issues found") || printed.contains("passed"), "{printed}");
}
