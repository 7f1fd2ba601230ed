//! Real pseudo-terminals and sockets: opened, used, hung up, opened again.

use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adit_driver::{Action, Detected, Fault, Input, LinkError, Report};
use adit_protocol::devices::{Model, model};
use adit_protocol::wire::{Line, Parity, Port};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, ptsname, unlockpt};
use rustix::termios::tcgetattr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::open;
use crate::serial::Serial;
use crate::testing::{Running, echo, soon, start, write};
use crate::wire::{Stream, Wire};

fn icarus() -> &'static Model {
    model("icarus").unwrap()
}

/// The device's end of a pseudo-terminal.
struct Stick {
    fd: OwnedFd,
    path: PathBuf,
}

impl Stick {
    fn plug() -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let fd = openpt(flags).unwrap();
        grantpt(&fd).unwrap();
        unlockpt(&fd).unwrap();
        let path = PathBuf::from(ptsname(&fd, Vec::new()).unwrap().into_string().unwrap());
        Self { fd, path }
    }

    fn detected(&self) -> Detected {
        at(&format!("serial:{}", self.path.display()))
    }

    /// Blocking calls on a thread of their own: the far end is another program.
    async fn write(&self, bytes: &'static [u8]) {
        let fd = self.fd.try_clone().unwrap();
        soon(tokio::task::spawn_blocking(move || rustix::io::write(&fd, bytes).unwrap())).await.unwrap();
    }

    async fn read(&self, count: usize) -> Vec<u8> {
        let fd = self.fd.try_clone().unwrap();
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; count];
            let mut filled = 0;
            while filled < count {
                match rustix::io::read(&fd, &mut bytes[filled..]) {
                    Ok(read) => filled += read,
                    // Nobody has the terminal open at this moment.
                    Err(rustix::io::Errno::IO) => std::thread::yield_now(),
                    Err(error) => panic!("{error}"),
                }
            }
            bytes
        });
        soon(read).await.unwrap()
    }
}

fn at(location: &str) -> Detected {
    Detected { location: location.into(), socket: None, usb: None, candidates: vec![icarus()], chosen: true }
}

async fn ended(mut running: Running) -> Option<Report> {
    let rest = running.rest().await;
    soon(running.task).await.expect("the task panicked");
    rest.last().cloned()
}

#[tokio::test]
async fn every_byte_value_passes_a_terminal_unchanged_in_both_directions() {
    let all: &'static [u8] = Vec::from_iter(0..=255).leak();
    let stick = Stick::plug();
    let running = start(open(&stick.detected(), None).await.unwrap(), 8, echo);
    stick.write(all).await;
    assert_eq!(stick.read(256).await, all);
    running.stop_within(Duration::from_secs(600)).await;
    assert_eq!(ended(running).await, Some(Report::Closed));
}

#[tokio::test]
async fn a_terminal_is_opened_at_the_speed_of_its_model_or_of_the_user() {
    let stick = Stick::plug();
    let speed = || tcgetattr(&stick.fd).unwrap().output_speed();
    drop(open(&stick.detected(), None).await.unwrap());
    assert_eq!(speed(), 115_200);
    let link = open(&stick.detected(), Some(57_600)).await.unwrap();
    assert_eq!(speed(), 57_600);
    drop(link);
}

#[tokio::test]
async fn two_never_share_a_stick_and_it_can_be_opened_again_when_it_is_free() {
    let stick = Stick::plug();
    for _ in 0..3 {
        let first = open(&stick.detected(), None).await.unwrap();
        assert_eq!(open(&stick.detected(), None).await.unwrap_err(), LinkError::Busy);
        drop(first);
    }
}

#[tokio::test]
async fn the_stick_is_free_before_its_last_report_is_sent() {
    let stick = Stick::plug();
    for _ in 0..20 {
        let running = start(open(&stick.detected(), None).await.unwrap(), 8, echo);
        running.stop_within(Duration::from_secs(600)).await;
        let mut running = running;
        while running.report().await != Report::Closed {}
        drop(open(&stick.detected(), None).await.unwrap());
    }
}

#[tokio::test]
async fn a_terminal_that_hangs_up_is_a_device_that_has_gone() {
    let stick = Stick::plug();
    let running = start(open(&stick.detected(), None).await.unwrap(), 8, echo);
    stick.write(&[1]).await;
    stick.read(1).await;
    drop(stick);
    assert_eq!(ended(running).await, Some(Report::Failed(Fault::Link(LinkError::Gone))));
}

#[tokio::test]
async fn a_terminal_that_hangs_up_in_the_middle_of_a_write_is_a_device_that_has_gone() {
    let stick = Stick::plug();
    let running = start(open(&stick.detected(), None).await.unwrap(), 8, |strings, input| {
        if matches!(input, Input::LinkUp) {
            strings.outbox.push(write(&[0; 100_000]));
        }
    });
    stick.read(1).await;
    drop(stick);
    assert_eq!(ended(running).await, Some(Report::Failed(Fault::Link(LinkError::Gone))));
}

#[tokio::test]
async fn what_was_received_before_opening_is_thrown_away() {
    let stick = Stick::plug();
    // Somebody has it open, so that the terminal keeps what arrives.
    let holder = ioctl_tiocgptpeer(&stick.fd, OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    stick.write(b"late answer\n").await;
    let running = start(open(&stick.detected(), None).await.unwrap(), 8, echo);
    stick.write(&[1]).await;
    running.until_seen("bytes 0 [01]", 1).await;
    assert_eq!(running.counters.rx_bytes(), 1);
    drop(holder);
}

#[tokio::test]
async fn a_line_change_takes_effect_after_the_bytes_before_it_and_names_what_a_terminal_lacks() {
    let stick = Stick::plug();
    let slow = Line { parity: Parity::Even, stop: 2, ..Line::at(19_200) };
    let running = start(open(&stick.detected(), None).await.unwrap(), 8, move |strings, input| {
        if !matches!(input, Input::LinkUp) {
            return;
        }
        strings.outbox.push(write(&[5; 64]));
        let without_rts = Line { rts: false, ..slow };
        let marked = Line { parity: Parity::Mark, ..slow };
        for line in [slow, without_rts, marked] {
            let token = strings.outbox.token();
            strings.outbox.push(Action::Line { token, port: Port(0), line });
        }
        let token = strings.outbox.token();
        strings.outbox.push(Action::Purge { token, port: Port(0) });
    });
    running.until_seen("done 4 Ok(Complete)", 1).await;
    assert_eq!(
        running.seen.all()[1..4],
        ["done 1 Ok(Complete)", "done 2 Err(Unsupported)", "done 3 Err(Unsupported)"]
    );
    assert_eq!(tcgetattr(&stick.fd).unwrap().output_speed(), 19_200);
    assert_eq!(stick.read(64).await, [5; 64]);
}

#[tokio::test]
async fn a_reset_closes_the_terminal_and_opens_it_again() {
    let stick = Stick::plug();
    let running = start(open(&stick.detected(), None).await.unwrap(), 8, |strings, input| {
        if matches!(input, Input::LinkUp) {
            let token = strings.outbox.token();
            strings.outbox.push(Action::ResetDevice { token });
            strings.outbox.push(write(&[6]));
        }
        echo(strings, input);
    });
    assert_eq!(stick.read(1).await, [6]);
    assert_eq!(running.seen.count("done 1 Ok(Complete)"), 1);
    assert_eq!(open(&stick.detected(), None).await.unwrap_err(), LinkError::Busy, "still locked");
    stick.write(&[7]).await;
    assert_eq!(stick.read(1).await, [7]);
}

#[tokio::test]
async fn a_terminal_that_was_replaced_while_it_was_closed_fails_the_reset() {
    let stick = Stick::plug();
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("stick0");
    std::os::unix::fs::symlink(&stick.path, &link).unwrap();
    let opened = open(&at(&format!("serial:{}", link.display())), None).await.unwrap();
    std::fs::remove_file(&link).unwrap();
    let running = start(opened, 8, |strings, input| {
        if matches!(input, Input::LinkUp) {
            let token = strings.outbox.token();
            strings.outbox.push(Action::ResetDevice { token });
        }
    });
    assert_eq!(ended(running).await, Some(Report::Failed(Fault::Link(LinkError::NotFound))));
}

#[tokio::test]
async fn what_is_no_terminal_is_named_for_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let place = |path: &Path| at(&format!("serial:{}", path.display()));
    let refused = async |path: &Path| open(&place(path), None).await.unwrap_err();
    assert_eq!(refused(folder.path()).await, LinkError::NotADevice);
    assert_eq!(refused(&file).await, LinkError::NotADevice);
    assert_eq!(refused(Path::new("/dev/null")).await, LinkError::NotADevice);
    assert_eq!(refused(&folder.path().join("ttyUSB9")).await, LinkError::NotFound);
    assert_eq!(refused(&file.join("ttyUSB9")).await, LinkError::NotFound);
    assert_eq!(open(&at("usb:dead:beef"), None).await.unwrap_err(), LinkError::NotFound);
    assert_eq!(open(&at("serial:/dev/a+/dev/b"), None).await.unwrap_err(), LinkError::Unsupported);
}

#[tokio::test]
async fn a_terminal_of_somebody_else_is_denied() {
    use std::os::unix::fs::PermissionsExt;
    let stick = Stick::plug();
    std::fs::set_permissions(&stick.path, std::fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser may open everything: then there is nothing to see.
    let permitted = OpenOptions::new().read(true).open(&stick.path);
    match open(&stick.detected(), None).await {
        Err(error) => assert_eq!(error, LinkError::Denied),
        Ok(_) => assert!(permitted.is_ok(), "opened what nobody may"),
    }
}

#[tokio::test]
async fn a_port_without_modem_lines_can_be_opened_with_them_lowered() {
    let stick = Stick::plug();
    let line = Line { dtr: false, rts: false, ..Line::at(115_200) };
    let serial = Serial::open(stick.path.clone(), line).unwrap();
    let wire = Wire::new(icarus().ports[0], Stream::Serial(serial));
    assert_eq!(wire.quiet_at(), None);
}

async fn listen() -> (TcpListener, Detected) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = format!("tcp:{}", listener.local_addr().unwrap());
    (listener, at(&location))
}

async fn connected(listener: &TcpListener, detected: &Detected) -> (Running, TcpStream) {
    let (link, accepted) = tokio::join!(open(detected, None), listener.accept());
    (start(link.unwrap(), 8, echo), accepted.unwrap().0)
}

#[tokio::test]
async fn a_socket_carries_a_device_and_its_end_is_an_unplug() {
    let (listener, detected) = listen().await;
    let (running, mut far) = connected(&listener, &detected).await;
    far.write_all(&[1, 2, 3]).await.unwrap();
    let mut answer = [0; 3];
    soon(far.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer, [1, 2, 3]);
    running.until_seen("quiet 0", 1).await;
    drop(far);
    assert_eq!(ended(running).await, Some(Report::Failed(Fault::Link(LinkError::Gone))));
}

#[tokio::test]
async fn a_socket_where_nobody_listens_is_no_device() {
    let (listener, detected) = listen().await;
    drop(listener);
    assert_eq!(open(&detected, None).await.unwrap_err(), LinkError::NotFound);
}
