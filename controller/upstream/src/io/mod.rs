//! The socket around a session: one task per pool, on tokio.

mod base64;
mod dial;
mod node;
mod proxy;
mod tls;
mod upstream;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use adit_core::{PoolInput, Share};
use adit_driver::PoolKey;
use adit_protocol::wire::Micros;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use crate::{ConnectError, Session, SessionAction, SessionInput};
#[cfg(test)]
pub(crate) use base64::encode as base64;
pub use dial::Dialer;
use dial::Stream;
pub use node::Nodes;
pub use tls::SetupError;
pub use upstream::Upstream;

/// Time for one message to leave: a pool that does not read is as good as gone.
const SEND: Duration = Duration::from_secs(30);
/// Bytes read at once.
const CHUNK: usize = 16 * 1024;

/// Keeps one pool connected until the sender of `shares` is dropped or the receiver of `inputs` is gone; the connection is
/// then closed in good order.
///
/// Times given to the session count from `origin`. A slow receiver of `inputs` slows down reading from the pool, nothing else
/// waits for it; whoever sends shares must not wait for this task in turn.
pub async fn run(
    mut session: Session,
    dialer: Dialer,
    origin: Instant,
    mut shares: mpsc::Receiver<Share>,
    inputs: mpsc::Sender<(PoolKey, PoolInput)>,
) {
    let now = || Micros(u64::try_from(origin.elapsed().as_micros()).unwrap_or(u64::MAX));
    let mut wire = Wire::Closed;
    let mut buffer = vec![0; CHUNK];
    let mut attempt = 0;
    loop {
        while let Some(action) = session.next_action() {
            match action {
                SessionAction::Connect { host, port } => {
                    wire = Wire::Opening(Box::pin(dialer.clone().dial(host, port, attempt)));
                    attempt += 1;
                }
                SessionAction::Send(line) => {
                    if wire.send(&line).await.is_err() {
                        wire = Wire::Closed;
                        session.on_input(now(), SessionInput::Closed);
                    }
                }
                SessionAction::Close => wire.close().await,
                SessionAction::Emit(input) => {
                    if inputs.send((session.key(), input)).await.is_err() {
                        return wire.close().await;
                    }
                }
            }
        }
        let deadline = session.deadline().map(|at| origin + Duration::from_micros(at.0));
        tokio::select! {
            share = shares.recv() => match share {
                Some(share) => session.on_input(now(), SessionInput::Submit(share)),
                None => return wire.close().await,
            },
            event = wire.event(&mut buffer) => session.on_input(now(), event),
            () = sleep_until(deadline.unwrap_or(origin)), if deadline.is_some() => {
                session.on_input(now(), SessionInput::Timer);
            }
        }
    }
}

/// The connection, or what there is of it.
enum Wire {
    Closed,
    Opening(Pin<Box<dyn Future<Output = Result<Stream, ConnectError>> + Send>>),
    Open(Stream),
}

impl Wire {
    /// What happens next; never, while there is no connection.
    async fn event<'a>(&mut self, buffer: &'a mut [u8]) -> SessionInput<'a> {
        match self {
            Self::Closed => std::future::pending().await,
            Self::Opening(attempt) => match attempt.await {
                Ok(stream) => {
                    *self = Self::Open(stream);
                    SessionInput::Connected
                }
                Err(error) => {
                    *self = Self::Closed;
                    SessionInput::ConnectFailed(error)
                }
            },
            Self::Open(stream) => match stream.read(buffer).await {
                Ok(length) if length > 0 => SessionInput::Bytes(&buffer[..length]),
                _ => {
                    *self = Self::Closed;
                    SessionInput::Closed
                }
            },
        }
    }

    async fn send(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Open(stream) => timeout(SEND, written(stream, line)).await?,
            _ => Ok(()), // the session already knows that it is closed
        }
    }

    async fn close(&mut self) {
        if let Self::Open(stream) = self {
            let _ = stream.shutdown().await; // the pool may have been faster
        }
        *self = Self::Closed;
    }
}

async fn written(stream: &mut Stream, line: &[u8]) -> io::Result<()> {
    stream.write_all(line).await?;
    stream.flush().await
}
