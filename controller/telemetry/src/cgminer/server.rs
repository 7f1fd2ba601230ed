//! The socket: one request a connection, many connections at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::access::Access;
use super::commands::{answer, refusal};
use super::reply::Letterhead;
use super::report::Seen;
use super::request::{Arrived, LONGEST, arrived, parse};
use super::steer;
use crate::board::Board;
use crate::steer::Desk;

/// Connections at the same time; further ones wait.
const CONNECTIONS: usize = 64;
/// How long a client may say nothing, or take nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// Silence that ends a text.
const QUIET: Duration = Duration::from_millis(100);
/// How long the last bytes of a client that has been answered are waited for: a close with unread bytes would be a reset.
const LINGER: Duration = Duration::from_millis(500);
/// Pause after the system refuses a connection.
const BREATH: Duration = Duration::from_millis(100);

/// What is served, and to whom.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) board: Arc<Board>,
    pub(crate) access: Access,
    pub(crate) desk: Desk,
    pub(crate) description: String,
}

/// Serves on `listener` for ever.
pub(crate) async fn serve(listener: TcpListener, served: Served) {
    let served = Arc::new(served);
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((socket, client)) => {
                let served = Arc::clone(&served);
                tokio::spawn(async move {
                    if timeout(4 * PATIENCE, served.talk(socket, client)).await.is_err() {
                        tracing::debug!("{client} was too slow for the cgminer API");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::debug!("a connection to the cgminer API could not be accepted: {error}");
                sleep(BREATH).await;
            }
        }
    }
}

impl Served {
    async fn talk(&self, mut socket: TcpStream, client: SocketAddr) {
        let Some(group) = self.access.group(client.ip()) else { return };
        let Some(request) = read(&mut socket).await else { return };
        let mut reply = self.reply(&request, group, client).await.into_bytes();
        reply.push(0);
        let sent = timeout(PATIENCE, async {
            socket.write_all(&reply).await?;
            socket.shutdown().await
        });
        if matches!(sent.await, Ok(Ok(()))) {
            let mut rest = [0; 256];
            let _ =
                timeout(LINGER, async { while socket.read(&mut rest).await.is_ok_and(|n| n > 0) {} }).await;
        }
    }

    async fn reply(&self, request: &[u8], group: char, client: SocketAddr) -> String {
        let seen = Seen::of(&mut self.board.ledger());
        let head = Letterhead { when: seen.now(), description: &self.description };
        let request = match parse(request) {
            Ok(request) => request,
            Err((form, reply)) => return refusal(form, &reply, head),
        };
        let reply = match steer::plan(&request, &seen, &self.access, group) {
            None => return answer(&request, &seen, &self.access, group, head),
            Some(Err(reply)) => reply,
            Some(Ok(plan)) => {
                let who = format!("cgminer API, {}", client.ip());
                let (answer, _) = self.desk.carry_out(&who, plan.request.clone()).await;
                plan.reply(&answer)
            }
        };
        refusal(request.form, &reply, head)
    }
}

/// A whole request; `None` where the client says nothing or goes away.
async fn read(socket: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4_096];
    loop {
        let patience = match arrived(&bytes) {
            Arrived::All => return Some(bytes),
            Arrived::Maybe => QUIET,
            Arrived::Part => PATIENCE,
        };
        match timeout(patience, socket.read(&mut chunk)).await {
            Ok(Ok(0)) | Err(_) => return (!bytes.is_empty()).then_some(bytes),
            Ok(Ok(length)) => bytes.extend_from_slice(&chunk[..length.min(LONGEST)]),
            Ok(Err(_)) => return None,
        }
    }
}
