//! Whatever a pool says in whatever order: nothing panics, nothing grows, every share gets one answer.

use std::collections::{BTreeSet, VecDeque};

use adit_core::PoolInput;
use adit_protocol::wire::Micros;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::script::{Script, notify};
use crate::{ConnectError, SessionAction, SessionInput};

#[derive(Clone, Debug)]
enum Step {
    Connected,
    Failed,
    Closed,
    Says(String),
    /// The oldest request that is open gets a good answer; if it is a share, this one.
    Answers(bool),
    Bytes(Vec<u8>),
    Wait(u64),
    /// A share of one of the jobs seen, with some version.
    Submit(usize, u32),
}

fn line() -> impl Strategy<Value = String> {
    let id = prop_oneof![
        Just("null".to_owned()),
        (0..12_u64).prop_map(|id| id.to_string()),
        Just("\"4\"".to_owned())
    ];
    let value = proptest::sample::select(vec![
        "null",
        "true",
        "false",
        "0",
        "1",
        "-1",
        "1e-3",
        "\"\"",
        "\"x\"",
        "\"aa\"",
        "[]",
        "{}",
        "[20,\"no\",null]",
        "[24,\"who\",null]",
        "[28,\"banned\",null]",
        "\"stale\"",
        "4",
        "33",
        "[[],\"f000000f\",4]",
        "[[[\"mining.notify\",\"5e\"]],\"f0\",8]",
        "{\"version-rolling\":true,\"version-rolling.mask\":\"1fffe000\"}",
        "\"eu.example.com\"",
        "3333",
    ]);
    let method = proptest::sample::select(vec![
        "mining.notify",
        "mining.set_difficulty",
        "mining.set_extranonce",
        "mining.set_version_mask",
        "client.reconnect",
        "client.show_message",
        "client.get_version",
        "mining.ping",
        "mining.x",
    ]);
    let call = (id.clone(), method, vec(value.clone(), 0..4)).prop_map(|(id, method, params)| {
        format!(r#"{{"id":{id},"method":"{method}","params":[{}]}}"#, params.join(","))
    });
    let response = (id, value.clone(), value)
        .prop_map(|(id, result, error)| format!(r#"{{"id":{id},"result":{result},"error":{error}}}"#));
    let job = (0..5_u32, any::<bool>())
        .prop_map(|(number, clean)| notify(&format!("j{number}{}", if clean { " clean" } else { "" })));
    prop_oneof![4 => call, 2 => response, 8 => job, 1 => Just("garbage".to_owned())]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Connected),
        1 => Just(Step::Failed),
        1 => Just(Step::Closed),
        6 => line().prop_map(Step::Says),
        16 => any::<bool>().prop_map(Step::Answers),
        1 => vec(any::<u8>(), 0..64).prop_map(Step::Bytes),
        3 => (1..70_000_u64).prop_map(Step::Wait),
        6 => (any::<usize>(), proptest::sample::select(vec![0x2000_0000, 0x2000_2000, 0x3000_0001])).prop_map(|(job, version)| Step::Submit(job, version)),
    ]
}

/// What was seen of a session.
#[derive(Default)]
struct Seen {
    up: bool,
    connecting: bool,
    open: bool,
    submitted: u64,
    answered: BTreeSet<u64>,
    /// Requests of this connection.
    requests: VecDeque<Value>,
}

impl Seen {
    /// Takes all actions and holds them against what a session promises.
    fn take(&mut self, script: &mut Script) -> Result<(), TestCaseError> {
        while let Some(action) = script.session.next_action() {
            match action {
                SessionAction::Connect { .. } => {
                    prop_assert!(!self.open && !self.connecting, "connects twice");
                    self.connecting = true;
                    self.requests.clear();
                }
                SessionAction::Close => prop_assert!(std::mem::take(&mut self.open), "closes nothing"),
                SessionAction::Send(line) => {
                    prop_assert!(line.len() < 1024 && line.ends_with(b"\n"));
                    let message: Value = serde_json::from_slice(&line).unwrap();
                    prop_assert!(self.up || message["method"] != "mining.submit");
                    if message["method"].is_string() {
                        self.requests.push_back(message);
                    }
                }
                SessionAction::Emit(PoolInput::Up { .. }) => {
                    prop_assert!(!std::mem::replace(&mut self.up, true), "up twice");
                }
                SessionAction::Emit(PoolInput::Down) => {
                    prop_assert!(std::mem::take(&mut self.up), "down without up");
                }
                SessionAction::Emit(PoolInput::Job(job)) => {
                    prop_assert!(self.up);
                    script.jobs.push(job);
                }
                SessionAction::Emit(PoolInput::Answer { share, .. }) => {
                    prop_assert!(self.answered.insert(share.0), "answered twice");
                }
                SessionAction::Emit(PoolInput::Easier { .. } | PoolInput::StrictTime) => {
                    prop_assert!(self.up)
                }
                SessionAction::Emit(PoolInput::Notice { .. }) => {}
            }
        }
        let counts = script.session.counts();
        prop_assert_eq!(counts.submitted, self.submitted);
        let answered = counts.accepted + counts.rejected + counts.lost;
        prop_assert_eq!(answered, self.answered.len() as u64);
        prop_assert_eq!(counts.submitted, answered + script.session.pending() as u64);
        prop_assert!(script.session.pending() <= 1024);
        Ok(())
    }
}

/// What a good pool answers.
fn answer(request: &Value, accept: bool) -> String {
    let result = match request["method"].as_str() {
        Some("mining.subscribe") => r#"[[["mining.notify","5e"]],"f000000f",4]"#,
        Some("mining.submit") if !accept => "false",
        _ => "true",
    };
    format!(r#"{{"id":{},"result":{result},"error":null}}"#, request["id"])
}

/// Lets time pass, keeping deadlines. A session that wants to be woken again and again at one instant hangs.
fn wait(script: &mut Script, seen: &mut Seen, millis: u64) -> Result<(), TestCaseError> {
    let until = Micros(script.now.0 + millis * 1000);
    while let Some(deadline) = script.session.deadline().filter(|deadline| *deadline <= until) {
        script.now = deadline.max(script.now);
        script.input(SessionInput::Timer);
        seen.take(script)?;
        prop_assert!(script.session.deadline().is_none_or(|next| next > deadline), "a deadline that stays");
    }
    script.now = until;
    Ok(())
}

proptest! {
    #[test]
    fn any_conversation_keeps_the_promises_of_a_session(steps in vec(step(), 1..120)) {
        let (mut script, mut seen) = (Script::new(), Seen::default());
        seen.take(&mut script)?;
        for step in steps {
            match step {
                Step::Connected => {
                    seen.open |= std::mem::take(&mut seen.connecting);
                    script.input(SessionInput::Connected);
                }
                Step::Failed => {
                    seen.connecting = false;
                    script.input(SessionInput::ConnectFailed(ConnectError::Refused));
                }
                Step::Closed => {
                    seen.open = false;
                    script.input(SessionInput::Closed);
                }
                Step::Says(line) => script.pool_says(&line),
                Step::Answers(accept) => {
                    if let Some(request) = seen.requests.pop_front() {
                        script.pool_says(&answer(&request, accept));
                    }
                }
                Step::Bytes(bytes) => script.input(SessionInput::Bytes(&bytes)),
                Step::Wait(millis) => wait(&mut script, &mut seen, millis)?,
                Step::Submit(job, version) => {
                    if !script.jobs.is_empty() {
                        let mut share = script.share(seen.submitted, job % script.jobs.len() + 1, &[]);
                        share.version = version;
                        seen.submitted += 1;
                        script.input(SessionInput::Submit(share));
                    }
                }
            }
            seen.take(&mut script)?;
        }
        // Two minutes after the last share every one has its answer.
        wait(&mut script, &mut seen, 121_000)?;
        prop_assert_eq!(script.session.pending(), 0);
    }
}
