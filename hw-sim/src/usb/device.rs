//! The whole device: standard requests, bridge chips, and the hardware behind them.

use std::collections::VecDeque;

use adit_protocol::bridge;
use adit_protocol::devices::{Bridge, UsbMatch};
use adit_protocol::usbip::{DeviceRecord, Speed};
use adit_protocol::wire::{Line, Micros, Port, SetupPacket};

use super::port::BridgePort;
use super::{Completion, Descriptors, Outcome, Transfer};
use crate::{Bench, DeviceInput, Heard};

/// Transfers that wait at a device at most.
const MOST_PENDING: usize = 256;

/// A device on USB: a [`Bench`] behind bridge chips.
///
/// After every call that may end transfers the caller takes [`next_completion`](Self::next_completion) until there is none,
/// and calls [`turn`](Self::turn) when the [`deadline`](Self::deadline) has passed.
#[derive(Debug)]
pub struct UsbDevice {
    bench: Bench,
    descriptors: Descriptors,
    ports: Vec<BridgePort>,
    /// How the device's end of each port was set when the host's was fitted to it.
    fitted: Vec<Line>,
    /// The bench was plugged in at the last look.
    plugged: bool,
    configuration: u8,
    /// Transfers on interrupt endpoints: nothing ever changes that would end them.
    waiting: Vec<u32>,
    done: VecDeque<Completion>,
}

/// The model has no USB connector of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{model} has no USB identity{}", if *bare { " of a bare bridge chip" } else { "" })]
pub struct NoUsb {
    /// Key of the model.
    pub model: &'static str,
    /// A row with nothing but the strings of the chip was wanted.
    pub bare: bool,
}

impl UsbDevice {
    /// The device on `bench` behind the identity that names the product, or with `bare` behind that of a bridge chip whose
    /// strings say nothing, as many sticks were sold. Its serial number follows from `seed`.
    ///
    /// # Errors
    /// The model has no such identity.
    pub fn new(bench: Bench, bare: bool, seed: u64) -> Result<Self, NoUsb> {
        let model = bench.model();
        let rows = || model.usb.iter();
        let usb = rows().find(|usb| usb.generic == bare).or_else(|| rows().next().filter(|_| !bare));
        let usb = usb.ok_or(NoUsb { model: model.key, bare })?;
        let descriptors = Descriptors::new(model, usb, &format!("{:08x}", 0xad17_0000 | seed & 0xffff));
        let functions = descriptors.functions.iter().zip(model.ports);
        let ports = functions
            .map(|(function, spec)| BridgePort::new(usb.bridge, part(usb), *function, spec))
            .collect();
        Ok(Self {
            bench,
            descriptors,
            ports,
            fitted: model.ports.iter().map(|port| port.line).collect(),
            plugged: false,
            configuration: 0,
            waiting: Vec::new(),
            done: VecDeque::new(),
        })
    }

    /// The device and its wires, to look into and to break. What was done with it is seen at the next [`turn`](Self::turn).
    pub fn bench(&mut self) -> &mut Bench {
        &mut self.bench
    }

    /// What it tells of itself.
    pub fn descriptors(&self) -> &Descriptors {
        &self.descriptors
    }

    /// As a USB/IP server lists it, as the device `number` of bus 1.
    pub fn record(&self, number: u32) -> DeviceRecord {
        let device = &self.descriptors.device;
        let word = |at: usize| u16::from_le_bytes([device[at], device[at + 1]]);
        DeviceRecord {
            path: format!("/sys/devices/platform/adit-sim/usb1/1-{number}"),
            bus_id: format!("1-{number}"),
            bus: 1,
            number,
            speed: Speed::Full,
            vid: word(8),
            pid: word(10),
            release: word(12),
            class: [device[4], device[5], device[6]],
            configuration: 1,
            configurations: 1,
            interfaces: self.descriptors.interfaces(),
        }
    }

    /// A reset of the USB port: the bridge is as after power-on and all transfers are forgotten; the hardware behind it goes on.
    pub fn reset(&mut self, now: Micros) {
        self.configuration = 0;
        self.ports.iter_mut().for_each(BridgePort::reset);
        self.waiting.clear();
        self.done.clear();
        (0..self.ports.len()).for_each(|index| self.fit(now, index));
    }

    /// As [`Self::reset`], by a host that is still there: the transfers that wait end with it, those that are over keep their outcome.
    fn reset_by_host(&mut self, now: Micros) {
        let ports = self.ports.iter().flat_map(BridgePort::waiting_transfers);
        let ended = self.waiting.iter().copied().chain(ports);
        let ended: Vec<_> = ended.map(|id| Completion { id, outcome: Outcome::Reset }).collect();
        let before = std::mem::take(&mut self.done);
        self.reset(now);
        self.done.extend(before.into_iter().chain(ended));
    }

    /// A host wants something.
    pub fn submit(&mut self, now: Micros, transfer: Transfer) {
        let id = transfer.id;
        let pending = self.ports.iter().map(BridgePort::pending).sum::<usize>() + self.waiting.len();
        let outcome = if transfer.endpoint & 0x7f == 0 {
            Some(self.control(now, &transfer))
        } else if pending + self.done.len() >= MOST_PENDING {
            Some(Outcome::NoRoom)
        } else {
            self.endpoint(now, transfer)
        };
        self.done.extend(outcome.map(|outcome| Completion { id, outcome }));
        self.complete(now);
    }

    /// Gives a transfer up. False where it is over already.
    pub fn unlink(&mut self, id: u32) -> bool {
        if let Some(at) = self.waiting.iter().position(|waiting| *waiting == id) {
            self.waiting.remove(at);
            return true;
        }
        self.ports.iter_mut().any(|port| port.unlink(id))
    }

    /// The next transfer that is over.
    pub fn next_completion(&mut self) -> Option<Completion> {
        self.done.pop_front()
    }

    /// When to call [`turn`](Self::turn) at the latest.
    pub fn deadline(&self) -> Option<Micros> {
        let ports = self.ports.iter().filter_map(BridgePort::deadline).filter(|_| self.plugged);
        ports.chain(self.bench.deadline()).min()
    }

    /// Does everything that is due at `now`. A device that is behind with its hashing does a slice of it and wants to be called
    /// again.
    pub fn turn(&mut self, now: Micros) {
        self.bench.turn(now);
        if self.bench.is_plugged() != self.plugged {
            self.plugged = !self.plugged;
            self.reset(now);
        }
        while let Some(heard) = self.bench.receive() {
            let (Heard::Bytes { port, .. } | Heard::Modem { port, .. }) = &heard else { continue };
            let Some(port) = self.ports.get_mut(usize::from(port.0)) else { continue };
            match heard {
                Heard::Bytes { bytes, .. } => port.receive(bytes),
                Heard::Modem { lines, .. } => port.state.inputs = lines,
                Heard::Control(_) => {} // bridges answer for themselves
            }
        }
        for index in 0..self.ports.len() {
            let device = self.bench.device_line(Port(index as u8));
            if device.is_some_and(|device| device != self.fitted[index]) {
                self.fit(now, index);
            }
        }
        self.complete(now);
    }

    fn complete(&mut self, now: Micros) {
        self.ports.iter_mut().for_each(|port| port.complete(now, &mut self.done));
    }

    /// Sets the host's end of the serial line as the bridge is set.
    fn fit(&mut self, now: Micros, index: usize) {
        let number = Port(index as u8);
        let Some(device) = self.bench.device_line(number) else { return };
        self.fitted[index] = device;
        let line = self.ports[index].line_towards(device);
        if self.bench.line(number) != Some(line) {
            self.bench.set_line(now, number, line);
        }
    }

    /// A transfer on an endpoint other than 0; `None` where it waits.
    fn endpoint(&mut self, now: Micros, transfer: Transfer) -> Option<Outcome> {
        let Transfer { id, endpoint, length, data, .. } = transfer;
        for (index, port) in self.ports.iter_mut().enumerate() {
            let function = &port.function;
            if endpoint == function.bulk_in {
                port.read(id, length);
                return None;
            }
            if endpoint == function.bulk_out {
                let over = port.write(now, id, data.len());
                if port.is_enabled() && !data.is_empty() {
                    self.bench.send(now, Port(index as u8), &data);
                }
                return over.then_some(Outcome::Written(data.len()));
            }
            if function.interrupt == Some(endpoint) {
                self.waiting.push(id);
                return None;
            }
        }
        Some(Outcome::NoEndpoint)
    }

    fn control(&mut self, now: Micros, transfer: &Transfer) -> Outcome {
        let Transfer { endpoint, setup, length, data, .. } = transfer;
        if setup.is_from_device() != (endpoint & 0x80 != 0) && setup.length > 0 {
            return Outcome::Stall; // data one way, the request the other
        }
        let answer = match setup.request_type & 0x60 {
            0 => self.standard(setup),
            _ if (setup.request_type, setup.request, setup.value) == PORT_RESET => {
                self.reset_by_host(now);
                Some(Vec::new())
            }
            _ => self.bridge(now, setup, data),
        };
        match answer {
            Some(mut answer) if setup.is_from_device() => {
                answer.truncate((*length).min(setup.length.into()));
                Outcome::Read(answer)
            }
            Some(_) => Outcome::Written(data.len()),
            None => Outcome::Stall,
        }
    }

    /// Requests that every USB device answers; `None` stalls.
    fn standard(&mut self, setup: &SetupPacket) -> Option<Vec<u8>> {
        let [low, kind] = setup.value.to_le_bytes();
        match (setup.request_type, setup.request) {
            (0x80, 0x06) => match kind {
                1 => Some(self.descriptors.device.clone()),
                2 if low == 0 => Some(self.descriptors.configuration.clone()),
                3 => self.descriptors.string(low),
                // Devices after USB 2.0 are asked for their capabilities: there are none.
                15 if self.descriptors.device[3] == 2 && self.descriptors.device[2] > 0 => {
                    Some(vec![5, 15, 5, 0, 0])
                }
                _ => None,
            },
            (0x80, 0x08) => Some(vec![self.configuration]),
            (0x00, 0x09) if low <= 1 => {
                self.configuration = low;
                Some(Vec::new())
            }
            (0x81, 0x0a) => Some(vec![0]),
            (0x01, 0x0b) if low == 0 => Some(Vec::new()),
            (0x80..=0x82, 0x00) => Some(vec![0, 0]),
            // Nothing stays halted here, and addresses are the bus's.
            (0x02, 0x01) | (0x00, 0x01 | 0x03 | 0x05) => Some(Vec::new()),
            _ => None,
        }
    }

    /// Requests to the bridge chip, by the first port that they mean.
    fn bridge(&mut self, now: Micros, setup: &SetupPacket, data: &[u8]) -> Option<Vec<u8>> {
        let (index, heard) = self
            .ports
            .iter()
            .enumerate()
            .find_map(|(index, port)| Some((index, port.function.uart.heard(setup, data)?)))?;
        let port = &mut self.ports[index];
        if heard == bridge::Heard::Asked {
            return port.function.uart.answer(setup, &port.state);
        }
        port.obey(heard);
        // Setting a line again ends a mismatch, even where nothing changes by it.
        use bridge::Heard::{Baud, Coding, Format, Modem, Pins, Reset};
        if matches!(heard, Baud(_) | Coding { .. } | Format { .. } | Modem { .. } | Reset) {
            self.fit(now, index);
        }
        if let Pins { mask, value } = heard {
            self.bench.input(now, DeviceInput::Gpio { port: Port(index as u8), mask, value });
        }
        Some(Vec::new())
    }
}

/// A hub's request that some hosts pass on instead of resetting the port themselves.
const PORT_RESET: (u8, u8, u16) = (0x23, 0x03, 0x0004);

/// The type that a CP210x says it is.
fn part(usb: &UsbMatch) -> u8 {
    if usb.bridge == Bridge::Cp210x && usb.pid == 0xea70 { 5 } else { 2 }
}
