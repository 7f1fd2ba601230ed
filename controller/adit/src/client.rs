//! What asks a running adit: its REST interface, one request a connection.

use std::io;
use std::path::Path;
use std::time::Duration;

use adit_telemetry::{Device, Pool, local_file};
use adit_upstream::io::Secure;
use adit_upstream::{TlsFault, Trust};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::cli::{Api, ApiArgs};
use crate::config::state_to_command;
use crate::failure::Failure;

/// How long an answer may take: longer than a device may take to do what it is told.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer.
const LONGEST: u64 = 64 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// Nobody is there.
    #[error("no adit answers at {api} ({why}); start one with `--api {api}`, or say where it is with --api")]
    Nobody { api: Api, why: io::Error },
    /// Somebody else is there, or an adit of another version.
    #[error("what answers at {api} is no adit of this version: {what}")]
    Stranger { api: Api, what: String },
    /// It does not let us read.
    #[error("the adit at {api} refuses the key: {why}")]
    Refused { api: Api, why: String },
    /// Who is there cannot be believed.
    #[error("{api} cannot be trusted: {}", distrust(why))]
    Distrusted { api: Api, why: TlsFault },
}

fn distrust(why: &TlsFault) -> String {
    match why {
        TlsFault::UnknownIssuer { .. } => {
            "nobody known here has signed its certificate; compare the SHA-256 in that adit's log, and name it with --pin".to_owned()
        }
        TlsFault::WrongKey { .. } => {
            "its certificate is not that of --pin: somebody may be in between, or it has a new one".to_owned()
        }
        TlsFault::WrongName => "its certificate is for another name; name its SHA-256 with --pin".to_owned(),
        TlsFault::NotTls => "it does not speak TLS there".to_owned(),
        other => format!("TLS failed ({other:?})"),
    }
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
    pub(crate) api: Api,
    key: Option<String>,
    tls: Option<Secure>,
    runtime: Runtime,
}

/// Why an exchange failed.
enum Lost {
    Network(io::Error),
    Tls(TlsFault),
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Self::Network(error)
    }
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
    /// Of the adit that the user means, with the key that he means.
    pub(crate) fn new(args: &ApiArgs) -> Result<Self, Failure> {
        let trust = match (&args.pin, &args.ca) {
            (Some(pin), _) => Trust::Pin(*pin),
            (None, Some(file)) => Trust::Authority(file.clone()),
            (None, None) => Trust::Roots,
        };
        let tls = args.api.secure.then(|| Secure::new(&trust)).transpose().map_err(Failure::usage)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { api: args.api.clone(), key: key(args)?, tls, runtime })
    }

    /// The answer to `GET path`.
    pub(crate) fn get(&self, path: &str) -> Result<Told, Unread> {
        self.exchange(&format!("GET {}{path} HTTP/1.1\r\n", self.api.prefix), "")
    }

    /// The answer to `POST path` with this JSON.
    pub(crate) fn post(&self, path: &str, body: &str) -> Result<Told, Unread> {
        let length = body.len();
        let prefix = &self.api.prefix;
        let head = format!(
            "POST {prefix}{path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
        );
        self.exchange(&head, body)
    }

    /// What is served at `path`.
    pub(crate) fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, Unread> {
        let Told { status, body } = self.get(path)?;
        if matches!(status, 401 | 403) {
            let why = body["detail"].as_str().unwrap_or("no reason given").to_owned();
            return Err(Unread::Refused { api: self.api.clone(), why });
        }
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
        Unread::Stranger { api: self.api.clone(), what }
    }

    fn exchange(&self, head: &str, body: &str) -> Result<Told, Unread> {
        let answer = self.runtime.block_on(async { timeout(PATIENCE, self.ask(head, body)).await });
        let answer = answer.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
        let api = || self.api.clone();
        let answer = answer.map_err(|lost| match lost {
            Lost::Network(why) => Unread::Nobody { api: api(), why },
            Lost::Tls(why) => Unread::Distrusted { api: api(), why },
        })?;
        let (head, body) =
            answer.split_once("\r\n\r\n").ok_or_else(|| self.stranger("no HTTP".to_owned()))?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| self.stranger("no HTTP".to_owned()))?;
        let body = serde_json::from_str(body).map_err(|error| self.stranger(error.to_string()))?;
        Ok(Told { status, body })
    }

    /// The whole answer to a request that begins with `head`.
    async fn ask(&self, head: &str, body: &str) -> Result<String, Lost> {
        let key = self.key.as_ref().map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
        let request = format!("{head}Host: {}\r\n{key}Connection: close\r\n\r\n{body}", self.api.place());
        let socket = TcpStream::connect((self.api.host.as_str(), self.api.port)).await?;
        Ok(match &self.tls {
            None => talk(socket, &request).await?,
            Some(tls) => talk(tls.shake(socket, &self.api.host).await.map_err(Lost::Tls)?, &request).await?,
        })
    }
}

/// `Connection: close` ends the answer, and a length is never in pieces.
async fn talk(mut socket: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> io::Result<String> {
    socket.write_all(request.as_bytes()).await?;
    socket.flush().await?;
    let mut answer = Vec::new();
    match socket.take(LONGEST).read_to_end(&mut answer).await {
        Err(error) if answer.is_empty() => Err(error),
        _ => Ok(String::from_utf8_lossy(&answer).into_owned()), // what is missing at its end makes it no JSON
    }
}

/// The key: what the user names, else that of the adit at this machine.
fn key(args: &ApiArgs) -> Result<Option<String>, Failure> {
    let read = |file: &Path| std::fs::read_to_string(file).map(|text| text.trim().to_owned());
    if let Some(file) = &args.key_file {
        let refuse = |why| Failure::usage(anyhow::anyhow!("--key-file {}: {why}", file.display()));
        return read(file).map(Some).map_err(refuse);
    }
    if let Ok(key) = std::env::var("ADIT_KEY") {
        return Ok(Some(key));
    }
    let file =
        state_to_command().filter(|_| !args.api.secure).map(|folder| folder.join(local_file(args.api.port)));
    Ok(file.and_then(|file| read(&file).ok())) // without one the answer says what is missing
}
