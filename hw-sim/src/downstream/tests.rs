#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use adit_protocol::devices::DOWNSTREAM;
use adit_protocol::wire::{Line, Micros, Port};

use crate::pool::{Conn, Pool, PoolInput, PoolOrder, PoolOutput, PoolSettings, Quirk, VersionBits};
use crate::{Build, DeviceFault, DeviceInput, DeviceOutput, SimDevice, start};

/// A miner and a simulated pool, without a wire between them.
struct Pair {
    miner: Box<dyn SimDevice>,
    pool: Pool,
    now: Micros,
    conn: u64,
}

impl Pair {
    fn new(settings: &[(&str, &str)], pool: PoolSettings) -> Self {
        let settings = settings.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let build = Build { seed: 5, target_difficulty: Some(1.0 / f64::from(1 << 24)), settings };
        let mut pair = Self {
            miner: start(&DOWNSTREAM, &build).unwrap(),
            pool: Pool::new(pool, 7).unwrap(),
            now: Micros(0),
            conn: 1,
        };
        pair.pool.on_input(pair.now, PoolInput::Connected(Conn(1)));
        pair.tell(DeviceInput::PowerOn);
        pair
    }

    fn tell(&mut self, input: DeviceInput<'_>) {
        self.miner.on_input(self.now, input);
        self.carry();
    }

    fn carry(&mut self) {
        loop {
            if let Some(DeviceOutput::Bytes { bytes, .. }) = self.miner.next_output() {
                self.pool.on_input(self.now, PoolInput::Bytes { conn: Conn(self.conn), bytes: &bytes });
            } else if let Some(output) = self.pool.next_output() {
                if let PoolOutput::Send { bytes, .. } = output {
                    let input = DeviceInput::Bytes { port: Port(0), bytes: &bytes };
                    self.miner.on_input(self.now, input);
                }
            } else {
                return;
            }
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) =
            self.miner.deadline().into_iter().chain(self.pool.deadline()).min().filter(|at| *at < end)
        {
            self.now = self.now.max(at);
            if self.pool.deadline().is_some_and(|at| at <= self.now) {
                self.pool.on_input(self.now, PoolInput::Timer);
            }
            self.tell(DeviceInput::Timer);
        }
        self.now = end;
    }

    /// Shares that the pool took, and those it did not.
    fn counts(&self) -> (u64, u64) {
        let counts = &self.pool.tally().total;
        (counts.accepted, counts.rejected_total())
    }
}

/// One share in about 8 s from 5 GH/s.
fn pool() -> PoolSettings {
    PoolSettings { difficulty: 10.0 / f64::from(1 << 24), ..PoolSettings::default() }
}

#[test]
fn every_share_of_an_hour_is_one_and_they_come_at_the_rate_that_was_set() {
    for settings in
        [&[][..], &[("version-rolling", "off")], &[("agent", "cgminer/4.11.1"), ("hashrate", "2e9")]]
    {
        let mut pair = Pair::new(settings, pool());
        pair.run(Duration::from_secs(3_600));
        let (accepted, rejected) = pair.counts();
        let truth = pair.miner.truth();
        assert_eq!((accepted, rejected), (truth.nonces, 0));
        let expected = truth.hashes / 10.0 / 4_294_967_296.0;
        assert!((accepted as f64 - expected).abs() < 4.0 * expected.sqrt(), "{accepted} of {expected}");
        assert!(truth.hashes > 1.9e9 * 3_600.0, "{truth:?}");
    }
}

#[test]
fn it_understands_every_habit_of_pools_that_concerns_a_miner() {
    let quirks = [
        Quirk::RepeatJobId,
        Quirk::EmptyBranch,
        Quirk::RolledBase,
        Quirk::HugeNotify,
        Quirk::AlwaysClean,
        Quirk::RotateExtranonce,
    ];
    for quirk in quirks {
        let quirks = [quirk].into_iter().collect();
        let settings = PoolSettings { quirks, version_bits: VersionBits::Xor, ..pool() };
        let mut pair = Pair::new(&[], settings);
        pair.run(Duration::from_secs(600));
        let (accepted, rejected) = pair.counts();
        assert!(accepted > 20 && rejected == 0, "{quirk:?}: {accepted} taken, {rejected} not");
    }
}

#[test]
fn a_new_difficulty_holds_for_the_jobs_after_it() {
    let mut pair = Pair::new(&[], pool());
    pair.run(Duration::from_secs(100));
    for factor in [8.0, 1.0, 0.5] {
        let order = PoolOrder::Difficulty(factor * pool().difficulty);
        pair.pool.on_input(pair.now, PoolInput::Order(order));
        pair.carry();
        pair.run(Duration::from_secs(600));
    }
    assert_eq!(pair.counts().1, 0);
}

#[test]
fn faults_show_as_what_they_are_and_it_goes_on() {
    for (fault, rejected) in [
        (DeviceFault::FalseNonce, 1),
        (DeviceFault::WrongWorkId, 1),
        (DeviceFault::DuplicateNonce, 1),
        (DeviceFault::LateNonce, 0),
        (DeviceFault::Stall, 0),
        (DeviceFault::BrownOut, 0),
    ] {
        let mut pair = Pair::new(&[], pool());
        pair.run(Duration::from_secs(300));
        if fault == DeviceFault::BrownOut {
            pair.pool.on_input(pair.now, PoolInput::Closed(Conn(1)));
            pair.pool.on_input(pair.now, PoolInput::Connected(Conn(2)));
            pair.conn = 2;
        }
        pair.tell(DeviceInput::Fault(fault));
        let before = pair.counts().0;
        pair.run(Duration::from_secs(600));
        let (accepted, refused) = pair.counts();
        assert_eq!(refused, rejected, "{fault:?}");
        assert!(accepted > before + 20, "{fault:?}");
    }
}

#[test]
fn garbage_of_the_pool_harms_nothing_and_a_pool_that_is_silent_is_greeted_again() {
    let mut pair = Pair::new(&[], pool());
    for garbage in [
        &b"\xff\xfe\n[]\n{}\n"[..],
        b"{\"id\":null,\"method\":\"mining.notify\",\"params\":[]}\n",
        &[b'x'; 1_200_000],
    ] {
        pair.tell(DeviceInput::Bytes { port: Port(0), bytes: garbage });
    }
    pair.tell(DeviceInput::Bytes { port: Port(0), bytes: b"\n" });
    pair.run(Duration::from_secs(60));
    assert!(pair.counts().0 > 0);

    let mut alone = start(&DOWNSTREAM, &Build::default()).unwrap();
    alone.on_input(Micros(0), DeviceInput::PowerOn);
    let mut hellos = 0;
    for second in 1..=60 {
        alone.on_input(Micros::from_secs(second), DeviceInput::Timer);
        while let Some(DeviceOutput::Bytes { bytes, .. }) = alone.next_output() {
            hellos += u32::from(String::from_utf8_lossy(&bytes).contains("mining.subscribe"));
        }
    }
    assert_eq!(hellos, 13);
    alone.on_input(Micros::from_secs(61), DeviceInput::Line { port: Port(0), line: Line::at(9_600) });
    assert!(alone.next_output().is_some(), "somebody has opened the far end");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for (key, value) in [("hashrate", "0"), ("version-rolling", "maybe"), ("chips", "3")] {
        let build = Build { settings: vec![(key.into(), value.into())], ..Build::default() };
        assert!(start(&DOWNSTREAM, &build).is_err(), "{key}={value}");
    }
}
