//! A serial port of the operating system.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use adit_driver::LinkError;
use adit_protocol::wire::{Line, Parity};
use rustix::fs::OFlags;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_serial::{
    ClearBuffer, DataBits, ErrorKind, SerialPort, SerialPortBuilderExt, SerialStream, StopBits,
};

use crate::wire::link_error;

/// An opened terminal, raw and locked.
#[derive(Debug)]
pub(crate) struct Serial {
    path: PathBuf,
    /// `None` only after [`reopen`](Self::reopen) has failed.
    stream: Option<SerialStream>,
}

impl Serial {
    /// Opens the terminal at `path`, sets the line and throws away what was received before.
    pub(crate) fn open(path: PathBuf, line: Line) -> Result<Self, LinkError> {
        let stream = open_stream(&path, line)?;
        Ok(Self { path, stream: Some(stream) })
    }

    /// Closes and opens it again: bridges reset their line, some devices start anew.
    pub(crate) fn reopen(&mut self, line: Line) -> Result<(), LinkError> {
        self.abandon();
        self.stream = None;
        self.stream = Some(open_stream(&self.path, line)?);
        Ok(())
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Some(stream) => Pin::new(stream).poll_read(cx, buffer),
            None => Poll::Ready(Ok(())),
        }
    }

    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Some(stream) => Pin::new(stream).poll_write(cx, bytes),
            None => Poll::Ready(Ok(0)),
        }
    }

    /// Changes the line from `old` to `new` at once. Modem lines are touched only where they change: a pseudo-terminal has
    /// none, and its user need not know.
    pub(crate) fn set_line(&mut self, old: Line, new: Line) -> Result<(), LinkError> {
        let Some(stream) = &mut self.stream else { return Err(LinkError::Gone) };
        let (bits, parity, stop) = settings(new)?;
        let set = |stream: &mut SerialStream| -> tokio_serial::Result<()> {
            stream.set_baud_rate(new.baud)?;
            stream.set_data_bits(bits)?;
            stream.set_parity(parity)?;
            stream.set_stop_bits(stop)?;
            if new.dtr != old.dtr {
                stream.write_data_terminal_ready(new.dtr)?;
            }
            if new.rts != old.rts {
                stream.write_request_to_send(new.rts)?;
            }
            Ok(())
        };
        set(stream).map_err(|error| setting_error(&error))
    }

    /// Throws away what was received and not read.
    pub(crate) fn purge(&self) -> Result<(), LinkError> {
        let Some(stream) = &self.stream else { return Err(LinkError::Gone) };
        stream.clear(ClearBuffer::Input).map_err(|error| setting_error(&error))
    }

    /// Throws away what was written and not sent.
    pub(crate) fn abandon(&self) {
        if let Some(stream) = &self.stream {
            // A port that is gone has nothing to throw away.
            let _ = stream.clear(ClearBuffer::Output);
        }
    }

    /// Whether the kernel still holds bytes to send.
    pub(crate) fn unsent(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.bytes_to_write().is_ok_and(|bytes| bytes > 0))
    }
}

fn open_stream(path: &Path, line: Line) -> Result<SerialStream, LinkError> {
    let kind = std::fs::metadata(path).map_err(|error| link_error(&error))?.file_type();
    if !kind.is_char_device() {
        return Err(LinkError::NotADevice);
    }
    let (bits, parity, stop) = settings(line)?;
    let name = path.to_str().ok_or(LinkError::NotFound)?;
    let mut stream = tokio_serial::new(name, line.baud)
        .data_bits(bits)
        .parity(parity)
        .stop_bits(stop)
        .open_native_async()
        .map_err(|error| opening_error(path, &error))?;
    // Opening asserts both lines. A pseudo-terminal has none to lower.
    if !line.dtr {
        let _ = stream.write_data_terminal_ready(false);
    }
    if !line.rts {
        let _ = stream.write_request_to_send(false);
    }
    let _ = stream.clear(ClearBuffer::Input);
    Ok(stream)
}

fn settings(line: Line) -> Result<(DataBits, tokio_serial::Parity, StopBits), LinkError> {
    let bits = match line.bits {
        5 => DataBits::Five,
        6 => DataBits::Six,
        7 => DataBits::Seven,
        8 => DataBits::Eight,
        _ => return Err(LinkError::Unsupported),
    };
    let parity = match line.parity {
        Parity::None => tokio_serial::Parity::None,
        Parity::Odd => tokio_serial::Parity::Odd,
        Parity::Even => tokio_serial::Parity::Even,
        Parity::Mark | Parity::Space => return Err(LinkError::Unsupported),
    };
    let stop = match line.stop {
        1 => StopBits::One,
        2 => StopBits::Two,
        _ => return Err(LinkError::Unsupported),
    };
    Ok((bits, parity, stop))
}

/// Why a terminal could not be opened. `serialport` hides most error numbers, so those are found out by asking again.
fn opening_error(path: &Path, error: &tokio_serial::Error) -> LinkError {
    match error.kind() {
        ErrorKind::Io(io::ErrorKind::PermissionDenied) => LinkError::Denied,
        ErrorKind::Io(io::ErrorKind::NotFound) => LinkError::NotFound,
        ErrorKind::NoDevice => LinkError::Busy,
        _ => match ask_again(path) {
            Err(error) => link_error(&error),
            Ok(file) if rustix::termios::isatty(&file) => LinkError::Unsupported,
            Ok(_) => LinkError::NotADevice,
        },
    }
}

fn ask_again(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOCTTY | OFlags::NONBLOCK;
    OpenOptions::new().read(true).write(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// Why a setting was not made: a port that has vanished says so on the next read.
fn setting_error(error: &tokio_serial::Error) -> LinkError {
    match error.kind() {
        ErrorKind::Io(io::ErrorKind::PermissionDenied) => LinkError::Denied,
        ErrorKind::Io(io::ErrorKind::TimedOut) => LinkError::Timeout,
        _ => LinkError::Unsupported,
    }
}
