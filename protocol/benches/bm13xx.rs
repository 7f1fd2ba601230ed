//! What a BM13xx frame costs to write and to read: `cargo bench -p adit-protocol --bench bm13xx`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark has no readers but its figures")]

use std::hint::black_box;

use adit_protocol::bm13xx::{
    Answers, Codec, Command, Frame, Generation, HeaderJob, Job, MidstateJob, Register,
};
use adit_protocol::hex;
use adit_protocol::pow::Header;
use adit_protocol::wire::{Codec as _, Side};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const HEADER: &str = "04000020fc102bd0ea11470daf05a8e133a8a8505e21a2122b7f010000000000000000006d0359c451434605c52a5a9c\
                      e074340be47c2c63840731f9edf1db3f26b1cdd9a9f16f643aae051747896e27";

fn encode(criterion: &mut Criterion) {
    let header = Header::from_bytes(&hex::decode_array(HEADER).unwrap());
    let versions = [header.version, 1, 2, 3];
    let midstates = MidstateJob::new(0x30, &header, &versions);
    let frames = [
        ("command", Frame::Command(Command::write_all(Register::PLL0, 0x40a8_0230))),
        ("full_header_job", Frame::Job(Job::Header(HeaderJob::new(0x30, header)))),
        ("four_midstate_job", Frame::Job(Job::Midstates(midstates))),
    ];
    let mut group = criterion.benchmark_group("bm13xx/encode");
    group.throughput(Throughput::Elements(1));
    let (codec, mut out) = (Codec::new(Generation::V2, Side::Host), Vec::with_capacity(256));
    for (name, frame) in frames {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                codec.encode(black_box(&frame), &mut out);
                out.len()
            });
        });
    }
    group.bench_function("four_midstates_from_header_and_job", |bencher| {
        bencher.iter(|| {
            out.clear();
            let job = MidstateJob::new(0x30, black_box(&header), &versions);
            codec.encode(&Frame::Job(Job::Midstates(job)), &mut out);
            out.len()
        });
    });
}

fn decode(criterion: &mut Criterion) {
    let inputs = [
        ("nonce", Side::Device, "aa551800a640029922f991"),
        ("register", Side::Device, "aa55137000000000000010"),
        ("command", Side::Host, "55aa51090014000000ff08"),
        (
            "full_header_job",
            Side::Host,
            "55aa21563001000000003aae0517a9f16f6426b1cdd9edf1db3f840731f9e47c2c63e074340bc52a5a9c514346056d0359c4000000\
             00000000002b7f01005e21a21233a8a850af05a8e1ea11470dfc102bd004000020cd76",
        ),
    ];
    let mut group = criterion.benchmark_group("bm13xx/decode");
    group.throughput(Throughput::Elements(1));
    for (name, side, text) in inputs {
        let bytes = hex::decode(text).unwrap();
        let mut codec = Codec::new(Generation::V2, side);
        codec.set_answers(Answers::Long);
        group.bench_function(name, |bencher| bencher.iter(|| codec.decode(black_box(&bytes), false)));
    }
}

criterion_group!(benches, encode, decode);
criterion_main!(benches);
