//! Fetches what a running adit serves, once a second, in a thread of its own.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use adit_telemetry::{Device, Event, Pool, Summary};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Pause between two fetches.
const PERIOD: Duration = Duration::from_secs(1);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer.
const LONGEST: u64 = 64 << 20;

/// Everything that is shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Picture {
    pub(crate) summary: Summary,
    pub(crate) pools: Vec<Pool>,
    pub(crate) devices: Vec<Device>,
    /// Newest first.
    pub(crate) events: Vec<Event>,
}

/// Why there is nothing to see.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// Nobody is there.
    #[error("no adit answers at {api} ({why}); start one with `--api {api}`, or say where it is with --api")]
    Nobody { api: SocketAddr, why: io::Error },
    /// Somebody else is there, or an adit of another version.
    #[error("what answers at {api} is no adit of this version: {what}")]
    Stranger { api: SocketAddr, what: String },
    /// The thread that fetches has ended.
    #[error("the thread that reads {api} has ended")]
    Ended { api: SocketAddr },
}

/// The fetching thread.
#[derive(Debug)]
pub(crate) struct Feed {
    api: SocketAddr,
    updates: Receiver<Result<Picture, Unread>>,
}

#[derive(Deserialize)]
struct Pools {
    pools: Vec<Pool>,
}

#[derive(Deserialize)]
struct Devices {
    devices: Vec<Device>,
    next: Option<u64>,
}

#[derive(Deserialize)]
struct Events {
    events: Vec<Event>,
}

impl Feed {
    /// Begins to fetch. The thread ends with the feed, or with the process.
    pub(crate) fn start(api: SocketAddr) -> Self {
        let (sender, updates) = sync_channel(0);
        thread::spawn(move || {
            loop {
                let begun = Instant::now();
                if sender.send(fetch(api)).is_err() {
                    return;
                }
                thread::sleep(PERIOD.saturating_sub(begun.elapsed()));
            }
        });
        Self { api, updates }
    }

    /// The next update, when it comes.
    pub(crate) fn wait(&self) -> Result<Picture, Unread> {
        self.updates.recv().unwrap_or(Err(Unread::Ended { api: self.api }))
    }

    /// The next update, if it is there.
    pub(crate) fn newest(&self) -> Option<Result<Picture, Unread>> {
        match self.updates.try_recv() {
            Ok(update) => Some(update),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(Unread::Ended { api: self.api })),
        }
    }
}

fn fetch(api: SocketAddr) -> Result<Picture, Unread> {
    let summary = get(api, "/api/v1/summary")?;
    let Pools { pools } = get(api, "/api/v1/pools")?;
    let Events { events } = get(api, "/api/v1/events?limit=200")?;
    let mut devices = Vec::new();
    let mut after = Some(0);
    while let Some(from) = after {
        let part: Devices = get(api, &format!("/api/v1/devices?limit=500&after={from}"))?;
        devices.extend(part.devices);
        after = part.next.filter(|next| *next > from);
    }
    Ok(Picture { summary, pools, devices, events })
}

fn get<T: DeserializeOwned>(api: SocketAddr, path: &str) -> Result<T, Unread> {
    let answer = ask(api, path).map_err(|why| Unread::Nobody { api, why })?;
    let stranger = |what: String| Unread::Stranger { api, what };
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| stranger("no HTTP".to_owned()))?;
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(stranger(format!("{path} is answered by `{status}`")));
    }
    serde_json::from_str(body).map_err(|error| stranger(format!("{path}: {error}")))
}

/// The whole answer: `Connection: close` ends it, and a length is never in pieces.
fn ask(api: SocketAddr, path: &str) -> io::Result<String> {
    let mut socket = TcpStream::connect_timeout(&api, PATIENCE)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    socket.take(LONGEST).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
