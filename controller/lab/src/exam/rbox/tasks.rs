//! Checks of jobs: slots, requests, completion, time.

use std::collections::HashSet;
use std::time::Duration;

use adit_protocol::icarus::golden::{BLOCK_171874, GENESIS, ICARUS_SCRIPT, U3_CHIP_0};
use adit_protocol::icarus::{Job, RecordKind};
use adit_protocol::pow::{Midstate, Target};
use adit_protocol::units::Hertz;
use adit_protocol::wire::Micros;

use super::case::{Case, Hearing, SLACK, counters};
use crate::exam::desk::{Answer, Desk, Ending, ensure};

const CHIP: u8 = 0;
/// How far a clock may be from what is said.
const TOLERANCE: f64 = 0.15;
/// An unserved request is repeated after a long silence only (§8.3).
const NO_REPEAT: Duration = Duration::from_secs(4);
/// Nonces after which a box has shown what it is.
const ENOUGH: usize = 24;

fn random(case: &Case) -> Job {
    let mut state = [0; 8];
    state.fill_with(|| case.desk.below(1 << 32) as u32);
    let mut tail = [0; 12];
    tail.fill_with(|| case.desk.below(256) as u8);
    Job { midstate: Midstate(state), tail, filler: [0; 20] }
}

pub(super) async fn finds_known(desk: Desk) -> Answer {
    let case = Case::new(desk).await?;
    let jobs = [&GENESIS, &ICARUS_SCRIPT, &U3_CHIP_0];
    for (chip, known) in (0..case.chips).zip(jobs) {
        case.solve(chip, known).await?;
    }
    Ok(jobs.map(|known| known.id).join(", "))
}

/// What comes until `count` tasks of the chip are complete.
async fn completions(case: &Case, given: Micros, count: usize, clock: Hertz) -> Result<Hearing, Ending> {
    let by = given + case.task_time(clock).mul_f64(1.35 * count as f64) + SLACK;
    let complete = |hearing: &Hearing| hearing.of(CHIP, RecordKind::Complete).count() >= count;
    let hearing = case.listen(by, complete).await;
    ensure(complete(&hearing), || {
        let found = hearing.of(CHIP, RecordKind::Complete).count();
        format!("{found} of {count} tasks complete in {:.2} s", by.since(given).as_secs_f64())
    })?;
    Ok(hearing)
}

pub(super) async fn takes_turns(desk: Desk) -> Answer {
    let case = Case::new(desk).await?;
    case.give(CHIP, BLOCK_171874.job());
    let given = case.give(CHIP, GENESIS.job());
    let hearing = completions(&case, given, 2, case.clock()).await?;
    let slots: Vec<_> = hearing.of(CHIP, RecordKind::Complete).map(|(_, record)| record.slot).collect();
    ensure(slots[0] != slots[1], || format!("two tasks in slot {}", slots[0]))?;
    for (known, slot) in [(&BLOCK_171874, slots[0]), (&GENESIS, slots[1])] {
        let answered = hearing.solution(CHIP, known);
        ensure(answered.is_some_and(|record| record.slot == slot), || match answered {
            Some(record) => {
                format!("job {} runs in slot {slot}, its answer names slot {}", known.id, record.slot)
            }
            None => format!("no answer to job {}, but {hearing}", known.id),
        })?;
    }
    Ok(format!("slots {} and {}", slots[0], slots[1]))
}

pub(super) async fn asks_once(desk: Desk) -> Answer {
    let case = Case::new(desk).await?;
    case.give(CHIP, random(&case));
    let given = case.give(CHIP, random(&case));
    // Both slots are taken, and become free one after the other.
    let hearing = case.listen(given + case.task_time(case.clock()) * 2 + NO_REPEAT, |_| false).await;
    let first = hearing.of(CHIP, RecordKind::Complete).next().map(|(at, _)| at);
    let first = first.ok_or_else(|| Ending::Failed(format!("no task was complete, but {hearing}")))?;
    let requests = hearing.of(CHIP, RecordKind::Request).filter(|(at, _)| *at >= first);
    let mut asked: Vec<_> = requests.map(|(_, record)| record.slot).collect();
    asked.sort_unstable();
    ensure(asked == [0, 1], || format!("two slots became free, and it asked for {asked:?}"))?;
    Ok("both slots, once each".into())
}

pub(super) async fn completes_once(desk: Desk) -> Answer {
    let case = Case::new(desk).await?;
    let given = case.give(CHIP, GENESIS.job());
    let by = given + case.task_time(case.clock()) * 3 + SLACK;
    let hearing = case.listen(by, |_| false).await;
    let complete: Vec<_> = hearing.of(CHIP, RecordKind::Complete).map(|(at, _)| at).collect();
    ensure(complete.len() == 1, || format!("{} times complete after one job: {hearing}", complete.len()))?;
    let is_nonce = |kind| matches!(kind, RecordKind::Nonce(_));
    let late = hearing.records().filter(|(at, record)| is_nonce(record.kind) && *at > complete[0]).count();
    ensure(late == 0, || format!("{late} nonces after the task was complete"))?;
    let mut seen = HashSet::new();
    for (_, nonce) in hearing.nonces() {
        ensure(seen.insert(nonce), || format!("nonce {:08x} came twice", nonce.swap_bytes()))?;
    }
    Ok(format!("{} nonces, then complete", seen.len()))
}

/// How long a task at `clock` takes.
async fn timed(case: &Case, clock: Hertz) -> Result<f64, Ending> {
    let given = case.give_at(CHIP, random(case), clock);
    let hearing = completions(case, given, 1, Hertz(clock.0 / 2.0)).await?;
    let took = hearing.of(CHIP, RecordKind::Complete).next().map(|(at, _)| at.since(given));
    case.rest().await;
    Ok(took.unwrap_or_default().as_secs_f64())
}

pub(super) async fn is_in_time(desk: Desk) -> Answer {
    let case = Case::new(desk).await?;
    let expected = case.task_time(case.clock()).as_secs_f64();
    let took = timed(&case, case.clock()).await?;
    ensure((took / expected - 1.0).abs() < TOLERANCE, || {
        format!("a task took {took:.3} s instead of {expected:.3}")
    })?;
    let rate = 2_f64.powi(32) / took * f64::from(case.chips);
    Ok(format!("{:.1} GH/s at {:.0} MHz", rate / 1e9, case.clock().mhz()))
}

pub(super) async fn follows_the_clock(desk: Desk) -> Answer {
    let case = Case::new(desk).await?;
    let Some([low, default, _]) = case.desk.subject.model.clock else { return Ok("it has none".into()) };
    let (fast, slow) = (timed(&case, default).await?, timed(&case, low).await?);
    let (ratio, expected) = (slow / fast, default.0 / low.0);
    ensure((ratio / expected - 1.0).abs() < TOLERANCE, || {
        format!(
            "{:.0} MHz instead of {:.0} made a task {ratio:.2} times as long, not {expected:.2}",
            low.mhz(),
            default.mhz()
        )
    })?;
    Ok(format!("{:.0} and {:.0} MHz: {ratio:.2} times as long", default.mhz(), low.mhz()))
}

pub(super) async fn reports_nothing_false(desk: Desk) -> Answer {
    let case = Case::new(desk).await?;
    let target = Target::from_difficulty(case.desk.subject.difficulty).unwrap_or(Target::MAX);
    let end = case.desk.now() + case.desk.subject.watch;
    let (mut jobs, mut judged) = (Vec::new(), 0);
    while case.desk.now() < end && judged < ENOUGH {
        jobs.clear();
        for chip in 0..case.chips {
            jobs.push(random(&case));
            case.give(chip, jobs[usize::from(chip)]);
        }
        let by = case.desk.now() + case.task_time(case.clock()).mul_f64(1.35) + SLACK;
        let hearing = case.listen(by, |_| false).await;
        for (record, nonce) in hearing.nonces() {
            let job = jobs.get(usize::from(record.chip));
            let solves = |job: &Job| counters(nonce).any(|it| target.is_met_by(&job.hash(it.swap_bytes())));
            ensure(job.is_some_and(solves), || {
                format!("{:08x} does not solve the job of chip {}", nonce.swap_bytes(), record.chip)
            })?;
            judged += 1;
        }
    }
    if judged == 0 {
        let watched = case.desk.subject.watch.as_secs();
        return Err(Ending::Skipped(format!("no nonce in {watched} s: watch longer with --watch")));
    }
    Ok(format!("{judged} nonces"))
}
