//! `adit bench verify`: nonces judged per second on one core.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use adit_core::{Core, Effect, Policy, PoolInput};
use adit_driver::{
    Capability, Claim, Detected, DeviceKey, Event, Job, JobKey, Nonce, Order, PoolKey, Reach, Report, Work,
};
use adit_protocol::devices::models;
use adit_protocol::pow::{CompactBits, Hash, Target, VersionMask};
use adit_protocol::units::HashRate;
use adit_protocol::wire::Micros;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::cli::VerifyBench;
use crate::failure::Failure;
use crate::output;

const DEVICE: DeviceKey = DeviceKey(0);
const POOL: PoolKey = PoolKey(0);
/// Works the nonces are spread over.
const WORKS: u16 = 64;
/// Nonces between two looks at the clock.
const BATCH: u64 = 4_096;

/// What is measured, and the version bits that the device rolls.
const CASES: [(&str, u32); 2] = [("nonce", 0), ("rolled version", 16)];

#[derive(Serialize)]
struct Row {
    bench: &'static str,
    case: &'static str,
    nonces: u64,
    seconds: f64,
    nonces_per_second: f64,
    ns_per_nonce: f64,
}

pub(crate) fn run(args: &VerifyBench, json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for (case, version_bits) in CASES {
        let (nonces, spent) = measure(version_bits, Duration::from_secs_f64(args.seconds));
        let seconds = spent.as_secs_f64();
        let row = Row {
            bench: "verify",
            case,
            nonces,
            seconds,
            nonces_per_second: nonces as f64 / seconds,
            ns_per_nonce: seconds * 1e9 / nonces as f64,
        };
        if json {
            output::json(&mut out, &row)?;
        } else {
            let millions = row.nonces_per_second / 1e6;
            writeln!(out, "{case:16} {millions:6.2} million nonces/s {:8.0} ns each", row.ns_per_nonce)?;
        }
    }
    Ok(())
}

/// Feeds a core with nonces, no two alike, for `length` on a processor core. Answers how many, and the time it took.
fn measure(version_bits: u32, length: Duration) -> (u64, Duration) {
    let (mut core, works) = busy_core(version_bits);
    let (mut seq, began) = (0_u64, time_on_core());
    loop {
        for _ in 0..BATCH {
            let nonce = nonce(&works[seq as usize % works.len()], seq);
            seq += 1;
            core.on_report(Micros(seq), DEVICE, Report::Event(Event::Nonce(nonce)));
            while core.next_effect().is_some() {}
        }
        let spent = time_on_core().saturating_sub(began);
        if spent >= length {
            core.assert_conserved();
            return (seq, spent);
        }
    }
}

/// What this thread has had of a processor core: other programs take their time from the clock on the wall, not from this one.
fn time_on_core() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Answer number `seq` of a device: another header every time.
fn nonce(work: &Work, seq: u64) -> Nonce {
    let window = work.space.version;
    let claim = Claim {
        work: work.id,
        extranonce2: work.space.extranonce2.start,
        ntime: work.header.ntime,
        version: window.base | window.mask.scatter(seq as u32 & 0xffff),
        nonce: seq as u32,
    };
    Nonce { seq, unit: 0, claims: [claim].into_iter().collect() }
}

/// A core with one device that has been given works, and those works.
fn busy_core(version_bits: u32) -> (Core, Vec<Work>) {
    let now = Micros(0);
    let mut core = Core::new(Policy::default(), 1);
    core.on_pool(now, POOL, PoolInput::Up { resumed: false });
    core.on_pool(now, POOL, PoolInput::Job(Arc::new(job())));
    core.attach(now, &detected());
    for report in [Report::Up, Report::Event(Event::Ready(capability(version_bits)))] {
        core.on_report(now, DEVICE, report);
    }
    core.on_report(now, DEVICE, Report::Event(Event::Room { received: 0, free: WORKS }));
    let mut works = Vec::new();
    while let Some(effect) = core.next_effect() {
        if let Effect::Order(_, Order::Work(work)) = effect {
            works.push(work);
        }
    }
    (core, works)
}

/// A device that reports every nonce, so that each one is hashed and judged to the end.
fn capability(version_bits: u32) -> Capability {
    Capability {
        reach: Reach { version_bits, ..Reach::NONCE },
        room: WORKS,
        memory: WORKS,
        whole_jobs: false,
        report_target: Target::MAX,
        hashes_per_nonce: Target::ONE.expected_hashes(),
        nominal: HashRate::from_mhs(336.0),
        eased: true,
    }
}

/// Any device: its wire plays no part.
fn detected() -> Detected {
    let candidates = models().take(1).collect();
    Detected { location: "bench".into(), socket: None, usb: None, candidates, chosen: true }
}

/// A job of the size that pools send: 12 branches, 290 bytes of coinbase.
fn job() -> Job {
    let nbits = CompactBits(0x1701_cdfb);
    Job {
        key: JobKey(0),
        pool: POOL,
        coinbase_head: vec![1; 60],
        coinbase_tail: vec![2; 230],
        extranonce1: vec![3; 4],
        extranonce2_size: 8,
        merkle_branch: vec![Hash([4; 32]); 12],
        fixed_root: None,
        version: 0x2000_0000,
        version_mask: VersionMask::BIP320,
        prev_hash: Hash([5; 32]),
        nbits: nbits.0,
        ntime: 1_700_000_000,
        share_target: Target::ONE,
        network_target: nbits.target().ok(),
        clean: true,
    }
}
