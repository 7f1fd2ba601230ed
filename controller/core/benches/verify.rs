//! The real path of a nonce and of a new block through the core.
//!
//! `cargo bench -p adit-core`: *verify* is one nonce from report to ruling (target: 5 million a second), *new block* is one
//! job until the last of 1,000 devices has its first works (target: 10 ms).
#![allow(missing_docs, reason = "criterion makes a public function")]
#![allow(clippy::unwrap_used, reason = "a benchmark is a test")]

mod fixture;

use std::hint::black_box;
use std::time::Duration;

use adit_core::PoolInput;
use adit_driver::{DeviceKey, PoolKey};
use adit_protocol::wire::Micros;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use fixture::{busy_core, core, job, report};

fn verify(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("verify");
    group.throughput(Throughput::Elements(1)).measurement_time(Duration::from_secs(3));
    for (name, version_bits) in [("nonce of a stick", 0), ("nonce with a rolled version", 16)] {
        let (mut core, works) = busy_core(version_bits);
        let mut seq = 0_u64;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                core.on_report(Micros(seq), DeviceKey(0), report(&works, seq));
                seq += 1;
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
