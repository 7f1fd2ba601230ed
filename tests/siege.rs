//! Pools in trouble all day.

use std::time::Duration;

use adit_core::Strategy;
use adit_driver::Settings;
use adit_lab::Item;
use adit_lab::world::{FaultSet, SiegeOutcome, WorldConfig, besiege};
use adit_protocol::devices::model;

fn siege(seed: u64, hours: u64, strategy: Strategy) -> SiegeOutcome {
    let item = |key| Item { model: model(key).unwrap(), count: 1, settings: Settings::default() };
    let devices = vec![item("block-erupter"), item("icarus")];
    let length = Duration::from_secs(hours * 3_600);
    let config = WorldConfig { seed, length, devices, faults: FaultSet::default() };
    let siege = besiege(&config, strategy).unwrap_or_else(|broken| panic!("{broken}"));
    let SiegeOutcome { troubles, jobs, submitted, lost, stale, without_pool, .. } = &siege;
    eprintln!(
        "{hours} h of {strategy:?}: {troubles:?}, {jobs} jobs, {submitted} shares ({lost} lost, {stale} stale), \
         {without_pool:?} without any pool"
    );
    for device in &siege.outcome.devices {
        // What is not searched while a pool works is the moment between two jobs.
        let idle = device.out_of_service_s - siege.without_pool.as_secs_f64();
        eprintln!(
            "  {}: {} nonces, {} accepted, {idle:.0} s lost",
            device.name, device.nonces, device.accepted
        );
        assert!(idle < 0.02 * length.as_secs_f64(), "{} searched too little: {idle} s lost", device.name);
    }
    siege
}

#[test]
fn a_day_of_trouble_at_every_pool_stops_no_device_while_a_pool_works() {
    let siege = siege(1, 24, Strategy::Failover);
    assert!(siege.troubles.values().all(|count| *count > 50), "{:?}", siege.troubles);
    assert!(siege.jobs > 80_000, "{} jobs", siege.jobs);
    assert!(siege.submitted > 1_000, "{} shares", siege.submitted);
    // A new block may meet a share on its way; those that waited while nobody was heard are not sent after it.
    assert!(siege.stale * 200 < siege.submitted, "{} of {} shares were stale", siege.stale, siege.submitted);
}

#[test]
fn trouble_stops_no_device_under_any_strategy() {
    let rotate = Strategy::Rotate { every: Duration::from_secs(300) };
    for (seed, strategy) in (10..).zip([rotate, Strategy::RoundRobin, Strategy::Quota, Strategy::Balance]) {
        siege(seed, 1, strategy);
    }
}
