//! What every path answers from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::door::Door;
use super::problem::Refusal;
use crate::board::Board;
use crate::history::History;
use crate::snapshot::Snapshot;
use crate::steer::Desk;

/// Streams of events at the same time.
const STREAMS: usize = 32;

/// What the paths answer from.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) board: Arc<Board>,
    pub(crate) history: History,
    pub(crate) ids: Arc<Ids>,
    pub(crate) desk: Desk,
    pub(crate) door: Arc<Door>,
    streams: Arc<Semaphore>,
}

impl Served {
    pub(crate) fn new(board: Arc<Board>, history: History, desk: Desk, door: Door) -> Self {
        let streams = Arc::new(Semaphore::new(STREAMS));
        Self { board, history, ids: Arc::default(), desk, door: Arc::new(door), streams }
    }

    /// When this run began, in seconds since 1970.
    pub(crate) fn run_unix_s(&self) -> f64 {
        self.board.ledger().clock.zero_unix_s
    }

    /// What tells this run from others.
    pub(crate) fn run(&self) -> u64 {
        (self.run_unix_s() * 1e3) as u64
    }

    /// Room for one more stream.
    pub(crate) fn streams(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.streams).try_acquire_owned().map_err(|_| {
            Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("{STREAMS} streams are open, no more are served"),
            )
        })
    }

    /// Time of the newest sample, in whole seconds since 1970.
    pub(crate) fn now_unix_s(&self) -> i64 {
        self.board.ledger().now_unix_s() as i64
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.board.ledger().snapshot()
    }
}

/// Makes the ids of requests that bring none.
#[derive(Debug, Default)]
pub(crate) struct Ids(AtomicU64);

impl Ids {
    pub(super) fn next(&self, run: f64) -> String {
        format!("{:x}-{:x}", (run * 1e3) as u64, self.0.fetch_add(1, Ordering::Relaxed))
    }
}
