//! Dividing work among pools, and changing pools while it is divided.

use adit_protocol::pow::Hash;

use super::fixtures::{job, one_in, solve};
use super::*;
use crate::{Answer, Strategy};

const UP: PoolInput = PoolInput::Up { resumed: false };

/// A stick and this many pools that are up, under a strategy.
fn rig(pools: u16, strategy: Strategy) -> (Rig, DeviceKey) {
    let mut rig = Rig::with_pools(pools);
    rig.core.set_strategy(rig.now, strategy);
    let device = rig.stick("1");
    for pool in 0..pools {
        rig.pool(pool, UP);
        rig.job(Job { prev_hash: Hash([pool as u8; 32]), ..job(pool, 100 + u64::from(pool)) });
    }
    (rig, device)
}

/// Lets the device find the share of its work and take the next one, `count` times; how many works each pool had.
fn mine(rig: &mut Rig, device: DeviceKey, count: usize) -> Vec<usize> {
    let mut works = vec![0; rig.core.pools().count()];
    for _ in 0..count {
        let work = rig.work(device);
        works[usize::from(work.job.pool.0)] += 1;
        let claim = solve(&work, |hash| one_in(4).is_met_by(hash)).next().unwrap();
        rig.nonce(device, &[claim]);
        let received = rig.works_of(device) as u64;
        rig.event(device, Event::Room { received, free: 1 });
    }
    works
}

/// Every share is accepted.
fn accept(rig: &mut Rig) {
    for share in std::mem::take(&mut rig.shares) {
        let answer =
            PoolInput::Answer { share: share.key, answer: Answer::Accepted, latency: Duration::ZERO };
        rig.pool(share.job.pool.0, answer);
    }
}

fn key(pool: u16) -> PoolKey {
    PoolKey(pool)
}

#[test]
fn round_robin_gives_every_pool_the_same_hashes() {
    let (mut rig, device) = rig(3, Strategy::RoundRobin);
    let works = mine(&mut rig, device, 300);
    assert!(works.iter().all(|count| count.abs_diff(100) <= 1), "{works:?}");
}

#[test]
fn hashes_count_and_not_works() {
    let (mut rig, slow) = rig(2, Strategy::RoundRobin);
    let fast = rig.attach(&fixtures::stick("2", "2"));
    rig.report(fast, Report::Up);
    rig.ready(fast, Capability { hashes_per_nonce: 20.0, ..fixtures::capability() });
    for _ in 0..200 {
        mine(&mut rig, fast, 1);
        mine(&mut rig, slow, 1);
    }
    let hashes: Vec<f64> = rig.core.pools().map(|pool| pool.hashes).collect();
    assert!((hashes[0] - hashes[1]).abs() <= 40.0, "{hashes:?}");
    assert_eq!(hashes[0] + hashes[1], 200.0 * 22.0);
}

#[test]
fn quotas_are_kept_and_passed_on_while_a_pool_is_away() {
    let (mut rig, device) = rig(3, Strategy::Quota);
    rig.core.set_quota(key(0), 3);
    rig.core.set_quota(key(1), 1);
    rig.core.set_quota(key(2), 0);
    let works = mine(&mut rig, device, 400);
    assert!(works[0].abs_diff(300) <= 4 && works[1].abs_diff(100) <= 4 && works[2] <= 1, "{works:?}");
    rig.pool(0, PoolInput::Down);
    let works = mine(&mut rig, device, 100);
    assert_eq!(works, [0, 100, 0]);
    rig.pool(1, PoolInput::Down);
    assert_eq!(mine(&mut rig, device, 10), [0, 0, 10], "quota 0: when no other works");
    // What was missed is not caught up on.
    rig.pool(0, UP);
    rig.job(Job { prev_hash: Hash([7; 32]), ..job(0, 200) });
    rig.pool(1, UP);
    rig.job(Job { prev_hash: Hash([8; 32]), ..job(1, 201) });
    let works = mine(&mut rig, device, 400);
    assert!(works[0].abs_diff(300) <= 4 && works[1].abs_diff(100) <= 4, "{works:?}");
}

#[test]
fn balance_gives_more_to_a_pool_that_credits_less() {
    let (mut rig, device) = rig(2, Strategy::Balance);
    for pool in 0..2 {
        let share_target = one_in(4);
        rig.job(Job {
            share_target,
            prev_hash: Hash([9 + pool as u8; 32]),
            ..job(pool, 300 + u64::from(pool))
        });
    }
    let mut works = [0, 0];
    for round in 0..200 {
        let more = mine(&mut rig, device, 1);
        works[0] += more[0];
        works[1] += more[1];
        for share in std::mem::take(&mut rig.shares) {
            // The second pool refuses every other share.
            let refused = share.job.pool == key(1) && round % 2 == 0;
            let answer = if refused {
                Answer::Rejected { kind: crate::RejectKind::Other, reason: String::new() }
            } else {
                Answer::Accepted
            };
            rig.pool(
                share.job.pool.0,
                PoolInput::Answer { share: share.key, answer, latency: Duration::ZERO },
            );
        }
    }
    let credit: Vec<f64> = rig.core.pools().map(|pool| pool.credit.accepted).collect();
    assert!((credit[0] / credit[1] - 1.0).abs() < 0.1, "{credit:?}");
    assert!(works[1] > works[0] + 20, "{works:?}");
}

#[test]
fn another_quota_or_strategy_forgets_what_was_divided_before() {
    let (mut rig, device) = rig(2, Strategy::Quota);
    rig.core.set_quota(key(0), 9);
    mine(&mut rig, device, 200);
    rig.core.set_quota(key(0), 1);
    let works = mine(&mut rig, device, 100);
    assert!(works[0].abs_diff(50) <= 3, "{works:?}");
    accept(&mut rig);
    rig.core.set_strategy(rig.now, Strategy::Balance);
    rig.drain();
    rig.core.set_strategy(rig.now, Strategy::RoundRobin);
    rig.drain();
    let works = mine(&mut rig, device, 100);
    assert!(works[0].abs_diff(50) <= 3, "{works:?}");
}

#[test]
fn rotation_goes_round_the_pools_that_work_and_keeps_what_is_found_on_the_way() {
    let (mut rig, device) = rig(3, Strategy::Rotate { every: Duration::from_secs(600) });
    assert_eq!(rig.work(device).job.pool, key(0));
    let old = rig.work(device);
    rig.wait_s(600);
    assert_eq!(rig.work(device).job.pool, key(1));
    let claim = solve(&old, |hash| one_in(4).is_met_by(hash)).next().unwrap();
    rig.nonce(device, &[claim]);
    assert_eq!(rig.shares.last().unwrap().job.pool, key(0), "still good for the pool that was left");
    rig.pool(2, PoolInput::Down);
    rig.wait_s(600);
    assert_eq!(rig.work(device).job.pool, key(0));
    rig.pool(0, PoolInput::Down);
    assert_eq!(rig.work(device).job.pool, key(1));
    rig.wait_s(6_000);
    assert_eq!(rig.work(device).job.pool, key(1), "the only one");
}

#[test]
fn a_new_block_at_one_pool_leaves_a_device_alone_that_works_for_another() {
    let (mut rig, first) = rig(2, Strategy::RoundRobin);
    let (second, third) = (rig.stick("2"), rig.stick("3"));
    let pools = [first, second, third].map(|device| rig.work(device).job.pool);
    assert_eq!(pools, [key(0), key(0), key(1)]);
    rig.job(Job { prev_hash: Hash([0xee; 32]), clean: true, ..job(0, 500) });
    let mut changed = rig.job_changes();
    changed.sort();
    assert_eq!(changed, [(first, true), (second, true)]);
    rig.pool(1, PoolInput::Down);
    assert!(rig.job_changes().contains(&(third, true)));
    assert_eq!(rig.work(third).job.pool, key(0));
}

#[test]
fn pools_come_and_go_and_no_share_is_lost() {
    for strategy in [Strategy::Failover, Strategy::RoundRobin, Strategy::Quota, Strategy::Balance] {
        let (mut rig, device) = rig(1, strategy);
        mine(&mut rig, device, 5);
        let added = rig.core.add_pool(rig.now);
        assert_eq!(added, key(1));
        rig.pool(1, UP);
        rig.job(Job { prev_hash: Hash([2; 32]), ..job(1, 600) });
        mine(&mut rig, device, 5);
        let pending = rig.pool_view(0).shares.pending;
        assert!(pending > 0);
        rig.core.remove_pool(rig.now, key(0));
        rig.drain();
        assert_eq!(rig.work(device).job.pool, key(1), "{strategy:?}");
        assert_eq!((rig.pool_view(0).priority, rig.pool_view(1).priority), (None, Some(0)));
        accept(&mut rig);
        let row = rig.pool_view(0);
        assert_eq!((row.shares.pending, row.shares.lost), (0, 0), "{strategy:?}");
        assert_eq!(row.shares.accepted, pending);
        assert_eq!(mine(&mut rig, device, 10), [0, 10]);
    }
}

#[test]
fn a_disabled_pool_is_not_worked_for_until_it_is_enabled() {
    let (mut rig, device) = rig(2, Strategy::Failover);
    rig.core.enable_pool(rig.now, key(0), false);
    rig.drain();
    assert_eq!(rig.work(device).job.pool, key(1));
    assert!(!rig.pool_view(0).enabled);
    rig.core.enable_pool(rig.now, key(1), false);
    rig.drain();
    assert!(rig.noticed(&Notice::WorkingFor(None)));
    rig.core.enable_pool(rig.now, key(0), true);
    rig.drain();
    assert_eq!(rig.work(device).job.pool, key(0));
}

#[test]
fn another_order_moves_the_work_and_a_switch_does_at_once() {
    let (mut rig, device) = rig(3, Strategy::Failover);
    rig.core.set_order(rig.now, &[key(2), key(7), key(2)]);
    rig.drain();
    assert_eq!(rig.work(device).job.pool, key(2));
    assert_eq!(rig.core.pools().map(|pool| pool.priority).collect::<Vec<_>>(), [Some(1), Some(2), Some(0)]);
    rig.pool(1, PoolInput::Down);
    rig.pool(1, UP);
    rig.job(job(1, 700));
    rig.core.set_order(rig.now, &[key(1)]);
    rig.drain();
    assert_eq!(rig.work(device).job.pool, key(2), "it has failed and must prove itself");
    rig.core.switch_to(rig.now, key(1));
    rig.drain();
    assert_eq!(rig.work(device).job.pool, key(1), "but the user knows better");
}

/// What a user may change while shares are on their way.
type Change = (&'static str, fn(&mut Core, Micros));

const CHANGES: [Change; 8] = [
    ("add", |core, now| {
        core.add_pool(now);
    }),
    ("remove", |core, now| core.remove_pool(now, key(0))),
    ("reorder", |core, now| core.set_order(now, &[key(1), key(0)])),
    ("disable", |core, now| core.enable_pool(now, key(0), false)),
    ("enable", |core, now| core.enable_pool(now, key(0), true)),
    ("switch", |core, now| core.switch_to(now, key(1))),
    ("quota", |core, now| {
        core.set_quota(key(0), 7);
        core.on_timer(now);
    }),
    ("strategy", |core, now| core.set_strategy(now, Strategy::RoundRobin)),
];

#[test]
fn no_change_of_pools_loses_a_share_in_flight_nor_one_that_is_found_a_moment_later() {
    let rotate = Strategy::Rotate { every: Duration::from_secs(600) };
    let strategies = [Strategy::Failover, rotate, Strategy::RoundRobin, Strategy::Quota, Strategy::Balance];
    for ((change, carry_out), strategy) in
        CHANGES.iter().flat_map(|it| strategies.map(|strategy| (it, strategy)))
    {
        let what = format!("{change} under {strategy:?}");
        // Both pools have shares in flight, and both devices have works in hand.
        let (mut rig, device) = rig(2, Strategy::RoundRobin);
        let other = rig.stick("2");
        mine(&mut rig, device, 6);
        rig.core.set_strategy(rig.now, strategy);
        rig.drain();
        let in_flight = [0, 1].map(|pool| rig.pool_view(pool).shares.pending);
        assert!(in_flight.iter().all(|count| *count > 0), "{what}: {in_flight:?}");
        let in_hand = [device, other].map(|device| rig.work(device));
        carry_out(&mut rig.core, rig.now);
        rig.drain();
        for (device, work) in [device, other].into_iter().zip(in_hand) {
            let claim = solve(&work, |hash| one_in(4).is_met_by(hash)).next().unwrap();
            let before = rig.shares.len();
            rig.nonce(device, &[claim]);
            assert_eq!(rig.shares.len(), before + 1, "{what}: a share of a work in hand was dropped");
        }
        let found: u64 = [0, 1].map(|pool| rig.pool_view(pool).shares.pending).iter().sum();
        assert_eq!(found, in_flight.iter().sum::<u64>() + 2, "{what}");
        accept(&mut rig);
        let counts = [0, 1].map(|pool| {
            let shares = rig.pool_view(pool).shares;
            (shares.accepted, shares.pending + shares.lost + shares.stale() + shares.rejected())
        });
        assert_eq!(counts.iter().map(|it| it.0).sum::<u64>(), found, "{what}");
        assert!(counts.iter().all(|it| it.1 == 0), "{what}: {counts:?}");
    }
}
