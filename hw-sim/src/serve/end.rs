//! The device's end of one port, whatever carries it.

use std::io;
use std::task::{Context, Poll};

use adit_protocol::wire::Line;

use super::pty::Pty;
use super::tcp::TcpPort;
use super::{Address, Place, ServeError};

/// The device's end of one port.
#[derive(Debug)]
pub struct End(Carrier);

#[derive(Debug)]
enum Carrier {
    Pty { pty: Pty, line: Line, raw: bool },
    Tcp(TcpPort),
}

impl End {
    /// Opens a port whose host side begins with the settings of `line`.
    ///
    /// # Errors
    /// The pseudo-terminal, its link or the socket cannot be made.
    pub async fn open(place: &Place, line: Line) -> Result<Self, ServeError> {
        Ok(Self(match place {
            Place::Pty(path) => Carrier::Pty { pty: Pty::open(path, line)?, line, raw: true },
            Place::Tcp(address) => Carrier::Tcp(TcpPort::open(*address).await?),
        }))
    }

    /// Where it has appeared.
    pub fn address(&self) -> Address {
        match &self.0 {
            Carrier::Pty { pty, .. } => {
                Address::Pty { link: pty.link().into(), terminal: pty.terminal().into() }
            }
            Carrier::Tcp(port) => Address::Tcp(port.address()),
        }
    }

    /// The host's line settings, when they are not what they were at the last look. A TCP stream has none.
    pub fn changed_line(&mut self) -> Option<Line> {
        let Carrier::Pty { pty, line: known, .. } = &mut self.0 else { return None };
        let line = pty.line().ok().filter(|line| line != known)?;
        *known = line;
        Some(line)
    }

    /// Whether the host's terminal is raw, when that is not as it was at the last look. A TCP stream is no terminal.
    pub fn changed_mode(&mut self) -> Option<bool> {
        let Carrier::Pty { pty, raw: known, .. } = &mut self.0 else { return None };
        let raw = pty.is_raw().ok().filter(|raw| raw != known)?;
        *known = raw;
        Some(raw)
    }

    /// Shows the host what has become of its line settings by themselves, so that it can set them again.
    pub fn show_line(&mut self, line: Line) {
        if let Carrier::Pty { pty, line: known, .. } = &mut self.0
            && line != *known
        {
            pty.set_baud(line.baud);
            *known = line;
        }
    }

    /// Bytes from the host, into `buffer`; how many.
    ///
    /// # Errors
    /// The port is broken. A host that goes away is no error.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Carrier::Pty { pty, .. } => pty.poll_read(cx, buffer),
            Carrier::Tcp(port) => port.poll_read(cx, buffer),
        }
    }

    /// Sends what the port takes now and returns how many bytes that was: a wire waits for nobody.
    pub fn write(&self, bytes: &[u8]) -> usize {
        match &self.0 {
            Carrier::Pty { pty, .. } => pty.write(bytes),
            Carrier::Tcp(port) => port.write(bytes),
        }
    }
}
