//! What can be read of a running adit, over real sockets.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::{Running, run};

/// The address that stands in the log after `label`.
pub(super) fn address(running: &Running, label: &str) -> String {
    running.wait_for(label, 1);
    let log = running.err.wait(|log| log.split(label).nth(1).is_some_and(|rest| rest.contains('\n')));
    let rest = log.split(label).nth(1).unwrap();
    rest.chars().take_while(|c| !c.is_whitespace() && *c != '/').collect()
}

/// Status line and body of the answer to `GET path`.
pub(super) fn get(address: &str, path: &str) -> (String, String) {
    let mut socket = TcpStream::connect(address).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

/// The summary, once it shows an accepted share: it is up to a second old.
pub(super) fn once_accepted(address: &str) -> Value {
    loop {
        let (status, body) = get(address, "/api/v1/summary");
        assert_eq!(status, "HTTP/1.1 200 OK");
        let summary: Value = serde_json::from_str(&body).unwrap();
        if summary["shares"]["accepted"].as_u64().unwrap() > 0 {
            return summary;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(100));
    }
}

#[test]
fn a_running_demo_can_be_read_and_says_what_its_summary_says() {
    let running = Running::start(&["demo", "--json", "--devices", "rbox", "--api", "127.0.0.1:0"]);
    let address = address(&running, "the API is at http://");
    running.wait_for("its first share is accepted", 1);
    let summary = once_accepted(&address);
    assert_eq!(summary["eased"], true);
    assert_eq!(summary["devices"]["hashing"], 1);
    let top = run(&["top", "--json", "--updates", "2", "--api", &address]);
    assert_eq!(top.status, Some(0), "{}", top.err);
    let updates = top.json_lines();
    assert_eq!(updates.len(), 2);
    assert_eq!(updates[1]["devices"][0]["name"], "rbox-1");
    let (_, devices) = get(&address, "/api/v1/devices/rbox-1");
    let device: Value = serde_json::from_str(&devices).unwrap();
    assert_eq!(device["model"], "rbox");
    running.signal("TERM");
    let finished = running.finish();
    assert_eq!(finished.status, Some(0), "{}", finished.err);
    let last = finished.json();
    assert!(last["accepted"].as_u64() >= summary["shares"]["accepted"].as_u64(), "{last}");
}

#[test]
fn history_and_the_best_difficulty_outlive_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    let file = file.to_str().unwrap();
    let run = || {
        let running =
            Running::start(&["demo", "--devices", "rbox", "--api", "127.0.0.1:0", "--history", file]);
        let address = address(&running, "the API is at http://");
        let best = once_accepted(&address)["best_difficulty_ever"].as_f64().unwrap();
        let points = loop {
            let (_, past) = get(&address, "/api/v1/history?step=10");
            let past: Value = serde_json::from_str(&past).unwrap();
            let points = past["points"].as_array().unwrap().len();
            if points > 0 {
                break points;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(200));
        };
        running.signal("TERM");
        assert_eq!(running.finish().status, Some(0));
        (best, points)
    };
    let (first, _) = run();
    let (second, points) = run();
    assert!(second >= first && points >= 1, "{first} {second} {points}");
    let finished = super::run(&["demo", "--history", "/nonexistent/folder/history.db"]);
    assert_eq!(finished.status, Some(2));
    assert!(finished.err.contains("name a file that can be written"), "{}", finished.err);
}

#[test]
fn an_address_that_others_could_reach_is_refused_before_anything_is_opened() {
    let finished = run(&["demo", "--api", "0.0.0.0:7785"]);
    assert_eq!(finished.status, Some(2));
    assert!(finished.err.contains("only the loopback interface is served"), "{}", finished.err);
    assert!(!finished.err.contains("is hashing"), "{}", finished.err);
}

#[test]
fn tools_that_know_cgminer_are_answered() {
    let running = Running::start(&["demo", "--devices", "rbox", "--cgminer-api", "127.0.0.1:0"]);
    let address = address(&running, "the API of cgminer is at ");
    running.wait_for("is hashing", 1); // there is something to tell
    let ask = |request: &str| {
        let mut socket = TcpStream::connect(&address).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        assert_eq!(answer.pop(), Some(0));
        String::from_utf8(answer).unwrap()
    };
    let joined: Value = serde_json::from_str(&ask(r#"{"command":"version+summary+pools"}"#)).unwrap();
    assert_eq!(joined["version"][0]["VERSION"][0]["API"], "3.7");
    assert_eq!(joined["pools"][0]["POOLS"][0]["User"], "demo");
    assert!(ask("summary").starts_with("STATUS=S,When="));
    assert!(ask("quit").contains("Code=45"));
    let finished = run(&["demo", "--cgminer-api", "0.0.0.0:4028"]);
    assert_eq!(finished.status, Some(2));
    assert!(finished.err.contains("--cgminer-allow"), "{}", finished.err);
}
