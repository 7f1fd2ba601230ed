use std::io::{Read, Write};
use std::net::TcpListener;

use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use serde_json::{Value, json};

use super::client::{Feed, Picture};
use super::draw::draw;
use super::screen::{Next, Screen, Sort};
use super::words;
use crate::cli::ApiArgs;
use crate::client::Client;

fn windows(rate: Option<f64>) -> Value {
    let window = |name: &str, length: f64| json!({ "window": name, "window_s": length, "span_s": 60.0, "hashrate_hs": rate, "nonces": 20, "deviation_ratio": 0.22, "certain": true });
    json!([
        window("5s", 5.0),
        window("1m", 60.0),
        window("5m", 300.0),
        window("15m", 900.0),
        window("1h", 3600.0),
        window("24h", 86400.0)
    ])
}

fn measured(value: Option<f64>) -> Value {
    json!({ "value": value, "missing": value.is_none().then_some("not_fitted"), "age_s": 0.0 })
}

fn nonces() -> Value {
    json!({ "received": 20, "unknown_work": 0, "duplicate": 0, "hardware_error": 1, "block": 0, "stale": 0, "below_share": 0, "share": 19 })
}

fn shares() -> Value {
    json!({
        "submitted": 19, "accepted": 18, "rejected": 1, "stale": 0, "lost": 0, "pending": 0,
        "refused": { "stale": 0, "duplicate": 0, "low_difficulty": 1, "unauthorized": 0, "other": 0 },
        "accepted_difficulty": 18.0, "rejected_difficulty": 1.0, "stale_difficulty": 0.0
    })
}

fn device(name: &str, state: &str, rate: Option<f64>, celsius: Option<f64>, hashes: f64) -> Value {
    let wrong = state == "retrying";
    json!({
        "name": name, "id": format!("icarus:{name}"), "model": "icarus", "model_name": "Icarus", "identified": true,
        "candidates": ["icarus"], "driver": "icarus", "chip": "FPGA", "chips": 2, "location": format!("serial:/dev/{name}"),
        "socket": null, "serial": null, "state": state, "retry_in_s": wrong.then_some(4.0), "eased": false,
        "hashrate": windows(rate), "nominal_hs": 380e6, "hashes": hashes, "nonces": nonces(), "hardware_error_ratio": 0.05,
        "shares": shares(), "best_difficulty": 17.25, "last_nonce_unix_s": 990.0, "last_share_unix_s": 990.0,
        "temperature_celsius": measured(celsius), "fan_rpm": measured(None), "power_watts": measured(None),
        "efficiency_joules_per_terahash": measured(None),
        "units": [{ "unit": 3, "nonces": nonces(), "hardware_error_ratio": 0.05, "readings": { "temperature_celsius": measured(celsius) } }],
        "faults": 2, "last_fault": "silent for 60 s", "last_fault_unix_s": 940.0,
        "trouble": wrong.then(|| json!({ "subject": name, "what": "silent for 60 s", "fix": "check its power supply, then plug it in again" }))
    })
}

/// Three sticks, one of them in trouble, at a moment.
fn picture(at: f64) -> Picture {
    let troubles = json!([{ "subject": "b", "what": "silent for 60 s", "fix": "check its power supply, then plug it in again" }]);
    let summary = json!({
        "version": "0.1.0", "started_unix_s": 0.0, "at_unix_s": at, "uptime_s": at,
        "devices": { "total": 3, "hashing": 2, "idle": 0, "starting": 0, "faulted": 1, "away": 0, "stopped": 0 },
        "hashrate": windows(Some(7.6e8)), "nominal_hs": 7.6e8, "nonces": nonces(), "hardware_error_ratio": 0.05, "shares": shares(),
        "best_difficulty_session": 17.25, "best_difficulty_ever": null, "blocks": 0, "power_watts": measured(None),
        "efficiency_joules_per_terahash": measured(None), "eased": false, "troubles": troubles, "unused": [], "events_dropped": 0
    });
    let pool = json!({
        "id": 0, "pool": "pool.example:3333", "url": "stratum+tcp://pool.example:3333", "user": "u", "priority": 0, "quota": 1, "hashes": 0.0, "state": "working",
        "connected_s": 60.0, "difficulty": 1.0, "network_difficulty": null, "previous_block": null, "jobs": 1, "shares": shares(),
        "latency_s": 0.04, "latency_average_s": 0.04, "latencies": [], "last_share_unix_s": null
    });
    let event = json!({
        "id": 1, "at_unix_s": 940.0, "kind": "device_fault", "severity": "error", "device": "b", "pool": null,
        "sentence": "b: silent\u{1b}[2J for 60 s; trying again in 4 s"
    });
    let devices = [
        device("a", "hashing", Some(3.8e8), Some(40.0), at * 3.8e8),
        device("b", "retrying", None, None, 0.0),
        device("c", "hashing", Some(4.1e8), Some(60.0), at * 4.1e8),
    ];
    Picture {
        summary: serde_json::from_value(summary).unwrap(),
        pools: vec![serde_json::from_value(pool).unwrap()],
        devices: devices.into_iter().map(|device| serde_json::from_value(device).unwrap()).collect(),
        events: vec![serde_json::from_value(event).unwrap()],
    }
}

fn screen() -> Screen {
    Screen::new("127.0.0.1:7785".parse().unwrap(), picture(1_000.0))
}

fn press(screen: &mut Screen, keys: &str) -> Next {
    let code = |c| match c {
        '\n' => KeyCode::Enter,
        '\u{1b}' => KeyCode::Esc,
        '\u{8}' => KeyCode::Backspace,
        c => KeyCode::Char(c),
    };
    keys.chars().map(|c| screen.on_key(KeyEvent::from(code(c)))).last().unwrap_or(Next::Stay)
}

fn names(screen: &Screen) -> Vec<&str> {
    screen.devices().into_iter().map(|device| device.name.as_str()).collect()
}

/// What a terminal of this size shows.
fn shown(screen: &Screen, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, screen)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let symbols: Vec<&str> = buffer.content().iter().map(|cell| cell.symbol()).collect();
    symbols.chunks(usize::from(width)).map(|line| line.concat() + "\n").collect()
}

#[test]
fn small_and_large_terminals_show_what_is_wrong_and_what_to_do() {
    for (width, height) in [(80, 24), (200, 50)] {
        let text = shown(&screen(), width, height);
        for wanted in [
            "2/3 hashing",
            "760.00 MH/s",
            "pool.example:3333",
            "b: silent for 60 s",
            "→ check its power supply",
            "retry 4 s",
            "380.00 MH/s",
            "60.0°",
            "5.0%",
            "trying again in 4 s",
        ] {
            assert!(text.contains(wanted), "{wanted} at {width}×{height}:\n{text}");
        }
        assert!(!text.contains('\u{1b}'));
    }
    assert!(shown(&screen(), 200, 50).contains("serial:/dev/c"));
}

#[test]
fn devices_are_sorted_by_every_order() {
    let mut screen = screen();
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push((screen.sort, names(&screen).concat()));
        press(&mut screen, "s");
    }
    let by = |sort: Sort| seen.iter().find(|(known, _)| *known == sort).unwrap().1.as_str();
    assert_eq!((by(Sort::Trouble), by(Sort::Name)), ("bac", "abc"));
    assert_eq!((by(Sort::Rate), by(Sort::Temperature), by(Sort::Errors)), ("cab", "cab", "abc"));
    assert_eq!(screen.sort, Sort::Trouble);
}

#[test]
fn a_filter_is_typed_kept_and_dropped() {
    let mut screen = screen();
    press(&mut screen, "/retrq\u{8}\n");
    assert_eq!(names(&screen), ["b"]);
    assert_eq!(press(&mut screen, "\u{1b}"), Next::Stay);
    assert_eq!(names(&screen).len(), 3);
    press(&mut screen, "/nothing at all");
    assert!(names(&screen).is_empty() && screen.device().is_none());
    assert!(shown(&screen, 80, 24).contains("0 of 3 devices"));
    press(&mut screen, "\u{1b}q");
    assert_eq!(press(&mut screen, "q"), Next::End);
}

#[test]
fn the_chosen_device_stays_chosen_when_the_order_changes_and_is_shown_in_full() {
    let mut screen = screen();
    press(&mut screen, "jj");
    assert_eq!(screen.device().unwrap().name, "c");
    press(&mut screen, "ss");
    assert_eq!((screen.place(), screen.device().unwrap().name.as_str()), (0, "c"));
    press(&mut screen, "\n");
    let text = shown(&screen, 80, 30);
    for wanted in [
        "c (Esc: back)",
        "2 fault(s), last 1 min 00 s ago",
        "unit 3",
        "temperature_celsius 60.0",
        "18 accepted",
    ] {
        assert!(text.contains(wanted), "{wanted}:\n{text}");
    }
    press(&mut screen, "\u{1b}kkkkjjjjj");
    assert_eq!(screen.place(), 2);
}

#[test]
fn bars_show_the_work_of_each_ten_seconds() {
    let mut screen = screen();
    for second in 1..=35 {
        screen.on_update(Ok(picture(1_000.0 + f64::from(second))));
    }
    let bars: Vec<_> = screen.bars(&screen.picture.devices[0], 5).collect();
    assert_eq!(bars.iter().filter(|bar| bar.is_none()).count(), 2);
    assert!(bars[2..].iter().all(|bar| (bar.unwrap() / 3.8e8 - 1.0).abs() < 1e-6), "{bars:?}");
    assert_eq!(words::bars(bars.into_iter(), 3.8e8), "  ███");
}

#[test]
fn an_adit_that_is_gone_leaves_an_old_picture_that_says_so() {
    let mut screen = screen();
    let gone = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    screen.on_update(Err(crate::client::Unread::Nobody { api: screen.api.parse().unwrap(), why: gone }));
    assert!(shown(&screen, 200, 50).contains("old: no adit answers at 127.0.0.1:7785"));
    screen.on_update(Ok(picture(1_001.0)));
    assert!(!shown(&screen, 200, 50).contains("old:"));
}

#[test]
fn numbers_are_short() {
    assert_eq!(
        [0.4, 61.0, 7_260.0, 180_000.0].map(words::span),
        ["0 s", "1 min 01 s", "2 h 01 min", "2 d 2 h"]
    );
    let difficulties = [None, Some(2.5e13), Some(1_024.0), Some(0.5), Some(5.96e-8)].map(words::difficulty);
    assert_eq!(difficulties, ["–", "25.00T", "1024", "0.5", "6.0e-8"]);
}

fn client(api: std::net::SocketAddr) -> Client {
    let api = api.to_string().parse().unwrap();
    Client::new(&ApiArgs { api, key_file: None, pin: None, ca: None }).unwrap()
}

#[test]
fn what_is_no_adit_is_said_to_be_none() {
    let answer = |text: &'static [u8]| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let api = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let _ = socket.read(&mut [0; 1_024]); // whatever it asks
            let _ = socket.write_all(text);
        });
        Feed::start(client(api)).wait().unwrap_err().to_string()
    };
    for text in [
        &b"HTTP/1.1 404 Not Found\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        b"\xff\xfe",
        b"",
        b"HTTP/1.1 200 OK\r\n\r\n[[",
    ] {
        let said = answer(text);
        assert!(said.contains("is no adit of this version"), "{said}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(Feed::start(client(nobody)).wait().unwrap_err().to_string().contains("no adit answers"));
}

proptest! {
    #[test]
    fn no_size_and_no_key_breaks_the_screen(width in 1_u16..250, height in 1_u16..80, keys in "[a-zA-Z/\n\u{1b}\u{8}]{0,12}") {
        let mut screen = screen();
        press(&mut screen, &keys);
        shown(&screen, width, height);
    }
}
