#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use adit_driver::{
    Action, Event, Fault, Input, Introduction, Job, Machine, Nonce, Ruling, Space, Verdict, VersionWindow,
    Work, WorkId, words,
};
use adit_protocol::pow::{Header, Target, VersionMask, merkle_root, sha256d_of};
use adit_protocol::stratum::{Message, Secret, ServerCall};
use adit_protocol::wire::{Micros, Port};

use crate::{Downstream, Options, hash_of};

struct Stage {
    machine: Downstream,
    now: Micros,
    lines: Vec<String>,
    events: Vec<Event>,
    fault: Option<Fault>,
}

impl Stage {
    fn new(password: Option<&str>) -> Self {
        let password = password.map(|word| hash_of(&Secret::new(word)));
        let options = Options { difficulty: 2.0, password, ..Options::default() };
        let machine = Downstream::new(options);
        let mut stage = Self { machine, now: Micros(0), lines: Vec::new(), events: Vec::new(), fault: None };
        stage.input(Input::LinkUp);
        stage
    }

    fn input(&mut self, input: Input<'_>) {
        self.machine.on_input(self.now, input);
        while let Some(action) = self.machine.next_action() {
            match action {
                Action::Write { bytes, .. } => {
                    self.lines.push(String::from_utf8(bytes).unwrap().trim_end().to_owned());
                }
                Action::Emit(event) => self.events.push(event),
                Action::Fail(fault) => self.fault = Some(fault),
                other => panic!("{other:?}"),
            }
        }
    }

    fn say(&mut self, line: &str) -> Vec<String> {
        self.lines.clear();
        self.input(Input::Bytes { port: Port(0), bytes: format!("{line}\n").as_bytes() });
        std::mem::take(&mut self.lines)
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        if self.machine.deadline().is_some_and(|at| at <= self.now) {
            self.input(Input::Timer);
        }
    }

    fn log_in(&mut self) {
        self.say(r#"{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"ffffffff"}]}"#);
        let said = self.say(r#"{"id":2,"method":"mining.subscribe","params":["x/1"]}"#);
        assert_eq!(
            said,
            [
                r#"{"id":2,"result":[[["mining.set_difficulty","1"],["mining.notify","1"]],"00",2],"error":null}"#
            ]
        );
        self.say(r#"{"id":3,"method":"mining.authorize","params":["w","x"]}"#);
    }

    fn work(&mut self) -> Vec<String> {
        self.lines.clear();
        self.input(Input::Work(work()));
        std::mem::take(&mut self.lines)
    }

    fn nonce(&self) -> &Nonce {
        let nonce = self.events.iter().rev().find_map(|event| match event {
            Event::Nonce(nonce) => Some(nonce),
            _ => None,
        });
        nonce.unwrap()
    }

    fn ruling(&mut self, verdict: Verdict) -> Vec<String> {
        let seq = self.nonce().seq;
        self.lines.clear();
        self.input(Input::Ruling(Ruling { seq, claim: Some(0), verdict, difficulty: 3.0 }));
        std::mem::take(&mut self.lines)
    }
}

/// Everything behind prefix 0x0201 of a job whose extranonce2 has 10 bytes.
fn work() -> Work {
    let header = Header { ntime: 1_700_000_000, version: 0x2000_0000, ..Header::from_bytes(&[7; 80]) };
    let plain = words::work(1, header);
    let job = Job {
        coinbase_head: vec![0xaa; 50],
        coinbase_tail: vec![0xbb; 60],
        extranonce1: vec![0xcc; 4],
        extranonce2_size: 10,
        share_target: Target::from_difficulty(8.0).unwrap(),
        ..(*plain.job).clone()
    };
    Work {
        id: WorkId(5),
        job: Arc::new(job),
        space: Space {
            extranonce2: 0x201 << 24..0x202 << 24,
            ntime: header.ntime..header.ntime + 601,
            version: VersionWindow { base: 0x2000_0000, mask: VersionMask::BIP320 },
            nonce: 0..=u32::MAX,
        },
        ..plain
    }
}

const SHARE: &str =
    r#"{"id":9,"method":"mining.submit","params":["w","1","0304","6553f10a","01020304","00002000"]}"#;

#[test]
fn a_miner_that_logs_in_is_ready_and_its_share_is_what_the_core_would_hash() {
    let mut stage = Stage::new(None);
    stage.log_in();
    let Some(Event::Ready(able)) = stage.events.iter().find(|event| matches!(event, Event::Ready(_))) else {
        panic!("not ready")
    };
    assert!(able.whole_jobs && able.report_target == Target::from_difficulty(2.0).unwrap());

    let said = stage.work();
    assert_eq!(said[0], r#"{"id":null,"method":"mining.set_difficulty","params":[2]}"#);
    let Ok(Message::Call { call: ServerCall::Notify(notify), .. }) = Message::<ServerCall>::decode(&said[1])
    else {
        panic!("{said:?}")
    };
    assert!(notify.clean);
    assert!(stage.say(SHARE).is_empty(), "the core has not judged it");
    let claim = stage.nonce().claims[0];
    assert_eq!((claim.version, claim.ntime, claim.nonce), (0x2000_2000, 0x6553_f10a, 0x0102_0304));

    // The miner's own merkle root, from nothing but what it was told.
    let coinbase = sha256d_of([&*notify.coinbase_head, &[0][..], &[3, 4], &notify.coinbase_tail]);
    assert_eq!(merkle_root(coinbase, &notify.merkle_branch), work().job.merkle_root(claim.extranonce2));
    assert!(work().space.extranonce2.contains(&claim.extranonce2));
    assert_eq!(stage.ruling(Verdict::BelowShare), [r#"{"id":9,"result":true,"error":null}"#]);
}

#[test]
fn every_verdict_has_its_code() {
    let mut stage = Stage::new(None);
    stage.log_in();
    stage.work();
    let codes = [
        (Verdict::UnknownWork, 21),
        (Verdict::Stale, 21),
        (Verdict::Duplicate, 22),
        (Verdict::HardwareError, 23),
    ];
    for (verdict, code) in codes {
        stage.say(SHARE);
        let said = stage.ruling(verdict);
        assert!(said[0].contains(&format!("\"error\":[{code},")), "{verdict:?}: {said:?}");
    }
    for verdict in [Verdict::Share, Verdict::Block, Verdict::BelowShare] {
        stage.say(SHARE);
        assert!(stage.ruling(verdict)[0].contains("\"result\":true"));
    }
}

#[test]
fn what_cannot_be_a_share_is_refused_without_a_nonce() {
    let mut stage = Stage::new(None);
    assert!(stage.say(SHARE)[0].contains("[25,"));
    stage.log_in();
    stage.work();
    let told = stage.events.len();
    for (from, to, code) in [
        (r#""1","0304""#, r#""7","0304""#, 21),
        ("0304\"", "03\"", 20),
        ("6553f10a", "6553f0ff", 20),
        ("6553f10a", "6553f200", 20),
        ("00002000", "00000001", 20),
        ("01020304", "zz", 20),
    ] {
        let said = stage.say(&SHARE.replacen(from, to, 1));
        assert!(said[0].contains(&format!("\"error\":[{code},")), "{to}: {said:?}");
    }
    assert_eq!(stage.events.len(), told);
    for _ in 0..64 {
        assert!(stage.say(SHARE).is_empty());
    }
    assert!(stage.say(SHARE)[0].contains("Too many"));
}

#[test]
fn the_pool_s_own_difficulty_is_not_exceeded_and_a_new_one_is_told_once() {
    let mut stage = Stage::new(None);
    stage.log_in();
    assert!(stage.work()[0].contains("set_difficulty"));
    assert_eq!(stage.work().len(), 1, "nothing has changed");
    let mut easy = work();
    Arc::make_mut(&mut easy.job).share_target = Target::from_difficulty(0.5).unwrap();
    stage.lines.clear();
    stage.input(Input::Work(easy));
    assert_eq!(stage.lines[0], r#"{"id":null,"method":"mining.set_difficulty","params":[0.5]}"#);
    assert!(!stage.lines[1].ends_with("true]}"), "earlier jobs are still good");
    stage.input(Input::JobChanged { clean: true });
    assert!(stage.work().last().unwrap().ends_with("true]}"));
}

#[test]
fn a_password_is_asked_for_where_there_is_one() {
    let mut stage = Stage::new(Some("open"));
    stage.log_in();
    assert!(!stage.events.iter().any(|event| matches!(event, Event::Ready(_))));
    assert!(stage.say(SHARE)[0].contains("[24,"));
    let said = stage.say(r#"{"id":4,"method":"mining.authorize","params":["w","open"]}"#);
    assert_eq!(said, [r#"{"id":4,"result":true,"error":null}"#]);
    assert!(stage.events.iter().any(|event| matches!(event, Event::Ready(_))));
}

#[test]
fn who_does_not_log_in_dawdles_or_falls_silent_is_hung_up_on() {
    let mut stage = Stage::new(None);
    stage.wait(9);
    assert_eq!(stage.fault, None);
    stage.wait(1);
    assert_eq!(stage.fault, Some(Fault::NoAnswer { waited_ms: 10_000 }), "no login");

    let mut stage = Stage::new(None);
    stage.log_in();
    for _ in 0..4 {
        stage.input(Input::Bytes { port: Port(0), bytes: b" " });
        stage.wait(3);
    }
    assert_eq!(stage.fault, Some(Fault::Silent { seconds: 12 }), "a line that never ends");

    let mut stage = Stage::new(None);
    stage.log_in();
    (0..100).for_each(|_| stage.wait(60));
    assert_eq!(stage.fault, None, "without a job there is nothing to find");
    stage.work();
    (0..29).for_each(|_| stage.wait(60));
    stage.say(SHARE);
    stage.ruling(Verdict::BelowShare);
    (0..29).for_each(|_| stage.wait(60));
    assert_eq!(stage.fault, None);
    stage.wait(60);
    assert_eq!(stage.fault, Some(Fault::Silent { seconds: 1_800 }), "nothing found in half an hour");
}

impl Stage {
    /// How often it has asked for a job.
    fn asked(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::Room { free: 1, .. })).count()
    }

    fn difficulty_of(said: &[String]) -> Option<f64> {
        said.iter().find_map(|line| match Message::<ServerCall>::decode(line) {
            Ok(Message::Call { call: ServerCall::SetDifficulty(difficulty), .. }) => Some(difficulty),
            _ => None,
        })
    }
}

#[test]
fn a_miner_that_finds_too_much_or_nothing_gets_another_difficulty_with_a_job_of_its_own() {
    let mut stage = Stage::new(None);
    stage.log_in();
    stage.work();
    assert_eq!(stage.asked(), 1);
    for _ in 0..24 {
        stage.wait(1);
        stage.say(SHARE);
        stage.ruling(Verdict::BelowShare);
    }
    assert_eq!(stage.asked(), 2, "one a second instead of one in five");
    let harder = Stage::difficulty_of(&stage.work()).unwrap();
    assert!((4.0..16.0).contains(&harder), "{harder}");
    stage.wait(120);
    assert_eq!(stage.asked(), 3, "nothing in two minutes");
    assert!(Stage::difficulty_of(&stage.work()).unwrap() < harder / 2.0);
}

#[test]
fn a_miner_s_wish_is_followed_at_once_whether_as_a_difficulty_or_a_target() {
    let mut stage = Stage::new(None);
    stage.log_in();
    let said = stage.say(r#"{"id":7,"method":"mining.suggest_difficulty","params":[4]}"#);
    assert_eq!(said, [r#"{"id":7,"result":true,"error":null}"#]);
    assert_eq!(Stage::difficulty_of(&stage.work()), Some(4.0));
    let target = Target::from_difficulty(6.0).unwrap();
    stage.say(&format!(r#"{{"id":8,"method":"mining.suggest_target","params":["{target}"]}}"#));
    assert_eq!(stage.asked(), 2);
    let heard = Stage::difficulty_of(&stage.work()).unwrap();
    assert!((heard - 6.0).abs() < 1e-9, "{heard}");
    stage.say(r#"{"id":9,"method":"mining.suggest_difficulty","params":[1e9]}"#);
    assert_eq!(Stage::difficulty_of(&stage.work()), Some(8.0), "the pool takes easier ones");
    let said = stage.say(r#"{"id":9,"method":"mining.suggest_difficulty","params":["none"]}"#);
    assert!(said[0].contains("[20,"), "{said:?}");
}

#[test]
fn what_bip_310_offers_is_answered_by_its_letter() {
    let mut stage = Stage::new(None);
    let said = stage.say(
        r#"{"id":1,"method":"mining.configure","params":[["version-rolling","minimum-difficulty","subscribe-extranonce","info"],
        {"version-rolling.mask":"00ff0000","version-rolling.min-bit-count":2,"minimum-difficulty.value":4}]}"#
            .replace('\n', " ")
            .as_str(),
    );
    let result = r#"{"minimum-difficulty":true,"subscribe-extranonce":true,"version-rolling":true,"version-rolling.mask":"00ff0000"}"#;
    assert_eq!(said, [format!(r#"{{"id":1,"result":{result},"error":null}}"#)]);
    stage.say(r#"{"id":2,"method":"mining.subscribe","params":[]}"#);
    stage.say(r#"{"id":3,"method":"mining.authorize","params":["w","x"]}"#);
    assert_eq!(Stage::difficulty_of(&stage.work()), Some(4.0), "no easier than it wants");

    let mut stage = Stage::new(None);
    let said = stage.say(r#"{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"00002000","version-rolling.min-bit-count":2}]}"#);
    assert!(said[0].contains(r#""version-rolling":"too few common bits""#), "{said:?}");
}

#[test]
fn a_miner_is_not_left_without_a_word_for_so_long_that_it_gives_up() {
    let mut stage = Stage::new(None);
    stage.log_in();
    stage.work();
    stage.say(SHARE);
    stage.ruling(Verdict::BelowShare);
    stage.lines.clear();
    stage.wait(44);
    assert!(stage.lines.is_empty());
    stage.wait(1);
    assert_eq!(stage.lines, [r#"{"id":null,"method":"mining.set_difficulty","params":[2]}"#]);
}

#[test]
fn names_are_told_once_as_they_can_be_shown() {
    let mut stage = Stage::new(None);
    stage.say(r#"{"id":2,"method":"mining.authorize","params":["rig\u001b[31m","x"]}"#);
    stage.say(r#"{"id":1,"method":"mining.subscribe","params":["bitaxe/BM1370/v2.9.0"]}"#);
    stage.say(r#"{"id":3,"method":"mining.authorize","params":["rig\u001b[31m","x"]}"#);
    let told: Vec<_> = stage.events.iter().filter(|event| matches!(event, Event::Introduced(_))).collect();
    let expected = Introduction { agent: "bitaxe/BM1370/v2.9.0".into(), worker: "rig[31m".into() };
    assert_eq!(told, [&Event::Introduced(expected)]);
}

#[test]
fn a_miner_that_subscribes_anew_is_told_everything_again() {
    let mut stage = Stage::new(None);
    stage.log_in();
    stage.work();
    let said = stage.say(r#"{"id":9,"method":"mining.subscribe","params":["x/1","1"]}"#);
    assert!(said[0].starts_with(r#"{"id":9,"result":[[["#), "{said:?}");
    assert_eq!(stage.asked(), 2);
    assert_eq!(Stage::difficulty_of(&stage.work()), Some(2.0));
}

#[test]
fn who_floods_guesses_passwords_or_sends_nothing_but_rubbish_is_hung_up_on() {
    let no_miner = Some(Fault::WrongDevice { expected: "a miner" });
    let mut stage = Stage::new(None);
    for _ in 0..30 {
        stage.wait(1);
        (0..60).for_each(|_| drop(stage.say(r#"{"id":1,"method":"mining.subscribe","params":[]}"#)));
    }
    assert!(stage.fault.is_none() || stage.fault == Some(Fault::NoAnswer { waited_ms: 10_000 }));
    let mut stage = Stage::new(None);
    (0..201).for_each(|_| drop(stage.say(r#"{"id":1,"method":"x","params":[]}"#)));
    assert_eq!(stage.fault, no_miner, "lines");

    let mut stage = Stage::new(Some("open"));
    let guess = r#"{"id":4,"method":"mining.authorize","params":["w","opem"]}"#;
    assert!(stage.say(guess)[0].contains("[24,"));
    stage.say(guess);
    assert_eq!(stage.fault, None);
    stage.say(guess);
    assert_eq!(stage.fault, no_miner, "passwords");

    let mut stage = Stage::new(None);
    stage.log_in();
    stage.work();
    for _ in 0..63 {
        stage.say(SHARE);
        stage.ruling(Verdict::HardwareError);
    }
    assert_eq!(stage.fault, None);
    stage.say(&SHARE.replace("0304", "03"));
    assert_eq!(stage.fault, Some(Fault::HardwareErrors { errors: 64, nonces: 64 }));
}

#[test]
fn garbage_and_endless_lines_are_not_taken_for_a_miner() {
    for bytes in [vec![b'x'; 5_000], b"GET / HTTP/1.1\nHost: a\nA: b\n\n".to_vec()] {
        let mut stage = Stage::new(None);
        stage.input(Input::Bytes { port: Port(0), bytes: &bytes });
        assert_eq!(stage.fault, Some(Fault::WrongDevice { expected: "a miner" }));
        assert_eq!(stage.machine.deadline(), None);
    }
}
