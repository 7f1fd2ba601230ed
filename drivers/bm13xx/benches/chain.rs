//! What a nonce of a long chain costs its driver: `cargo bench -p adit-driver-bm13xx`.
//!
//! 65 BM1370 at 525 MHz and ticket difficulty 256 report 63 nonces a second.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark has no readers but its figures"
)]

use adit_driver::words::work;
use adit_driver::{Action, Detected, Input, Machine, Reply, Ruling, Settings, Verdict};
use adit_driver_bm13xx::DRIVER;
use adit_protocol::bm13xx::{
    Codec, Command, Frame, Generation, Identity, NonceAnswer, Register, RegisterAnswer, To,
};
use adit_protocol::devices::model;
use adit_protocol::pow::Header;
use adit_protocol::wire::{Codec as _, Micros, Port, Side, Step};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const CHIPS: u16 = 65;

/// A machine that mines on 65 chips which answer as they should.
fn at_work() -> (Box<dyn Machine>, Micros) {
    let detected = Detected {
        location: "serial:./chain".into(),
        socket: None,
        usb: None,
        candidates: vec![model("bm1370-chain").unwrap()],
        chosen: true,
    };
    let mut settings = Settings::default();
    for (key, value) in [("chips", "65"), ("ticket-difficulty", "256"), ("ramp-step", "1")] {
        settings.set(key, value);
    }
    let mut machine = (DRIVER.start)(&detected, settings).unwrap();
    let (mut now, mut addresses) = (Micros(0), Vec::new());
    machine.on_input(now, Input::LinkUp);
    while now < Micros::from_secs(10) {
        while let Some(action) = machine.next_action() {
            if let Some(token) = action.token() {
                machine.on_input(now, Input::Done { token, result: Ok(Reply::Complete) });
            }
            if let Action::Write { bytes, .. } = action {
                let said = answers(&bytes, &mut addresses);
                if !said.is_empty() {
                    machine.on_input(now, Input::Bytes { port: Port(0), bytes: &said });
                }
            }
        }
        now = machine.deadline().unwrap().max(now);
        machine.on_input(now, Input::Timer);
    }
    let header = Header::from_bytes(&[7; 80]);
    machine.on_input(now, Input::Work(work(1, header)));
    while machine.next_action().is_some() {}
    (machine, now)
}

fn answers(bytes: &[u8], addresses: &mut Vec<u8>) -> Vec<u8> {
    let mut codec = Codec::new(Generation::V2, Side::Host);
    let mut said = Vec::new();
    let Step::Frame { frame, .. } = codec.decode(bytes, true) else { panic!("{bytes:02x?}") };
    match frame {
        Frame::Command(Command::SetAddress(address)) => addresses.push(address),
        Frame::Command(Command::Read { to: To::All, register: Register::CHIP_ID }) => {
            for index in 0..CHIPS {
                let address = addresses.get(usize::from(index)).copied().unwrap_or(0);
                let value = Identity { id: 0x1370, cores: 0, address }.bits();
                let answer =
                    RegisterAnswer { value, chip: address, register: Register::CHIP_ID, extra: Some(0) };
                codec.encode(&Frame::Register(answer), &mut said);
            }
        }
        _ => {}
    }
    said
}

fn nonce(criterion: &mut Criterion) {
    let (mut machine, now) = at_work();
    let codec = Codec::new(Generation::V2, Side::Host);
    let (mut bytes, mut seq) = (Vec::with_capacity(16), 0_u64);
    let mut group = criterion.benchmark_group("bm13xx/chain");
    group.throughput(Throughput::Elements(1));
    group.bench_function("nonce_and_ruling_of_65_chips", |bencher| {
        bencher.iter(|| {
            bytes.clear();
            let nonce = (seq as u32).wrapping_mul(0x9e37_79b9).to_be_bytes();
            let answer = NonceAnswer { nonce, detail: 0, id: 0, version: Some(seq as u16) };
            codec.encode(&Frame::Nonce(answer), &mut bytes);
            machine.on_input(now, Input::Bytes { port: Port(0), bytes: &bytes });
            let found = machine.next_action();
            machine.on_input(
                now,
                Input::Ruling(Ruling { seq, claim: Some(0), verdict: Verdict::Share, difficulty: 300.0 }),
            );
            seq += 1;
            found
        });
    });
}

criterion_group!(benches, nonce);
criterion_main!(benches);
