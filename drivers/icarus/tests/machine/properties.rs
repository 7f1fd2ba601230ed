//! Machines against anything that may happen, in any order.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use adit_driver::words::work;
use adit_driver::{
    Action, Command, Detected, Event, Input, LinkError, Machine, Reply, Ruling, Settings, Verdict,
};
use adit_driver_icarus::DRIVER;
use adit_protocol::devices::{Model, models};
use adit_protocol::icarus::golden;
use adit_protocol::pow::{Hash, Header};
use adit_protocol::units::{Hertz, Volts};
use adit_protocol::wire::{Micros, Port};
use proptest::prelude::*;

/// Something that happens to a machine. Bytes are drawn so that bring-up is often passed.
#[derive(Clone, Debug)]
enum Happening {
    Noise(Vec<u8>),
    /// What a healthy device of the model would say next.
    Answer,
    Quiet,
    Pass(u32),
    Wake,
    Work,
    JobChanged(bool),
    Ruling(u8, u8),
    Identify,
    Frequency(u16),
    Voltage(u16),
    LinkFault,
    Stop,
    Down,
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    prop_oneof![
        3 => proptest::collection::vec(any::<u8>(), 1..20).prop_map(Noise),
        8 => Just(Answer),
        8 => Just(Quiet),
        4 => (0_u32..3_000_000).prop_map(Pass),
        8 => Just(Wake),
        8 => Just(Work),
        3 => any::<bool>().prop_map(JobChanged),
        4 => any::<(u8, u8)>().prop_map(|(seq, verdict)| Ruling(seq, verdict)),
        1 => Just(Identify),
        1 => (50_u16..650).prop_map(Frequency),
        1 => (700_u16..900).prop_map(Voltage),
        1 => Just(LinkFault),
        1 => Just(Stop),
        1 => Just(Down),
    ]
}

/// The machine and what is known of its talk with the controller.
struct Bench {
    machine: Box<dyn Machine>,
    model: &'static Model,
    now: Micros,
    given: u64,
    /// Works in the machine's hands that it has not written.
    room: u64,
    ready: bool,
    over: bool,
    nonces: u64,
    writes: VecDeque<Vec<u8>>,
}

impl Bench {
    fn new(model: &'static Model, chosen: bool) -> Self {
        let candidates = if chosen { vec![model] } else { models().collect() };
        let detected = Detected {
            location: "serial:./any".into(),
            socket: None,
            usb: None,
            candidates: candidates.into_iter().filter(|model| model.driver == DRIVER.name).collect(),
            chosen,
        };
        let mut settings = Settings::default();
        settings.set("target-difficulty", "1e-6");
        let machine = (DRIVER.start)(&detected, settings).unwrap_or_else(|error| panic!("{error}"));
        let writes = VecDeque::new();
        let now = Micros(0);
        Self { machine, model, now, given: 0, room: 0, ready: false, over: false, nonces: 0, writes }
    }

    /// Tells the machine, takes all actions and holds them against the contract.
    fn tell(&mut self, input: Input<'_>) {
        self.machine.on_input(self.now, input);
        let mut actions = 0;
        while let Some(action) = self.machine.next_action() {
            actions += 1;
            assert!(actions < 1_000, "an endless loop of actions");
            assert!(!self.over, "{action:?} after the end");
            if let Some(token) = action.token() {
                self.machine.on_input(self.now, Input::Done { token, result: Ok(Reply::Complete) });
            }
            match action {
                Action::Fail(_) => self.over = true,
                Action::Emit(event) => self.heard(event),
                Action::Write { port, bytes } => {
                    assert_eq!(port, Port(0));
                    assert!(!bytes.is_empty());
                    self.writes.push_back(bytes);
                    if self.writes.len() > 4 {
                        self.writes.pop_front();
                    }
                }
                _ => {}
            }
        }
        if self.over {
            assert_eq!(self.machine.deadline(), None, "nothing to wait for at the end");
        }
    }

    fn heard(&mut self, event: Event) {
        match event {
            Event::Ready(capability) => {
                self.ready = true;
                self.room = u64::from(capability.room);
                assert!(capability.room > 0 && capability.nominal.0 > 0.0 && capability.eased);
            }
            Event::Room { received, free } => {
                assert_eq!(received, self.given);
                assert!(u64::from(free) <= self.room, "{free} of {}", self.room);
            }
            Event::Nonce(nonce) => {
                assert_eq!(nonce.seq, self.nonces);
                self.nonces += 1;
                let works: BTreeSet<u64> = nonce.claims.iter().map(|claim| claim.work.0).collect();
                assert!(!works.is_empty() && works.iter().all(|work| *work < self.given), "{works:?}");
            }
            Event::Stopped => self.over = true,
            _ => {}
        }
    }

    /// A correct answer to what was written last.
    fn answer(&self) -> Vec<u8> {
        let wide = self.model.chips.kind.starts_with("BM138");
        let parts = if self.model.key == "antminer-u3" { 4 } else { self.model.chips.count };
        let first = match self.writes.back() {
            Some(job) if job.starts_with(&golden::DIVISION_PROBE.job().to_icarus_bytes()[..32]) => {
                match parts {
                    1 => 0x04c0_fdb4_u32,
                    2 => 0x8254_0e46,
                    _ => 0x417c_0f36,
                }
            }
            Some(job) => golden::KNOWN_JOBS
                .iter()
                .find(|known| {
                    job.starts_with(&known.job().to_icarus_bytes()[..32]) && known.counters.len() < 3
                })
                .map_or(0x0001_87a2, |known| known.counters[0]),
            None => 0x0001_87a2,
        };
        let mut bytes = first.to_be_bytes().to_vec();
        match self.model.key {
            "rbox" => bytes.extend([0, 0, 0, 40]),
            "rockminer-t1" => bytes.extend([0, 0x40, 0, 40]),
            _ if wide => bytes.push(0x80),
            _ => {}
        }
        bytes
    }

    fn happen(&mut self, happening: &Happening) {
        match happening {
            Happening::Noise(bytes) => self.tell(Input::Bytes { port: Port(0), bytes }),
            Happening::Answer => {
                let bytes = self.answer();
                self.tell(Input::Bytes { port: Port(0), bytes: &bytes });
            }
            Happening::Quiet => {
                self.now = self.now + Duration::from_millis(20);
                self.tell(Input::Quiet { port: Port(0) });
            }
            Happening::Pass(us) => {
                self.now = self.now + Duration::from_micros(u64::from(*us));
                self.tell(Input::Timer);
            }
            Happening::Wake => self.wake(),
            Happening::Work => {
                let header = Header {
                    version: 0x2000_0000,
                    prev_hash: Hash([1; 32]),
                    merkle_root: Hash([self.given as u8; 32]),
                    ntime: 1_700_000_000 + self.given as u32,
                    nbits: 0x1705_ae3a,
                    nonce: 0,
                };
                let work = work(self.given, header);
                self.given += 1;
                self.tell(Input::Work(work));
            }
            Happening::JobChanged(clean) => self.tell(Input::JobChanged { clean: *clean }),
            Happening::Ruling(back, verdict) => {
                let verdict = Verdict::ALL[usize::from(*verdict) % Verdict::ALL.len()];
                let seq = self.nonces.saturating_sub(u64::from(*back % 8));
                let claim = verdict.is_valid().then_some(*back % 20);
                self.tell(Input::Ruling(Ruling { seq, claim, verdict, difficulty: 1.0 }));
            }
            Happening::Identify => self.tell(Input::Command(Command::Identify)),
            Happening::Frequency(mhz) => {
                self.tell(Input::Command(Command::Frequency(Hertz::from_mhz(f64::from(*mhz)))));
            }
            Happening::Voltage(millivolts) => {
                self.tell(Input::Command(Command::Voltage(Volts(f64::from(*millivolts) / 1e3))));
            }
            Happening::LinkFault => {
                let token = adit_driver::Token(7);
                self.tell(Input::Done { token, result: Err(LinkError::Timeout) });
            }
            Happening::Stop => {
                self.tell(Input::Stop { by: self.now });
                assert!(self.over, "told to stop, it stops");
            }
            Happening::Down => {
                self.tell(Input::LinkDown { why: LinkError::Gone });
                assert!(self.over, "without a link there is nothing to do");
            }
        }
    }

    /// Sleeps until the machine wants to be woken. It must not want that for ever without time passing.
    fn wake(&mut self) {
        for _ in 0..100 {
            let Some(deadline) = self.machine.deadline() else { return };
            let moved = deadline > self.now;
            self.now = self.now.max(deadline);
            self.tell(Input::Timer);
            if moved {
                return;
            }
        }
        panic!("the machine polls");
    }
}

fn any_model() -> impl Strategy<Value = &'static Model> {
    let mine: Vec<&'static Model> = models().filter(|model| model.driver == DRIVER.name).collect();
    (0..mine.len()).prop_map(move |index| mine[index])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_happens_breaks_a_machine(
        model in any_model(),
        chosen in any::<bool>(),
        happenings in proptest::collection::vec(happening(), 1..200),
    ) {
        let mut bench = Bench::new(model, chosen);
        bench.tell(Input::LinkUp);
        for happening in &happenings {
            bench.happen(happening);
        }
    }

    #[test]
    fn a_device_that_is_identified_survives_noise_between_its_answers(
        model in any_model(),
        happenings in proptest::collection::vec(happening(), 1..200),
    ) {
        let mut bench = at_work(model);
        for happening in &happenings {
            bench.happen(happening);
        }
    }
}

/// A machine whose device answered everything it was asked.
fn at_work(model: &'static Model) -> Bench {
    let mut bench = Bench::new(model, true);
    bench.tell(Input::LinkUp);
    for _ in 0..100 {
        if bench.ready {
            return bench;
        }
        let asked = bench.writes.len();
        bench.wake();
        let silent = bench.writes.back().is_some_and(|last| last.len() == 128 || last.len() == 4);
        if bench.writes.len() > asked || bench.writes.len() == 4 && !silent {
            bench.happen(&Happening::Answer);
            bench.happen(&Happening::Quiet);
        }
    }
    panic!("{} is not brought up", model.key);
}

#[test]
fn every_model_is_brought_up_by_correct_answers() {
    for model in models().filter(|model| model.driver == DRIVER.name) {
        assert!(at_work(model).ready, "{}", model.key);
    }
}
