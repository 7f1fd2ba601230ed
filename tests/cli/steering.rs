//! `adit ctl` and SIGHUP on a running adit.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::mining::{accepted, selector, served, served_pool, url};
use super::reading::{address, get, once_accepted};
use super::{Finished, Running, run, state_folder};

/// Gives a command to the adit at `address`.
fn ctl(address: &str, args: &[&str]) -> Finished {
    run(&[&["ctl", "--json", "--api", address], args].concat())
}

fn done(address: &str, args: &[&str]) -> Value {
    let finished = ctl(address, args);
    assert_eq!(finished.status, Some(0), "{args:?}: {finished:?}");
    finished.json_lines().pop().unwrap()
}

/// What became of a command that was not done.
fn outcome(address: &str, args: &[&str]) -> (String, String) {
    let finished = ctl(address, args);
    assert_eq!(finished.status, Some(1), "{args:?}: {finished:?}");
    let line = finished.json();
    let text = |key: &str| line[key].as_str().unwrap().to_owned();
    (text("outcome"), text("sentence"))
}

fn state(address: &str, device: &str) -> String {
    let (_, body) = get(address, &format!("/api/v1/devices/{device}"));
    let device: Value = serde_json::from_str(&body).unwrap();
    device["state"].as_str().unwrap().to_owned()
}

fn wait_for(what: &str, running: &Running, is_so: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if is_so() {
            return;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(100));
    }
    panic!("waited in vain: {what}; the log:\n{}", running.err.wait(|_| true));
}

#[test]
fn devices_and_pools_of_a_running_demo_do_what_its_user_says_and_nobody_else() {
    let running = Running::start(&["demo", "--json", "--devices", "rbox,icarus", "--api", "127.0.0.1:0"]);
    let at = address(&running, "the API is at http://");
    once_accepted(&at);
    let port = at.rsplit(':').next().unwrap();
    let key = state_folder().join(format!("adit/local-{port}.key"));
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);

    assert_eq!(done(&at, &["pause", "rbox-1"])["sentence"], "rbox-1 is paused");
    assert_eq!(state(&at, "rbox-1"), "paused");
    let (outcome_of_pause, why) = outcome(&at, &["frequency", "rbox-1", "270"]);
    assert_eq!(
        (outcome_of_pause.as_str(), why.as_str()),
        ("refused", "the device is not at work: it is paused")
    );
    done(&at, &["resume", "all"]);
    running.wait_for("rbox-1 may work again", 1);
    wait_for("the device works again", &running, || state(&at, "rbox-1") == "hashing");
    let (refused, why) = outcome(&at, &["frequency", "rbox-1", "9000"]);
    assert!(refused == "refused" && why.starts_with("9000 MHz is not allowed: this model runs at"), "{why}");
    assert_eq!(outcome(&at, &["fan", "icarus-1", "50"]).0, "unsupported");
    assert_eq!(outcome(&at, &["reset", "nobody-1"]).0, "unknown");

    done(&at, &["pool", "add", "stratum+tcp://127.0.0.1:1", "--user", "u"]);
    let pools = ctl(&at, &["pool", "list"]).json_lines();
    assert_eq!(pools.iter().map(|pool| pool["id"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1]);
    done(&at, &["pool", "order", "1", "0"]);
    assert_eq!(ctl(&at, &["pool", "list"]).json_lines()[0]["id"], 1);
    done(&at, &["pool", "disable", "1"]);
    assert_eq!(outcome(&at, &["pool", "disable", "0"]).0, "refused", "the last one");
    done(&at, &["pool", "remove", "1"]);
    assert_eq!(outcome(&at, &["save"]).0, "refused", "there is no file");

    let with = |key: &str, args: &[&str]| {
        let mut command = std::process::Command::new(super::adit());
        command.args([&["ctl", "--api", &at][..], args].concat());
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), key).unwrap();
        Running::spawn(command.arg("--key-file").arg(file.path())).finish()
    };
    let made = run(&["key", "create", "--json", "--name", "shelf", "--scope", "operate"]).json();
    let (text, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());
    assert_eq!(with(text, &["reset", "icarus-1"]).status, Some(0));
    assert!(with(text, &["reload"]).err.contains("this needs admin"));
    let rotated = run(&["key", "rotate", "--json", id]).json();
    for (key, why) in [("adit_00000000_0000", "not known"), (text, "not known")] {
        let refused = with(key, &["reset", "icarus-1"]);
        assert!(refused.status == Some(1) && refused.err.contains(why), "{refused:?}");
    }
    assert_eq!(with(rotated["key"].as_str().unwrap(), &["reset", "icarus-1"]).status, Some(0));
    let listed = run(&["key", "list"]);
    assert!(listed.out.contains("operate") && !listed.out.contains(&text[14..]), "{listed:?}");
    let audit = ctl(&at, &["audit"]).json_lines();
    assert_eq!(
        (audit[0]["what"].as_str(), audit[0]["outcome"].as_str()),
        (Some("pause rbox-1"), Some("done"))
    );
    running.signal("TERM");
    assert_eq!(running.finish().status, Some(0));
    assert!(!key.exists(), "its key ends with it");
}

#[tokio::test]
async fn pools_are_saved_to_the_file_and_taken_over_from_it_on_sighup_while_mining_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (link, file) = (folder.path().join("stick"), folder.path().join("adit.toml"));
    let (device, first, second) = (served("rbox", &link).await, served_pool().await, served_pool().await);
    let text = format!(
        "# mine\n[read]\napi = \"127.0.0.1:0\"\n\n[[pool]] # the first\nurl = \"{}\"\nuser = \"one\"\n\n[[device]]\nselect = \"{}\"\n",
        url(&first),
        selector("rbox", &link)
    );
    fs::write(&file, &text).unwrap();
    let running = Running::start(&["mine", "--json", "--config", file.to_str().unwrap()]);
    let at = address(&running, "the API is at http://");
    accepted(&first, 1).await;
    done(&at, &["pool", "add", &url(&second), "--user", "two"]);
    done(&at, &["pool", "switch", "1"]);
    accepted(&second, 1).await;
    done(&at, &["save"]);
    let saved = fs::read_to_string(&file).unwrap();
    assert!(saved.contains("# mine") && saved.contains("# the first"), "{saved}");
    assert!(saved.find(&url(&second)).unwrap() < saved.find(&url(&first)).unwrap(), "{saved}");

    fs::write(&file, saved.replace(&url(&second), "stratum+tcp://127.0.0.1:1")).unwrap();
    running.signal("HUP");
    running.wait_for("SIGHUP: reload the configuration: pools: 1 kept, 1 added, 1 removed", 1);
    let before = first.tally().await.unwrap().total.accepted;
    accepted(&first, before + 1).await;
    fs::write(&file, "nonsense = true\n").unwrap();
    running.signal("HUP");
    running.wait_for("unknown field `nonsense`", 1);
    accepted(&first, before + 2).await;
    let audit = ctl(&at, &["audit"]).json_lines();
    let reloads: Vec<_> =
        audit.iter().filter(|row| row["who"] == "SIGHUP").map(|row| &row["outcome"]).collect();
    assert_eq!(reloads, ["done", "refused"], "{audit:?}");
    running.signal("TERM");
    let finished = running.finish();
    assert_eq!(finished.status, Some(0), "{}", finished.err);
    drop(device);
}

#[test]
fn an_adit_beyond_this_machine_is_spoken_to_over_tls_with_a_key_and_a_certificate_that_is_known() {
    let made = run(&["key", "create", "--json", "--name", "far", "--scope", "admin"]).json();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), made["key"].as_str().unwrap()).unwrap();
    let key = ["--key-file", file.path().to_str().unwrap()];
    let running = Running::start(&["demo", "--json", "--devices", "rbox", "--api-tls", "127.0.0.1:0"]);
    let at = format!("https://{}", address(&running, "the API is at https://"));
    let fingerprint = address(&running, "SHA-256 of its certificate: ");
    running.wait_for("is hashing", 1);
    let ctl = |more: &[&str], verb: &[&str]| run(&[&["ctl", "--json", "--api", &at], more, verb].concat());
    let pin = ["--pin", &fingerprint];

    let stranger = ctl(&key, &["pause", "rbox-1"]);
    assert!(stranger.status == Some(1) && stranger.err.contains("name it with --pin"), "{stranger:?}");
    let other = ctl(&[&key[..], &["--pin", &"00".repeat(32)]].concat(), &["pause", "rbox-1"]);
    assert!(other.status == Some(1) && other.err.contains("not that of --pin"), "{other:?}");
    let nobody = ctl(&pin, &["pause", "rbox-1"]);
    assert!(nobody.status == Some(1) && nobody.err.contains("refuses the key"), "{nobody:?}");
    let done = ctl(&[&key[..], &pin].concat(), &["pause", "rbox-1"]);
    assert_eq!(done.json()["sentence"], "rbox-1 is paused");
    let certificate = state_folder().join("adit/tls-cert.pem");
    let by_file = ctl(&[&key[..], &["--ca", certificate.to_str().unwrap()]].concat(), &["pool", "list"]);
    // The certificate that is made names the address it was made for, which may be another test's.
    assert!(by_file.status == Some(0) || by_file.err.contains("another name"), "{by_file:?}");

    let top = run(&[&["top", "--json", "--updates", "1", "--api", &at], &key[..], &pin].concat());
    assert_eq!(top.json()["devices"][0]["state"], "paused", "{top:?}");
    let locked = run(&[&["top", "--json", "--updates", "1", "--api", &at], &pin[..]].concat());
    assert!(locked.status == Some(1) && locked.err.contains("refuses the key"), "{locked:?}");
    let plain = run(&["ctl", "--api", "10.0.0.7:7786", "pool", "list"]);
    assert!(plain.status == Some(2) && plain.err.contains("write https://"), "{plain:?}");
}
