use std::ops::RangeInclusive;

use adit_protocol::icarus::golden;
use adit_protocol::pow::{Midstate, Target};
use adit_protocol::wire::Micros;
use proptest::prelude::*;

use super::{Bank, Easing, Engine, Event, Task};

const FULL: RangeInclusive<u32> = 0..=u32::MAX;

fn eased(exponent: i32) -> Easing {
    Easing::new(Some(2_f64.powi(-exponent))).unwrap()
}

fn task(seed: u32) -> Task {
    let mut first = [0; 64];
    first[..4].copy_from_slice(&seed.to_be_bytes());
    Task { midstate: Midstate::new(&first), tail: *b"end of heade", known: None }
}

/// Lets an engine finish its task, waking it exactly when it asks for it.
fn finish(engine: &mut Engine) -> (Vec<(Micros, u32)>, Micros) {
    let mut hits = Vec::new();
    loop {
        let now = engine.deadline().expect("a running engine asks to be woken");
        engine.search(now);
        match engine.take(now) {
            Some(Event::Hit { counter }) => hits.push((now, counter)),
            Some(Event::End) => return (hits, now),
            None => {}
        }
    }
}

proptest! {
    #[test]
    fn every_hit_meets_the_target_lies_in_the_range_and_comes_when_the_counter_is_there(
        seed: u32, first: u32, length in 1_u32.., rate in 1e6..1e11, exponent in 18..=31_i32, start: u32,
    ) {
        let range = first..=first.saturating_add(length);
        let (easing, start) = (eased(exponent), Micros(u64::from(start)));
        let mut engine = Engine::new(range.clone(), rate, easing);
        engine.start(start, task(seed));
        let (hits, end) = finish(&mut engine);
        for (at, counter) in hits {
            prop_assert!(range.contains(&counter));
            prop_assert!(task(seed).is_met(&easing.target, counter));
            let due = f64::from(counter - first) / rate * 1e6;
            prop_assert!((at.since(start).as_micros() as f64 - due).abs() < 1.5, "{at} for {due}");
        }
        let whole = f64::from(range.end() - range.start()) + 1.0;
        prop_assert!((end.since(start).as_micros() as f64 - whole / rate * 1e6).abs() < 1.5);
        prop_assert_eq!(engine.hashes(end), whole);
    }

    #[test]
    fn how_often_an_engine_is_woken_changes_nothing_but_the_time_of_hearing(
        seed: u32, steps in prop::collection::vec(1_u64..2_000_000, 1..60),
    ) {
        let mut patient = Engine::new(FULL, 1e9, eased(20));
        patient.start(Micros(0), task(seed));
        let (expected, _) = finish(&mut patient);

        let mut nervous = Engine::new(FULL, 1e9, eased(20));
        nervous.start(Micros(0), task(seed));
        let (mut now, mut heard) = (Micros(0), Vec::new());
        for step in steps {
            now.0 += step;
            nervous.search(now);
            while let Some(Event::Hit { counter }) = nervous.take(now) {
                heard.push(counter);
            }
        }
        let by_now = expected.iter().filter(|(at, _)| *at <= now).map(|(_, counter)| *counter);
        prop_assert_eq!(heard, by_now.collect::<Vec<_>>());
    }
}

#[test]
fn an_eased_engine_finds_as_many_nonces_as_the_hardware_would() {
    for (exponent, jobs) in [(21, 300), (24, 3_000), (31, 10_000)] {
        let mut engine = Engine::new(FULL, 1e9, eased(exponent));
        let mut hits = 0.0;
        for seed in 0..jobs {
            engine.start(Micros(0), task(seed));
            hits += finish(&mut engine).0.len() as f64;
        }
        let expected = f64::from(jobs);
        assert!((hits - expected).abs() < 4.0 * expected.sqrt(), "2^-{exponent}: {hits} for {expected}");
    }
}

#[test]
fn hits_are_spread_over_the_whole_range() {
    let mut engine = Engine::new(FULL, 1e9, eased(24));
    let mut quarters = [0_u32; 4];
    for seed in 0..2_000 {
        engine.start(Micros(0), task(seed));
        finish(&mut engine).0.iter().for_each(|(_, counter)| quarters[(counter >> 30) as usize] += 1);
    }
    assert!(quarters.iter().all(|hits| (410..590).contains(hits)), "{quarters:?}"); // 500 ± 4 sigma
}

#[test]
fn an_honest_engine_finds_the_nonce_of_the_genesis_block_by_hashing() {
    let genesis = golden::GENESIS;
    let task = Task { midstate: genesis.midstate, tail: genesis.tail, known: None };
    let mut engine = Engine::new(0x1dac_0000..=0x1dac_ffff, 1e6, Easing::new(None).unwrap());
    engine.start(Micros(0), task);
    let (hits, _) = finish(&mut engine);
    assert_eq!(hits, [(Micros(0x2b7c), 0x1dac_2b7c)]);
}

#[test]
fn an_honest_engine_that_falls_behind_searches_in_bounded_slices() {
    let mut engine = Engine::new(FULL, 1e9, Easing::new(None).unwrap());
    engine.start(Micros(0), task(1));
    let now = Micros::from_secs(1);
    let before = engine.run.as_ref().unwrap().next;
    engine.search(now);
    let after = engine.run.as_ref().unwrap().next;
    assert_eq!(after - before, u64::from(super::SLICE));
    assert!(engine.deadline().unwrap() <= now, "it wants to go on at once");
}

#[test]
fn a_known_job_is_answered_from_the_table_at_full_difficulty() {
    let known = golden::DIVISION_PROBE;
    let task = Task { midstate: known.midstate, tail: known.tail, known: Some(known.counters) };
    for easing in [eased(24), Easing::new(None).unwrap()] {
        let mut engine = Engine::new(FULL, 336e6, easing);
        engine.start(Micros(0), task);
        let (hits, end) = finish(&mut engine);
        let counters: Vec<_> = hits.iter().map(|(_, counter)| *counter).collect();
        assert_eq!(counters, [0x04c0_fdb4, 0x417c_0f36, 0x60c9_94d5, 0x8254_0e46]);
        assert!(counters.iter().all(|counter| task.is_met(&Target::TOP32_ZERO, *counter)));
        assert_eq!(hits[0].0, Micros(237_372));
        assert_eq!(end, Micros(12_782_641));
    }
}

#[test]
fn an_engine_that_stops_on_a_hit_counts_the_hashes_up_to_it() {
    let known = golden::BLOCK_171874;
    let task = Task { midstate: known.midstate, tail: known.tail, known: Some(known.counters) };
    let mut engine = Engine::new(256..=0x7fff_ffff, 1e6, eased(24)).stopping_on_hit();
    engine.start(Micros(0), task);
    let late = Micros::from_secs(10);
    assert_eq!(engine.take(late), Some(Event::Hit { counter: 0x0001_87a2 }));
    assert_eq!((engine.deadline(), engine.hashes(late)), (None, f64::from(0x0001_87a2 - 256)));
}

#[test]
fn a_new_rate_counts_from_where_the_counter_stands() {
    let known = golden::DIVISION_PROBE;
    let task = Task { midstate: known.midstate, tail: known.tail, known: Some(known.counters) };
    let mut engine = Engine::new(FULL, 100e6, eased(24));
    engine.start(Micros(0), task);
    engine.set_rate(Micros(400_000), 200e6);
    // 40 of 79.7 million counters at the old rate, the rest at the new one
    assert_eq!(engine.deadline(), Some(Micros(400_000 + (0x04c0_fdb4_u64 - 40_000_000).div_ceil(200))));
    engine.set_rate(Micros(500_000), 0.0);
    assert_eq!(engine.deadline(), None, "a stopped clock finds nothing");
    assert_eq!(engine.hashes(Micros::from_secs(9)), 60e6);
}

#[test]
fn the_engines_of_a_bank_share_the_counters_by_their_top_bits() {
    let known = golden::DIVISION_PROBE;
    let task = Task { midstate: known.midstate, tail: known.tail, known: Some(known.counters) };
    for (count, first) in [(1, 0x04c0_fdb4), (2, 0x8254_0e46), (4, 0x417c_0f36), (8, 0x60c9_94d5)] {
        let mut bank = Bank::new(count, 256, 1e8, eased(24));
        bank.start(Micros(0), task);
        let mut found = Vec::new();
        while let Some(now) = bank.deadline() {
            bank.search(now);
            found.extend(std::iter::from_fn(|| bank.take(now)));
        }
        assert_eq!((found.len(), found[0]), (4, first), "division {count}");
    }
}
