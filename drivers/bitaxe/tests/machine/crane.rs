//! A machine of three hash boards against a controller of few words: what is powered when, and what is not.

use std::collections::BTreeMap;
use std::time::Duration;

use adit_driver::{
    Action, Command, Detected, Event, Fault, Input, Machine, NoData, Quantity, Reply, Settings,
};
use adit_driver_bitaxe::DRIVER;
use adit_protocol::bitaxe_raw::{Firmware, Operation, Request};
use adit_protocol::bm13xx::{Answers, Codec, Command as Word, Frame, Generation, Register, RegisterAnswer};
use adit_protocol::devices::model;
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Codec as _, Micros, Port, Side, Step};

const CONTROL: Port = Port(0);
const SUPPLY: u8 = 0x50;

/// A controller, and hash boards with two chips that say who they are and remember what is written to them.
struct Bench {
    machine: Box<dyn Machine>,
    now: Micros,
    pins: BTreeMap<u8, bool>,
    /// Every pin that was driven, in order.
    driven: Vec<(u8, bool)>,
    speeds: [u8; 4],
    /// A fan that stands still.
    still: Option<u8>,
    /// Hash boards that are there.
    there: Vec<u8>,
    /// Of each hash board: addresses of its chips as far as they have any, and their registers.
    chains: [Chain; 3],
    said: Vec<Event>,
    failed: Option<Fault>,
}

#[derive(Default)]
struct Chain {
    addresses: Vec<u8>,
    registers: BTreeMap<u8, u32>,
    hears: Vec<u8>,
}

impl Bench {
    fn new(settings: &[(&str, &str)]) -> Self {
        let detected = Detected {
            location: "serial:./a+./b+./c+./d".into(),
            socket: None,
            usb: None,
            candidates: vec![model("bitcrane3").unwrap()],
            chosen: false,
        };
        let mut all = Settings::default();
        all.set("chips", "2");
        settings.iter().for_each(|(key, value)| all.set(*key, *value));
        Self {
            machine: (DRIVER.start)(&detected, all).unwrap(),
            now: Micros(0),
            pins: BTreeMap::new(),
            driven: Vec::new(),
            speeds: [0; 4],
            still: None,
            there: vec![0, 1, 2],
            chains: Default::default(),
            said: Vec::new(),
            failed: None,
        }
    }

    fn tell(&mut self, input: Input<'_>) {
        self.machine.on_input(self.now, input);
        while let Some(action) = self.machine.next_action() {
            match action {
                Action::Write { port: CONTROL, bytes } => self.ask(&bytes),
                Action::Write { port, bytes } => self.hear(port, &bytes),
                Action::Emit(event) => self.said.push(event),
                Action::Fail(fault) => self.failed = Some(fault),
                other => {
                    if let Some(token) = other.token() {
                        self.machine.on_input(self.now, Input::Done { token, result: Ok(Reply::Complete) });
                    }
                }
            }
        }
    }

    /// The controller answers at once.
    fn ask(&mut self, bytes: &[u8]) {
        let request = Request::from_bytes(bytes).expect("a request");
        let data = match Operation::of(Firmware::Bitcrane, &request).expect("an operation of this firmware") {
            Operation::GpioSet { pin, high } => {
                self.pins.insert(pin, high);
                self.driven.push((pin, high));
                vec![u8::from(high)]
            }
            Operation::GpioGet { pin } => vec![u8::from(self.pins.get(&pin) == Some(&true))],
            Operation::FanSpeed { fan, speed } => {
                self.speeds[usize::from(fan)] = speed;
                vec![speed]
            }
            Operation::FanTach { fan } => {
                let turns = self.still != Some(fan) && self.speeds[usize::from(fan)] > 0;
                if turns { vec![0x70, 0x17] } else { vec![0, 0] }
            }
            other => panic!("{other:?}"),
        };
        let reply = [&[data.len() as u8, 0, request.id], data.as_slice()].concat();
        self.now = self.now + Duration::from_millis(1);
        self.machine.on_input(self.now, Input::Bytes { port: CONTROL, bytes: &reply });
        self.machine.on_input(self.now, Input::Quiet { port: CONTROL });
    }

    fn hear(&mut self, port: Port, bytes: &[u8]) {
        let board = port.0 - 1;
        let lives = self.pins.get(&(board << 4)) == Some(&true) && self.pins.get(&SUPPLY) == Some(&true);
        if !lives || !self.there.contains(&board) {
            return;
        }
        let chain = &mut self.chains[usize::from(board)];
        chain.hears.extend_from_slice(bytes);
        let mut answers = Vec::new();
        let mut codec = Codec::new(Generation::V2, Side::Host);
        while let Step::Frame { frame, used } = codec.decode(&chain.hears.clone(), true) {
            chain.hears.drain(..used);
            chain.obey(&frame, &mut answers);
        }
        if !answers.is_empty() {
            self.machine.on_input(self.now, Input::Bytes { port, bytes: &answers });
            self.machine.on_input(self.now, Input::Quiet { port });
        }
    }

    /// Lets time pass.
    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.machine.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.tell(Input::Timer);
        }
        self.now = self.now.max(end);
    }

    fn up(settings: &[(&str, &str)]) -> Self {
        let mut bench = Self::new(settings);
        bench.tell(Input::LinkUp);
        bench
    }

    fn works(&self) -> Option<f64> {
        let ready = self.said.iter().rev().find_map(|event| match event {
            Event::Ready(capability) => Some(capability.nominal.0),
            _ => None,
        });
        ready.filter(|_| self.failed.is_none())
    }

    fn is_off(&self) -> bool {
        [0x00, 0x10, 0x20, SUPPLY].iter().all(|pin| self.pins.get(pin) == Some(&false))
    }
}

impl Chain {
    fn obey(&mut self, frame: &Frame, answers: &mut Vec<u8>) {
        let mut codec = Codec::new(Generation::V2, Side::Device);
        codec.set_answers(Answers::Long);
        let mut answer = |chip, register, value| {
            answers.extend(codec.encoded(&Frame::Register(RegisterAnswer {
                value,
                chip,
                register,
                extra: Some(0),
            })));
        };
        match frame {
            Frame::Command(Word::Inactive) => self.addresses.clear(),
            Frame::Command(Word::SetAddress(address)) => self.addresses.push(*address),
            Frame::Command(Word::Write { register, value, .. }) => {
                self.registers.insert(register.0, *value);
            }
            Frame::Command(Word::Read { to, register }) => {
                for chip in 0..2 {
                    let address = self.addresses.get(chip).copied().unwrap_or(0);
                    let is_meant = match to {
                        adit_protocol::bm13xx::To::All => true,
                        adit_protocol::bm13xx::To::Chip(wanted) => *wanted == address,
                    };
                    let value = match *register {
                        Register::CHIP_ID => 0x1362_0300 | u32::from(address),
                        Register(number) => self.registers.get(&number).copied().unwrap_or(0),
                    };
                    if is_meant {
                        answer(address, *register, value);
                    }
                }
            }
            _ => {}
        }
    }
}

#[test]
fn nothing_is_powered_while_a_fan_stands_still() {
    let mut bench = Bench::new(&[]);
    bench.still = Some(2);
    bench.tell(Input::LinkUp);
    bench.run(Duration::from_secs(10));
    assert_eq!(bench.failed, Some(Fault::FanStopped { fan: 2 }));
    assert!(bench.driven.iter().all(|(_, high)| !high), "{:?}", bench.driven);
    assert!(bench.is_off());
}

#[test]
fn fewer_fans_are_fine_when_their_owner_says_so() {
    let mut bench = Bench::new(&[("fans", "2")]);
    bench.still = Some(2);
    bench.tell(Input::LinkUp);
    bench.run(Duration::from_secs(20));
    assert!(bench.works().is_some());
}

#[test]
fn chips_leave_reset_when_the_supply_stands_and_run_at_the_slowest_clock() {
    let mut bench = Bench::up(&[]);
    bench.run(Duration::from_secs(20));
    let first = bench.driven.iter().position(|(_, high)| *high).unwrap();
    assert_eq!(bench.driven[first], (SUPPLY, true));
    assert!(bench.driven[..first].contains(&(0x20, false)));
    // 3 boards of 2 chips of 514 units at 50 MHz.
    let rate = bench.works().unwrap();
    assert!((rate / (50e6 * 514.0 * 6.0) - 1.0).abs() < 1e-6, "{rate}");
    assert_eq!(bench.speeds, [100; 4]);
    let identified = bench.said.iter().filter(|event| matches!(event, Event::Identified(_)));
    assert_eq!(identified.count(), 1);
}

#[test]
fn what_nobody_can_measure_is_not_fitted_and_what_nobody_can_judge_is_declined() {
    let mut bench = Bench::up(&[]);
    bench.run(Duration::from_secs(20));
    let value = |wanted: Quantity| {
        bench.said.iter().find_map(|event| match event {
            Event::Measured { quantity, reading, .. } if *quantity == wanted => Some(reading.value),
            _ => None,
        })
    };
    assert_eq!(value(Quantity::FanRpm), Some(Ok(6_000.0)));
    for quantity in [Quantity::TemperatureCelsius, Quantity::CoreVolts, Quantity::PowerWatts] {
        assert_eq!(value(quantity), Some(Err(NoData::NotFitted)), "{quantity:?}");
    }
    for command in [Command::Fan(Some(50)), Command::Frequency(Hertz::from_mhz(600.0))] {
        bench.tell(Input::Command(command));
        assert_eq!(bench.said.last(), Some(&Event::Declined(command)));
    }
    bench.tell(Input::Command(Command::Frequency(Hertz::from_mhz(100.0))));
    bench.run(Duration::from_secs(3));
    let rate = bench.works().unwrap();
    assert!((rate / (100e6 * 514.0 * 6.0) - 1.0).abs() < 1e-6, "{rate}");
}

#[test]
fn a_fan_that_stops_switches_the_supply_off() {
    let mut bench = Bench::up(&[]);
    bench.run(Duration::from_secs(20));
    assert!(bench.works().is_some());
    bench.still = Some(0);
    let begun = bench.now;
    while bench.failed.is_none() && bench.now.since(begun) < Duration::from_secs(20) {
        bench.run(Duration::from_millis(100));
    }
    assert_eq!(bench.failed, Some(Fault::FanStopped { fan: 0 }));
    assert!(bench.now.since(begun) < Duration::from_secs(9), "after {:?}", bench.now.since(begun));
    assert!(bench.is_off());
}

#[test]
fn a_controller_that_has_started_anew_is_noticed() {
    let mut bench = Bench::up(&[]);
    bench.run(Duration::from_secs(20));
    bench.pins.clear();
    bench.run(Duration::from_secs(3));
    assert_eq!(bench.failed, Some(Fault::Restarted));
}

#[test]
fn a_hash_board_that_is_not_there_is_left_in_reset_and_the_others_work() {
    let mut bench = Bench::new(&[]);
    bench.there = vec![1];
    bench.tell(Input::LinkUp);
    bench.run(Duration::from_secs(30));
    let rate = bench.works().unwrap();
    assert!((rate / (50e6 * 514.0 * 2.0) - 1.0).abs() < 1e-6, "{rate}");
    let levels = [0x00, 0x10, 0x20, SUPPLY].map(|pin| bench.pins[&pin]);
    assert_eq!(levels, [false, true, false, true]);
    let faults = bench.said.iter().filter(|event| matches!(event, Event::Fault(Fault::NoAnswer { .. })));
    assert_eq!(faults.count(), 2);
}

#[test]
fn without_a_hash_board_everything_is_switched_off_again() {
    let mut bench = Bench::new(&[]);
    bench.there.clear();
    bench.tell(Input::LinkUp);
    bench.run(Duration::from_secs(30));
    assert!(matches!(bench.failed, Some(Fault::NoAnswer { .. })), "{:?}", bench.failed);
    assert!(bench.is_off());
}

#[test]
fn a_stop_leaves_everything_off() {
    let mut bench = Bench::up(&[]);
    bench.run(Duration::from_secs(20));
    bench.tell(Input::Stop { by: bench.now + Duration::from_secs(2) });
    assert_eq!(bench.said.last(), Some(&Event::Stopped));
    assert!(bench.is_off());
}
