//! The same input every time, to be counted by `valgrind --tool=callgrind`: see `.ci/instructions`.
//!
//! `instructions SECTION ROUNDS` does one thing so often. The difference of two runs is what one round costs, start-up left out.
#![allow(missing_docs, reason = "a program for a tool")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark is a test")]

mod fixture;

use std::hint::black_box;

use adit_core::PoolInput;
use adit_driver::{DeviceKey, PoolKey};
use adit_protocol::bm13xx::{self, Generation};
use adit_protocol::icarus::{self, Dialect};
use adit_protocol::stratum::{Message, ServerCall};
use adit_protocol::wire::{Codec, Micros, Side, Step};

use fixture::{busy_core, core, drain, job, report};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let [section, rounds] = words.as_slice() else {
        return println!("instructions verify|work|icarus|bm13xx|stratum ROUNDS");
    };
    let rounds = rounds.parse().expect("a number of rounds");
    match section.as_str() {
        "verify" => verify(rounds),
        "work" => work(rounds),
        "icarus" => icarus(rounds),
        "bm13xx" => bm13xx(rounds),
        "stratum" => stratum(rounds),
        other => panic!("no section {other}"),
    }
}

/// A round: a nonce with a rolled version, from report to ruling.
fn verify(rounds: u64) {
    let (mut core, works) = busy_core(16);
    for seq in 0..rounds {
        core.on_report(Micros(seq), DeviceKey(0), report(&works, seq));
        while let Some(effect) = core.next_effect() {
            black_box(&effect);
        }
    }
    core.assert_conserved();
}

/// A round: a new block, and a work for each of 100 devices.
fn work(rounds: u64) {
    let mut core = core(100, 0);
    for round in 0..rounds {
        core.on_pool(Micros(round), PoolKey(0), PoolInput::Job(job(round)));
        assert_eq!(drain(&mut core).len(), 100);
    }
}

/// A round: a job encoded and read back, and a nonce read.
fn icarus(rounds: u64) {
    let host = icarus::Codec::new(Dialect::Icarus, Side::Device);
    let device = icarus::Codec::new(Dialect::Icarus, Side::Host);
    let job = icarus::Frame::Job(icarus::golden::BLOCK_171874.job());
    frames(rounds, host, device, &job, &[0x00, 0x01, 0x87, 0xa2]);
}

/// A round: a command encoded and read back, and an answer with its checksum read.
fn bm13xx(rounds: u64) {
    let host = bm13xx::Codec::new(Generation::V1, Side::Device);
    let device = bm13xx::Codec::new(Generation::V1, Side::Host);
    let command = bm13xx::Frame::Command(bm13xx::Command::SetAddress(4));
    // A register answer of a BM1397 (`docs/protocols/bm13xx.md`): chip id 1397.
    frames(rounds, host, device, &command, &[0xaa, 0x55, 0x13, 0x97, 0x18, 0x00, 0x00, 0x00, 0x06]);
}

fn frames<C: Codec>(rounds: u64, host: C, device: C, frame: &C::Frame, answer: &[u8]) {
    let (mut host, mut device) = (host, device);
    let mut bytes = Vec::new();
    for _ in 0..rounds {
        bytes.clear();
        host.encode(black_box(frame), &mut bytes);
        assert!(matches!(device.decode(&bytes, true), Step::Frame { .. }), "it cannot read its own frame");
        assert!(
            matches!(host.decode(black_box(answer), true), Step::Frame { .. }),
            "it cannot read an answer"
        );
    }
}

/// A round: a job as a pool announces it, read.
fn stratum(rounds: u64) {
    let branch = vec![format!("\"{}\"", "04".repeat(32)); 12].join(",");
    let line = format!(
        "{{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"6f\",\"{}\",\"{}\",\"{}\",[{branch}],\"20000000\",\
         \"1701cdfb\",\"6553f100\",true]}}",
        "05".repeat(32),
        "01".repeat(60),
        "02".repeat(230)
    );
    for _ in 0..rounds {
        let read = Message::<ServerCall>::decode(black_box(&line));
        assert!(matches!(read, Ok(Message::Call { call: ServerCall::Notify(_), .. })), "{read:?}");
    }
}
