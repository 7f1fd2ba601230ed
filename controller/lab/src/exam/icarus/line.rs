//! Checks of the line: what is no job, what comes in pieces, what must never come.

use std::time::Duration;

use adit_protocol::icarus::Job;
use adit_protocol::icarus::golden::{BLOCK_171874, GENESIS};
use adit_protocol::pow::{Midstate, Target};

use super::stick::{SLACK, Stick};
use crate::exam::desk::{Answer, Desk, Ending, ensure};

/// Silence after which a device has forgotten a piece of a job, whatever it is (§9 (3), §7.2).
const FORGOTTEN: Duration = Duration::from_millis(250);

pub(super) async fn forgets_garbage(desk: Desk) -> Answer {
    let stick = Stick::new(desk).await?;
    for count in [39, 1, 101] {
        let noise = stick.desk.noise(count);
        stick.send(&noise);
        stick.desk.calm(FORGOTTEN, Duration::from_secs(1)).await;
        let solved = stick.solve(&BLOCK_171874).await;
        solved.map_err(|_| {
            Ending::Failed(format!(
                "no answer to the detection job after {count} bytes of garbage and a pause"
            ))
        })?;
        stick.desk.calm(FORGOTTEN, FORGOTTEN).await;
    }
    Ok("39, 1 and 101 bytes".into())
}

pub(super) async fn forgets_half_a_job(desk: Desk) -> Answer {
    let stick = Stick::new(desk).await?;
    let half = stick.bytes(&GENESIS.job());
    stick.send(&half[..32]);
    stick.desk.calm(FORGOTTEN, Duration::from_secs(1)).await;
    let solved = stick.solve(&BLOCK_171874).await;
    solved
        .map_err(|_| Ending::Failed("no answer to the detection job after half a job and a pause".into()))?;
    Ok("32 bytes, then 250 ms of silence".into())
}

pub(super) async fn takes_pieces(desk: Desk) -> Answer {
    let stick = Stick::new(desk).await?;
    let bytes = stick.bytes(&BLOCK_171874.job());
    let (first, second) = bytes.split_at(32);
    stick.send(first);
    stick.desk.pause(Duration::from_millis(5)).await;
    let given = stick.send(second);
    let solved = stick.solution(&BLOCK_171874, given, SLACK).await;
    solved.map_err(|_| Ending::Failed("no answer to the detection job sent as 32 + 32 bytes".into()))?;
    Ok("32 + 32 bytes, 2 ms apart".into())
}

pub(super) async fn answers_after_reopening(desk: Desk) -> Answer {
    let stick = Stick::new(desk).await?;
    let half = stick.bytes(&GENESIS.job());
    stick.send(&half[..20]);
    stick.desk.pause(Duration::from_millis(20)).await;
    let reopened = stick.desk.reopen().await;
    reopened.map_err(|why| Ending::Skipped(format!("the port cannot be reopened: {why}")))?;
    stick.desk.calm(FORGOTTEN, Duration::from_secs(1)).await;
    stick.solve(&BLOCK_171874).await?;
    Ok("closed after 20 bytes of a job, opened, asked".into())
}

/// Nonces after which a device has shown what it is.
const ENOUGH: usize = 12;

pub(super) async fn reports_nothing_false(desk: Desk) -> Answer {
    let stick = Stick::new(desk).await?;
    let target = Target::from_difficulty(stick.desk.subject.difficulty).unwrap_or(Target::MAX);
    let end = stick.desk.now() + stick.desk.subject.watch;
    let range = f64::from(u32::MAX) / (stick.engine_rate() * f64::from(stick.division.parts()));
    let shift = Duration::from_secs_f64((range * 0.6).clamp(0.05, 5.0));
    let mut jobs: Vec<Job> = Vec::new();
    let mut judged = 0;
    while stick.desk.now() < end && judged < ENOUGH {
        jobs.push(random_job(&stick, jobs.len()));
        let given = stick.send(&stick.bytes(jobs.last().unwrap_or(&BLOCK_171874.job())));
        let by = (given + shift).min(end);
        let hearing = stick.listen(by, |records| records.len() >= ENOUGH).await;
        let live = &jobs[jobs.len().saturating_sub(2)..];
        for record in &hearing.records {
            let nonce = record.counter().swap_bytes();
            let solved = live.iter().any(|job| target.is_met_by(&job.hash(nonce)));
            ensure(solved || record.register().is_some(), || {
                format!("{:08x} solves neither the job nor the one before", record.counter())
            })?;
            judged += 1;
        }
    }
    if judged == 0 {
        let watched = stick.desk.subject.watch.as_secs();
        return Err(Ending::Skipped(format!("no nonce in {watched} s: watch longer with --watch")));
    }
    Ok(format!("{judged} nonces of {} jobs", jobs.len()))
}

/// A job that nobody knows.
fn random_job(stick: &Stick, number: usize) -> Job {
    let mut state = [0; 8];
    state.fill_with(|| stick.desk.below(1 << 32) as u32);
    let mut tail = [0; 12];
    tail.fill_with(|| stick.desk.below(256) as u8);
    Job { midstate: Midstate(state), tail, filler: [0; 20] }.with_work_id(number as u8)
}
