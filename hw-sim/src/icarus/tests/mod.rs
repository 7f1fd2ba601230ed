//! What other miners do to these devices, and what they must get back. Times are the device's own: the wire is not in here.

mod bm138x;
mod erupter;
mod faults;
mod fpga;
mod garbage;
mod rbox;

use adit_protocol::hex;
use adit_protocol::icarus::{Job, golden};
use adit_protocol::pow::{Midstate, Target};
use adit_protocol::wire::{Micros, Port};

use crate::{Build, BuildError, DeviceFault, DeviceInput, DeviceOutput, SimDevice, Truth, start};

const EASED: f64 = 1.0 / (1 << 24) as f64;

/// The 64 bytes of block 171874 and of the division probe, in the layout of the Icarus.
const GOLDEN: &str = "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a000000000000000000000000000000000000000087320b1a1426674f2fa722ce";
const DIVISION: &str = "2e4c8f91fd595d2d7ea20aaacb64a2a04382860277cf26b6a1ee04c56a5b504a00000000000000000000000000000000000000006461011ac906a951fb9b3c73";
const RBOX_GOLDEN: &str = "4a548fe471fa3a9a1371144556c3f64d2500b4826008fe4bbf7698c94eba794600000000000000000000000000000000aa1a0055ce22a72f4f6726141a0b3287";

/// A device on the bench: time stands still between calls.
struct Bench {
    device: Box<dyn SimDevice>,
    now: Micros,
    heard: Vec<(Micros, String)>,
}

impl Bench {
    fn new(model: &str, settings: &[(&str, &str)]) -> Self {
        Self::seeded(model, settings, 1)
    }

    fn seeded(model: &str, settings: &[(&str, &str)], seed: u64) -> Self {
        let settings = settings.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let build = Build { seed, target_difficulty: Some(EASED), settings };
        let device = start(adit_protocol::devices::model(model).unwrap(), &build).unwrap();
        let mut bench = Self { device, now: Micros(1_000_000), heard: Vec::new() };
        bench.input(DeviceInput::PowerOn);
        bench
    }

    fn input(&mut self, input: DeviceInput<'_>) {
        self.device.on_input(self.now, input);
        while let Some(output) = self.device.next_output() {
            let DeviceOutput::Bytes { port: Port(0), bytes } = output else {
                panic!("unexpected {output:?}")
            };
            self.heard.push((self.now, hex::encode(&bytes)));
        }
    }

    /// Sends hex digits in one piece.
    fn send(&mut self, text: &str) {
        self.send_bytes(&hex::decode(text).unwrap());
    }

    fn send_bytes(&mut self, bytes: &[u8]) {
        self.input(DeviceInput::Bytes { port: Port(0), bytes });
    }

    fn fault(&mut self, fault: DeviceFault) {
        self.input(DeviceInput::Fault(fault));
    }

    /// Lets time pass.
    fn pass_micros(&mut self, micros: u64) {
        let until = Micros(self.now.0 + micros);
        while let Some(due) = self.device.deadline().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.input(DeviceInput::Timer);
        }
        self.now = until;
    }

    fn pass(&mut self, millis: u64) {
        self.pass_micros(millis * 1_000);
    }

    /// What was heard since the last call, one string per piece.
    fn heard(&mut self) -> Vec<String> {
        self.heard.drain(..).map(|(_, text)| text).collect()
    }

    /// What is heard within `millis` milliseconds.
    fn answers(&mut self, millis: u64) -> Vec<String> {
        self.pass(millis);
        self.heard()
    }

    /// Microseconds until the next answer within ten minutes, and the answer.
    fn next_answer(&mut self) -> (u64, String) {
        assert!(self.heard.is_empty(), "heard already: {:?}", self.heard);
        let from = self.now;
        while self.heard.is_empty() {
            let due = self.device.deadline().expect("something is about to happen");
            assert!(due.0 < from.0 + 600_000_000, "nothing in ten minutes");
            self.pass_micros(due.0.saturating_sub(self.now.0));
        }
        let (at, text) = self.heard.remove(0);
        (at.0 - from.0, text)
    }

    fn truth(&self) -> Truth {
        self.device.truth()
    }
}

/// A job that nobody has solved before.
fn job(number: u32) -> Job {
    let mut first = [0x5a; 64];
    first[..4].copy_from_slice(&number.to_be_bytes());
    Job { midstate: Midstate::new(&first), tail: *b"tail of jobs", filler: [0; 20] }
}

/// Whether the counter in the first four bytes of an answer solves `job` at the eased difficulty.
fn solves(job: &Job, answer: &str) -> bool {
    let counter = u32::from_str_radix(&answer[..8], 16).unwrap();
    Target::from_difficulty(EASED).unwrap().is_met_by(&job.hash(counter.swap_bytes()))
}

#[test]
fn the_texts_of_these_tests_are_the_known_jobs() {
    assert_eq!(GOLDEN, hex::encode(&golden::BLOCK_171874.job().to_icarus_bytes()));
    assert_eq!(DIVISION, hex::encode(&golden::DIVISION_PROBE.job().to_icarus_bytes()));
    assert_eq!(RBOX_GOLDEN, hex::encode(&golden::BLOCK_171874.job().for_rbox(26, 0).to_rbox_bytes()));
}

#[test]
fn every_model_of_the_family_has_a_twin() {
    let family = adit_protocol::devices::models().filter(|model| model.driver == "icarus");
    for model in family {
        assert!(start(model, &Build::default()).is_ok(), "{}", model.key);
    }
}

#[test]
fn a_setting_that_does_not_exist_or_does_not_fit_is_refused_in_a_clear_sentence() {
    let refused = |model: &str, key: &str, value: &str| {
        let build = Build { settings: vec![(key.into(), value.into())], ..Build::default() };
        start(adit_protocol::devices::model(model).unwrap(), &build).err().unwrap().to_string()
    };
    assert_eq!(
        refused("block-erupter", "chips", "2"),
        "a simulated block-erupter has no setting \"chips\"; it has none"
    );
    assert_eq!(
        refused("icarus", "colour", "red"),
        "a simulated icarus has no setting \"colour\"; it has chips (1, 2, 4 or 8), \
         bitstream (v3 (an FPGA stops after a nonce) or v4 (it goes on))"
    );
    assert_eq!(refused("icarus", "chips", "3"), "setting chips is 1, 2, 4 or 8, not \"3\"");
    for difficulty in [0.0, -1.0, 2.0, f64::NAN, 1e-12] {
        let build = Build { target_difficulty: Some(difficulty), ..Build::default() };
        let refused = start(adit_protocol::devices::model("icarus").unwrap(), &build).err();
        assert!(matches!(refused, Some(BuildError::BadDifficulty { .. })), "{difficulty}");
    }
}
