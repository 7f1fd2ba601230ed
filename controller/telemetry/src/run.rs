//! Telemetry at work: a thread of its own, so that nothing that views do keeps a device waiting.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::axeos::{self, AxeosSettings};
use crate::bind::{BindError, Bound};
use crate::board::{self, Board};
use crate::cgminer::{self, Access, CgminerSettings};
use crate::history::{self, History};
use crate::http::{self, Beyond, Door};
use crate::ledger::{Clock, Ledger, PoolFacts};
use crate::mqtt::{self, MqttSettings};
use crate::steer::{self, Answer, Asked, Desk, Request, desk};
use crate::tap::{Drain, Tap, tap};
use crate::webhook::{self, Webhook};

/// How long what came last may take to be passed on.
const LAST_PAGE: Duration = Duration::from_secs(1);

/// Commands on their way to the task that mines, which answers them.
#[derive(Debug)]
pub struct Commands {
    asked: mpsc::Receiver<Asked>,
    board: Arc<Board>,
}

impl Commands {
    /// The next one; `None`: there will be no more.
    pub async fn next(&mut self) -> Option<Asked> {
        self.asked.recv().await
    }

    /// Writes a command that came another way, and what came of it, into the audit log.
    pub fn write_down(&self, who: &str, request: &Request, answer: &Answer) {
        self.board.audit(|at| steer::entry(at, who, request, answer));
    }
}

impl Bound {
    /// Serves until [`Running`] is stopped. `clock`: what the controller's time is in the calendar.
    pub fn start(self, clock: Clock, pools: Vec<PoolFacts>) -> Result<(Tap, Commands, Running), BindError> {
        let (tap, drain) = tap(pools.clone());
        let (stop, stopped) = oneshot::channel();
        let best = self.store.best().ok().filter(|_| self.remembers).map(Option::unwrap_or_default);
        let board = Arc::new(Board::new(Ledger::new(clock, pools, best)));
        let (desk, asked) = desk(Arc::clone(&board));
        let commands = Commands { asked, board: Arc::clone(&board) };
        let local_key = self.key.as_ref().map(|(_, file)| LocalKey(file.clone()));
        let (names, proxies) = (self.names, self.proxies);
        let door = Door::new(self.keys.clone(), self.key, None).behind(proxies.clone(), &names);
        let beyond = self.beyond.map(|it| {
            let beyond = Beyond { names: names.clone(), ..Beyond::default() };
            let door = Door::new(self.keys, None, Some(beyond)).behind(proxies, &names);
            (it.listener, (TlsAcceptor::from(it.tls), door))
        });
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let sockets = Sockets {
            api: self.api.map(|listener| known(&runtime, (listener, door))).transpose()?,
            beyond: beyond.map(|beyond| known(&runtime, beyond)).transpose()?,
            cgminer: self.cgminer.map(|listener| known(&runtime, listener)).transpose()?,
            axeos: self.axeos.map(|listener| known(&runtime, listener)).transpose()?,
            webhook: self.webhook,
            mqtt: self.mqtt,
        };
        let (history, keeper) = history::start(self.store)?;
        let history = history.with_prices(self.prices);
        let thread = thread::Builder::new().name("telemetry".into()).spawn(move || {
            runtime.block_on(async {
                // It ends by itself when the tap is closed, with everything passed on.
                let mut run = std::pin::pin!(run(board, drain, sockets, history, desk));
                tokio::select! {
                    () = &mut run => return,
                    _ = stopped => {}
                }
                let _ = timeout(LAST_PAGE, run).await; // a tap that outlives us is not waited for
            });
            drop(runtime); // and with it the last handle of history
            let _ = keeper.join(); // if it broke down, it has said so itself
        })?;
        Ok((tap, commands, Running { stop: Some(stop), thread: Some(thread), _local_key: local_key }))
    }
}

/// The open sockets, known to the runtime that serves them, and who is told.
struct Sockets {
    api: Option<(TcpListener, Door)>,
    beyond: Option<(TcpListener, (TlsAcceptor, Door))>,
    cgminer: Option<(TcpListener, CgminerSettings)>,
    axeos: Option<(TcpListener, AxeosSettings)>,
    webhook: Option<Webhook>,
    mqtt: Option<MqttSettings>,
}

fn known<T>(
    runtime: &Runtime,
    (listener, settings): (std::net::TcpListener, T),
) -> io::Result<(TcpListener, T)> {
    let _inside = runtime.enter();
    Ok((TcpListener::from_std(listener)?, settings))
}

async fn run(board: Arc<Board>, drain: Drain, sockets: Sockets, history: History, desk: Desk) {
    if let Some((listener, door)) = sockets.api {
        let proxies = door.proxies().cloned();
        let router = http::router(http::Served::new(Arc::clone(&board), history.clone(), desk.clone(), door));
        tokio::spawn(http::serve(listener, router, Access::default(), None, proxies));
    }
    if let Some((listener, (tls, door))) = sockets.beyond {
        let proxies = door.proxies().cloned();
        let router = http::router(http::Served::new(Arc::clone(&board), history.clone(), desk.clone(), door));
        tokio::spawn(http::serve(listener, router, Access::everybody(), Some(tls), proxies));
    }
    if let Some(settings) = sockets.mqtt {
        tokio::spawn(mqtt::tell(Arc::clone(&board), desk.clone(), settings));
    }
    if let Some((listener, CgminerSettings { access, description, .. })) = sockets.cgminer {
        let served = cgminer::Served { board: Arc::clone(&board), access, desk, description };
        tokio::spawn(cgminer::serve(listener, served));
    }
    if let Some((listener, AxeosSettings { access, borrowed_chip, .. })) = sockets.axeos {
        let served = axeos::Served { board: Arc::clone(&board), borrowed_chip, hostname: hostname() };
        tokio::spawn(http::serve(listener, axeos::router(served), access, None, None));
    }
    if let Some(hook) = sockets.webhook {
        tokio::spawn(webhook::tell(Arc::clone(&board), hook));
    }
    board::fill(&board, drain, &history).await;
}

/// What this machine calls itself.
pub(crate) fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "adit".to_owned() } else { name.to_owned() }
}

/// Telemetry that is being served. Stopped when dropped.
#[derive(Debug)]
pub struct Running {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _local_key: Option<LocalKey>,
}

/// The file with the key of this run. Removed when dropped.
#[derive(Debug)]
struct LocalKey(PathBuf);

impl Drop for LocalKey {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0); // the key is worth nothing any more
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // if it broke down, it has said so itself
        }
    }
}
