//! Engines whose search in earnest somebody else carries out.

use adit_protocol::icarus::golden;
use adit_protocol::pow::{Midstate, Target};
use adit_protocol::wire::Micros;

use super::{Easing, Engine, Event, PIECE, Task};

/// Every hash with 14 leading zero bits.
fn honest() -> Easing {
    Easing::thinned(Target::from_limbs([u64::MAX, u64::MAX, u64::MAX, u64::MAX >> 14]), 1)
}

fn task(seed: u8) -> Task {
    Task { midstate: Midstate::new(&[seed; 64]), tail: *b"end of heade", known: None }
}

/// Hits and end of a search; `helped`: by pieces that are carried out at once.
fn finish(mut engine: Engine, helped: bool) -> (Vec<(Micros, u32)>, Micros) {
    engine.start(Micros(0), task(7));
    let mut hits = Vec::new();
    let mut now = Micros(0);
    loop {
        while let Some(scan) = engine.next_scan().filter(|_| helped) {
            let found = scan.run();
            engine.on_scanned(&scan, found);
        }
        now = engine.deadline().unwrap().max(now);
        engine.search(now);
        match engine.take(now) {
            Some(Event::Hit { counter }) => hits.push((now, counter)),
            Some(Event::End) => return (hits, now),
            None => {}
        }
    }
}

#[test]
fn a_helped_engine_finds_what_it_would_find_itself_at_the_same_moments() {
    let length = 2 * PIECE as u32 + 1_000;
    for nonces in [false, true] {
        let engine = || {
            let engine = Engine::new(5..=5 + length, 1e6, honest());
            if nonces { engine.counting_nonces() } else { engine }
        };
        let mut alone = engine();
        alone.start(Micros(0), task(7));
        let mut hits = Vec::new();
        let end = loop {
            let now = alone.deadline().unwrap();
            alone.search(now);
            match alone.take(now) {
                Some(Event::Hit { counter }) => hits.push((now, counter)),
                Some(Event::End) => break now,
                None => {}
            }
        };
        assert!(hits.len() > 10, "{} hits", hits.len());
        assert_eq!(finish(engine(), true), (hits, end));
    }
}

#[test]
fn help_that_comes_late_makes_hits_late_and_loses_none() {
    let mut engine = Engine::new(0..=PIECE as u32 - 1, 1e9, honest());
    engine.start(Micros(0), task(7));
    let scan = engine.next_scan().unwrap();
    assert_eq!((engine.next_scan(), engine.deadline()), (None, None), "one piece is out, and it waits");
    let late = Micros::from_secs(3);
    engine.search(late);
    assert_eq!(engine.take(late), None);
    let first = scan.run().unwrap();
    engine.on_scanned(&scan, Some(first));
    assert_eq!(engine.take(late), Some(Event::Hit { counter: first }));
    let rest = engine.next_scan().unwrap();
    assert_eq!(*rest.range.start(), first + 1);
}

#[test]
fn what_comes_of_an_earlier_task_or_of_another_engine_changes_nothing() {
    let mut engine = Engine::new(0..=u32::MAX, 1e9, honest());
    engine.start(Micros(0), task(1));
    let old = engine.next_scan().unwrap();
    engine.start(Micros(1), task(2));
    assert_eq!(engine.next_scan(), None, "the old piece is still out");
    let mut foreign = old.clone();
    foreign.tail = [9; 12];
    engine.on_scanned(&foreign, Some(3));
    assert_eq!(engine.next_scan(), None);
    engine.on_scanned(&old, Some(4));
    assert_eq!(engine.take(Micros::from_secs(9)), None, "a hit of the old task");
    assert_eq!(engine.next_scan().map(|scan| scan.midstate), Some(task(2).midstate));
    engine.stop(Micros::from_secs(9));
    assert_eq!(engine.next_scan(), None);
}

#[test]
fn known_jobs_and_eased_targets_need_no_help() {
    let known = golden::DIVISION_PROBE;
    let probe = Task { midstate: known.midstate, tail: known.tail, known: Some(known.counters) };
    let mut engine = Engine::new(0..=u32::MAX, 336e6, Easing::new(None).unwrap());
    engine.start(Micros(0), probe);
    assert_eq!(engine.next_scan(), None);
    engine.search(Micros(0));
    assert_eq!(engine.deadline(), Some(Micros(237_372)), "the table knows");
    let mut eased = Engine::new(0..=u32::MAX, 336e6, Easing::new(Some(1e-6)).unwrap());
    eased.start(Micros(0), task(1));
    assert_eq!(eased.next_scan(), None);
    assert!(eased.deadline().is_some(), "it hashes the few counters itself");
}
