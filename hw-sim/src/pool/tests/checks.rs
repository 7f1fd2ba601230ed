use adit_protocol::pow::{Target, VersionMask};
use adit_protocol::stratum::{ClientCall, Submit};

use super::{Bench, EASY, easy, search, solve};
use crate::pool::{PoolOrder, PoolSettings, Reject, VersionBits};

/// Submits a spoilt share and expects `reject`, counted and answered with its code.
fn expect(reject: Reject, spoil: impl FnOnce(&mut Submit)) {
    let mut bench = Bench::with_miner(easy());
    let mut share = bench.share();
    spoil(&mut share);
    assert_eq!(bench.submit(0, share).verdict, Err(reject));
    assert_eq!(bench.pool.tally().total.rejected_for(reject), 1);
    assert_eq!(bench.pool.tally().total.accepted, 0);
    let refusal = bench.miners[0].responses.last().unwrap().accepted().unwrap_err();
    assert_eq!(refusal.code, Some(reject.code().into()));
    assert_eq!(refusal.message.as_deref(), Some(reject.text()));
}

#[test]
fn a_good_share_is_accepted_and_counted_for_its_worker() {
    let mut bench = Bench::with_miner(easy());
    let record = bench.submit(0, bench.share());
    assert_eq!((record.verdict, record.difficulty, record.block), (Ok(()), Some(EASY), false));
    assert!(Target::from_difficulty(EASY).unwrap().is_met_by(&record.hash.unwrap()));
    assert_eq!(bench.miners[0].responses.last().unwrap().accepted(), Ok(()));
    let tally = bench.pool.tally();
    assert_eq!((tally.total.accepted, tally.total.work), (1, EASY));
    assert_eq!(tally.workers["rig"], tally.total);
}

#[test]
fn every_reject_reason_has_its_code() {
    expect(Reject::JobNotFound, |share| share.job_id = "nobody's".into());
    expect(Reject::Unauthorized, |share| share.worker = "stranger".into());
    expect(Reject::Extranonce2Length, |share| share.extranonce2 = vec![0; 3]);
    expect(Reject::Extranonce2Length, |share| share.extranonce2 = vec![0; 5]);
    expect(Reject::TimeTooOld, |share| share.ntime -= 1);
    expect(Reject::TimeTooNew, |share| share.ntime += 601);
    expect(Reject::VersionBits, |share| share.version_bits = None);
    expect(Reject::VersionBits, |share| share.version_bits = Some(0x1000));
}

#[test]
fn a_share_is_accepted_once() {
    let mut bench = Bench::with_miner(easy());
    let share = bench.share();
    assert_eq!(bench.submit(0, share.clone()).verdict, Ok(()));
    assert_eq!(bench.submit(0, share.clone()).verdict, Err(Reject::Duplicate));
    // The same header under another spelling is the same share: ntime digits, hex case, everything is compared as hashed.
    let another = solve(
        bench.miners[0].job(),
        &0xf000_0001_u32.to_be_bytes(),
        Submit { nonce: share.nonce + 1, ..share },
        EASY,
    );
    assert_eq!(bench.submit(0, another).verdict, Ok(()));
    assert_eq!(bench.pool.tally().total.accepted, 2);
}

#[test]
fn a_hash_above_the_target_is_low_difficulty() {
    let mut bench = Bench::with_miner(easy());
    let target = Target::from_difficulty(EASY).unwrap();
    let share = search(bench.miners[0].job(), &0xf000_0001_u32.to_be_bytes(), bench.blank(0), |header| {
        !target.is_met_by(&header.hash())
    });
    let record = bench.submit(0, share);
    assert_eq!(record.verdict, Err(Reject::LowDifficulty));
    assert!(record.hash.is_some());
    assert_eq!(bench.miners[0].responses.last().unwrap().accepted().unwrap_err().code, Some(23));
}

#[test]
fn ntime_may_run_ahead_as_far_as_the_setting_says() {
    let mut bench = Bench::with_miner(easy());
    let mut blank = bench.blank(0);
    blank.ntime += 600;
    let share = solve(bench.miners[0].job(), &0xf000_0001_u32.to_be_bytes(), blank, EASY);
    assert_eq!(bench.submit(0, share).verdict, Ok(()));
}

#[test]
fn a_share_of_an_earlier_job_of_the_same_block_is_good_and_one_of_an_earlier_block_is_stale() {
    let mut bench = Bench::with_miner(easy());
    let (share, late) = (bench.share(), {
        let job = bench.miners[0].job();
        solve(job, &0xf000_0001_u32.to_be_bytes(), Submit { extranonce2: vec![1; 4], ..bench.blank(0) }, EASY)
    });
    bench.run_until(adit_protocol::Micros::from_secs(31));
    assert_eq!(bench.miners[0].jobs().count(), 2);
    assert_eq!(bench.submit(0, share).verdict, Ok(()));
    bench.order(PoolOrder::Block);
    assert!(bench.miners[0].job().clean);
    assert_eq!(bench.submit(0, late).verdict, Err(Reject::Stale));
}

#[test]
fn a_share_is_judged_by_the_difficulty_its_job_was_announced_with() {
    let mut bench = Bench::with_miner(easy());
    let share = bench.share();
    bench.order(PoolOrder::Difficulty(1e6));
    assert_eq!(bench.miners[0].difficulty(), 1e6);
    assert_eq!(bench.submit(0, share).difficulty, Some(EASY));
    bench.run_until(adit_protocol::Micros::from_secs(31));
    let record = bench.submit(0, bench.blank(0));
    assert_eq!((record.verdict, record.difficulty), (Err(Reject::LowDifficulty), Some(1e6)));
}

#[test]
fn rolled_version_bits_are_put_together_as_the_pool_does_it() {
    // Where the job's version has bits inside the mask, the three rules differ (docs/protocols/stratum-v1.md §7).
    for (rule, bits) in
        [(VersionBits::Replace, 0x00b4_4000), (VersionBits::Or, 0x00b4_4000), (VersionBits::Xor, 0x0014_4000)]
    {
        let mut bench = Bench::with_miner(PoolSettings { version_bits: rule, ..easy() });
        let mut job = bench.miners[0].job().clone();
        (job.version, job.job_id) = (0x20a0_0000, "rolled".into());
        bench.order(PoolOrder::Announce(job.clone()));
        job.version = 0x20b4_4000;
        let mut share = solve(&job, &0xf000_0001_u32.to_be_bytes(), bench.blank(0), EASY);
        share.version_bits = Some(bits);
        assert_eq!(bench.submit(0, share).verdict, Ok(()), "{rule:?}");
    }
}

#[test]
fn without_negotiation_version_bits_are_refused() {
    let mut bench = Bench::new(easy());
    bench.connect();
    bench.subscribe(0, None);
    bench.authorize(0, "rig", "");
    let mut blank = bench.blank(0);
    blank.version_bits = None;
    let share = solve(bench.miners[0].job(), &0xf000_0001_u32.to_be_bytes(), blank, EASY);
    assert_eq!(
        bench.submit(0, Submit { version_bits: Some(0x2000), ..share.clone() }).verdict,
        Err(Reject::VersionBits)
    );
    assert_eq!(bench.submit(0, share).verdict, Ok(()));
}

#[test]
fn a_mask_change_counts_at_once() {
    let mut bench = Bench::with_miner(easy());
    bench.order(PoolOrder::VersionMask(VersionMask(0x00c0_0000)));
    let submit = |bits| Submit { version_bits: Some(bits), ..bench.blank(0) };
    let job = bench.miners[0].job();
    let inside = solve(job, &0xf000_0001_u32.to_be_bytes(), submit(0x0080_0000), EASY);
    let outside = solve(job, &0xf000_0001_u32.to_be_bytes(), submit(0x2000), EASY);
    assert_eq!(bench.submit(0, outside).verdict, Err(Reject::VersionBits));
    assert_eq!(bench.submit(0, inside).verdict, Ok(()));
}

#[test]
fn a_submit_before_subscribe_or_authorize_says_which() {
    let mut bench = Bench::new(easy());
    bench.connect();
    let submit = Submit {
        worker: "rig".into(),
        job_id: "1".into(),
        extranonce2: vec![0; 4],
        ntime: 0,
        nonce: 0,
        version_bits: None,
    };
    assert_eq!(bench.submit(0, submit.clone()).verdict, Err(Reject::NotSubscribed));
    bench.subscribe(0, None);
    assert_eq!(bench.submit(0, submit).verdict, Err(Reject::Unauthorized));
}

#[test]
fn a_submit_that_cannot_be_read_is_counted_and_answered() {
    let mut bench = Bench::with_miner(easy());
    bench.say(0, r#"{"id":77,"method":"mining.submit","params":["rig","1","zz","0","0"]}"#);
    assert_eq!(bench.pool.tally().total.rejected_for(Reject::Malformed), 1);
    assert_eq!(bench.miners[0].responses.last().unwrap().accepted().unwrap_err().code, Some(20));
    assert!(bench.closed.is_empty());
}

#[test]
fn a_found_block_is_the_next_previous_hash() {
    let mut bench = Bench::with_miner(PoolSettings { nbits: 0x207f_ffff, ..easy() });
    let record = bench.submit(0, bench.share());
    assert!(record.block);
    assert_eq!(bench.pool.tally().blocks, 1);
    assert_eq!(bench.miners[0].job().prev_hash, record.hash.unwrap());
    assert!(bench.miners[0].job().clean);
}

#[test]
fn extranonce2_may_be_empty_or_sixteen_bytes() {
    for size in [0, 1, 8, 16] {
        let mut bench = Bench::with_miner(PoolSettings { extranonce2_size: size, ..easy() });
        let blank = Submit { extranonce2: vec![9; usize::from(size)], ..bench.blank(0) };
        let share = solve(bench.miners[0].job(), &0xf000_0001_u32.to_be_bytes(), blank, EASY);
        assert_eq!(bench.submit(0, share).verdict, Ok(()), "{size} bytes");
    }
}

#[test]
fn the_smallest_difficulty_is_met_by_every_hash_and_the_largest_by_none() {
    let mut bench = Bench::with_miner(PoolSettings { difficulty: 1e-12, ..easy() });
    assert_eq!(bench.submit(0, bench.blank(0)).verdict, Ok(()));
    let mut bench = Bench::with_miner(PoolSettings { difficulty: 1e15, ..easy() });
    assert_eq!(bench.submit(0, bench.blank(0)).verdict, Err(Reject::LowDifficulty));
    assert!(bench.miners[0].text.contains("[1000000000000000]"));
}

#[test]
fn a_request_of_an_unknown_method_is_answered_so() {
    let mut bench = Bench::with_miner(easy());
    let answer = bench.ask(0, ClientCall::Unknown { method: "mining.get_transactions".into() }).unwrap();
    assert_eq!(answer.refusal().unwrap().code, Some(-3));
}
