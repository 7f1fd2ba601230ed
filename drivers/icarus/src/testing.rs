//! Works for the unit tests of this crate.

use std::sync::Arc;

use adit_driver::{Job, JobKey, PoolKey, Space, VersionWindow, Work, WorkId};
use adit_protocol::pow::{Hash, Target, VersionMask};

/// Work number `id` of a job that nobody mines; each number has another header.
pub(crate) fn work(id: u64) -> Work {
    let job = Arc::new(Job {
        key: JobKey(1),
        pool: PoolKey(0),
        coinbase_head: b"head".to_vec(),
        coinbase_tail: b"tail".to_vec(),
        extranonce1: vec![1, 2, 3, 4],
        extranonce2_size: 4,
        merkle_branch: vec![Hash([7; 32])],
        version: 0x2000_0000,
        version_mask: VersionMask(0),
        prev_hash: Hash([9; 32]),
        nbits: 0x1705_ae3a,
        ntime: 1_700_000_000,
        share_target: Target::ONE,
        network_target: None,
        clean: true,
    });
    Work {
        id: WorkId(id),
        header: job.header(id, job.ntime, job.version),
        space: Space {
            extranonce2: id..id + 1,
            ntime: job.ntime..job.ntime + 1,
            version: VersionWindow { base: job.version, mask: VersionMask(0) },
            nonce: 0..=u32::MAX,
        },
        job,
    }
}
