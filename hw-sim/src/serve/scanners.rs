//! The threads that hash for all devices which search in earnest.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use rustix::process::setpriority_process;
use rustix::thread::gettid;
use tokio::sync::mpsc;

use crate::Scan;

/// Everything else on the computer goes first, most of all the tasks that carry the devices' bytes.
const NICENESS: i32 = 19;

/// A piece that was carried out: the lowest number that solves it.
pub(super) type Scanned = (Scan, Option<u32>);

struct Piece {
    scan: Scan,
    answer: mpsc::UnboundedSender<Scanned>,
}

/// Carries `scan` out when its turn comes and sends what came of it to `answer`. Pieces are taken in the order they come, so
/// devices that have one out at a time get equal shares. No bound is needed: devices do not ask for more than that.
pub(super) fn submit(scan: Scan, answer: mpsc::UnboundedSender<Scanned>) {
    static PIECES: OnceLock<Sender<Piece>> = OnceLock::new();
    let _ = PIECES.get_or_init(hire).send(Piece { scan, answer }); // threads live as long as the process
}

/// One thread for each processor, all taking from one queue.
fn hire() -> Sender<Piece> {
    let (sender, pieces) = channel();
    let pieces = Arc::new(Mutex::new(pieces));
    let count = thread::available_parallelism().map_or(1, |count| count.get());
    for index in 0..count {
        let pieces = Arc::clone(&pieces);
        let named = thread::Builder::new().name(format!("scan-{index}"));
        if let Err(error) = named.spawn(move || scan(&pieces)) {
            tracing::error!(%error, "a thread that hashes cannot be started");
        }
    }
    sender
}

fn scan(pieces: &Mutex<Receiver<Piece>>) {
    if let Err(error) = setpriority_process(Some(gettid()), NICENESS) {
        tracing::debug!(%error, "hashing goes on at the usual priority");
    }
    loop {
        let next = pieces.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Piece { scan, answer }) = next else { return };
        if !answer.is_closed() {
            let found = scan.run();
            let _ = answer.send((scan, found)); // the device may have left meanwhile
        }
    }
}
