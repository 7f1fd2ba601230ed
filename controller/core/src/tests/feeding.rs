use adit_driver::{Capability, Event, Reach, Report};
use adit_protocol::pow::{Hash, VersionMask};

use super::fixtures::{capability, job, stick};
use super::*;

#[test]
fn a_device_gets_what_it_has_room_for_and_no_more() {
    let mut rig = Rig::new();
    rig.job(job(0, 1));
    let device = rig.attach(&stick("1", "a"));
    rig.report(device, Report::Up);
    rig.event(device, Event::Ready(capability()));
    assert_eq!(rig.works_of(device), 0, "the machine has not asked yet");
    assert_eq!(rig.state(device), State::Idle);
    rig.event(device, Event::Room { received: 0, free: 2 });
    assert_eq!(rig.works_of(device), 2);
    assert!(rig.noticed(&Notice::Hashing(device)));
    assert_eq!(rig.state(device), State::Hashing);
    // The same words again, which crossed the works on their way, change nothing.
    rig.event(device, Event::Room { received: 0, free: 2 });
    assert_eq!(rig.works_of(device), 2);
    // One has arrived and is being searched, one is on its way: there is room for one more.
    rig.event(device, Event::Room { received: 1, free: 2 });
    assert_eq!(rig.works_of(device), 3);
    rig.event(device, Event::Room { received: 3, free: 0 });
    assert_eq!(rig.works_of(device), 3);
}

#[test]
fn a_device_that_says_what_cannot_be_is_given_nothing_it_has_no_room_for() {
    let mut rig = Rig::new();
    rig.job(job(0, 1));
    let device = rig.stick("1");
    rig.event(device, Event::Room { received: u64::MAX, free: 1 });
    rig.event(device, Event::Room { received: 0, free: u16::MAX });
    assert!(rig.works_of(device) <= 1_026, "{}", rig.works_of(device));
}

#[test]
fn a_device_that_joins_late_gets_work_nobody_else_has() {
    let mut rig = Rig::new();
    rig.job(job(0, 1));
    let early = rig.stick("1");
    for received in 1..10 {
        rig.event(early, Event::Room { received, free: 1 });
    }
    let late = rig.stick("2"); // the rig checks that all boxes are disjoint
    assert_eq!(rig.work(late).space.extranonce2, 10..11);
    assert_eq!(rig.works_of(early), 10);
}

#[test]
fn the_core_does_not_wait_for_one_device_s_bring_up() {
    let mut rig = Rig::new();
    let slow = rig.attach(&stick("1", "slow"));
    let other = rig.attach(&stick("2", "other"));
    rig.report(slow, Report::Up);
    rig.ready(other, capability());
    rig.job(job(0, 1));
    assert_eq!(rig.works_of(other), 1);
    rig.wait_s(600);
    rig.event(other, Event::Room { received: 1, free: 1 });
    assert_eq!((rig.works_of(other), rig.works_of(slow)), (2, 0));
    assert_eq!(rig.state(slow), State::Detecting);
}

#[test]
fn a_new_block_reaches_everybody_at_once_and_starts_with_another_device_each_time() {
    let mut rig = Rig::new();
    let devices: Vec<_> = ["1", "2", "3"].map(|place| rig.stick(place)).into();
    let mut first = Vec::new();
    for block in 0..3 {
        rig.job(Job { prev_hash: Hash([block; 32]), ..job(0, u64::from(block)) });
        let changes = rig.job_changes();
        assert_eq!(changes.len(), 3, "everybody is told once");
        assert!(changes.iter().all(|(_, clean)| *clean));
        first.push(changes[0].0);
        for device in &devices {
            assert_eq!(rig.work(*device).job.key.0, u64::from(block));
            assert_eq!(rig.works_of(*device), usize::from(block) + 1);
        }
    }
    first.sort();
    assert_eq!(first, devices, "each was first once");
}

#[test]
fn everybody_has_a_first_work_before_anybody_has_a_second() {
    let mut rig = Rig::new();
    let roomy = Capability { room: 3, ..capability() };
    let devices = ["1", "2"].map(|place| {
        let key = rig.attach(&stick(place, place));
        rig.ready(key, roomy.clone());
        key
    });
    rig.job(job(0, 1));
    let ids = |device| rig.works[&device].iter().map(|work| work.id.0).collect::<Vec<_>>();
    let (mut a, mut b) = (ids(devices[0]), ids(devices[1]));
    assert_eq!((a.len(), b.len()), (3, 3));
    let mut firsts = [a.remove(0), b.remove(0)];
    firsts.sort_unstable();
    assert_eq!(firsts, [0, 1]);
}

#[test]
fn the_next_job_of_a_block_lets_what_is_searched_be_finished() {
    let mut rig = Rig::new();
    let device = rig.stick("1");
    rig.job(job(0, 1));
    rig.job(Job { coinbase_head: vec![9; 42], ..job(0, 2) });
    assert_eq!(rig.job_changes(), [(device, false)]);
    assert_eq!(rig.work(device).job.key.0, 2);
    rig.job(Job { coinbase_head: vec![8; 42], clean: true, ..job(0, 3) });
    assert_eq!(rig.job_changes(), [(device, true)]);
}

#[test]
fn a_pool_that_repeats_a_job_does_not_make_work_repeat() {
    let mut rig = Rig::new();
    let device = rig.stick("1");
    rig.job(job(0, 1));
    rig.job(Job { coinbase_head: vec![9; 42], ..job(0, 2) });
    rig.job(Job { share_target: fixtures::one_in(8), clean: true, ..job(0, 3) });
    rig.job(Job { ntime: job(0, 0).ntime + 30, ..job(0, 4) });
    let counters: Vec<u64> = rig.works[&device].iter().map(|work| work.space.extranonce2.start).collect();
    assert_eq!(counters, [0, 0, 1, 2]);
}

#[test]
fn a_used_up_job_leaves_devices_idle_until_time_or_a_job_brings_new_space() {
    let mut rig = Rig::new();
    let device = rig.stick("1");
    rig.event(device, Event::Room { received: 0, free: 100 });
    let small = Job { extranonce2_size: 0, ..job(0, 1) };
    rig.job(small.clone());
    rig.event(device, Event::Room { received: 0, free: 100 });
    // One header time each, up to 60 s ahead of the job.
    assert_eq!(rig.works_of(device), 61);
    assert_eq!(rig.state(device), State::Idle);
    assert!(rig.noticed(&Notice::Exhausted(PoolKey(0))));
    rig.event(device, Event::Room { received: 61, free: 100 });
    assert!(!rig.noticed(&Notice::Exhausted(PoolKey(0))), "it is said once");
    rig.wait_s(10);
    assert_eq!(rig.works_of(device), 71, "one for each second that passed");
    rig.event(device, Event::Room { received: 71, free: u16::MAX });
    rig.wait_s(3_600);
    assert_eq!(rig.works_of(device), 601, "never more than 600 s ahead of the job");
    assert_eq!(rig.core.deadline(), None);
    rig.job(Job { prev_hash: Hash([1; 32]), ..small });
    assert_eq!(rig.state(device), State::Hashing);
}

#[test]
fn header_time_never_runs_ahead_of_what_the_pool_allows() {
    let mut rig = Rig::new();
    let device = rig.attach(&stick("1", "a"));
    let rolling = Reach { extranonce2: 1 << 20, ntime: 7_200, version_bits: 16 };
    rig.ready(device, Capability { reach: rolling, ..capability() });
    let sent = rig.job(Job { version_mask: VersionMask::BIP320, ..job(0, 1) });
    assert_eq!(rig.work(device).space.ntime, sent.ntime..sent.ntime + 61);
    assert_eq!(rig.work(device).space.extranonce2, 0..1 << 20);
    assert_eq!(rig.work(device).space.version.mask, VersionMask::BIP320);
    rig.wait_s(100);
    rig.event(device, Event::Room { received: 1, free: 1 });
    assert_eq!(rig.work(device).space.ntime, sent.ntime..sent.ntime + 161);
    // A pool that takes none but the clock's is given none but that.
    rig.pool(0, PoolInput::StrictTime);
    let sent = rig.job(Job { version_mask: VersionMask::BIP320, prev_hash: Hash([1; 32]), ..job(0, 2) });
    assert_eq!(rig.work(device).space.ntime, sent.ntime..sent.ntime + 1);
    rig.wait_s(100);
    rig.event(device, Event::Room { received: 3, free: 1 });
    assert_eq!(rig.work(device).space.ntime, sent.ntime..sent.ntime + 101);
}

#[test]
fn a_storm_of_jobs_reaches_a_device_once_a_second_and_its_works_stay_valid() {
    let mut rig = Rig::new();
    let device = rig.stick("1");
    rig.job(Job { clean: true, ..job(0, 0) });
    for key in 1..1_000 {
        rig.job_at_once(Job { coinbase_head: key.to_string().into_bytes(), ..job(0, key) });
    }
    let before = rig.works_of(device);
    let claim = solve_share(rig.works[&device].last().unwrap());
    assert_eq!(rig.nonce(device, &[claim]).verdict, adit_driver::Verdict::Share);
    rig.wait(Duration::from_secs(1));
    assert_eq!(rig.works_of(device), before + 1, "the newest job, once");
    let newest = rig.works[&device].last().unwrap();
    assert_eq!(newest.job.coinbase_head, b"999");
}

fn solve_share(work: &Work) -> Claim {
    fixtures::solve(work, |hash| work.job.share_target.is_met_by(hash)).next().unwrap()
}

#[test]
fn a_job_with_a_fixed_merkle_root_is_searched_by_version_and_time_only() {
    let mut rig = Rig::new();
    let root = Hash([0x5a; 32]);
    rig.job(Job {
        fixed_root: Some(root),
        extranonce2_size: 0,
        version_mask: VersionMask(0x6000),
        ..job(0, 1)
    });
    let device = rig.stick("1");
    let mut headers = Vec::new();
    for received in 1..=4 {
        let work = rig.work(device);
        assert_eq!((work.header.merkle_root, work.space.extranonce2.clone()), (root, 0..1));
        headers.push(work.header.version & 0x6000);
        rig.event(device, Event::Room { received, free: 1 });
    }
    assert_eq!(headers, [0, 0x2000, 0x4000, 0x6000]);
}

#[test]
fn who_takes_whole_jobs_gets_everything_behind_a_prefix_that_nobody_had() {
    let whole = || Capability { whole_jobs: true, ..capability() };
    let mut rig = Rig::new();
    let (stick, miner) = (rig.stick("1"), rig.attach(&stick("2", "b")));
    rig.report(miner, Report::Up);
    rig.ready(miner, whole());
    let template = Job { version_mask: VersionMask::BIP320, ..job(0, 1) };
    rig.job(template.clone());
    let space = rig.work(miner).space.clone();
    assert_eq!((space.extranonce2, space.version.mask), (1 << 24..2 << 24, VersionMask::BIP320));
    assert_eq!(space.ntime, template.ntime..template.ntime + 601);
    assert_eq!(rig.work(stick).space.extranonce2, 0..1, "prefix 0 is the counter's own");

    // It leaves and comes again, and the pool repeats itself: the prefixes of a template are not given twice.
    let last = template.extranonce2_radix() >> 24;
    let spare = |nth: u64| (last - nth) << 24..(last - nth + 1) << 24;
    rig.fail(miner, adit_driver::Fault::Link(adit_driver::LinkError::Gone));
    rig.wait_s(2);
    rig.report(miner, Report::Up);
    rig.ready(miner, whole());
    assert_eq!(rig.work(miner).space.extranonce2, spare(1));
    rig.wait_s(2);
    rig.job(Job { key: adit_driver::JobKey(2), ..template.clone() });
    assert_eq!(rig.work(miner).space.extranonce2, spare(2));

    // Of every other template it is given what lies behind the prefix it has leased.
    rig.wait_s(2);
    rig.job(Job { coinbase_head: vec![9; 42], ..job(0, 3) });
    assert_eq!(rig.work(miner).space.extranonce2, 1 << 24..2 << 24);

    // Too short an extranonce has no prefixes, and a fixed merkle root no extranonce.
    rig.job(Job { extranonce2_size: 3, prev_hash: Hash([9; 32]), ..job(0, 4) });
    assert_eq!(rig.state(miner), State::Idle);
    assert_eq!(rig.state(stick), State::Hashing);
}
