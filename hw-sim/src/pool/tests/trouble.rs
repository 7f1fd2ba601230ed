use adit_protocol::Micros;
use adit_protocol::stratum::{ClientCall, Reconnect, ServerCall};

use super::{Bench, EASY, easy};
use crate::PoolFault;
use crate::pool::{DropReason, PoolEvent, PoolOrder, Reject};

#[test]
fn a_disconnect_takes_one_client_and_leaves_the_others() {
    let mut bench = Bench::new(easy());
    for miner in 0..3 {
        bench.connect();
        bench.log_in(miner);
    }
    bench.fault(PoolFault::Disconnect);
    assert_eq!(bench.closed.len(), 1);
    let dropped = PoolEvent::Dropped { conn: bench.closed[0], why: DropReason::OnPurpose };
    assert!(bench.events.contains(&dropped));
    bench.run_until(Micros::from_secs(31));
    let with_second_job = bench.miners.iter().filter(|miner| miner.jobs().count() == 2).count();
    assert_eq!(with_second_job, 2);
}

#[test]
fn a_reject_strikes_the_next_good_share_only() {
    let mut bench = Bench::with_miner(easy());
    bench.fault(PoolFault::Reject);
    let spoilt = adit_protocol::stratum::Submit { extranonce2: vec![], ..bench.blank(0) };
    assert_eq!(bench.submit(0, spoilt).verdict, Err(Reject::Extranonce2Length));
    let share = bench.share();
    assert_eq!(bench.submit(0, share.clone()).verdict, Err(Reject::OnPurpose));
    bench.run_until(Micros::from_secs(31));
    let share = bench.share();
    assert_eq!(bench.submit(0, share).verdict, Ok(()));
}

#[test]
fn a_difficulty_jump_is_large_and_the_next_one_goes_back() {
    let mut bench = Bench::with_miner(easy());
    bench.fault(PoolFault::DifficultyJump);
    let factor = bench.miners[0].difficulty() / EASY;
    assert!((factor - 16.0).abs() < 1e-9 || (factor - 1.0 / 16.0).abs() < 1e-9, "{factor}");
    assert!(!bench.miners[0].jobs().skip(1).any(|job| job.clean));
    bench.fault(PoolFault::DifficultyJump);
    assert_eq!(bench.miners[0].difficulty(), EASY);
}

#[test]
fn a_job_storm_is_twenty_jobs_in_less_than_a_second_and_then_over() {
    let mut bench = Bench::with_miner(easy());
    bench.fault(PoolFault::JobStorm);
    bench.run_until(Micros::from_secs(1));
    assert_eq!(bench.miners[0].jobs().count(), 21);
    assert!(bench.miners[0].jobs().skip(1).any(|job| job.clean), "some are clean");
    assert!(bench.miners[0].jobs().skip(1).any(|job| !job.clean), "some are not");
    bench.run_until(Micros::from_secs(29));
    assert_eq!(bench.miners[0].jobs().count(), 21);
    let share = bench.share();
    assert_eq!(bench.submit(0, share).verdict, Ok(()));
}

#[test]
fn garbage_is_a_few_lines_and_changes_nothing() {
    let mut bench = Bench::with_miner(easy());
    for _ in 0..50 {
        bench.fault(PoolFault::PoolGarbage);
    }
    assert!(bench.miners[0].nonsense > 20);
    assert_eq!(bench.miners[0].difficulty(), EASY);
    let share = bench.share();
    assert_eq!(bench.submit(0, share).verdict, Ok(()));
}

#[test]
fn a_half_open_connection_is_silent_both_ways_and_stays() {
    let mut bench = Bench::with_miner(easy());
    bench.fault(PoolFault::HalfOpen);
    let before = bench.miners[0].text.clone();
    let share = bench.share();
    assert_eq!(bench.ask(0, ClientCall::Submit(share)), None);
    bench.run_until(Micros::from_secs(3_600));
    assert_eq!(bench.miners[0].text, before);
    assert!(bench.closed.is_empty());
    assert_eq!(bench.pool.tally().total.accepted, 0);
}

#[test]
fn faults_without_a_client_harm_nobody() {
    let mut bench = Bench::new(easy());
    for fault in PoolFault::ALL {
        bench.fault(*fault);
    }
    assert!(bench.closed.is_empty());
}

#[test]
fn the_conductor_can_ask_tell_and_send_away() {
    let mut bench = Bench::with_miner(easy());
    bench.order(PoolOrder::Ping);
    bench.order(PoolOrder::GetVersion);
    bench.order(PoolOrder::Message("maintenance at 12:00".into()));
    let away = Reconnect { host: None, port: Some(3334), wait_seconds: 1 };
    bench.order(PoolOrder::Reconnect(away.clone()));
    let told: Vec<_> = bench.miners[0].calls.iter().map(|(_, call)| call).collect();
    for call in [
        ServerCall::Ping,
        ServerCall::GetVersion,
        ServerCall::ShowMessage("maintenance at 12:00".into()),
        ServerCall::Reconnect(away),
    ] {
        assert!(told.contains(&&call), "{call:?}");
    }
    bench.say(0, r#"{"id":1,"result":"pong","error":null}"#);
    assert!(matches!(bench.events.last(), Some(PoolEvent::Answer { line, .. }) if line.contains("pong")));
}
