//! End to end: a session, its socket, real Noise and real frames.

use std::sync::Arc;
use std::time::Duration;

use adit_core::{Answer, PoolInput, RejectKind, Share, ShareKey};
use adit_driver::{DeviceKey, Job, PoolKey};
use adit_protocol::pow::{Hash, Header};
use adit_protocol::units::HashRate;
use stratum_core::codec_sv2::Handshake;
use stratum_core::mining_sv2::{
    CloseChannelOwned, NewMiningJobOwned, OpenExtendedMiningChannelSuccessOwned,
    OpenStandardMiningChannelSuccessOwned, SetExtranoncePrefixOwned, SetTargetOwned, SubmitSharesErrorOwned,
    SubmitSharesSuccessOwned,
};
use stratum_core::parsers_sv2::MiningOwned;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use super::super::socket::LIMIT;
use super::pool::{EASY, Judge, PREFIX, Peer, authority, block, job, responder};
use crate::io::Upstream;
use crate::{AuthorityKey, PoolConfig, V2Wire};

const HOUR: Duration = Duration::from_secs(3600);

struct Running {
    listener: TcpListener,
    shares: mpsc::Sender<Share>,
    inputs: mpsc::Receiver<(PoolKey, PoolInput)>,
}

impl Running {
    async fn start(key: AuthorityKey, change: impl FnOnce(&mut PoolConfig)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("stratum2+tcp://127.0.0.1:{port}/{key}");
        let mut config = PoolConfig::new(&url, Some("user.rig1"), None).unwrap();
        change(&mut config);
        assert_eq!(config.check(), Ok(()));
        let (shares, share_receiver) = mpsc::channel(16);
        let (sender, inputs) = mpsc::channel(16);
        let upstream = Upstream::new(PoolKey(4), &config, 1).unwrap();
        tokio::spawn(upstream.run(Instant::now(), share_receiver, sender, watch::channel(HashRate(0.0)).1));
        Self { listener, shares, inputs }
    }

    /// What the session says next; that times are strict it says of every channel.
    async fn input(&mut self) -> PoolInput {
        loop {
            let input = timeout(LIMIT, self.inputs.recv()).await.unwrap().unwrap().1;
            if input != PoolInput::StrictTime {
                return input;
            }
        }
    }

    async fn job(&mut self) -> Arc<Job> {
        match self.input().await {
            PoolInput::Job(job) => job,
            other => panic!("{other:?}"),
        }
    }

    async fn warning(&mut self) -> String {
        match self.input().await {
            PoolInput::Notice { text, .. } => text,
            other => panic!("{other:?}"),
        }
    }

    async fn answer(&mut self) -> (u64, Answer) {
        match self.input().await {
            PoolInput::Answer { share, answer, .. } => (share.0, answer),
            other => panic!("{other:?}"),
        }
    }
}

/// A share of `job`, found by hashing, with a rolled version where that is allowed.
fn find(job: &Arc<Job>, key: u64) -> Share {
    let version = job.version | (job.version_mask.0 & 0x4000);
    let header = |nonce| Header { nonce, ..job.header(key, job.ntime, version) };
    let nonce = (0..).find(|nonce| job.share_target.is_met_by(&header(*nonce).hash())).unwrap();
    Share {
        key: ShareKey(key),
        device: DeviceKey(0),
        extranonce2: job.extranonce2_bytes(key),
        ntime: job.ntime,
        version,
        nonce,
        difficulty: 1e-9,
        block: false,
        job: Arc::clone(job),
    }
}

fn acknowledged(last: u32, count: u32) -> MiningOwned {
    MiningOwned::SubmitSharesSuccess(SubmitSharesSuccessOwned {
        channel_id: 7,
        last_sequence_number: last,
        new_submits_accepted_count: count,
        new_shares_sum: u64::from(count),
    })
}

fn opened(request_id: u32) -> MiningOwned {
    MiningOwned::OpenExtendedMiningChannelSuccess(OpenExtendedMiningChannelSuccessOwned {
        request_id,
        channel_id: 7,
        target: EASY.into(),
        extranonce_size: 4,
        extranonce_prefix: PREFIX.to_vec().try_into().unwrap(),
        group_channel_id: 1,
    })
}

/// An extended channel with a first job, and what the SRI channel thinks of it.
async fn extended(running: &mut Running) -> (Peer, Judge, Arc<Job>) {
    let mut pool = Peer::accept(&running.listener, HOUR).await;
    pool.set_up(0).await;
    let MiningOwned::OpenExtendedMiningChannel(open) = pool.hear_mining().await else {
        panic!("not extended")
    };
    assert_eq!((open.user_identity.as_utf8_or_hex().as_str(), open.min_extranonce_size), ("user.rig1", 4));
    pool.send(opened(open.request_id)).await;
    assert_eq!(running.input().await, PoolInput::Up { resumed: false });
    let mut judge = Judge::new();
    judge.announce(job(1, None));
    pool.send(MiningOwned::NewExtendedMiningJob(job(1, None))).await;
    judge.new_block(block(1, 0));
    pool.send(MiningOwned::SetNewPrevHash(block(1, 0))).await;
    let job = running.job().await;
    (pool, judge, job)
}

#[tokio::test]
async fn shares_of_an_extended_channel_satisfy_the_reference_and_are_acknowledged_in_batches() {
    let mut running = Running::start(authority(), |_| {}).await;
    let (mut pool, mut judge, first) = extended(&mut running).await;
    assert_eq!((first.clean, first.prev_hash, first.ntime), (true, Hash([0; 32]), 1_700_000_000));
    assert_eq!((first.extranonce1.as_slice(), first.extranonce2_size), (&PREFIX[..], 4));
    for key in 1..=3 {
        running.shares.send(find(&first, key)).await.unwrap();
        let MiningOwned::SubmitSharesExtended(share) = pool.hear_mining().await else { panic!("no share") };
        assert_eq!((share.sequence_number, share.job_id), (key as u32 - 1, 1));
        assert_ne!(share.version, first.version, "the version was rolled");
        assert!(judge.accepts(share), "the reference refuses share {key}");
    }
    let refused = SubmitSharesErrorOwned {
        channel_id: 7,
        sequence_number: 1,
        error_code: "stale-share".try_into().unwrap(),
    };
    pool.send(MiningOwned::SubmitSharesError(refused)).await;
    let rejected = Answer::Rejected { kind: RejectKind::Stale, reason: "stale-share".into() };
    assert_eq!(running.answer().await, (2, rejected));
    pool.send(acknowledged(2, 2)).await;
    assert_eq!(running.answer().await, (1, Answer::Accepted));
    assert_eq!(running.answer().await, (3, Answer::Accepted));

    // A job for now, one for the next block with another target, and one for the group.
    pool.send(MiningOwned::NewExtendedMiningJob(job(2, Some(1_700_000_030)))).await;
    let second = running.job().await;
    assert_eq!((second.clean, second.ntime, second.prev_hash), (false, 1_700_000_030, first.prev_hash));
    pool.send(MiningOwned::NewExtendedMiningJob(job(3, None))).await;
    let mut harder = EASY;
    harder[31] = 0x0f;
    let target = SetTargetOwned { channel_id: 1, maximum_target: harder.into() };
    pool.send(MiningOwned::SetTarget(target)).await;
    let mut group = block(3, 9);
    group.channel_id = 1;
    pool.send(MiningOwned::SetNewPrevHash(group)).await;
    let third = running.job().await;
    assert_eq!((third.clean, third.prev_hash), (true, Hash([9; 32])));
    assert!(third.share_target < second.share_target, "of jobs already announced for the block to come");

    // Another prefix counts from the next job on.
    let prefix =
        SetExtranoncePrefixOwned { channel_id: 7, extranonce_prefix: vec![9, 8].try_into().unwrap() };
    pool.send(MiningOwned::SetExtranoncePrefix(prefix)).await;
    pool.send(MiningOwned::NewExtendedMiningJob(job(4, Some(1_700_000_060)))).await;
    assert_eq!(running.job().await.extranonce1, [9, 8]);
    // A share of a job from before the block is lost without asking.
    running.shares.send(find(&second, 8)).await.unwrap();
    assert_eq!(running.answer().await, (8, Answer::Lost));
}

#[tokio::test]
async fn a_channel_that_is_closed_is_opened_again_with_new_job_keys() {
    let mut running = Running::start(authority(), |_| {}).await;
    let (mut pool, _, first) = extended(&mut running).await;
    running.shares.send(find(&first, 1)).await.unwrap();
    pool.hear_mining().await;
    let close = CloseChannelOwned { channel_id: 7, reason_code: "maintenance".try_into().unwrap() };
    pool.send(MiningOwned::CloseChannel(close)).await;
    assert_eq!(running.answer().await, (1, Answer::Lost));
    assert!(running.warning().await.contains("the pool closed the channel: maintenance"));
    assert_eq!(running.input().await, PoolInput::Down);
    let (_, _, again) = extended(&mut running).await;
    assert!(again.key > first.key);
}

#[tokio::test]
async fn a_session_that_is_no_longer_wanted_closes_its_channel() {
    let mut running = Running::start(authority(), |_| {}).await;
    let (mut pool, _, _) = extended(&mut running).await;
    drop(running.shares);
    let MiningOwned::CloseChannel(close) = pool.hear_mining().await else { panic!("no farewell") };
    assert_eq!((close.channel_id, close.reason_code.as_utf8_or_hex().as_str()), (7, "shutdown"));
}

#[tokio::test]
async fn a_standard_channel_mines_the_pools_merkle_root_and_that_of_group_jobs() {
    let mut running = Running::start(authority(), |config| config.v2.standard = true).await;
    let mut pool = Peer::accept(&running.listener, HOUR).await;
    pool.set_up(0).await;
    let MiningOwned::OpenStandardMiningChannel(open) = pool.hear_mining().await else {
        panic!("not standard")
    };
    pool.send(MiningOwned::OpenStandardMiningChannelSuccess(OpenStandardMiningChannelSuccessOwned {
        request_id: open.request_id,
        channel_id: 7,
        target: EASY.into(),
        extranonce_prefix: [PREFIX, PREFIX].concat().try_into().unwrap(),
        group_channel_id: 1,
    }))
    .await;
    assert_eq!(running.input().await, PoolInput::Up { resumed: false });
    pool.send(MiningOwned::NewMiningJob(NewMiningJobOwned {
        channel_id: 7,
        job_id: 5,
        min_ntime: stratum_core::binary_sv2::Sv2OptionOwned::new(None),
        version: 0x2000_0000,
        merkle_root: [0x5a; 32].into(),
    }))
    .await;
    pool.send(MiningOwned::SetNewPrevHash(block(5, 3))).await;
    let first = running.job().await;
    assert_eq!((first.fixed_root, first.extranonce2_radix()), (Some(Hash([0x5a; 32])), 1));
    running.shares.send(find(&first, 0)).await.unwrap();
    let MiningOwned::SubmitSharesStandard(share) = pool.hear_mining().await else { panic!("no share") };
    let header = Header {
        version: share.version,
        prev_hash: Hash([3; 32]),
        merkle_root: Hash([0x5a; 32]),
        ntime: share.ntime,
        nbits: 0x207f_ffff,
        nonce: share.nonce,
    };
    assert!(first.share_target.is_met_by(&header.hash()));
    pool.send(acknowledged(0, 1)).await;
    assert_eq!(running.answer().await, (0, Answer::Accepted));

    let mut group = job(6, Some(1_700_000_001));
    group.channel_id = 1;
    pool.send(MiningOwned::NewExtendedMiningJob(group)).await;
    let second = running.job().await;
    // The same header as an extended channel that had chosen the second half of the prefix.
    let twin = Job {
        fixed_root: None,
        extranonce1: PREFIX.to_vec(),
        extranonce2_size: 4,
        coinbase_head: job(6, None).coinbase_tx_prefix.as_bytes().to_vec(),
        coinbase_tail: job(6, None).coinbase_tx_suffix.as_bytes().to_vec(),
        merkle_branch: vec![Hash([0x11; 32])],
        ..(*second).clone()
    };
    assert_eq!(second.merkle_root(0), twin.merkle_root(u64::from(u32::from_le_bytes(PREFIX))));
}

#[tokio::test]
async fn a_pool_that_refuses_extended_channels_is_asked_for_a_standard_one() {
    let mut running = Running::start(authority(), |_| {}).await;
    let refusals = [("unsupported-min-extranonce-size", Some(4)), ("what-is-this", Some(2)), ("", None)];
    for (code, size) in refusals {
        let mut pool = Peer::accept(&running.listener, HOUR).await;
        pool.set_up(0).await;
        let asked = match pool.hear_mining().await {
            MiningOwned::OpenExtendedMiningChannel(open) => Some(open.min_extranonce_size),
            MiningOwned::OpenStandardMiningChannel(_) => None,
            other => panic!("{other}"),
        };
        assert_eq!(asked, size);
        if !code.is_empty() {
            let error_code = code.try_into().unwrap();
            let error = stratum_core::mining_sv2::OpenMiningChannelErrorOwned { request_id: 1, error_code };
            pool.send(MiningOwned::OpenMiningChannelError(error)).await;
            let warning = running.warning().await;
            assert!(
                warning.contains(&format!("refused to open a channel for `user.rig1`: {code}")),
                "{warning}"
            );
        }
    }
}

#[tokio::test]
async fn whoever_cannot_prove_to_be_the_pool_gets_nothing() {
    // A key that is on the curve, but not the pool's.
    let other = "9auqWEzQDVyd2oe1JVGFLMLHZtCo2FFqZwtKA5gd9xbuEu7PH72".parse().unwrap();
    let mut running = Running::start(other, |_| {}).await;
    let pool = Peer::accept(&running.listener, HOUR).await;
    let warning = running.warning().await;
    assert!(warning.contains("the pool cannot prove who it is"), "{warning}");
    drop(pool);
    let mut running = Running::start(AuthorityKey([0xff; 32]), |_| {}).await;
    let _waiting = timeout(LIMIT, running.listener.accept()).await.unwrap().unwrap();
    let warning = running.warning().await;
    assert!(warning.contains("authority key in the pool's URL is not a public key"), "{warning}");
}

#[tokio::test]
async fn a_server_of_something_else_is_said_to_be_none_of_stratum_v2() {
    let mut running = Running::start(authority(), |_| {}).await;
    let (mut stream, _) = timeout(LIMIT, running.listener.accept()).await.unwrap().unwrap();
    let line = format!("{{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"{}\"]}}\n", "x".repeat(300));
    stream.write_all(line.as_bytes()).await.unwrap();
    let warning = running.warning().await;
    assert!(warning.contains("this is not a Stratum V2 pool"), "{warning}");
}

#[test]
fn a_certificate_whose_time_is_over_or_has_not_come_is_refused_and_the_reason_named() {
    let sentence = |unix: u32| {
        let AuthorityKey(key) = authority();
        let (mut wire, hello) = V2Wire::new(Some(key), &mut rand::rngs::OsRng).unwrap();
        let (answer, _) = Handshake::responder(responder(HOUR)).step_1(hello.try_into().unwrap()).unwrap();
        wire.push(answer.payload());
        wire.next(unix).unwrap_err().to_string()
    };
    let late = sentence(u32::MAX);
    assert!(late.starts_with("the pool's certificate expired ") && late.contains(" days ago"), "{late}");
    let early = sentence(1);
    assert!(early.starts_with("the pool's certificate is valid only in "), "{early}");
}
