//! Whatever somebody says who connects, the machine neither panics nor runs on, and every share gets one answer.

use std::time::Duration;

use adit_driver::{Action, Event, Input, Machine, Ruling, Verdict, words};
use adit_driver_downstream::{Downstream, Options};
use adit_protocol::pow::Header;
use adit_protocol::wire::{Micros, Port};
use proptest::prelude::*;

/// Lines that mean something, in the hands of somebody who does not know when.
const LINES: &[&str] = &[
    r#"{"id":1,"method":"mining.subscribe","params":["a/1",null]}"#,
    r#"{"id":2,"method":"mining.authorize","params":["w","x"]}"#,
    r#"{"id":"3","method":"mining.configure","params":[["version-rolling","minimum-difficulty"],{"version-rolling.mask":"1fffe000","minimum-difficulty.value":1e300}]}"#,
    r#"{"id":4,"method":"mining.suggest_difficulty","params":[1e-300]}"#,
    r#"{"id":5,"method":"mining.suggest_target","params":["ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"]}"#,
    r#"{"id":6,"method":"mining.submit","params":["w","1","0000","4e7242c4","00000000"]}"#,
    r#"{"id":6,"method":"mining.submit","params":["w","1","0000","ffffffff","00000000","ffffffff"]}"#,
    r#"{"id":6,"method":"mining.submit","params":["w",1,"","4e7242c4","0"]}"#,
    r#"{"id":null,"method":"mining.extranonce.subscribe"}"#,
    r#"{"id":7,"method":"mining.get_transactions","params":["1"]}"#,
    r#"{"id":8,"result":true,"error":null}"#,
    "[]",
    "",
];

#[derive(Clone, Debug)]
enum Step {
    Says(usize),
    Half(usize, usize),
    Noise(Vec<u8>),
    Waits(u32),
    Work,
    JobChanged(bool),
    Rules(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..LINES.len()).prop_map(Step::Says),
        1 => (0..LINES.len(), 0_usize..80).prop_map(|(line, at)| Step::Half(line, at)),
        1 => prop::collection::vec(any::<u8>(), 1..60).prop_map(Step::Noise),
        2 => (0_u32..20_000_000).prop_map(Step::Waits),
        2 => Just(Step::Work),
        1 => any::<bool>().prop_map(Step::JobChanged),
        2 => any::<u8>().prop_map(Step::Rules),
    ]
}

#[derive(Default)]
struct Seen {
    over: bool,
    /// Shares without a ruling.
    pending: Vec<u64>,
    answers: usize,
}

impl Seen {
    fn serve(&mut self, machine: &mut Downstream) {
        for count in 0.. {
            assert!(count < 1_000, "no end of actions");
            match machine.next_action() {
                Some(Action::Emit(Event::Nonce(nonce))) => self.pending.push(nonce.seq),
                Some(Action::Emit(Event::Room { free, .. })) => assert!(free <= 1),
                Some(Action::Fail(_)) => self.over = true,
                Some(Action::Write { bytes, .. }) => {
                    assert!(!self.over && bytes.ends_with(b"\n") && bytes.len() < 4_096);
                    self.answers += usize::from(bytes.starts_with(b"{\"id\":6,"));
                }
                Some(_) => assert!(!self.over, "a finished machine goes on"),
                None => break,
            }
        }
        assert!(self.pending.len() <= 64, "shares pile up");
    }
}

proptest! {
    #[test]
    fn anything_may_be_said(steps in prop::collection::vec(step(), 0..120)) {
        let (mut machine, mut now, mut seen) = (Downstream::new(Options::default()), Micros(0), Seen::default());
        let say = |machine: &mut Downstream, now, line: &[u8]| {
            if !line.is_empty() {
                machine.on_input(now, Input::Bytes { port: Port(0), bytes: line });
            }
        };
        machine.on_input(now, Input::LinkUp);
        let (mut works, mut asked) = (0, 0);
        for step in steps {
            if seen.over {
                break;
            }
            match step {
                Step::Says(line) => {
                    asked += usize::from(LINES[line].contains("\"id\":6"));
                    say(&mut machine, now, format!("{}\n", LINES[line]).as_bytes());
                }
                Step::Half(line, at) => say(&mut machine, now, &LINES[line].as_bytes()[..at.min(LINES[line].len())]),
                Step::Noise(noise) => say(&mut machine, now, &noise),
                Step::Waits(micros) => {
                    let until = now + Duration::from_micros(micros.into());
                    for timers in 0.. {
                        let Some(at) = machine.deadline().filter(|at| !seen.over && *at <= until) else { break };
                        prop_assert!(timers < 1_000, "the clock stands still at {now}");
                        now = at.max(now);
                        machine.on_input(now, Input::Timer);
                        seen.serve(&mut machine);
                    }
                    now = until;
                }
                Step::Work => {
                    works += 1;
                    let header = Header { ntime: 0x4e72_42c4, ..Header::from_bytes(&[7; 80]) };
                    machine.on_input(now, Input::Work(words::work(works, header)));
                }
                Step::JobChanged(clean) => machine.on_input(now, Input::JobChanged { clean }),
                Step::Rules(which) => {
                    if let Some(seq) = seen.pending.pop() {
                        let verdict = Verdict::ALL[usize::from(which) % Verdict::ALL.len()];
                        let ruling = Ruling { seq, claim: Some(0), verdict, difficulty: 1.0 };
                        machine.on_input(now, Input::Ruling(ruling));
                    }
                }
            }
            seen.serve(&mut machine);
        }
        prop_assert!(seen.answers + seen.pending.len() <= asked, "a share was answered twice");
    }
}
