//! What a stick hangs on: a pseudo-terminal or a TCP port, or whatever else carries bytes.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::pin::Pin;

use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::io::{AsyncRead, AsyncWrite, join};
use tokio::net::TcpListener;
use tokio::net::unix::pipe::{Receiver, Sender};

/// Where the host finds a stick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A terminal.
    Pty(PathBuf),
    /// A socket.
    Tcp(SocketAddr),
}

/// The stick's end of what carries its bytes.
pub(crate) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}

/// The stick's end, once the host is there.
pub(crate) struct Stream {
    /// What the host writes, and what it reads.
    pub(super) bytes: Box<dyn Bytes>,
    /// The host's end of a terminal, held open so that a host may close and open it.
    _slave: Option<OwnedFd>,
}

impl Stream {
    pub(crate) fn new(bytes: impl Bytes + 'static) -> Self {
        Self { bytes: Box::new(bytes), _slave: None }
    }
}

/// Waits for the host, where it has to connect. Polled inside the rig.
pub(crate) type Wire = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

/// A raw pseudo-terminal.
pub(crate) fn pty() -> io::Result<(Wire, Place)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags)?;
    fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let slave = rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    let mut termios = tcgetattr(&slave)?;
    termios.make_raw();
    tcsetattr(&slave, OptionalActions::Now, &termios)?;
    let path = PathBuf::from(String::from_utf8_lossy(name.as_bytes()).into_owned());
    let wire = async move {
        // Not pipes, but descriptors that are read and written when epoll says so, which is all that these types are about.
        let writer = Sender::from_owned_fd_unchecked(master.try_clone()?)?;
        let reader = Receiver::from_owned_fd_unchecked(master)?;
        Ok(Stream { bytes: Box::new(join(reader, writer)), _slave: Some(slave) })
    };
    Ok((Box::pin(wire), Place::Pty(path)))
}

/// A free TCP port of the loopback interface. It takes one client.
pub(crate) fn tcp() -> io::Result<(Wire, Place)> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let place = Place::Tcp(listener.local_addr()?);
    let wire = async move {
        let (stream, _) = TcpListener::from_std(listener)?.accept().await?;
        let _ = stream.set_nodelay(true); // slower without, not wrong
        Ok(Stream::new(stream))
    };
    Ok((Box::pin(wire), place))
}
