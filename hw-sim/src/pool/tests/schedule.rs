use std::collections::BTreeSet;
use std::time::Duration;

use adit_protocol::Micros;
use adit_protocol::stratum::Submit;

use super::{Bench, easy, solve};
use crate::pool::PoolSettings;

#[test]
fn jobs_come_at_their_interval_with_the_time_of_the_wall() {
    let mut bench = Bench::with_miner(PoolSettings { block_interval: None, ..easy() });
    bench.run_until(Micros::from_secs(300));
    let times: Vec<u32> = bench.miners[0].jobs().map(|job| job.ntime).collect();
    assert_eq!(times, (0..=10).map(|n| 1_700_000_000 + 30 * n).collect::<Vec<_>>());
    assert!(bench.miners[0].jobs().skip(1).all(|job| !job.clean));
    let ids: BTreeSet<_> = bench.miners[0].jobs().map(|job| job.job_id.to_string()).collect();
    assert_eq!(ids.len(), 11);
}

#[test]
fn blocks_come_at_about_their_interval_and_only_they_change_the_previous_hash() {
    let mut bench = Bench::with_miner(easy());
    bench.run_until(Micros::from_secs(100 * 600));
    let jobs: Vec<_> = bench.miners[0].jobs().collect();
    let changes = jobs.windows(2).filter(|pair| pair[0].prev_hash != pair[1].prev_hash).count();
    assert!((80..125).contains(&changes), "{changes}");
    for pair in jobs.windows(2) {
        assert_eq!(pair[0].prev_hash != pair[1].prev_hash, pair[1].clean);
    }
    assert!(
        jobs.iter().any(|job| job.merkle_branch.is_empty())
            && jobs.iter().any(|job| job.merkle_branch.len() == 12)
    );
}

#[test]
fn the_variable_difficulty_settles_where_shares_come_as_often_as_wanted() {
    let settings =
        PoolSettings { difficulty: 1e-9, shares_per_minute: Some(20.0), block_interval: None, ..easy() };
    let mut bench = Bench::with_miner(settings);
    // A miner of 100 hashes a second, which finds what it can expect to find.
    let per_minute = |difficulty: f64| 60.0 * 100.0 / (difficulty * 4_294_967_296.0);
    let mut credit = 0.0;
    for second in 1..=600 {
        bench.run_until(Micros::from_secs(second));
        let difficulty = bench.miners[0].difficulty();
        credit += per_minute(difficulty) / 60.0;
        while credit >= 1.0 {
            credit -= 1.0;
            let blank = Submit {
                extranonce2: (second as u32 + credit as u32 * 10_000).to_be_bytes().into(),
                ..bench.blank(0)
            };
            let share = solve(bench.miners[0].job(), &0xf000_0001_u32.to_be_bytes(), blank, difficulty);
            bench.submit(0, share);
        }
    }
    let settled = per_minute(bench.miners[0].difficulty());
    assert!((10.0..40.0).contains(&settled), "{settled} shares a minute");
    assert!(bench.miners[0].difficulty() > 1e-8);
}

#[test]
fn delayed_lines_keep_their_order_and_leave_when_they_are_due() {
    let mut bench = Bench::new(PoolSettings { reply_delay: Duration::from_millis(300), ..easy() });
    bench.connect();
    bench.say(0, r#"{"id":1,"method":"mining.subscribe","params":[]}"#);
    bench.say(0, r#"{"id":2,"method":"mining.authorize","params":["rig","x"]}"#);
    assert_eq!(bench.miners[0].text, "");
    assert_eq!(bench.pool.deadline(), Some(Micros::from_millis(300)));
    bench.run_until(Micros::from_millis(300));
    let ids: Vec<_> = bench.miners[0].responses.iter().filter_map(|answer| answer.id.number()).collect();
    assert_eq!(ids, [1, 2]);
    assert_eq!(bench.miners[0].jobs().count(), 1);
}

#[test]
fn the_same_seed_gives_the_same_jobs_and_another_seed_others() {
    let jobs = |seed| {
        let mut bench = Bench::seeded(easy(), seed);
        bench.connect();
        bench.log_in(0);
        bench.run_until(Micros::from_secs(3_600));
        std::mem::take(&mut bench.miners[0].text)
    };
    assert_eq!(jobs(1), jobs(1));
    assert_ne!(jobs(1), jobs(2));
}
