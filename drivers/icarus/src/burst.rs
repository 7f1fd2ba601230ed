//! Answers during bring-up: what came between a question and the silence after it.

use std::time::Duration;

use adit_protocol::wire::Micros;

/// Bytes kept of one burst; the longest answer that means anything is 16 records of 8 bytes.
const LONGEST: usize = 256;

/// Bytes that arrived without a pause between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Burst {
    /// The bytes, never none.
    pub bytes: Vec<u8>,
    /// Time from the last write to the first byte.
    pub after: Duration,
}

/// Collects a burst.
#[derive(Debug, Default)]
pub(crate) struct Bursts {
    bytes: Vec<u8>,
    began: Micros,
    asked: Micros,
}

impl Bursts {
    /// Something was written: what came before is no answer to it.
    pub(crate) fn asked(&mut self, now: Micros) {
        self.asked = now;
        self.bytes.clear();
    }

    /// Bytes arrived. Of a device that never pauses only the first are kept.
    pub(crate) fn extend(&mut self, now: Micros, bytes: &[u8]) {
        if self.bytes.is_empty() {
            self.began = now;
        }
        let room = LONGEST - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The burst is over.
    pub(crate) fn take(&mut self) -> Option<Burst> {
        let bytes = std::mem::take(&mut self.bytes);
        (!bytes.is_empty()).then(|| Burst { bytes, after: self.began.since(self.asked) })
    }
}
