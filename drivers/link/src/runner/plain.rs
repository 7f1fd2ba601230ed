//! A link without a machine: for programs that stand in the middle of a wire.

use std::future::{pending, poll_fn};

use adit_driver::{LinkError, Token};
use adit_protocol::wire::{Line, Port};
use tokio::time::{Instant, sleep_until};

use super::wires::{Happening, Wires};
use crate::Link;

/// An opened device whose bytes are in the caller's hands.
pub struct Plain(Wires);

/// Bytes that a device sent.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Where.
    pub port: Port,
    /// Never empty.
    pub bytes: &'a [u8],
}

impl From<Link> for Plain {
    fn from(link: Link) -> Self {
        Self(Wires::new(link))
    }
}

impl Plain {
    /// Whether the next bytes may be written: those before are with the operating system.
    pub fn is_idle(&self) -> bool {
        self.0.idle()
    }

    /// Begins to send `bytes`. Only while [idle](Self::is_idle).
    ///
    /// # Errors
    /// The device has no such port.
    pub fn write(&mut self, port: Port, bytes: &[u8]) -> Result<(), LinkError> {
        self.0.write(port, bytes.to_vec())
    }

    /// Begins to change the line, after everything written has left. Only while [idle](Self::is_idle). A port that cannot
    /// do it keeps its line.
    ///
    /// # Errors
    /// The device has no such port.
    pub fn change_line(&mut self, port: Port, line: Line) -> Result<(), LinkError> {
        self.0.change_line(Token(0), port, line)
    }

    /// Waits until the device sends something, or what was written has left (`None`). May be dropped and called again:
    /// nothing is lost.
    ///
    /// # Errors
    /// The device is gone, or does not take what was written.
    pub async fn turn(&mut self) -> Result<Option<Received<'_>>, LinkError> {
        let wake = self.0.wake_at(Instant::now(), true);
        let happening = tokio::select! {
            biased;
            happening = poll_fn(|cx| self.0.poll(cx, true)) => happening,
            () = async { match wake { Some(at) => sleep_until(at).await, None => pending().await } } => {
                return Ok(None);
            }
        };
        match happening {
            Happening::Bytes(port, len) => Ok(Some(Received { port, bytes: self.0.bytes(len) })),
            Happening::Quiet(_) | Happening::Written | Happening::Answered(..) => Ok(None),
            Happening::Failed(why) => Err(why),
        }
    }
}
