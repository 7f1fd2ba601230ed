//! The way from wire to wire: new block → first byte of new work at the device, nonce → submit at the pool.
//!
//! `cargo bench -p adit --bench latency`. Machines, runners, core and pool session are those of `adit mine`; pool and sticks are
//! the rig of `adit bench latency`, with a clock at both ends, in a thread of its own. The sticks hang on memory links or on
//! pseudo-terminals, the pool on loopback TCP. Targets: medians below 200 µs for one device, below 10 ms for the last of 1,000.
#![allow(missing_docs, reason = "criterion makes a public function")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a benchmark is a test"
)]

mod host;
#[path = "../../src/commands/bench/rig/mod.rs"]
#[allow(dead_code, reason = "made for the binary, which uses all of it")]
mod rig;

use std::thread::sleep;
use std::time::Duration;

use criterion::{
    BenchmarkGroup, Criterion, SamplingMode, criterion_group, criterion_main, measurement::WallTime,
};

use host::{Host, Over};

/// Nothing measured here takes so long.
const LONGEST: Duration = Duration::from_secs(30);
/// A job has left its line of 115,200 baud by then; the driver gives a stick no other before.
const PAUSE: Duration = Duration::from_millis(8);

fn latency(criterion: &mut Criterion) {
    for over in [Over::Memory, Over::Pty] {
        let mut group = criterion.benchmark_group(format!("latency over {}", over.name()));
        group.sampling_mode(SamplingMode::Flat).sample_size(10).warm_up_time(Duration::from_millis(200));
        one(&mut group, over);
        thousand(&mut group, over);
        group.finish();
    }
}

fn one(group: &mut BenchmarkGroup<'_, WallTime>, over: Over) {
    let host = Host::start(1, over);
    group.bench_function("new block, one device", |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| last(&host)).sum());
    });
    group.bench_function("nonce to share", |bencher| {
        let share = || {
            sleep(PAUSE);
            host.rig.share(0, LONGEST).expect("a share")
        };
        bencher.iter_custom(|rounds| (0..rounds).map(|_| share()).sum());
    });
}

fn thousand(group: &mut BenchmarkGroup<'_, WallTime>, over: Over) {
    let host = Host::start(1_000, over);
    group.bench_function("new block, last of 1,000 devices", |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| last(&host)).sum());
    });
}

/// One block: the time until the last stick has new work.
fn last(host: &Host) -> Duration {
    sleep(PAUSE);
    *host.rig.block(LONGEST).expect("new work everywhere").last().expect("a stick")
}

criterion_group!(benches, latency);
criterion_main!(benches);
