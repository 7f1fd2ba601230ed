use adit_driver::{Event, Verdict};
use adit_protocol::pow::Hash;

use super::fixtures::{job, one_in, solve};
use super::*;
use crate::{Answer, Credit, RejectKind};

const UP: PoolInput = PoolInput::Up { resumed: false };

/// A stick, and two pools with one job each: job 1 of pool 0 and job 2 of pool 1.
fn rig() -> (Rig, DeviceKey) {
    let mut rig = Rig::with_pools(2);
    let device = rig.stick("1");
    rig.pool(0, UP);
    rig.job(job(0, 1));
    rig.pool(1, UP);
    rig.job(Job { prev_hash: Hash([6; 32]), ..job(1, 2) });
    (rig, device)
}

fn share_of(work: &Work) -> Claim {
    solve(work, |hash| one_in(4).is_met_by(hash)).next().unwrap()
}

fn working_for(pool: u16) -> Notice {
    Notice::WorkingFor(Some(PoolKey(pool)))
}

#[test]
fn the_best_pool_is_worked_for_and_the_next_takes_over_at_once() {
    let (mut rig, device) = rig();
    assert_eq!(rig.work(device).job.pool, PoolKey(0));
    rig.pool(0, PoolInput::Down);
    assert!(rig.noticed(&working_for(1)));
    assert_eq!(rig.job_changes(), [(device, true)]);
    assert_eq!(rig.work(device).job.pool, PoolKey(1));
    assert!(rig.pool_view(1).working && !rig.pool_view(0).working);
}

#[test]
fn a_better_pool_is_returned_to_when_it_has_been_up_for_two_minutes() {
    let (mut rig, device) = rig();
    rig.pool(0, PoolInput::Down);
    rig.wait_s(10);
    rig.pool(0, UP);
    rig.job(job(0, 3));
    assert_eq!(rig.work(device).job.pool, PoolKey(1));
    rig.wait_s(60);
    rig.pool(0, PoolInput::Down);
    rig.wait_s(10);
    rig.pool(0, UP);
    rig.job(job(0, 4));
    rig.wait_s(118); // the job came a second after the pool
    assert_eq!(rig.work(device).job.pool, PoolKey(1), "it was down in between");
    rig.wait_s(1);
    assert!(rig.noticed(&working_for(0)));
    assert_eq!(
        rig.job_changes(),
        [(device, false)],
        "what is being searched is still good for the other pool"
    );
    assert_eq!(rig.work(device).job.key.0, 4);
}

#[test]
fn a_better_pool_that_is_only_slow_to_connect_is_taken_at_once() {
    let mut rig = Rig::with_pools(2);
    let device = rig.stick("1");
    rig.pool(1, UP);
    rig.job(job(1, 1));
    assert_eq!(rig.work(device).job.pool, PoolKey(1));
    rig.wait_s(1);
    rig.pool(0, UP);
    rig.job(job(0, 2));
    assert_eq!(rig.work(device).job.pool, PoolKey(0));
}

#[test]
fn a_share_found_for_the_other_pool_still_goes_there() {
    let (mut rig, device) = rig();
    rig.pool(0, PoolInput::Down);
    let work = rig.work(device);
    rig.pool(0, UP);
    rig.job(job(0, 3));
    rig.wait_s(120);
    assert_eq!(rig.work(device).job.pool, PoolKey(0));
    assert_eq!(rig.nonce(device, &[share_of(&work)]).verdict, Verdict::Share);
    assert_eq!(rig.shares[0].job.pool, PoolKey(1));
    assert_eq!((rig.pool_view(0).shares.submitted, rig.pool_view(1).shares.submitted), (0, 1));
}

#[test]
fn a_bogus_job_of_one_pool_never_makes_work_of_another_stale() {
    let (mut rig, device) = rig();
    let work = rig.work(device);
    rig.job(Job { prev_hash: Hash([66; 32]), clean: true, ..job(1, 9) });
    assert_eq!(rig.job_changes(), []);
    assert_eq!(rig.nonce(device, &[share_of(&work)]).verdict, Verdict::Share);
}

#[test]
fn without_any_pool_devices_stop_feeding_on_dead_jobs_and_go_on_when_one_is_back() {
    let (mut rig, device) = rig();
    rig.pool(1, PoolInput::Down);
    assert_eq!(rig.job_changes(), [], "nobody works for it");
    rig.pool(0, PoolInput::Down);
    assert!(rig.noticed(&Notice::WorkingFor(None)));
    assert_eq!(rig.job_changes(), [(device, true)]);
    let before = rig.works_of(device);
    rig.event(device, Event::Room { received: before as u64, free: 1 });
    assert_eq!((rig.works_of(device), rig.state(device)), (before, State::Idle));
    rig.pool(1, UP);
    assert_eq!(rig.works_of(device), before, "the job of another session is dead");
    rig.job(job(1, 5));
    assert_eq!((rig.works_of(device), rig.state(device)), (before + 1, State::Hashing));
}

#[test]
fn a_resumed_session_gets_its_shares_and_its_job_goes_on() {
    let (mut rig, device) = rig();
    let work = rig.work(device);
    rig.pool(1, PoolInput::Down);
    rig.pool(0, PoolInput::Down);
    rig.wait_s(5);
    assert_eq!(
        rig.nonce(device, &[share_of(&work)]).verdict,
        Verdict::Share,
        "the session keeps it for a while"
    );
    rig.pool(0, PoolInput::Up { resumed: true });
    assert_eq!(rig.state(device), State::Hashing);
    assert_eq!(rig.work(device).job.key, work.job.key);
    rig.wait_s(100);
    let second = solve(&work, |hash| one_in(4).is_met_by(hash)).nth(1).unwrap();
    assert_eq!(rig.nonce(device, &[second]).verdict, Verdict::Share);
}

#[test]
fn shares_for_a_pool_that_stays_away_are_stale() {
    let (mut rig, device) = rig();
    let work = rig.work(device);
    rig.pool(0, PoolInput::Down);
    rig.wait_s(31);
    assert_eq!(rig.nonce(device, &[share_of(&work)]).verdict, Verdict::Stale);
}

#[test]
fn shares_of_a_session_that_was_not_resumed_are_stale() {
    let (mut rig, device) = rig();
    let work = rig.work(device);
    rig.pool(0, PoolInput::Down);
    rig.pool(0, UP);
    assert_eq!(rig.nonce(device, &[share_of(&work)]).verdict, Verdict::Stale);
    rig.pool(0, PoolInput::Down);
    rig.pool(0, PoolInput::Up { resumed: true });
    let second = solve(&work, |hash| one_in(4).is_met_by(hash)).nth(1).unwrap();
    assert_eq!(
        rig.nonce(device, &[second]).verdict,
        Verdict::Stale,
        "it is not resumed by the next one either"
    );
}

#[test]
fn what_a_pool_says_and_answers_is_passed_on() {
    let (mut rig, device) = rig();
    rig.pool(1, PoolInput::Notice { text: "maintenance at noon".into(), warning: false });
    let says = Notice::PoolSays { pool: PoolKey(1), text: "maintenance at noon".into(), warning: false };
    assert!(rig.noticed(&says));
    rig.nonce(device, &[share_of(&rig.work(device))]);
    let (share, latency) = (rig.shares[0].key, Duration::from_millis(40));
    rig.pool(0, PoolInput::Answer { share, answer: Answer::Accepted, latency });
    let (difficulty, credit) = (rig.shares[0].difficulty, rig.shares[0].job.share_target.difficulty());
    assert!(difficulty >= credit && credit > 0.0);
    let (pool, answer) = (PoolKey(0), Answer::Accepted);
    assert!(rig.noticed(&Notice::Answered { pool, device, difficulty, credit, answer, latency }));
}

#[test]
fn an_answered_share_counts_what_its_pool_asked_for_at_the_pool_and_at_the_device() {
    let (mut rig, device) = rig();
    let work = rig.work(device);
    for share in solve(&work, |hash| one_in(4).is_met_by(hash)).take(3).collect::<Vec<_>>() {
        rig.nonce(device, &[share]);
    }
    let keys: Vec<_> = rig.shares.iter().map(|share| share.key).collect();
    let refused = |kind| Answer::Rejected { kind, reason: String::new() };
    let answers = [Answer::Accepted, refused(RejectKind::Stale), refused(RejectKind::LowDifficulty)];
    for (share, (answer, ms)) in keys.into_iter().zip(answers.into_iter().zip([9, 26, 11_000])) {
        rig.pool(0, PoolInput::Answer { share, answer, latency: Duration::from_millis(ms) });
    }
    let credit = work.job.share_target.difficulty();
    let each = Credit { accepted: credit, stale: credit, rejected: credit };
    let view = rig.view(device);
    assert_eq!(*view.credit, each);
    assert!(view.best_difficulty.unwrap() >= credit);
    assert!(view.last_share_at.is_some() && view.last_nonce_at.is_some());
    assert_eq!(view.units[&0].verdicts(Verdict::Share), 3);
    assert_eq!(view.units[&0].pending(), 0);
    let pool = rig.core.pools().next().unwrap();
    assert_eq!(*pool.credit, each);
    assert_eq!(pool.latencies.counts, [1, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!((pool.latencies.count, pool.latencies.sum), (3, Duration::from_millis(11_035)));
}
