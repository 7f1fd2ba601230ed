//! What the server for one miner promises, whatever the miner says in whatever order: no panic, no hang, one answer for each share,
//! and bounded queues. Shared by the seeded test and by the libFuzzer target.

use std::time::Duration;

use adit_driver::{Action, Event, Input, Machine, Ruling, Verdict, words};
use adit_driver_downstream::{Downstream, Options};
use adit_protocol::pow::Header;
use adit_protocol::wire::{Micros, Port};

/// What a miner may say. `~` is a digit.
const LINES: &[&str] = &[
    r#"{"id":1,"method":"mining.subscribe","params":["a/1",null]}"#,
    r#"{"id":2,"method":"mining.authorize","params":["w~","x"]}"#,
    r#"{"id":"3","method":"mining.configure","params":[["version-rolling","minimum-difficulty"],{"version-rolling.mask":"1fffe000","minimum-difficulty.value":1e~00}]}"#,
    r#"{"id":4,"method":"mining.suggest_difficulty","params":[1e-~]}"#,
    r#"{"id":5,"method":"mining.suggest_target","params":["fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff~"]}"#,
    r#"{"id":6,"method":"mining.submit","params":["w","~","0000","4e7242c4","0000000~"]}"#,
    r#"{"id":6,"method":"mining.submit","params":["w","~","000~","ffffffff","00000000","ffffffff"]}"#,
    r#"{"id":6,"method":"mining.submit","params":["w",~,"","4e7242c4","~"]}"#,
    r#"{"id":null,"method":"mining.extranonce.subscribe"}"#,
    r#"{"id":7,"method":"mining.get_transactions","params":["~"]}"#,
    r#"{"id":8,"result":true,"error":null}"#,
    "[]",
    "",
];

#[derive(Default)]
struct Seen {
    over: bool,
    /// Shares without a ruling.
    pending: Vec<u64>,
    asked: usize,
    answers: usize,
    works: u64,
}

/// Two bytes a step: what happens, and how.
pub(crate) fn server_keeps_the_laws(input: &[u8]) {
    let (mut machine, mut now, mut seen) = (Downstream::new(Options::default()), Micros(0), Seen::default());
    machine.on_input(now, Input::LinkUp);
    seen.take(&mut machine);
    for step in input.chunks_exact(2) {
        if seen.over {
            return;
        }
        now = seen.step(&mut machine, now, step[0], step[1]);
        seen.take(&mut machine);
        assert!(seen.answers + seen.pending.len() <= seen.asked, "a share was answered twice");
    }
}

impl Seen {
    fn step(&mut self, machine: &mut Downstream, now: Micros, what: u8, how: u8) -> Micros {
        match what {
            0..20 => return self.wait(machine, now, Duration::from_millis(u64::from(how) * u64::from(how))),
            20..50 => {
                self.works += 1;
                let header = Header { ntime: 0x4e72_42c4, ..Header::from_bytes(&[how; 80]) };
                machine.on_input(now, Input::Work(words::work(self.works, header)));
            }
            50..60 => machine.on_input(now, Input::JobChanged { clean: how & 1 == 1 }),
            60..100 => {
                if let Some(seq) = self.pending.pop() {
                    let verdict = Verdict::ALL[usize::from(how) % Verdict::ALL.len()];
                    let ruling = Ruling { seq, claim: Some(0), verdict, difficulty: 1.0 };
                    machine.on_input(now, Input::Ruling(ruling));
                }
            }
            100..104 => machine.on_input(now, Input::Bytes { port: Port(0), bytes: &[how] }),
            _ => {
                let line =
                    LINES[usize::from(what) % LINES.len()].replace('~', &(how % 10).to_string()) + "\n";
                self.asked += usize::from(line.contains("\"id\":6"));
                // Cut somewhere, as networks do.
                let (head, tail) = line.as_bytes().split_at(usize::from(how) % line.len());
                for bytes in [head, tail].into_iter().filter(|part| !part.is_empty()) {
                    machine.on_input(now, Input::Bytes { port: Port(0), bytes });
                    self.take(machine);
                }
            }
        }
        now
    }

    fn wait(&mut self, machine: &mut Downstream, mut now: Micros, span: Duration) -> Micros {
        let until = now + span;
        for timers in 0.. {
            let Some(at) = machine.deadline().filter(|at| !self.over && *at <= until) else { break };
            assert!(timers < 1_000, "the clock stands still at {now}");
            now = at.max(now);
            machine.on_input(now, Input::Timer);
            self.take(machine);
        }
        until
    }

    fn take(&mut self, machine: &mut Downstream) {
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
