//! `vectors/stratum-v1.json`, as far as it can be judged line by line. What needs a session is tested in `adit-upstream`.

use serde_json::Value;

use super::*;
use crate::hex;
use crate::pow::{Header, VersionMask, merkle_root, sha256d};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../vectors/stratum-v1.json")).unwrap()
}

fn list<'a>(vectors: &'a Value, name: &str) -> &'a Vec<Value> {
    let list = vectors[name].as_array().unwrap();
    assert!(!list.is_empty());
    list
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}

fn word(value: &Value, name: &str) -> u32 {
    u32::from_str_radix(text(value, name), 16).unwrap()
}

fn bytes(value: &Value, name: &str) -> Vec<u8> {
    hex::decode(text(value, name)).unwrap()
}

/// What the line means, in the words of the vectors.
fn meaning(line: &str, expected: &Value) -> Value {
    let mut lines = Lines::new(Lines::LIMIT);
    lines.push(line.as_bytes());
    lines.push(b"\n");
    let Some(line) = lines.next() else { return serde_json::json!({"kind": "ignored"}) };
    match Message::<ServerCall>::decode(&line.unwrap()) {
        Err(BadLine::NotJson | BadLine::NotAnObject) => serde_json::json!({"kind": "protocol_error"}),
        Err(BadLine::Params { method: "mining.notify", .. }) => serde_json::json!({"kind": "rejected_job"}),
        Err(BadLine::Params { .. }) => serde_json::json!({"kind": "ignored"}),
        Ok(Message::Call { id, call }) => meaning_of_call(&id, call, expected),
        Ok(Message::Response(response)) => meaning_of_response(&response),
    }
}

fn meaning_of_call(id: &Id, call: ServerCall, expected: &Value) -> Value {
    use serde_json::json;
    let mut meaning = match call {
        ServerCall::Notify(notify) => json!({
            "kind": "notify",
            "job_id": notify.job_id.value(),
            "version": format!("{:08x}", notify.version),
            "clean": notify.clean,
        }),
        ServerCall::SetDifficulty(difficulty) => {
            json!({"kind": "set_difficulty", "difficulty": difficulty.to_string()})
        }
        ServerCall::SetExtranonce { extranonce1, extranonce2_size } => json!({
            "kind": "set_extranonce",
            "extranonce1": extranonce1.map(|bytes| hex::encode(&bytes)),
            "extranonce2_size": extranonce2_size,
        }),
        ServerCall::SetVersionMask(mask) => {
            json!({"kind": "set_version_mask", "mask": format!("{:08x}", mask.0)})
        }
        ServerCall::Reconnect(Reconnect { host, port, wait_seconds }) => {
            json!({"kind": "reconnect", "host": host, "port": port, "wait": wait_seconds})
        }
        ServerCall::ShowMessage(text) => json!({"kind": "show_message", "text": text}),
        ServerCall::Unknown { .. } if id.is_null() => json!({"kind": "ignored"}),
        _ => json!({"kind": "request"}),
    };
    // The replies are the session's; that they are right is tested there.
    for reply in ["reply", "reply_has_string_result"] {
        if let Some(value) = expected.get(reply) {
            meaning[reply] = value.clone();
        }
    }
    meaning
}

/// The id says what was asked: 1 configure, 2 subscribe, 3 authorize, 4 submit.
fn meaning_of_response(response: &Response) -> Value {
    use serde_json::json;
    match response.id.number() {
        Some(1) => {
            let configured = Configured::from_response(response);
            let mut meaning = json!({
                "kind": "configure",
                "version_rolling": configured.version_rolling.is_granted(),
                "mask": configured.mask.map(|mask| format!("{:08x}", mask.0)),
            });
            if configured.minimum_difficulty != Grant::Absent {
                meaning["minimum_difficulty"] = configured.minimum_difficulty.is_granted().into();
            }
            meaning
        }
        Some(2) => match Subscription::from_result(&response.result) {
            Ok(subscription) => json!({
                "kind": "subscribe_result",
                "extranonce1": hex::encode(&subscription.extranonce1),
                "extranonce2_size": subscription.extranonce2_size,
                "session_id": subscription.session,
            }),
            Err(_) => json!({"kind": "protocol_error"}),
        },
        Some(3) => match response.granted() {
            Ok(()) => json!({"kind": "authorize", "ok": true}),
            Err(Refusal { code: None, message: None }) => json!({"kind": "authorize", "ok": false}),
            Err(Refusal { code, message }) => {
                json!({"kind": "authorize", "ok": false, "code": code, "message": message})
            }
        },
        Some(4) => match response.accepted() {
            Ok(()) => json!({"kind": "submit", "status": "accepted"}),
            Err(Refusal { code, message }) => {
                json!({"kind": "submit", "status": "rejected", "code": code, "message": message})
            }
        },
        _ => panic!("{response:?}"),
    }
}

#[test]
fn all_61_lines_mean_what_they_should() {
    let vectors = vectors();
    let messages = list(&vectors, "messages");
    assert_eq!(messages.len(), 61);
    for vector in messages {
        let (line, expected) = (text(vector, "line"), &vector["expect"]);
        assert_eq!(&meaning(line, expected), expected, "{line}");
    }
}

#[test]
fn previous_hashes_are_swapped_word_by_word() {
    for vector in list(&vectors(), "prevhash") {
        let hash = prev_hash_from_words(text(vector, "notify")).unwrap();
        assert_eq!(hash.to_string(), text(vector, "display"));
        assert_eq!(hex::encode(&hash.0), text(vector, "header_order"));
        assert_eq!(prev_hash_to_words(&hash), text(vector, "notify"));
    }
}

#[test]
fn merkle_roots_follow_from_coinbase_and_branches() {
    for vector in list(&vectors(), "merkle") {
        let parts = ["coinb1", "extranonce1", "extranonce2", "coinb2"].map(|part| bytes(vector, part));
        let coinbase = sha256d(&parts.concat());
        assert_eq!(coinbase.to_string(), text(vector, "coinbase_txid"));
        let branch: Vec<_> = vector["branches"].as_array().unwrap().iter().collect();
        let branch: Vec<_> = branch
            .iter()
            .map(|hash| crate::pow::Hash(hex::decode_array(hash.as_str().unwrap()).unwrap()))
            .collect();
        let root = merkle_root(coinbase, &branch);
        assert_eq!(hex::encode(&root.0), text(vector, "merkle_root_header_order"));
    }
}

#[test]
fn headers_are_built_from_the_words_of_a_job() {
    for vector in list(&vectors(), "headers") {
        let header = Header {
            version: word(vector, "version"),
            prev_hash: prev_hash_from_words(text(vector, "notify_prevhash")).unwrap(),
            merkle_root: crate::pow::Hash(
                hex::decode_array(text(vector, "merkle_root_header_order")).unwrap(),
            ),
            ntime: word(vector, "ntime"),
            nbits: word(vector, "nbits"),
            nonce: vector["nonce"].as_str().map_or(0, |_| word(vector, "nonce")),
        };
        assert_eq!(hex::encode(&header.midstate().to_be_bytes()), text(vector, "midstate"));
        if vector["header"].is_string() {
            assert_eq!(hex::encode(&header.to_bytes()), text(vector, "header"));
            assert_eq!(header.hash().to_string(), text(vector, "hash"));
        }
    }
}

#[test]
fn the_lines_of_the_session_are_written_as_they_stand_there() {
    let vectors = vectors();
    for vector in list(&vectors["session"], "lines") {
        let line = text(vector, "line");
        let written = if text(vector, "dir") == "client" {
            Message::<ClientCall>::decode(line).unwrap().encode()
        } else {
            Message::<ServerCall>::decode(line).unwrap().encode()
        };
        let written = String::from_utf8(written).unwrap();
        let read = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        match read(line)["method"].as_str() {
            // Written differently: a number as a number, unknown parameters not at all.
            Some("mining.set_difficulty" | "mining.configure") => assert_eq!(
                Message::<ServerCall>::decode(written.trim_end()),
                Message::<ServerCall>::decode(line)
            ),
            _ => assert_eq!(read(&written), read(line)),
        }
        if !line.contains("mining.configure") && text(vector, "dir") == "client" {
            assert_eq!(written.trim_end(), line);
        }
    }
}

#[test]
fn a_share_is_written_as_the_cases_say() {
    for case in list(&vectors(), "cases") {
        if !case["submit_params"].is_array() {
            continue;
        }
        let params: Vec<Value> = case["submit_params"].as_array().unwrap().clone();
        let line = format!("{{\"id\":4,\"method\":\"mining.submit\",\"params\":{}}}", case["submit_params"]);
        let submit = Submit {
            worker: params[0].as_str().unwrap().into(),
            job_id: JobId::from_value(&params[1]).unwrap(),
            extranonce2: bytes(case, "extranonce2"),
            ntime: word(case, "ntime"),
            nonce: word(case, "nonce"),
            version_bits: case["version_bits"].as_str().map(|_| word(case, "version_bits")),
        };
        let message = Message::Call { id: 4.into(), call: ClientCall::Submit(submit) };
        assert_eq!(String::from_utf8(message.encode()).unwrap().trim_end(), line);
        assert_eq!(Message::<ClientCall>::decode(&line), Ok(message));
    }
}

#[test]
fn masks_are_read_with_and_without_a_prefix() {
    for text in ["1fffe000", "0x1fffe000", "1FFFE000"] {
        let line = format!("{{\"method\":\"mining.set_version_mask\",\"params\":[\"{text}\"]}}");
        let call = ServerCall::SetVersionMask(VersionMask::BIP320);
        assert_eq!(Message::decode(&line), Ok(Message::Call { id: Id::NULL, call }));
    }
}
