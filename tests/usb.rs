//! Links over USB against simulated devices: the threads are real, the bus is not.

#![allow(clippy::disallowed_methods, reason = "the bus runs in real time, as the threads do")]

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use adit_driver::LinkError;
use adit_hw_sim::usb::{Outcome, Transfer, UsbDevice};
use adit_hw_sim::{Bench, Build};
use adit_link::{Plain, Transport, UsbError, usb};
use adit_protocol::bitaxe_raw::{Codec, Dialect, Firmware, Frame, Operation, pin};
use adit_protocol::devices::{Bridge, model};
use adit_protocol::hex;
use adit_protocol::wire::{Codec as _, Micros, Port, SetupPacket, Side};
use tokio::time::timeout;

/// Block 171874 (`docs/protocols/icarus.md §2.3`).
const GOLDEN_JOB: &str = "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a000000000000000000000000000000000000000087320b1a1426674f2fa722ce";
const GOLDEN_NONCE: &str = "000187a2";
/// Longer than anything here takes on a busy machine.
const GUARD: Duration = Duration::from_secs(60);

/// A bus with one simulated device.
struct SimBus {
    state: Mutex<State>,
    changed: Condvar,
    begun: Instant,
}

struct State {
    device: UsbDevice,
    next: u32,
    done: HashMap<u32, Outcome>,
    claimed: Vec<u8>,
    /// Ends of transfers to come that go wrong first.
    stalls: u32,
}

impl SimBus {
    fn new(key: &str, bare: bool) -> Arc<Self> {
        let model = model(key).expect("a model");
        let build = Build { seed: 1, target_difficulty: Some(1e-6), ..Build::default() };
        let bench = Bench::new(model, &build).expect("a twin");
        let mut device = UsbDevice::new(bench, bare, 1).expect("a USB device");
        device.bench().plug_in(Micros(0));
        device.turn(Micros(0));
        let state = State { device, next: 1, done: HashMap::new(), claimed: Vec::new(), stalls: 0 };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new(), begun: Instant::now() })
    }

    fn now(&self) -> Micros {
        Micros(self.begun.elapsed().as_micros() as u64)
    }

    fn unplug(&self) {
        let mut state = self.state.lock().expect("no panic");
        let now = self.now();
        state.device.bench().unplug(now);
        state.device.turn(now);
        self.changed.notify_all();
    }

    /// One transfer, from its submission to its end.
    fn transfer(
        &self,
        endpoint: u8,
        setup: SetupPacket,
        length: usize,
        data: &[u8],
        within: Duration,
    ) -> Result<Outcome, UsbError> {
        let until = Instant::now() + within;
        let mut state = self.state.lock().expect("no panic");
        let id = state.next;
        state.next += 1;
        if endpoint & 0x7f != 0 && state.stalls > 0 {
            return Err(UsbError::Stalled);
        }
        state.device.submit(self.now(), Transfer { id, endpoint, setup, length, data: data.to_vec() });
        loop {
            let now = self.now();
            state.device.turn(now);
            if !state.device.bench().is_plugged() {
                return Err(UsbError::Gone);
            }
            let mut others = false;
            while let Some(completion) = state.device.next_completion() {
                others |= completion.id != id;
                state.done.insert(completion.id, completion.outcome);
            }
            if others {
                self.changed.notify_all();
            }
            match state.done.remove(&id) {
                Some(Outcome::Stall) => return Err(UsbError::Stalled),
                Some(Outcome::NoEndpoint | Outcome::NoRoom) => return Err(UsbError::Unsupported),
                Some(outcome) => return Ok(outcome),
                None => {}
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.device.unlink(id);
                return Err(UsbError::Timeout);
            }
            let due = state.device.deadline().map_or(left, |at| at.since(now));
            let wait = left.min(due).max(Duration::from_micros(50));
            state = self.changed.wait_timeout(state, wait).expect("no panic").0;
        }
    }
}

impl Transport for SimBus {
    fn claim(&self, interface: u8) -> Result<(), UsbError> {
        let mut state = self.state.lock().expect("no panic");
        if state.claimed.contains(&interface) {
            return Err(UsbError::Busy);
        }
        state.claimed.push(interface);
        Ok(())
    }

    fn control(&self, setup: SetupPacket, data: &[u8]) -> Result<Vec<u8>, UsbError> {
        let endpoint = setup.request_type & 0x80;
        match self.transfer(endpoint, setup, setup.length.into(), data, Duration::from_secs(1))? {
            Outcome::Read(data) => Ok(data),
            _ => Ok(Vec::new()),
        }
    }

    fn read(&self, endpoint: u8, buffer: &mut [u8], within: Duration) -> Result<usize, UsbError> {
        let none = SetupPacket::from_bytes([0; 8]);
        match self.transfer(endpoint, none, buffer.len(), &[], within)? {
            Outcome::Read(data) => {
                buffer[..data.len()].copy_from_slice(&data);
                Ok(data.len())
            }
            _ => Err(UsbError::Failed),
        }
    }

    fn write(&self, endpoint: u8, data: &[u8], within: Duration) -> Result<usize, UsbError> {
        match self.transfer(endpoint, SetupPacket::from_bytes([0; 8]), 0, data, within)? {
            Outcome::Written(taken) => Ok(taken),
            _ => Err(UsbError::Failed),
        }
    }

    fn clear_halt(&self, _endpoint: u8) -> Result<(), UsbError> {
        let mut state = self.state.lock().expect("no panic");
        state.stalls = state.stalls.saturating_sub(1);
        Ok(())
    }

    fn reset(&self) -> Result<(), UsbError> {
        self.state.lock().expect("no panic").device.reset(self.now());
        Ok(())
    }
}

async fn link(bus: &Arc<SimBus>, key: &str, bridge: Bridge) -> Result<Plain, LinkError> {
    let (transport, model) = (Arc::clone(bus), model(key).expect("a model"));
    let opened = tokio::task::spawn_blocking(move || usb(transport, model, bridge, None));
    Ok(Plain::from(opened.await.expect("no panic")?))
}

/// Everything that comes until as many bytes are there.
async fn heard(link: &mut Plain, bytes: usize) -> Vec<u8> {
    let mut heard = Vec::new();
    let all = async {
        while heard.len() < bytes {
            if let Some(received) = link.turn().await.expect("the device is there") {
                heard.extend_from_slice(received.bytes);
            }
        }
    };
    timeout(GUARD, all).await.expect("the device keeps silent");
    heard
}

#[tokio::test]
async fn a_stick_behind_every_bridge_solves_a_known_block_over_usb() {
    for (key, bare, bridge) in [
        ("block-erupter", false, Bridge::Cp210x),
        ("lancelot", true, Bridge::Ftdi),
        ("icarus", true, Bridge::Pl2303),
    ] {
        let bus = SimBus::new(key, bare);
        let mut link = link(&bus, key, bridge).await.expect("it opens");
        link.write(Port(0), &hex::decode(GOLDEN_JOB).expect("hex")).expect("port 0");
        assert_eq!(hex::encode(&heard(&mut link, 4).await[..4]), GOLDEN_NONCE, "{key}");
    }
}

#[tokio::test]
async fn both_ports_of_a_bitaxe_are_there_over_usb() {
    let bus = SimBus::new("bitaxe-gamma", false);
    let mut link = link(&bus, "bitaxe-gamma", Bridge::CdcAcm).await.expect("it opens");
    let ask = Operation::GpioGet { pin: pin::RESET }.request(Firmware::Classic, 0x21).expect("it can");
    let request = Codec::new(Dialect::V0, Side::Host).encoded(&Frame::Request(ask));
    link.write(Port(0), &request).expect("port 0");
    let answer = heard(&mut link, 3).await;
    assert_eq!(answer[2], 0x21, "{answer:02x?}");
    assert!(link.write(Port(2), &[0]).is_err(), "there are two ports");
}

#[tokio::test]
async fn unplugging_ends_a_link_that_waits_and_its_threads() {
    let bus = SimBus::new("block-erupter", false);
    let mut link = link(&bus, "block-erupter", Bridge::Cp210x).await.expect("it opens");
    let pulled = Arc::clone(&bus);
    let pull = tokio::task::spawn_blocking(move || pulled.unplug());
    let ended = async {
        loop {
            if let Err(why) = link.turn().await {
                return why;
            }
        }
    };
    assert_eq!(timeout(GUARD, ended).await.expect("it hangs"), LinkError::Gone);
    pull.await.expect("no panic");
    drop(link);
    nobody_holds(&bus).await;
}

#[tokio::test]
async fn a_link_that_is_dropped_gives_the_device_back() {
    let bus = SimBus::new("block-erupter", false);
    let first = link(&bus, "block-erupter", Bridge::Cp210x).await.expect("it opens");
    assert!(matches!(link(&bus, "block-erupter", Bridge::Cp210x).await, Err(LinkError::Busy)), "claimed");
    drop(first);
    nobody_holds(&bus).await;
}

#[tokio::test]
async fn a_stall_is_cleared_and_nothing_is_lost_by_it() {
    let bus = SimBus::new("block-erupter", false);
    let mut link = link(&bus, "block-erupter", Bridge::Cp210x).await.expect("it opens");
    bus.state.lock().expect("no panic").stalls = 3;
    link.write(Port(0), &hex::decode(GOLDEN_JOB).expect("hex")).expect("port 0");
    assert_eq!(hex::encode(&heard(&mut link, 4).await[..4]), GOLDEN_NONCE);
}

/// Waits until all threads of a link have let go of the bus.
async fn nobody_holds(bus: &Arc<SimBus>) {
    let let_go = async {
        while Arc::strong_count(bus) > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(GUARD, let_go).await.expect("a thread still holds the device");
}
