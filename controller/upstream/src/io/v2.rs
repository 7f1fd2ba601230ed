//! A session of Stratum V2 on a socket: the handshake, and messages instead of bytes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use adit_core::{PoolInput, Share};
use adit_driver::PoolKey;
use adit_protocol::units::HashRate;
use adit_protocol::wire::Micros;
use rand::rngs::OsRng;
use stratum_core::parsers_sv2::AnyMessageOwned;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::wire::Wire;
use super::{CHUNK, Dialer};
use crate::{ConnectError, NoiseFault, SessionInput, V2Action, V2Input, V2Received, V2Session, V2Wire};

/// Time for the pool to prove who it is.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The connection and its encryption.
struct Link {
    wire: Wire,
    noise: Option<V2Wire>,
    /// The pool has proven who it is by then, or the connection is given up.
    proven_by: Option<Instant>,
}

/// As [`super::run`], for Stratum V2.
pub(super) async fn run(
    mut session: V2Session,
    dialer: Dialer,
    origin: Instant,
    mut shares: mpsc::Receiver<Share>,
    inputs: mpsc::Sender<(PoolKey, PoolInput)>,
    mut promised: watch::Receiver<HashRate>,
) {
    let now = || Micros(u64::try_from(origin.elapsed().as_micros()).unwrap_or(u64::MAX));
    promised.mark_changed(); // the session knows nothing yet
    let mut link = Link { wire: Wire::Closed, noise: None, proven_by: None };
    let (mut buffer, mut attempt, authority) = (vec![0; CHUNK], 0, session.authority().map(|key| key.0));
    loop {
        while let Some(action) = session.next_action() {
            match action {
                V2Action::Connect { host, port } => {
                    link.wire = Wire::Opening(Box::pin(dialer.clone().dial(host, port, attempt)));
                    attempt += 1;
                }
                V2Action::Send(message) => {
                    if !link.send(*message) {
                        session.on_input(now(), V2Input::Closed);
                    }
                }
                V2Action::Close => link.close().await,
                V2Action::Emit(input) => {
                    if inputs.send((session.key(), input)).await.is_err() {
                        return farewell(session, link).await;
                    }
                }
            }
        }
        let deadline = session.deadline().and_then(|at| origin.checked_add(Duration::from_micros(at.0)));
        tokio::select! {
            share = shares.recv() => match share {
                Some(share) => session.on_input(now(), V2Input::Submit(share)),
                None => return farewell(session, link).await,
            },
            came = link.event(&mut buffer, authority) => {
                came.into_iter().for_each(|input| session.on_input(now(), input));
            }
            Ok(()) = promised.changed() => {
                let rate = *promised.borrow_and_update();
                session.on_input(now(), V2Input::Promised(rate));
            }
            () = sleep_until(deadline.unwrap_or(origin)), if deadline.is_some() => {
                session.on_input(now(), V2Input::Timer);
            }
        }
    }
}

/// Takes leave of the pool, if it listens.
async fn farewell(mut session: V2Session, mut link: Link) {
    session.stop();
    while let Some(action) = session.next_action() {
        if let V2Action::Send(message) = action {
            link.send(*message);
        }
    }
    link.close().await;
}

impl Link {
    /// What happens next; never, while there is no connection.
    async fn event(&mut self, buffer: &mut [u8], authority: Option<[u8; 32]>) -> Vec<V2Input> {
        let by = self.proven_by;
        let event = tokio::select! {
            event = self.wire.event(buffer) => event,
            () = sleep_until(by.unwrap_or_else(Instant::now)), if by.is_some() => {
                self.give_up();
                return vec![V2Input::ConnectFailed(ConnectError::TimedOut)];
            }
        };
        match event {
            SessionInput::Connected => self.shake(authority),
            SessionInput::ConnectFailed(error) => vec![V2Input::ConnectFailed(error)],
            SessionInput::Bytes(bytes) => self.hear(bytes),
            SessionInput::Closed if by.is_some() => {
                self.give_up();
                vec![V2Input::Broken(NoiseFault::NoHandshake)]
            }
            SessionInput::Closed => vec![V2Input::Closed],
            SessionInput::Submit(_) | SessionInput::Timer => Vec::new(), // no wire says so
        }
    }

    /// There is a connection: has the pool prove who it is.
    fn shake(&mut self, authority: Option<[u8; 32]>) -> Vec<V2Input> {
        match V2Wire::new(authority, &mut OsRng) {
            Ok((noise, hello)) => {
                (self.noise, self.proven_by) = (Some(noise), Some(Instant::now() + HANDSHAKE));
                self.wire.send(hello); // the first of a connection finds room
                Vec::new()
            }
            Err(fault) => {
                self.give_up();
                vec![V2Input::Broken(fault)]
            }
        }
    }

    /// Whole messages of received bytes.
    fn hear(&mut self, bytes: &[u8]) -> Vec<V2Input> {
        let mut inputs = Vec::new();
        let Some(noise) = &mut self.noise else { return inputs };
        noise.push(bytes);
        loop {
            match noise.next(unix()) {
                Ok(Some(V2Received::Message(message))) => inputs.push(V2Input::Message(message)),
                Ok(Some(V2Received::Open)) => {
                    self.proven_by = None;
                    inputs.push(V2Input::Connected);
                }
                Ok(None) => return inputs,
                Err(fault) => {
                    if self.proven_by.is_some() {
                        self.give_up();
                    }
                    inputs.push(V2Input::Broken(fault));
                    return inputs;
                }
            }
        }
    }

    /// Puts a message on its way. Answers whether the connection can still be used.
    fn send(&mut self, message: AnyMessageOwned) -> bool {
        let bytes = self.noise.as_mut().and_then(|noise| noise.encode(message));
        bytes.is_none_or(|bytes| self.wire.send(bytes))
    }

    /// The other end is not who it should be.
    fn give_up(&mut self) {
        *self = Self { wire: Wire::Closed, noise: None, proven_by: None };
    }

    async fn close(&mut self) {
        self.wire.close().await;
        self.give_up();
    }
}

/// The date, against which certificates are held.
#[allow(clippy::disallowed_methods, reason = "this is the edge: only here the date is read")]
fn unix() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}
