//! Telemetry at work: a thread of its own, so that nothing that views do keeps a device waiting.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::board::{self, Board};
use crate::http;
use crate::ledger::{Clock, Ledger, PoolFacts};
use crate::tap::{Drain, Tap, tap};

/// What is to be served.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Address of the REST interface; `None`: it is not served.
    pub api: Option<SocketAddr>,
}

/// Why telemetry cannot be served as it is wanted.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The REST interface has no keys yet, so only this machine may read it.
    #[error("--api {address}: only the loopback interface is served, as the API has no keys yet; use 127.0.0.1:{}", address.port())]
    NotLoopback {
        /// What was asked for.
        address: SocketAddr,
    },
    /// The address cannot be had.
    #[error("{option} {address}: {why}; choose another port, or stop the program that uses it")]
    Address {
        /// The option that named it.
        option: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        why: io::Error,
    },
    /// The thread or its sockets could not be set up.
    #[error("telemetry cannot be started: {0}")]
    System(#[from] io::Error),
}

/// Sockets that are open, but not served yet.
#[derive(Debug)]
pub struct Bound {
    api: Option<TcpListener>,
}

/// Opens what `settings` want. Nothing is served yet.
pub fn bind(settings: &Settings) -> Result<Bound, BindError> {
    let api = settings.api.map(|address| match address.ip().is_loopback() {
        true => listen("--api", address),
        false => Err(BindError::NotLoopback { address }),
    });
    Ok(Bound { api: api.transpose()? })
}

fn listen(option: &'static str, address: SocketAddr) -> Result<TcpListener, BindError> {
    let listener = TcpListener::bind(address).map_err(|why| BindError::Address { option, address, why })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Bound {
    /// Where the REST interface is, with the port that was chosen for port 0.
    pub fn api(&self) -> Option<SocketAddr> {
        self.api.as_ref()?.local_addr().ok()
    }

    /// Serves until [`Running`] is stopped. `clock`: what the controller's time is in the calendar.
    pub fn start(self, clock: Clock, pools: Vec<PoolFacts>) -> Result<(Tap, Running), BindError> {
        let (tap, drain) = tap();
        let (stop, stopped) = oneshot::channel();
        let board = Arc::new(Board::new(Ledger::new(clock, pools, None)));
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let sockets = Sockets::new(self, &runtime)?;
        let thread = thread::Builder::new().name("telemetry".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = run(board, drain, sockets) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        })?;
        Ok((tap, Running { stop: Some(stop), thread: Some(thread) }))
    }
}

/// The same sockets, known to the runtime that serves them.
struct Sockets {
    api: Option<tokio::net::TcpListener>,
}

impl Sockets {
    fn new(bound: Bound, runtime: &Runtime) -> io::Result<Self> {
        let _inside = runtime.enter();
        Ok(Self { api: bound.api.map(tokio::net::TcpListener::from_std).transpose()? })
    }
}

async fn run(board: Arc<Board>, drain: Drain, sockets: Sockets) {
    if let Some(listener) = sockets.api {
        tokio::spawn(http::serve(listener, http::Served::new(Arc::clone(&board))));
    }
    board::fill(&board, drain).await;
}

/// Telemetry that is being served. Stopped when dropped.
#[derive(Debug)]
pub struct Running {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // if it broke down, it has said so itself
        }
    }
}
