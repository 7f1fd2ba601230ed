//! One device: a machine and its simulated twin, joined by a wire.

use std::collections::VecDeque;

use adit_driver::{Action, Fault, Input, LinkError, Machine, Order, Reply, Report, Token};
use adit_hw_sim::{DeviceFault, DeviceInput, DeviceOutput, FaultSite, SimDevice, Truth, Wire};
use adit_protocol::devices::{Model, PortKind, PortSpec};
use adit_protocol::wire::{Micros, Port, Side};

use crate::digest::Digest;

/// A machine that has done so much without time passing will never stop.
const MOST_ACTIONS: usize = 10_000;

/// What happened on a wire, in the digest.
const TO_DEVICE: u8 = 1;
const TO_HOST: u8 = 2;
const CUT: u8 = 3;

/// A machine, a wire for each port and the simulated device at their far end.
///
/// Does what the real link does, on a clock that is an argument.
pub struct Rig {
    twin: Box<dyn SimDevice>,
    machine: Option<Box<dyn Machine>>,
    ports: Vec<PortWire>,
    plugged: bool,
    /// Nothing arrives at the device any more.
    deaf: bool,
    awaiting: Option<Token>,
    reports: VecDeque<Report>,
    digest: Digest,
    /// Hashes made by the time the device was last told something that nobody had said.
    misled_at: Option<f64>,
    /// Hashes made on such words.
    wasted: f64,
}

struct PortWire {
    spec: &'static PortSpec,
    wire: Wire,
    quiet_at: Option<Micros>,
    /// What was written and has not arrived.
    sent: VecDeque<Vec<u8>>,
}

/// Chunks on the way to a device that are remembered to see whether they arrive whole.
const MOST_SENT: usize = 64;

impl Rig {
    /// An unplugged device of `model`.
    pub fn new(model: &'static Model, twin: Box<dyn SimDevice>, seed: u64) -> Self {
        let wire = |(index, spec)| PortWire {
            spec,
            wire: Wire::new(seed ^ index as u64, spec),
            quiet_at: None,
            sent: VecDeque::new(),
        };
        Self {
            twin,
            machine: None,
            ports: model.ports.iter().enumerate().map(wire).collect(),
            plugged: false,
            deaf: false,
            awaiting: None,
            reports: VecDeque::new(),
            digest: Digest::default(),
            misled_at: None,
            wasted: 0.0,
        }
    }

    /// The device is plugged in.
    pub fn plug(&mut self, now: Micros) {
        self.plugged = true;
        self.twin.on_input(now, DeviceInput::PowerOn);
        self.serve(now);
    }

    /// The device is pulled out. Its machine is told, and dropped.
    pub fn unplug(&mut self, now: Micros) {
        self.plugged = false;
        self.digest.record(now, CUT, &[]);
        if let Some(mut machine) = self.machine.take() {
            machine.on_input(now, Input::LinkDown { why: LinkError::Gone });
            self.take_reports(machine.as_mut());
            self.reports.push_back(Report::Failed(Fault::Link(LinkError::Gone)));
        }
        self.close();
    }

    /// The host dies: its machine is gone without a word, and the device is left as it is.
    pub fn orphan(&mut self) {
        self.close();
    }

    /// Opens the link and starts `machine` on it.
    pub fn open(&mut self, now: Micros, machine: Box<dyn Machine>) {
        self.close();
        if !self.plugged {
            self.reports.push_back(Report::Failed(Fault::Link(LinkError::NotFound)));
            return;
        }
        for index in 0..self.ports.len() {
            let line = self.ports[index].spec.line;
            self.ports[index].wire.set_line(Side::Host, line);
            self.twin.on_input(now, DeviceInput::Line { port: Port(index as u8), line });
        }
        self.machine = Some(machine);
        self.reports.push_back(Report::Up);
        self.tell(now, Input::LinkUp);
    }

    /// Delivers an order of the controller. Lost when there is no machine.
    pub fn order(&mut self, now: Micros, order: Order) {
        self.tell(now, order.into());
    }

    /// Something happens to the machine.
    pub fn tell(&mut self, now: Micros, input: Input<'_>) {
        if let Some(machine) = &mut self.machine {
            machine.on_input(now, input);
            self.serve(now);
        }
    }

    /// Damages the wire or the device. Unplugging is [`Self::unplug`].
    pub fn break_by(&mut self, now: Micros, fault: DeviceFault) {
        match fault.site() {
            FaultSite::Wire => {
                self.ports.iter_mut().any(|port| port.wire.inject(fault)); // packet ports do not suffer
            }
            FaultSite::Device => {
                self.twin.on_input(now, DeviceInput::Fault(fault));
                self.serve(now);
            }
            FaultSite::Link => {}
        }
    }

    /// Bytes that nobody sent appear on the wire towards the host.
    pub fn noise(&mut self, now: Micros, bytes: &[u8]) {
        if let Some(port) = self.ports.iter_mut().find(|port| port.spec.kind == PortKind::Stream) {
            port.wire.send(now, Side::Host, bytes);
        }
    }

    /// Nothing arrives at the device from now on.
    pub fn deafen(&mut self) {
        self.deaf = true;
    }

    /// Does everything that is due at `now`.
    pub fn advance(&mut self, now: Micros) {
        for index in 0..self.ports.len() {
            while let Some((to, bytes)) = self.ports[index].wire.next_arrival(now) {
                self.deliver(now, index, to, &bytes);
            }
            if self.ports[index].quiet_at.is_some_and(|at| at <= now) {
                self.ports[index].quiet_at = None;
                self.tell(now, Input::Quiet { port: Port(index as u8) });
            }
        }
        if self.plugged && self.twin.deadline().is_some_and(|at| at <= now) {
            self.twin.on_input(now, DeviceInput::Timer);
            self.serve(now);
        }
        if self.machine.as_ref().and_then(|machine| machine.deadline()).is_some_and(|at| at <= now) {
            self.tell(now, Input::Timer);
        }
    }

    /// When [`Self::advance`] is due.
    pub fn deadline(&self) -> Option<Micros> {
        let ports = self.ports.iter().flat_map(|port| [port.wire.deadline(), port.quiet_at]).flatten();
        let twin = self.twin.deadline().filter(|_| self.plugged);
        let machine = self.machine.as_ref().and_then(|machine| machine.deadline());
        ports.chain(twin).chain(machine).min()
    }

    /// The next thing the machine or the link said.
    pub fn next_report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    /// Whether a machine runs on the link.
    pub fn is_open(&self) -> bool {
        self.machine.is_some()
    }

    /// Whether the device is there.
    pub fn is_plugged(&self) -> bool {
        self.plugged
    }

    /// What really happened inside the device.
    pub fn truth(&self) -> Truth {
        self.twin.truth()
    }

    /// Hashes that were made on what the machine had really asked for: not on words that the wire had damaged.
    pub fn useful_hashes(&self) -> f64 {
        let hashes = self.truth().hashes;
        hashes - self.wasted - self.misled_at.map_or(0.0, |since| hashes - since)
    }

    /// Fingerprint of every byte on the wires and its time.
    pub(crate) fn digest(&self) -> [u8; 32] {
        self.digest.finish()
    }

    fn deliver(&mut self, now: Micros, index: usize, to: Side, bytes: &[u8]) {
        let port = Port(index as u8);
        match to {
            Side::Device if self.plugged && !self.deaf => {
                self.digest.record(now, TO_DEVICE, bytes);
                self.compare(index, bytes);
                self.twin.on_input(now, DeviceInput::Bytes { port, bytes });
                self.serve(now);
            }
            Side::Host if self.machine.is_some() => {
                self.digest.record(now, TO_HOST, bytes);
                self.ports[index].quiet_at = Some(now + self.ports[index].spec.quiet);
                self.tell(now, Input::Bytes { port, bytes });
            }
            Side::Device | Side::Host => {} // nobody listens
        }
    }

    /// Is the device being told what the machine has said? From a damaged chunk to the next whole one it is misled.
    fn compare(&mut self, index: usize, bytes: &[u8]) {
        let sent = &mut self.ports[index].sent;
        let hashes = self.twin.truth().hashes;
        match sent.iter().position(|chunk| chunk == bytes) {
            Some(at) => {
                sent.drain(..=at);
                self.wasted += self.misled_at.take().map_or(0.0, |since| hashes - since);
            }
            None => self.misled_at = self.misled_at.or(Some(hashes)),
        }
    }

    /// Carries out what twin and machine want until neither wants anything.
    fn serve(&mut self, now: Micros) {
        for actions in 0.. {
            // invariant: a machine comes to rest
            assert!(actions < MOST_ACTIONS, "{MOST_ACTIONS} actions at {now} and no end");
            if let Some(output) = self.twin.next_output() {
                self.output(now, output);
            } else if let Some(action) = self.machine.as_mut().and_then(|machine| machine.next_action()) {
                self.act(now, action);
            } else {
                return;
            }
        }
    }

    fn output(&mut self, now: Micros, output: DeviceOutput) {
        match output {
            DeviceOutput::Bytes { port, bytes } => {
                if let Some(port) = self.ports.get_mut(usize::from(port.0)) {
                    port.wire.send(now, Side::Host, &bytes);
                }
            }
            DeviceOutput::Line { port, line } => {
                if let Some(port) = self.ports.get_mut(usize::from(port.0)) {
                    port.wire.set_line(Side::Device, line);
                }
            }
            DeviceOutput::Modem { port, lines } => {
                if let Some(machine) = &mut self.machine {
                    machine.on_input(now, Input::Modem { port, lines });
                }
            }
            DeviceOutput::Control(answer) => {
                if let Some(token) = self.awaiting.take() {
                    self.done(now, token, answer.map(Reply::Data).ok_or(LinkError::Unsupported));
                }
            }
        }
    }

    fn act(&mut self, now: Micros, action: Action) {
        match action {
            Action::Write { port, bytes } => {
                if let Some(port) = self.ports.get_mut(usize::from(port.0)) {
                    port.wire.send(now, Side::Device, &bytes);
                    port.sent.truncate(MOST_SENT);
                    port.sent.push_back(bytes);
                }
            }
            Action::Line { token, port, line } => {
                if let Some(port) = self.ports.get_mut(usize::from(port.0)) {
                    port.wire.set_line(Side::Host, line);
                }
                self.twin.on_input(now, DeviceInput::Line { port, line });
                self.done(now, token, Ok(Reply::Complete));
            }
            Action::Gpio { token, port, mask, value } => {
                self.twin.on_input(now, DeviceInput::Gpio { port, mask, value });
                self.done(now, token, Ok(Reply::Complete));
            }
            Action::Control { token, setup, data } => {
                self.awaiting = Some(token);
                self.twin.on_input(now, DeviceInput::Control { setup, data: &data });
            }
            Action::Purge { token, .. } | Action::ResetDevice { token } => {
                self.done(now, token, Ok(Reply::Complete));
            }
            Action::Emit(event) => {
                let stopped = event == adit_driver::Event::Stopped;
                self.reports.push_back(Report::Event(event));
                if stopped {
                    self.close();
                    self.reports.push_back(Report::Closed);
                }
            }
            Action::Fail(fault) => {
                self.close();
                self.reports.push_back(Report::Failed(fault));
            }
        }
    }

    fn done(&mut self, now: Micros, token: Token, result: Result<Reply, LinkError>) {
        if let Some(machine) = &mut self.machine {
            machine.on_input(now, Input::Done { token, result });
        }
    }

    /// What a machine says after its link is gone: events count, writes go nowhere.
    fn take_reports(&mut self, machine: &mut dyn Machine) {
        let mut actions = 0;
        while let Some(action) = machine.next_action() {
            if let Action::Emit(event) = action {
                self.reports.push_back(Report::Event(event));
            }
            actions += 1;
            // invariant: a machine comes to rest
            assert!(actions < MOST_ACTIONS, "a machine without a link goes on for {MOST_ACTIONS} actions");
        }
    }

    fn close(&mut self) {
        self.machine = None;
        self.awaiting = None;
        for port in &mut self.ports {
            port.wire.cut();
            port.quiet_at = None;
            port.sent.clear();
        }
    }
}
