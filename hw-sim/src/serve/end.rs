//! The device's end of one port, whatever carries it.

use std::io;
use std::task::{Context, Poll};

use adit_protocol::wire::Line;

use super::pty::Pty;
use super::tcp::TcpPort;
use super::{Address, Place, ServeError};

/// The device's end of one port.
#[derive(Debug)]
pub(super) enum End {
    Pty { pty: Pty, line: Line },
    Tcp(TcpPort),
}

impl End {
    /// Opens a port whose host side begins with the settings of `line`.
    pub(super) async fn open(place: &Place, line: Line) -> Result<Self, ServeError> {
        Ok(match place {
            Place::Pty(path) => Self::Pty { pty: Pty::open(path, line)?, line },
            Place::Tcp(address) => Self::Tcp(TcpPort::open(*address).await?),
        })
    }

    pub(super) fn address(&self) -> Address {
        match self {
            Self::Pty { pty, .. } => {
                Address::Pty { link: pty.link().into(), terminal: pty.terminal().into() }
            }
            Self::Tcp(port) => Address::Tcp(port.address()),
        }
    }

    /// The host's line settings, when they are not what they were at the last look. A TCP stream has none.
    pub(super) fn changed_line(&mut self) -> Option<Line> {
        let Self::Pty { pty, line: known } = self else { return None };
        let line = pty.line().ok().filter(|line| line != known)?;
        *known = line;
        Some(line)
    }

    /// Shows the host what has become of its line settings by themselves, so that it can set them again.
    pub(super) fn show_line(&mut self, line: Line) {
        if let Self::Pty { pty, line: known } = self
            && line != *known
        {
            pty.set_baud(line.baud);
            *known = line;
        }
    }

    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Pty { pty, .. } => pty.poll_read(cx, buffer),
            Self::Tcp(port) => port.poll_read(cx, buffer),
        }
    }

    /// Sends what the port takes now and returns how many bytes that was: a wire waits for nobody.
    pub(super) fn write(&self, bytes: &[u8]) -> usize {
        match self {
            Self::Pty { pty, .. } => pty.write(bytes),
            Self::Tcp(port) => port.write(bytes),
        }
    }
}
