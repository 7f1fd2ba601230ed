//! A pseudo-terminal with a link to it, instead of a USB serial adapter.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use adit_protocol::wire::{Line, Parity};
use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, Termios, tcgetattr, tcsetattr,
};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe::Receiver;

use super::ServeError;

/// The device's end of a pseudo-terminal.
#[derive(Debug)]
pub(super) struct Pty {
    /// Not a pipe, but a descriptor that is read when epoll says so, which is all that this type is about.
    master: Receiver,
    /// Never read: while it is open a host may close and reopen its end without the master failing with EIO.
    _slave: OwnedFd,
    terminal: PathBuf,
    link: PathBuf,
}

impl Pty {
    /// Opens a raw pseudo-terminal at the speed of `line` and links `link` to it.
    pub(super) fn open(link: &Path, line: Line) -> Result<Self, ServeError> {
        let (master, slave, terminal) =
            pair(line).map_err(|source| ServeError::Pty { path: link.into(), source })?;
        symlink(&terminal, link).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => ServeError::PathTaken { path: link.into() },
            _ => ServeError::Link { path: link.into(), source },
        })?;
        Ok(Self { master, _slave: slave, terminal, link: link.into() })
    }

    pub(super) fn link(&self) -> &Path {
        &self.link
    }

    pub(super) fn terminal(&self) -> &Path {
        &self.terminal
    }

    /// Line settings of the host's end as the host has set them. The modem lines do not exist on a pseudo-terminal and
    /// are taken as asserted.
    pub(super) fn line(&self) -> io::Result<Line> {
        Ok(line_of(&tcgetattr(&self.master)?))
    }

    /// Whether the host has left its end in a mode that passes every byte as it is.
    pub(super) fn is_raw(&self) -> io::Result<bool> {
        let termios = tcgetattr(&self.master)?;
        let translating = InputModes::ISTRIP
            | InputModes::INLCR
            | InputModes::IGNCR
            | InputModes::ICRNL
            | InputModes::IXON
            | InputModes::IXOFF;
        let eating = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        Ok(!termios.input_modes.intersects(translating)
            && !termios.output_modes.contains(OutputModes::OPOST)
            && !termios.local_modes.intersects(eating))
    }

    /// Changes the speed under the host's feet.
    pub(super) fn set_baud(&self, baud: u32) {
        let changed = tcgetattr(&self.master).and_then(|mut termios| {
            termios.set_speed(baud)?;
            tcsetattr(&self.master, OptionalActions::Now, &termios)
        });
        if let Err(error) = changed {
            tracing::warn!(link = %self.link.display(), %error, "cannot change the speed");
        }
    }

    /// Bytes from the host.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(&mut self.master).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Sends what the terminal takes now and returns how many bytes that was. A serial line waits for nobody: when no
    /// host reads, the rest is lost as it is on hardware.
    pub(super) fn write(&self, bytes: &[u8]) -> usize {
        rustix::io::write(&self.master, bytes).unwrap_or(0)
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if fs::read_link(&self.link).is_ok_and(|target| target == self.terminal) {
            let _ = fs::remove_file(&self.link); // gone already: as it should be
        }
    }
}

fn pair(line: Line) -> io::Result<(Receiver, OwnedFd, PathBuf)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags)?;
    fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let slave = rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    // Raw before anybody writes: a cooked terminal echoes, and eats bytes that look like control characters.
    let mut termios = tcgetattr(&slave)?;
    termios.make_raw();
    termios.set_speed(line.baud)?;
    tcsetattr(&slave, OptionalActions::Now, &termios)?;
    let terminal = PathBuf::from(String::from_utf8_lossy(name.as_bytes()).into_owned());
    Ok((Receiver::from_owned_fd_unchecked(master)?, slave, terminal))
}

fn line_of(termios: &Termios) -> Line {
    let modes = termios.control_modes;
    let bits = match modes & ControlModes::CSIZE {
        ControlModes::CS5 => 5,
        ControlModes::CS6 => 6,
        ControlModes::CS7 => 7,
        _ => 8,
    };
    let parity = if !modes.contains(ControlModes::PARENB) {
        Parity::None
    } else {
        match (modes.contains(ControlModes::CMSPAR), modes.contains(ControlModes::PARODD)) {
            (false, false) => Parity::Even,
            (false, true) => Parity::Odd,
            (true, false) => Parity::Space,
            (true, true) => Parity::Mark,
        }
    };
    let stop = if modes.contains(ControlModes::CSTOPB) { 2 } else { 1 };
    Line { baud: termios.output_speed(), bits, parity, stop, dtr: true, rts: true }
}
