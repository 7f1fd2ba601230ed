//! Whatever happens to a machine: it never panics, never acts without end, keeps its promises about room and numbers.

use adit_driver::words::work;
use adit_driver::{
    Action, Command, Detected, Event, Input, LinkError, Machine, Nonce, Reply, Ruling, Settings, Verdict,
    VersionWindow,
};
use adit_driver_bm13xx::DRIVER;
use adit_protocol::bm13xx::{
    Chip, Codec, Frame, Generation, Identity, NonceAnswer, Register, RegisterAnswer,
};
use adit_protocol::devices::model;
use adit_protocol::hex;
use adit_protocol::pow::{Header, VersionMask};
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Codec as _, Micros, Port, Side};
use proptest::prelude::*;

const KEYS: [&str; 7] = [
    "bm1387-chain",
    "bm1397-chain",
    "bm1362-chain",
    "bm1366-chain",
    "bm1368-chain",
    "bm1370-chain",
    "bm1372-chain",
];

#[derive(Clone, Debug)]
enum Happening {
    Bytes(Vec<u8>),
    /// Every chip says who it is, with addresses at this distance.
    Identities {
        stride: u8,
    },
    Register {
        chip: u8,
        register: u8,
        value: u32,
    },
    Nonce {
        nonce: [u8; 4],
        id: u8,
        version: u16,
    },
    Quiet,
    Work(u64),
    Job,
    Ruling {
        seq: u64,
        verdict: usize,
    },
    Clock(f64),
    Wait(u64),
    Timer,
    Refuse,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        2 => proptest::collection::vec(any::<u8>(), 1..60).prop_map(Happening::Bytes),
        6 => prop_oneof![Just(0_u8), Just(64), Just(16), any::<u8>()].prop_map(|stride| Happening::Identities { stride }),
        3 => (any::<u8>(), prop_oneof![Just(0x08_u8), Just(0x8c), Just(0x88), any::<u8>()], any::<u32>())
            .prop_map(|(chip, register, value)| Happening::Register { chip, register, value }),
        4 => (any::<[u8; 4]>(), any::<u8>(), any::<u16>())
            .prop_map(|(nonce, id, version)| Happening::Nonce { nonce, id, version }),
        2 => Just(Happening::Quiet),
        4 => any::<u64>().prop_map(Happening::Work),
        1 => Just(Happening::Job),
        3 => (0_u64..40, 0_usize..7).prop_map(|(seq, verdict)| Happening::Ruling { seq, verdict }),
        1 => (0.0_f64..2_000.0).prop_map(Happening::Clock),
        6 => (1_u64..20_000_000).prop_map(Happening::Wait),
        4 => Just(Happening::Timer),
        1 => Just(Happening::Refuse),
    ]
}

struct Bench {
    machine: Box<dyn Machine>,
    now: Micros,
    chip: Chip,
    refuse: bool,
    works: u64,
    nonces: u64,
    last: Option<Nonce>,
    over: bool,
}

impl Bench {
    fn new(key: &str, chips: &str) -> Self {
        let row = model(key).unwrap();
        let detected = Detected {
            location: "serial:./chain".into(),
            socket: None,
            usb: None,
            candidates: vec![row],
            chosen: true,
        };
        let mut settings = Settings::default();
        settings.set("chips", chips);
        settings.set("ramp-step", "1");
        Self {
            machine: (DRIVER.start)(&detected, settings).unwrap(),
            now: Micros(0),
            chip: Chip::from_name(row.chips.kind).unwrap(),
            refuse: false,
            works: 0,
            nonces: 0,
            last: None,
            over: false,
        }
    }

    fn act(&mut self) {
        for _ in 0..20_000 {
            let Some(action) = self.machine.next_action() else { return };
            assert!(!self.over, "after the end: {action:?}");
            if let Some(token) = action.token() {
                let result = if self.refuse { Err(LinkError::Unsupported) } else { Ok(Reply::Complete) };
                self.machine.on_input(self.now, Input::Done { token, result });
            }
            match action {
                Action::Emit(Event::Room { received, .. }) => assert_eq!(received, self.works),
                Action::Emit(Event::Nonce(nonce)) => {
                    assert_eq!(nonce.seq, self.nonces, "nonces are numbered without a gap");
                    self.nonces += 1;
                    self.last = Some(nonce);
                }
                Action::Fail(_) => self.over = true,
                _ => {}
            }
        }
        panic!("the machine never stops acting");
    }

    fn input(&mut self, input: Input<'_>) {
        self.machine.on_input(self.now, input);
        self.act();
    }

    fn says(&mut self, frames: &[Frame]) {
        let mut bytes = Vec::new();
        let codec = Codec::new(self.chip.facts().generation, Side::Host);
        frames.iter().for_each(|frame| codec.encode(frame, &mut bytes));
        self.input(Input::Bytes { port: Port(0), bytes: &bytes });
    }

    /// Lets time pass as a runner does: the machine is woken when it wants to be.
    fn wait(&mut self, until: Micros) {
        for _ in 0..50_000 {
            match self.machine.deadline().filter(|deadline| *deadline <= until) {
                None => {
                    self.now = until;
                    return;
                }
                Some(deadline) => {
                    self.now = self.now.max(deadline);
                    self.input(Input::Timer);
                }
            }
        }
        panic!("the machine never rests");
    }

    fn happen(&mut self, happening: &Happening, chips: u8) {
        let more = (self.chip.facts().generation == Generation::V2).then_some(0);
        match happening {
            Happening::Bytes(bytes) => self.input(Input::Bytes { port: Port(0), bytes }),
            Happening::Identities { stride } => {
                let answers: Vec<Frame> = (0..chips)
                    .map(|index| {
                        let address = index.wrapping_mul(*stride);
                        let value = Identity { id: self.chip.facts().ids[0], cores: 0, address }.bits();
                        Frame::Register(RegisterAnswer {
                            value,
                            chip: address,
                            register: Register::CHIP_ID,
                            extra: more,
                        })
                    })
                    .collect();
                self.says(&answers);
            }
            Happening::Register { chip, register, value } => self.says(&[Frame::Register(RegisterAnswer {
                value: *value,
                chip: *chip,
                register: Register(*register),
                extra: more,
            })]),
            Happening::Nonce { nonce, id, version } => self.says(&[Frame::Nonce(NonceAnswer {
                nonce: *nonce,
                detail: 0,
                id: *id,
                version: more.map(|_| *version),
            })]),
            Happening::Quiet => self.input(Input::Quiet { port: Port(0) }),
            Happening::Work(id) => {
                self.works += 1;
                self.input(Input::Work(work(*id, Header::from_bytes(&[7; 80]))));
            }
            Happening::Job => self.input(Input::JobChanged { clean: true }),
            Happening::Ruling { seq, verdict } => self.input(Input::Ruling(Ruling {
                seq: *seq,
                claim: None,
                verdict: Verdict::ALL[*verdict],
                difficulty: 1.0,
            })),
            Happening::Clock(mhz) => self.input(Input::Command(Command::Frequency(Hertz::from_mhz(*mhz)))),
            Happening::Wait(span) => self.wait(Micros(self.now.0 + span)),
            Happening::Timer => self.input(Input::Timer),
            Happening::Refuse => self.refuse = !self.refuse,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_happens_breaks_it(
        which in 0_usize..7, chips in 1_u8..5, happenings in proptest::collection::vec(happening(), 0..80),
    ) {
        let mut bench = Bench::new(KEYS[which], &chips.to_string());
        bench.input(Input::LinkUp);
        for happening in &happenings {
            bench.happen(happening, chips);
            if bench.over {
                return Ok(());
            }
        }
        bench.input(Input::Stop { by: Micros(bench.now.0 + 1_000_000) });
        prop_assert_eq!(bench.machine.deadline(), None, "a stopped machine wants nothing");
    }
}

/// A nonce with a rolled version, found by a host and a pool that check it (vector `run-rolled-1370`): the claim is the header
/// that was hashed.
#[test]
fn a_recorded_nonce_with_a_rolled_version_becomes_the_header_that_was_hashed() {
    let text = include_str!("../../../../protocol/vectors/bm13xx.json");
    let file: serde_json::Value = serde_json::from_str(text).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    let vector = vectors.iter().find(|vector| vector["id"] == "run-rolled-1370").unwrap();
    let expected = &vector["expected"];
    let hashed = Header::from_bytes(&hex::decode_array(expected["header"].as_str().unwrap()).unwrap());
    let counter = u16::from_str_radix(expected["version_counter"].as_str().unwrap(), 16).unwrap();

    let mut bench = Bench::new("bm1370-chain", "1");
    bench.input(Input::LinkUp);
    for _ in 0..12 {
        bench.happen(&Happening::Identities { stride: 0 }, 1);
        bench.wait(Micros(bench.now.0 + 250_000));
    }
    let mut given = work(1, Header { version: 0x2000_0000, nonce: 0, ..hashed });
    given.space.version = VersionWindow { base: 0x2000_0000, mask: VersionMask::BIP320 };
    bench.works += 1;
    bench.input(Input::Work(given));
    let id = Chip::Bm1370.id_byte(Chip::Bm1370.job_byte(0, 1), 3);
    bench.happen(&Happening::Nonce { nonce: hashed.nonce.to_le_bytes(), id, version: counter }, 1);
    let claim = bench.last.unwrap().claims[0];
    let claimed = Header { version: claim.version, nonce: claim.nonce, ntime: claim.ntime, ..hashed };
    assert_eq!(claimed.hash().to_string(), expected["hash_display"].as_str().unwrap());
    assert_eq!(claimed, hashed);
}
