//! What asks a running adit: its REST interface, one request a connection.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use adit_telemetry::{Device, Pool};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How long an answer may take: longer than a device may take to do what it is told.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer.
const LONGEST: u64 = 64 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// Nobody is there.
    #[error("no adit answers at {api} ({why}); start one with `--api {api}`, or say where it is with --api")]
    Nobody { api: SocketAddr, why: io::Error },
    /// Somebody else is there, or an adit of another version.
    #[error("what answers at {api} is no adit of this version: {what}")]
    Stranger { api: SocketAddr, what: String },
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// Who is asked, and with which key.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) api: SocketAddr,
    pub(crate) key: Option<String>,
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

impl Client {
    /// The answer to `GET path`.
    pub(crate) fn get(&self, path: &str) -> Result<Told, Unread> {
        self.exchange(&format!("GET {path} HTTP/1.1\r\n"), "")
    }

    /// The answer to `POST path` with this JSON.
    pub(crate) fn post(&self, path: &str, body: &str) -> Result<Told, Unread> {
        let length = body.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n");
        self.exchange(&head, body)
    }

    /// What is served at `path`.
    pub(crate) fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, Unread> {
        let Told { status, body } = self.get(path)?;
        if status != 200 {
            return Err(self.stranger(format!("{path} is answered by status {status}")));
        }
        serde_json::from_value(body).map_err(|error| self.stranger(format!("{path}: {error}")))
    }

    /// All pools.
    pub(crate) fn pools(&self) -> Result<Vec<Pool>, Unread> {
        let Pools { pools } = self.read("/api/v1/pools")?;
        Ok(pools)
    }

    /// All devices.
    pub(crate) fn devices(&self) -> Result<Vec<Device>, Unread> {
        let mut devices = Vec::new();
        let mut after = Some(0);
        while let Some(from) = after {
            let part: Devices = self.read(&format!("/api/v1/devices?limit=500&after={from}"))?;
            devices.extend(part.devices);
            after = part.next.filter(|next| *next > from);
        }
        Ok(devices)
    }

    fn stranger(&self, what: String) -> Unread {
        Unread::Stranger { api: self.api, what }
    }

    fn exchange(&self, head: &str, body: &str) -> Result<Told, Unread> {
        let answer = self.ask(head, body).map_err(|why| Unread::Nobody { api: self.api, why })?;
        let (head, body) =
            answer.split_once("\r\n\r\n").ok_or_else(|| self.stranger("no HTTP".to_owned()))?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| self.stranger("no HTTP".to_owned()))?;
        let body = serde_json::from_str(body).map_err(|error| self.stranger(error.to_string()))?;
        Ok(Told { status, body })
    }

    /// The whole answer: `Connection: close` ends it, and a length is never in pieces.
    fn ask(&self, head: &str, body: &str) -> io::Result<String> {
        let mut socket = TcpStream::connect_timeout(&self.api, PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let key = self.key.as_ref().map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
        let rest = format!("Host: {}\r\n{key}Connection: close\r\n\r\n{body}", self.api);
        socket.write_all((head.to_owned() + &rest).as_bytes())?;
        let mut answer = Vec::new();
        socket.take(LONGEST).read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}
