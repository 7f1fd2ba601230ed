//! The simulator's pool on a socket that looks at the clock.

use adit_hw_sim::pool::{Conn, Pool, PoolInput, PoolOrder, PoolOutput};
use adit_protocol::Micros;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep_until};

use super::log::Log;
use super::now;

/// Serves one client at a time until the orders end. Every order is a new block.
pub(super) async fn run(
    listener: TcpListener,
    pool: Pool,
    log: &Log,
    mut orders: mpsc::UnboundedReceiver<()>,
) {
    let mut served =
        Served { pool, log, origin: Instant::now(), conn: Conn(0), client: None, line: Vec::new() };
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let deadline = served.pool.deadline().map(|at| served.origin + Duration::from_micros(at.0));
        let blocked = tokio::select! {
            order = orders.recv() => match order {
                Some(()) => served.tell(PoolInput::Order(PoolOrder::Block), true).await,
                None => return,
            },
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => served.connected(stream).await,
                Err(_) => false, // the client tries again
            },
            read = read(&mut served.client, &mut buffer) => served.received(&buffer[..read]).await,
            () = sleep_until(deadline.unwrap_or(served.origin)), if deadline.is_some() => {
                served.tell(PoolInput::Timer, false).await
            }
        };
        if blocked {
            served.closed().await;
        }
    }
}

struct Served<'a> {
    pool: Pool,
    log: &'a Log,
    origin: Instant,
    conn: Conn,
    client: Option<TcpStream>,
    /// The beginning of a line.
    line: Vec<u8>,
}

/// Bytes of the client; 0: it has gone.
async fn read(client: &mut Option<TcpStream>, buffer: &mut [u8]) -> usize {
    match client {
        Some(client) => client.read(buffer).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}

impl Served<'_> {
    async fn connected(&mut self, stream: TcpStream) -> bool {
        self.closed().await;
        let _ = stream.set_nodelay(true); // slower without, not wrong
        self.client = Some(stream);
        self.conn = Conn(self.conn.0 + 1);
        self.tell(PoolInput::Connected(self.conn), false).await
    }

    async fn closed(&mut self) {
        self.line.clear();
        if self.client.take().is_some() {
            self.tell(PoolInput::Closed(self.conn), false).await;
        }
    }

    async fn received(&mut self, bytes: &[u8]) -> bool {
        let at = now();
        if bytes.is_empty() {
            return true;
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                if let Some(nonce) = submitted(&self.line) {
                    self.log.submitted(nonce, at);
                }
                self.line.clear();
            }
        }
        self.tell(PoolInput::Bytes { conn: self.conn, bytes }, false).await
    }

    /// Answers whether the client has to go.
    async fn tell(&mut self, input: PoolInput<'_>, mut block: bool) -> bool {
        let passed = self.origin.elapsed().as_micros();
        self.pool.on_input(Micros(passed as u64), input);
        while let Some(output) = self.pool.next_output() {
            match (output, &mut self.client) {
                (PoolOutput::Send { bytes, .. }, Some(client)) => {
                    if std::mem::take(&mut block) {
                        self.log.announced(now());
                    }
                    if client.write_all(&bytes).await.is_err() {
                        return true;
                    }
                }
                (PoolOutput::Close { .. }, _) => return true,
                (PoolOutput::Send { .. } | PoolOutput::Event(_), _) => {}
            }
        }
        let total = &self.pool.tally().total;
        self.log.judged(total.accepted, total.rejected_total());
        false
    }
}

/// The nonce of a `mining.submit`.
fn submitted(line: &[u8]) -> Option<u32> {
    let call: Value = serde_json::from_slice(line).ok()?;
    if call.get("method")? != "mining.submit" {
        return None;
    }
    u32::from_str_radix(call.get("params")?.get(4)?.as_str()?, 16).ok()
}
