//! The socket around a session of Stratum V2, and the handshake on it.

use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use adit_core::{PoolInput, Share};
use adit_driver::PoolKey;
use adit_protocol::wire::Micros;
use rand::rngs::OsRng;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::dial::Stream;
use super::{CHUNK, Dialer};
use crate::{ConnectError, NoiseFault, V2Action, V2Input, V2Received, V2Session, V2Wire};

/// Time for the pool to prove who it is.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Time for the last words at the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Bytes that may wait for a pool that does not read; one that far behind is as good as gone.
const BACKLOG: usize = 256 * 1024;

/// The connection, or what there is of it.
enum Link {
    Closed,
    Opening(Pin<Box<dyn Future<Output = Result<Opened, Failure>> + Send>>),
    Open(Box<Opened>),
}

struct Opened {
    reader: ReadHalf<Stream>,
    writer: WriteHalf<Stream>,
    wire: V2Wire,
    /// Bytes that have not left.
    backlog: Vec<u8>,
}

/// Why there is no connection.
enum Failure {
    Connect(ConnectError),
    Noise(NoiseFault),
}

/// As [`super::run`], for Stratum V2.
pub(super) async fn run(
    mut session: V2Session,
    dialer: Dialer,
    origin: Instant,
    mut shares: mpsc::Receiver<Share>,
    inputs: mpsc::Sender<(PoolKey, PoolInput)>,
) {
    let now = || Micros(u64::try_from(origin.elapsed().as_micros()).unwrap_or(u64::MAX));
    let authority = session.authority().map(|key| key.0);
    let (mut link, mut buffer, mut attempt) = (Link::Closed, vec![0; CHUNK], 0);
    loop {
        while let Some(action) = session.next_action() {
            match action {
                V2Action::Connect { host, port } => {
                    link = Link::Opening(Box::pin(open(dialer.clone(), host, port, attempt, authority)));
                    attempt += 1;
                }
                V2Action::Send(message) => {
                    let Link::Open(opened) = &mut link else { continue };
                    opened.backlog.extend(opened.wire.encode(*message).unwrap_or_default());
                    if opened.backlog.len() > BACKLOG {
                        link = Link::Closed;
                        session.on_input(now(), V2Input::Closed);
                    }
                }
                V2Action::Close => close(&mut link).await,
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
            came = event(&mut link, &mut buffer) => came.into_iter().for_each(|input| session.on_input(now(), input)),
            () = sleep_until(deadline.unwrap_or(origin)), if deadline.is_some() => {
                session.on_input(now(), V2Input::Timer);
            }
        }
    }
}

/// Takes leave of the pool, if it listens.
async fn farewell(mut session: V2Session, mut link: Link) {
    session.stop();
    if let Link::Open(opened) = &mut link {
        while let Some(action) = session.next_action() {
            if let V2Action::Send(message) = action {
                opened.backlog.extend(opened.wire.encode(*message).unwrap_or_default());
            }
        }
        let _ = timeout(FAREWELL, opened.writer.write_all(&opened.backlog)).await;
    }
    close(&mut link).await;
}

async fn close(link: &mut Link) {
    if let Link::Open(opened) = link {
        let _ = opened.writer.shutdown().await; // the pool may have been faster
    }
    *link = Link::Closed;
}

/// What happens next on the link; never, while there is none.
async fn event(link: &mut Link, buffer: &mut [u8]) -> Vec<V2Input> {
    match link {
        Link::Closed => std::future::pending().await,
        Link::Opening(opening) => match opening.await {
            Ok(opened) => {
                *link = Link::Open(Box::new(opened));
                let mut inputs = vec![V2Input::Connected];
                receive(link, &[], &mut inputs);
                inputs
            }
            Err(failure) => {
                *link = Link::Closed;
                vec![match failure {
                    Failure::Connect(error) => V2Input::ConnectFailed(error),
                    Failure::Noise(fault) => V2Input::Broken(fault),
                }]
            }
        },
        Link::Open(opened) => tokio::select! {
            read = opened.reader.read(buffer) => match read {
                Ok(length) if length > 0 => {
                    let mut inputs = Vec::new();
                    receive(link, &buffer[..length], &mut inputs);
                    inputs
                }
                _ => {
                    *link = Link::Closed;
                    vec![V2Input::Closed]
                }
            },
            written = opened.writer.write(&opened.backlog), if !opened.backlog.is_empty() => match written {
                Ok(length) if length > 0 => {
                    opened.backlog.drain(..length);
                    Vec::new()
                }
                _ => {
                    *link = Link::Closed;
                    vec![V2Input::Closed]
                }
            },
        },
    }
}

/// Whole messages of received bytes.
fn receive(link: &mut Link, bytes: &[u8], inputs: &mut Vec<V2Input>) {
    let Link::Open(opened) = link else { return };
    opened.wire.push(bytes);
    loop {
        match opened.wire.next(unix()) {
            Ok(Some(V2Received::Message(message))) => inputs.push(V2Input::Message(message)),
            Ok(Some(V2Received::Open)) => {}
            Ok(None) => return,
            Err(fault) => {
                inputs.push(V2Input::Broken(fault));
                return;
            }
        }
    }
}

async fn open(
    dialer: Dialer,
    host: String,
    port: u16,
    attempt: usize,
    authority: Option<[u8; 32]>,
) -> Result<Opened, Failure> {
    let mut stream = dialer.dial(host, port, attempt).await.map_err(Failure::Connect)?;
    let (mut wire, hello) = V2Wire::new(authority, &mut OsRng).map_err(Failure::Noise)?;
    let shake = async {
        stream.write_all(&hello).await.map_err(|_| NoiseFault::NoHandshake)?;
        stream.flush().await.map_err(|_| NoiseFault::NoHandshake)?;
        let mut buffer = [0; 256];
        loop {
            match stream.read(&mut buffer).await {
                Ok(length) if length > 0 => wire.push(&buffer[..length]),
                _ => return Err(NoiseFault::NoHandshake),
            }
            if wire.next(unix())?.is_some() {
                return Ok(());
            }
        }
    };
    match timeout(HANDSHAKE, shake).await {
        Ok(outcome) => outcome.map_err(Failure::Noise)?,
        Err(_) => return Err(Failure::Connect(ConnectError::TimedOut)),
    }
    let (reader, writer) = tokio::io::split(stream);
    Ok(Opened { reader, writer, wire, backlog: Vec::new() })
}

/// The date, against which certificates are held.
#[allow(clippy::disallowed_methods, reason = "this is the edge: only here the date is read")]
fn unix() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}
