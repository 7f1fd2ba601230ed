//! The whole device: standard requests, bridge chips, and the hardware behind them.

use std::collections::VecDeque;

use adit_protocol::bridge::Heard;
use adit_protocol::devices::{Bridge, Model, UsbMatch};
use adit_protocol::usbip::{DeviceRecord, Speed};
use adit_protocol::wire::{Micros, Port, SetupPacket, Side};

use super::port::BridgePort;
use super::{Completion, Descriptors, Outcome, Transfer};
use crate::{DeviceFault, DeviceInput, DeviceOutput, FaultSite, Scan, SimDevice, Truth};

/// Transfers that wait at a device at most.
const MOST_PENDING: usize = 256;

/// A device on USB.
///
/// After every call that may end transfers the caller takes [`next_completion`](Self::next_completion) until there is none,
/// and calls [`advance`](Self::advance) when the [`deadline`](Self::deadline) has passed.
pub struct UsbDevice {
    device: Box<dyn SimDevice>,
    descriptors: Descriptors,
    ports: Vec<BridgePort>,
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
    /// `device`, a twin of `model`, behind the identity that names the product, or with `bare` behind that of a bridge chip
    /// whose strings say nothing, as many sticks were sold. Serial number and chance on the wires follow from `seed`.
    ///
    /// # Errors
    /// The model has no such identity.
    pub fn new(
        device: Box<dyn SimDevice>,
        model: &'static Model,
        bare: bool,
        seed: u64,
    ) -> Result<Self, NoUsb> {
        let rows = || model.usb.iter();
        let usb = rows().find(|usb| usb.generic == bare).or_else(|| rows().next().filter(|_| !bare));
        let usb = usb.ok_or(NoUsb { model: model.key, bare })?;
        let descriptors = Descriptors::new(model, usb, &format!("{:08x}", 0xad17_0000 | seed & 0xffff));
        let port = |(index, function): (usize, &_)| {
            let seed = seed.wrapping_add(index as u64);
            BridgePort::new(usb.bridge, part(usb), *function, &model.ports[index], seed)
        };
        let ports = descriptors.functions.iter().enumerate().map(port).collect();
        Ok(Self { device, descriptors, ports, configuration: 0, waiting: Vec::new(), done: VecDeque::new() })
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

    /// Power comes on: everything is in its reset state.
    pub fn power_on(&mut self, now: Micros) {
        self.reset();
        self.ports.iter_mut().for_each(|port| port.wire.cut());
        self.tell(now, DeviceInput::PowerOn);
    }

    /// A reset of the USB port: the bridge is as after power-on and all transfers are forgotten; the hardware behind it goes on.
    pub fn reset(&mut self) {
        self.configuration = 0;
        self.ports.iter_mut().for_each(BridgePort::reset);
        self.waiting.clear();
        self.done.clear();
    }

    /// A host wants something.
    pub fn submit(&mut self, now: Micros, transfer: Transfer) {
        self.advance(now);
        let id = transfer.id;
        let pending = self.ports.iter().map(BridgePort::pending).sum::<usize>() + self.waiting.len();
        let outcome = if transfer.endpoint & 0x7f == 0 {
            Some(self.control(now, &transfer.setup, &transfer.data))
        } else if pending + self.done.len() >= MOST_PENDING {
            Some(Outcome::NoRoom)
        } else {
            self.endpoint(now, transfer)
        };
        self.done.extend(outcome.map(|outcome| Completion { id, outcome }));
        self.advance(now);
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

    /// When to call [`advance`](Self::advance) at the latest.
    pub fn deadline(&self) -> Option<Micros> {
        let ports = self.ports.iter().flat_map(|port| [port.wire.deadline(), port.deadline()]).flatten();
        ports.chain(self.device.deadline()).min()
    }

    /// Does everything that is due at `now`.
    pub fn advance(&mut self, now: Micros) {
        if self.device.deadline().is_some_and(|at| at <= now) {
            self.tell(now, DeviceInput::Timer);
        }
        for index in 0..self.ports.len() {
            while let Some((to, bytes)) = self.ports[index].wire.next_arrival(now) {
                match to {
                    Side::Host => self.ports[index].receive(bytes),
                    Side::Device => {
                        self.tell(now, DeviceInput::Bytes { port: Port(index as u8), bytes: &bytes });
                    }
                }
            }
            self.ports[index].complete(now, &mut self.done);
        }
    }

    /// Lets something break by itself on the wires: see [`Wire::set_chance`](crate::Wire::set_chance).
    pub fn set_chance(&mut self, fault: DeviceFault, probability: f64) -> bool {
        self.ports.iter_mut().fold(false, |any, port| port.wire.set_chance(fault, probability) | any)
    }

    /// Breaks something on a wire or in the hardware now. False where it cannot happen here.
    pub fn suffer(&mut self, now: Micros, fault: DeviceFault) -> bool {
        match fault.site() {
            FaultSite::Wire => self.ports.iter_mut().any(|port| port.wire.inject(fault)),
            FaultSite::Device => {
                self.tell(now, DeviceInput::Fault(fault));
                true
            }
            FaultSite::Link => false,
        }
    }

    /// See [`SimDevice::truth`].
    pub fn truth(&self) -> Truth {
        self.device.truth()
    }

    /// See [`SimDevice::next_scan`].
    pub fn next_scan(&mut self) -> Option<Scan> {
        self.device.next_scan()
    }

    /// See [`SimDevice::on_scanned`].
    pub fn on_scanned(&mut self, now: Micros, scan: &Scan, found: Option<u32>) {
        self.device.on_scanned(now, scan, found);
        self.listen(now);
    }

    /// A transfer on an endpoint other than 0; `None` where it waits.
    fn endpoint(&mut self, now: Micros, transfer: Transfer) -> Option<Outcome> {
        let Transfer { id, endpoint, length, data, .. } = transfer;
        for port in &mut self.ports {
            let function = &port.function;
            if endpoint == function.bulk_in {
                port.read(id, length);
                return None;
            }
            if endpoint == function.bulk_out {
                return port.write(now, id, &data).map(|completion| completion.outcome);
            }
            if function.interrupt == Some(endpoint) {
                self.waiting.push(id);
                return None;
            }
        }
        Some(Outcome::NoEndpoint)
    }

    fn control(&mut self, now: Micros, setup: &SetupPacket, data: &[u8]) -> Outcome {
        let answer = match setup.request_type & 0x60 {
            0 => self.standard(setup),
            _ if (setup.request_type, setup.request, setup.value) == PORT_RESET => {
                self.reset();
                Some(Vec::new())
            }
            _ => self.bridge(now, setup, data),
        };
        match answer {
            Some(mut answer) if setup.is_from_device() => {
                answer.truncate(setup.length.into());
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
        if heard == Heard::Asked {
            return port.function.uart.answer(setup, &port.state);
        }
        let number = Port(index as u8);
        if port.obey(heard) {
            let line = port.wire.line(Side::Host);
            self.tell(now, DeviceInput::Line { port: number, line });
        }
        if let Heard::Pins { mask, value } = heard {
            self.tell(now, DeviceInput::Gpio { port: number, mask, value });
        }
        Some(Vec::new())
    }

    fn tell(&mut self, now: Micros, input: DeviceInput<'_>) {
        self.device.on_input(now, input);
        self.listen(now);
    }

    /// Puts what the hardware says on its wires.
    fn listen(&mut self, now: Micros) {
        while let Some(output) = self.device.next_output() {
            let (DeviceOutput::Bytes { port, .. }
            | DeviceOutput::Line { port, .. }
            | DeviceOutput::Modem { port, .. }) = &output
            else {
                continue;
            };
            let Some(port) = self.ports.get_mut(usize::from(port.0)) else { continue };
            match output {
                DeviceOutput::Bytes { bytes, .. } => port.wire.send(now, Side::Host, &bytes),
                DeviceOutput::Line { line, .. } => port.device_line(line),
                DeviceOutput::Modem { lines, .. } => port.state.inputs = lines,
                DeviceOutput::Control(_) => {}
            }
        }
    }
}

/// A hub's request that some hosts pass on instead of resetting the port themselves.
const PORT_RESET: (u8, u8, u16) = (0x23, 0x03, 0x0004);

/// The type that a CP210x says it is.
fn part(usb: &UsbMatch) -> u8 {
    if usb.bridge == Bridge::Cp210x && usb.pid == 0xea70 { 5 } else { 2 }
}
