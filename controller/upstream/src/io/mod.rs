//! The socket around a session: one task per pool, on tokio.

mod base64;
mod check;
mod dial;
mod node;
mod proxy;
mod tls;
mod upstream;
#[cfg(feature = "sv2")]
mod v2;
mod wire;

use std::time::Duration;

use adit_core::{PoolInput, Share};
use adit_driver::PoolKey;
use adit_protocol::wire::Micros;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::{Session, SessionAction, SessionInput};
#[cfg(test)]
pub(crate) use base64::encode as base64;
pub use check::{Finding, check_pool};
pub use dial::Dialer;
pub use node::Nodes;
pub use tls::{Secure, SetupError};
pub use upstream::Upstream;
use wire::Wire;

/// Bytes read at once.
const CHUNK: usize = 16 * 1024;

/// Keeps one pool connected until the sender of `shares` is dropped or the receiver of `inputs` is gone; the connection is
/// then closed in good order.
///
/// Times given to the session count from `origin`. Shares are taken whatever the pool does: those that wait for it wait in the
/// session, which drops the oldest when they are too many. A slow receiver of `inputs` slows down everything here; whoever sends
/// shares must not wait for this task in turn.
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
                    if !wire.send(line) {
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
        let deadline = session.deadline().and_then(|at| origin.checked_add(Duration::from_micros(at.0)));
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
