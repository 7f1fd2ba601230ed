//! What 1,000 devices cost: a sample on the task that mines, everything else on the thread of telemetry.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use adit_core::{Core, Policy};
use adit_driver::{Capability, Detected, DeviceKey, Event, Quantity, Reach, Reading, Report};
use adit_protocol::devices::{UsbIdentity, model};
use adit_protocol::pow::Target;
use adit_protocol::units::HashRate;
use adit_protocol::wire::Micros;
use adit_telemetry::{Clock, Ledger, PoolFacts, Sampler};
use criterion::{Criterion, criterion_group, criterion_main};

const DEVICES: u32 = 1_000;

/// A core with 1,000 sticks that are ready and have told their temperature and clock.
fn core() -> Core {
    let mut core = Core::new(Policy::default(), 2);
    let now = Micros::from_secs(1);
    for number in 0..DEVICES {
        let serial = format!("S{number}");
        let usb = UsbIdentity { serial: Some(serial.clone()), ..UsbIdentity::default() };
        let detected = Detected {
            location: format!("serial:/dev/ttyUSB{number}"),
            socket: Some(format!("1-{number}")),
            usb: Some(usb),
            candidates: vec![model("block-erupter").unwrap()],
            chosen: false,
        };
        let device = core.attach(now, &detected);
        assert_eq!(device, DeviceKey(number));
        core.on_report(now, device, Report::Up);
        let capability = Capability {
            reach: Reach::NONCE,
            room: 1,
            memory: 2,
            whole_jobs: false,
            report_target: Target::ONE,
            hashes_per_nonce: 4_294_967_296.0,
            nominal: HashRate::from_mhs(336.0),
            eased: false,
        };
        core.on_report(now, device, Report::Event(Event::Ready(capability)));
        for (quantity, value) in [(Quantity::TemperatureCelsius, 41.5), (Quantity::ClockHertz, 2e8)] {
            let reading = Reading { value: Ok(value), at: now };
            core.on_report(now, device, Report::Event(Event::Measured { unit: 0, quantity, reading }));
        }
    }
    while core.next_effect().is_some() {}
    core
}

fn thousand(c: &mut Criterion) {
    let core = core();
    let facts = |port: u16| PoolFacts {
        place: format!("pool.example:{port}"),
        url: format!("stratum+tcp://pool.example:{port}"),
        user: "u".to_owned(),
    };
    let mut ledger = Ledger::new(Clock { zero_unix_s: 1.8e9 }, vec![facts(1), facts(2)], None);
    let mut sampler = Sampler::default();
    let mut now = Micros::from_secs(2);
    for _ in 0..1_000 {
        now = now + Duration::from_secs(1);
        ledger.take(Arc::new(sampler.take(&core, now)));
    }
    c.bench_function("sample of 1,000 devices, on the task that mines", |b| {
        b.iter(|| black_box(sampler.take(&core, black_box(now))));
    });
    let sample = Arc::new(sampler.take(&core, now));
    c.bench_function("enter it in the ledger", |b| {
        b.iter(|| ledger.take(Arc::clone(black_box(&sample))));
    });
    c.bench_function("snapshot of it", |b| {
        b.iter(|| {
            ledger.take(Arc::clone(&sample));
            black_box(ledger.snapshot())
        });
    });
    let snapshot = ledger.snapshot();
    c.bench_function("page of metrics of it", |b| b.iter(|| black_box(snapshot.openmetrics())));
    println!("metrics: {} bytes", snapshot.openmetrics().len());
}

criterion_group!(benches, thousand);
criterion_main!(benches);
