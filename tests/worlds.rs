//! Worlds with faults: whatever breaks, the accounts are right and the devices go on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use adit_driver::Settings;
use adit_lab::Item;
use adit_lab::world::{FaultSet, Outcome, WorldConfig, run};
use adit_protocol::devices::{DOWNSTREAM, Model, model, models};

const SEEDS: u64 = 200;

fn items(list: &[(&str, u16)]) -> Vec<Item> {
    let item = |&(key, count): &(&str, u16)| Item {
        model: model(key).unwrap(),
        count,
        settings: Settings::default(),
    };
    list.iter().map(item).collect()
}

/// Models with a driver and with a twin to drive.
fn driven() -> impl Iterator<Item = &'static Model> {
    let item = |model| Item { model, count: 1, settings: Settings::default() };
    models().chain([&DOWNSTREAM]).filter(move |model| {
        let item = item(model);
        item.machine(&item.detected(0, 0)).is_ok() && item.twin(0).is_ok()
    })
}

fn live(seed: u64, hours: f64, devices: Vec<Item>, faults: FaultSet) -> Outcome {
    let config = WorldConfig { seed, length: Duration::from_secs_f64(hours * 3_600.0), devices, faults };
    run(&config).unwrap_or_else(|broken| panic!("{broken}"))
}

/// Models with a nonce every second or so at most: an hour of theirs is cheap.
const CALM: f64 = 2e9;

/// Four devices, every calm model in its turn.
fn mixture(seed: u64) -> Vec<Item> {
    let keys: Vec<&str> = driven().filter(|model| model.nominal.0 < CALM).map(|model| model.key).collect();
    let key = |offset: u64| keys[((seed * 4 + offset) % keys.len() as u64) as usize];
    (0..4).flat_map(|offset| items(&[(key(offset), 1)])).collect()
}

#[test]
fn two_hundred_faulted_hours_break_no_law() {
    let next = AtomicU64::new(1);
    let one = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed > SEEDS {
            return;
        }
        let outcome = live(seed, 1.0, mixture(seed), FaultSet::all());
        let (faults, kinds) =
            (outcome.faults.values().sum::<u64>(), outcome.faults.values().filter(|n| **n > 0).count());
        assert!(
            faults >= 20 && kinds >= 5,
            "seed {seed}: {faults} faults of {kinds} kinds: {:?}",
            outcome.faults
        );
        for device in &outcome.devices {
            assert!(device.accepted > 0, "seed {seed}: {device:?}");
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(one)).collect();
        workers.into_iter().for_each(|worker| worker.join().expect("a world broke a law, see above"));
    });
}

#[test]
fn fast_devices_break_no_law_either() {
    for (seed, key) in (1..).zip(["antminer-u3", "rbox", "rockminer-t1", "compac", "2pac", "terminus"]) {
        let outcome = live(seed, 0.25, items(&[(key, 1), ("icarus", 1)]), FaultSet::all());
        assert!(outcome.devices.iter().all(|device| device.nonces > 0), "{:?}", outcome.devices);
    }
}

/// Settings with which a simulated device costs a computer little: chains report seldom and easily.
fn cheap(model: &Model) -> Settings {
    let mut settings = Settings::default();
    if model.driver == "bm13xx" {
        settings.set("target-difficulty", "4.656612873077392578125e-10");
        settings.set("ticket-difficulty", "256");
    }
    if model.connects() {
        settings.set("hashrate", "5e9");
    }
    settings
}

#[test]
fn chains_break_no_law_when_chips_fall_off_and_supplies_fail() {
    for seed in 1..3 {
        let mut devices = Vec::new();
        for (key, chips) in [("bm1362-chain", "12"), ("bm1370-chain", "4"), ("bm1397-chain", "1")] {
            let model = model(key).unwrap();
            let mut settings = cheap(model);
            settings.set("chips", chips);
            devices.push(Item { model, count: 1, settings });
        }
        let outcome = live(seed, 0.2, devices, FaultSet::all());
        assert!(outcome.faults.values().sum::<u64>() >= 3, "seed {seed}: {:?}", outcome.faults);
        assert!(outcome.devices.iter().all(|device| device.accepted > 50), "{:?}", outcome.devices);
    }
}

#[test]
fn sticks_break_no_law_when_they_are_reset_and_their_controllers_fail() {
    for (seed, keys) in (1..).zip([["compac-f", "newpac"], ["compac-a1", "r909"], ["compac-a2", "r606"]]) {
        let item = |key| {
            let model = model(key).unwrap();
            let mut settings = Settings::default();
            settings.set("target-difficulty", (1.0 / f64::from(1 << 30)).to_string());
            Item { model, count: 1, settings }
        };
        let outcome = live(seed, 0.4, keys.map(item).into(), FaultSet::all());
        assert!(outcome.faults.values().sum::<u64>() >= 3, "seed {seed}: {:?}", outcome.faults);
        assert!(outcome.devices.iter().all(|device| device.accepted > 50), "{:?}", outcome.devices);
    }
}

#[test]
fn boards_break_no_law_when_their_parts_fail() {
    for (seed, keys) in (1..).zip([
        &[("bitaxe-gamma", 1), ("emberone00", 1)][..],
        &[("bitaxe-max", 1), ("bitaxe-ultra", 1), ("bitaxe-supra", 1)],
        &[("bitaxe-hex", 1), ("bitaxe-gamma-turbo", 1)],
    ]) {
        let outcome = live(seed, 0.5, items(keys), FaultSet::all());
        assert!(outcome.faults.values().sum::<u64>() >= 8, "seed {seed}: {:?}", outcome.faults);
        assert!(outcome.devices.iter().all(|device| device.accepted > 100), "{:?}", outcome.devices);
    }
}

#[test]
fn hash_boards_break_no_law_when_supply_and_chips_fail() {
    for seed in 1..3 {
        let mut devices = items(&[("bitcrane3", 1)]);
        devices[0].settings.set("chips", "8");
        let outcome = live(seed, 0.5, devices, FaultSet::all());
        assert!(outcome.devices.iter().all(|device| device.accepted > 100), "{:?}", outcome.devices);
    }
}

/// Shares are refused for what pools do: refusals on purpose, difficulties that jump, blocks found while nobody was heard.
#[test]
fn what_breaks_in_a_board_costs_no_share() {
    let faults = "brown_out,late_nonce,wrong_work_id,false_nonce,duplicate_nonce,lost_chip,regulator_fault,\
                  late_reply,lost_reply,firmware_restart,nak,hot_sensor,dead_fan,baud_mismatch,stall";
    let outcome = live(3, 1.0, items(&[("bitaxe-gamma", 2)]), faults.parse().unwrap());
    for device in &outcome.devices {
        // One or two may meet a new block on their way.
        assert!(device.accepted > 1_000 && device.rejected <= 2, "{device:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_digest_and_another_seed_another() {
    let world = |seed| live(seed, 1.0, items(&[("icarus", 2), ("antminer-u2", 1)]), FaultSet::all()).digest;
    assert_eq!(world(7), world(7));
    assert_ne!(world(7), world(8));
}

#[test]
fn ten_hours_of_faults_cost_only_the_time_out_of_service() {
    let devices = items(&[("icarus", 4), ("block-erupter", 4), ("antminer-u2", 2)]);
    let outcome = live(7, 10.0, devices, FaultSet::all());
    for device in &outcome.devices {
        assert!(device.accepted >= 20, "{device:?}");
        assert!(device.sigmas() <= 4.0, "{:.2} sigma: {device:?}", device.sigmas());
    }
}

#[test]
fn what_is_expected_follows_a_difficulty_that_jumps() {
    let mut settings = Settings::default();
    settings.set("chips", "1");
    let devices = vec![Item { model: model("bm1397-chain").unwrap(), count: 1, settings }];
    let outcome = live(5, 0.5, devices, "difficulty_jump".parse().unwrap());
    assert!(outcome.faults["difficulty_jump"] >= 1, "{:?}", outcome.faults);
    for device in &outcome.devices {
        assert!(device.sigmas() <= 4.0, "{:.2} sigma: {device:?}", device.sigmas());
    }
}

#[test]
fn a_world_without_faults_keeps_every_device_busy() {
    // Faster ones take a computer long; the conformance suite holds each of them to its promise.
    let shown = driven().filter(|model| model.nominal.0 < 60e9 || model.key == "bm1370-chain");
    let devices = shown.map(|model| Item { model, count: 1, settings: cheap(model) }).collect();
    let outcome = live(1, 0.1, devices, FaultSet::default());
    for device in &outcome.devices {
        assert!(device.out_of_service_s < 0.05 * 360.0, "{device:?}");
        assert!(device.sigmas() <= 4.0, "{:.2} sigma: {device:?}", device.sigmas());
        assert_eq!(
            (device.rejected, device.hardware_errors, device.faults_reported),
            (0, 0, 0),
            "{device:?}"
        );
    }
}
