//! The ports of one device together: what arrives, what is being sent, and what waits for the line to drain.

use std::task::{Context, Poll};
use std::time::Duration;

use adit_driver::{LinkError, Reply, Token};
use adit_protocol::wire::{Line, Port};
use tokio::time::{Instant, timeout};

use crate::usb::{Answer, Asked, Releasing};
use crate::wire::Wire;
use crate::{Counters, Link};

/// How long a port may refuse every byte before the link counts as failed.
const STUCK: Duration = Duration::from_secs(2);

/// How long a USB device may take to be given back.
const RELEASE: Duration = Duration::from_secs(2);

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
    releasing: Vec<Releasing>,
    /// When the busy action is given up.
    stuck_at: Instant,
}

/// An action that is being carried out. The ones after it wait.
enum Busy {
    Write { port: usize, bytes: Vec<u8>, sent: usize },
    Line { token: Token, port: usize, line: Line },
    Asking { token: Token, answer: Answer },
}

/// What happened at the ports.
pub(super) enum Happening {
    /// Bytes are in [`Wires::bytes`].
    Bytes(Port, usize),
    /// A port has been silent for long enough.
    Quiet(Port),
    /// The write is with the operating system.
    Written,
    /// What was asked of a port was carried out, or could not be.
    Answered(Token, Result<Reply, LinkError>),
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
            releasing: Vec::new(),
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

    /// Throws away what was received and not delivered; `false`: a bridge chip has to be asked, the answer follows.
    pub(super) fn purge(&mut self, token: Token, port: Port) -> Result<bool, LinkError> {
        let index = self.index(port)?;
        if self.wires[index].is_usb() {
            return self.ask(token, port, Asked::Purge).map(|()| false);
        }
        self.wires[index].purge(&mut Context::from_waker(std::task::Waker::noop())).map(|()| true)
    }

    /// Begins to ask something of a bridge chip.
    pub(super) fn ask(&mut self, token: Token, port: Port, asked: Asked) -> Result<(), LinkError> {
        let port = self.index(port)?;
        let answer = self.wires[port].ask(asked)?;
        self.begin(Busy::Asking { token, answer });
        Ok(())
    }

    /// Closes and opens every port again; `false`: a USB device is being reset, the answer follows. Ports that cannot answer
    /// [`LinkError::Unsupported`] and stay open.
    pub(super) fn reopen(&mut self, token: Token) -> Result<bool, LinkError> {
        if self.wires.first().is_some_and(Wire::is_usb) {
            return self.ask(token, Port(0), Asked::Reset).map(|()| false);
        }
        self.wires.iter_mut().try_for_each(Wire::reopen).map(|()| true)
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
            Busy::Write { .. } | Busy::Asking { .. } => self.stuck_at,
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
        self.releasing.extend(self.wires.drain(..).filter_map(Wire::close));
    }

    /// Waits until closed ports are the operating system's again.
    pub(super) async fn released(&mut self) {
        for releasing in self.releasing.drain(..) {
            let _ = timeout(RELEASE, releasing.done()).await; // a thread that hangs is left behind
        }
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
                match result {
                    Ok(Some(answer)) => {
                        self.begin(Busy::Asking { token, answer });
                        self.poll_busy(cx, now)
                    }
                    Ok(None) => self.answered(token, Ok(Reply::Complete)),
                    Err(why) => self.answered(token, Err(why)),
                }
            }
            Some(Busy::Asking { token, answer }) => {
                let token = *token;
                match std::pin::Pin::new(answer).poll(cx) {
                    Poll::Ready(answer) => self.answered(token, answer.unwrap_or(Err(LinkError::Gone))),
                    Poll::Pending if now >= self.stuck_at => self.answered(token, Err(LinkError::Timeout)),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn answered(&mut self, token: Token, result: Result<Reply, LinkError>) -> Poll<Happening> {
        self.busy = None;
        Poll::Ready(Happening::Answered(token, result))
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
