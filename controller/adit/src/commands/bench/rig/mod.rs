//! A pool and sticks with a clock at both ends: what latencies are measured with.
//!
//! Sticks speak the Icarus protocol as a Block Erupter does and answer its detection jobs; their nonces are eased, found by
//! hashing. The pool is the simulator's, which checks every share. All of it runs in one thread of its own, so that its clock
//! readings are not held up by what is measured; its own work, about 5 µs a stick, is part of the figure for the last stick.

mod log;
mod pool;
mod stick;
pub(crate) mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use adit_hw_sim::pool::{Pool, PoolSettings};
use adit_hw_sim::serve::epoch;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

pub(crate) use log::Counts;
use log::Log;
#[allow(unused_imports, reason = "the benchmark hangs sticks on memory links")]
pub(crate) use wire::Stream;
use wire::Wire;

/// What every stick is.
pub(crate) const MODEL: &str = "block-erupter";
/// Its hash rate per second.
const RATE: f64 = 336e6;
/// Difficulty of the nonces: one hash in 256 is one, so that the rig has little to do.
pub(crate) const DIFFICULTY: f64 = 1.0 / (1 << 24) as f64;
/// Nonces per second of a real stick: one in 2^32 hashes.
pub(crate) const REAL_PACE: f64 = RATE / 4_294_967_296.0;

/// The rig. Its thread ends when it is dropped.
pub(crate) struct Rig {
    pool: SocketAddr,
    log: Arc<Log>,
    blocks: mpsc::UnboundedSender<()>,
    sticks: Vec<mpsc::UnboundedSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The rig has waited in vain.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stuck {
    /// Sticks were not given work.
    #[error("after {waited:?} only {reached} of {sticks} sticks have been given {what}")]
    Work {
        /// How long it was waited for.
        waited: Duration,
        /// Sticks that have it.
        reached: usize,
        /// Sticks there are.
        sticks: usize,
        /// What was waited for.
        what: &'static str,
    },
    /// A nonce was not submitted.
    #[error("a nonce was not submitted within {waited:?}")]
    Share {
        /// How long it was waited for.
        waited: Duration,
    },
}

impl Rig {
    /// Puts a stick on every one of `wires`, and a pool on a free port of the loopback interface. `pace`: nonces per second and
    /// stick that come by themselves.
    pub(crate) fn start(wires: Vec<Wire>, pace: Option<f64>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let settings = PoolSettings {
            epoch: epoch(),
            difficulty: DIFFICULTY,
            block_interval: None,
            job_interval: Duration::from_secs(24 * 3_600),
            ..PoolSettings::default()
        };
        let pool = Pool::new(settings, 1).map_err(io::Error::other)?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let log = Arc::new(Log::new(wires.len()));
        let (blocks, block_orders) = mpsc::unbounded_channel();
        let (sticks, stick_orders): (Vec<_>, Vec<_>) =
            wires.iter().map(|_| mpsc::unbounded_channel()).unzip();
        let shared = Arc::clone(&log);
        let (started, wait) = oneshot::channel();
        let thread = thread::Builder::new().name("rig".into()).spawn(move || {
            runtime.block_on(async {
                for (index, (wire, orders)) in wires.into_iter().zip(stick_orders).enumerate() {
                    tokio::spawn(stick::run(wire, index, Arc::clone(&shared), orders, pace));
                }
                let _ = started.send(()); // whoever waited has failed
                pool::run(listener, pool, &shared, block_orders).await;
            });
        })?;
        let _ = wait.blocking_recv(); // a thread that has ended says nothing more
        Ok(Self { pool: address, log, blocks, sticks, thread: Some(thread) })
    }

    /// Where the pool is.
    pub(crate) fn pool(&self) -> SocketAddr {
        self.pool
    }

    /// Waits until every stick has been given work.
    pub(crate) fn wait_for_work(&self, longest: Duration) -> Result<(), Stuck> {
        self.log.wait(longest, |state| state.working == self.sticks.len()).map(drop).map_err(|reached| {
            Stuck::Work { waited: longest, reached: reached.working, sticks: self.sticks.len(), what: "work" }
        })
    }

    /// A new block: the time from the moment the pool announces it to the first byte of new work, of every stick, sorted.
    pub(crate) fn block(&self, longest: Duration) -> Result<Vec<Duration>, Stuck> {
        self.log.clear_round();
        let _ = self.blocks.send(()); // a rig that is gone is found to be stuck
        let sticks = self.sticks.len();
        match self.log.wait(longest, |state| state.reached.len() == sticks) {
            Ok(mut state) => {
                let mut times = std::mem::take(&mut state.reached);
                times.sort_unstable();
                Ok(times)
            }
            Err(state) => {
                let reached = state.reached.len();
                Err(Stuck::Work { waited: longest, reached, sticks, what: "work of the new block" })
            }
        }
    }

    /// A nonce of one stick: the time from its first byte on the wire to the submit at the pool's socket.
    pub(crate) fn share(&self, stick: usize, longest: Duration) -> Result<Duration, Stuck> {
        let before = self.log.counts().shares.len();
        let _ = self.sticks[stick].send(()); // as above
        match self.log.wait(longest, |state| state.shares.len() > before) {
            Ok(state) => Ok(state.shares[before]),
            Err(_) => Err(Stuck::Share { waited: longest }),
        }
    }

    /// What has been counted so far.
    pub(crate) fn counts(&self) -> Counts {
        self.log.counts()
    }

    /// Waits until every nonce sent so far has been submitted and answered, or `longest`.
    pub(crate) fn settle(&self, longest: Duration) {
        drop(self.log.wait(longest, |state| state.is_settled())); // what is missing shows in the counts
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let (closed, _) = mpsc::unbounded_channel();
        self.blocks = closed; // the pool ends with its orders
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // it has said what went wrong
        }
    }
}

/// Microseconds, with fractions.
pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The value below which `part` of the sorted `times` lie.
pub(crate) fn quantile(times: &[Duration], part: f64) -> Option<Duration> {
    let last = times.len().checked_sub(1)?;
    times.get((last as f64 * part).round() as usize).copied()
}

/// The present, for everything in the rig.
fn now() -> Instant {
    Instant::now()
}
