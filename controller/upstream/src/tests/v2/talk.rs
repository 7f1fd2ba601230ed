//! The session without a wire: its patience, its redirects, and anything a pool may say.

use std::sync::Arc;
use std::time::Duration;

use adit_core::{Answer, PoolInput, Share, ShareKey};
use adit_driver::{DeviceKey, Job, PoolKey};
use adit_protocol::units::HashRate;
use adit_protocol::wire::Micros;
use proptest::prelude::*;
use stratum_core::common_messages_sv2::{
    ReconnectOwned, SetupConnectionErrorOwned, SetupConnectionSuccessOwned,
};
use stratum_core::mining_sv2::{OpenExtendedMiningChannelSuccessOwned, SubmitSharesSuccessOwned};
use stratum_core::parsers_sv2::{AnyMessageOwned, CommonMessagesOwned, MiningOwned};

use super::pool::{EASY, PREFIX, authority, block, job};
use crate::{PoolConfig, V2Action, V2Input, V2Session};

/// A session, what it sent and what it said.
pub(super) struct Talk {
    session: V2Session,
    now: Micros,
    pub(super) sent: Vec<AnyMessageOwned>,
    pub(super) said: Vec<PoolInput>,
    pub(super) places: Vec<String>,
    pub(super) jobs: Vec<Arc<Job>>,
}

impl Talk {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut PoolConfig)) -> Self {
        let url = format!("stratum2+tcp://pool.example.com:34254/{}", authority());
        let mut config = PoolConfig::new(&url, Some("user"), None).unwrap();
        change(&mut config);
        let session = V2Session::new(PoolKey(1), config, 1);
        let mut talk = Self {
            session,
            now: Micros(0),
            sent: Vec::new(),
            said: Vec::new(),
            places: Vec::new(),
            jobs: Vec::new(),
        };
        talk.take();
        talk
    }

    pub(super) fn up() -> Self {
        Self::up_with(|_| {})
    }

    fn up_with(change: impl FnOnce(&mut PoolConfig)) -> Self {
        let mut talk = Self::with(change);
        talk.input(V2Input::Connected);
        talk.common(set_up());
        talk.mining(opened());
        talk.mining(MiningOwned::NewExtendedMiningJob(job(1, None)));
        talk.mining(MiningOwned::SetNewPrevHash(block(1, 1)));
        assert_eq!(talk.jobs.len(), 1);
        talk
    }

    fn take(&mut self) {
        while let Some(action) = self.session.next_action() {
            match action {
                V2Action::Connect { host, port } => self.places.push(format!("{host}:{port}")),
                V2Action::Send(message) => self.sent.push(*message),
                V2Action::Close => {}
                V2Action::Emit(PoolInput::Job(job)) => self.jobs.push(job),
                V2Action::Emit(input) => self.said.push(input),
            }
        }
    }

    pub(super) fn input(&mut self, input: V2Input) {
        self.session.on_input(self.now, input);
        self.take();
    }

    pub(super) fn common(&mut self, message: CommonMessagesOwned) {
        self.input(V2Input::Message(Box::new(AnyMessageOwned::Common(message))));
    }

    pub(super) fn mining(&mut self, message: MiningOwned) {
        self.input(V2Input::Message(Box::new(AnyMessageOwned::Mining(message))));
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        while let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= until) {
            self.now = deadline.max(self.now);
            self.input(V2Input::Timer);
            assert!(self.session.deadline().is_none_or(|next| next > deadline), "a deadline that stays");
        }
        self.now = until;
    }

    pub(super) fn submit(&mut self, key: u64) {
        let job = Arc::clone(self.jobs.last().unwrap());
        let share = Share {
            key: ShareKey(key),
            device: DeviceKey(0),
            extranonce2: job.extranonce2_bytes(key),
            ntime: job.ntime,
            version: job.version,
            nonce: 0,
            difficulty: 1.0,
            block: false,
            job,
        };
        self.input(V2Input::Submit(share));
    }

    pub(super) fn warned_of(&self, what: &str) -> bool {
        self.said.iter().any(|input| matches!(input, PoolInput::Notice { text, .. } if text.contains(what)))
    }
}

pub(super) fn set_up() -> CommonMessagesOwned {
    CommonMessagesOwned::SetupConnectionSuccess(SetupConnectionSuccessOwned { used_version: 2, flags: 0 })
}

pub(super) fn opened() -> MiningOwned {
    MiningOwned::OpenExtendedMiningChannelSuccess(OpenExtendedMiningChannelSuccessOwned {
        request_id: 1,
        channel_id: 7,
        target: EASY.into(),
        extranonce_size: 4,
        extranonce_prefix: PREFIX.to_vec().try_into().unwrap(),
        group_channel_id: 1,
    })
}

#[test]
fn every_step_has_its_patience() {
    let mut talk = Talk::new();
    talk.input(V2Input::Connected);
    talk.wait(10);
    assert!(talk.warned_of("no answer to SetupConnection within 10 s"));
    let mut talk = Talk::new();
    talk.input(V2Input::Connected);
    talk.common(set_up());
    talk.wait(10);
    assert!(talk.warned_of("no channel within 10 s"));
    let mut talk = Talk::new();
    talk.input(V2Input::Connected);
    talk.common(set_up());
    talk.mining(opened());
    talk.wait(30);
    assert!(talk.warned_of("no job within 30 s") && talk.said.contains(&PoolInput::Down));
    let mut talk = Talk::up();
    talk.wait(599);
    assert!(!talk.said.contains(&PoolInput::Down));
    talk.wait(1);
    assert!(talk.warned_of("no word within 600 s"));
}

#[test]
fn a_share_without_an_answer_is_lost_after_two_minutes_and_with_its_connection() {
    let mut talk = Talk::up();
    talk.submit(1);
    talk.wait(60);
    talk.submit(2);
    talk.wait(60);
    let lost =
        |key| PoolInput::Answer { share: ShareKey(key), answer: Answer::Lost, latency: Duration::ZERO };
    assert!(talk.said.contains(&lost(1)) && !talk.said.contains(&lost(2)));
    talk.input(V2Input::Closed);
    assert!(talk.said.contains(&lost(2)));
    talk.submit(3);
    assert!(talk.said.contains(&lost(3)));
}

#[test]
fn flags_that_a_pool_does_not_support_are_left_out_next_time() {
    let mut talk = Talk::new();
    talk.input(V2Input::Connected);
    let error_code = "unsupported-feature-flags".try_into().unwrap();
    talk.common(CommonMessagesOwned::SetupConnectionError(SetupConnectionErrorOwned {
        flags: 4,
        error_code,
    }));
    assert!(talk.warned_of("the pool refused the connection: unsupported-feature-flags"));
    talk.wait(2);
    talk.input(V2Input::Connected);
    let flags: Vec<u32> = talk
        .sent
        .iter()
        .filter_map(|message| match message {
            AnyMessageOwned::Common(CommonMessagesOwned::SetupConnection(setup)) => Some(setup.flags),
            _ => None,
        })
        .collect();
    assert_eq!(flags, [4, 0]);
}

#[test]
fn a_redirect_is_followed_once_and_the_key_goes_with_it() {
    let mut talk = Talk::up();
    let reconnect = |host: &str, port| {
        CommonMessagesOwned::Reconnect(ReconnectOwned { new_host: host.try_into().unwrap(), new_port: port })
    };
    talk.common(reconnect("other.example.net", 0));
    talk.common(reconnect("evil.example.org", 0)); // came with it, and the connection is over
    talk.wait(0);
    assert_eq!(talk.places.last().unwrap(), "other.example.net:34254");
    assert_eq!(talk.session.authority(), Some(authority()));
    talk.input(V2Input::Connected);
    talk.input(V2Input::Closed);
    talk.wait(2);
    assert_eq!(talk.places.last().unwrap(), "pool.example.com:34254");
    talk.input(V2Input::Connected);
    talk.common(reconnect("not a host", 1));
    assert!(talk.warned_of("redirect to `not a host` refused"));
}

/// What the pool was told of our hash rate after the channel was open.
fn updates(talk: &Talk) -> Vec<f32> {
    let update = |message: &AnyMessageOwned| match message {
        AnyMessageOwned::Mining(MiningOwned::UpdateChannel(update)) => Some(update.nominal_hash_rate),
        _ => None,
    };
    talk.sent.iter().filter_map(update).collect()
}

#[test]
fn what_the_devices_promise_is_told_unless_the_user_has_said_something_else() {
    let mut talk = Talk::up();
    talk.input(V2Input::Promised(HashRate(4e8)));
    talk.wait(1);
    talk.input(V2Input::Promised(HashRate(5e8)));
    talk.wait(60);
    assert_eq!(updates(&talk), [5e8]);
    let mut talk = Talk::up_with(|config| config.v2.hashrate = Some(1e9));
    talk.input(V2Input::Promised(HashRate(5e8)));
    talk.wait(60);
    assert_eq!(updates(&talk), [0.0; 0]);
}

#[test]
fn a_hash_rate_that_is_another_than_was_told_is_told_once_it_is_certain() {
    let mut talk = Talk::up();
    let hashes = talk.jobs[0].share_target.expected_hashes();
    for second in 1..200 {
        talk.wait(1);
        talk.submit(second);
    }
    let told = updates(&talk);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!((f64::from(told[0]) / hashes - 1.0).abs() < 0.05, "a share a second: {told:?} of {hashes}");
    // It is what the next connection begins with.
    talk.input(V2Input::Closed);
    talk.wait(5);
    talk.input(V2Input::Connected);
    talk.common(set_up());
    let Some(AnyMessageOwned::Mining(MiningOwned::OpenExtendedMiningChannel(open))) = talk.sent.last() else {
        panic!("no channel is asked for")
    };
    assert_eq!(open.nominal_hash_rate, told[0]);
}

#[test]
fn who_wants_to_stay_is_not_led_away() {
    let mut talk = Talk::with(|config| config.options.redirect = crate::Redirect::Never);
    talk.input(V2Input::Connected);
    talk.common(CommonMessagesOwned::Reconnect(ReconnectOwned {
        new_host: "other.example.com".try_into().unwrap(),
        new_port: 1,
    }));
    assert!(talk.warned_of("redirect to `other.example.com` refused"));
}

/// Anything a pool may say, in any order.
fn message() -> impl Strategy<Value = AnyMessageOwned> {
    let mining = prop_oneof![
        Just(opened()),
        (0..6_u32, prop::option::of(Just(1_700_000_000)))
            .prop_map(|(id, time)| MiningOwned::NewExtendedMiningJob(job(id, time))),
        (0..6_u32, any::<u8>()).prop_map(|(id, prev)| MiningOwned::SetNewPrevHash(block(id, prev))),
        (0..8_u32).prop_map(|last| MiningOwned::SubmitSharesSuccess(SubmitSharesSuccessOwned {
            channel_id: 7,
            last_sequence_number: last,
            new_submits_accepted_count: 1,
            new_shares_sum: 1,
        })),
        (0..8_u32, prop::sample::select(vec!["stale-share", "invalid-channel-id", "x"])).prop_map(
            |(number, code)| {
                MiningOwned::SubmitSharesError(stratum_core::mining_sv2::SubmitSharesErrorOwned {
                    channel_id: 7,
                    sequence_number: number,
                    error_code: code.try_into().unwrap(),
                })
            }
        ),
    ];
    prop_oneof![
        6 => mining.prop_map(AnyMessageOwned::Mining),
        1 => Just(AnyMessageOwned::Common(set_up())),
        1 => Just(AnyMessageOwned::Common(CommonMessagesOwned::Reconnect(ReconnectOwned { new_host: "".try_into().unwrap(), new_port: 0 }))),
    ]
}

proptest! {
    #[test]
    fn whatever_a_pool_says_every_share_gets_one_answer(
        steps in prop::collection::vec((message(), 0..4_u8, 0..40_u64), 1..80)
    ) {
        let (mut talk, mut submitted) = (Talk::up(), 0);
        for (message, what, seconds) in steps {
            match what {
                0 => talk.input(V2Input::Connected),
                1 => { submitted += 1; talk.submit(submitted); }
                _ => talk.input(V2Input::Message(Box::new(message))),
            }
            talk.wait(seconds);
        }
        talk.wait(121);
        let mut answered: Vec<u64> = talk.said.iter().filter_map(|input| match input {
            PoolInput::Answer { share, .. } => Some(share.0),
            _ => None,
        }).collect();
        answered.sort_unstable();
        prop_assert_eq!(answered, (1..=submitted).collect::<Vec<_>>());
    }
}
