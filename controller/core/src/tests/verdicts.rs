use adit_driver::{Capability, Event, Reach, Verdict};
use adit_protocol::pow::{Hash, Header, Target, VersionMask};

use super::fixtures::{capability, claim, job, one_in, solve, stick};
use super::*;
use crate::{Answer, RejectKind, ShareKey};

fn share_of(work: &Work) -> Claim {
    solve(work, |hash| work.job.share_target.is_met_by(hash)).next().unwrap()
}

/// Keeps the device's promise, but is no share.
fn below(work: &Work) -> Claim {
    solve(work, |hash| one_in(2).is_met_by(hash) && !work.job.share_target.is_met_by(hash)).next().unwrap()
}

/// Does not keep the device's promise.
fn wrong(work: &Work) -> Claim {
    solve(work, |hash| !one_in(2).is_met_by(hash)).next().unwrap()
}

fn rig() -> (Rig, DeviceKey) {
    let mut rig = Rig::new();
    let device = rig.stick("1");
    rig.job(job(0, 1));
    (rig, device)
}

#[test]
fn every_verdict_is_what_its_name_says() {
    let (mut rig, device) = rig();
    let work = rig.work(device);
    assert_eq!(rig.nonce(device, &[]).verdict, Verdict::UnknownWork);
    assert_eq!(rig.nonce(device, &[wrong(&work)]).verdict, Verdict::HardwareError);
    assert_eq!(rig.nonce(device, &[below(&work)]).verdict, Verdict::BelowShare);
    assert_eq!(rig.nonce(device, &[share_of(&work)]).verdict, Verdict::Share);
    assert_eq!(rig.nonce(device, &[share_of(&work)]).verdict, Verdict::Duplicate);
    assert_eq!(rig.nonce(device, &[wrong(&work)]).verdict, Verdict::Duplicate);
    let tally = *rig.view(device).tally;
    assert_eq!((tally.received, tally.valid(), tally.pending()), (6, 2, 0));
    assert_eq!(tally.verdicts(Verdict::Duplicate), 2);
    assert_eq!(rig.shares.len(), 1);
}

#[test]
fn a_share_carries_what_the_pool_needs() {
    let (mut rig, device) = rig();
    rig.event(device, Event::Room { received: 1, free: 1 });
    let work = rig.work(device);
    let found = share_of(&work);
    let ruling = rig.nonce(device, &[found]);
    let share = &rig.shares[0];
    assert_eq!(share.extranonce2, [1, 0, 0, 0]);
    assert_eq!(
        (share.ntime, share.version, share.nonce),
        (work.header.ntime, work.header.version, found.nonce)
    );
    let hash = Header { nonce: found.nonce, ..work.header }.hash();
    assert_eq!(share.difficulty, Target::from_hash(&hash).difficulty());
    assert_eq!((ruling.difficulty, ruling.claim), (share.difficulty, Some(0)));
    assert!(!share.block);
}

#[test]
fn the_first_claim_that_keeps_the_promise_is_meant() {
    let (mut rig, device) = rig();
    let old = rig.work(device);
    rig.event(device, Event::Room { received: 1, free: 1 });
    let new = rig.work(device);
    let nonce = (0..).find(|nonce| {
        !one_in(2).is_met_by(&fixtures::hash(&new, *nonce))
            && one_in(4).is_met_by(&fixtures::hash(&old, *nonce))
    });
    let claims = [claim(&new, nonce.unwrap()), claim(&old, nonce.unwrap())];
    let ruling = rig.nonce(device, &claims);
    assert_eq!((ruling.verdict, ruling.claim), (Verdict::Share, Some(1)));
    assert_eq!(rig.shares[0].extranonce2, [0, 0, 0, 0]);
    assert_eq!(rig.nonce(device, &claims).verdict, Verdict::Duplicate);
}

#[test]
fn work_of_another_device_is_unknown() {
    let (mut rig, device) = rig();
    let other = rig.stick("2");
    let claim = share_of(&rig.work(other));
    assert_eq!(rig.nonce(device, &[claim]).verdict, Verdict::UnknownWork);
    assert_eq!(rig.nonce(other, &[claim]).verdict, Verdict::Share);
}

#[test]
fn a_header_that_was_not_issued_is_no_share_even_if_it_hashes_well() {
    let (mut rig, device) = rig();
    let work = rig.work(device);
    for ntime in [work.header.ntime - 1, work.header.ntime + 1] {
        let outside = Work { header: Header { ntime, ..work.header }, ..work.clone() };
        let ruling = rig.nonce(device, &[share_of(&outside)]);
        assert_eq!((ruling.verdict, ruling.difficulty), (Verdict::HardwareError, 0.0));
    }
    let version = Claim { version: 0x3000_0000, ..share_of(&work) };
    assert_eq!(rig.nonce(device, &[version]).verdict, Verdict::HardwareError);
    let extranonce2 = Claim { extranonce2: 77, ..share_of(&work) };
    assert_eq!(rig.nonce(device, &[extranonce2]).verdict, Verdict::HardwareError);
    assert!(rig.shares.is_empty());
}

#[test]
fn what_a_device_rolls_by_itself_is_hashed_as_it_says() {
    let mut rig = Rig::new();
    let device = rig.attach(&stick("1", "a"));
    let reach = Reach { extranonce2: 4, ntime: 10, version_bits: 2 };
    rig.ready(device, Capability { reach, ..capability() });
    rig.job(Job { version_mask: VersionMask(0x6000), ..job(0, 1) });
    let work = rig.work(device);
    for (extranonce2, ntime, version) in [(0, 3, 0x6000), (2, 0, 0), (3, 9, 0x2000)] {
        let (ntime, version) = (work.header.ntime + ntime, work.header.version | version);
        let header = work.job.header(extranonce2, ntime, version);
        let nonce =
            (0..).find(|nonce| one_in(4).is_met_by(&Header { nonce: *nonce, ..header }.hash())).unwrap();
        let found = Claim { work: work.id, extranonce2, ntime, version, nonce };
        assert_eq!(rig.nonce(device, &[found]).verdict, Verdict::Share);
        let share = rig.shares.last().unwrap();
        assert_eq!((share.version, share.ntime, share.extranonce2[0]), (version, ntime, extranonce2 as u8));
    }
}

#[test]
fn the_same_nonce_reported_twice_is_submitted_once_however_much_lies_between() {
    let (mut rig, device) = rig();
    let work = rig.work(device);
    let share = share_of(&work);
    rig.nonce(device, &[share]);
    for other in solve(&work, |hash| !one_in(2).is_met_by(hash)).take(64) {
        assert_eq!(rig.nonce(device, &[other]).verdict, Verdict::HardwareError);
    }
    assert_eq!(rig.nonce(device, &[share]).verdict, Verdict::Duplicate);
    assert_eq!(rig.shares.len(), 1);
}

#[test]
fn the_last_64_nonces_of_a_work_are_remembered_exactly() {
    let (mut rig, device) = rig();
    let work = rig.work(device);
    let wrong: Vec<Claim> = solve(&work, |hash| !one_in(2).is_met_by(hash)).take(66).collect();
    for claim in &wrong {
        assert_eq!(rig.nonce(device, &[*claim]).verdict, Verdict::HardwareError);
    }
    for claim in &wrong[2..] {
        assert_eq!(rig.nonce(device, &[*claim]).verdict, Verdict::Duplicate);
    }
    for claim in &wrong[..2] {
        assert_eq!(rig.nonce(device, &[*claim]).verdict, Verdict::HardwareError, "the oldest are forgotten");
    }
}

#[test]
fn a_difficulty_change_without_clean_jobs_leaves_old_shares_against_their_own_target() {
    let (mut rig, device) = rig();
    let old = rig.work(device);
    rig.job(Job { share_target: one_in(1_000), coinbase_head: vec![9; 42], ..job(0, 2) });
    let new = rig.work(device);
    let easy = |work: &Work| {
        solve(work, |hash| one_in(4).is_met_by(hash) && !one_in(1_000).is_met_by(hash)).next().unwrap()
    };
    assert_eq!(rig.nonce(device, &[easy(&old)]).verdict, Verdict::Share);
    assert_eq!(rig.nonce(device, &[easy(&new)]).verdict, Verdict::BelowShare);
}

#[test]
fn a_pool_that_makes_live_jobs_easier_gets_easier_shares() {
    let (mut rig, device) = rig();
    let work = rig.work(device);
    assert_eq!(rig.nonce(device, &[below(&work)]).verdict, Verdict::BelowShare);
    for difficulty in [f64::NAN, -1.0, 0.0, 1e9] {
        rig.pool(0, PoolInput::Easier { difficulty });
    }
    assert_eq!(
        rig.pool_view(0).difficulty,
        Some(one_in(4).difficulty()),
        "nonsense and harder ones are not taken"
    );
    rig.pool(0, PoolInput::Easier { difficulty: one_in(2).difficulty() });
    let second = solve(&work, |hash| one_in(2).is_met_by(hash) && !one_in(4).is_met_by(hash)).nth(1).unwrap();
    assert_eq!(rig.nonce(device, &[second]).verdict, Verdict::Share);
}

#[test]
fn a_share_of_the_previous_job_of_the_same_block_is_submitted() {
    let (mut rig, device) = rig();
    let old = rig.work(device);
    rig.job(Job { coinbase_head: vec![9; 42], ..job(0, 2) });
    rig.wait_s(100);
    assert_eq!(rig.nonce(device, &[share_of(&old)]).verdict, Verdict::Share);
    assert_eq!(rig.shares[0].job.key.0, 1);
}

#[test]
fn a_cleaned_job_is_honoured_for_30_seconds() {
    let (mut rig, device) = rig();
    let old = rig.work(device);
    rig.job(Job { coinbase_head: vec![9; 42], clean: true, ..job(0, 2) });
    rig.wait_s(30);
    assert_eq!(rig.nonce(device, &[share_of(&old)]).verdict, Verdict::Share);
    rig.wait(Duration::from_micros(1));
    let second = solve(&old, |hash| one_in(4).is_met_by(hash)).nth(1).unwrap();
    assert_eq!(rig.nonce(device, &[second]).verdict, Verdict::Stale);
    assert_eq!(rig.shares.len(), 1);
}

#[test]
fn a_new_block_makes_shares_stale_at_once_but_never_a_block() {
    let (mut rig, device) = rig();
    let old = rig.job(Job { network_target: Some(one_in(64)), coinbase_head: vec![7; 42], ..job(0, 2) });
    let work = rig.work(device);
    rig.job(Job { prev_hash: Hash([1; 32]), ..job(0, 3) });
    let plain = solve(&work, |hash| one_in(4).is_met_by(hash) && !one_in(64).is_met_by(hash)).next().unwrap();
    assert_eq!(rig.nonce(device, &[plain]).verdict, Verdict::Stale);
    let block = solve(&work, |hash| one_in(64).is_met_by(hash)).next().unwrap();
    assert_eq!(rig.nonce(device, &[block]).verdict, Verdict::Block);
    assert_eq!(rig.shares.len(), 1);
    assert!(rig.shares[0].block && rig.shares[0].job == old);
}

#[test]
fn a_block_that_is_no_share_is_submitted_too() {
    let mut rig = Rig::new();
    let device = rig.stick("1");
    rig.job(Job { share_target: one_in(1 << 40), network_target: Some(one_in(4)), ..job(0, 1) });
    let block = solve(&rig.work(device), |hash| one_in(4).is_met_by(hash)).next().unwrap();
    assert_eq!(rig.nonce(device, &[block]).verdict, Verdict::Block);
    assert_eq!(rig.shares.len(), 1);
}

#[test]
fn a_job_is_forgotten_after_ten_minutes_unless_it_is_the_newest() {
    let (mut rig, device) = rig();
    let old = rig.work(device);
    rig.wait_s(550);
    rig.job(Job { coinbase_head: vec![9; 42], ..job(0, 2) });
    let new = rig.work(device);
    rig.wait_s(51);
    assert_eq!(rig.nonce(device, &[share_of(&old)]).verdict, Verdict::Stale);
    rig.wait_s(3_600);
    assert_eq!(rig.nonce(device, &[share_of(&new)]).verdict, Verdict::Share);
}

#[test]
fn a_harder_promise_does_not_turn_old_nonces_into_hardware_errors() {
    let (mut rig, device) = rig();
    let work = rig.work(device);
    rig.event(device, Event::Ready(Capability { report_target: one_in(64), ..capability() }));
    assert_eq!(rig.nonce(device, &[below(&work)]).verdict, Verdict::BelowShare);
    rig.event(device, Event::Room { received: 1, free: 1 });
    let work = rig.work(device);
    assert_eq!(rig.nonce(device, &[below(&work)]).verdict, Verdict::HardwareError);
}

#[test]
fn shares_are_counted_by_what_the_pool_answers() {
    let (mut rig, device) = rig();
    let work = rig.work(device);
    for found in solve(&work, |hash| one_in(4).is_met_by(hash)).take(6) {
        rig.nonce(device, &[found]);
    }
    let reject = |kind| Answer::Rejected { kind, reason: "no".into() };
    let answers = [
        Answer::Accepted,
        reject(RejectKind::Stale),
        reject(RejectKind::LowDifficulty),
        Answer::Lost,
        Answer::Accepted,
    ];
    for (share, answer) in answers.into_iter().enumerate() {
        let share = ShareKey(share as u64);
        for _ in 0..2 {
            let latency = Duration::from_millis(3);
            rig.pool(0, PoolInput::Answer { share, answer: answer.clone(), latency }); // the second time: nobody waits
        }
    }
    for counts in [rig.view(device).shares, rig.pool_view(0).shares] {
        assert_eq!((counts.submitted, counts.accepted, counts.rejected()), (6, 2, 1));
        assert_eq!((counts.stale(), counts.lost, counts.pending), (1, 1, 1));
        assert_eq!(counts.refused(RejectKind::LowDifficulty), 1);
    }
    assert_eq!(rig.pool_view(0).latency, Some(Duration::from_millis(3)));
}

#[test]
fn the_hash_rate_counts_what_a_nonce_stands_for_and_only_true_ones() {
    let (mut rig, device) = rig();
    let work = rig.work(device);
    for found in solve(&work, |hash| one_in(2).is_met_by(hash)).take(50) {
        rig.nonce(device, &[found]);
    }
    rig.nonce(device, &[wrong(&work)]);
    rig.wait_s(9); // the job came a second after the device
    assert_eq!(rig.view(device).hashrate, Some(adit_protocol::units::HashRate(10.0)));
}
