//! Works for the unit tests of this crate.

use adit_driver::{Work, words};
use adit_protocol::pow::{Hash, Header};

/// Work number `id`; each number has another header.
pub(crate) fn work(id: u64) -> Work {
    let header = Header {
        version: 0x2000_0000,
        prev_hash: Hash([9; 32]),
        merkle_root: Hash([id as u8; 32]),
        ntime: 1_700_000_000,
        nbits: 0x1705_ae3a,
        nonce: 0,
    };
    words::work(id, header)
}
