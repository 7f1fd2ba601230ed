//! From a core at work to what is shown of it.

use adit_core::RejectKind;
use adit_driver::{Event as Said, Fault, Introduction, LinkError, NoData, Quantity, Reading};

use crate::event::{Event, Kind};
use crate::reading::Missing;
use crate::snapshot::{DeviceState, PoolState};
use crate::testing::{Rig, ZERO, share_difficulty};

fn kinds(rig: &Rig) -> Vec<Kind> {
    rig.board.ledger().events_after(0).map(|event| event.kind).collect()
}

fn last(rig: &Rig) -> Event {
    rig.board.ledger().events_before(u64::MAX).next().unwrap().clone()
}

#[test]
fn before_the_first_sample_everything_is_unknown_and_nothing_is_zero_by_guess() {
    let rig = Rig::new();
    let snapshot = rig.snapshot();
    assert_eq!(snapshot.summary.hardware_error_ratio, None);
    assert_eq!(snapshot.summary.best_difficulty_session, None);
    assert!(snapshot.summary.hashrate.iter().all(|window| window.hashrate_hs.is_none()));
    assert_eq!(snapshot.summary.power_watts.missing, Some(Missing::NotYet));
    assert_eq!(snapshot.summary.troubles[0].what, "no device is there to mine with");
}

#[test]
fn what_a_miner_calls_itself_stands_in_its_row_while_it_is_there() {
    let mut rig = Rig::new();
    let miner = rig.stick("block-erupter", "A");
    let hostile = Introduction::new("bitaxe/BM1370\u{1b}[2J", "rig,1|Name=x");
    rig.event(miner, Said::Introduced(hostile));
    rig.sample();
    let row = rig.snapshot().devices[0].clone();
    assert_eq!(
        (row.agent.as_deref(), row.worker.as_deref()),
        (Some("bitaxe/BM1370[2J"), Some("rig,1|Name=x"))
    );
    rig.fail(miner, Fault::Link(LinkError::Gone));
    rig.sample();
    assert_eq!(
        (rig.snapshot().devices[0].agent.clone(), rig.snapshot().devices[0].worker.clone()),
        (None, None)
    );
}

#[test]
fn a_minute_of_work_shows_rates_shares_and_difficulty() {
    let mut rig = Rig::new();
    let (a, b) = (rig.stick("block-erupter", "A"), rig.stick("icarus", "B"));
    rig.minute(&[a, b]);
    let snapshot = rig.snapshot();
    let summary = &snapshot.summary;
    assert_eq!((summary.devices.total, summary.devices.hashing), (2, 2));
    assert_eq!((summary.nonces.received, summary.nonces.share, summary.shares.accepted), (120, 120, 120));
    let accepted = summary.shares.accepted_difficulty / share_difficulty();
    assert!((accepted - 120.0).abs() < 1e-6, "{accepted}");
    let minute = &summary.hashrate[1];
    let rate = minute.hashrate_hs.unwrap() / 4_294_967_296.0;
    assert!((rate - 2.0).abs() < 0.1, "{minute:?}");
    assert!(minute.certain && (0.08..0.1).contains(&minute.deviation_ratio.unwrap()), "{minute:?}");
    assert_eq!(summary.at_unix_s, ZERO.zero_unix_s + 70.0);
    assert!(summary.eased);
    let pool = &snapshot.pools[0];
    assert_eq!(
        (pool.pool.as_str(), pool.state, pool.latency_s),
        ("pool.example:3333", PoolState::Working, Some(0.04))
    );
    assert_eq!(pool.latencies[2].answers, 120, "{:?}", pool.latencies);
    assert_eq!(snapshot.pools[1].state, PoolState::Down);
    let device = &snapshot.devices[0];
    assert_eq!((device.name.as_str(), device.id.as_str()), ("block-erupter-1", "block-erupter:A"));
    assert_eq!(device.units.len(), 1);
    assert_eq!(device.trouble, None);
    assert!(device.best_difficulty.unwrap() >= share_difficulty());
}

#[test]
fn wrong_nonces_are_counted_and_become_a_trouble() {
    let mut rig = Rig::new();
    let device = rig.stick("icarus", "A");
    for _ in 0..49 {
        rig.nonce(device, false);
        rig.wrong(device);
        rig.second();
    }
    let snapshot = rig.snapshot();
    assert_eq!(snapshot.devices[0].hardware_error_ratio, Some(0.5));
    assert_eq!(snapshot.devices[0].nonces.below_share, 49);
    assert!(snapshot.summary.troubles[0].what.starts_with("50.0 % of its nonces are wrong"));
}

#[test]
fn a_reading_that_is_missing_says_why_and_what_was_never_reported_is_not_fitted() {
    let mut rig = Rig::new();
    let device = rig.stick("icarus", "A");
    let measured =
        |unit, quantity, value, at| Said::Measured { unit, quantity, reading: Reading { value, at } };
    let at = rig.now;
    rig.event(device, measured(0, Quantity::TemperatureCelsius, Ok(41.5), at));
    rig.event(device, measured(1, Quantity::TemperatureCelsius, Err(NoData::Timeout), at));
    rig.event(device, measured(1, Quantity::PowerWatts, Ok(f64::INFINITY), at));
    rig.second();
    let snapshot = rig.snapshot();
    let shown = &snapshot.devices[0];
    assert_eq!((shown.temperature_celsius.value, shown.temperature_celsius.age_s), (Some(41.5), Some(1.0)));
    assert_eq!(shown.fan_rpm.missing, Some(Missing::NotFitted));
    assert_eq!(shown.power_watts.missing, Some(Missing::Implausible));
    assert_eq!(shown.units[1].readings["temperature_celsius"].missing, Some(Missing::Timeout));
    rig.fail(device, Fault::Silent { seconds: 60 });
    rig.sample();
    assert_eq!(rig.snapshot().devices[0].temperature_celsius.missing, Some(Missing::Off));
}

#[test]
fn plug_fault_recovery_and_unplug_are_one_event_each_with_a_sentence() {
    let mut rig = Rig::new();
    let device = rig.stick("icarus", "A");
    let kinds = kinds(&rig);
    assert_eq!(kinds[kinds.len() - 3..], [Kind::PoolChanged, Kind::DevicePlugged, Kind::DeviceHashing]);
    assert_eq!(last(&rig).sentence, "icarus-1 (serial:/dev/ttyA) is hashing");
    rig.fail(device, Fault::Silent { seconds: 60 });
    assert_eq!(last(&rig).kind, Kind::DeviceFault);
    assert_eq!(last(&rig).sentence, "icarus-1: silent for 60 s; trying again in 1 s");
    rig.second();
    let shown = rig.snapshot();
    assert_eq!(shown.devices[0].faults, 1);
    rig.ready(device);
    assert_eq!((last(&rig).kind, last(&rig).device.as_deref()), (Kind::DeviceRecovered, Some("icarus-1")));
    rig.fail(device, LinkError::Gone.into());
    assert_eq!(last(&rig).kind, Kind::DeviceUnplugged);
    rig.sample();
    let shown = rig.snapshot();
    assert_eq!(shown.devices[0].state, DeviceState::Away);
    assert_eq!(shown.devices[0].trouble.as_ref().unwrap().what, "the device was unplugged");
    for _ in 0..61 {
        rig.second();
    }
    assert_eq!(last(&rig).kind, Kind::DeviceLeft);
}

#[test]
fn a_flood_of_refused_shares_is_one_event_and_many_rows() {
    let mut rig = Rig::new();
    let device = rig.stick("icarus", "A");
    for _ in 0..5 {
        rig.nonce(device, true);
        rig.refuse(RejectKind::LowDifficulty, "difficulty too low");
    }
    assert_eq!(kinds(&rig).iter().filter(|kind| **kind == Kind::ShareRejected).count(), 1);
    assert_eq!(last(&rig).sentence, "a share of icarus-1 was refused: difficulty too low");
    let ledger = rig.board.ledger();
    let rows: Vec<_> = ledger.shares_before(u64::MAX).collect();
    assert_eq!((rows.len(), rows[0].id), (5, 5));
    assert_eq!(rows[0].reason.as_deref(), Some("low_difficulty"));
    assert_eq!((rows[0].pool_difficulty, rows[0].latency_s), (share_difficulty(), Some(0.04)));
}

#[test]
fn the_best_of_all_runs_is_kept_and_beating_it_is_an_event() {
    let mut rig = Rig::with_best(Some(share_difficulty()));
    let device = rig.stick("icarus", "A");
    rig.nonce(device, false);
    rig.second();
    assert_eq!(rig.snapshot().summary.best_difficulty_ever, Some(share_difficulty()));
    assert!(!kinds(&rig).contains(&Kind::BestDifficulty));
    rig.nonce(device, true);
    rig.second();
    assert_eq!(last(&rig).kind, Kind::BestDifficulty);
    let summary = rig.snapshot().summary.clone();
    assert_eq!(summary.best_difficulty_ever, summary.best_difficulty_session);
}

#[test]
fn two_sticks_with_the_same_serial_number_have_two_ids() {
    let mut rig = Rig::new();
    rig.stick("icarus", "0001");
    rig.stick("block-erupter", "0001");
    rig.sample();
    let ids: Vec<_> = rig.snapshot().devices.iter().map(|device| device.id.clone()).collect();
    assert_eq!(ids, ["icarus:0001", "block-erupter:0001"]);
}

#[test]
fn events_that_were_lost_are_counted_and_said() {
    let rig = Rig::new();
    rig.board.ledger().lost(rig.now, 7);
    assert_eq!(rig.snapshot().summary.events_dropped, 7);
    assert_eq!(last(&rig).kind, Kind::EventsDropped);
}

#[test]
fn a_device_that_fails_over_and_over_is_in_trouble_also_while_it_works() {
    let mut rig = Rig::new();
    let device = rig.stick("icarus", "A");
    for _ in 0..3 {
        assert_eq!(rig.snapshot().devices[0].trouble, None);
        rig.fail(device, Fault::HardwareErrors { errors: 12, nonces: 16 });
        for _ in 0..8 {
            rig.second();
        }
        rig.ready(device);
        rig.sample();
    }
    let shown = rig.snapshot();
    assert_eq!(shown.devices[0].state, DeviceState::Hashing);
    let trouble = shown.devices[0].trouble.clone().unwrap();
    assert_eq!(trouble.what, "it keeps failing: 12 of the last 16 nonces are wrong");
    for _ in 0..600 {
        rig.second();
    }
    assert_eq!(rig.snapshot().devices[0].trouble, None);
}

#[test]
fn pools_at_one_place_have_two_names_and_a_disabled_one_is_no_trouble() {
    let mut rig = Rig::with(None, [("pool.example:3333", "a"), ("pool.example:3333", "b")]);
    rig.core.enable_pool(rig.now, adit_driver::PoolKey(1), false);
    rig.drain();
    rig.second();
    let shown = rig.snapshot();
    let names: Vec<_> = shown.pools.iter().map(|pool| pool.pool.as_str()).collect();
    assert_eq!(names, ["pool.example:3333", "pool.example:3333#2"]);
    assert_eq!(shown.pools[1].state, PoolState::Disabled);
    assert!(
        shown
            .summary
            .troubles
            .iter()
            .all(|trouble| trouble.subject.as_deref() != Some("pool.example:3333#2"))
    );
}
