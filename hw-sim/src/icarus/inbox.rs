//! A receiver that cuts the host's stream into frames, for devices with a controller behind the UART.

use std::time::Duration;

use adit_protocol::icarus::{ChipCommand, Codec, Dialect, Frame};
use adit_protocol::wire::{Codec as _, Micros, Side, Step};

/// Silence that decides between a command and a job that looks like one.
const COMMAND_PAUSE: Duration = Duration::from_millis(5);
/// Half a job is waited for longer: hosts send 32 + 32 bytes, up to 60 ms apart.
const HALF_JOB: usize = 32;
const HALF_JOB_PATIENCE: Duration = Duration::from_millis(120);

/// Bytes that are no frame yet.
#[derive(Debug)]
pub(super) struct Inbox {
    codec: Codec,
    /// Only this dialect has commands that are not the size of a job.
    short_commands: bool,
    patience: Duration,
    bytes: Vec<u8>,
    last: Micros,
}

impl Inbox {
    /// An empty one. Left-over bytes are dropped after a silence of `patience`.
    pub(super) fn new(dialect: Dialect, patience: Duration) -> Self {
        let short_commands = dialect == Dialect::Icarus5;
        Self {
            codec: Codec::new(dialect, Side::Host),
            short_commands,
            patience,
            bytes: Vec::new(),
            last: Micros(0),
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Bytes have arrived. Frames that a silence before them has completed must have been taken already.
    pub(super) fn receive(&mut self, now: Micros, bytes: &[u8]) {
        let patience = if self.bytes.len() == HALF_JOB { HALF_JOB_PATIENCE } else { self.patience };
        if now.since(self.last) >= patience {
            self.bytes.clear();
        }
        self.bytes.extend_from_slice(bytes);
        self.last = now;
    }

    /// The next frame that is complete at `now`.
    pub(super) fn next_frame(&mut self, now: Micros) -> Option<Frame> {
        loop {
            let quiet = self.starts_like_a_command() && now.since(self.last) >= COMMAND_PAUSE;
            match self.codec.decode(&self.bytes, quiet) {
                Step::Frame { frame, used } => {
                    self.bytes.drain(..used);
                    return Some(frame);
                }
                Step::Skip { used, .. } => {
                    self.bytes.drain(..used);
                }
                Step::NeedMore => return None,
            }
        }
    }

    /// When silence will have decided what the bytes are.
    pub(super) fn deadline(&self) -> Option<Micros> {
        self.starts_like_a_command().then(|| self.last + COMMAND_PAUSE)
    }

    fn starts_like_a_command(&self) -> bool {
        let first = self.bytes.first_chunk().filter(|_| self.short_commands);
        first.is_some_and(|bytes| ChipCommand::from_bytes(*bytes).is_some())
    }
}
