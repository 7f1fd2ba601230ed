//! What is done about a stick that is not well, step by step: less clock, a reset, and in the end the link is given up
//! (`docs/protocols/gekko.md §13`). What follows then, opening it anew after growing pauses and leaving it alone, is the core's.

use adit_driver::{Event, Fault, Input, Ruling, Verdict};
use adit_protocol::bm13xx::{Chip, Frame, NonceAnswer};
use adit_protocol::pow::Header;

use crate::stand::Stand;

/// A NewPac at work, at 100 MHz: two chips.
fn newpac() -> Stand {
    let mut stand = Stand::new("newpac", &[("start-frequency", "100"), ("frequency", "100")]);
    stand.bring_up();
    stand.work(Header::from_bytes(&[7; 80]), 0);
    stand
}

/// Chip `unit` finds a nonce in the newest work, which is good.
fn finds(stand: &mut Stand, unit: u16) {
    let job = stand.newest_job(Chip::Bm1387).expect("a work");
    for first in [0x00, 0x80] {
        let id = Chip::Bm1387.id_byte(job.job_byte(), 0);
        let answer = NonceAnswer { nonce: [first, 1, 1, first], detail: 0, id, version: None };
        stand.frames(Chip::Bm1387, &[Frame::Nonce(answer)]);
        let Some(found) = stand.last.take() else { return }; // it is on its way out
        if found.unit == unit {
            let ruling = Ruling { seq: found.seq, claim: None, verdict: Verdict::Share, difficulty: 1.0 };
            return stand.input(Input::Ruling(ruling));
        }
    }
    panic!("no nonce is of chip {unit}");
}

/// Lets time pass in which both chips answer, and those of `units` find so many nonces a second each, until something is wrong.
fn until_fault(stand: &mut Stand, units: &[u16], per_second: u64) -> Fault {
    stand.said.clear();
    for _ in 0..300 * per_second {
        stand.identities(Chip::Bm1387, 2, 0x80);
        units.iter().for_each(|unit| finds(stand, *unit));
        stand.wait(1_000_000 / per_second);
        let fault = stand.said.iter().find_map(|said| match said {
            Event::Fault(fault) => Some(*fault),
            _ => None,
        });
        if let Some(fault) = fault.or(stand.failed) {
            return fault;
        }
    }
    panic!("nothing was noticed");
}

/// The clock that the stick says it has, in MHz.
fn clock(stand: &Stand) -> f64 {
    let ready = stand.said.iter().rev().find_map(|said| match said {
        Event::Ready(capability) => Some(capability.nominal.0),
        _ => None,
    });
    ready.expect("it is ready") / (2.0 * 114.0 * 1e6)
}

#[test]
fn a_chip_that_finds_nothing_costs_a_step_of_clock_and_a_reset_and_the_third_time_the_link() {
    let mut stand = newpac();
    let zombie = Fault::ChipMissing { chip: 1, found: 1, expected: 2 };
    for expected in [93.75, 87.5] {
        assert_eq!(until_fault(&mut stand, &[0], 4), zombie);
        stand.until_ready();
        assert!((clock(&stand) / expected - 1.0).abs() < 0.01, "{} MHz", clock(&stand));
        stand.work(Header::from_bytes(&[7; 80]), 0);
    }
    assert_eq!(until_fault(&mut stand, &[0], 4), zombie);
    stand.wait(3_000_000);
    assert_eq!(stand.failed, Some(zombie), "setting it up again has not helped twice");
}

#[test]
fn a_stick_that_finds_too_little_gets_two_steps_less_clock_and_goes_on() {
    let mut stand = newpac();
    let fault = until_fault(&mut stand, &[0, 1], 1);
    assert!(matches!(fault, Fault::Refused { .. }), "{fault:?}");
    stand.wait(5_000_000);
    assert!((clock(&stand) / 87.5 - 1.0).abs() < 0.01, "{} MHz", clock(&stand));
    assert!(!stand.over);
}

#[test]
fn a_stick_that_falls_silent_is_reset_twice_and_then_given_up() {
    let mut stand = newpac();
    for _ in 0..2 {
        assert!(matches!(until_fault(&mut stand, &[], 1), Fault::Silent { .. }));
        stand.until_ready();
        stand.work(Header::from_bytes(&[7; 80]), 0);
    }
    let last = until_fault(&mut stand, &[], 1);
    stand.wait(3_000_000);
    assert_eq!((stand.failed, stand.over), (Some(last), true));
}
