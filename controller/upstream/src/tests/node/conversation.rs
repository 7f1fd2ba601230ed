//! The conversation with a node, without a wire.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use adit_core::{Answer, PoolInput, RejectKind, Share, ShareKey};
use adit_driver::{DeviceKey, Job, PoolKey};
use adit_protocol::wire::Micros;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::judge::{Judge, PAYOUT};
use crate::{ConnectError, NodeAction, NodeCall, NodeInput, NodeOptions, NodeSession, PoolConfig, RpcFault};

/// A share of `job` whose block has work enough on regtest.
pub(super) fn share(job: &Arc<Job>, key: u64) -> Share {
    let header = |nonce| adit_protocol::pow::Header { nonce, ..job.header(key, job.ntime, job.version) };
    let nonce = (0..).find(|nonce| job.share_target.is_met_by(&header(*nonce).hash())).unwrap();
    Share {
        key: ShareKey(key),
        device: DeviceKey(0),
        extranonce2: job.extranonce2_bytes(key),
        ntime: job.ntime,
        version: job.version,
        nonce,
        difficulty: 1e-9,
        block: true,
        job: Arc::clone(job),
    }
}

/// A session and what it wants.
pub(super) struct Talk {
    session: NodeSession,
    now: Micros,
    calls: VecDeque<NodeCall>,
    kept: Vec<String>,
    blocks: Vec<Arc<str>>,
    said: Vec<PoolInput>,
    judge: Judge,
}

impl Talk {
    pub(super) fn new(nodes: usize) -> Self {
        let config = PoolConfig::new("http://node.example:18443", None, None).unwrap();
        let options = NodeOptions {
            submit_to: vec![config.clone(); nodes - 1],
            tag: "/adit/".into(),
            ..NodeOptions::default()
        };
        let session =
            NodeSession::new(PoolKey(5), &config, &options, PAYOUT.parse().unwrap(), 0x1234_5678_9abc_def0);
        let mut talk = Self {
            session,
            now: Micros(0),
            calls: VecDeque::new(),
            kept: Vec::new(),
            blocks: Vec::new(),
            said: Vec::new(),
            judge: Judge { number: 3, ..Judge::default() },
        };
        talk.take();
        talk
    }

    /// One that gives work; the long poll waits.
    pub(super) fn up() -> Self {
        let mut talk = Self::new(1);
        for method in ["getblockchaininfo", "validateaddress", "getblocktemplate", "getblocktemplate"] {
            talk.answer(method);
        }
        assert!(
            matches!(talk.said[..], [PoolInput::Up { resumed: true }, PoolInput::Job(_)]),
            "{:?}",
            talk.said
        );
        assert_eq!(talk.judge.proposals, 1);
        talk
    }

    fn take(&mut self) {
        while let Some(action) = self.session.next_action() {
            match action {
                NodeAction::Call(call) => {
                    let body = String::from_utf8_lossy(&call.body);
                    assert!(
                        !call.is_submit || self.blocks.iter().any(|block| body.contains(&**block)),
                        "not kept first"
                    );
                    self.calls.push_back(call);
                }
                NodeAction::Keep { hash, block } => {
                    self.kept.push(hash);
                    self.blocks.push(block);
                }
                NodeAction::Emit(input) => self.said.push(input),
            }
        }
    }

    pub(super) fn input(&mut self, input: NodeInput) {
        self.session.on_input(self.now, input);
        self.take();
    }

    pub(super) fn reply(&mut self, id: u64, outcome: Result<Value, RpcFault>) {
        self.input(NodeInput::Reply { id, outcome });
    }

    /// The next call, which must be of this method.
    pub(super) fn next(&mut self, method: &str) -> (NodeCall, Value) {
        let call = self.calls.pop_front().unwrap_or_else(|| panic!("no call of {method}"));
        let body: Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!((&body["method"], &body["id"]), (&json!(method), &json!(call.id)));
        (call, body["params"].clone())
    }

    /// Lets the judge answer the next call.
    pub(super) fn answer(&mut self, method: &str) {
        let (call, params) = self.next(method);
        let outcome = self.judge.call(method, &params);
        self.reply(call.id, outcome.map_err(|_| RpcFault::Error { code: -1, message: String::new() }));
    }

    pub(super) fn fail(&mut self, method: &str, fault: RpcFault) {
        let (call, _) = self.next(method);
        self.reply(call.id, Err(fault));
    }

    pub(super) fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= until) {
            self.now = deadline.max(self.now);
            self.input(NodeInput::Timer);
            assert!(self.session.deadline().is_none_or(|next| next > deadline), "a deadline that stays");
        }
        self.now = until;
    }

    pub(super) fn said(&mut self) -> Vec<PoolInput> {
        std::mem::take(&mut self.said)
    }

    /// The last warning.
    fn warning(&mut self) -> String {
        let warning = self.said().into_iter().rev().find_map(|input| match input {
            PoolInput::Notice { text, warning: true } => Some(text),
            _ => None,
        });
        warning.expect("a warning")
    }

    pub(super) fn job(&mut self) -> Arc<Job> {
        let job = self.said().into_iter().rev().find_map(|input| match input {
            PoolInput::Job(job) => Some(job),
            _ => None,
        });
        job.expect("a job")
    }
}

#[test]
fn the_first_job_is_one_whose_block_the_node_has_looked_at() {
    let mut talk = Talk::up();
    let job = talk.job();
    assert_eq!((job.height(), job.extranonce2_size, job.clean), (Some(32_768), 8, true));
    assert_eq!(job.extranonce1.len(), 4);
    let script = String::from_utf8_lossy(&job.coinbase_head).into_owned();
    assert!(script.contains("/adit/"), "{script}");
    let (call, params) = talk.next("getblocktemplate");
    assert_eq!(params[0]["longpollid"], talk.judge.template()["longpollid"]);
    assert_eq!((call.patience, call.node), (None, 0));
}

#[test]
fn a_block_is_kept_then_submitted_to_every_node_and_accepted_once() {
    let mut talk = Talk::new(3);
    for method in ["getblockchaininfo", "validateaddress", "getblocktemplate", "getblocktemplate"] {
        talk.answer(method);
    }
    talk.next("getblocktemplate");
    let share = share(&talk.job(), 77);
    talk.input(NodeInput::Submit(share));
    assert_eq!(talk.kept.len(), 1);
    assert_eq!(
        talk.calls.iter().map(|call| (call.node, call.is_submit)).collect::<Vec<_>>(),
        [(0, true), (1, true), (2, true)]
    );
    talk.fail("submitblock", RpcFault::Connect(ConnectError::Refused));
    talk.now = Micros(250_000);
    talk.answer("submitblock");
    let said = talk.said();
    let answer = PoolInput::Answer {
        share: ShareKey(77),
        answer: Answer::Accepted,
        latency: Duration::from_millis(250),
    };
    assert!(said.contains(&answer), "{said:?}");
    assert_eq!(talk.judge.blocks[0].header.block_hash().to_string(), talk.kept[0]);
    talk.answer("submitblock"); // the third says duplicate
    talk.wait(Duration::from_secs(1));
    talk.answer("submitblock"); // the first is asked again
    assert!(talk.said().is_empty() && talk.calls.is_empty());
    assert_eq!(talk.judge.blocks.len(), 1);
}

#[test]
fn a_node_that_is_away_is_asked_every_second_for_ten_minutes_and_then_the_block_is_lost_but_kept() {
    let mut talk = Talk::up();
    talk.next("getblocktemplate");
    let share = share(&talk.job(), 1);
    talk.input(NodeInput::Submit(share));
    let mut attempts = 0;
    while let Some(at) = talk.calls.iter().position(|call| call.is_submit) {
        let call = talk.calls.remove(at).unwrap();
        talk.reply(call.id, Err(RpcFault::TimedOut));
        attempts += 1;
        talk.wait(Duration::from_secs(1));
    }
    assert!((590..=601).contains(&attempts), "{attempts}");
    let lost = PoolInput::Answer { share: ShareKey(1), answer: Answer::Lost, latency: Duration::ZERO };
    assert!(talk.said().contains(&lost));
    assert_eq!(talk.kept.len(), 1);
}

#[test]
fn a_refused_block_is_said_loudly_with_the_nodes_reason() {
    let mut talk = Talk::up();
    talk.next("getblocktemplate");
    let mut share = share(&talk.job(), 1);
    share.nonce = (0..)
        .find(|nonce| {
            let header = adit_protocol::pow::Header {
                nonce: *nonce,
                ..share.job.header(1, share.ntime, share.version)
            };
            !share.job.share_target.is_met_by(&header.hash())
        })
        .unwrap();
    talk.input(NodeInput::Submit(share));
    talk.answer("submitblock");
    let said = talk.said();
    let refused = Answer::Rejected { kind: RejectKind::LowDifficulty, reason: "high-hash".into() };
    assert!(
        said.contains(&PoolInput::Answer { share: ShareKey(1), answer: refused, latency: Duration::ZERO }),
        "{said:?}"
    );
    assert!(said.iter().any(|it| matches!(it, PoolInput::Notice { text, warning: true } if text.contains("REFUSED OUR BLOCK: high-hash"))));
}

#[test]
fn a_new_tip_makes_a_clean_job_and_old_blocks_can_still_be_submitted() {
    let mut talk = Talk::up();
    let old = talk.job();
    talk.judge.changes =
        json!({ "previousblockhash": "00".repeat(31) + "aa", "height": 32_769, "longpollid": "next" });
    talk.now = Micros::from_secs(20);
    talk.answer("getblocktemplate"); // the long poll ends
    let job = talk.job();
    assert_eq!((job.clean, job.height()), (true, Some(32_769)));
    assert_eq!(talk.next("getblocktemplate").1[0]["longpollid"], "next");
    talk.judge.changes = json!({});
    talk.input(NodeInput::Submit(share(&old, 3)));
    talk.answer("submitblock");
    assert_eq!(talk.judge.blocks.len(), 1);
}

#[test]
fn more_fees_are_worth_a_job_only_where_they_are_more_or_the_old_is_old() {
    let mut talk = Talk::up();
    talk.job();
    let value = talk.judge.template()["coinbasevalue"].as_u64().unwrap();
    talk.now = Micros::from_secs(10);
    talk.judge.changes = json!({ "coinbasevalue": value + value / 2_000 });
    talk.answer("getblocktemplate");
    assert!(talk.said().is_empty(), "a two-thousandth more after ten seconds");
    talk.now = Micros::from_secs(20);
    talk.judge.changes = json!({ "coinbasevalue": value + value / 500 });
    talk.answer("getblocktemplate");
    assert!(!talk.job().clean);
    talk.now = Micros::from_secs(55);
    talk.answer("getblocktemplate");
    assert!(!talk.job().clean, "an old one is renewed");
}

#[test]
fn a_node_is_asked_every_minute_even_while_a_long_poll_waits() {
    let mut talk = Talk::up();
    talk.job();
    let (waiting, _) = talk.next("getblocktemplate");
    talk.wait(Duration::from_secs(60));
    let (call, params) = talk.next("getblocktemplate");
    assert_eq!(params[0]["longpollid"], Value::Null);
    let template = talk.judge.template();
    talk.reply(call.id, Ok(template));
    talk.job();
    assert!(talk.calls.is_empty(), "the long poll still waits");
    talk.reply(waiting.id, Err(RpcFault::Closed));
    talk.wait(Duration::from_secs(5));
    talk.answer("getblocktemplate");
    assert_ne!(talk.next("getblocktemplate").1[0]["longpollid"], Value::Null, "and is begun again");
}

#[test]
fn a_node_that_answers_a_long_poll_at_once_is_polled_slowly() {
    let mut talk = Talk::up();
    talk.job();
    talk.answer("getblocktemplate");
    assert!(talk.calls.is_empty());
    talk.wait(Duration::from_secs(4));
    assert!(talk.calls.is_empty());
    talk.wait(Duration::from_secs(1));
    talk.answer("getblocktemplate");
}

#[test]
fn a_node_that_cannot_give_work_is_left_with_the_reason_and_asked_again() {
    let cases: [(&str, RpcFault, &str); 4] = [
        ("getblockchaininfo", RpcFault::Connect(ConnectError::Refused), "connection refused"),
        ("getblockchaininfo", RpcFault::LoginRefused, "refuses the login"),
        (
            "getblockchaininfo",
            RpcFault::Error { code: -28, message: "Loading block index…".into() },
            "Loading block index… (-28)",
        ),
        ("getblockchaininfo", RpcFault::NoCookie, "cookie file cannot be read"),
    ];
    for (method, fault, why) in cases {
        let mut talk = Talk::new(1);
        talk.fail(method, fault);
        assert!(talk.warning().contains(why));
        talk.wait(Duration::from_secs(60));
        talk.answer("getblockchaininfo");
    }
}

#[test]
fn an_address_of_another_chain_or_read_otherwise_by_the_node_stops_everything() {
    let mut talk = Talk::new(1);
    let (call, _) = talk.next("getblockchaininfo");
    talk.reply(call.id, Ok(json!({ "chain": "main" })));
    assert!(talk.warning().contains("is not an address of the node's chain `main`"));
    assert!(talk.calls.is_empty());

    let mut talk = Talk::new(1);
    talk.answer("getblockchaininfo");
    let (call, _) = talk.next("validateaddress");
    talk.reply(call.id, Ok(json!({ "isvalid": true, "scriptPubKey": "0014ffff" })));
    assert!(talk.warning().contains("with the script that adit would use"));
    assert!(talk.calls.is_empty());
}

#[test]
fn nothing_is_mined_while_the_node_would_refuse_our_block() {
    let mut talk = Talk::new(1);
    for method in ["getblockchaininfo", "validateaddress", "getblocktemplate"] {
        talk.answer(method);
    }
    let (call, _) = talk.next("getblocktemplate");
    talk.reply(call.id, Ok("bad-cb-amount".into()));
    let warning = talk.warning();
    assert!(warning.contains("THE NODE WOULD REFUSE OUR BLOCKS: bad-cb-amount"), "{warning}");
    assert!(warning.contains("next attempt in 30 s"), "{warning}");
}

#[test]
fn a_node_that_goes_away_takes_its_work_with_it_and_comes_back_after_the_same_checks() {
    let mut talk = Talk::up();
    talk.job();
    let (waiting, _) = talk.next("getblocktemplate");
    talk.wait(Duration::from_secs(60));
    for _ in 0..2 {
        talk.fail("getblocktemplate", RpcFault::Status(503));
        assert!(talk.said().is_empty(), "a busy node is asked again before its work is dropped");
        talk.wait(Duration::from_secs(5));
    }
    talk.fail("getblocktemplate", RpcFault::Connect(ConnectError::Refused));
    assert_eq!(talk.said().last(), Some(&PoolInput::Down));
    talk.reply(waiting.id, Err(RpcFault::Closed));
    talk.wait(Duration::from_secs(2));
    for method in ["getblockchaininfo", "validateaddress", "getblocktemplate", "getblocktemplate"] {
        talk.answer(method);
    }
    assert_eq!(talk.said().first(), Some(&PoolInput::Up { resumed: true }));
    assert_eq!(talk.judge.proposals, 2);
}

/// Any answer to any call.
fn outcome() -> impl Strategy<Value = Option<Result<Value, RpcFault>>> {
    prop_oneof![
        8 => Just(None), // what the judge says
        1 => Just(Some(Ok(Value::Null))),
        1 => Just(Some(Ok(json!({ "chain": "regtest" })))),
        1 => Just(Some(Ok(json!("inconclusive")))),
        1 => Just(Some(Err(RpcFault::TimedOut))),
        1 => Just(Some(Err(RpcFault::Error { code: -28, message: "x".into() }))),
        1 => Just(Some(Err(RpcFault::Error { code: -22, message: "x".into() }))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_a_node_answers_every_share_gets_one_answer(steps in prop::collection::vec((outcome(), any::<prop::sample::Index>(), 0..90_000_u64), 1..80)) {
        let mut talk = Talk::new(2);
        let (mut submitted, mut answered, mut up, mut job) = (0, 0, false, None);
        let mut count = |talk: &mut Talk, job: &mut Option<Arc<Job>>| -> Result<(), TestCaseError> {
            for input in talk.said() {
                match input {
                    PoolInput::Up { .. } => prop_assert!(!std::mem::replace(&mut up, true)),
                    PoolInput::Down => prop_assert!(std::mem::take(&mut up)),
                    PoolInput::Job(new) => { prop_assert!(up); *job = Some(new); }
                    PoolInput::Answer { .. } => answered += 1,
                    _ => {}
                }
            }
            Ok(())
        };
        for (outcome, which, millis) in steps {
            if !talk.calls.is_empty() {
                let call = talk.calls.remove(which.index(talk.calls.len())).unwrap();
                let body: Value = serde_json::from_slice(&call.body).unwrap();
                let outcome = outcome.unwrap_or_else(|| Ok(talk.judge.call(body["method"].as_str().unwrap(), &body["params"]).unwrap()));
                talk.reply(call.id, outcome);
            }
            count(&mut talk, &mut job)?;
            if let Some(job) = &job && millis % 3 == 0 {
                submitted += 1;
                talk.input(NodeInput::Submit(share(job, submitted)));
            }
            talk.wait(Duration::from_millis(millis));
            count(&mut talk, &mut job)?;
        }
        talk.wait(Duration::from_secs(601));
        count(&mut talk, &mut job)?;
        prop_assert_eq!(submitted, answered);
    }
}
