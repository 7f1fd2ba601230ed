//! Telemetry at work: a thread of its own, so that nothing that views do keeps a device waiting.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::board::{self, Board};
use crate::cgminer::{self, CgminerSettings};
use crate::history::{self, History, Kept, Store, StoreError};
use crate::http;
use crate::ledger::{Clock, Ledger, PoolFacts};
use crate::tap::{Drain, Tap, tap};

/// What is to be served.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Address of the REST interface; `None`: it is not served.
    pub api: Option<SocketAddr>,
    /// Where history is kept.
    pub history: Kept,
    /// The API of cgminer; `None`: it is not served.
    pub cgminer: Option<CgminerSettings>,
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
    /// The API of cgminer has no keys: whoever may ask beyond this machine must be named.
    #[error(
        "--cgminer-api {address}: name who may ask with --cgminer-allow, such as --cgminer-allow 192.168.0/24"
    )]
    NobodyAllowed {
        /// What was asked for.
        address: SocketAddr,
    },
    /// History cannot be kept where it should be.
    #[error("--history {}: {why}; name a file that can be written", file.display())]
    History {
        /// The file.
        file: PathBuf,
        /// Why.
        why: StoreError,
    },
    /// The thread or its sockets could not be set up.
    #[error("telemetry cannot be started: {0}")]
    System(#[from] io::Error),
}

/// Sockets that are open, but not served yet.
#[derive(Debug)]
pub struct Bound {
    store: Store,
    /// What is kept outlives adit.
    remembers: bool,
    api: Option<TcpListener>,
    cgminer: Option<(TcpListener, CgminerSettings)>,
}

/// Opens what `settings` want. Nothing is served yet.
pub fn bind(settings: &Settings) -> Result<Bound, BindError> {
    let api = settings.api.map(|address| match address.ip().is_loopback() {
        true => listen("--api", address),
        false => Err(BindError::NotLoopback { address }),
    });
    let cgminer = settings.cgminer.as_ref().map(|wanted| {
        let address = wanted.address;
        match address.ip().is_loopback() || !wanted.access.is_local() {
            true => Ok((listen("--cgminer-api", address)?, wanted.clone())),
            false => Err(BindError::NobodyAllowed { address }),
        }
    });
    let kept = &settings.history;
    let store = Store::open(kept)
        .map_err(|why| BindError::History { file: kept.file.clone().unwrap_or_default(), why })?;
    Ok(Bound { store, remembers: kept.file.is_some(), api: api.transpose()?, cgminer: cgminer.transpose()? })
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

    /// Where the API of cgminer is, with the port that was chosen for port 0.
    pub fn cgminer(&self) -> Option<SocketAddr> {
        self.cgminer.as_ref()?.0.local_addr().ok()
    }

    /// Serves until [`Running`] is stopped. `clock`: what the controller's time is in the calendar.
    pub fn start(self, clock: Clock, pools: Vec<PoolFacts>) -> Result<(Tap, Running), BindError> {
        let (tap, drain) = tap();
        let (stop, stopped) = oneshot::channel();
        let best = self.store.best().ok().filter(|_| self.remembers).map(Option::unwrap_or_default);
        let board = Arc::new(Board::new(Ledger::new(clock, pools, best)));
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let sockets = Sockets::new(self.api, self.cgminer, &runtime)?;
        let (history, keeper) = history::start(self.store)?;
        let thread = thread::Builder::new().name("telemetry".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = run(board, drain, sockets, history) => {}
                    _ = stopped => {}
                }
            });
            drop(runtime); // and with it the last handle of history
            let _ = keeper.join(); // if it broke down, it has said so itself
        })?;
        Ok((tap, Running { stop: Some(stop), thread: Some(thread) }))
    }
}

/// The same sockets, known to the runtime that serves them.
struct Sockets {
    api: Option<tokio::net::TcpListener>,
    cgminer: Option<(tokio::net::TcpListener, CgminerSettings)>,
}

impl Sockets {
    fn new(
        api: Option<TcpListener>,
        cgminer: Option<(TcpListener, CgminerSettings)>,
        runtime: &Runtime,
    ) -> io::Result<Self> {
        let _inside = runtime.enter();
        let known = tokio::net::TcpListener::from_std;
        Ok(Self {
            api: api.map(known).transpose()?,
            cgminer: cgminer
                .map(|(listener, wanted)| Ok::<_, io::Error>((known(listener)?, wanted)))
                .transpose()?,
        })
    }
}

async fn run(board: Arc<Board>, drain: Drain, sockets: Sockets, history: History) {
    if let Some(listener) = sockets.api {
        tokio::spawn(http::serve(listener, http::Served::new(Arc::clone(&board), history.clone())));
    }
    if let Some((listener, CgminerSettings { access, description, .. })) = sockets.cgminer {
        let served = cgminer::Served { board: Arc::clone(&board), access, description };
        tokio::spawn(cgminer::serve(listener, served));
    }
    board::fill(&board, drain, &history).await;
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
