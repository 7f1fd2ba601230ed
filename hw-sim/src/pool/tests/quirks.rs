use adit_protocol::Micros;
use adit_protocol::pow::VersionMask;
use adit_protocol::stratum::{ServerCall, Submit};

use super::{Bench, EASY, easy, solve};
use crate::pool::{PoolOrder, PoolSettings, Quirk, Quirks, Reject};

fn bench(quirk: Quirk) -> Bench {
    Bench::with_miner(PoolSettings { quirks: Quirks::default().with(quirk), ..easy() })
}

#[test]
fn split_lines_come_in_many_pieces_and_joined_ones_in_one() {
    assert_eq!(bench(Quirk::JoinLines).miners[0].pieces, 3); // configure, subscribe, authorize with all that follows
    let split = bench(Quirk::SplitLines);
    assert!(split.miners[0].pieces > 20, "{}", split.miners[0].pieces);
    assert_eq!(split.miners[0].jobs().count(), 1);
}

#[test]
fn a_huge_job_is_longer_than_100_kib_and_still_a_job() {
    let mut bench = bench(Quirk::HugeNotify);
    assert!(bench.miners[0].text.lines().any(|line| line.len() > 100 * 1024));
    let share = bench.share();
    assert_eq!(bench.submit(0, share).verdict, Ok(()));
}

#[test]
fn ids_are_text_where_that_is_wanted() {
    assert!(bench(Quirk::TextIds).miners[0].text.contains(r#"{"id":"3","result":true"#));
    let numbered = bench(Quirk::NumberedNotifications);
    assert!(numbered.miners[0].calls.iter().all(|(id, _)| id.0.is_u64()));
    let named = bench(Quirk::NamedNotifications);
    assert!(named.miners[0].calls.iter().all(|(id, _)| id.0.is_string()));
}

#[test]
fn a_difficulty_may_be_text_and_be_followed_by_nonsense() {
    assert!(bench(Quirk::TextDifficulty).miners[0].text.contains(r#""params":["0.0000001"]"#));
    for (quirk, nonsense) in [(Quirk::ZeroDifficulty, "[0]"), (Quirk::NegativeDifficulty, "[-1]")] {
        let bench = bench(quirk);
        assert!(bench.miners[0].text.contains(nonsense));
        assert_eq!((bench.miners[0].nonsense, bench.miners[0].difficulty()), (1, EASY));
    }
}

#[test]
fn a_rotated_extranonce_counts_from_the_next_job_on_even_under_the_same_id() {
    let mut bench = bench(Quirk::RotateExtranonce);
    let told = |bench: &Bench| {
        bench.miners[0].calls.iter().rev().find_map(|(_, call)| match call {
            ServerCall::SetExtranonce { extranonce1, .. } => extranonce1.clone(),
            _ => None,
        })
    };
    let first = told(&bench).unwrap();
    let share = solve(bench.miners[0].job(), &first, bench.blank(0), EASY);
    assert_eq!(bench.submit(0, share).verdict, Ok(()));
    let old = bench.miners[0].job().clone();
    bench.run_until(Micros::from_secs(31));
    let second = told(&bench).unwrap();
    assert_ne!(first, second);
    assert_eq!(bench.miners[0].job().job_id, old.job_id);
    let share = solve(bench.miners[0].job(), &second, bench.blank(0), EASY);
    assert_eq!(bench.submit(0, share).verdict, Ok(()));
    let forgetful = solve(bench.miners[0].job(), &first, bench.blank(0), EASY);
    assert_eq!(bench.submit(0, forgetful).verdict, Err(Reject::LowDifficulty));
}

#[test]
fn a_revoked_mask_ends_version_rolling() {
    let mut bench = bench(Quirk::RevokeMask);
    let mask = ServerCall::SetVersionMask(VersionMask(0));
    assert!(bench.miners[0].calls.iter().any(|(_, call)| *call == mask));
    let share = bench.share();
    let rolled = Submit { version_bits: Some(0x2000), ..share.clone() };
    assert_eq!(bench.submit(0, rolled).verdict, Err(Reject::VersionBits));
    assert_eq!(bench.submit(0, Submit { version_bits: None, ..share }).verdict, Ok(()));
}

#[test]
fn a_silent_pool_says_nothing() {
    let mut bench = Bench::new(PoolSettings { quirks: Quirks::default().with(Quirk::Silent), ..easy() });
    bench.connect();
    bench.say(0, r#"{"id":1,"method":"mining.subscribe","params":[]}"#);
    bench.run_until(Micros::from_secs(3_600));
    assert_eq!(bench.miners[0].text, "");
    assert!(bench.closed.is_empty());
}

#[test]
fn good_shares_are_rejected_or_left_without_answer() {
    let mut rejecting = bench(Quirk::RejectAll);
    let share = rejecting.share();
    assert_eq!(rejecting.submit(0, share).verdict, Err(Reject::OnPurpose));
    let mut mute = bench(Quirk::MuteSubmits);
    let (share, answers) = (mute.share(), mute.miners[0].responses.len());
    assert_eq!(mute.submit(0, share).verdict, Ok(()));
    assert_eq!(mute.miners[0].responses.len(), answers);
}

#[test]
fn under_a_repeated_job_id_the_newest_content_counts() {
    let mut bench = bench(Quirk::RepeatJobId);
    let old = bench.share();
    bench.run_until(Micros::from_secs(31));
    assert_eq!(bench.miners[0].job().job_id, old.job_id);
    let share = bench.share();
    assert_eq!(bench.submit(0, share).verdict, Ok(()));
    assert!(bench.submit(0, old).verdict.is_err());
}

#[test]
fn unclean_blocks_and_jobs_that_are_always_clean() {
    let mut unclean = bench(Quirk::UncleanBlocks);
    let before = unclean.miners[0].job().prev_hash;
    unclean.order(PoolOrder::Block);
    assert_ne!(unclean.miners[0].job().prev_hash, before);
    assert!(!unclean.miners[0].job().clean);
    let mut always = bench(Quirk::AlwaysClean);
    always.run_until(Micros::from_secs(31));
    assert!(always.miners[0].jobs().all(|job| job.clean));
}

#[test]
fn jobs_without_transactions_and_with_rolled_versions_are_jobs() {
    let mut empty = bench(Quirk::EmptyBranch);
    empty.run_until(Micros::from_secs(300));
    assert!(empty.miners[0].jobs().all(|job| job.merkle_branch.is_empty()));
    let mut rolled = bench(Quirk::RolledBase);
    let base = rolled.miners[0].job().version;
    assert_ne!(base & VersionMask::BIP320.0, 0);
    let mut share = rolled.share();
    assert!(rolled.submit(0, share.clone()).verdict.is_err(), "zero bits replace those of the job");
    share.version_bits = Some(base & VersionMask::BIP320.0);
    assert_eq!(rolled.submit(0, share).verdict, Ok(()));
}

#[test]
fn garbage_comes_between_the_lines_and_some_lines_end_the_connection() {
    let mut garbage = bench(Quirk::Garbage);
    garbage.run_until(Micros::from_secs(900));
    assert!(garbage.miners[0].nonsense > 5);
    let share = garbage.share();
    assert_eq!(garbage.submit(0, share).verdict, Ok(()));
    let mut dropping = bench(Quirk::DropMidLine);
    dropping.run_until(Micros::from_secs(3_600));
    assert_eq!(dropping.closed.len(), 1);
    assert!(dropping.miners[0].lines.next().is_none() && dropping.miners[0].text.ends_with('\n'));
}
