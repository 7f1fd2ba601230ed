//! The tables of `docs/protocols/getblocktemplate.md`, row by row. Heights and addresses: `tests/chain.rs`; templates: `templates.rs`.

use std::time::Duration;

use adit_core::{Answer, PoolInput, RejectKind, ShareKey};
use serde_json::{Value, json};

use super::conversation::{Talk, share};
use super::judge::Judge;
use crate::node::template::Template;
use crate::{NodeInput, RpcFault};

/// What becomes of a found block whose submit ends so: the answer to its share, and whether it is said loudly.
fn submitted(outcome: Result<Value, RpcFault>) -> (Option<Answer>, bool) {
    let mut talk = Talk::up();
    talk.next("getblocktemplate");
    let job = talk.job();
    talk.input(NodeInput::Submit(share(&job, 1)));
    let (call, _) = talk.next("submitblock");
    talk.said();
    talk.reply(call.id, outcome);
    let said = talk.said();
    let answer = said.iter().find_map(|input| match input {
        PoolInput::Answer { share: ShareKey(1), answer, .. } => Some(answer.clone()),
        _ => None,
    });
    (answer, said.iter().any(|input| matches!(input, PoolInput::Notice { warning: true, .. })))
}

#[test]
fn every_word_of_a_node_about_a_block_means_what_the_table_says() {
    assert_eq!(submitted(Ok(Value::Null)), (Some(Answer::Accepted), false));
    assert_eq!(submitted(Ok(json!("duplicate"))), (Some(Answer::Accepted), false));
    for aside in ["inconclusive", "duplicate-inconclusive"] {
        assert_eq!(submitted(Ok(json!(aside))), (Some(Answer::Accepted), true), "{aside}");
    }
    for (reason, kind) in [
        ("duplicate-invalid", RejectKind::Duplicate),
        ("rejected", RejectKind::Other),
        ("high-hash", RejectKind::LowDifficulty),
        ("bad-txnmrklroot", RejectKind::Other),
        ("bad-cb-height", RejectKind::Other),
        ("bad-cb-amount", RejectKind::Other),
        ("bad-witness-merkle-match", RejectKind::Other),
        ("time-too-old", RejectKind::Other),
        ("time-too-new", RejectKind::Other),
        ("bad-diffbits", RejectKind::Other),
        ("bad-blk-weight", RejectKind::Other),
        ("stale-prevblk", RejectKind::Stale),
    ] {
        let refused = Answer::Rejected { kind, reason: reason.into() };
        assert_eq!(submitted(Ok(json!(reason))), (Some(refused), true));
    }
    let undecodable = RpcFault::Error { code: -22, message: "Block decode failed".into() };
    let refused = Answer::Rejected { kind: RejectKind::Other, reason: undecodable.to_string() };
    assert_eq!(submitted(Err(undecodable)), (Some(refused), true));
}

#[test]
fn a_block_is_submitted_again_after_everything_that_passes() {
    let error = |code| RpcFault::Error { code, message: "no".into() };
    for fault in [
        RpcFault::TimedOut,
        RpcFault::Closed,
        RpcFault::LoginRefused, // the cookie is read anew at every call
        RpcFault::Status(503),
        error(-28),
        error(-9),
        error(-10),
    ] {
        let mut talk = Talk::up();
        talk.next("getblocktemplate");
        let job = talk.job();
        talk.input(NodeInput::Submit(share(&job, 1)));
        talk.fail("submitblock", fault.clone());
        talk.wait(Duration::from_secs(1));
        talk.answer("submitblock");
        let accepted =
            |input: &PoolInput| matches!(input, PoolInput::Answer { answer: Answer::Accepted, .. });
        assert!(talk.said().iter().any(accepted), "{fault}");
    }
}

#[test]
fn a_busy_node_is_asked_again_as_soon_as_the_table_says() {
    let error = |code| RpcFault::Error { code, message: "no".into() };
    for (fault, seconds) in [(error(-28), 5), (error(-9), 10), (error(-10), 10), (RpcFault::Status(503), 1)] {
        let mut talk = Talk::new(1);
        talk.fail("getblockchaininfo", fault.clone());
        talk.wait(Duration::from_secs(seconds));
        talk.answer("getblockchaininfo");
        talk.said();
    }
}

#[test]
fn a_block_without_transactions_commits_to_what_the_vectors_say() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../../../protocol/vectors/getblocktemplate.json")).unwrap();
    let script = &vectors["empty_block_witness_commitment"];
    let judge = Judge {
        changes: json!({ "transactions": [], "default_witness_commitment": script }),
        ..Judge::default()
    };
    let commitment = Template::parse(&judge.template()).unwrap().commitment.unwrap();
    assert_eq!(adit_protocol::hex::encode(&commitment), script.as_str().unwrap());
}
