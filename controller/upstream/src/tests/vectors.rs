//! `vectors/stratum-v1.json`, as far as it takes a session: replies, jobs, headers, shares.

use std::collections::VecDeque;

use adit_core::{Answer, PoolInput, Share, ShareKey};
use adit_driver::DeviceKey;
use adit_protocol::hex;
use adit_protocol::stratum::JobId;
use serde_json::Value;

use super::script::Script;
use crate::{SessionAction, SessionInput};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../protocol/vectors/stratum-v1.json")).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}

fn word(text: &str) -> u32 {
    u32::from_str_radix(text, 16).unwrap()
}

/// What the session does next: lines for the pool, and everything it tells the core.
fn take(script: &mut Script, sent: &mut VecDeque<String>) -> Vec<PoolInput> {
    let mut told = Vec::new();
    while let Some(action) = script.session.next_action() {
        match action {
            SessionAction::Send(line) => {
                sent.push_back(String::from_utf8(line).unwrap().trim_end().to_owned())
            }
            SessionAction::Emit(PoolInput::Job(job)) => script.jobs.push(job),
            SessionAction::Emit(input) => told.push(input),
            SessionAction::Connect { .. } | SessionAction::Close => {}
        }
    }
    told
}

#[test]
fn every_line_gets_the_reply_it_should_or_none() {
    for vector in vectors()["messages"].as_array().unwrap() {
        let expected = &vector["expect"];
        let mut script = Script::up();
        script.pool_says(text(vector, "line"));
        let mut sent = VecDeque::new();
        take(&mut script, &mut sent);
        let reply = sent.pop_front();
        if expected["reply_has_string_result"] == true {
            let reply: Value = serde_json::from_str(&reply.unwrap()).unwrap();
            assert!(reply["result"].is_string() && reply["error"].is_null());
        } else {
            assert_eq!(reply.as_deref(), expected["reply"].as_str(), "{vector}");
        }
        assert_eq!(sent.len(), 0);
    }
}

/// A share as its submit line and the vector's header say, of the newest job with that id.
fn share(script: &Script, key: u64, params: &[Value], version: u32) -> Share {
    let text = |index: usize| params[index].as_str().unwrap();
    let number = text(1).strip_prefix('j').map_or(1, |number| number.parse().unwrap_or(1));
    Share {
        key: ShareKey(key),
        job: script.jobs[number - 1].clone(),
        device: DeviceKey(0),
        extranonce2: hex::decode(text(2)).unwrap(),
        ntime: word(text(3)),
        version,
        nonce: word(text(4)),
        difficulty: 1.0,
        block: false,
    }
}

/// The 80 bytes that a share stands for.
fn header(share: &Share) -> adit_protocol::pow::Header {
    let mut counter = [0; 8];
    let counted = share.extranonce2.len().min(8);
    counter[..counted].copy_from_slice(&share.extranonce2[..counted]);
    let counter = u64::from_le_bytes(counter);
    assert_eq!(share.job.extranonce2_bytes(counter), share.extranonce2);
    let mut header = share.job.header(counter, share.ntime, share.version);
    header.nonce = share.nonce;
    header
}

#[test]
fn the_complete_conversation_goes_as_recorded_and_every_share_is_one() {
    let vectors = vectors();
    let session = &vectors["session"];
    let mut script = Script::with(|config| {
        config.user = text(session, "configured_worker").into();
        config.options.agent = "acme-miner/1.0".into();
        config.options.minimum_difficulty = Some(0.001);
        config.options.extranonce_subscribe = true;
    });
    let (mut sent, mut told, mut shares) = (VecDeque::new(), Vec::new(), 0);
    script.input(SessionInput::Connected);
    told.extend(take(&mut script, &mut sent));
    for step in session["lines"].as_array().unwrap() {
        let line = text(step, "line");
        if text(step, "dir") == "server" {
            script.pool_says(line);
            told.extend(take(&mut script, &mut sent));
            continue;
        }
        let read = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        if step["share"].is_object() {
            let vector = &step["share"];
            let line = read(line);
            let version = word(text(vector, "header_version"));
            shares += 1;
            let share = share(&script, shares, line["params"].as_array().unwrap(), version);
            let header = header(&share);
            assert_eq!(hex::encode(&header.to_bytes()), text(vector, "header"));
            assert!(share.job.share_target.is_met_by(&header.hash()));
            assert_eq!(hex::encode(&share.job.extranonce1), text(vector, "extranonce1"));
            script.input(SessionInput::Submit(share));
            told.extend(take(&mut script, &mut sent));
        }
        let said = sent.pop_front().unwrap_or_else(|| panic!("nothing said, but: {line}"));
        assert_eq!(read(&said), read(line));
    }
    assert_eq!(sent, VecDeque::<String>::new());
    let accepted = told
        .iter()
        .filter(|input| matches!(input, PoolInput::Answer { answer: Answer::Accepted, .. }))
        .count();
    assert_eq!((shares, accepted), (4, 4));
    assert_eq!(told.first(), Some(&PoolInput::Up { resumed: false }));
    assert_eq!(told.last(), Some(&PoolInput::Down));
    script.then("+ 5s\n ! connect pool.example.com:3333");
}

#[test]
fn the_jobs_of_real_blocks_give_their_headers() {
    let vectors = vectors();
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let mut script = Script::with(|config| config.user = "worker.1".into());
        script.input(SessionInput::Connected);
        let (extranonce1, size) = (text(case, "extranonce1"), &case["extranonce2_size"]);
        script.pool_says(
            r#"{"id":1,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}"#,
        );
        script.pool_says(&format!(r#"{{"id":2,"result":[[],"{extranonce1}",{size}],"error":null}}"#));
        script.pool_says(r#"{"id":3,"result":true,"error":null}"#);
        if let Some(difficulty) = case["share_difficulty"].as_str() {
            script.pool_says(&format!(
                r#"{{"id":null,"method":"mining.set_difficulty","params":[{difficulty}]}}"#
            ));
        }
        script.pool_says(&case["notify"].to_string());
        let mut sent = VecDeque::new();
        take(&mut script, &mut sent);
        sent.clear();

        let mut params = vec![Value::Null, Value::from("1")];
        params.extend(["extranonce2", "ntime", "nonce"].map(|name| case[name].clone()));
        if !case["nonce"].is_string() {
            params[4] = "00000000".into();
        }
        let share = share(&script, 1, &params, word(text(case, "header_version")));
        let header = header(&share);
        assert_eq!(
            hex::encode(&header.merkle_root.0),
            text(case, "merkle_root_header_order"),
            "{}",
            case["name"]
        );
        assert_eq!(hex::encode(&header.midstate().to_be_bytes()), text(case, "midstate"));
        if case["nonce"].is_string() {
            assert_eq!(hex::encode(&header.to_bytes()), text(case, "header"));
            assert_eq!(header.hash().to_string(), text(case, "hash"));
            let block = share.job.network_target.unwrap().is_met_by(&header.hash());
            assert_eq!(block, case["meets_network_target"].as_bool().unwrap());
        }
        if let Some(meets) = case["meets_share_target"].as_bool() {
            assert_eq!(share.job.share_target.is_met_by(&header.hash()), meets);
        }
        if case["submit_params"].is_array() {
            script.input(SessionInput::Submit(share));
            take(&mut script, &mut sent);
            let line: Value = serde_json::from_str(&sent.pop_front().unwrap()).unwrap();
            let expected = case["submit_params"].as_array().unwrap();
            assert_eq!(&line["params"].as_array().unwrap()[..5], &expected[..5]);
            let job_id = JobId::from_value(&expected[1]).unwrap();
            assert_eq!(&line["params"][1], job_id.value());
        }
    }
}

#[test]
fn extranonce2_counters_are_little_endian() {
    for vector in vectors()["extranonce2"].as_array().unwrap() {
        let script = Script::up().then(&format!(
            r#"
            < {{"id":null,"method":"mining.set_extranonce","params":["f0",{}]}}
            < notify j1
            ! job …
            "#,
            vector["size"]
        ));
        let counter = vector["counter"].as_u64().unwrap();
        assert_eq!(hex::encode(&script.jobs[0].extranonce2_bytes(counter)), text(vector, "hex"));
    }
}
