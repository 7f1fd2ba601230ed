//! How a device, or what drives it, behaves when something goes wrong.

use std::time::Duration;

use adit_driver::{Event, Fault, Report, Verdict};
use adit_hw_sim::DeviceFault;

use super::stand::BRING_UP;
use super::{Finding, Stand, Subject, ensure};

/// Moments in a device's life: in the middle of its bring-up, and at work.
fn moments(stand: &mut Stand, count: u64) -> Vec<Duration> {
    let early = (0..count).map(|_| Duration::from_micros(stand.dice.below(4_000_000))).collect::<Vec<_>>();
    let late = (0..count).map(|_| Duration::from_micros(stand.dice.between(4_000_000, 30_000_000)));
    early.into_iter().chain(late).collect()
}

pub(super) fn stops_at_any_moment(subject: &Subject) -> Result<(), Finding> {
    for moment in moments(&mut Stand::new(subject)?, 12) {
        let mut stand = Stand::new(subject)?;
        stand.plug();
        stand.job(true)?;
        stand.run(moment)?;
        let by = stand.now + Duration::from_secs(2);
        stand.core.stop(stand.now, by);
        stand.run(Duration::from_secs(3))?;
        let stopped = stand.said.contains(&Report::Event(Event::Stopped));
        ensure(stopped, || format!("not stopped 2 s after it was told at {moment:?}"))?;
        ensure(stand.core.is_stopped(), || format!("the core waits for more, told at {moment:?}"))?;
    }
    Ok(())
}

pub(super) fn survives_unplugging(subject: &Subject) -> Result<(), Finding> {
    let mut stand = Stand::new(subject)?;
    stand.job(true)?;
    for moment in moments(&mut Stand::new(subject)?, 12) {
        stand.plug();
        stand.run(moment)?;
        stand.rig.unplug(stand.now);
        stand.run(Duration::from_secs(5))?;
        ensure(!stand.rig.is_open(), || format!("still open after {moment:?}"))?;
    }
    stand.said.clear();
    stand.plug();
    stand.run_until_working()?;
    let before = stand.device().tally.valid();
    stand.run(stand.time_for(40))?;
    let found = stand.device().tally.valid() - before;
    ensure(found > 10, || format!("{found} nonces after all that"))
}

pub(super) fn resumes_after_any_pause(subject: &Subject) -> Result<(), Finding> {
    let mut stand = Stand::at_work(subject)?;
    for moment in moments(&mut Stand::new(subject)?, 6) {
        stand.run(moment)?;
        let key = stand.device().key;
        let refused = |refusal| Finding::Seen(format!("after {moment:?}: {refusal}"));
        stand.core.pause(stand.now, key).map_err(refused)?;
        rest(&mut stand)?;
        stand.core.resume(stand.now, key).map_err(refused)?;
        works_at_once(&mut stand)?;
    }
    Ok(())
}

pub(super) fn survives_its_host(subject: &Subject) -> Result<(), Finding> {
    let mut stand = Stand::at_work(subject)?;
    for moment in moments(&mut Stand::new(subject)?, 6) {
        stand.run(moment)?;
        stand.rig.orphan();
        rest(&mut stand)?;
        stand.host_is_back()?;
        works_at_once(&mut stand)?;
    }
    Ok(())
}

/// Some seconds without a host.
fn rest(stand: &mut Stand) -> Result<(), Finding> {
    let span = Duration::from_micros(stand.dice.below(12_000_000));
    stand.run(span)?;
    stand.said.clear();
    Ok(())
}

/// The device is opened anew: it works without a failure in between, and finds something.
fn works_at_once(stand: &mut Stand) -> Result<(), Finding> {
    let opened = stand.now;
    stand.run_until_working()?;
    let failed = stand.said.iter().any(|said| matches!(said, Report::Failed(_)));
    ensure(!failed, || format!("opened anew at {opened}: {:?}", stand.said))?;
    let before = stand.device().tally.valid();
    stand.run(stand.time_for(20))?;
    ensure(stand.device().tally.valid() > before, || format!("opened anew at {opened}: no nonce"))
}

pub(super) fn survives_noise(subject: &Subject) -> Result<(), Finding> {
    let mut stand = Stand::at_work(subject)?;
    let bursts = 40;
    for _ in 0..bursts {
        stand.run(stand.time_for(2))?;
        let length = stand.dice.between(1, 40) as usize;
        let noise: Vec<u8> = (0..length).map(|_| stand.dice.roll() as u8).collect();
        stand.rig.noise(stand.now, &noise);
    }
    let (valid, promised) = (stand.device().tally.valid() as f64, stand.promised());
    let lost = f64::from(bursts);
    ensure(valid > promised - 4.0 * promised.sqrt() - lost, || {
        format!("{valid} nonces instead of {promised:.0}")
    })?;
    // a burst of 40 bytes looks like ten records at most
    let errors = stand.verdicts(Verdict::HardwareError);
    ensure(errors <= 10 * bursts as u64, || format!("{errors} hardware errors from {bursts} bursts"))
}

pub(super) fn gives_up_on_silence(subject: &Subject) -> Result<(), Finding> {
    let mut stand = Stand::new(subject)?;
    stand.plug();
    stand.settle()?;
    stand.keep_shut();
    stand.rig.deafen();
    stand.run(BRING_UP)?;
    let no_answer = |said: &Report| matches!(said, Report::Failed(Fault::NoAnswer { .. }));
    ensure(stand.said.iter().any(no_answer), || format!("said {:?}", stand.said))
}

pub(super) fn notices_a_line_that_no_longer_fits(subject: &Subject) -> Result<(), Finding> {
    let mut stand = Stand::at_work(subject)?;
    stand.run(stand.time_for(2))?;
    stand.rig.break_by(stand.now, DeviceFault::BaudMismatch);
    stand.keep_shut();
    // Twenty nonces are expected in that time; a host that waits for less may be late by seconds.
    stand.run(stand.time_for(20) + Duration::from_secs(12))?;
    // One that can reset its chips says the same and mends itself.
    let is_noticed = |said: &Report| match said {
        Report::Failed(fault) | Report::Event(Event::Fault(fault)) => {
            matches!(fault, Fault::Silent { .. } | Fault::HardwareErrors { .. })
        }
        _ => false,
    };
    ensure(stand.said.iter().any(is_noticed), || format!("said {:?}", stand.said))
}
