//! How fast nonces are searched on one core: `cargo bench -p adit-protocol --bench scan`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark has no readers but its figures")]

use std::hint::black_box;

use adit_protocol::pow::scan::{Kernel, Search};
use adit_protocol::pow::{Header, Target};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const GENESIS: &str = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac7\
                       2c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c";
/// Nonces searched in one go, short enough not to be interrupted often.
const SLICE: u32 = 1 << 16;

/// Every kernel of this CPU, with one midstate and with several that share the message schedule. The unit is the hash.
fn scan(criterion: &mut Criterion) {
    let header = Header::from_bytes(&adit_protocol::hex::decode_array(GENESIS).unwrap());
    let mut group = criterion.benchmark_group("scan");
    for kernel in Kernel::available() {
        for count in [1, 4, 8, 16] {
            let versions = (0..count).map(|roll| Header { version: header.version ^ roll << 13, ..header });
            let midstates: Vec<_> = versions.map(|header| header.midstate()).collect();
            let search = Search::new(&midstates, header.fixed_tail(), Target::TOP32_ZERO);
            let mut start = 0_u32;
            group.throughput(Throughput::Elements(u64::from(SLICE * count)));
            group.bench_function(format!("{}/{count}_midstates", kernel.name()), |bencher| {
                bencher.iter(|| {
                    black_box(&search).scan_with(kernel, start..=start + (SLICE - 1), &mut |hit| {
                        black_box(hit);
                    });
                    start = start.wrapping_add(SLICE);
                });
            });
        }
    }
    group.finish();
}

/// Finding out which of many headers a nonce solves: they have nothing in common but that their midstates are at hand.
fn hardest(criterion: &mut Criterion) {
    let heads: Vec<_> = (0_u32..32)
        .map(|seed| {
            let header = Header { version: seed, nonce: seed, ..Header::from_bytes(&[7; 80]) };
            (header.midstate(), header.tail())
        })
        .collect();
    let mut group = criterion.benchmark_group("hardest");
    group.throughput(Throughput::Elements(heads.len() as u64));
    for kernel in Kernel::available() {
        group.bench_function(kernel.name(), |bencher| {
            bencher.iter(|| black_box(kernel.hardest(black_box(&heads))));
        });
    }
    group.finish();
}

criterion_group!(benches, scan, hardest);
criterion_main!(benches);
