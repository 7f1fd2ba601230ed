//! Whatever comes, it is read or refused; whatever is written can be read again.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::pow::{Hash, Target, VersionMask};

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn method() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "mining.notify",
        "mining.set_difficulty",
        "mining.set_extranonce",
        "mining.set_version_mask",
        "client.reconnect",
        "client.show_message",
        "mining.configure",
        "mining.subscribe",
        "mining.authorize",
        "mining.suggest_difficulty",
        "mining.submit",
    ];
    prop_oneof![proptest::sample::select(KNOWN).prop_map(str::to_owned), any::<String>()]
}

fn id() -> impl Strategy<Value = Id> {
    prop_oneof![Just(Value::Null), any::<u64>().prop_map(Value::from), any::<String>().prop_map(Value::from)]
        .prop_map(Id)
}

fn job_id() -> impl Strategy<Value = JobId> {
    prop_oneof![any::<u64>().prop_map(Value::from), "[0-9a-zQN]{0,39}".prop_map(Value::from)]
        .prop_map(|value| JobId::from_value(&value).unwrap())
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..most)
}

fn difficulty() -> impl Strategy<Value = f64> {
    prop_oneof![1e-9..1e15, (1_u32..).prop_map(f64::from)]
}

fn server_call() -> impl Strategy<Value = ServerCall> {
    let hash = any::<[u8; 32]>().prop_map(Hash);
    let notify = (
        job_id(),
        any::<[u8; 32]>(),
        bytes(300),
        bytes(300),
        vec(hash, 0..=32),
        any::<[u32; 3]>(),
        any::<bool>(),
    )
        .prop_map(|(job_id, prev_hash, coinbase_head, coinbase_tail, merkle_branch, words, clean)| Notify {
            job_id,
            prev_hash: Hash(prev_hash),
            coinbase_head,
            coinbase_tail,
            merkle_branch,
            version: words[0],
            nbits: words[1],
            ntime: words[2],
            clean,
        });
    prop_oneof![
        notify.prop_map(ServerCall::Notify),
        difficulty().prop_map(ServerCall::SetDifficulty),
        (option::of(bytes(64)), option::of(0..=32_u8)).prop_map(|(extranonce1, extranonce2_size)| {
            ServerCall::SetExtranonce { extranonce1, extranonce2_size }
        }),
        any::<u32>().prop_map(|mask| ServerCall::SetVersionMask(VersionMask(mask))),
        (option::of("[a-z.]{1,20}"), option::of(1..=u16::MAX), 0..1_000_000_u64).prop_map(
            |(host, port, wait_seconds)| ServerCall::Reconnect(Reconnect { host, port, wait_seconds })
        ),
        any::<String>().prop_map(ServerCall::ShowMessage),
        Just(ServerCall::GetVersion),
        Just(ServerCall::Ping),
        Just(ServerCall::SetGoal),
    ]
}

fn client_call() -> impl Strategy<Value = ClientCall> {
    let rolling = (any::<u32>(), 0..=32_u32)
        .prop_map(|(mask, min_bit_count)| VersionRolling { mask: VersionMask(mask), min_bit_count });
    let configure = (option::of(rolling), option::of(difficulty()), any::<bool>()).prop_map(
        |(version_rolling, minimum_difficulty, subscribe_extranonce)| {
            ClientCall::Configure(Configure { version_rolling, minimum_difficulty, subscribe_extranonce })
        },
    );
    let submit = (any::<String>(), job_id(), bytes(33), any::<[u32; 2]>(), option::of(any::<u32>()))
        .prop_map(|(worker, job_id, extranonce2, [ntime, nonce], version_bits)| {
            ClientCall::Submit(Submit { worker, job_id, extranonce2, ntime, nonce, version_bits })
        });
    prop_oneof![
        configure,
        (any::<String>(), option::of(any::<String>()))
            .prop_map(|(agent, session)| ClientCall::Subscribe { agent: Some(agent), session }),
        Just(ClientCall::Subscribe { agent: None, session: None }),
        (any::<String>(), any::<String>())
            .prop_map(|(user, password)| ClientCall::Authorize { user, password: Secret::new(password) }),
        Just(ClientCall::ExtranonceSubscribe),
        prop_oneof![1e-9..1.0, (1_u32..).prop_map(f64::from)].prop_map(ClientCall::SuggestDifficulty),
        (1..=u64::MAX).prop_map(|limb| ClientCall::SuggestTarget(Target::from_limbs([limb; 4]))),
        submit,
    ]
}

/// One line, one LF, `params` an array; and it says what it was made of.
fn survives<C: Call + Clone + PartialEq + std::fmt::Debug>(id: Id, call: C) -> Result<(), TestCaseError> {
    let message = Message::Call { id, call };
    let line = String::from_utf8(message.encode()).unwrap();
    let body = line.strip_suffix('\n').unwrap();
    prop_assert!(!body.contains(['\n', '\r']));
    prop_assert!(serde_json::from_str::<Value>(body).unwrap()["params"].is_array());
    prop_assert_eq!(Message::<C>::decode(body), Ok(message));
    Ok(())
}

proptest! {
    #[test]
    fn what_a_pool_says_survives_the_wire(id in id(), call in server_call()) {
        survives(id, call)?;
    }

    #[test]
    fn what_a_client_says_survives_the_wire(id in id(), call in client_call()) {
        survives(id, call)?;
    }

    #[test]
    fn any_response_survives_the_wire(id in id(), result in json(), error in json(), reason in option::of("[a-z ]{1,20}")) {
        let response = Response { id, result, error, reject_reason: reason };
        let message = Message::<ServerCall>::from(response);
        let line = String::from_utf8(message.encode()).unwrap();
        prop_assert_eq!(Message::decode(line.strip_suffix('\n').unwrap()), Ok(message));
    }

    #[test]
    fn any_object_is_read_or_refused(id in json(), method in method(), params in json()) {
        let line = serde_json::json!({"id": id, "method": method, "params": params}).to_string();
        let (server, client) = (Message::<ServerCall>::decode(&line), Message::<ClientCall>::decode(&line));
        prop_assert!(!matches!(server, Ok(Message::Response(_)) | Err(BadLine::NotJson | BadLine::NotAnObject)));
        prop_assert!(!matches!(client, Ok(Message::Response(_)) | Err(BadLine::NotJson | BadLine::NotAnObject)));
    }

    #[test]
    fn any_parameters_of_a_job_are_read_or_refused(params in vec(json(), 0..12)) {
        let line = serde_json::json!({"method": "mining.notify", "params": params}).to_string();
        let _ = Message::<ServerCall>::decode(&line);
    }

    #[test]
    fn any_result_of_the_login_is_read_or_refused(result in json(), error in json()) {
        let response = Response { id: 1.into(), result, error, reject_reason: None };
        let _ = (Subscription::from_result(&response.result), Configured::from_response(&response));
        let _ = (response.accepted(), response.granted());
    }

    #[test]
    fn lines_come_out_the_same_however_they_are_cut(
        text in "[a-z\r\n]{0,200}",
        cuts in vec(1..20_usize, 1..50),
    ) {
        let mut at_once = Lines::new(16);
        at_once.push(text.as_bytes());
        let expected = ready(&mut at_once);
        let (mut lines, mut rest, mut found) = (Lines::new(16), text.as_bytes(), Vec::new());
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, later) = rest.split_at((*cut).min(rest.len()));
            lines.push(piece);
            found.extend(ready(&mut lines));
            prop_assert!(lines.held() <= 16 + piece.len());
            rest = later;
        }
        prop_assert_eq!(found, expected);
    }
}
