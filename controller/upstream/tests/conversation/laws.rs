//! What a session with a pool promises, whatever the pool says in whatever order: no panic, no hang, one connection at a time, lines
//! that pools take, and one answer for each share. Shared by the seeded test and by the libFuzzer target.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use adit_core::{PoolInput, Share, ShareKey};
use adit_driver::{DeviceKey, Job, PoolKey};
use adit_protocol::wire::Micros;
use adit_upstream::{ConnectError, PoolConfig, Session, SessionAction, SessionInput};

/// What a pool may say. `@` is the id of the oldest request without an answer, `~` a digit.
const LINES: &[&str] = &[
    r#"{"id":@,"result":true,"error":null}"#,
    r#"{"id":@,"result":[[["mining.notify","5e"]],"f000000f",4],"error":null}"#,
    r#"{"id":"@","result":[["mining.notify","5e"],"",8],"error":null}"#,
    r#"{"id":@,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}"#,
    r#"{"id":@,"result":null,"error":[2~,"no",null]}"#,
    r#"{"id":@,"result":false,"error":null,"reject-reason":"stale"}"#,
    r#"{"id":null,"method":"mining.notify","params":["j~","4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e0000000~","01","02",[],"20000000","1705ae3a","6553f1~0",true]}"#,
    r#"{"id":null,"method":"mining.notify","params":["j~","4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000","01","02",[],"2000~000","1705ae3a","6553f100",false]}"#,
    r#"{"id":null,"method":"mining.set_difficulty","params":[1e-~]}"#,
    r#"{"id":null,"method":"mining.set_difficulty","params":["~00000"]}"#,
    r#"{"id":null,"method":"mining.set_extranonce","params":["f~",~]}"#,
    r#"{"id":null,"method":"mining.set_version_mask","params":["0~ff0000"]}"#,
    r#"{"id":~,"method":"client.reconnect","params":["eu.example.com",333~,~]}"#,
    r#"{"id":~,"method":"client.get_version","params":[]}"#,
    r#"{"id":"~","method":"mining.ping"}"#,
    r#"{"id":~,"method":"client.show_message","params":["hello ~"]}"#,
    r#"{"id":~,"method":"mining.notify","params":[~]}"#,
    "not json",
    "[]",
    "",
];

/// The answer that a request waits for.
fn right_answer(request: &str) -> &'static str {
    let answers = [
        ("mining.configure", LINES[3]),
        ("mining.subscribe", LINES[1]),
        ("mining.submit", [LINES[0], LINES[4]][request.len() & 1]),
    ];
    answers.iter().find(|(method, _)| request.contains(method)).map_or(LINES[0], |(_, answer)| answer)
}

struct Talk {
    session: Session,
    now: Micros,
    up: bool,
    connecting: bool,
    open: bool,
    /// Requests without an answer: their ids and all of them.
    requests: VecDeque<(String, String)>,
    jobs: Vec<Arc<Job>>,
    submitted: u64,
    answered: BTreeSet<u64>,
}

/// Two bytes a step: what happens, and how. Gives the number of shares that the pool answered.
pub(crate) fn session_keeps_the_laws(input: &[u8]) -> u64 {
    let config =
        PoolConfig::new("pool.example.com:3333", Some("user.rig1"), None).expect("a good configuration");
    let mut talk = Talk {
        session: Session::new(PoolKey(0), config, 1),
        now: Micros(0),
        up: false,
        connecting: false,
        open: false,
        requests: VecDeque::new(),
        jobs: Vec::new(),
        submitted: 0,
        answered: BTreeSet::new(),
    };
    talk.take();
    for step in input.chunks_exact(2) {
        talk.step(step[0], step[1]);
        talk.take();
    }
    // Two minutes after the last share every one has its answer.
    talk.wait(Duration::from_secs(121));
    assert_eq!(talk.session.pending(), 0, "shares without an answer");
    let counts = talk.session.counts();
    counts.accepted + counts.rejected
}

impl Talk {
    fn step(&mut self, what: u8, how: u8) {
        match what {
            0..20 => {
                self.open |= std::mem::take(&mut self.connecting);
                self.input(SessionInput::Connected);
            }
            20..24 => {
                self.connecting = false;
                self.input(SessionInput::ConnectFailed(ConnectError::Refused));
            }
            24 => {
                self.open = false;
                self.input(SessionInput::Closed);
            }
            25..48 => self.wait(Duration::from_millis(u64::from(how) * u64::from(how))),
            48 => self.input(SessionInput::Bytes(&[how])),
            49..80 => self.submit(how),
            _ => {
                // Half of what the pool says is an answer as it should be, or a job; the other half is anything.
                let line = match what {
                    80..140 => self.requests.front().map_or(LINES[6], |(_, request)| right_answer(request)),
                    140..168 => LINES[7],
                    _ => LINES[usize::from(what) % LINES.len()],
                };
                let mut line = line.to_owned();
                if line.contains('@') {
                    let id = self.requests.pop_front().map_or_else(|| "77".into(), |(id, _)| id);
                    line = line.replace('@', &id);
                }
                let line = line.replace('~', &(how % 10).to_string()) + "\n";
                // Cut somewhere, as networks do.
                let (head, tail) = line.as_bytes().split_at(usize::from(how) % line.len());
                for part in [head, tail].into_iter().filter(|part| !part.is_empty()) {
                    self.input(SessionInput::Bytes(part));
                    self.take();
                }
            }
        }
    }

    fn input(&mut self, input: SessionInput<'_>) {
        self.session.on_input(self.now, input);
    }

    fn submit(&mut self, how: u8) {
        let Some(job) = self.jobs.get(usize::from(how) % self.jobs.len().max(1)).cloned() else { return };
        let share = Share {
            key: ShareKey(self.submitted),
            device: DeviceKey(0),
            extranonce2: job.extranonce2_bytes(how.into()),
            ntime: job.ntime,
            version: job.version ^ u32::from(how) << 13,
            nonce: how.into(),
            difficulty: 1.0,
            block: how == 7,
            job,
        };
        self.submitted += 1;
        self.input(SessionInput::Submit(share));
    }

    fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(at) = self.session.deadline().filter(|at| *at <= until) {
            self.now = at.max(self.now);
            self.input(SessionInput::Timer);
            self.take();
            assert!(self.session.deadline().is_none_or(|next| next > at), "a deadline that stays");
        }
        self.now = until;
    }

    fn take(&mut self) {
        while let Some(action) = self.session.next_action() {
            match action {
                SessionAction::Connect { .. } => {
                    assert!(!self.open && !std::mem::replace(&mut self.connecting, true), "connects twice");
                    self.requests.clear();
                }
                SessionAction::Close => assert!(std::mem::take(&mut self.open), "closes nothing"),
                SessionAction::Send(line) => {
                    assert!(
                        self.open && line.len() < 1_024 && line.ends_with(b"\n"),
                        "no line that pools take"
                    );
                    let text = String::from_utf8(line).expect("text");
                    let id = text.strip_prefix("{\"id\":").and_then(|rest| rest.split_once(','));
                    let id = id.expect("an id").0.to_owned();
                    if text.contains("\"method\"") {
                        self.requests.push_back((id, text));
                    }
                }
                SessionAction::Emit(PoolInput::Up { .. }) => {
                    assert!(!std::mem::replace(&mut self.up, true), "up twice");
                }
                SessionAction::Emit(PoolInput::Down) => {
                    assert!(std::mem::take(&mut self.up), "down without up");
                }
                SessionAction::Emit(PoolInput::Job(job)) => {
                    assert!(self.up, "a job while down");
                    self.jobs.push(job);
                    self.jobs.drain(..self.jobs.len().saturating_sub(16));
                }
                SessionAction::Emit(PoolInput::Answer { share, .. }) => {
                    assert!(self.answered.insert(share.0), "answered twice");
                }
                SessionAction::Emit(_) => {}
            }
        }
        let counts = self.session.counts();
        let answered = counts.accepted + counts.rejected + counts.lost;
        assert_eq!(answered, self.answered.len() as u64);
        assert_eq!(counts.submitted, answered + self.session.pending() as u64, "shares do not add up");
    }
}
