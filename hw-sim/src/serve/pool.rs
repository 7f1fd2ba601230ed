//! The pool on TCP.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use adit_protocol::Micros;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{sleep, timeout};

use super::ServeError;
use super::clock::Clock;
use crate::PoolFault;
use crate::pool::{Conn, Pool, PoolEvent, PoolInput, PoolOrder, PoolOutput, Tally};
use crate::trouble::Trouble;

/// Pieces on the way to one client; a client that lets more pile up is cut off.
const BACKLOG: usize = 1_024;
/// Events that wait for their reader; more are lost to it.
const EVENTS: usize = 1_024;

/// How long a client may leave a piece unread before its connection is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Wait after a connection that could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A pool that is being served. Dropping it ends all connections.
#[derive(Debug)]
pub struct ServedPool {
    address: SocketAddr,
    orders: mpsc::Sender<Order>,
    events: Option<mpsc::Receiver<PoolEvent>>,
    task: JoinHandle<Tally>,
}

#[derive(Debug)]
enum Order {
    Fault(PoolFault),
    Chance(PoolFault, f64),
    Pool(PoolOrder),
    Tally(oneshot::Sender<Tally>),
}

impl ServedPool {
    /// Serves `pool` at `address`; port 0 takes a free one. Runs on the tokio runtime of the caller, which needs I/O and time
    /// enabled.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(pool: Pool, address: SocketAddr) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (orders, inbox) = mpsc::channel(16);
        let (event_sender, events) = mpsc::channel(EVENTS);
        let server = Server {
            trouble: Trouble::new(pool.seed),
            pool,
            clock: Clock::start(),
            clients: HashMap::new(),
            next_conn: 0,
            events: event_sender,
        };
        Ok(Self { address, orders, events: Some(events), task: tokio::spawn(server.run(listener, inbox)) })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes the stream of events, which holds 1,024 and then loses further ones; `None` when it was taken before.
    pub fn take_events(&mut self) -> Option<mpsc::Receiver<PoolEvent>> {
        self.events.take()
    }

    /// Breaks something now.
    pub async fn fault(&self, fault: PoolFault) {
        let _ = self.orders.send(Order::Fault(fault)).await; // nothing to break in a pool that is gone
    }

    /// Lets something break by itself with `probability` per second.
    pub async fn set_chance(&self, fault: PoolFault, probability: f64) {
        let _ = self.orders.send(Order::Chance(fault, probability)).await; // as above
    }

    /// Conducts the pool.
    pub async fn order(&self, order: PoolOrder) {
        let _ = self.orders.send(Order::Pool(order)).await; // as above
    }

    /// What has been counted so far; `None` when the pool's task has failed.
    pub async fn tally(&self) -> Option<Tally> {
        let (answer, wait) = oneshot::channel();
        self.orders.send(Order::Tally(answer)).await.ok()?;
        wait.await.ok()
    }

    /// Ends all connections and says what was counted; `None` when the pool's task has failed.
    pub async fn stop(self) -> Option<Tally> {
        drop(self.orders);
        self.task.await.ok()
    }
}

/// The pool and what it is connected to.
struct Server {
    pool: Pool,
    clock: Clock,
    clients: HashMap<Conn, Client>,
    next_conn: u64,
    events: mpsc::Sender<PoolEvent>,
    trouble: Trouble<PoolFault>,
}

/// A connection. Dropping it ends the connection after what was left for the client before.
struct Client {
    lines: mpsc::Sender<Vec<u8>>,
    reader: AbortHandle,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// What a client's reader has to say.
type Heard = (Conn, Option<Vec<u8>>);

impl Server {
    async fn run(mut self, listener: TcpListener, mut orders: mpsc::Receiver<Order>) -> Tally {
        let (heard, mut ears) = mpsc::channel::<Heard>(64);
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    None => return self.pool.tally().clone(),
                    Some(Order::Fault(fault)) => self.tell(PoolInput::Fault(fault)),
                    Some(Order::Chance(fault, probability)) => self.trouble.set(fault, probability),
                    Some(Order::Pool(order)) => self.tell(PoolInput::Order(order)),
                    Some(Order::Tally(answer)) => {
                        let _ = answer.send(self.pool.tally().clone()); // nobody waits any more: fine
                    }
                },
                Some((conn, bytes)) = ears.recv() => match bytes {
                    Some(bytes) => self.tell(PoolInput::Bytes { conn, bytes: &bytes }),
                    None => self.closed(conn),
                },
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.connect(stream, peer, heard.clone()),
                    Err(error) => {
                        // Out of descriptors, as a rule: taking the next one at once would fail as well.
                        tracing::warn!(%error, "cannot accept a connection");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                () = self.clock.reach(self.deadline()) => self.run_clock(),
            }
        }
    }

    fn deadline(&self) -> Option<Micros> {
        self.pool.deadline().into_iter().chain(self.trouble.deadline()).min()
    }

    fn run_clock(&mut self) {
        self.tell(PoolInput::Timer);
        for fault in self.trouble.due(self.clock.now()) {
            tracing::info!(fault = fault.name(), "trouble");
            self.tell(PoolInput::Fault(fault));
        }
    }

    fn connect(&mut self, stream: TcpStream, peer: SocketAddr, heard: mpsc::Sender<Heard>) {
        self.next_conn += 1;
        let conn = Conn(self.next_conn);
        tracing::info!(conn = conn.0, %peer, "connected");
        let _ = stream.set_nodelay(true); // slower without, not wrong
        let (reader, writer) = stream.into_split();
        let (lines, outgoing) = mpsc::channel(BACKLOG);
        tokio::spawn(write(writer, outgoing));
        let reader = tokio::spawn(read(reader, conn, heard)).abort_handle();
        self.clients.insert(conn, Client { lines, reader });
        self.tell(PoolInput::Connected(conn));
    }

    fn closed(&mut self, conn: Conn) {
        if self.clients.remove(&conn).is_some() {
            tracing::info!(conn = conn.0, "disconnected");
            self.tell(PoolInput::Closed(conn));
        }
    }

    fn tell(&mut self, input: PoolInput<'_>) {
        self.pool.on_input(self.clock.now(), input);
        let mut stuck = Vec::new();
        while let Some(output) = self.pool.next_output() {
            match output {
                PoolOutput::Send { conn, bytes } => {
                    let full =
                        self.clients.get(&conn).is_some_and(|client| client.lines.try_send(bytes).is_err());
                    if full {
                        stuck.push(conn);
                    }
                }
                PoolOutput::Close { conn } => {
                    self.clients.remove(&conn);
                }
                PoolOutput::Event(event) => {
                    let _ = self.events.try_send(event); // nobody reads, or not fast enough
                }
            }
        }
        for conn in stuck {
            tracing::warn!(conn = conn.0, "cut off: it does not read what it is sent");
            self.closed(conn);
        }
    }
}

async fn read(mut reader: OwnedReadHalf, conn: Conn, heard: mpsc::Sender<Heard>) {
    let mut buffer = [0; 4096];
    loop {
        let bytes = match reader.read(&mut buffer).await {
            Ok(0) | Err(_) => None,
            Ok(length) => Some(buffer[..length].to_vec()),
        };
        let over = bytes.is_none();
        if heard.send((conn, bytes)).await.is_err() || over {
            return;
        }
    }
}

async fn write(mut writer: OwnedWriteHalf, mut lines: mpsc::Receiver<Vec<u8>>) {
    while let Some(bytes) = lines.recv().await {
        match timeout(PATIENCE, writer.write_all(&bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return, // the reader, or a full backlog, reports it
        }
    }
}
