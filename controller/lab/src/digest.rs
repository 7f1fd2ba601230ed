//! The fingerprint of everything that happened.

use adit_protocol::wire::Micros;
use sha2::{Digest as _, Sha256};

/// SHA-256 over records of time, kind and bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digest(Sha256);

impl Digest {
    /// Adds what happened at `now`.
    pub(crate) fn record(&mut self, now: Micros, kind: u8, bytes: &[u8]) {
        self.0.update(now.0.to_le_bytes());
        self.0.update([kind]);
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// The fingerprint.
    pub(crate) fn finish(&self) -> [u8; 32] {
        self.0.clone().finalize().into()
    }
}
