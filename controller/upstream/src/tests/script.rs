//! Conversations as text, one step a line:
//!
//! ```text
//! > {"id":1,…}            the session sends exactly this
//! < {"id":1,…}            the pool says this
//! < notify j1 clean       the pool announces a job (`prev=22…`, `version=…`, `ntime=…` change its parts)
//! + 20s                   time passes; nothing may happen before it has passed
//! + deadline              time passes until the session wants to be woken
//! * connected             something else happens: connected, failed refused, closed, submit 1 job 1 version=…
//! ! up                    the session wants or says this; `…` stands for anything
//! ```
//!
//! Whatever the session does must stand in the text, in order.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use adit_core::{Answer, PoolInput, Share, ShareKey};
use adit_driver::{DeviceKey, Job, PoolKey};
use adit_protocol::hex;
use adit_protocol::wire::Micros;

use crate::{ConnectError, PoolConfig, Session, SessionAction, SessionInput};

/// A session in conversation with a script.
pub(super) struct Script {
    pub(super) session: Session,
    pub(super) now: Micros,
    /// Jobs in the order they were announced.
    pub(super) jobs: Vec<Arc<Job>>,
}

/// The log in of a session with the default options, as far as a pool with this extranonce1 answers it.
pub(super) const LOGIN: &str = r#"
    ! connect pool.example.com:3333
    * connected
    > {"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":2}]}
    > {"id":2,"method":"mining.subscribe","params":["adit/0.1.0"]}
    < {"id":1,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}
    < {"id":2,"result":[[["mining.notify","5e5510"]],"f000000f",4],"error":null}
    > {"id":3,"method":"mining.authorize","params":["user.rig1","x"]}
    < {"id":3,"result":true,"error":null}
    ! up
"#;

impl Script {
    /// A session that has not begun.
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    /// The same with other options.
    pub(super) fn with(change: impl FnOnce(&mut PoolConfig)) -> Self {
        let mut config = PoolConfig::new("pool.example.com:3333", Some("user.rig1"), None).unwrap();
        change(&mut config);
        Self { session: Session::new(PoolKey(3), config, 1), now: Micros(0), jobs: Vec::new() }
    }

    /// A session that is logged in.
    pub(super) fn up() -> Self {
        Self::new().then(LOGIN)
    }

    /// Plays `text`.
    pub(super) fn then(mut self, text: &str) -> Self {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (sign, rest) = line.split_at(1);
            let rest = rest.trim();
            match sign {
                ">" => self.expect(&format!("send {rest}"), line),
                "!" => self.expect(rest, line),
                _ => {
                    self.expect_nothing(line);
                    match sign {
                        "<" => self.pool_says(rest),
                        "+" => self.wait(rest, line),
                        "*" => self.happens(rest),
                        _ => panic!("{line}"),
                    }
                }
            }
        }
        self
    }

    fn expect(&mut self, pattern: &str, line: &str) {
        let action = self.session.next_action();
        let said = action.map_or_else(|| "nothing".to_owned(), |action| self.describe(action));
        assert!(matches(pattern, &said), "at {}, step `{line}`, but: {said}", self.now);
    }

    fn expect_nothing(&mut self, line: &str) {
        let action = self.session.next_action();
        let said = action.map(|action| self.describe(action));
        assert_eq!(said, None, "at {}, before step `{line}`", self.now);
    }

    pub(super) fn pool_says(&mut self, line: &str) {
        let line = line.strip_prefix("notify ").map_or_else(|| line.to_owned(), notify);
        self.input(SessionInput::Bytes(format!("{line}\n").as_bytes()));
    }

    pub(super) fn input(&mut self, input: SessionInput<'_>) {
        self.session.on_input(self.now, input);
    }

    fn wait(&mut self, span: &str, line: &str) {
        let until = match span {
            "deadline" => self.session.deadline().unwrap(),
            span => self.now + duration(span),
        };
        while let Some(deadline) = self.session.deadline().filter(|deadline| *deadline < until) {
            assert!(deadline > self.now, "a deadline that does not move at step `{line}`");
            self.now = deadline;
            self.input(SessionInput::Timer);
            self.expect_nothing(line);
        }
        self.now = until;
        self.input(SessionInput::Timer);
    }

    fn happens(&mut self, what: &str) {
        let words: Vec<&str> = what.split(' ').collect();
        match words[..] {
            ["connected"] => self.input(SessionInput::Connected),
            ["closed"] => self.input(SessionInput::Closed),
            ["failed", "refused"] => self.input(SessionInput::ConnectFailed(ConnectError::Refused)),
            ["failed", "unknown"] => self.input(SessionInput::ConnectFailed(ConnectError::UnknownHost)),
            ["submit", key, "job", number, ref rest @ ..] => {
                let share = self.share(key.parse().unwrap(), number.parse().unwrap(), rest);
                self.input(SessionInput::Submit(share));
            }
            _ => panic!("{what}"),
        }
    }

    /// A share of the `number`th job, counted from 1.
    pub(super) fn share(&self, key: u64, number: usize, changes: &[&str]) -> Share {
        let job = Arc::clone(&self.jobs[number - 1]);
        let mut share = Share {
            key: ShareKey(key),
            device: DeviceKey(0),
            extranonce2: job.extranonce2_bytes(key),
            ntime: job.ntime,
            version: job.version,
            nonce: 0x0a0b_0c0d,
            difficulty: 2.0,
            block: false,
            job,
        };
        for change in changes {
            let (name, value) = change.split_once('=').unwrap();
            let word = || u32::from_str_radix(value, 16).unwrap();
            match name {
                "version" => share.version = word(),
                "ntime" => share.ntime = word(),
                "nonce" => share.nonce = word(),
                "block" => share.block = value == "1",
                "extranonce2" => share.extranonce2 = hex::decode(value).unwrap(),
                _ => panic!("{change}"),
            }
        }
        share
    }

    fn describe(&mut self, action: SessionAction) -> String {
        match action {
            SessionAction::Connect { host, port } => format!("connect {host}:{port}"),
            SessionAction::Close => "close".into(),
            SessionAction::Send(line) => {
                assert!(line.len() < 1024, "too long for a pool: {} bytes", line.len());
                format!("send {}", String::from_utf8(line).unwrap().strip_suffix('\n').unwrap())
            }
            SessionAction::Emit(input) => self.describe_input(input),
        }
    }

    fn describe_input(&mut self, input: PoolInput) -> String {
        match input {
            PoolInput::Up { resumed } => if resumed { "up resumed" } else { "up" }.into(),
            PoolInput::Down => "down".into(),
            PoolInput::StrictTime => "strict time".into(),
            PoolInput::Easier { difficulty } => format!("easier {difficulty}"),
            PoolInput::Notice { text, warning } => {
                format!("{} {text}", if warning { "warning" } else { "notice" })
            }
            PoolInput::Answer { share, answer, latency } => {
                let answer = match answer {
                    Answer::Accepted => format!("accepted after {latency:?}"),
                    Answer::Rejected { kind, reason } => format!("rejected {kind:?}: {reason}"),
                    Answer::Lost => "lost".into(),
                };
                format!("answer {} {answer}", share.0)
            }
            PoolInput::Job(job) => {
                let mut text = format!("job difficulty {}", job.share_target.difficulty());
                if job.clean {
                    text.push_str(" clean");
                }
                let extranonce1 = hex::encode(&job.extranonce1);
                write!(text, " extranonce {extranonce1}/{}", job.extranonce2_size).unwrap();
                write!(text, " mask {:08x}", job.version_mask.0).unwrap();
                self.jobs.push(job);
                text
            }
        }
    }
}

impl Drop for Script {
    /// A script that leaves out what the session does last is wrong.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.expect_nothing("the end");
        }
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap()) else { return false };
    let mut open = false;
    for part in parts {
        open = part.is_empty();
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    open || rest.is_empty()
}

fn duration(text: &str) -> Duration {
    match text.strip_suffix("ms") {
        Some(ms) => Duration::from_millis(ms.parse().unwrap()),
        None => Duration::from_secs(text.strip_suffix('s').unwrap().parse().unwrap()),
    }
}

/// A small but whole job.
pub(super) fn notify(words: &str) -> String {
    let mut words = words.split(' ');
    let id = words.next().unwrap();
    let (mut prev, mut version, mut ntime, mut clean) = ("11", "20000000", "6553f100", false);
    for word in words {
        match word.split_once('=') {
            Some(("prev", value)) => prev = value,
            Some(("version", value)) => version = value,
            Some(("ntime", value)) => ntime = value,
            None if word == "clean" => clean = true,
            _ => panic!("{word}"),
        }
    }
    let prev = prev.repeat(32);
    format!(
        r#"{{"id":null,"method":"mining.notify","params":["{id}","{prev}","01","02",[],"{version}","1705ae3a","{ntime}",{clean}]}}"#
    )
}
