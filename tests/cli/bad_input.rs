//! What users, files, pools and ports can do wrong: each a clear sentence and the right exit status.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

use adit_hw_sim::pool::{Pool, PoolSettings};
use adit_hw_sim::serve::{ServedPool, epoch};

use super::{Running, adit, run};

/// A port where nobody listens, and a user.
const NOWHERE: [&str; 4] = ["--pool", "stratum+tcp://127.0.0.1:1", "--user", "u"];

fn mine(args: &[&str]) -> super::Finished {
    run(&[&["mine"], &NOWHERE[..], args].concat())
}

fn refused(finished: &super::Finished, status: i32, sentence: &str) {
    assert_eq!(finished.status, Some(status), "{finished:?}");
    assert!(finished.err.contains(sentence), "no `{sentence}` in {}", finished.err);
    assert!(!finished.err.contains("panicked") && finished.out.is_empty(), "{finished:?}");
}

#[test]
fn a_wrong_pool_url_is_named_with_what_to_write_instead() {
    for (url, sentence) in [
        ("pool.example", "has no port; write it after the host, for instance `pool.example:3333`"),
        ("http://node.example:8332", "no payout address given"),
        ("stratum+tcp://pool.example:99999", "it must be a number from 1 to 65535"),
        ("", "pool URL"),
    ] {
        refused(&run(&["mine", "--pool", url, "--user", "u"]), 2, sentence);
    }
    refused(&run(&["mine", "--pool", "a.example:1"]), 2, "no user name given");
    refused(&run(&["mine"]), 2, "no pool given: add --pool");
    refused(&run(&["mine", "--user", "u"]), 2, "--user: no --pool before it");
}

#[test]
fn a_device_that_cannot_be_named_is_refused_before_anything_starts() {
    for (selector, sentence) in [
        ("bogus", "it must begin with serial:, usb:, tcp:, cpu: or model="),
        ("serial:/dev/nope,model=toaster", "there is no model `toaster`"),
        ("serial:/dev/nope", "add the model: serial:/dev/nope,model=NAME"),
        ("serial:/dev/nope,model=icarus,speed=3", "`speed` is not a setting of this device"),
        ("serial:/dev/nope,model=icarus,baud=fast", "expected symbols per second"),
    ] {
        refused(&mine(&["--device", selector]), 2, sentence);
    }
    refused(&run(&["demo", "--devices", "blok-erupter"]), 2, "did you mean block-erupter?");
    refused(&run(&["demo", "--devices", "icarus/colour=red"]), 2, "`colour` is not a setting");
    refused(&run(&["demo", "--devices", "icarus/target-difficulty=0"]), 2, "difficulty");
}

#[test]
fn a_device_that_cannot_be_opened_ends_the_run_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "no device").unwrap();
    let missing = folder.path().join("missing");
    for (path, sentence) in [
        (missing.as_path(), "there is no such device; `adit devices` lists what is plugged in"),
        (folder.path(), "this is not a serial port"),
        (file.as_path(), "this is not a serial port"),
    ] {
        let finished = mine(&["--device", &format!("serial:{},model=icarus", path.display())]);
        refused(&finished, 1, &format!("adit: serial:{}: {sentence}", path.display()));
    }
}

#[test]
fn a_port_without_permission_ends_the_run_with_the_way_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    // The superuser may open everything: the binary is then run as somebody else, from a place that everybody can read.
    let superuser = is_superuser();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let binary = folder.path().join("adit");
    fs::copy(adit(), &binary).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let link = folder.path().join("stick");
    let stick = runtime.block_on(super::mining::served("icarus", &link));
    let terminal = fs::canonicalize(&link).unwrap();
    fs::set_permissions(&terminal, fs::Permissions::from_mode(0o000)).unwrap();

    let mut command = Command::new(&binary);
    command.arg("mine").args(NOWHERE).args(["--device", &format!("serial:{},model=icarus", link.display())]);
    if superuser {
        command.uid(65_534).gid(65_534);
    }
    let finished = Running::spawn(&mut command).finish();
    refused(&finished, 1, "no permission to open the device; `adit devices` says what gives you permission");
    runtime.block_on(stick.stop());
}

/// Whether this process is the superuser's: it then owns what it creates.
fn is_superuser() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

#[test]
fn a_bad_configuration_is_named_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("adit.toml");
    let path = file.to_str().unwrap();
    for (text, sentence) in [
        ("[mine]\nspeed = 3\n", "adit.toml, line 2: unknown field `speed`, expected one of `shares`"),
        ("[[pool]]\nurl = 3\n", "adit.toml, line 2: `pool.url`: expected text in quotes"),
        ("[[pool]]\nuser = \"u\"\n", "adit.toml, line 1: missing field `url`"),
        ("[[pool]\n", "adit.toml, line 1"),
        (
            "[[device]]\nselect = \"bogus\"\n[[pool]]\nurl = \"a:1\"\nuser = \"u\"\n",
            "`bogus` names no device",
        ),
    ] {
        fs::write(&file, text).unwrap();
        refused(&run(&["mine", "--config", path]), 2, sentence);
    }
    refused(&run(&["mine", "--config", "/nowhere/adit.toml"]), 2, "/nowhere/adit.toml: No such file");
}

#[test]
fn an_unknown_host_is_tried_again_and_makes_a_stop_a_failure() {
    let running = Running::start(&["mine", "--json", "--pool", "no-such-host.invalid:3333", "--user", "u"]);
    running.wait_for("no-such-host.invalid:3333: unknown host; check the name in the pool's URL", 2);
    running.signal("TERM");
    refused(
        &running.finish(),
        1,
        "adit: no pool could be used: pool no-such-host.invalid:3333: unknown host",
    );
}

#[test]
fn a_refused_login_is_told_without_the_password() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let settings = PoolSettings { epoch: epoch(), password: Some("right".into()), ..PoolSettings::default() };
    let pool = Pool::new(settings, 1).unwrap();
    let pool = runtime.block_on(ServedPool::start(pool, ([127, 0, 0, 1], 0).into())).unwrap();
    let url = format!("stratum+tcp://{}", pool.address());
    let running =
        Running::start(&["mine", "--log", "trace", "--pool", &url, "--user", "me", "--pass", "hush-hush"]);
    running.wait_for("the pool refused the login of `me`", 1);
    running.signal("INT");
    let finished = running.finish();
    refused(&finished, 1, "adit: no pool could be used: pool 127.0.0.1:");
    assert!(!finished.err.contains("hush-hush"), "{}", finished.err);
}

/// A pool that answers whatever it is asked with `line`, again and again.
fn babbling_pool(line: &'static [u8], repeat: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            for _ in 0..repeat {
                if stream.write_all(line).is_err() {
                    break;
                }
            }
        }
    });
    format!("stratum+tcp://{address}")
}

#[test]
fn a_pool_that_sends_garbage_or_an_endless_line_is_named_as_no_pool() {
    let megabyte: &'static [u8] = Box::leak(vec![b'x'; 1 << 20].into_boxed_slice());
    for (line, repeat, sentence) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            50,
            "this is not a Stratum pool: it sent `HTTP/1.1 400 Bad Request`",
        ),
        (megabyte, 10, "the pool broke the protocol"),
    ] {
        let url = babbling_pool(line, repeat);
        let running = Running::start(&["mine", "--pool", &url, "--user", "u"]);
        running.wait_for(sentence, 1);
        running.signal("TERM");
        refused(&running.finish(), 1, "adit: no pool could be used");
    }
}
