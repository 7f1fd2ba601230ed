//! How fast headers are hashed and judged: `cargo bench -p adit-protocol --bench pow`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark has no readers but its figures")]

use std::hint::black_box;

use adit_protocol::icarus::golden::BLOCK_171874;
use adit_protocol::pow::{CompactBits, Header, Target, sha256d};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const GENESIS: &str = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac7\
                       2c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c";

/// What judging a nonce costs: the tail is completed, two blocks are compressed, the hash is compared with three targets.
fn verify(criterion: &mut Criterion) {
    let header = Header::from_bytes(&adit_protocol::hex::decode_array(GENESIS).unwrap());
    let targets = [
        Target::TOP32_ZERO,
        Target::from_difficulty(512.0).unwrap(),
        CompactBits(header.nbits).target().unwrap(),
    ];
    let mut group = criterion.benchmark_group("verify");
    group.throughput(Throughput::Elements(1));
    let (midstate, mut tail, mut nonce) = (header.midstate(), header.tail(), 0_u32);
    group.bench_function("midstate_at_hand", |bencher| {
        bencher.iter(|| {
            nonce = nonce.wrapping_add(1);
            tail[12..].copy_from_slice(&nonce.to_le_bytes());
            let hash = black_box(&midstate).finish(black_box(&tail));
            targets.map(|target| black_box(target).is_met_by(&hash))
        });
    });
    group.bench_function("whole_header", |bencher| {
        bencher.iter(|| {
            nonce = nonce.wrapping_add(1);
            let hash = black_box(Header { nonce, ..header }).hash();
            targets.map(|target| black_box(target).is_met_by(&hash))
        });
    });
    let job = BLOCK_171874.job();
    group.bench_function("icarus_job", |bencher| {
        bencher.iter(|| {
            nonce = nonce.wrapping_add(1);
            black_box(&job).is_solved_by(nonce)
        });
    });
    group.finish();
}

fn arithmetic(criterion: &mut Criterion) {
    let bytes = [0x5a_u8; 80];
    criterion.bench_function("sha256d/80_bytes", |bencher| bencher.iter(|| sha256d(black_box(&bytes))));
    criterion.bench_function("target/from_difficulty", |bencher| {
        bencher.iter(|| Target::from_difficulty(black_box(126_411_437_451_912.23)));
    });
    criterion.bench_function("target/from_nbits", |bencher| {
        bencher.iter(|| CompactBits(black_box(0x1701_cdfb)).target());
    });
}

criterion_group!(benches, verify, arithmetic);
criterion_main!(benches);
