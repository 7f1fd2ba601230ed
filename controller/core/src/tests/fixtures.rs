//! What the tests of this crate share: jobs, devices and true nonces found by hashing.

use adit_driver::{Capability, Claim, Detected, Job, JobKey, PoolKey, Reach, Space, Work};
use adit_protocol::devices::{UsbIdentity, model};
use adit_protocol::pow::{Hash, Target, VersionMask};
use adit_protocol::units::HashRate;

/// A job of `pool` with 4 bytes of extranonce2, no version rolling and targets that every fourth hash meets.
pub(crate) fn job(pool: u16, key: u64) -> Job {
    Job {
        key: JobKey(key),
        pool: PoolKey(pool),
        coinbase_head: vec![1; 42],
        coinbase_tail: vec![2; 60],
        extranonce1: vec![3; 4],
        extranonce2_size: 4,
        merkle_branch: vec![Hash([4; 32]); 3],
        fixed_root: None,
        version: 0x2000_0000,
        version_mask: VersionMask(0),
        prev_hash: Hash([5; 32]),
        nbits: 0x1d00_ffff,
        ntime: 1_700_000_000,
        share_target: one_in(4),
        network_target: None,
        clean: false,
    }
}

/// A target met by one hash in `count`.
pub(crate) fn one_in(count: u64) -> Target {
    Target::from_limbs([u64::MAX, u64::MAX, u64::MAX, u64::MAX / count])
}

/// Whether no header lies in both boxes.
pub(crate) fn are_disjoint(a: &Space, b: &Space) -> bool {
    let apart = |a: std::ops::Range<u64>, b: std::ops::Range<u64>| a.end <= b.start || b.end <= a.start;
    let wide = |range: &std::ops::Range<u32>| u64::from(range.start)..u64::from(range.end);
    apart(a.extranonce2.clone(), b.extranonce2.clone())
        || apart(wide(&a.ntime), wide(&b.ntime))
        || (a.version.base ^ b.version.base) & !(a.version.mask.0 | b.version.mask.0) != 0
        || a.nonce.end() < b.nonce.start()
        || b.nonce.end() < a.nonce.start()
}

/// A stick at a socket: `place` is its bus path and the end of its tty's name.
pub(crate) fn stick(place: &str, serial: &str) -> Detected {
    let usb = UsbIdentity { vid: 0x10c4, pid: 0xea60, serial: Some(serial.into()), ..UsbIdentity::default() };
    Detected {
        location: format!("serial:/dev/tty{place}"),
        socket: Some(place.into()),
        usb: Some(usb),
        candidates: vec![model("block-erupter").unwrap()],
        chosen: false,
    }
}

/// A stick that reports every second hash and has room for one work.
pub(crate) fn capability() -> Capability {
    Capability {
        reach: Reach::NONCE,
        room: 1,
        memory: 2,
        whole_jobs: false,
        report_target: one_in(2),
        hashes_per_nonce: 2.0,
        nominal: HashRate(2.0),
        eased: true,
    }
}

/// The header of `work` that `nonce` makes.
pub(crate) fn hash(work: &Work, nonce: u32) -> Hash {
    adit_protocol::pow::Header { nonce, ..work.header }.hash()
}

/// What a device that only counts nonces says when it has found `nonce`.
pub(crate) fn claim(work: &Work, nonce: u32) -> Claim {
    Claim {
        work: work.id,
        extranonce2: work.space.extranonce2.start,
        ntime: work.header.ntime,
        version: work.header.version,
        nonce,
    }
}

/// The claims of `work` whose hash is wanted, in the order of their nonces.
pub(crate) fn solve(work: &Work, wanted: impl Fn(&Hash) -> bool) -> impl Iterator<Item = Claim> {
    (0..).filter(move |nonce| wanted(&hash(work, *nonce))).map(|nonce| claim(work, nonce))
}
