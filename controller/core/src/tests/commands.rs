use adit_driver::{Command, Event, Report};
use adit_protocol::units::{Hertz, Volts};

use super::fixtures::{capability, job, stick};
use super::*;
use crate::Refusal;

/// A device of this model that is at work.
fn at_work(rig: &mut Rig, key: &str) -> DeviceKey {
    let detected =
        Detected { candidates: vec![adit_protocol::devices::model(key).unwrap()], ..stick("1", "a") };
    let device = rig.attach(&detected);
    rig.ready(device, capability());
    device
}

fn ordered(rig: &Rig, device: DeviceKey, command: Command) -> bool {
    rig.effects.contains(&Effect::Order(device, Order::Command(command)))
}

#[test]
fn a_command_reaches_a_device_at_work_and_what_came_of_it_is_told() {
    let mut rig = Rig::new();
    let (device, command) = (rig.attach(&stick("1", "a")), Command::Identify);
    let refused = rig.core.command(rig.now, device, command);
    assert_eq!(refused, Err(Refusal::NotReady { state: State::Opening }));
    rig.ready(device, capability());
    assert_eq!(rig.core.command(rig.now, device, command), Ok(()));
    rig.drain();
    assert!(ordered(&rig, device, command));
    rig.report(device, Report::Taken(command));
    assert!(rig.noticed(&Notice::Obeyed(device, command)));
    rig.core.command(rig.now, device, command).unwrap();
    rig.drain();
    rig.event(device, Event::Declined(command));
    assert!(rig.noticed(&Notice::Declined(device, command)));
    rig.report(device, Report::Taken(command));
    assert!(!rig.noticed(&Notice::Obeyed(device, command)), "it was declined");
    assert_eq!(rig.core.command(rig.now, DeviceKey(9), command), Err(Refusal::Unknown));
}

#[test]
fn what_breaks_the_limits_of_a_model_never_reaches_the_device() {
    let mut rig = Rig::new();
    let device = at_work(&mut rig, "bitaxe-gamma");
    let model = adit_protocol::devices::model("bitaxe-gamma").unwrap();
    let ([low, _, high], [least, _, most]) = (model.clock.unwrap(), model.supply.unwrap().core);
    let clocks = [low.0 - 1.0, high.0 + 1.0, f64::NAN, f64::INFINITY, -high.0, 0.0]
        .map(|hz| Command::Frequency(Hertz(hz)));
    let cores =
        [least.0 - 0.001, most.0 + 0.001, f64::NAN, -1.0, 12.0].map(|volts| Command::Voltage(Volts(volts)));
    for command in clocks.into_iter().chain(cores).chain([Command::Fan(Some(101))]) {
        assert!(rig.core.command(rig.now, device, command).is_err(), "{command:?}");
        rig.drain();
        assert!(rig.effects.is_empty(), "{command:?}");
    }
    for command in
        [Command::Frequency(low), Command::Frequency(high), Command::Voltage(most), Command::Fan(None)]
    {
        assert_eq!(rig.core.command(rig.now, device, command), Ok(()));
        rig.drain();
        assert!(ordered(&rig, device, command));
    }
    let sentence =
        rig.core.command(rig.now, device, Command::Frequency(Hertz::from_mhz(9_000.0))).unwrap_err();
    assert_eq!(
        sentence.to_string(),
        format!("9000 MHz is not allowed: this model runs at {} to {} MHz", low.mhz(), high.mhz())
    );
}

#[test]
fn a_paused_device_is_made_safe_and_stays_so_when_it_is_plugged_in_again() {
    let mut rig = Rig::new();
    rig.job(job(0, 1));
    let device = rig.stick("1");
    rig.core.pause(rig.now, device).unwrap();
    rig.drain();
    assert!(matches!(
        rig.effects[..],
        [Effect::Order(_, Order::Stop { .. }), Effect::Notice(Notice::Paused(_, true))]
    ));
    assert_eq!(rig.state(device), State::Paused);
    rig.report(device, Report::Closed);
    rig.wait_s(3_600);
    assert_eq!((rig.state(device), rig.opens(device)), (State::Paused, 0));
    rig.detach(device);
    assert!(matches!(rig.state(device), State::Away { .. }));
    rig.attach(&stick("1", "1"));
    assert_eq!((rig.state(device), rig.opens(device)), (State::Paused, 0));
    rig.core.resume(rig.now, device).unwrap();
    rig.drain();
    assert_eq!(rig.opens(device), 1);
    rig.ready(device, capability());
    assert_eq!(rig.state(device), State::Hashing);
}

#[test]
fn pausing_or_resetting_does_not_shorten_a_rest_for_safety_but_clearing_it_does() {
    let mut rig = Rig::new();
    let device = rig.stick("1");
    rig.fail(device, Fault::SensorLost { unit: 0, seconds: 5 });
    assert!(matches!(rig.state(device), State::Quarantined { .. }));
    assert!(matches!(rig.core.reset(rig.now, device), Err(Refusal::Held { .. })));
    rig.core.pause(rig.now, device).unwrap();
    rig.core.resume(rig.now, device).unwrap();
    rig.drain();
    assert_eq!(rig.opens(device), 0);
    assert!(matches!(rig.state(device), State::Quarantined { .. }));
    rig.core.clear_quarantine(rig.now, device).unwrap();
    rig.drain();
    assert_eq!(rig.opens(device), 1);
    rig.ready(device, capability());
    let refused = rig.core.clear_quarantine(rig.now, device);
    assert!(matches!(refused, Err(Refusal::NotHeld { .. })), "{refused:?}");
}

#[test]
fn a_reset_closes_the_link_in_good_order_and_opens_it_anew() {
    let mut rig = Rig::new();
    let device = rig.stick("1");
    rig.core.reset(rig.now, device).unwrap();
    rig.drain();
    assert!(matches!(rig.effects[..], [Effect::Order(_, Order::Stop { .. })]));
    rig.report(device, Report::Closed);
    assert_eq!(rig.opens(device), 1);
}
