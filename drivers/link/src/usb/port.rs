//! The runner's end of one port: nothing here waits.

use std::sync::mpsc::{SyncSender, TrySendError};
use std::task::{Context, Poll, ready};

use adit_driver::{LinkError, Reply};
use adit_protocol::wire::{Line, SetupPacket};
use tokio::sync::{mpsc, oneshot};

use super::threads::{Job, Wanted};

/// What comes of something asked of a device.
pub(crate) type Answer = oneshot::Receiver<Result<Reply, LinkError>>;

/// What a machine may want of the chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Line(Line),
    Gpio { mask: u8, value: u8 },
    Purge,
    Control { setup: SetupPacket, data: Vec<u8> },
    Reset,
}

/// One port of an opened USB device.
#[derive(Debug)]
pub(crate) struct UsbPort {
    pub(super) function: usize,
    pub(super) jobs: SyncSender<Job>,
    pub(super) received: mpsc::Receiver<Result<Vec<u8>, LinkError>>,
    /// The rest of a chunk that did not fit.
    pub(super) rest: Vec<u8>,
    pub(super) writing: Option<Answer>,
    /// With the first port of a device: closes when its threads have given the device back.
    pub(super) released: Option<mpsc::Receiver<()>>,
}

/// A device that is being given back to the operating system.
#[derive(Debug)]
pub(crate) struct Releasing(mpsc::Receiver<()>);

impl Releasing {
    /// Returns when that is done.
    pub(crate) async fn done(mut self) {
        let _ = self.0.recv().await; // nothing is ever sent: it closes
    }
}

impl UsbPort {
    /// Lets go of the port.
    pub(crate) fn close(self) -> Option<Releasing> {
        self.released.map(Releasing)
    }

    /// Takes what has come, at least one byte: of one transfer, so that packets stay apart.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, LinkError>> {
        if self.rest.is_empty() {
            self.rest = match ready!(self.received.poll_recv(cx)) {
                Some(received) => received?,
                None => return Poll::Ready(Err(LinkError::Gone)),
            };
        }
        let used = self.rest.len().min(buffer.len());
        buffer[..used].copy_from_slice(&self.rest[..used]);
        self.rest.drain(..used);
        Poll::Ready(Ok(used))
    }

    /// Hands `bytes` over as one transfer, when the one before is with the device.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, LinkError>> {
        if let Some(writing) = &mut self.writing {
            let written = ready!(std::pin::Pin::new(writing).poll(cx));
            self.writing = None;
            written.unwrap_or(Err(LinkError::Gone))?;
        }
        self.writing = Some(self.send(Wanted::Write(bytes.to_vec()))?);
        Poll::Ready(Ok(bytes.len()))
    }

    /// Whether the last write is not with the device yet.
    pub(crate) fn unsent(&self) -> bool {
        self.writing.as_ref().is_some_and(|writing| !writing.is_terminated() && writing.is_empty())
    }

    /// Asks something of the chip, after everything that was written before.
    pub(crate) fn ask(&mut self, asked: Asked) -> Result<Answer, LinkError> {
        if asked == Asked::Purge {
            self.rest.clear();
            while let Ok(received) = self.received.try_recv() {
                received?;
            }
        }
        self.send(Wanted::Ask(asked))
    }

    fn send(&self, wanted: Wanted) -> Result<Answer, LinkError> {
        let (done, answer) = oneshot::channel();
        let job = Job { function: self.function, wanted, done };
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => LinkError::Timeout,
            TrySendError::Disconnected(_) => LinkError::Gone,
        })?;
        Ok(answer)
    }
}
