//! The real path of a nonce and of a new block through the core.
//!
//! `cargo bench -p adit-core`: *verify* is one nonce from report to ruling (target: 5 million a second), *new block* is one
//! job until the last of 1,000 devices has its first works (target: 10 ms).
#![allow(missing_docs, reason = "criterion makes a public function")]
#![allow(clippy::unwrap_used, reason = "a benchmark is a test")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use adit_core::{Core, Effect, Policy, PoolInput};
use adit_driver::{
    Capability, Claim, Detected, DeviceKey, Event, Job, JobKey, Nonce, Order, PoolKey, Reach, Report, Work,
};
use adit_protocol::devices::model;
use adit_protocol::pow::{Hash, Target, VersionMask};
use adit_protocol::units::HashRate;
use adit_protocol::wire::Micros;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

/// A job of the size that pools send: 12 branches, 300 bytes of coinbase.
fn job(key: u64) -> Arc<Job> {
    Arc::new(Job {
        key: JobKey(key),
        pool: PoolKey(0),
        coinbase_head: vec![1; 60],
        coinbase_tail: vec![2; 230],
        extranonce1: vec![3; 4],
        extranonce2_size: 8,
        merkle_branch: vec![Hash([4; 32]); 12],
        fixed_root: None,
        version: 0x2000_0000,
        version_mask: VersionMask::BIP320,
        prev_hash: Hash([key as u8; 32]),
        nbits: 0x1701_cdfb,
        ntime: 1_700_000_000,
        share_target: Target::from_difficulty(1e3).unwrap(),
        network_target: Target::from_difficulty(1e12).ok(),
        clean: true,
    })
}

fn core(devices: u32, version_bits: u32) -> Core {
    let mut core = Core::new(Policy::default(), 1);
    core.on_pool(Micros(0), PoolKey(0), PoolInput::Up { resumed: false });
    for index in 0..devices {
        let device = core.attach(
            Micros(0),
            &Detected {
                location: format!("serial:/dev/ttyUSB{index}"),
                socket: None,
                usb: None,
                candidates: vec![model("block-erupter").unwrap()],
                chosen: true,
            },
        );
        let capability = Capability {
            reach: Reach { version_bits, ..Reach::NONCE },
            room: 1,
            memory: 64,
            whole_jobs: false,
            report_target: Target::MAX,
            hashes_per_nonce: 4_295_032_833.0,
            nominal: HashRate::from_mhs(336.0),
            eased: false,
        };
        core.on_report(Micros(0), device, Report::Up);
        core.on_report(Micros(0), device, Report::Event(Event::Ready(capability)));
    }
    drain(&mut core);
    core
}

fn drain(core: &mut Core) -> Vec<Work> {
    let mut works = Vec::new();
    while let Some(effect) = core.next_effect() {
        if let Effect::Order(_, Order::Work(work)) = effect {
            works.push(work);
        }
    }
    works
}

/// A core with one device that has been given 64 works, and those works.
fn busy_core(version_bits: u32) -> (Core, Vec<Work>) {
    let mut core = core(1, version_bits);
    core.on_pool(Micros(0), PoolKey(0), PoolInput::Job(job(0)));
    core.on_report(Micros(0), DeviceKey(0), Report::Event(Event::Room { received: 0, free: 64 }));
    let works = drain(&mut core);
    (core, works)
}

fn verify(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("verify");
    group.throughput(Throughput::Elements(1)).measurement_time(Duration::from_secs(3));
    for (name, version_bits) in [("nonce of a stick", 0), ("nonce with a rolled version", 16)] {
        let (mut core, works) = busy_core(version_bits);
        let mut seq = 0_u64;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let work = &works[seq as usize % works.len()];
                let version = work.header.version | work.space.version.mask.scatter(seq as u32 & 0xffff);
                let claim = Claim {
                    work: work.id,
                    extranonce2: work.space.extranonce2.start,
                    ntime: work.header.ntime,
                    version,
                    nonce: seq as u32,
                };
                let nonce = Nonce { seq, unit: 0, claims: [claim].into_iter().collect() };
                seq += 1;
                core.on_report(Micros(seq), DeviceKey(0), Report::Event(Event::Nonce(nonce)));
                while let Some(effect) = core.next_effect() {
                    black_box(&effect);
                }
            });
        });
        core.assert_conserved();
    }
    group.finish();
}

fn new_block(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("new block");
    for devices in [1, 1_000] {
        let (mut core, mut key) = (core(devices, 0), 0);
        group.bench_function(format!("{devices} devices"), |bencher| {
            bencher.iter_batched(
                || {
                    key += 1;
                    job(key)
                },
                |job| {
                    core.on_pool(Micros(job.key.0), PoolKey(0), PoolInput::Job(job));
                    while let Some(effect) = core.next_effect() {
                        black_box(&effect);
                    }
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, verify, new_block);
criterion_main!(benches);
