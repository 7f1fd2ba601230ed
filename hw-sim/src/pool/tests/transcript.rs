//! The conversation of `protocol/vectors/stratum-v1.json`: the pool says what the vector's pool says, and accepts its shares.

use adit_protocol::pow::VersionMask;
use adit_protocol::stratum::{Message, ServerCall};
use serde_json::Value;

use super::Bench;
use crate::pool::{FirstJob, PoolEvent, PoolOrder, PoolSettings};

fn session() -> Vec<Value> {
    let vectors = include_str!("../../../../protocol/vectors/stratum-v1.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    vectors["session"]["lines"].as_array().unwrap().clone()
}

fn call(line: &str) -> ServerCall {
    match Message::decode(line).unwrap() {
        Message::Call { call, .. } => call,
        Message::Response(_) => panic!("{line}"),
    }
}

/// Makes the pool say what the vector's pool says by itself at this point.
fn conduct(bench: &mut Bench, line: &str) {
    bench.order(match call(line) {
        ServerCall::Notify(notify) => PoolOrder::Announce(notify),
        ServerCall::SetDifficulty(difficulty) => PoolOrder::Difficulty(difficulty),
        ServerCall::SetVersionMask(mask) => PoolOrder::VersionMask(mask),
        ServerCall::SetExtranonce { extranonce1, extranonce2_size } => PoolOrder::Extranonce {
            extranonce1: extranonce1.unwrap(),
            extranonce2_size: extranonce2_size.unwrap(),
        },
        ServerCall::ShowMessage(text) => PoolOrder::Message(text),
        ServerCall::Reconnect(reconnect) => PoolOrder::Reconnect(reconnect),
        ServerCall::Ping => PoolOrder::Ping,
        ServerCall::GetVersion => PoolOrder::GetVersion,
        ServerCall::SetGoal | ServerCall::Unknown { .. } => return,
    });
}

#[test]
fn the_session_of_the_vectors_is_spoken_word_for_word_and_its_shares_are_accepted() {
    let mut bench = Bench::new(PoolSettings {
        difficulty: 0.001,
        extranonce1: 0xf000_000f,
        version_mask: VersionMask::BIP320,
        first_job: FirstJob::BeforeAuthorizeAnswer,
        block_interval: None,
        ..PoolSettings::default()
    });
    bench.connect();
    let (mut shares, mut compared) = (0, 0);
    for entry in session() {
        let line = entry["line"].as_str().unwrap();
        let from_client = entry["dir"] == "client";
        if from_client {
            let before = bench.events.len();
            bench.say(0, line);
            if let Some(share) = entry.get("share") {
                let PoolEvent::Share(record) = &bench.events[before] else { panic!("no verdict") };
                assert_eq!(record.verdict, Ok(()), "{line}");
                assert_eq!(record.hash.unwrap().to_string(), share["hash"].as_str().unwrap());
                assert_eq!(
                    record.difficulty.unwrap().to_string(),
                    share["required_difficulty"].as_str().unwrap()
                );
                shares += 1;
            }
            continue;
        }
        // Answers come by themselves, all but the random session id word for word; calls are conducted.
        let heard = &bench.miners[0];
        match Message::<ServerCall>::decode(line).unwrap() {
            Message::Response(expected) => {
                let answer = heard.responses.iter().rev().find(|answer| answer.id == expected.id).unwrap();
                let (mut answer, mut expected) = (answer.clone(), expected);
                if expected.result.get(2).is_some() {
                    (answer.result[0], expected.result[0]) = (Value::Null, Value::Null);
                }
                assert_eq!(answer, expected);
                compared += 1;
            }
            // The first difficulty is the pool's own.
            Message::Call { call: ServerCall::SetDifficulty(0.001), .. } => {
                assert_eq!(heard.difficulty(), 0.001)
            }
            Message::Call { .. } => {
                conduct(&mut bench, line);
                let expected = call(line);
                let told = bench.miners[0].calls.iter().any(|(_, call)| *call == expected);
                assert!(told || matches!(expected, ServerCall::Unknown { .. }), "{line}");
            }
        }
    }
    assert_eq!((shares, compared), (4, 7));
    assert_eq!(bench.pool.tally().total.accepted, 4);
    let answers: Vec<_> =
        bench.events.iter().filter(|event| matches!(event, PoolEvent::Answer { .. })).collect();
    assert_eq!(answers.len(), 3, "pong, version and the refusal of the unknown method");
}
