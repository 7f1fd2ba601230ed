//! The ports of one device together: what arrives, what is being sent, and what waits for the line to drain.

use std::task::{Context, Poll};
use std::time::Duration;

use adit_driver::{LinkError, Token};
use adit_protocol::wire::{Line, Port};
use tokio::time::Instant;

use crate::wire::Wire;
use crate::{Counters, Link};

/// How long a port may refuse every byte before the link counts as failed.
const STUCK: Duration = Duration::from_secs(2);

/// Bytes read at once: more than any device sends in a burst, and little enough for a thousand devices.
const CHUNK: usize = 512;

/// The ports of one device, and the one action that takes time.
pub(super) struct Wires {
    wires: Vec<Wire>,
    counters: std::sync::Arc<Counters>,
    buffer: [u8; CHUNK],
    /// Port that is looked at first, so that none is starved.
    first: usize,
    busy: Option<Busy>,
    /// When the busy action is given up.
    stuck_at: Instant,
}

/// An action that is being carried out. The ones after it wait.
enum Busy {
    Write { port: usize, bytes: Vec<u8>, sent: usize },
    Line { token: Token, port: usize, line: Line },
}

/// What happened at the ports.
pub(super) enum Happening {
    /// Bytes are in [`Wires::bytes`].
    Bytes(Port, usize),
    /// A port has been silent for long enough.
    Quiet(Port),
    /// The write is with the operating system.
    Written,
    /// A line change was carried out, or could not be.
    Lined(Token, Result<(), LinkError>),
    /// A port failed.
    Failed(LinkError),
}

impl Wires {
    pub(super) fn new(link: Link) -> Self {
        Self {
            wires: link.wires,
            counters: link.counters,
            buffer: [0; CHUNK],
            first: 0,
            busy: None,
            stuck_at: Instant::now(),
        }
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The first `len` bytes of the last [`Happening::Bytes`].
    pub(super) fn bytes(&self, len: usize) -> &[u8] {
        &self.buffer[..len]
    }

    /// Whether the next action may begin.
    pub(super) fn idle(&self) -> bool {
        self.busy.is_none()
    }

    /// Begins to send. A port the device does not have cannot take bytes.
    pub(super) fn write(&mut self, port: Port, bytes: Vec<u8>) -> Result<(), LinkError> {
        let port = self.index(port)?;
        if !bytes.is_empty() {
            self.begin(Busy::Write { port, bytes, sent: 0 });
        }
        Ok(())
    }

    /// Begins to change the line, after everything written has left.
    pub(super) fn change_line(&mut self, token: Token, port: Port, line: Line) -> Result<(), LinkError> {
        let port = self.index(port)?;
        self.begin(Busy::Line { token, port, line });
        Ok(())
    }

    /// Throws away what was received and not delivered.
    pub(super) fn purge(&mut self, port: Port) -> Result<(), LinkError> {
        let port = self.index(port)?;
        self.wires[port].purge(&mut Context::from_waker(std::task::Waker::noop()))
    }

    /// Closes and opens every port again. Ports that cannot answer [`LinkError::Unsupported`] and stay open.
    pub(super) fn reopen(&mut self) -> Result<(), LinkError> {
        self.wires.iter_mut().try_for_each(Wire::reopen)
    }

    /// What happens next. `reading`: whether bytes and silence may be taken.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, reading: bool) -> Poll<Happening> {
        let now = Instant::now();
        if let Poll::Ready(happening) = self.poll_busy(cx, now) {
            return Poll::Ready(happening);
        }
        if !reading {
            return Poll::Pending;
        }
        for step in 0..self.wires.len() {
            let index = (self.first + step) % self.wires.len();
            let wire = &mut self.wires[index];
            match wire.poll_read(cx, &mut self.buffer) {
                Poll::Ready(Ok(read)) => {
                    self.first = index + 1;
                    self.counters.received(read);
                    return Poll::Ready(Happening::Bytes(port(index), read));
                }
                Poll::Ready(Err(why)) => return Poll::Ready(Happening::Failed(why)),
                Poll::Pending if wire.take_quiet(now) => {
                    return Poll::Ready(Happening::Quiet(port(index)));
                }
                Poll::Pending => {}
            }
        }
        Poll::Pending
    }

    /// When [`poll`](Self::poll) must be called even if the operating system has nothing to say.
    pub(super) fn wake_at(&self, now: Instant, reading: bool) -> Option<Instant> {
        let busy = self.busy.as_ref().map(|busy| match busy {
            Busy::Write { .. } => self.stuck_at,
            Busy::Line { port, .. } => {
                self.wires[*port].drains_at(now).map_or(now, |at| at.min(self.stuck_at))
            }
        });
        let quiet = self.wires.iter().filter(|_| reading).filter_map(Wire::quiet_at);
        quiet.chain(busy).min()
    }

    /// When to look again whether everything written has left; `None`: it has.
    pub(super) fn drains_at(&self, now: Instant) -> Option<Instant> {
        self.wires.iter().filter_map(|wire| wire.drains_at(now)).max()
    }

    /// Closes the ports without waiting for what has not been sent.
    pub(super) fn close(&mut self) {
        self.busy = None;
        self.wires.drain(..).for_each(|wire| wire.abandon());
    }

    fn poll_busy(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Happening> {
        match &mut self.busy {
            None => Poll::Pending,
            Some(Busy::Write { port, bytes, sent }) => {
                while *sent < bytes.len() {
                    match self.wires[*port].poll_write(cx, &bytes[*sent..]) {
                        Poll::Ready(Ok(taken)) => {
                            *sent += taken;
                            self.stuck_at = now + STUCK;
                            self.counters.sent(taken);
                        }
                        Poll::Ready(Err(why)) => return Poll::Ready(Happening::Failed(why)),
                        Poll::Pending if now >= self.stuck_at => {
                            return Poll::Ready(Happening::Failed(LinkError::Timeout));
                        }
                        Poll::Pending => return Poll::Pending,
                    }
                }
                self.busy = None;
                Poll::Ready(Happening::Written)
            }
            Some(Busy::Line { token, port, line }) => {
                let (token, wire) = (*token, &mut self.wires[*port]);
                let result = match wire.drains_at(now) {
                    None => wire.set_line(*line),
                    Some(_) if now >= self.stuck_at => Err(LinkError::Timeout),
                    Some(_) => return Poll::Pending,
                };
                self.busy = None;
                Poll::Ready(Happening::Lined(token, result))
            }
        }
    }

    fn begin(&mut self, busy: Busy) {
        self.busy = Some(busy);
        self.stuck_at = Instant::now() + STUCK;
    }

    fn index(&self, port: Port) -> Result<usize, LinkError> {
        let index = usize::from(port.0);
        if index < self.wires.len() { Ok(index) } else { Err(LinkError::Unsupported) }
    }
}

fn port(index: usize) -> Port {
    Port(u8::try_from(index).unwrap_or(u8::MAX))
}
