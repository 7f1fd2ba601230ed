//! How fast captures and recordings are decoded on one core: `cargo bench -p adit-protocol --bench decode`. What is measured is the
//! time that the thread has had a processor, so that the figures hold on a busy machine too.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark has no readers but its figures")]

use std::fs;
use std::hint::black_box;
use std::time::Duration;

use adit_protocol::bm13xx::{self, Chip, Frame, Generation, HeaderJob, Job, NonceAnswer};
use adit_protocol::hex;
use adit_protocol::pow::Header;
use adit_protocol::protocols::protocol;
use adit_protocol::trace::{Entry, HEADING, Reader, Timeline, What};
use adit_protocol::wire::{Codec as _, Micros, Port, Side};
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const HEADER: &str = "04000020fc102bd0ea11470daf05a8e133a8a8505e21a2122b7f010000000000000000006d0359c451434605c52a5a9c\
                      e074340be47c2c63840731f9edf1db3f26b1cdd9a9f16f643aae051747896e27";
/// Jobs in an input.
const JOBS: u32 = 4_000;
/// Bytes taken at once, as from a file.
const CHUNK: usize = 1 << 16;

/// Job number `index` of a chain, and `nonces` answers to it that solve it at true difficulty, as hardware's do, or solve nothing:
/// then every one is hashed with the last 32 jobs.
fn exchange(index: u32, nonces: u32, solved: bool) -> impl Iterator<Item = (Side, Vec<u8>)> {
    let header = Header::from_bytes(&hex::decode_array(HEADER).unwrap());
    let codec = bm13xx::Codec::new(Generation::V2, Side::Device);
    let job = codec.encoded(&Frame::Job(Job::Header(HeaderJob::new(0x30, header))));
    let id = Chip::Bm1370.id_byte(0x30, 0);
    let answer = move |number: u32| {
        let nonce = if solved { header.nonce } else { index * 7 + number }.to_le_bytes();
        let answer = NonceAnswer { nonce, detail: 0, id, version: Some(0) };
        (Side::Device, codec.encoded(&Frame::Nonce(answer)))
    };
    std::iter::once((Side::Host, job)).chain((0..nonces).map(answer))
}

/// A recording of a chain that answers so often to each job.
fn recording(nonces: u32, solved: bool) -> Vec<u8> {
    let mut file = format!("{HEADING}\n").into_bytes();
    let device = What::Device { models: "bm1370-chain", location: "serial:./chain" };
    Entry { at: Micros(0), link: 0, what: device }.write(&mut file);
    let all = (0..JOBS).flat_map(|index| exchange(index, nonces, solved));
    for (at, (from, bytes)) in (0..).map(Micros::from_millis).zip(all) {
        Entry { at, link: 0, what: What::Bytes { from, port: Port(0), bytes: &bytes } }.write(&mut file);
    }
    file
}

/// Time that this thread has had a processor, as Linux counts it.
struct CpuTime;

impl CpuTime {
    fn now() -> Duration {
        let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
    }
}

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        Self::now()
    }

    fn end(&self, start: Duration) -> Duration {
        Self::now() - start
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        static WALL: WallTime = WallTime;
        WALL.formatter()
    }
}

fn recordings(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("decode/recording");
    group.sample_size(10);
    let inputs = [
        ("jobs", 0, true),
        ("a_nonce_to_every_job", 1, true),
        ("four_nonces_to_every_job", 4, true),
        ("four_nonces_that_solve_nothing", 4, false),
    ];
    for (name, nonces, solved) in inputs {
        let file = recording(nonces, solved);
        group.throughput(Throughput::Bytes(file.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let (mut reader, mut timeline, mut seen) = (Reader::default(), Timeline::default(), 0_u64);
                for chunk in file.chunks(CHUNK) {
                    reader.feed(chunk, &mut |entry| timeline.feed(&entry.unwrap(), &mut |_| seen += 1));
                }
                timeline.finish(&mut |_| seen += 1);
                black_box(seen)
            });
        });
    }
}

fn captures(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("decode/capture");
    group.sample_size(10);
    for (name, from) in [("bm13xx_jobs", Side::Host), ("bm13xx_answers", Side::Device)] {
        let all = (0..JOBS).flat_map(|index| exchange(index, 4, true));
        let bytes =
            all.filter(|(sender, _)| *sender == from).flat_map(|(_, bytes)| bytes).collect::<Vec<u8>>();
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let (mut decoder, mut seen) = (protocol("bm13xx").unwrap().decoder(from), 0_u64);
                for chunk in bytes.chunks(CHUNK) {
                    decoder.feed(chunk, false, &mut |_| seen += 1);
                }
                decoder.feed(&[], true, &mut |_| seen += 1);
                black_box(seen)
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = recordings, captures
}
criterion_main!(benches);
