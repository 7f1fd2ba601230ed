//! Captured jobs of pools, played through session, core and driver to a chip that answers with the captured nonce: what is
//! submitted must be the captured share.

use adit_core::{Core, Effect, Policy};
use adit_driver::{
    Action, Detected, DeviceKey, Event, Input, Machine, PoolKey, Reply, Report, Settings, Verdict,
};
use adit_protocol::bm13xx::{
    Chip, Codec, Command, Frame, Generation, Identity, Job, NonceAnswer, Register, RegisterAnswer,
};
use adit_protocol::devices::model;
use adit_protocol::hex;
use adit_protocol::pow::Header;
use adit_protocol::wire::{Codec as _, Micros, Port, Side, Step};
use adit_upstream::{PoolConfig, Session, SessionAction, SessionInput};
use serde_json::{Value, json};

const POOL: PoolKey = PoolKey(0);

/// A job of the vectors as a pool that rolls versions sends it.
struct Captured {
    name: String,
    extranonce1: String,
    notify: Value,
    nonce: u32,
    header: Header,
}

/// The vector named `name`. `resplit`: the host's part of the extranonce lies in the zero bytes of the coinbase's previous
/// hash, where a host that counts from 0 finds the captured block again.
fn captured(name: &str, resplit: bool) -> Captured {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../protocol/vectors/stratum-v1.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    let case = cases.iter().find(|case| case["name"].as_str().unwrap().starts_with(name)).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut notify = case["notify"].clone();
    let mut extranonce1 = text(&case["extranonce1"]);
    if resplit {
        let (head, tail) = (text(&notify["params"][2]), text(&notify["params"][3]));
        let whole = head + &extranonce1 + &text(&case["extranonce2"]) + &tail;
        assert_eq!(&whole[10..10 + 64], "0".repeat(64), "a coinbase spends nothing");
        notify["params"][2] = json!(whole[..10]);
        notify["params"][3] = json!(whole[10 + 16..]);
        extranonce1 = "00000000".into();
    } else {
        assert_eq!(case["extranonce2"], "00000000");
    }
    Captured {
        name: text(&case["name"]),
        extranonce1,
        notify,
        nonce: u32::from_str_radix(&text(&case["nonce"]), 16).unwrap(),
        header: Header::from_bytes(&hex::decode_array(&text(&case["header"])).unwrap()),
    }
}

/// Everything between a pool and a chip, without sockets and ports.
struct Line {
    now: Micros,
    session: Session,
    core: Core,
    device: DeviceKey,
    detected: Detected,
    machine: Option<Box<dyn Machine>>,
    chip: FakeChip,
    extranonce1: String,
    /// Parameters of the submits.
    submitted: Vec<Value>,
}

/// A chip that knows its identity and one nonce.
struct FakeChip {
    chip: Chip,
    reads: Codec,
    answers: Codec,
    nonce: [u8; 4],
    heard: Vec<u8>,
    /// What it was told to search.
    jobs: Vec<Job>,
}

impl FakeChip {
    fn new(chip: Chip, nonce: u32) -> Self {
        let generation = chip.facts().generation;
        Self {
            chip,
            reads: Codec::new(generation, Side::Host),
            answers: Codec::new(generation, Side::Host),
            nonce: nonce.to_le_bytes(),
            heard: Vec::new(),
            jobs: Vec::new(),
        }
    }

    /// What it answers to bytes of the host.
    fn hear(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.heard.extend_from_slice(bytes);
        let mut said = Vec::new();
        let more = (self.chip.facts().generation == Generation::V2).then_some(0);
        while !self.heard.is_empty() {
            let Step::Frame { frame, used } = self.reads.decode(&self.heard, true) else {
                panic!("the host wrote {:02x?}", self.heard)
            };
            self.heard.drain(..used);
            match frame {
                Frame::Command(Command::Read { register: Register::CHIP_ID, .. }) => {
                    let identity = Identity { id: self.chip.facts().ids[0], cores: 0, address: 0 };
                    let answer = RegisterAnswer {
                        value: identity.bits(),
                        chip: 0,
                        register: Register::CHIP_ID,
                        extra: more,
                    };
                    self.answers.encode(&Frame::Register(answer), &mut said);
                }
                // Not the works that open cores.
                Frame::Job(job) if !matches!(&job, Job::Midstates(job) if job.nbits == u32::MAX) => {
                    let id = self.chip.id_byte(job.job_byte(), 0);
                    let answer = NonceAnswer { nonce: self.nonce, detail: 0, id, version: more };
                    // Chips repeat results: a host that does not notice submits each.
                    (0..3).for_each(|_| self.answers.encode(&Frame::Nonce(answer), &mut said));
                    self.jobs.push(job);
                }
                _ => {}
            }
        }
        said
    }
}

impl Line {
    fn new(key: &str, captured: &Captured) -> Self {
        let row = model(key).unwrap();
        let detected = Detected {
            location: "serial:./chain".into(),
            socket: None,
            usb: None,
            candidates: vec![row],
            chosen: true,
        };
        let mut core = Core::new(Policy::default(), 1);
        let device = core.attach(Micros(0), &detected);
        let config = PoolConfig::new("pool.example.com:3333", Some("user.rig1"), None).unwrap();
        Self {
            now: Micros(0),
            session: Session::new(POOL, config, 1),
            core,
            device,
            detected,
            machine: None,
            chip: FakeChip::new(Chip::from_name(row.chips.kind).unwrap(), captured.nonce),
            extranonce1: captured.extranonce1.clone(),
            submitted: Vec::new(),
        }
    }

    fn pool_says(&mut self, message: &Value) {
        self.session.on_input(self.now, SessionInput::Bytes(format!("{message}\n").as_bytes()));
    }

    fn pool_hears(&mut self, line: &[u8]) {
        let call: Value = serde_json::from_slice(line).unwrap();
        let result = match call["method"].as_str().unwrap() {
            "mining.configure" => json!({"version-rolling": true, "version-rolling.mask": "1fffe000"}),
            "mining.subscribe" => json!([[["mining.notify", "1"]], self.extranonce1, 4]),
            "mining.submit" => {
                self.submitted.push(call["params"].clone());
                json!(true)
            }
            _ => json!(true),
        };
        self.pool_says(&json!({"id": call["id"], "result": result, "error": null}));
    }

    /// One thing after the other until nothing is left to do now.
    fn settle(&mut self) {
        loop {
            if let Some(action) = self.session.next_action() {
                match action {
                    SessionAction::Connect { .. } => self.session.on_input(self.now, SessionInput::Connected),
                    SessionAction::Send(line) => self.pool_hears(&line),
                    SessionAction::Close => panic!("the session hangs up"),
                    SessionAction::Emit(input) => self.core.on_pool(self.now, POOL, input),
                }
            } else if let Some(effect) = self.core.next_effect() {
                match effect {
                    Effect::Open(_) => {
                        let machine = adit_catalog::start(&self.detected, Settings::default()).unwrap();
                        self.machine.insert(machine).on_input(self.now, Input::LinkUp);
                        self.core.on_report(self.now, self.device, Report::Up);
                    }
                    Effect::Order(_, order) => {
                        self.machine.as_mut().unwrap().on_input(self.now, order.into());
                    }
                    Effect::Submit(_, share) => self.session.on_input(self.now, SessionInput::Submit(share)),
                    Effect::Notice(_) => {}
                }
            } else if let Some(action) = self.machine.as_mut().and_then(|machine| machine.next_action()) {
                self.act(action);
            } else {
                return;
            }
        }
    }

    fn act(&mut self, action: Action) {
        let machine = self.machine.as_mut().unwrap();
        if let Some(token) = action.token() {
            machine.on_input(self.now, Input::Done { token, result: Ok(Reply::Complete) });
        }
        match action {
            Action::Write { bytes, .. } => {
                let said = self.chip.hear(&bytes);
                if !said.is_empty() {
                    machine.on_input(self.now, Input::Bytes { port: Port(0), bytes: &said });
                    machine.on_input(self.now, Input::Quiet { port: Port(0) });
                }
            }
            Action::Emit(Event::Fault(fault)) => panic!("{fault}"),
            Action::Emit(event) => self.core.on_report(self.now, self.device, Report::Event(event)),
            Action::Fail(fault) => panic!("{fault}"),
            _ => {}
        }
    }

    fn run_until_submitted(&mut self, most: Micros) {
        self.settle();
        while self.submitted.is_empty() {
            let machine = self.machine.as_ref().and_then(|machine| machine.deadline());
            let next = machine.into_iter().chain(self.core.deadline()).min().expect("something is due");
            assert!(next < most, "nothing was submitted: {:?}", self.chip.jobs);
            self.now = self.now.max(next);
            self.core.on_timer(self.now);
            self.machine.as_mut().unwrap().on_input(self.now, Input::Timer);
            self.settle();
        }
    }
}

fn replay(key: &str, captured: &Captured) {
    let mut line = Line::new(key, captured);
    line.settle();
    line.pool_says(&json!({"id": null, "method": "mining.set_difficulty", "params": [512]}));
    line.pool_says(&captured.notify);
    line.run_until_submitted(Micros::from_secs(60));

    let what = format!("{key}: {}", captured.name);
    let header = match line.chip.jobs[0] {
        Job::Header(job) => job.header,
        Job::Midstates(job) => {
            assert_eq!(job.midstates[0], captured.header.midstate(), "{what}");
            captured.header
        }
    };
    assert_eq!(header.to_bytes()[..76], captured.header.to_bytes()[..76], "{what}");
    let number = |value: u32| format!("{value:08x}");
    let Value::Array(params) = &line.submitted[0] else { panic!("{what}: {:?}", line.submitted) };
    let id = captured.notify["params"][0].as_str().unwrap();
    let (ntime, nonce) = (number(captured.header.ntime), number(captured.nonce));
    assert_eq!(params[..5], ["user.rig1", id, "00000000", &ntime, &nonce].map(Value::from), "{what}");
    assert_eq!(params[5], number(0), "{what}: no version bit was rolled");
    assert_eq!(line.submitted.len(), 1, "{what}: a repeated answer is a share once");
    let tally = *line.core.device(line.now, line.device).unwrap().tally;
    assert!(tally.verdicts(Verdict::Duplicate) >= 2, "{what}: {tally:?}");
}

const MODELS: [&str; 7] = [
    "bm1387-chain",
    "bm1397-chain",
    "bm1362-chain",
    "bm1366-chain",
    "bm1368-chain",
    "bm1370-chain",
    "bm1372-chain",
];

#[test]
fn the_captured_share_of_difficulty_683_is_submitted_by_every_chip() {
    let captured = captured("complete job with 13 branches", false);
    MODELS.iter().for_each(|key| replay(key, &captured));
}

#[test]
fn real_blocks_are_found_again_by_every_chip() {
    for name in ["block 100000 as a stratum job: extranonce1", "block 413567"] {
        let captured = captured(name, true);
        MODELS.iter().for_each(|key| replay(key, &captured));
    }
}
