//! What hosts do to boards, and what they must get back.

mod control;
mod faults;
mod heat;
mod mining;

use adit_protocol::bitaxe_raw::{Answer, Dialect, ErrorCode, Expected, Firmware, Operation, Reply};
use adit_protocol::bm13xx::{
    Codec, Command, Frame, Generation, HeaderJob, Job, NonceAnswer, Register, RegisterAnswer,
};
use adit_protocol::hex;
use adit_protocol::i2c::pmbus::{self, Linear11};
use adit_protocol::i2c::{Diode, emc2101, tps546};
use adit_protocol::pow::{Hash, Header};
use adit_protocol::wire::{Codec as _, Line, Micros, Port, Side, Step};

use crate::{Build, DeviceFault, DeviceInput, DeviceOutput, SimDevice, Truth, start};

const EASED: f64 = 1.0 / (1 << 30) as f64;
const CONTROL: Port = Port(0);
const DATA: Port = Port(1);

/// A board on the bench: time stands still between calls, and the wires are not in here.
struct Bench {
    device: Box<dyn SimDevice>,
    firmware: Firmware,
    dialect: Dialect,
    now: Micros,
    control: Vec<(Micros, Vec<u8>)>,
    data: Vec<u8>,
    lines: Vec<(Port, Line)>,
    id: u8,
}

impl Bench {
    fn new(model: &str, settings: &[(&str, &str)]) -> Self {
        let pairs = settings.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let build = Build { seed: 1, target_difficulty: Some(EASED), settings: pairs };
        let device = start(adit_protocol::devices::model(model).unwrap(), &build).unwrap();
        let firmware = match model {
            "emberone00" => Firmware::EmberOne,
            "bitcrane3" => Firmware::Bitcrane,
            _ if settings.contains(&("firmware", "fan")) => Firmware::Fan,
            _ => Firmware::Classic,
        };
        let dialect = if settings.contains(&("dialect", "v1")) { Dialect::V1 } else { Dialect::V0 };
        let mut bench = Self {
            device,
            firmware,
            dialect,
            now: Micros(1_000_000),
            control: Vec::new(),
            data: Vec::new(),
            lines: Vec::new(),
            id: 0,
        };
        bench.input(DeviceInput::PowerOn);
        bench
    }

    fn gamma() -> Self {
        Self::new("bitaxe-gamma", &[])
    }

    fn input(&mut self, input: DeviceInput<'_>) {
        self.device.on_input(self.now, input);
        while let Some(output) = self.device.next_output() {
            match output {
                DeviceOutput::Bytes { port: CONTROL, bytes } => self.control.push((self.now, bytes)),
                DeviceOutput::Bytes { bytes, .. } => self.data.extend(bytes),
                DeviceOutput::Line { port, line } => self.lines.push((port, line)),
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    fn pass_micros(&mut self, micros: u64) {
        let until = Micros(self.now.0 + micros);
        while let Some(due) = self.device.deadline().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.input(DeviceInput::Timer);
        }
        self.now = until;
        self.input(DeviceInput::Timer);
    }

    fn pass(&mut self, millis: u64) {
        self.pass_micros(millis * 1_000);
    }

    /// Sends bytes to the control port in one piece.
    fn send(&mut self, text: &str) {
        let bytes = hex::decode(text).unwrap();
        self.input(DeviceInput::Bytes { port: CONTROL, bytes: &bytes });
    }

    /// What the control port has said since the last call, one string per transfer.
    fn heard(&mut self) -> Vec<String> {
        self.control.drain(..).map(|(_, bytes)| hex::encode(&bytes)).collect()
    }

    /// Does `operation` and waits for its answer.
    fn ask(&mut self, operation: &Operation) -> Result<Vec<u8>, ErrorCode> {
        self.id = self.id.wrapping_add(1) % 0xff;
        let request = operation.request(self.firmware, self.id).unwrap();
        let mut bytes = Vec::new();
        let codec = adit_protocol::bitaxe_raw::Codec::new(self.dialect, Side::Device);
        codec.encode(&adit_protocol::bitaxe_raw::Frame::Request(request), &mut bytes);
        self.control.clear();
        self.input(DeviceInput::Bytes { port: CONTROL, bytes: &bytes });
        self.pass(100);
        let heard: Vec<u8> = self.control.drain(..).flat_map(|(_, bytes)| bytes).collect();
        let expected = Expected { id: self.id, len: operation.reply_len() };
        match expected.find(self.dialect, &heard, true) {
            Step::Frame { frame: Answer::Reply(Reply { data, .. }), .. } => Ok(data),
            Step::Frame { frame: Answer::Error(error), .. } => Err(error.code),
            other => panic!("{operation:?}: {other:?} in {heard:02x?}"),
        }
    }

    fn pin(&mut self, pin: u8, high: bool) {
        assert_eq!(self.ask(&Operation::GpioSet { pin, high }), Ok(vec![u8::from(high)]));
    }

    fn write(&mut self, address: u8, bytes: &[u8]) {
        assert_eq!(self.ask(&Operation::write(address, bytes)), Ok(vec![bytes.len() as u8]));
    }

    fn read(&mut self, address: u8, register: u8, count: u8) -> Vec<u8> {
        self.ask(&Operation::read_register(address, register, count)).unwrap()
    }

    fn tps_word(&mut self, command: u8) -> u16 {
        let bytes = self.read(tps546::ADDRESS, command, 2);
        u16::from_le_bytes([bytes[0], bytes[1]])
    }

    fn tps_linear(&mut self, command: u8) -> f64 {
        Linear11(self.tps_word(command)).value()
    }

    /// What the chip's diode shows through an EMC2101.
    fn diode(&mut self) -> Diode {
        let high = self.read(emc2101::ADDRESS, emc2101::EXTERNAL_HIGH, 1)[0];
        let low = self.read(emc2101::ADDRESS, emc2101::EXTERNAL_LOW, 1)[0];
        Diode::from_registers([high, low])
    }

    /// Brings a board with an EMC2101 and a TPS546 to its core voltage, the fan at `setting`, the chips out of reset.
    fn power_chips(&mut self, volts: f64, setting: u8) {
        self.write(emc2101::ADDRESS, &[emc2101::CONFIGURATION, emc2101::TACH_INPUT]);
        self.write(emc2101::ADDRESS, &[emc2101::FAN_SETTING, setting]);
        let [low, high] = tps546::DEFAULT_VOUT_MODE.nearest(volts).to_le_bytes();
        self.write(tps546::ADDRESS, &[pmbus::VOUT_COMMAND, low, high]);
        self.write(tps546::ADDRESS, &[pmbus::OPERATION, pmbus::ON]);
        self.pin(0, true);
    }

    fn chips(&mut self, frame: &Frame) {
        self.chips_at(DATA, frame);
    }

    fn chips_at(&mut self, port: Port, frame: &Frame) {
        let bytes = Codec::new(Generation::V2, Side::Device).encoded(frame);
        self.input(DeviceInput::Bytes { port, bytes: &bytes });
    }

    fn write_chips(&mut self, register: u8, value: u32) {
        self.chips(&Frame::Command(Command::write_all(Register(register), value)));
    }

    /// Lets the chips of a BM1370 board hash at a PLL word.
    fn mine(&mut self, pll: u32) {
        for (register, value) in [
            (0xa4, 0x9000_ffff),
            (0x18, 0xf000_c100),
            (0x3c, 0x8000_82aa),
            (0x10, 0x0000_1eb5),
            (0x08, pll),
            (0x14, 0x0000_00ff),
        ] {
            self.write_chips(register, value);
        }
        self.chips(&header_job(0x18, 1));
    }

    /// Frames that the chips have sent since the last call.
    fn frames(&mut self) -> Vec<Frame> {
        let mut codec = Codec::new(Generation::V2, Side::Device);
        let (bytes, mut frames) = (std::mem::take(&mut self.data), Vec::new());
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let used = match codec.decode(rest, true) {
                Step::Frame { frame, used } => {
                    frames.push(frame);
                    used
                }
                Step::Skip { used, .. } => used,
                Step::NeedMore => panic!("waits for more after silence"),
            };
            rest = &rest[used..];
        }
        frames
    }

    fn nonces(&mut self) -> Vec<NonceAnswer> {
        let nonces = self.frames().into_iter().filter_map(|frame| match frame {
            Frame::Nonce(nonce) => Some(nonce),
            _ => None,
        });
        nonces.collect()
    }

    /// How many chips say who they are.
    fn count_chips(&mut self) -> Vec<RegisterAnswer> {
        self.data.clear();
        self.chips(&Frame::Command(Command::read_all(Register::CHIP_ID)));
        self.pass(10);
        let answers = self.frames().into_iter().filter_map(|frame| match frame {
            Frame::Register(answer) => Some(answer),
            _ => None,
        });
        answers.collect()
    }

    fn fault(&mut self, fault: DeviceFault) {
        self.input(DeviceInput::Fault(fault));
    }

    fn truth(&self) -> Truth {
        self.device.truth()
    }

    fn celsius(&self) -> f64 {
        self.truth().temperature_celsius.unwrap()
    }
}

const MHZ_525: u32 = 0x50d2_0240;

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
