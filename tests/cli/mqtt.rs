//! A real Mosquitto that is told by real adits.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::external::{certificate, tool, wanted};
use super::reading::{address, get, once_accepted};
use super::{Collected, PATIENCE, Running, state_folder};

const PASSWORD: &str = "hush-hush-42";

/// A broker that wants a password and forgets everything when it ends. Killed when dropped.
struct Broker {
    port: u16,
    scheme: &'static str,
    folder: tempfile::TempDir,
    process: Option<Child>,
}

impl Broker {
    fn start() -> Self {
        Self::with("mqtt", |_| String::new())
    }

    /// One that speaks TLS and nothing else, as `localhost`, whose authority is `ca.pem` in its folder.
    fn secure() -> Self {
        Self::with("mqtts", |folder| {
            certificate(folder, "localhost");
            format!("certfile {0}/cert.pem\nkeyfile {0}/key.pem\n", folder.display())
        })
    }

    fn with(scheme: &'static str, more: impl Fn(&Path) -> String) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        fs::write(file("password"), PASSWORD).unwrap();
        let made =
            Command::new("mosquitto_passwd").args(["-b", "-c", &file("users"), "adit", PASSWORD]).status();
        assert!(made.expect("mosquitto_passwd").success());
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {}\npersistence false\nlog_dest none\nuser root\n{}",
            file("users"),
            more(folder.path()),
        );
        fs::write(file("mosquitto.conf"), config).unwrap();
        let mut broker = Self { port, scheme, folder, process: None };
        broker.again();
        broker
    }

    fn again(&mut self) {
        let config = self.folder.path().join("mosquitto.conf");
        let mut command = Command::new("mosquitto");
        let command = command.arg("-c").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().expect("mosquitto"));
        let is_up = || std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        until("the broker listens", is_up);
    }

    /// SIGKILL.
    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill(); // it may have ended
            let _ = process.wait();
        }
    }

    fn url(&self) -> String {
        format!("{}://localhost:{}", self.scheme, self.port)
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-h", "localhost", "-p", &self.port.to_string(), "-u", "adit", "-P", PASSWORD]);
        if self.scheme == "mqtts" {
            command.args(["--cafile", &self.folder.path().join("ca.pem").display().to_string()]);
        }
        command
    }

    /// Everything that is retained: topics and payloads.
    fn retained(&self) -> BTreeMap<String, String> {
        let mut command = self.client("mosquitto_sub");
        let command = command.args(["-t", "#", "--retained-only", "-W", "2", "-F", "%r %t %p"]);
        let printed = String::from_utf8_lossy(&command.output().expect("mosquitto_sub").stdout).into_owned();
        let mut all = BTreeMap::new();
        for line in printed.lines() {
            let (topic, payload) = line.strip_prefix("1 ").unwrap().split_once(' ').unwrap_or((line, ""));
            assert!(all.insert(topic.to_owned(), payload.to_owned()).is_none(), "{topic} twice");
        }
        all
    }

    fn publish(&self, topic: &str, payload: &str, more: &[&str]) {
        let mut command = self.client("mosquitto_pub");
        assert!(command.args(["-q", "1", "-t", topic, "-m", payload]).args(more).status().unwrap().success());
    }

    fn adit(&self, host: &str, devices: &str, more: &[&str]) -> Running {
        let (url, password) = (self.url(), self.folder.path().join("password"));
        let args =
            ["demo", "--devices", devices, "--api", "127.0.0.1:0", "--mqtt", &url, "--mqtt-user", "adit"];
        let told =
            ["--mqtt-password-file", password.to_str().unwrap(), "--mqtt-host", host, "--mqtt-interval", "1"];
        Running::start(&[&args[..], &told, more].concat())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let pause = Duration::from_millis(200);
    for _ in 0..PATIENCE.as_millis() / pause.as_millis() {
        if is_so() {
            return;
        }
        std::thread::park_timeout(pause);
    }
    panic!("waited in vain: {what}");
}

/// What each adit must have retained: its status and state, three topics a device, and none of anybody else.
fn expected(hosts: &[(&str, usize)]) -> usize {
    hosts.iter().map(|(_, devices)| 3 + 3 * devices).sum()
}

fn is_told(retained: &BTreeMap<String, String>, hosts: &[(&str, usize)]) -> bool {
    let online =
        |host: &str| retained.get(&format!("adit/{host}/status")).is_some_and(|status| status == "online");
    retained.len() == expected(hosts) && hosts.iter().all(|(host, _)| online(host))
}

#[test]
fn three_adits_on_one_broker_say_everything_once_also_after_it_was_killed() {
    if !wanted("MQTT with Mosquitto") {
        return;
    }
    let mut broker = Broker::start();
    let hosts = [("rig1", 2), ("rig2", 1), ("rig3", 1)];
    let adits = [
        broker.adit("rig1", "icarus,rbox", &[]),
        broker.adit("rig2", "rbox", &[]),
        broker.adit("rig3", "rbox", &[]),
    ];
    until("all is told", || is_told(&broker.retained(), &hosts));
    broker.kill();
    adits.iter().for_each(|adit| adit.wait_for("cannot be reached", 1));
    broker.again();
    until("all is told again", || is_told(&broker.retained(), &hosts));
    let retained = broker.retained();
    for (host, devices) in hosts {
        let of = |ending: &str| {
            let topics = retained.iter().filter(|(topic, _)| topic.starts_with(&format!("adit/{host}/")));
            topics
                .filter(|(topic, _)| topic.ends_with(ending))
                .map(|(_, payload)| payload.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(of("/availability"), vec!["online"; devices]);
        for state in of("/state") {
            let state: Value = serde_json::from_str(&state).unwrap();
            assert!(state["accepted"].is_u64() && state["power_watts"].is_null(), "{state}");
        }
    }
    let configs: Vec<(&String, Value)> = retained
        .iter()
        .filter(|(topic, _)| topic.starts_with("homeassistant/device/adit_rig"))
        .map(|(topic, payload)| (topic, serde_json::from_str(payload).unwrap()))
        .collect();
    assert_eq!(configs.len(), 7, "three adits and four devices");
    let mut unique = std::collections::BTreeSet::new();
    for (topic, config) in &configs {
        assert!(retained.contains_key(config["stat_t"].as_str().unwrap()), "{topic}");
        for part in config["cmps"].as_object().unwrap().values() {
            assert!(unique.insert(part["unique_id"].as_str().unwrap().to_owned()), "{topic}: {part}");
            assert!(part["cmd_t"].is_null(), "commands are off: {part}");
        }
    }
    for adit in adits {
        adit.signal("TERM");
        let done = adit.finish();
        assert_eq!(done.status, Some(0), "{}", done.err);
        assert!(!done.err.contains(PASSWORD), "{}", done.err);
    }
    until("all are offline", || {
        let retained = broker.retained();
        hosts.iter().all(|(host, _)| retained[&format!("adit/{host}/status")] == "offline")
    });
}

#[test]
fn commands_are_obeyed_where_they_are_on_and_audited_and_retained_ones_are_not() {
    if !wanted("MQTT commands with Mosquitto") {
        return;
    }
    let broker = Broker::start();
    broker.publish("adit/rig1/ghost-1/availability", "online", &["-r"]);
    let adit = broker.adit("rig1", "rbox", &["--mqtt-commands"]);
    let address = address(&adit, "the API is at http://");
    once_accepted(&address);
    let place = || {
        let retained = broker.retained();
        let mut topics =
            retained.keys().filter(|topic| topic.ends_with("/state") && topic.split('/').count() == 4);
        topics.next().map(|topic| topic.trim_end_matches("/state").to_owned())
    };
    until("the device is told", || place().is_some());
    let place = place().unwrap();
    until("a device that is gone is offline", || {
        broker.retained()["adit/rig1/ghost-1/availability"] == "offline"
    });
    let state = || {
        let (_, device) = get(&address, "/api/v1/devices/rbox-1");
        serde_json::from_str::<Value>(&device).unwrap()["state"].as_str().unwrap().to_owned()
    };
    broker.publish(&format!("{place}/mining/set"), "OFF", &[]);
    until("it is paused", || state() == "paused");
    broker.publish(&format!("{place}/mining/set"), "LAUNCH", &[]);
    broker.publish("adit/rig1/nobody/mining/set", "OFF", &[]);
    adit.wait_for("there is no such device or command", 2);
    broker.publish(&format!("{place}/mining/set"), "ON", &[]);
    until("it is resumed", || state() != "paused");
    broker.publish(&format!("{place}/frequency/set"), "99999", &[]);
    adit.wait_for("mqtt: run rbox-1 at 99999 MHz", 1);
    let key = fs::read_to_string(
        state_folder().join(format!("adit/local-{}.key", address.rsplit(':').next().unwrap())),
    )
    .unwrap();
    let audit = super::run(&["ctl", "--api", &address, "audit", "--json"]);
    assert!(audit.out.contains("\"who\":\"mqtt\"") && !key.is_empty(), "{audit:?}");
    // A retained command is one that somebody gave before: after a restart it would come again and again.
    drop(adit);
    broker.publish(&format!("{place}/mining/set"), "OFF", &["-r"]);
    let adit = broker.adit("rig1", "rbox", &["--mqtt-commands"]);
    adit.wait_for("it is retained", 1);
}

#[test]
fn a_broker_with_tls_is_told_only_if_it_is_believed_and_never_in_plain_text() {
    if !wanted("MQTT over TLS with Mosquitto") {
        return;
    }
    let mut broker = Broker::secure();
    let file = |name: &str| broker.folder.path().join(name).display().to_string();
    let (authority, certificate) = (file("ca.pem"), file("cert.pem"));
    let adit = broker.adit("rig1", "rbox", &["--mqtt-ca", &authority]);
    until("all is told", || is_told(&broker.retained(), &[("rig1", 1)]));
    broker.kill();
    adit.wait_for("cannot be reached", 1);
    broker.again();
    until("all is told again", || is_told(&broker.retained(), &[("rig1", 1)]));
    drop(adit);
    until("its last will holds", || broker.retained()["adit/rig1/status"] == "offline");

    // Nobody vouches for it, a key of somebody else, a name of somebody else.
    let stranger = broker.adit("rig2", "rbox", &[]);
    stranger.wait_for(
        "nobody trusted has signed its certificate; if its operator confirms its key, set tls_pin = \"",
        1,
    );
    let pinned = broker.adit("rig3", "rbox", &["--mqtt-pin", &"ab".repeat(32)]);
    pinned.wait_for(", not the pinned one", 1);
    let port = broker.port;
    let elsewhere = format!("mqtts://127.0.0.1:{port}");
    let named = Running::start(&["demo", "--devices", "rbox", "--mqtt", &elsewhere, "--mqtt-ca", &authority]);
    named.wait_for("its certificate is for another host", 1);
    // What it names is its key: with that it is believed.
    let err = stranger.err.text.lock().unwrap().0.clone();
    let pin = err.split("set tls_pin = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let sha256 = tool(
        "sh",
        &[
            "-c",
            &format!(
                "openssl x509 -in '{certificate}' -pubkey -noout | openssl pkey -pubin -outform der | sha256sum"
            ),
        ],
    );
    assert!(sha256.starts_with(&pin), "{sha256} {pin}");
    let believed = broker.adit("rig4", "rbox", &["--mqtt-pin", &pin]);
    until("who is pinned is told", || {
        broker.retained().get("adit/rig4/status").is_some_and(|it| it == "online")
    });
    assert!(broker.retained().keys().all(|topic| !topic.contains("rig2") && !topic.contains("rig3")));
    drop((believed, stranger, pinned, named));

    // A broker in plain text behind mqtts:// hears no password and gets no word.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let plain = format!("mqtts://localhost:{}", listener.local_addr().unwrap().port());
    let password = broker.folder.path().join("password").display().to_string();
    let options = ["--mqtt-user", "adit", "--mqtt-password-file", &password, "--mqtt-ca", &authority];
    let _asking = Running::start(&[&["demo", "--devices", "rbox", "--mqtt", &plain], &options[..]].concat());
    let (mut socket, _) = listener.accept().unwrap();
    let mut heard = [0; 512];
    let count = socket.read(&mut heard).unwrap();
    assert_eq!(heard[..2], [0x16, 0x03], "a handshake of TLS, and no CONNECT (0x10)");
    assert!(!heard[..count].windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes()));
}

/// Resident memory, in KiB.
fn resident(adit: &Running) -> u64 {
    let status =
        fs::read_to_string(Path::new("/proc").join(adit.child.id().to_string()).join("status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_hundred_messages_a_second_and_a_broker_that_is_away_cost_no_memory() {
    if !wanted("MQTT load with Mosquitto") {
        return;
    }
    let mut broker = Broker::start();
    let adit = broker.adit("rig1", "icarus:100", &["--mqtt-discovery", "off"]);
    let mut command = broker.client("mosquitto_sub");
    let mut listener = command
        .args(["-q", "0", "-t", "adit/rig1/+/state"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("mosquitto_sub");
    let heard = Collected::follow(listener.stdout.take().unwrap());
    let lines = |count: usize| {
        let so_far = heard.text.lock().unwrap().0.lines().count();
        heard.wait(|text| text.lines().count() >= so_far + count);
    };
    lines(2_000); // everything is up and has its size
    let begin = resident(&adit);
    lines(3_000);
    let told = resident(&adit);
    broker.kill();
    adit.wait_for("cannot be reached", 1);
    std::thread::park_timeout(Duration::from_secs(20));
    let away = resident(&adit);
    broker.again();
    until("all is told again", || broker.retained().len() == 2 + 2 * 100);
    let back = resident(&adit);
    println!(
        "resident: {begin} KiB, after 3,000 messages {told}, without a broker {away}, with it again {back}"
    );
    let _ = listener.kill(); // it has lost its broker
    let _ = listener.wait();
    let most = begin + 8 * 1_024;
    assert!(told < most && away < most && back < most, "{begin} {told} {away} {back}");
}
