//! What a session with a node promises, whatever it answers in whatever order: no panic, no hang, a block on disk before it is
//! submitted, and one answer for each share. Shared by the seeded test and by the libFuzzer target.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use adit_core::{Answer, PoolInput, Share, ShareKey};
use adit_driver::{DeviceKey, Job, PoolKey};
use adit_protocol::wire::Micros;
use adit_upstream::{
    ConnectError, NodeAction, NodeCall, NodeInput, NodeOptions, NodeSession, PoolConfig, RpcFault,
};
use serde_json::Value;

/// Calls of which none needs an answer before the others, at most: a node is not flooded.
const MOST_CALLS: usize = 4;
/// Blocks are given up after so long, and a call for one after a minute more.
const PATIENCE: Duration = Duration::from_secs(700);

const PAYOUT: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
const SCRIPT: &str = "0014751e76e8199196d454941c45d1b3a323f1433bd6";

/// What a node may answer, as JSON. `~` is a digit.
const ANSWERS: &[&str] = &[
    "null",
    r#"{"chain":"regtest"}"#,
    r#"{"chain":"main"}"#,
    r#"{"scriptPubKey":"0014751e76e8199196d454941c45d1b3a323f1433bd~"}"#,
    r#""inconclusive""#,
    r#""duplicate""#,
    r#""inconclusive-not-best-prevblk""#,
    r#""bad-cb-amount""#,
    r#"{"version":536870912,"previousblockhash":"~~","curtime":1,"bits":"207fffff","transactions":[]}"#,
    r#"{"rules":["!~"]}"#,
    "[]",
    "~",
    "{}",
];

struct Talk {
    session: NodeSession,
    now: Micros,
    up: bool,
    calls: Vec<NodeCall>,
    kept: Vec<Arc<str>>,
    jobs: Vec<Arc<Job>>,
    submitted: u64,
    answered: BTreeSet<u64>,
    by_node: u64,
}

/// Two bytes a step: what happens, and how. Gives the number of shares that a node answered.
pub(crate) fn node_session_keeps_the_laws(input: &[u8]) -> u64 {
    let config = PoolConfig::new("http://node.example:18443", None, None).expect("a good configuration");
    let options =
        NodeOptions { submit_to: vec![config.clone()], tag: "/adit/".into(), ..NodeOptions::default() };
    let payout = PAYOUT.parse().expect("a good address");
    let mut talk = Talk {
        session: NodeSession::new(PoolKey(0), &config, &options, payout, 1),
        now: Micros(0),
        up: false,
        calls: Vec::new(),
        kept: Vec::new(),
        jobs: Vec::new(),
        submitted: 0,
        answered: BTreeSet::new(),
        by_node: 0,
    };
    talk.take();
    for step in input.chunks_exact(2) {
        talk.step(step[0], step[1]);
        talk.take();
    }
    talk.wait(PATIENCE);
    assert_eq!(talk.answered.len() as u64, talk.submitted, "blocks without an answer");
    talk.by_node
}

impl Talk {
    fn step(&mut self, what: u8, how: u8) {
        match what {
            0..30 => self.wait(Duration::from_millis(u64::from(how) * u64::from(how))),
            30..34 => self.submit(how),
            34..180 => self.answer(how, right),
            180..200 => self.answer(how, |_, how| Err(fault(how))),
            _ => self.answer(how, |_, how| Ok(parsed(ANSWERS[usize::from(how) % ANSWERS.len()], how))),
        }
    }

    /// One of the open calls is answered.
    fn answer(&mut self, how: u8, with: fn(&NodeCall, u8) -> Result<Value, RpcFault>) {
        if self.calls.is_empty() {
            return;
        }
        let call = self.calls.remove(usize::from(how) % self.calls.len());
        let outcome = with(&call, how);
        self.session.on_input(self.now, NodeInput::Reply { id: call.id, outcome });
    }

    fn submit(&mut self, how: u8) {
        let Some(job) = self.jobs.get(usize::from(how) % self.jobs.len().max(1)).cloned() else { return };
        let share = Share {
            key: ShareKey(self.submitted),
            device: DeviceKey(0),
            extranonce2: job.extranonce2_bytes(how.into()),
            ntime: job.ntime,
            version: job.version,
            nonce: how.into(),
            difficulty: 1.0,
            block: true,
            job,
        };
        self.submitted += 1;
        self.session.on_input(self.now, NodeInput::Submit(share));
    }

    fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(at) = self.session.deadline().filter(|at| *at <= until) {
            self.now = at.max(self.now);
            self.session.on_input(self.now, NodeInput::Timer);
            self.take();
            // The socket answers every call whose patience is over.
            while let Some(at) = self.calls.iter().position(|call| call.patience.is_some()) {
                let call = self.calls.remove(at);
                let outcome = Err(RpcFault::TimedOut);
                self.session.on_input(self.now, NodeInput::Reply { id: call.id, outcome });
                self.take();
            }
            assert!(self.session.deadline().is_none_or(|next| next > at), "a deadline that stays");
        }
        self.now = until;
    }

    fn take(&mut self) {
        while let Some(action) = self.session.next_action() {
            match action {
                NodeAction::Call(call) => {
                    let body = String::from_utf8(call.body.clone()).expect("text");
                    let kept = !call.is_submit || self.kept.iter().any(|block| body.contains(&**block));
                    assert!(kept && call.node < 2, "a block that is not on disk");
                    self.calls.push(call);
                    // What a session has turned away from needs no answer.
                    let open = self.calls.iter().filter(|call| !call.is_submit).count();
                    if open > MOST_CALLS {
                        let first = self.calls.iter().position(|call| !call.is_submit).expect("there is one");
                        self.calls.remove(first);
                    }
                }
                NodeAction::Keep { hash, block } => {
                    assert_eq!(hash.len(), 64);
                    self.kept.push(block);
                    self.kept.drain(..self.kept.len().saturating_sub(512));
                }
                NodeAction::Emit(PoolInput::Up { .. }) => {
                    assert!(!std::mem::replace(&mut self.up, true), "up twice");
                }
                NodeAction::Emit(PoolInput::Down) => {
                    assert!(std::mem::take(&mut self.up), "down without up");
                }
                NodeAction::Emit(PoolInput::Job(job)) => {
                    assert!(self.up, "a job while down");
                    self.jobs.push(job);
                    self.jobs.drain(..self.jobs.len().saturating_sub(16));
                }
                NodeAction::Emit(PoolInput::Answer { share, answer, .. }) => {
                    assert!(share.0 < self.submitted && self.answered.insert(share.0), "answered twice");
                    self.by_node += u64::from(answer != Answer::Lost);
                }
                NodeAction::Emit(_) => {}
            }
        }
    }
}

/// The answer that a call should get.
fn right(call: &NodeCall, how: u8) -> Result<Value, RpcFault> {
    let body: Value = serde_json::from_slice(&call.body).expect("JSON");
    let template = body["method"] == "getblocktemplate" && body["params"][0]["mode"].is_null();
    Ok(match body["method"].as_str().expect("a method") {
        "getblockchaininfo" => parsed(ANSWERS[1], 0),
        "validateaddress" => serde_json::json!({ "scriptPubKey": SCRIPT }),
        "getblocktemplate" if template => self::template(how),
        _ => Value::Null,
    })
}

fn template(how: u8) -> Value {
    serde_json::json!({
        "version": 0x2000_0000, "previousblockhash": format!("{:064x}", how & 3), "transactions": [],
        "coinbaseaux": {}, "coinbasevalue": 5_000_000_000_u64 + (u64::from(how) << 20),
        "longpollid": (how & 4 == 0).then(|| format!("{how}")), "mintime": 1, "curtime": 1_700_000_000,
        "bits": "207fffff", "height": 100 + u32::from(how & 3), "rules": ["!segwit"],
    })
}

fn parsed(text: &str, how: u8) -> Value {
    serde_json::from_str(&text.replace('~', &(how % 10).to_string())).expect("JSON")
}

fn fault(how: u8) -> RpcFault {
    let error = |code| RpcFault::Error { code, message: "no".into() };
    match how % 8 {
        0 => RpcFault::Connect(ConnectError::Refused),
        1 => RpcFault::Closed,
        2 => RpcFault::LoginRefused,
        3 => RpcFault::Status(503),
        4 => error(-28),
        5 => error(-10),
        6 => error(-22),
        _ => RpcFault::TimedOut,
    }
}
