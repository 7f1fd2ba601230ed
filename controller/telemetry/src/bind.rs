//! What is to be served, and the sockets for it: opened before anything else is, so that a wrong address is said at once.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use crate::axeos::AxeosSettings;
use crate::cgminer::{Access, CgminerSettings};
use crate::history::{Kept, Store, StoreError};
use crate::keys::{self, Key, Scope};
use crate::webhook::Webhook;

/// What is to be served.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Address of the REST interface; `None`: it is not served.
    pub api: Option<SocketAddr>,
    /// Where history is kept.
    pub history: Kept,
    /// The API of cgminer; `None`: it is not served.
    pub cgminer: Option<CgminerSettings>,
    /// The interface of AxeOS; `None`: it is not served.
    pub axeos: Option<AxeosSettings>,
    /// Folder for keys: those that users have made, and the key of this run. `None`: nobody can give commands.
    pub keys: Option<PathBuf>,
    /// Who is told of blocks, best shares and faults; `None`: nobody.
    pub webhook: Option<Webhook>,
}

/// Why telemetry cannot be served as it is wanted.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The REST interface has no keys yet, so only this machine may read it.
    #[error("--api {address}: only the loopback interface is served, as the API has no keys yet; use 127.0.0.1:{}", address.port())]
    NotLoopback {
        /// What was asked for.
        address: SocketAddr,
    },
    /// The address cannot be had.
    #[error("{option} {address}: {why}; choose another port, or stop the program that uses it")]
    Address {
        /// The option that named it.
        option: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        why: io::Error,
    },
    /// This interface has no keys: whoever may ask beyond this machine must be named.
    #[error("{option} {address}: name who may ask with {allow}, such as {allow} 192.168.0/24")]
    NobodyAllowed {
        /// The option that named it.
        option: &'static str,
        /// The option that is missing.
        allow: &'static str,
        /// What was asked for.
        address: SocketAddr,
    },
    /// The key of this run cannot be written.
    #[error("the key for commands cannot be written to {}: {why}", file.display())]
    Key {
        /// The file.
        file: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// History cannot be kept where it should be.
    #[error("--history {}: {why}; name a file that can be written", file.display())]
    History {
        /// The file.
        file: PathBuf,
        /// Why.
        why: StoreError,
    },
    /// The thread or its sockets could not be set up.
    #[error("telemetry cannot be started: {0}")]
    System(#[from] io::Error),
}

/// Sockets that are open, but not served yet.
#[derive(Debug)]
pub struct Bound {
    pub(crate) store: Store,
    /// What is kept outlives adit.
    pub(crate) remembers: bool,
    pub(crate) api: Option<TcpListener>,
    pub(crate) cgminer: Option<(TcpListener, CgminerSettings)>,
    pub(crate) axeos: Option<(TcpListener, AxeosSettings)>,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) keys: Option<PathBuf>,
    /// The key of this run, and the file with its text.
    pub(crate) key: Option<(Key, PathBuf)>,
}

/// Opens what `settings` want. Nothing is served yet.
pub fn bind(settings: &Settings) -> Result<Bound, BindError> {
    let api = settings.api.map(|address| match address.ip().is_loopback() {
        true => listen("--api", address),
        false => Err(BindError::NotLoopback { address }),
    });
    let cgminer = settings.cgminer.clone().map(|wanted| {
        let listener = listen_for("--cgminer-api", "--cgminer-allow", wanted.address, &wanted.access)?;
        Ok::<_, BindError>((listener, wanted))
    });
    let axeos = settings.axeos.clone().map(|wanted| {
        let listener = listen_for("--axeos", "--axeos-allow", wanted.address, &wanted.access)?;
        Ok::<_, BindError>((listener, wanted))
    });
    let kept = &settings.history;
    let store = Store::open(kept)
        .map_err(|why| BindError::History { file: kept.file.clone().unwrap_or_default(), why })?;
    let api = api.transpose()?;
    let key = match (&api, &settings.keys) {
        (Some(listener), Some(folder)) => Some(key_of_run(folder, listener.local_addr()?)?),
        _ => None,
    };
    Ok(Bound {
        store,
        remembers: kept.file.is_some(),
        api,
        keys: settings.keys.clone(),
        key,
        cgminer: cgminer.transpose()?,
        axeos: axeos.transpose()?,
        webhook: settings.webhook.clone(),
    })
}

/// A key that is good while adit runs, in a file for its user only: `adit ctl` finds it there.
fn key_of_run(folder: &Path, api: SocketAddr) -> Result<(Key, PathBuf), BindError> {
    let file = folder.join(keys::local_file(api.port()));
    let (key, text) = Key::new("local", Scope::Admin, 0, None, &keys::chance()?);
    keys::write_private(&file, text.expose().as_bytes())
        .map_err(|why| BindError::Key { file: file.clone(), why })?;
    Ok((key, file))
}

/// Opens a socket for an interface without keys.
fn listen_for(
    option: &'static str,
    allow: &'static str,
    address: SocketAddr,
    access: &Access,
) -> Result<TcpListener, BindError> {
    match address.ip().is_loopback() || !access.is_local() {
        true => listen(option, address),
        false => Err(BindError::NobodyAllowed { option, allow, address }),
    }
}

fn listen(option: &'static str, address: SocketAddr) -> Result<TcpListener, BindError> {
    let listener = TcpListener::bind(address).map_err(|why| BindError::Address { option, address, why })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Bound {
    /// Where the REST interface is, with the port that was chosen for port 0.
    pub fn api(&self) -> Option<SocketAddr> {
        self.api.as_ref()?.local_addr().ok()
    }

    /// Where the API of cgminer is, with the port that was chosen for port 0.
    pub fn cgminer(&self) -> Option<SocketAddr> {
        self.cgminer.as_ref()?.0.local_addr().ok()
    }

    /// Where the interface of AxeOS is, with the port that was chosen for port 0.
    pub fn axeos(&self) -> Option<SocketAddr> {
        self.axeos.as_ref()?.0.local_addr().ok()
    }
}
