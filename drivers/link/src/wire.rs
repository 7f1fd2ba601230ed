//! One opened port: bytes both ways, line settings, and the silence after the last byte.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use adit_driver::LinkError;
use adit_protocol::devices::PortSpec;
use adit_protocol::wire::Line;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::memory::Near;
use crate::serial::Serial;
use crate::usb::{Answer, Asked, Releasing, UsbPort};

/// What carries the bytes.
#[derive(Debug)]
pub(crate) enum Stream {
    Serial(Serial),
    Tcp(TcpStream),
    Memory(Near),
    Usb(UsbPort),
}

/// A port of a device.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    /// The line as it is set now.
    line: Line,
    /// `PortSpec::quiet`.
    quiet: Duration,
    /// When the silence is long enough to be reported. `None`: no byte since the last report.
    quiet_at: Option<Instant>,
    /// When everything written has left a line of this speed.
    sent_at: Option<Instant>,
}

impl Wire {
    pub(crate) fn new(spec: PortSpec, stream: Stream) -> Self {
        Self { stream, line: spec.line, quiet: spec.quiet, quiet_at: None, sent_at: None }
    }

    /// Reads what is there, at least one byte, into `buffer`.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, LinkError>> {
        let mut buffer = ReadBuf::new(buffer);
        let polled = match &mut self.stream {
            Stream::Serial(serial) => serial.poll_read(cx, &mut buffer),
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
            Stream::Memory(near) => Pin::new(&mut near.bytes).poll_read(cx, &mut buffer),
            Stream::Usb(port) => {
                let read = ready!(port.poll_read(cx, buffer.initialize_unfilled()));
                return Poll::Ready(read.inspect(|_| self.heard()));
            }
        };
        Poll::Ready(match ready!(polled) {
            Ok(()) if buffer.filled().is_empty() => Err(LinkError::Gone),
            Ok(()) => {
                self.heard();
                Ok(buffer.filled().len())
            }
            Err(error) => Err(link_error(&error)),
        })
    }

    /// A byte has come: the silence begins anew.
    fn heard(&mut self) {
        self.quiet_at = Some(Instant::now() + self.quiet);
    }

    /// Hands over some of `bytes`; answers how many were taken, at least one.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, LinkError>> {
        let polled = match &mut self.stream {
            Stream::Serial(serial) => serial.poll_write(cx, bytes),
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Memory(near) => Pin::new(&mut near.bytes).poll_write(cx, bytes),
            Stream::Usb(port) => {
                let taken = ready!(port.poll_write(cx, bytes))?;
                self.sending(taken);
                return Poll::Ready(Ok(taken));
            }
        };
        Poll::Ready(match ready!(polled) {
            Ok(0) => Err(LinkError::Gone),
            Ok(taken) => {
                self.sending(taken);
                Ok(taken)
            }
            Err(error) => Err(link_error(&error)),
        })
    }

    /// So many bytes are on their way.
    fn sending(&mut self, bytes: usize) {
        let now = Instant::now();
        let idle_from = self.sent_at.map_or(now, |at| at.max(now));
        self.sent_at = Some(idle_from + self.line.duration(bytes));
    }

    /// When to look again whether everything written has left; `None`: it has. Waiting in `tcdrain` would hold up every
    /// other device on the same thread, so the time on the line is computed and the kernel's queue is asked afterwards.
    pub(crate) fn drains_at(&self, now: Instant) -> Option<Instant> {
        let unsent = match &self.stream {
            Stream::Serial(serial) => serial.unsent(),
            Stream::Usb(port) => port.unsent(),
            Stream::Tcp(_) | Stream::Memory(_) => return None,
        };
        match self.sent_at {
            Some(at) if at > now => Some(at),
            _ if unsent => Some(now + DRAIN_STEP),
            _ => None,
        }
    }

    /// Changes line settings at once; a bridge that is spoken to directly answers a little later.
    pub(crate) fn set_line(&mut self, line: Line) -> Result<Option<Answer>, LinkError> {
        let answer = match &mut self.stream {
            Stream::Serial(serial) => serial.set_line(self.line, line).map(|()| None)?,
            Stream::Tcp(_) => return Err(LinkError::Unsupported),
            Stream::Memory(near) => {
                near.set_line(line);
                None
            }
            Stream::Usb(port) => Some(port.ask(Asked::Line(line))?),
        };
        self.line = line;
        Ok(answer)
    }

    /// Asks something of the bridge chip.
    pub(crate) fn ask(&mut self, asked: Asked) -> Result<Answer, LinkError> {
        match &mut self.stream {
            Stream::Usb(port) => port.ask(asked),
            Stream::Serial(_) | Stream::Tcp(_) | Stream::Memory(_) => Err(LinkError::Unsupported),
        }
    }

    /// Whether its bridge chip is spoken to directly.
    pub(crate) fn is_usb(&self) -> bool {
        matches!(self.stream, Stream::Usb(_))
    }

    /// Throws away what was received and not read.
    pub(crate) fn purge(&mut self, cx: &mut Context<'_>) -> Result<(), LinkError> {
        if let Stream::Serial(serial) = &self.stream {
            return serial.purge();
        }
        let quiet_at = self.quiet_at;
        let mut waste = [0; 256];
        for _ in 0..PURGE_READS {
            let Poll::Ready(read) = self.poll_read(cx, &mut waste) else { break };
            read?;
        }
        self.quiet_at = quiet_at;
        Ok(())
    }

    /// Closes and opens the port again with its present settings.
    pub(crate) fn reopen(&mut self) -> Result<(), LinkError> {
        let Stream::Serial(serial) = &mut self.stream else { return Err(LinkError::Unsupported) };
        (self.quiet_at, self.sent_at) = (None, None);
        serial.reopen(self.line)
    }

    /// Closes without waiting for what was written and not sent. A USB device is given back a little later.
    pub(crate) fn close(self) -> Option<Releasing> {
        match self.stream {
            Stream::Serial(serial) => {
                serial.abandon();
                None
            }
            Stream::Usb(port) => port.close(),
            Stream::Tcp(_) | Stream::Memory(_) => None,
        }
    }

    /// When the line counts as quiet.
    pub(crate) fn quiet_at(&self) -> Option<Instant> {
        self.quiet_at
    }

    /// Whether the line has been quiet for long enough by `now`. Says so once.
    pub(crate) fn take_quiet(&mut self, now: Instant) -> bool {
        self.quiet_at.take_if(|at| *at <= now).is_some()
    }
}

/// A purge reads no more often than this: a peer that never stops sending cannot hold it up.
const PURGE_READS: usize = 64;

/// Pause between two looks at a transmit queue that takes longer than its bytes should.
const DRAIN_STEP: Duration = Duration::from_millis(2);

/// What an error of the operating system means for a link that was open.
pub(crate) fn link_error(error: &io::Error) -> LinkError {
    use rustix::io::Errno;
    let Some(number) = error.raw_os_error() else { return LinkError::Gone };
    match Errno::from_raw_os_error(number) {
        Errno::IO | Errno::NXIO | Errno::NODEV | Errno::PIPE | Errno::CONNRESET | Errno::SHUTDOWN => {
            LinkError::Gone
        }
        Errno::NOENT | Errno::NOTDIR => LinkError::NotFound,
        Errno::ACCESS | Errno::PERM => LinkError::Denied,
        Errno::BUSY | Errno::WOULDBLOCK => LinkError::Busy,
        Errno::ISDIR | Errno::NOTTY => LinkError::NotADevice,
        Errno::TIMEDOUT => LinkError::Timeout,
        _ => LinkError::Os(number),
    }
}
