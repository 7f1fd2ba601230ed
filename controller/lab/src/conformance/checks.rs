//! How a device behaves while nothing goes wrong.

use std::time::Duration;

use adit_driver::{Event, Report, Verdict};
use adit_hw_sim::judge::Watched;
use adit_hw_sim::report::{Grade, Outcome};

use super::{Finding, Stand, Subject, ensure};

pub(super) fn is_recognised(subject: &Subject) -> Result<(), Finding> {
    let stand = Stand::at_work(subject)?;
    let identified: Vec<_> = stand
        .said
        .iter()
        .filter_map(|said| match said {
            Report::Event(Event::Identified(model)) => Some(model.key),
            _ => None,
        })
        .collect();
    ensure(identified == [subject.item.model.key], || format!("identified as {identified:?}"))?;
    let device = stand.device();
    let capability = device.capability.cloned();
    ensure(capability.as_ref().is_some_and(|it| it.eased && it.room > 0), || {
        format!("it can {capability:?}")
    })?;
    ensure(device.faults == 0, || format!("{} faults, the last {:?}", device.faults, device.last_fault))
}

pub(super) fn refuses_unknown_settings(subject: &Subject) -> Result<(), Finding> {
    let mut item = subject.item.clone();
    item.settings.set("colour", "red");
    let refused = item.machine(&item.detected(0, 0)).is_err();
    ensure(refused, || "`colour=red` was taken".into())
}

pub(super) fn finds_what_it_promises(subject: &Subject) -> Result<(), Finding> {
    let mut stand = Stand::at_work(subject)?;
    let (begun, jobs_before) = (stand.promised(), stand.rig.truth().jobs);
    stand.run(stand.time_for(200))?;
    let device = stand.device();
    let (valid, promised) = (device.tally.valid() as f64, stand.promised());
    ensure((valid - promised).abs() < 4.0 * promised.sqrt(), || {
        format!("{valid} nonces instead of {promised:.0}")
    })?;
    let busy = promised - begun;
    ensure(busy > 0.95 * 200.0, || format!("busy for {busy:.0} nonces of 200"))?;
    ensure(device.tally.received == device.tally.valid(), || format!("false nonces: {:?}", device.tally))?;
    let jobs = stand.rig.truth().jobs - jobs_before;
    ensure(jobs < 100_000, || format!("{jobs} jobs for 200 nonces"))
}

pub(super) fn drops_everything_for_a_new_block(subject: &Subject) -> Result<(), Finding> {
    let mut stand = Stand::at_work(subject)?;
    for _ in 0..20 {
        let pause = stand.time_for(1).mul_f64(stand.dice.between(1, 150) as f64 / 100.0);
        stand.run(pause)?;
        let (jobs, stale) = (stand.rig.truth().jobs, stand.verdicts(Verdict::Stale));
        stand.job(true)?;
        // A job of 64 bytes takes 6 ms at 115200 baud. A unit with slots of its own finishes what it has: two ranges.
        let room = stand.device().capability.map_or(1, |capability| u32::from(capability.room));
        let slots = if room > 1 { stand.time_for(2 * room) } else { Duration::ZERO };
        stand.run(Duration::from_millis(50) + Duration::from_millis(10) * room + slots)?;
        let begun = stand.rig.truth().jobs - jobs;
        ensure(begun > 0, || "the device goes on with the old block".into())?;
        let late = stand.verdicts(Verdict::Stale) - stale;
        ensure(late <= u64::from(4 * room), || format!("{late} nonces of the old block"))?;
        stand.run(stand.time_for(2))?;
        let later = stand.verdicts(Verdict::Stale) - stale - late;
        ensure(later == 0, || format!("{later} nonces of the old block long after the new one"))?;
    }
    ensure(stand.verdicts(Verdict::HardwareError) == 0, || "hardware errors at the change of a block".into())
}

pub(super) fn late_nonces_count(subject: &Subject) -> Result<(), Finding> {
    let mut stand = Stand::at_work(subject)?;
    let begun = stand.now;
    while stand.device().tally.received < 200 {
        stand.run(stand.time_for(1))?;
        stand.job(false)?;
        ensure(stand.now.since(begun) < stand.time_for(1_000), || "too few nonces".into())?;
    }
    let tally = *stand.device().tally;
    ensure(tally.verdicts(Verdict::Share) == tally.received, || format!("not all are shares: {tally:?}"))
}

pub(super) fn waits_for_a_job(subject: &Subject) -> Result<(), Finding> {
    let mut stand = Stand::new(subject)?;
    stand.plug();
    stand.run_until_working()?;
    stand.run(Duration::from_secs(60))?;
    let device = stand.device();
    ensure(device.tally.received == 0, || format!("nonces of no job: {:?}", device.tally))?;
    ensure(device.faults == 0, || format!("waiting is no fault: {:?}", device.last_fault))?;
    stand.job(true)?;
    stand.run(stand.time_for(30))?;
    let tally = *stand.device().tally;
    ensure(tally.valid() > 8, || format!("after the job came: {tally:?}"))
}

pub(super) fn survives_a_storm_of_jobs(subject: &Subject) -> Result<(), Finding> {
    let mut stand = Stand::at_work(subject)?;
    let jobs = stand.rig.truth().jobs;
    stand.run(Duration::from_secs(10))?;
    let calm = stand.rig.truth().jobs - jobs;
    let jobs = stand.rig.truth().jobs;
    for _ in 0..1_000 {
        stand.job(false)?;
        stand.run(Duration::from_millis(10))?;
    }
    let begun = stand.rig.truth().jobs - jobs;
    let own_pace = 10.0 / stand.time_for(1).as_secs_f64() * 4.0;
    let units = f64::from(subject.item.model.chips.count);
    // Some search a job many times faster than they find nonces.
    let own_pace = own_pace.max(1.5 * calm as f64);
    ensure((begun as f64) < own_pace + 20.0 * units, || format!("{begun} jobs in 10 s of storm"))?;
    let before = stand.device().tally.valid();
    stand.run(stand.time_for(40))?;
    let after = stand.device().tally.valid();
    ensure(after > before + 10, || format!("{} nonces after the storm", after - before))?;
    ensure(stand.verdicts(Verdict::HardwareError) == 0, || "hardware errors in the storm".into())
}

pub(super) fn breaks_no_rule_of_hosts(subject: &Subject) -> Result<(), Finding> {
    let twin = subject.item.twin(subject.seed)?;
    let Ok((watched, findings)) = Watched::new(subject.item.model, twin) else { return Ok(()) };
    let mut stand = Stand::with(subject, Box::new(watched))?;
    stand.plug();
    stand.job(true)?;
    stand.run_until_working()?;
    for new_block in [false, true, false, true] {
        stand.run(stand.time_for(5).max(Duration::from_secs(2)))?;
        stand.job(new_block)?;
    }
    stand.run(stand.time_for(5))?;
    let outcomes = findings.outcomes(stand.now);
    let seen = |outcome: &Outcome| match &outcome.grade {
        Grade::Failed(seen) => Some(format!("{}: {seen} ({})", outcome.id, outcome.cite)),
        _ => None,
    };
    let broken: Vec<_> = outcomes.iter().filter_map(seen).collect();
    ensure(broken.is_empty(), || broken.join("; "))?;
    let kept = outcomes.iter().filter(|outcome| matches!(outcome.grade, Grade::Passed(_))).count();
    ensure(kept >= 4, || format!("only {kept} rules could be judged"))
}
