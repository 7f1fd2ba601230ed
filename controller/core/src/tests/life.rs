use adit_driver::{Event, LinkError, NoData, Quantity, Reading, Report, Verdict};

use super::fixtures::{capability, job, stick};
use super::*;

const UNPLUGGED: Fault = Fault::Link(LinkError::Gone);
const SILENT: Fault = Fault::NoAnswer { waited_ms: 300 };

#[test]
fn unplugging_one_device_does_not_stop_another() {
    let mut rig = Rig::new();
    let (one, other) = (rig.stick("1"), rig.stick("2"));
    rig.job(job(0, 1));
    rig.fail(one, UNPLUGGED);
    rig.detach(one);
    assert!(rig.effects.iter().all(|effect| *effect != Effect::Open(other)));
    rig.event(other, Event::Room { received: 1, free: 1 });
    assert_eq!(rig.works_of(other), 2);
    rig.job(Job { coinbase_head: vec![9; 42], ..job(0, 2) });
    assert_eq!(rig.works_of(other), 3);
    assert_eq!((rig.works_of(one), rig.state(other)), (1, State::Hashing));
}

#[test]
fn a_device_that_floods_does_not_delay_another() {
    let mut rig = Rig::new();
    let (flooding, other) = (rig.stick("1"), rig.stick("2"));
    rig.job(job(0, 1));
    for _ in 0..1_000 {
        rig.nonce(flooding, &[]);
        rig.event(flooding, Event::Fault(Fault::Garbage { bytes: 999 }));
        assert!(rig.effects.is_empty(), "garbage costs nothing but a count");
    }
    rig.event(other, Event::Room { received: 1, free: 1 });
    assert_eq!(rig.works_of(other), 2);
    assert_eq!((rig.view(flooding).faults, rig.view(other).faults), (1_000, 0));
}

#[test]
fn a_stick_that_is_plugged_in_elsewhere_keeps_its_row() {
    let mut rig = Rig::new();
    rig.job(job(0, 1));
    let device = rig.stick("1");
    rig.nonce(device, &[]);
    rig.fail(device, UNPLUGGED);
    rig.detach(device);
    assert!(matches!(rig.state(device), State::Away { .. }));
    rig.wait_s(5);
    assert_eq!(rig.opens(device), 0, "the next scan will find it; its old place may be another's by now");
    let moved = stick("7", "1");
    assert_eq!(rig.attach(&moved), device);
    assert_eq!(rig.opens(device), 1);
    assert_eq!(rig.view(device).detected.location, moved.location);
    rig.ready(device, capability());
    assert_eq!((rig.state(device), rig.view(device).tally.received), (State::Hashing, 1));
}

#[test]
fn a_device_that_has_left_still_counts_as_eased() {
    let mut rig = Rig::new();
    rig.job(job(0, 1));
    let device = rig.stick("1");
    rig.fail(device, UNPLUGGED);
    rig.detach(device);
    let view = rig.view(device);
    assert!(view.eased() && view.capability.is_none(), "{view:?}");
    rig.attach(&stick("1", "1"));
    rig.ready(device, Capability { eased: false, ..capability() });
    assert!(!rig.view(device).eased());
}

#[test]
fn two_sticks_with_the_same_serial_number_are_two_devices() {
    let mut rig = Rig::new();
    let (a, b) = (rig.attach(&stick("1", "0001")), rig.attach(&stick("2", "0001")));
    assert_ne!(a, b);
    assert_eq!((rig.view(a).name, rig.view(b).name), ("block-erupter-1", "block-erupter-2"));
    for device in [a, b] {
        rig.ready(device, capability());
        rig.fail(device, UNPLUGGED);
        rig.detach(device);
    }
    assert_eq!(rig.attach(&stick("2", "0001")), b, "the place tells them apart");
    assert_eq!(rig.attach(&stick("3", "0001")), a);
}

#[test]
fn two_sticks_that_change_places_keep_their_rows() {
    let mut rig = Rig::new();
    let (a, b) = (rig.attach(&stick("1", "a")), rig.attach(&stick("2", "b")));
    for device in [a, b] {
        rig.ready(device, capability());
        rig.fail(device, UNPLUGGED);
        rig.detach(device);
    }
    assert_eq!((rig.attach(&stick("2", "a")), rig.attach(&stick("1", "b"))), (a, b));
    assert_eq!(rig.view(a).detected.location, stick("2", "a").location);
}

#[test]
fn sticks_without_serial_numbers_are_known_by_their_places() {
    let mut rig = Rig::new();
    let place = |place| {
        let mut detected = stick(place, "");
        detected.usb = detected.usb.map(|usb| adit_protocol::devices::UsbIdentity { serial: None, ..usb });
        detected
    };
    let (a, b) = (rig.attach(&place("1")), rig.attach(&place("2")));
    for device in [a, b] {
        rig.ready(device, capability());
        rig.fail(device, UNPLUGGED);
        rig.detach(device);
    }
    assert_eq!((rig.attach(&place("2")), rig.attach(&place("1"))), (b, a));
    assert!(![a, b].contains(&rig.attach(&place("3"))), "nothing says that it is one of them");
}

#[test]
fn a_look_at_the_old_place_that_succeeds_late_is_given_its_time_to_close() {
    let mut rig = Rig::new();
    let device = rig.attach(&stick("2", "7"));
    rig.report(device, Report::Up);
    rig.fail(device, UNPLUGGED);
    rig.wait_s(1); // it is looked for at its old place
    rig.attach(&stick("1", "7")); // and is plugged in elsewhere
    rig.wait_s(1);
    rig.report(device, Report::Up); // the look has found something after all
    let (opens, stopped) = (rig.opens(device), rig.effects.len());
    rig.wait_s(1);
    assert_eq!(
        rig.opens(device),
        opens,
        "opened again {stopped} effects later, before the old link could close"
    );
    rig.wait_s(1);
    assert_eq!(rig.opens(device), opens + 1);
}

#[test]
fn another_stick_in_the_same_socket_is_another_device() {
    let mut rig = Rig::new();
    let device = rig.attach(&stick("1", "a"));
    rig.fail(device, UNPLUGGED);
    rig.detach(device);
    assert_ne!(rig.attach(&stick("1", "b")), device);
    assert_eq!(rig.attach(&stick("1", "a")), device);
}

#[test]
fn a_link_that_is_still_open_is_closed_before_the_next_is_opened() {
    let mut rig = Rig::new();
    let device = rig.stick("1");
    rig.detach(device);
    let unplugged = Effect::Notice(Notice::Unplugged(device));
    assert_eq!(rig.effects, [unplugged, Effect::Order(device, Order::Stop { by: rig.now })]);
    rig.attach(&stick("1", "1"));
    assert_eq!(rig.effects, [Effect::Notice(Notice::Arrived(device))]);
    assert_eq!(rig.opens(device), 0);
    rig.report(device, Report::Closed);
    assert_eq!(rig.opens(device), 1);
    rig.ready(device, capability());
    // The same socket under another name: the old link is dead, whatever becomes of it.
    let renamed = Detected { location: "serial:/dev/ttyUSB9".into(), ..stick("1", "1") };
    assert_eq!(rig.attach(&renamed), device);
    rig.wait_s(2);
    assert_eq!(rig.opens(device), 1);
}

#[test]
fn works_end_with_their_link() {
    let mut rig = Rig::new();
    let device = rig.stick("1");
    rig.job(job(0, 1));
    let claim = fixtures::claim(&rig.work(device), 0);
    rig.fail(device, SILENT);
    assert_ne!(
        rig.nonce(device, &[claim]).verdict,
        Verdict::UnknownWork,
        "it was on its way when the link failed"
    );
    rig.wait_s(1);
    rig.ready(device, capability());
    assert_eq!(rig.nonce(device, &[claim]).verdict, Verdict::UnknownWork);
}

#[test]
fn a_device_without_hotplug_is_looked_for_for_ever() {
    let mut rig = Rig::new();
    let device = rig.stick("1");
    rig.fail(device, UNPLUGGED);
    let (mut looks, mut left_at) = (0, None);
    for second in 1..=160 {
        rig.wait_s(1);
        if rig.noticed(&Notice::Left(device)) {
            assert_eq!(left_at.replace(second), None, "it is said once");
        }
        if rig.opens(device) > 0 {
            looks += 1;
            assert!(matches!(rig.state(device), State::Away { .. }));
            rig.fail(device, Fault::Link(LinkError::NotFound));
            assert_eq!(rig.effects, [], "a look in vain is not worth a word");
        }
    }
    assert_eq!(left_at, Some(60));
    assert!((65..=75).contains(&looks), "every second for a minute, then every ten: {looks}");
    rig.wait_s(10);
    assert_eq!(rig.opens(device), 1);
    rig.ready(device, capability());
    assert_eq!(rig.state(device), State::Idle);
}

#[test]
fn pauses_between_attempts_grow_and_a_device_that_never_works_is_left_alone() {
    let mut rig = Rig::new();
    let device = rig.attach(&stick("1", "a"));
    for (attempt, pause) in [1, 2, 4, 8].into_iter().enumerate() {
        rig.report(device, Report::Up);
        rig.fail(device, SILENT);
        let at = rig.now + Duration::from_secs(pause);
        assert_eq!(rig.state(device), State::Retrying { at, attempt: attempt as u32 + 1 });
        assert!(rig.noticed(&Notice::Fault { device, fault: SILENT, retry_at: Some(at) }));
        rig.wait_s(pause);
        assert_eq!(rig.opens(device), 1);
    }
    for _ in 0..2 {
        rig.fail(device, SILENT);
        let until = rig.now + Duration::from_secs(300);
        assert_eq!(rig.state(device), State::Quarantined { until, why: SILENT });
        rig.wait_s(299);
        assert_eq!(rig.opens(device), 0);
        rig.wait_s(1);
        assert_eq!(rig.opens(device), 1, "then one more attempt");
    }
    rig.ready(device, capability());
    rig.wait_s(60);
    rig.fail(device, Fault::Silent { seconds: 60 });
    let at = rig.now + Duration::from_secs(1);
    assert_eq!(rig.state(device), State::Retrying { at, attempt: 1 }, "a stable device starts anew");
}

#[test]
fn a_device_that_fails_soon_after_it_worked_waits_longer_each_time_but_is_not_given_up() {
    let mut rig = Rig::new();
    let device = rig.attach(&stick("1", "a"));
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        rig.ready(device, capability());
        rig.fail(device, Fault::HardwareErrors { errors: 9, nonces: 10 });
        let State::Retrying { at, .. } = rig.state(device) else { panic!("{:?}", rig.state(device)) };
        assert_eq!(at.since(rig.now), Duration::from_secs(pause));
        rig.wait_s(pause);
    }
}

#[test]
fn an_overheated_device_rests_even_when_it_is_plugged_in_again() {
    let mut rig = Rig::new();
    let device = rig.stick("1");
    let hot = Fault::Overheated { unit: 0, celsius: 95.0, limit_celsius: 90.0 };
    rig.fail(device, hot);
    let until = rig.now + Duration::from_secs(300);
    rig.detach(device);
    rig.wait_s(100);
    rig.attach(&stick("1", "1"));
    assert_eq!(rig.state(device), State::Quarantined { until, why: hot });
    rig.wait_s(200);
    assert_eq!(rig.opens(device), 1);
}

#[test]
fn a_wrong_device_is_left_alone_until_it_is_plugged_in_again() {
    let mut rig = Rig::new();
    let device = rig.attach(&stick("1", "a"));
    rig.report(device, Report::Up);
    rig.fail(device, Fault::WrongDevice { expected: "icarus" });
    assert!(matches!(rig.state(device), State::Quarantined { .. }));
    rig.detach(device);
    rig.attach(&stick("1", "a"));
    assert_eq!(rig.state(device), State::Opening);
}

#[test]
fn a_device_that_has_worked_is_not_taken_for_another_for_the_sake_of_noise() {
    let mut rig = Rig::new();
    let device = rig.stick("1");
    let wrong = Fault::WrongDevice { expected: "icarus" };
    rig.fail(device, wrong);
    assert!(matches!(rig.state(device), State::Retrying { .. }));
    rig.wait_s(1);
    rig.report(device, Report::Up);
    rig.fail(device, wrong);
    assert!(matches!(rig.state(device), State::Retrying { .. }), "one more noisy answer");
    rig.detach(device);
    rig.attach(&stick("1", "1"));
    rig.report(device, Report::Up);
    rig.fail(device, wrong);
    assert!(
        matches!(rig.state(device), State::Quarantined { .. }),
        "what was plugged in anew has proven nothing"
    );
}

#[test]
fn what_is_no_device_is_not_tried_again() {
    let mut rig = Rig::new();
    let device = rig.attach(&stick("1", "a"));
    let why = Fault::Link(LinkError::NotADevice);
    rig.fail(device, why);
    assert_eq!(rig.state(device), State::Gone { why });
    assert!(rig.noticed(&Notice::Fault { device, fault: why, retry_at: None }));
    assert_eq!(rig.core.deadline(), None);
}

#[test]
fn a_device_that_may_not_be_opened_yet_is_tried_again_soon() {
    let mut rig = Rig::new();
    let device = rig.attach(&stick("1", "a"));
    rig.fail(device, Fault::Link(LinkError::Denied)); // udev has not set the rights yet
    rig.wait_s(1);
    assert_eq!(rig.opens(device), 1);
    rig.ready(device, capability());
    assert_eq!(rig.state(device), State::Idle);
}

#[test]
fn stopping_makes_every_open_device_safe_and_gives_no_new_work() {
    let mut rig = Rig::new();
    let (open, opening, closed) =
        (rig.stick("1"), rig.attach(&stick("2", "b")), rig.attach(&stick("3", "c")));
    rig.fail(closed, SILENT);
    rig.job(job(0, 1));
    let by = rig.now + Duration::from_secs(5);
    rig.core.stop(rig.now, by);
    rig.drain();
    assert_eq!(rig.effects, [Effect::Order(open, Order::Stop { by })]);
    assert_eq!(
        [open, opening, closed].map(|d| rig.state(d)),
        [State::Stopping, State::Stopping, State::Stopped]
    );
    rig.report(opening, Report::Up);
    assert_eq!(rig.effects, [Effect::Order(opening, Order::Stop { by })]);
    rig.event(open, Event::Room { received: 1, free: 5 });
    rig.job(Job { clean: true, ..job(0, 2) });
    assert_eq!(rig.works_of(open), 1);
    rig.event(open, Event::Stopped);
    rig.report(open, Report::Closed);
    assert!(!rig.core.is_stopped());
    rig.fail(opening, UNPLUGGED);
    assert!(rig.core.is_stopped());
    rig.attach(&stick("4", "d"));
    rig.wait_s(3_600);
    assert_eq!(rig.effects, []);
    assert!(rig.core.is_stopped());
}

#[test]
fn a_device_that_turns_out_to_be_another_model_is_renamed_and_found_again() {
    let mut rig = Rig::new();
    let (icarus, erupter) =
        ["icarus", "block-erupter"].map(|key| adit_protocol::devices::model(key).unwrap()).into();
    let detected = Detected { candidates: vec![icarus, erupter], ..stick("1", "a") };
    let device = rig.attach(&detected);
    assert_eq!(rig.view(device).name, "icarus-1");
    rig.report(device, Report::Up);
    rig.event(device, Event::Identified(erupter));
    assert_eq!((rig.view(device).name, rig.view(device).model), ("block-erupter-1", Some(erupter)));
    rig.fail(device, UNPLUGGED);
    rig.detach(device);
    assert_eq!(rig.attach(&detected), device);
}

#[test]
fn measured_values_are_kept_with_their_reasons_and_bounded_and_end_with_the_link() {
    let mut rig = Rig::new();
    let device = rig.stick("1");
    let reading = Reading { value: Err(NoData::Timeout), at: rig.now };
    for unit in 0..5_000 {
        rig.event(device, Event::Measured { unit, quantity: Quantity::FanRpm, reading });
    }
    assert_eq!(rig.view(device).readings.len(), 4_096);
    assert_eq!(rig.view(device).readings[&(7, Quantity::FanRpm)], reading);
    rig.fail(device, UNPLUGGED);
    assert!(rig.view(device).readings.is_empty());
}

#[test]
fn a_miner_that_has_hung_up_is_waited_for_and_not_looked_for() {
    let mut rig = Rig::new();
    let miner = Detected {
        location: "listen:10.0.0.1#1".into(),
        socket: None,
        usb: None,
        candidates: vec![&adit_protocol::devices::DOWNSTREAM],
        chosen: true,
    };
    let key = rig.attach(&miner);
    assert_eq!(rig.opens(key), 1);
    for fault in [UNPLUGGED, SILENT, Fault::Link(LinkError::Timeout)] {
        rig.report(key, Report::Up);
        rig.ready(key, capability());
        rig.fail(key, fault);
        let before = rig.opens(key);
        rig.wait_s(600);
        assert!(matches!(rig.state(key), State::Away { .. }));
        assert_eq!(rig.opens(key), before, "nobody can fetch it: {fault}");
        assert_eq!(rig.attach(&miner), key);
        assert_eq!(rig.opens(key), before + 1);
    }
    rig.report(key, Report::Up);
    rig.fail(key, Fault::WrongDevice { expected: "a miner" });
    assert!(rig.attach(&miner) == key && matches!(rig.state(key), State::Quarantined { .. }));
    let faults = rig.view(key).faults;
    rig.wait_s(601);
    rig.fail(key, Fault::Link(LinkError::NotFound));
    assert!(matches!(rig.state(key), State::Away { .. }));
    assert_eq!(rig.view(key).faults, faults, "that it has not come is no fault");
}
