use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use adit_protocol::devices::{Model, model};
use adit_protocol::hex;
use rustix::termios::{OptionalActions, QueueSelector, tcflush, tcgetattr, tcsetattr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{GUARD, Scratch};
use crate::serve::{Address, Place, ServeError, Served};
use crate::{Build, DeviceFault};

/// Block 171874 (`docs/protocols/icarus.md §2.3`).
pub(super) const GOLDEN_JOB: &str = "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a\
    000000000000000000000000000000000000000087320b1a1426674f2fa722ce";
pub(super) const GOLDEN_NONCE: &str = "000187a2";

async fn serve(key: &str, place: Place) -> Result<Served, ServeError> {
    let model: &'static Model = model(key).unwrap();
    let device = crate::start(model, &Build { seed: 1, ..Build::default() }).unwrap();
    Served::start(device, model, vec![place], 1).await
}

fn terminal(served: &Served) -> PathBuf {
    match &served.addresses()[0] {
        Address::Pty { terminal, .. } => terminal.clone(),
        other => panic!("{other:?} is no terminal"),
    }
}

/// Opens a serial port as a host program does: raw, at a speed, stale bytes discarded.
fn open_raw(path: &Path, baud: u32) -> io::Result<File> {
    let port = OpenOptions::new().read(true).write(true).open(path)?;
    let mut termios = tcgetattr(&port)?;
    termios.make_raw();
    termios.set_speed(baud)?;
    tcsetattr(&port, OptionalActions::Now, &termios)?;
    tcflush(&port, QueueSelector::IOFlush)?;
    Ok(port)
}

/// Writes the golden job and reads the answer, in a thread of its own: a host that blocks.
async fn ask_golden(path: &Path, baud: u32, answer: usize) -> io::Result<Vec<u8>> {
    let path = path.to_owned();
    let ask = spawn_blocking(move || {
        let mut port = open_raw(&path, baud)?;
        port.write_all(&hex::decode(GOLDEN_JOB).unwrap())?;
        let mut nonce = vec![0; answer];
        port.read_exact(&mut nonce)?;
        Ok(nonce)
    });
    timeout(GUARD, ask).await.expect("the device keeps silent").unwrap()
}

#[tokio::test]
async fn a_host_that_opens_and_closes_the_terminal_again_and_again_gets_the_golden_nonce_every_time() {
    let scratch = Scratch::new("reopen");
    let link = scratch.path("stick");
    let served = serve("block-erupter", Place::Pty(link.clone())).await.unwrap();
    for _ in 0..3 {
        drop(open_raw(&link, 115_200).unwrap()); // bfgminer opens and closes before it talks
        assert_eq!(hex::encode(&ask_golden(&link, 115_200, 4).await.unwrap()), GOLDEN_NONCE);
    }
    let truth = served.stop().await.unwrap();
    assert_eq!(truth.nonces, 3);
    assert!(!link.is_symlink(), "the link is left behind");
}

#[tokio::test]
async fn a_device_of_five_byte_records_is_told_from_one_of_four_by_its_fifth_byte() {
    let scratch = Scratch::new("five");
    let link = scratch.path("stick");
    let _served = serve("antminer-u1", Place::Pty(link.clone())).await.unwrap();
    let record = ask_golden(&link, 115_200, 5).await.unwrap();
    assert_eq!(hex::encode(&record[..4]), GOLDEN_NONCE);
}

#[tokio::test]
async fn bytes_that_look_like_control_characters_arrive_unchanged_and_are_not_echoed() {
    let scratch = Scratch::new("raw");
    let link = scratch.path("stick");
    let _served = serve("icarus", Place::Pty(link.clone())).await.unwrap();
    // A host that sets nothing at all: the terminal is raw and at the right speed as it is made. ^C ^D CR XOFF and the rest
    // come before the job, so an echo would be the first thing read back.
    let ask = spawn_blocking(move || {
        let mut port = OpenOptions::new().read(true).write(true).open(link)?;
        port.write_all(&(0..64).collect::<Vec<u8>>())?;
        port.write_all(&hex::decode(GOLDEN_JOB).unwrap())?;
        let mut nonce = [0; 4];
        port.read_exact(&mut nonce)?;
        io::Result::Ok(nonce)
    });
    let nonce = timeout(GUARD, ask).await.expect("the device keeps silent").unwrap().unwrap();
    assert_eq!(hex::encode(&nonce), GOLDEN_NONCE);
}

#[tokio::test]
async fn a_wrong_baud_rate_garbles_and_the_right_one_mends_it() {
    let scratch = Scratch::new("baud");
    let link = scratch.path("stick");
    let served = serve("block-erupter", Place::Pty(link.clone())).await.unwrap();
    let mut port = open_raw(&link, 9_600).unwrap();
    port.write_all(&hex::decode(GOLDEN_JOB).unwrap()).unwrap();
    // One bit at 9600 baud is twelve at 115200: the device hears noise, and enough of it to take it for jobs.
    let heard = async {
        while served.truth().await.unwrap().jobs == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(GUARD, heard).await.expect("it has heard nothing");
    assert_eq!(served.truth().await.unwrap().nonces, 0, "understood at the wrong speed");
    drop(port);
    // The noise takes 67 ms, and only a silence after it makes the device count the bytes of a job from the first again.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(hex::encode(&ask_golden(&link, 115_200, 4).await.unwrap()), GOLDEN_NONCE);
}

#[tokio::test]
async fn an_unplugged_device_hangs_up_and_comes_back_at_the_same_path() {
    let scratch = Scratch::new("unplug");
    let link = scratch.path("stick");
    let mut served = serve("icarus", Place::Pty(link.clone())).await.unwrap();
    let mut port = open_raw(&link, 115_200).unwrap();
    served.unplug().await;
    assert!(!link.is_symlink(), "the link is still there");
    let read = timeout(GUARD, spawn_blocking(move || port.read(&mut [0; 1]))).await.unwrap().unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    assert!(!served.fault(DeviceFault::Stall).await, "nothing can break in a drawer");

    served.replug().await.unwrap();
    assert_eq!(fs::read_link(&link).unwrap(), terminal(&served));
    assert_eq!(hex::encode(&ask_golden(&link, 115_200, 4).await.unwrap()), GOLDEN_NONCE);
}

#[tokio::test]
async fn a_device_on_tcp_serves_one_client_at_a_time_and_outlives_them_all() {
    let served = serve("block-erupter", Place::Tcp(([127, 0, 0, 1], 0).into())).await.unwrap();
    let Address::Tcp(address) = served.addresses()[0] else { panic!("no address") };
    for round in 1..=3 {
        let mut host = TcpStream::connect(address).await.unwrap();
        let mut job = hex::decode(GOLDEN_JOB).unwrap();
        let rest = job.split_off(20);
        host.write_all(&job).await.unwrap();
        host.write_all(&rest).await.unwrap();
        let mut nonce = [0; 4];
        timeout(GUARD, host.read_exact(&mut nonce)).await.expect("no answer").unwrap();
        assert_eq!(hex::encode(&nonce), GOLDEN_NONCE);
        assert_eq!(served.truth().await.unwrap().nonces, round);

        let mut second = TcpStream::connect(address).await.unwrap();
        let refused = timeout(GUARD, second.read(&mut nonce)).await.expect("let in").unwrap_or(0);
        assert_eq!(refused, 0);
    }
}

#[tokio::test]
async fn what_is_not_ours_is_never_replaced() {
    let scratch = Scratch::new("taken");
    let path = scratch.path("notes.txt");
    fs::write(&path, "precious").unwrap();
    let error = serve("icarus", Place::Pty(path.clone())).await.unwrap_err();
    assert!(error.to_string().contains("remove it or give another path"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");

    let link = scratch.path("link");
    symlink(&path, &link).unwrap();
    assert!(matches!(serve("icarus", Place::Pty(link)).await, Err(ServeError::PathTaken { .. })));

    let missing = scratch.path("no/such/directory");
    let error = serve("icarus", Place::Pty(missing)).await.unwrap_err();
    assert!(error.to_string().contains("No such file or directory"), "{error}");
}

#[tokio::test]
async fn the_link_of_a_killed_run_is_replaced_and_that_of_a_running_one_is_not() {
    let scratch = Scratch::new("left-over");
    let link = scratch.path("stick");
    symlink("/dev/pts/999999", &link).unwrap();
    let served = serve("icarus", Place::Pty(link.clone())).await.unwrap();
    assert_eq!(fs::read_link(&link).unwrap(), terminal(&served));

    let error = serve("icarus", Place::Pty(link.clone())).await.unwrap_err();
    assert!(matches!(error, ServeError::PathInUse { .. }), "{error}");
    assert_eq!(fs::read_link(&link).unwrap(), terminal(&served));
}
