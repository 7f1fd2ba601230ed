//! The binary `adit-sim` as a user starts it.
#![cfg(feature = "serve")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use adit_protocol::hex;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Block 171874 (`docs/protocols/icarus.md §2.3`).
const GOLDEN_JOB: &str = "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a\
    000000000000000000000000000000000000000087320b1a1426674f2fa722ce";

struct Simulator {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Simulator {
    fn start(args: &[&str]) -> Self {
        let mut child = command(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// The next line of output.
    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// Sends a signal; the last line and the exit status.
    fn stop(mut self, signal: Signal) -> (Value, Option<i32>) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let mut last = self.line();
        while last["event"] != "summary" {
            last = self.line();
        }
        (last, self.child.wait().unwrap().code())
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill(); // a test has failed; else it is gone already
        let _ = self.child.wait();
    }
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adit-sim"));
    command.args(args);
    command
}

fn scratch(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
    fs::create_dir_all(&path).unwrap();
    path
}

/// Runs to the end: exit status, and what was said on standard error.
fn run(args: &[&str]) -> (Option<i32>, String) {
    let output = command(args).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn devices_are_named_by_number_answer_the_golden_job_and_leave_nothing_behind() {
    let folder = scratch("pty");
    let path = folder.join("stick");
    let args =
        ["serve", "--model", "block-erupter", "--count", "2", "--pty", path.to_str().unwrap(), "--json"];
    let mut simulator = Simulator::start(&args);
    for number in 0..2 {
        let ready = simulator.line();
        assert_eq!((&ready["event"], &ready["eased"]), (&"ready".into(), &false.into()));
        assert_eq!(ready["ports"][0]["path"], format!("{}{number}", path.display()));
    }
    let mut port = fs::OpenOptions::new().read(true).write(true).open(folder.join("stick1")).unwrap();
    port.write_all(&hex::decode(GOLDEN_JOB).unwrap()).unwrap();
    let mut nonce = [0; 4];
    port.read_exact(&mut nonce).unwrap();
    assert_eq!(hex::encode(&nonce), "000187a2");

    let (summary, status) = simulator.stop(Signal::TERM);
    let nonces: Vec<_> =
        summary["devices"].as_array().unwrap().iter().map(|row| row["nonces"].clone()).collect();
    assert_eq!((nonces, status), (vec![0.into(), 1.into()], Some(0)));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "something is left behind");
    fs::remove_dir(folder).unwrap();
}

#[test]
fn a_board_has_a_terminal_for_each_port_and_its_chip_answers_once_it_has_voltage() {
    let folder = scratch("board");
    let path = folder.join("bitaxe");
    let args = ["serve", "--model", "bitaxe-gamma", "--pty", path.to_str().unwrap(), "--json"];
    let mut simulator = Simulator::start(&args);
    let ready = simulator.line();
    let ports: Vec<PathBuf> = ["control", "data"].map(|name| folder.join(format!("bitaxe-{name}"))).to_vec();
    for (port, at) in ready["ports"].as_array().unwrap().iter().zip(&ports) {
        assert_eq!(port["path"], at.to_str().unwrap());
    }
    let open = |at: &PathBuf| fs::OpenOptions::new().read(true).write(true).open(at).unwrap();
    let (mut control, mut data) = (open(&ports[0]), open(&ports[1]));
    let ask = |port: &mut fs::File, request: &str, answer: &str| {
        port.write_all(&hex::decode(request).unwrap()).unwrap();
        let mut heard = vec![0; answer.len() / 2];
        port.read_exact(&mut heard).unwrap();
        assert_eq!(hex::encode(&heard), answer, "{request}");
    };
    ask(&mut control, "0900040005404cfd01", "01000416"); // product of the fan controller
    ask(&mut control, "0a000500052024214d02", "01000503"); // 1.15 V
    ask(&mut control, "090006000520240180", "01000602"); // on
    ask(&mut control, "07000700060001", "01000701"); // out of reset
    ask(&mut data, "55aa520500000a", "aa5513700000000006");
    let (summary, status) = simulator.stop(Signal::TERM);
    assert_eq!((&summary["devices"][0]["core_volts"], status), (&1.150_390_625.into(), Some(0)));
    fs::remove_dir(folder).unwrap();
}

#[test]
#[allow(clippy::disallowed_methods, reason = "nothing says when the first piece has been hashed")]
fn without_easing_the_processors_of_this_computer_hash_and_the_summary_says_how_fast() {
    let folder = scratch("honest");
    let path = folder.join("stick");
    let args = ["serve", "--model", "block-erupter", "--pty", path.to_str().unwrap(), "--json"];
    let mut simulator = Simulator::start(&args);
    simulator.line();
    let mut port = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    port.write_all(&[0x5a; 64]).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    let (summary, status) = simulator.stop(Signal::TERM);
    let row = &summary["devices"][0];
    assert_eq!((status, row["nominal_hs"].as_f64()), (Some(0), Some(336e6)));
    assert!(row["hashed"].as_u64().unwrap() > 0 && row["hashrate_hs"].as_f64().unwrap() > 0.0, "{row}");
    fs::remove_dir(folder).unwrap();
}

/// A host over a socket that gives work without looking first: one broken rule, and the same in JSON and in JUnit XML.
#[test]
fn a_host_is_judged_and_the_report_is_also_junit() {
    let folder = scratch("judged");
    let report = folder.join("report.xml");
    let place = ["--host", "--model", "block-erupter", "--tcp", "127.0.0.1:0"];
    let mut simulator =
        Simulator::start(&[&["conform", "--json", "--junit", report.to_str().unwrap()], &place[..]].concat());
    let ready = simulator.line();
    let address = ready["ports"][0].as_str().unwrap().strip_prefix("tcp:").unwrap();
    let mut port = TcpStream::connect(address).unwrap();
    port.write_all(&[0x5a; 64]).unwrap();
    port.write_all(&hex::decode(GOLDEN_JOB).unwrap()).unwrap();
    port.read_exact(&mut [0; 4]).unwrap(); // it has been heard
    kill_process(Pid::from_child(&simulator.child), Signal::TERM).unwrap();
    let mut lines = vec![simulator.line()];
    while lines.last().unwrap()["event"] != "summary" {
        lines.push(simulator.line());
    }
    assert_eq!(simulator.child.wait().unwrap().code(), Some(1), "a rule was broken");
    let summary = lines.pop().unwrap();
    let report = fs::read_to_string(report).unwrap();
    let report = roxmltree::Document::parse(&report).unwrap();
    let suite = report.root_element().first_element_child().unwrap();
    for (count, value) in [
        ("tests", lines.len().into()),
        ("failures", summary["failed"].clone()),
        ("skipped", summary["skipped"].clone()),
    ] {
        assert_eq!(suite.attribute(count), Some(value.to_string().as_str()), "{count}");
    }
    let cases: Vec<_> = suite.children().filter(|node| node.is_element()).collect();
    assert_eq!(cases.len(), lines.len());
    for (case, line) in cases.iter().zip(&lines) {
        assert_eq!(case.attribute("name"), line["check"].as_str());
        let result = case.first_child().map_or("passed", |child| match child.tag_name().name() {
            "failure" => "failed",
            other => other,
        });
        assert_eq!(Some(result), line["result"].as_str());
    }
    let failed = |line: &&Value| line["result"] == "failed";
    let failed: Vec<_> = lines.iter().filter(failed).map(|line| line["check"].as_str().unwrap()).collect();
    assert_eq!(failed, ["detection-first"]);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_pool_says_where_it_is_and_sums_up_when_interrupted() {
    let mut simulator = Simulator::start(&["pool", "--listen", "127.0.0.1:0", "--json"]);
    let ready = simulator.line();
    let url = ready["url"].as_str().unwrap();
    let mut client = TcpStream::connect(url.strip_prefix("stratum+tcp://").unwrap()).unwrap();
    client.write_all(b"{\"id\":1,\"method\":\"mining.authorize\",\"params\":[\"rig\",\"x\"]}\n").unwrap();
    let authorized = simulator.line();
    assert_eq!((&authorized["event"], &authorized["worker"]), (&"authorized".into(), &"rig".into()));
    client
        .write_all(b"{\"id\":2,\"method\":\"mining.submit\",\"params\":[\"rig\",\"1\",\"\",\"0\",\"0\"]}\n")
        .unwrap();
    let share = simulator.line();
    assert_eq!((&share["accepted"], &share["code"]), (&false.into(), &25.into()));
    let (summary, status) = simulator.stop(Signal::INT);
    assert_eq!((&summary["reasons"]["not_subscribed"], status), (&1.into(), Some(0)));
}

#[test]
fn bad_input_is_one_clear_sentence_with_the_right_status_and_nothing_is_started() {
    let folder = scratch("bad");
    let file = folder.join("notes");
    fs::write(&file, "precious").unwrap();
    let (file, missing) = (file.to_str().unwrap(), folder.join("no/stick"));
    let missing = missing.to_str().unwrap();
    let scenario = folder.join("hot.toml");
    fs::write(&scenario, "# too hot\n[[scene]]\nat = 3\ndo = \"ambient\"\ncelsius = 50\n").unwrap();
    let scenario = scenario.to_str().unwrap();
    let cases: [(&[&str], i32, &str); 12] = [
        (&["serve", "--model", "toaster", "--pty", missing], 2, "no such model; there are icarus"),
        (&["serve", "--model", "icarus", "--pty", missing, "--set", "chips=3"], 2, "chips is 1, 2, 4 or 8"),
        (
            &["serve", "--model", "icarus", "--pty", missing, "--target-difficulty", "2"],
            2,
            "between 2^-31 and 1",
        ),
        (&["serve", "--model", "icarus", "--pty", missing, "--fault", "nak"], 2, "what can: drop_byte"),
        (&["serve", "--model", "icarus", "--tcp", "127.0.0.1:65535", "--count", "2"], 2, "start lower"),
        (&["serve", "--model", "icarus", "--pty", file], 1, "remove it or give another path"),
        (&["serve", "--model", "icarus", "--pty", missing], 1, "No such file or directory"),
        (
            &["serve", "--model", "icarus", "--pty", missing, "--control", "192.0.2.1:4090"],
            2,
            "only the loopback interface is served",
        ),
        (
            &["serve", "--model", "icarus", "--pty", missing, "--scenario", missing],
            2,
            "No such file or directory",
        ),
        (
            &["serve", "--model", "icarus", "--pty", missing, "--scenario", scenario],
            2,
            "line 2: a simulated icarus has no temperature",
        ),
        (&["pool", "--listen", "127.0.0.1:0", "--difficulty", "0"], 2, "between 1e-12 and 1e15"),
        (&["pool", "--listen", "192.0.2.1:3333"], 1, "cannot listen on 192.0.2.1:3333"),
    ];
    for (args, status, sentence) in cases {
        let (found, text) = run(args);
        assert_eq!(found, Some(status), "{args:?}: {text}");
        assert!(text.contains(sentence), "{args:?}: {text}");
    }
    assert_eq!(fs::read_to_string(file).unwrap(), "precious");
    fs::remove_dir_all(folder).unwrap();
}
