//! What a link counts while it runs.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one link, readable by anyone while its task runs.
#[derive(Debug, Default)]
pub struct Counters {
    rx_bytes: AtomicU64,
    tx_bytes: AtomicU64,
    rx_stalls: AtomicU64,
    voided_works: AtomicU64,
}

impl Counters {
    /// Bytes received and handed to the machine.
    pub fn rx_bytes(&self) -> u64 {
        self.rx_bytes.load(Ordering::Relaxed)
    }

    /// Bytes the operating system took for sending.
    pub fn tx_bytes(&self) -> u64 {
        self.tx_bytes.load(Ordering::Relaxed)
    }

    /// How often reading paused because the controller did not keep up.
    pub fn rx_stalls(&self) -> u64 {
        self.rx_stalls.load(Ordering::Relaxed)
    }

    /// Works that a newer job made void while they waited in the mailbox.
    pub fn voided_works(&self) -> u64 {
        self.voided_works.load(Ordering::Relaxed)
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.rx_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.tx_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn stalled(&self) {
        self.rx_stalls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn voided(&self, works: u64) {
        self.voided_works.fetch_add(works, Ordering::Relaxed);
    }
}
