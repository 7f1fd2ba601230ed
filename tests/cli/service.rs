//! adit as a service: what a service manager is told, and the units that start it.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use super::external::tool;
use super::mining::{accepted, selector, served, served_pool, url};
use super::{PATIENCE, Running, adit};

/// Messages of a service to its manager.
struct Manager(UnixDatagram);

impl Manager {
    fn listen(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    /// The next message that says `what`.
    fn wait_for(&self, what: &str) -> String {
        loop {
            let mut bytes = [0; 4_096];
            let length = self.0.recv(&mut bytes).unwrap_or_else(|error| panic!("no {what}: {error}"));
            let message = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if message.lines().any(|line| line == what) {
                return message;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")] // the simulated devices answer while this thread waits
async fn a_service_manager_is_told_of_the_start_of_health_of_a_reload_and_of_the_stop() {
    let folder = tempfile::tempdir().unwrap();
    let (link, file, socket) =
        (folder.path().join("stick"), folder.path().join("adit.toml"), folder.path().join("notify"));
    let manager = Manager::listen(&socket);
    let (device, pool) = (served("rbox", &link).await, served_pool().await);
    let text = format!(
        "[mine]\nstop_within_s = 20\n[[pool]]\nurl = \"{}\"\nuser = \"u\"\n[[device]]\nselect = \"{}\"\n",
        url(&pool),
        selector("rbox", &link)
    );
    fs::write(&file, text).unwrap();
    let mut command = Command::new(adit());
    command.args(["mine", "--json", "--config"]).arg(&file);
    let running = Running::spawn(command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "300000"));
    let ready = manager.wait_for("READY=1");
    assert!(ready.contains("STATUS=not hashing"), "{ready}");
    accepted(&pool, 1).await;
    loop {
        let well = manager.wait_for("WATCHDOG=1");
        if well.contains("1/1 hashing") {
            break;
        }
    }
    running.signal("HUP");
    assert!(manager.wait_for("RELOADING=1").contains("MONOTONIC_USEC="));
    manager.wait_for("READY=1");
    running.signal("TERM");
    let stopping = manager.wait_for("STOPPING=1");
    assert!(stopping.contains("EXTEND_TIMEOUT_USEC=27000000"), "{stopping}");
    assert_eq!(running.finish().status, Some(0));
    drop(device);
}

#[test]
fn a_service_that_cannot_be_configured_never_says_that_it_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let manager = Manager::listen(&socket);
    let mut command = Command::new(adit());
    let running =
        Running::spawn(command.args(["mine", "--config", "/nonexistent"]).env("NOTIFY_SOCKET", &socket));
    assert_eq!(running.finish().status, Some(2), "which the unit does not start again");
    manager.0.set_nonblocking(true).unwrap();
    assert!(manager.0.recv(&mut [0; 100]).is_err());
}

/// The unit at `path` with the binary of this test in it, where systemd can be asked about it.
fn unit(path: &str, folder: &Path) -> Option<String> {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("skipped: systemd-analyze on {path}, which is not installed here");
        return None;
    }
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap();
    let name = Path::new(path).file_name().unwrap();
    fs::write(folder.join(name), text.replace("/usr/bin/adit", adit().to_str().unwrap())).unwrap();
    Some(folder.join(name).display().to_string())
}

#[test]
fn systemd_takes_the_units_as_they_are_and_calls_the_exposure_of_the_service_low() {
    let folder = tempfile::tempdir().unwrap();
    let Some(system) = unit("controller/adit/service/adit.service", folder.path()) else { return };
    assert_eq!(tool("systemd-analyze", &["verify", "--man=no", &system]), "");
    // In tenths; 10.0 is a service without any protection.
    let said =
        tool("systemd-analyze", &["security", "--offline=true", "--no-pager", "--threshold=20", &system]);
    println!("{}", said.lines().last().unwrap_or_default());
    let user = tempfile::tempdir().unwrap();
    if let Some(unit) = unit("controller/adit/service/user/adit.service", user.path()) {
        let runtime = format!("XDG_RUNTIME_DIR={}", user.path().display());
        assert_eq!(tool("env", &[&runtime, "systemd-analyze", "--user", "verify", "--man=no", &unit]), "");
    }
}
