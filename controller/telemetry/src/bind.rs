//! What is to be served, and the sockets for it: opened before anything else is, so that a wrong address is said at once.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::ServerConfig;

use crate::axeos::AxeosSettings;
use crate::books::Prices;
use crate::cgminer::{Access, CgminerSettings};
use crate::history::{Kept, Store, StoreError};
use crate::http::{self, Certificate, TlsError};
use crate::keys::{self, Key, KeyError, Scope};
use crate::mqtt::MqttSettings;
use crate::webhook::Webhook;

/// What is to be served.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Address of the REST interface; `None`: it is not served.
    pub api: Option<SocketAddr>,
    /// Where the REST interface is served beyond this machine; `None`: nowhere.
    pub beyond: Option<BeyondSettings>,
    /// Reverse proxies that are believed when they say for whom they ask; `None`: none are.
    pub proxies: Option<Access>,
    /// Names by which the REST interface is called beyond this machine, beside its addresses.
    pub names: Vec<String>,
    /// Where history is kept.
    pub history: Kept,
    /// What turns the books into money.
    pub prices: Prices,
    /// The API of cgminer; `None`: it is not served.
    pub cgminer: Option<CgminerSettings>,
    /// The interface of AxeOS; `None`: it is not served.
    pub axeos: Option<AxeosSettings>,
    /// The broker that is told; `None`: none is.
    pub mqtt: Option<MqttSettings>,
    /// Folder for keys: those that users have made, and the key of this run. `None`: nobody can give commands.
    pub keys: Option<PathBuf>,
    /// Who is told of blocks, best shares and faults; `None`: nobody.
    pub webhook: Option<Webhook>,
}

/// The REST interface beyond this machine: over TLS, and only for keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeyondSettings {
    /// Where.
    pub address: SocketAddr,
    /// Whom it says it is.
    pub certificate: Certificate,
}

/// Why telemetry cannot be served as it is wanted.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Without TLS and keys only this machine may read.
    #[error("--api {address}: without TLS only the loopback interface is served; use 127.0.0.1:{}, or --api-tls {address}", address.port())]
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
    /// TLS cannot be had.
    #[error("--api-tls: {0}")]
    Tls(#[from] TlsError),
    /// There is nobody who could be let in.
    #[error("--api-tls: there is no key yet; make one with `adit key create`")]
    NoKeys,
    /// There is no place for keys.
    #[error("--api-tls: no place for keys: set HOME, XDG_STATE_HOME or STATE_DIRECTORY")]
    NoFolder,
    /// The keys cannot be read.
    #[error("--api-tls: {0}")]
    Keys(#[from] KeyError),
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
    pub(crate) prices: Prices,
    /// What is kept outlives adit.
    pub(crate) remembers: bool,
    pub(crate) api: Option<TcpListener>,
    pub(crate) beyond: Option<BoundBeyond>,
    pub(crate) proxies: Option<Access>,
    pub(crate) names: Vec<String>,
    pub(crate) cgminer: Option<(TcpListener, CgminerSettings)>,
    pub(crate) axeos: Option<(TcpListener, AxeosSettings)>,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) mqtt: Option<MqttSettings>,
    pub(crate) keys: Option<PathBuf>,
    /// The key of this run, and the file with its text.
    pub(crate) key: Option<(Key, PathBuf)>,
}

/// The socket beyond this machine.
#[derive(Debug)]
pub(crate) struct BoundBeyond {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Arc<ServerConfig>,
    fingerprint: String,
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
        prices: settings.prices.clone(),
        remembers: kept.file.is_some(),
        api,
        beyond: settings
            .beyond
            .as_ref()
            .map(|wanted| beyond(wanted, &settings.names, settings.keys.as_deref()))
            .transpose()?,
        proxies: settings.proxies.clone(),
        names: settings.names.clone(),
        keys: settings.keys.clone(),
        key,
        cgminer: cgminer.transpose()?,
        axeos: axeos.transpose()?,
        webhook: settings.webhook.clone(),
        mqtt: settings.mqtt.clone(),
    })
}

fn beyond(
    wanted: &BeyondSettings,
    names: &[String],
    folder: Option<&Path>,
) -> Result<BoundBeyond, BindError> {
    let folder = folder.ok_or(BindError::NoFolder)?;
    if keys::key_file(folder).read()?.is_empty() {
        return Err(BindError::NoKeys);
    }
    let mut names = names.to_vec();
    if !wanted.address.ip().is_unspecified() {
        names.push(wanted.address.ip().to_string());
    }
    let (tls, fingerprint) = http::tls_config(&wanted.certificate, folder, &names)?;
    let listener = listen("--api-tls", wanted.address)?;
    Ok(BoundBeyond { listener, tls, fingerprint })
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

    /// Where the REST interface is beyond this machine, and the SHA-256 of its certificate.
    pub fn beyond(&self) -> Option<(SocketAddr, &str)> {
        let beyond = self.beyond.as_ref()?;
        Some((beyond.listener.local_addr().ok()?, &beyond.fingerprint))
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
