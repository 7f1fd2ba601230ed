//! An opened device.

use std::sync::Arc;
use std::time::Duration;

use adit_driver::{Detected, LinkError};
use adit_protocol::devices::PortSpec;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::serial::Serial;
use crate::usb::{Meant, open_plugged};
use crate::wire::{Stream, Wire, link_error};
use crate::{Counters, Selector, Tap, Target};

/// How long a socket may take to connect.
const CONNECT: Duration = Duration::from_secs(5);

/// The opened ports of one device, in the order of its `Model::ports`. Closed when dropped.
#[derive(Debug)]
pub struct Link {
    pub(crate) wires: Vec<Wire>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) tap: Option<Tap>,
}

impl Link {
    pub(crate) fn new(wires: Vec<Wire>) -> Self {
        Self { wires, counters: Arc::default(), tap: None }
    }

    /// A connection that somebody else has opened, as the one port of a model.
    ///
    /// # Errors
    /// [`LinkError::Gone`] and others as the operating system says of a connection that has just broken.
    pub fn accepted(spec: PortSpec, stream: TcpStream) -> Result<Self, LinkError> {
        stream.set_nodelay(true).map_err(|error| link_error(&error))?;
        rustix::net::sockopt::set_socket_keepalive(&stream, true)
            .map_err(|error| link_error(&error.into()))?;
        Ok(Self::new(vec![Wire::new(spec, Stream::Tcp(stream))]))
    }

    /// What happens to its machine, and what that does, is written down through `tap`.
    #[must_use]
    pub fn recorded(mut self, tap: Tap) -> Self {
        self.tap = Some(tap);
        self
    }

    /// Its counters, to be kept while [`run`](crate::run) owns the link.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }
}

/// Opens the device at `detected.location` with the ports of its first candidate. Must be called inside a tokio runtime.
///
/// Serial ports are opened raw (no echo, no translation, no flow control), locked against other programs (`TIOCEXCL` and
/// `flock`) and set to `PortSpec::line`; `baud` replaces the model's own symbol rate. A USB device is taken from the driver of
/// the operating system, and given back when the link is dropped.
///
/// # Errors
/// [`LinkError::NotFound`]: no such path, or nobody listens there. [`LinkError::NotADevice`]: a directory, a file, anything
/// that is no terminal. [`LinkError::Denied`], [`LinkError::Busy`], [`LinkError::Timeout`] as they say.
/// [`LinkError::Unsupported`]: line settings the port cannot do, or a location that names no link of this build.
pub async fn open(detected: &Detected, baud: Option<u32>) -> Result<Link, LinkError> {
    let selector: Selector = detected.location.parse().map_err(|_| LinkError::Unsupported)?;
    let ports = detected.candidates.first().map_or(&[][..], |model| model.ports);
    match selector.target {
        Target::Serial(paths) if paths.len() == ports.len() => {
            let wires = ports.iter().zip(paths).map(|(spec, path)| {
                let spec = with_baud(*spec, baud);
                Ok(Wire::new(spec, Stream::Serial(Serial::open(path, spec.line)?)))
            });
            Ok(Link::new(wires.collect::<Result<_, LinkError>>()?))
        }
        Target::Tcp { host, port } if ports.len() == 1 => {
            let stream = match timeout(CONNECT, TcpStream::connect((host.as_str(), port))).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return Err(refused(&error)),
                Err(_) => return Err(LinkError::Timeout),
            };
            stream.set_nodelay(true).map_err(|error| link_error(&error))?;
            Ok(Link::new(vec![Wire::new(with_baud(ports[0], baud), Stream::Tcp(stream))]))
        }
        Target::Usb(place) => {
            let model = *detected.candidates.first().ok_or(LinkError::Unsupported)?;
            let bridge = place.bridge(model);
            let socket = place.socket.or_else(|| detected.socket.clone());
            let meant = Meant { vid: place.vid, pid: place.pid, serial: place.serial, socket };
            let opened = spawn_blocking(move || open_plugged(&meant, model, bridge, baud)).await;
            opened.unwrap_or(Err(LinkError::Gone)) // the runtime is at its end
        }
        Target::Cpu(threads) => {
            let model =
                detected.candidates.first().filter(|_| ports.len() == 1).ok_or(LinkError::Unsupported)?;
            Ok(crate::cpu::open(model, threads).map_err(|error| link_error(&error))?)
        }
        _ => Err(LinkError::Unsupported),
    }
}

fn with_baud(mut spec: PortSpec, baud: Option<u32>) -> PortSpec {
    spec.line.baud = baud.unwrap_or(spec.line.baud);
    spec
}

/// Why a socket could not be connected. A name that does not resolve and a port where nobody listens are the same fact: there
/// is no device.
fn refused(error: &std::io::Error) -> LinkError {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => LinkError::Denied,
        std::io::ErrorKind::TimedOut => LinkError::Timeout,
        _ => LinkError::NotFound,
    }
}
