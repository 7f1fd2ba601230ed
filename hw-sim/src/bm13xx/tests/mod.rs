//! What hosts do to chips, and what they must get back. Frames are written as they travel.

mod faults;
mod registers;
mod searching;

use adit_protocol::bm13xx::{
    Codec, Command, Frame, Generation, HeaderJob, Job, NonceAnswer, Register, RegisterAnswer,
};
use adit_protocol::hex;
use adit_protocol::pow::{Hash, Header};
use adit_protocol::wire::{Codec as _, Line, Micros, Port, Side, Step};

use super::{BareChain, Chain, kind};
use crate::engine::Easing;
use crate::{DeviceFault, DeviceInput, DeviceOutput, SimDevice, Truth};

const EASED: f64 = 1.0 / (1 << 28) as f64;

/// A chain on the bench: time stands still between calls, and the wire is not in here.
struct Bench {
    device: BareChain,
    generation: Generation,
    now: Micros,
    heard: Vec<(Micros, Vec<u8>)>,
    lines: Vec<Line>,
}

impl Bench {
    fn new(chip: &str, count: usize) -> Self {
        Self::of(chip, count, Some(EASED))
    }

    fn of(chip: &str, count: usize, difficulty: Option<f64>) -> Self {
        let kind = kind(chip).unwrap();
        let chain = Chain::new(kind, count, Easing::new(difficulty).unwrap(), 1);
        let device = BareChain::new(chain, 1);
        let (heard, lines) = (Vec::new(), Vec::new());
        let mut bench = Self { device, generation: kind.generation, now: Micros(1_000_000), heard, lines };
        bench.input(DeviceInput::PowerOn);
        bench
    }

    fn input(&mut self, input: DeviceInput<'_>) {
        self.device.on_input(self.now, input);
        while let Some(output) = self.device.next_output() {
            match output {
                DeviceOutput::Bytes { port: Port(0), bytes } => self.heard.push((self.now, bytes)),
                DeviceOutput::Line { port: Port(0), line } => self.lines.push(line),
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// Sends hex digits in one piece.
    fn send(&mut self, text: &str) {
        let bytes = hex::decode(text).unwrap();
        self.input(DeviceInput::Bytes { port: Port(0), bytes: &bytes });
    }

    fn send_frame(&mut self, frame: &Frame) {
        let bytes = Codec::new(self.generation, Side::Device).encoded(frame);
        self.input(DeviceInput::Bytes { port: Port(0), bytes: &bytes });
    }

    fn write(&mut self, register: u8, value: u32) {
        self.send_frame(&Frame::Command(Command::write_all(Register(register), value)));
    }

    fn write_one(&mut self, chip: u8, register: u8, value: u32) {
        self.send_frame(&Frame::Command(Command::write(chip, Register(register), value)));
    }

    /// What all chips hold in a register, nearest first.
    fn read(&mut self, register: u8) -> Vec<RegisterAnswer> {
        self.heard.clear();
        self.send_frame(&Frame::Command(Command::read_all(Register(register))));
        let frames = self.frames().into_iter().map(|(_, frame)| frame);
        let answers = frames.filter_map(|frame| match frame {
            Frame::Register(answer) => Some(answer),
            _ => None,
        });
        answers.collect()
    }

    fn fault(&mut self, fault: DeviceFault) {
        self.input(DeviceInput::Fault(fault));
    }

    fn pass(&mut self, millis: u64) {
        let until = Micros(self.now.0 + millis * 1_000);
        while let Some(due) = self.device.deadline().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.input(DeviceInput::Timer);
        }
        self.now = until;
        self.input(DeviceInput::Timer);
    }

    /// What was said since the last call, one string per piece.
    fn heard(&mut self) -> Vec<String> {
        self.heard.drain(..).map(|(_, bytes)| hex::encode(&bytes)).collect()
    }

    /// The same as frames.
    fn frames(&mut self) -> Vec<(Micros, Frame)> {
        let mut codec = Codec::new(self.generation, Side::Device);
        let frames = self.heard.drain(..).map(|(at, bytes)| match codec.decode(&bytes, true) {
            Step::Frame { frame, used } if used == bytes.len() => (at, frame),
            other => panic!("{other:?}: {bytes:02x?}"),
        });
        frames.collect()
    }

    fn nonces(&mut self) -> Vec<(Micros, NonceAnswer)> {
        let frames = self.frames().into_iter();
        let nonces = frames.filter_map(|(at, frame)| match frame {
            Frame::Nonce(nonce) => Some((at, nonce)),
            _ => None,
        });
        nonces.collect()
    }

    /// Enumerates, gives addresses at `stride`, sets PLL, ticket mask and sweep, and lets all cores report.
    fn bring_up(&mut self, stride: u8, pll: u32, ticket: u32, sweep: u32) {
        let chips = self.device.chain.len();
        if self.generation == Generation::V2 {
            self.write(0xa4, 0x9000_ffff);
            self.write(0x18, 0xf000_c100);
        }
        self.send_frame(&Frame::Command(Command::Inactive));
        for index in 0..chips {
            self.send_frame(&Frame::Command(Command::SetAddress(index as u8 * stride)));
        }
        if self.generation == Generation::V2 {
            self.write(0x3c, 0x8000_82aa);
            self.write(0x10, sweep);
        }
        let (pll_register, ticket_register) =
            if self.generation == Generation::V0 { (0x0c, 0x18) } else { (0x08, 0x14) };
        self.write(pll_register, pll);
        self.write(ticket_register, ticket);
        self.heard.clear();
    }

    fn truth(&self) -> Truth {
        self.device.truth()
    }
}

/// A header that nobody has solved before.
fn header(number: u32) -> Header {
    Header {
        version: 0x2000_0000,
        prev_hash: Hash([0x5a; 32]),
        merkle_root: Hash([number as u8; 32]),
        ntime: 0x6600_0000 + number,
        nbits: 0x1702_5049,
        nonce: 0,
    }
}

fn header_job(job_byte: u8, number: u32) -> Frame {
    Frame::Job(Job::Header(HeaderJob::new(job_byte, header(number))))
}
