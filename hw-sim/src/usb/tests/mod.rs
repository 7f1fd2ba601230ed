//! Hosts of all manners at simulated USB devices. Time is an argument; nothing is carried over a network.

mod bridges;
mod descriptors;
mod hostile;
mod mining;

use std::collections::HashMap;

use adit_protocol::devices::model;
use adit_protocol::hex;
use adit_protocol::usbip::{Command, Return, Submit, error};
use adit_protocol::wire::{Micros, SetupPacket};

use super::{Attached, UsbDevice};
use crate::{Bench, Build};

/// Block 171874 (`docs/protocols/icarus.md §2.3`), and what solves it.
const GOLDEN_JOB: &str = "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a000000000000000000000000000000000000000087320b1a1426674f2fa722ce";
const GOLDEN_NONCE: &str = "000187a2";

fn device(key: &str, bare: bool) -> UsbDevice {
    let model = model(key).unwrap();
    let build = Build { seed: 1, target_difficulty: Some(1.0 / (1 << 24) as f64), ..Build::default() };
    let mut device = UsbDevice::new(Bench::new(model, &build).unwrap(), bare, 1).unwrap();
    device.bench().plug_in(Micros(0));
    device.turn(Micros(0));
    device
}

/// A host that has imported a device, and its own half of the codec.
struct Host {
    device: UsbDevice,
    server: Attached,
    now: Micros,
    next: u32,
    /// Direction of every command that has no return yet.
    asked: HashMap<u32, bool>,
    input: Vec<u8>,
    heard: Vec<Return>,
}

impl Host {
    fn new(key: &str) -> Self {
        Self::with(device(key, false))
    }

    fn with(device: UsbDevice) -> Self {
        Self {
            device,
            server: Attached::default(),
            now: Micros(1_000_000),
            next: 1,
            asked: HashMap::new(),
            input: Vec::new(),
            heard: Vec::new(),
        }
    }

    fn send(&mut self, command: &Command) {
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        assert_eq!(
            Command::decode(&bytes),
            Ok(Some((command.clone(), bytes.len()))),
            "the codec loses something"
        );
        let mut out = Vec::new();
        self.server.on_bytes(self.now, &bytes, &mut self.device, &mut out).unwrap();
        self.hear(&out);
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        while let Some((heard, used)) =
            Return::decode(&self.input, |sequence| self.asked.get(&sequence).copied()).unwrap()
        {
            self.input.drain(..used);
            let (Return::Submit { sequence, .. } | Return::Unlink { sequence, .. }) = &heard;
            assert!(self.asked.remove(sequence).is_some(), "{sequence} is answered twice");
            self.heard.push(heard);
        }
    }

    fn submit(&mut self, endpoint: u8, setup: SetupPacket, length: u32, data: &[u8]) -> u32 {
        let sequence = self.next;
        self.next += 1;
        let inward = endpoint & 0x80 != 0;
        self.asked.insert(sequence, inward);
        self.send(&Command::Submit(Submit {
            sequence,
            device: 0x1_0001,
            endpoint,
            flags: 0,
            interval: 0,
            setup,
            length: if inward { length } else { data.len() as u32 },
            data: data.to_vec(),
        }));
        sequence
    }

    fn unlink(&mut self, victim: u32) -> i32 {
        let sequence = self.next;
        self.next += 1;
        self.asked.insert(sequence, false);
        self.send(&Command::Unlink { sequence, device: 0x1_0001, victim });
        let Some(Return::Unlink { sequence: of, status }) = self.heard.pop() else { panic!() };
        assert_eq!(of, sequence);
        if status == error::RESET {
            self.asked.remove(&victim);
        }
        status
    }

    /// A control transfer from its SETUP packet and data in hex; what came back.
    fn control(&mut self, setup: &str, data: &[u8]) -> Result<Vec<u8>, i32> {
        let setup = SetupPacket::from_bytes(hex::decode_array(setup).unwrap());
        let endpoint = if setup.is_from_device() { 0x80 } else { 0 };
        let id = self.submit(endpoint, setup, setup.length.into(), data);
        self.result(id).expect("control transfers end at once")
    }

    fn read(&mut self, endpoint: u8) -> u32 {
        self.submit(endpoint, SetupPacket::from_bytes([0; 8]), 512, &[])
    }

    fn write(&mut self, endpoint: u8, data: &[u8]) -> u32 {
        self.submit(endpoint, SetupPacket::from_bytes([0; 8]), 0, data)
    }

    /// The end of a transfer, once.
    fn result(&mut self, id: u32) -> Option<Result<Vec<u8>, i32>> {
        let is = |heard: &Return| matches!(heard, Return::Submit { sequence, .. } if *sequence == id);
        let at = self.heard.iter().position(is)?;
        let Return::Submit { status, data, .. } = self.heard.remove(at) else { return None };
        Some(if status == error::NONE { Ok(data) } else { Err(status) })
    }

    fn pass(&mut self, millis: u64) {
        let until = Micros(self.now.0 + millis * 1_000);
        while let Some(due) = self.device.deadline().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.turn();
        }
        self.now = until;
        self.turn();
    }

    fn turn(&mut self) {
        self.device.turn(self.now);
        let mut out = Vec::new();
        self.server.collect(&mut self.device, &mut out);
        self.hear(&out);
    }
}
