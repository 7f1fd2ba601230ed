use adit_protocol::Micros;
use adit_protocol::pow::VersionMask;
use adit_protocol::stratum::{ClientCall, Configure, VersionRolling};

use super::{Bench, EASY, easy, solve};
use crate::pool::{
    BadPoolSettings, DropReason, FirstJob, Pool, PoolEvent, PoolInput, PoolSettings, Quirk, Quirks, Reject,
};

#[test]
fn difficulty_and_job_follow_the_answer_to_authorize_in_this_order() {
    let bench = Bench::with_miner(easy());
    let text = &bench.miners[0].text;
    let at = |needle: &str| text.find(needle).unwrap_or_else(|| panic!("no {needle} in {text}"));
    let [difficulty, job] = ["mining.set_difficulty\",\"params", "mining.notify\",\"params"].map(at);
    assert!(at("\"id\":3,\"result\":true") < difficulty && difficulty < job, "{text}");
    assert!(text.contains("\"params\":[0.0000001]"), "an exponent is not for everybody: {text}");
}

#[test]
fn the_first_job_comes_when_the_setting_says() {
    for (first_job, before_answer, before_authorize) in
        [(FirstJob::AfterSubscribe, true, true), (FirstJob::BeforeAuthorizeAnswer, true, false)]
    {
        let mut bench = Bench::new(PoolSettings { first_job, ..easy() });
        bench.connect();
        bench.subscribe(0, None);
        assert_eq!(bench.miners[0].jobs().count() > 0, before_authorize);
        bench.authorize(0, "rig", "");
        let text = &bench.miners[0].text;
        assert_eq!(
            text.find("mining.notify\",\"params") < text.find("\"id\":2,\"result\":true"),
            before_answer
        );
        assert_eq!(bench.miners[0].jobs().count(), 1);
    }
}

#[test]
fn every_connection_has_an_extranonce1_of_its_own() {
    let mut bench = Bench::new(easy());
    let mut seen = Vec::new();
    for miner in 0..20 {
        bench.connect();
        seen.push(bench.log_in(miner).extranonce1);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 20);
}

#[test]
fn a_session_is_resumed_by_its_id_with_jobs_and_duplicates() {
    let mut bench = Bench::new(PoolSettings { block_interval: None, ..easy() });
    bench.connect();
    let first = bench.log_in(0);
    let (share, job) = (bench.share(), bench.miners[0].job().clone());
    assert_eq!(bench.submit(0, share.clone()).verdict, Ok(()));
    bench.input(PoolInput::Closed(bench.miners[0].conn));

    bench.now = Micros::from_secs(599);
    bench.connect();
    bench.configure(1);
    let resumed = bench.subscribe(1, first.session.clone());
    assert_eq!(resumed, first);
    bench.authorize(1, "rig", "");
    assert_eq!(bench.submit(1, share).verdict, Err(Reject::Duplicate));
    let blank = adit_protocol::stratum::Submit { extranonce2: vec![5; 4], ..bench.blank(1) };
    let old = adit_protocol::stratum::Submit { job_id: job.job_id.clone(), ntime: job.ntime, ..blank };
    let old = solve(&job, &first.extranonce1, old, EASY);
    assert_eq!(bench.submit(1, old).verdict, Ok(()));
    assert_eq!(bench.pool.tally().resumed, 1);
    bench.input(PoolInput::Closed(bench.miners[1].conn));

    bench.now = Micros::from_secs(1_200);
    bench.connect();
    assert_ne!(bench.subscribe(2, first.session.clone()), first, "ten minutes are over");
}

#[test]
fn a_session_in_use_cannot_be_taken_over() {
    let mut bench = Bench::new(easy());
    bench.connect();
    let first = bench.log_in(0);
    bench.connect();
    assert_ne!(bench.subscribe(1, first.session.clone()).extranonce1, first.extranonce1);
}

#[test]
fn a_wrong_password_is_refused_and_gets_no_job() {
    let mut bench = Bench::new(PoolSettings { password: Some("sesame".into()), ..easy() });
    bench.connect();
    bench.subscribe(0, None);
    let refusal = bench.authorize(0, "rig", "x").unwrap().granted().unwrap_err();
    assert_eq!(refusal.code, Some(24));
    assert!(bench.events.iter().any(|event| matches!(event, PoolEvent::LoginRefused { .. })));
    assert_eq!(bench.miners[0].jobs().count(), 0);
    assert!(bench.authorize(0, "rig", "sesame").unwrap().granted().is_ok());
    assert_eq!(bench.miners[0].jobs().count(), 1);
}

#[test]
fn a_pool_that_refuses_logins_refuses_all() {
    let quirks = Quirks::default().with(Quirk::RefuseLogin);
    let mut bench = Bench::new(PoolSettings { quirks, ..easy() });
    bench.connect();
    bench.subscribe(0, None);
    assert!(bench.authorize(0, "rig", "x").unwrap().granted().is_err());
}

#[test]
fn no_more_bits_are_granted_than_asked_for_and_none_when_they_are_too_few() {
    let mut bench = Bench::new(easy());
    bench.connect();
    let mut ask = |mask, min_bit_count| {
        let rolling = VersionRolling { mask: VersionMask(mask), min_bit_count };
        let configure = Configure { version_rolling: Some(rolling), ..Configure::default() };
        bench.ask(0, ClientCall::Configure(configure)).unwrap().result.to_string()
    };
    assert_eq!(ask(u32::MAX, 2), r#"{"version-rolling":true,"version-rolling.mask":"1fffe000"}"#);
    assert_eq!(ask(0x1800_0000, 2), r#"{"version-rolling":true,"version-rolling.mask":"18000000"}"#);
    assert!(ask(0x3000, 2).contains("too few"));
}

#[test]
fn a_suggested_difficulty_is_honoured_within_bounds() {
    let mut bench = Bench::with_miner(easy());
    assert!(bench.ask(0, ClientCall::SuggestDifficulty(64.0)).unwrap().granted().is_ok());
    assert_eq!(bench.miners[0].difficulty(), 64.0);
    bench.ask(0, ClientCall::SuggestDifficulty(1e300));
    assert_eq!(bench.miners[0].difficulty(), 1e15);
}

#[test]
fn a_minimum_difficulty_is_kept_even_by_the_first_job() {
    let mut bench = Bench::new(easy());
    bench.connect();
    let configure = Configure { minimum_difficulty: Some(3.0), ..Configure::default() };
    bench.ask(0, ClientCall::Configure(configure));
    bench.subscribe(0, None);
    bench.authorize(0, "rig", "");
    assert_eq!(bench.miners[0].difficulty(), 3.0);
}

#[test]
fn a_line_too_long_costs_the_connection() {
    let mut bench = Bench::with_miner(easy());
    let conn = bench.miners[0].conn;
    bench.input(PoolInput::Bytes { conn, bytes: &[b'{'; 1_025] });
    assert_eq!(bench.closed, [conn]);
    assert!(bench.events.contains(&PoolEvent::Dropped { conn, why: DropReason::TooLong }));
}

#[test]
fn settings_that_no_pool_can_have_are_refused() {
    let refused = |settings| Pool::new(settings, 0).map(|_| ()).unwrap_err();
    for difficulty in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-13, 1e16] {
        let error = refused(PoolSettings { difficulty, ..easy() });
        assert!(matches!(error, BadPoolSettings::Difficulty { .. }), "{error}");
    }
    assert_eq!(
        refused(PoolSettings { extranonce2_size: 17, ..easy() }),
        BadPoolSettings::Extranonce2Size { found: 17 }
    );
    assert_eq!(refused(PoolSettings { nbits: 0, ..easy() }), BadPoolSettings::Nbits { found: 0 });
    assert_eq!(refused(PoolSettings { max_branch: 33, ..easy() }), BadPoolSettings::Branch { found: 33 });
    let none = std::time::Duration::ZERO;
    assert_eq!(
        refused(PoolSettings { job_interval: none, ..easy() }),
        BadPoolSettings::JobInterval { found: none }
    );
    assert_eq!(
        refused(PoolSettings { block_interval: Some(none), ..easy() }),
        BadPoolSettings::BlockInterval { found: none }
    );
}
