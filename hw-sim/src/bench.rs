//! A simulated device with its wires and its plug: everything on the far side of a serial port.

mod command;
mod insides;
mod journal;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use adit_protocol::Micros;
use adit_protocol::devices::{Model, PortKind};
use adit_protocol::wire::{Line, ModemLines, Port, Side};

#[cfg(feature = "serve")]
pub(crate) use command::End;
pub use command::{Command, Refused};
pub use insides::{ChipInsides, ChipRegisters, Insides, Peripheral, Register};
pub use journal::{Said, Saying};

use crate::trouble::Trouble;
use crate::{
    Adjustment, Build, BuildError, DeviceFault, DeviceInput, DeviceOutput, Dice, FaultSite, Scan, SimDevice,
    Truth, Wire, start, supports,
};
use journal::Journal;

/// Shortest and longest time for which a device is away that fell out by itself, in microseconds.
const AWAY: [u64; 2] = [1_000_000, 10_000_000];
/// What waits for a host that does not read, at most; what comes beyond is lost, as in a receiver that overruns.
const WAITING: usize = 4_096;
/// Commands that wait for their time at most.
const PLANNED: usize = 10_000;

/// A simulated device at the end of its wires, as a host sees it: bytes take their time, faults happen, the plug is pulled.
///
/// It is given the bytes of the host ([`send`](Self::send)) and the time ([`turn`](Self::turn) at
/// [`deadline`](Self::deadline), or [`run`](Self::run)), and what the device says is taken with [`receive`](Self::receive).
/// It begins unplugged. Nothing here waits, reads a clock or starts a thread.
pub struct Bench {
    model: &'static Model,
    device: Box<dyn SimDevice>,
    /// One per port.
    wires: Vec<Wire>,
    /// The host can set the speed of the wires.
    has_speed: bool,
    plugged: bool,
    /// Pulled out, to be put back then.
    back_at: Option<Micros>,
    /// Probabilities that are not 0, those of the wires too.
    chances: Vec<(DeviceFault, f64)>,
    trouble: Trouble<DeviceFault>,
    plan: VecDeque<(Micros, Command)>,
    heard: VecDeque<Heard>,
    journal: Option<Journal>,
    dice: Dice,
}

/// What reaches the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Bytes. On a packet port: one transfer.
    Bytes {
        /// Where.
        port: Port,
        /// Never empty.
        bytes: Vec<u8>,
    },
    /// The modem lines as they are now.
    Modem {
        /// Where.
        port: Port,
        /// All of them.
        lines: ModemLines,
    },
    /// Answer to a USB control transfer; `None` is a stall.
    Control(Option<Vec<u8>>),
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").field("model", &self.model.key).field("plugged", &self.plugged).finish()
    }
}

impl Bench {
    /// A device of `model`, unplugged.
    ///
    /// # Errors
    /// As [`start`].
    pub fn new(model: &'static Model, build: &Build) -> Result<Self, BuildError> {
        Ok(Self::around(start(model, build)?, model, build.seed))
    }

    /// `device`, which is of `model`; chance on its wires follows from `seed`.
    pub fn around(device: Box<dyn SimDevice>, model: &'static Model, seed: u64) -> Self {
        let wire = |(index, port)| Wire::new(seed.wrapping_add(index as u64), port);
        Self {
            model,
            device,
            wires: model.ports.iter().enumerate().map(wire).collect(),
            has_speed: true,
            plugged: false,
            back_at: None,
            chances: Vec::new(),
            trouble: Trouble::new(seed),
            plan: VecDeque::new(),
            heard: VecDeque::new(),
            journal: None,
            dice: Dice::new(seed, 0x5e47e),
        }
    }

    /// The same carried by something that has no line speed, such as TCP.
    #[must_use]
    pub fn without_speed(mut self) -> Self {
        self.has_speed = false;
        self
    }

    /// The same, remembering the last `room` things said on its wires.
    #[must_use]
    pub fn with_journal(mut self, room: usize) -> Self {
        self.journal = Some(Journal::new(self.model, room));
        self
    }

    /// The row of the model table.
    pub const fn model(&self) -> &'static Model {
        self.model
    }

    /// Power is on, and the host sees the device.
    pub const fn is_plugged(&self) -> bool {
        self.plugged
    }

    /// Puts the plug in, unless it is: everything is in its reset state.
    pub fn plug_in(&mut self, now: Micros) {
        self.back_at = None;
        if std::mem::replace(&mut self.plugged, true) {
            return;
        }
        for (wire, port) in self.wires.iter_mut().zip(self.model.ports) {
            wire.set_line(Side::Host, port.line);
        }
        self.trouble.rest(now);
        self.note(now, "plugged in");
        self.tell(now, DeviceInput::PowerOn);
    }

    /// Pulls the plug: what is on the way is lost.
    pub fn unplug(&mut self, now: Micros) {
        if std::mem::replace(&mut self.plugged, false) {
            self.note(now, "unplugged");
        }
        self.wires.iter_mut().for_each(Wire::cut);
        self.heard.clear();
    }

    /// The host sends bytes; on a packet port exactly one transfer. Without a plug they are lost.
    pub fn send(&mut self, now: Micros, port: Port, bytes: &[u8]) {
        if let Some(wire) = self.wires.get_mut(usize::from(port.0)).filter(|_| self.plugged) {
            wire.send(now, Side::Device, bytes);
            if let Some(journal) = &mut self.journal {
                journal.bytes(now, Side::Host, port, bytes);
            }
        }
    }

    /// The host sets its end of a line.
    pub fn set_line(&mut self, now: Micros, port: Port, line: Line) {
        if let Some(wire) = self.wires.get_mut(usize::from(port.0)) {
            wire.set_line(Side::Host, line);
            self.note(now, &format!("! line {}", line.baud));
            self.tell(now, DeviceInput::Line { port, line });
        }
    }

    /// The host changes the mode of the terminal that is its end of a line.
    pub fn set_terminal(&mut self, now: Micros, port: Port, raw: bool) {
        self.note(now, if raw { "! terminal raw" } else { "! terminal cooked" });
        self.tell(now, DeviceInput::Terminal { port, raw });
    }

    /// The host's end of a line as it is, also where a fault has changed it.
    pub fn line(&self, port: Port) -> Option<Line> {
        self.wires.get(usize::from(port.0)).map(|wire| wire.line(Side::Host))
    }

    /// The device's end of a line as it is.
    pub fn device_line(&self, port: Port) -> Option<Line> {
        self.wires.get(usize::from(port.0)).map(|wire| wire.line(Side::Device))
    }

    /// Anything else that a host does: pins of the bridge, USB control transfers.
    pub fn input(&mut self, now: Micros, input: DeviceInput<'_>) {
        if self.plugged {
            self.tell(now, input);
        }
    }

    /// The next thing that has reached the host by the last [`turn`](Self::turn).
    pub fn receive(&mut self) -> Option<Heard> {
        self.heard.pop_front()
    }

    /// When to call [`turn`](Self::turn) if nothing else happens before; `None`: never.
    pub fn deadline(&self) -> Option<Micros> {
        let planned = self.plan.front().map(|(at, _)| *at);
        let inside = self.device.deadline().into_iter().chain(self.trouble.deadline());
        let alive = inside.chain(self.wires.iter().filter_map(Wire::deadline)).filter(|_| self.plugged);
        alive.chain(planned).chain(self.back_at).min()
    }

    /// Does what is due at `now`. A device that is behind with its hashing does a slice of it and wants to be called again.
    pub fn turn(&mut self, now: Micros) {
        if self.back_at.is_some_and(|at| at <= now) {
            self.plug_in(now);
        }
        while let Some((_, command)) = self.plan.pop_front_if(|(at, _)| *at <= now) {
            if let Err(refused) = self.command(now, command) {
                self.note(now, &format!("not done: {refused}"));
            }
        }
        if self.plugged && self.device.deadline().is_some_and(|at| at <= now) {
            self.tell(now, DeviceInput::Timer);
        }
        if self.plugged {
            for fault in self.trouble.due(now) {
                self.note(now, &format!("by chance: {}", fault.name()));
                self.suffer(now, fault, None);
            }
        }
        self.carry(now);
    }

    /// Lets all time until `until` pass, event by event. A device that is not eased really makes the hashes of that time, and that takes
    /// long, unless it knows the job or [`next_scan`](Self::next_scan) takes them off its hands.
    pub fn run(&mut self, until: Micros) {
        while let Some(at) = self.deadline().filter(|at| *at <= until) {
            self.turn(at);
        }
        self.turn(until);
    }

    /// Delivers what has arrived at either end of the wires.
    fn carry(&mut self, now: Micros) {
        for port in 0..self.wires.len() {
            while let Some((to, bytes)) = self.wires[port].next_arrival(now) {
                let port = Port(port as u8);
                if to == Side::Device {
                    self.tell(now, DeviceInput::Bytes { port, bytes: &bytes });
                    continue;
                }
                if let Some(journal) = &mut self.journal {
                    journal.bytes(now, Side::Device, port, &bytes);
                }
                self.hear(Heard::Bytes { port, bytes });
            }
        }
    }

    fn hear(&mut self, heard: Heard) {
        if self.heard.len() < WAITING {
            self.heard.push_back(heard);
        }
    }

    fn tell(&mut self, now: Micros, input: DeviceInput<'_>) {
        self.device.on_input(now, input);
        self.pass_on(now);
    }

    /// Puts what the device says on its wires.
    fn pass_on(&mut self, now: Micros) {
        while let Some(output) = self.device.next_output() {
            match output {
                DeviceOutput::Bytes { port, bytes } => {
                    if let Some(wire) = self.wires.get_mut(usize::from(port.0)) {
                        wire.send(now, Side::Host, &bytes);
                    }
                }
                DeviceOutput::Line { port, line } => {
                    if let Some(wire) = self.wires.get_mut(usize::from(port.0)) {
                        wire.set_line(Side::Device, line);
                    }
                }
                DeviceOutput::Modem { port, lines } => self.hear(Heard::Modem { port, lines }),
                DeviceOutput::Control(answer) => self.hear(Heard::Control(answer)),
            }
        }
    }

    /// A piece of search at true difficulty for somebody else to carry out: [`SimDevice::next_scan`].
    pub fn next_scan(&mut self) -> Option<Scan> {
        self.device.next_scan()
    }

    /// What came of a piece.
    pub fn on_scanned(&mut self, now: Micros, scan: &Scan, found: Option<u32>) {
        self.device.on_scanned(now, scan, found);
        if self.plugged {
            self.pass_on(now);
        }
    }

    /// Whether `fault` can happen here: a forgotten speed needs one that the host can set again, and there is no second socket.
    pub fn can_happen(&self, fault: DeviceFault) -> bool {
        let here = match fault {
            DeviceFault::ReplugElsewhere => false,
            DeviceFault::BaudMismatch => self.has_speed,
            _ => true,
        };
        here && supports(self.model, fault)
            && self.model.ports.iter().any(|port| port.kind == PortKind::Stream)
    }

    /// Whether `command` makes sense for this device, whatever its state.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, command: &Command) -> Result<(), Refused> {
        command.check_numbers()?;
        let model = self.model.key;
        match *command {
            Command::Fault { fault, .. } | Command::Chance { fault, .. } if !self.can_happen(fault) => {
                let possible = DeviceFault::ALL.iter().copied().filter(|fault| self.can_happen(*fault));
                Err(Refused::Impossible { fault, model, possible: possible.collect() })
            }
            Command::Fault { fault, to: Some(_), .. } if fault.site() != FaultSite::Wire => {
                Err(Refused::NoDirection { fault })
            }
            Command::Ambient { .. } | Command::Temperature { chip: None, .. }
                if self.device.insides(Micros(0)).temperature_celsius.is_none() =>
            {
                Err(Refused::NoHeat { model })
            }
            Command::Temperature { chip: Some(chip), .. } => {
                let chips = self.device.insides(Micros(0)).chips.len();
                if usize::from(chip) < chips { Ok(()) } else { Err(Refused::NoChip { chip, chips, model }) }
            }
            _ => Ok(()),
        }
    }

    /// Obeys `command` now.
    ///
    /// # Errors
    /// It makes no sense for this device, or not while it is unplugged; nothing has happened then.
    pub fn command(&mut self, now: Micros, command: Command) -> Result<(), Refused> {
        self.check(&command)?;
        if matches!(command, Command::Fault { .. }) && !self.plugged {
            return Err(Refused::Unplugged);
        }
        if let Ok(text) = serde_json::to_string(&command) {
            self.note(now, &format!("command: {text}"));
        }
        match command {
            Command::Fault { fault, times, to } => {
                for _ in 0..times {
                    self.suffer(now, fault, to);
                }
            }
            Command::Chance { fault, probability } => self.set_chance(fault, probability),
            Command::Clear {} => self.clear(now),
            Command::Unplug { seconds } => {
                self.unplug(now);
                self.back_at = seconds.map(|seconds| now + command::span(seconds));
            }
            Command::Replug {} => self.plug_in(now),
            Command::Ambient { celsius } => self.adjust(now, Adjustment::Ambient(celsius)),
            Command::Temperature { celsius, chip: None } => {
                self.adjust(now, Adjustment::Temperature(celsius));
            }
            Command::Temperature { celsius, chip: Some(chip) } => {
                self.adjust(now, Adjustment::ChipTemperature(chip, celsius));
            }
        }
        Ok(())
    }

    /// Obeys `command` at `at`. Commands of the same time are obeyed in the order in which they were planned.
    ///
    /// # Errors
    /// It makes no sense for this device, or too many wait for their time. One that cannot be obeyed when its time comes changes
    /// nothing and stands in the journal.
    pub fn plan(&mut self, at: Micros, command: Command) -> Result<(), Refused> {
        self.check(&command)?;
        if self.plan.len() >= PLANNED {
            return Err(Refused::TooMuchPlanned { most: PLANNED });
        }
        let place = self.plan.partition_point(|(planned, _)| *planned <= at);
        self.plan.insert(place, (at, command));
        Ok(())
    }

    fn adjust(&mut self, now: Micros, adjustment: Adjustment) {
        self.device.adjust(now, adjustment);
        if self.plugged {
            self.pass_on(now);
        }
    }

    fn set_chance(&mut self, fault: DeviceFault, probability: f64) {
        self.chances.retain(|(known, _)| *known != fault);
        if probability > 0.0 {
            self.chances.push((fault, probability));
        }
        if fault.site() == FaultSite::Wire {
            self.wires.iter_mut().for_each(|wire| {
                wire.set_chance(fault, probability);
            });
        } else {
            self.trouble.set(fault, probability);
        }
    }

    fn clear(&mut self, now: Micros) {
        for (fault, _) in std::mem::take(&mut self.chances) {
            self.set_chance(fault, 0.0);
        }
        self.wires.iter_mut().for_each(Wire::mend);
        self.adjust(now, Adjustment::Mend);
    }

    fn suffer(&mut self, now: Micros, fault: DeviceFault, to: Option<Side>) {
        match fault.site() {
            FaultSite::Wire => {
                // packet ports do not suffer: the next that does
                let first = self.dice.below(self.wires.len() as u64) as usize;
                let (before, from) = self.wires.split_at_mut(first);
                from.iter_mut().chain(before).any(|wire| wire.inject_towards(fault, to));
            }
            FaultSite::Link => {
                self.unplug(now);
                self.back_at =
                    Some(now + std::time::Duration::from_micros(self.dice.between(AWAY[0], AWAY[1])));
            }
            FaultSite::Device => self.tell(now, DeviceInput::Fault(fault)),
        }
    }

    fn note(&mut self, now: Micros, text: &str) {
        if let Some(journal) = &mut self.journal {
            journal.event(now, text);
        }
    }

    /// Faults that happen by themselves, with their probabilities.
    pub fn chances(&self) -> &[(DeviceFault, f64)] {
        &self.chances
    }

    /// What really happened inside so far.
    pub fn truth(&self) -> Truth {
        self.device.truth()
    }

    /// The state inside at `now`.
    pub fn insides(&self, now: Micros) -> Insides {
        self.device.insides(now)
    }

    /// The registers of a chip, counted from 0 in the order of the chains.
    pub fn chip(&self, now: Micros, chip: u16) -> Option<ChipRegisters> {
        self.device.chip(now, chip)
    }

    /// What a read of the part at `address` would give at `now`; `None`: no acknowledge. Nothing changes by it.
    pub fn peek(&self, now: Micros, address: u8, register: u8, count: Option<u8>) -> Option<Vec<u8>> {
        self.device.peek(now, address, register, count)
    }

    /// What was said on the wires, from number `from` on, as far back as the journal goes; nothing without one.
    pub fn said(&mut self, now: Micros, from: u64) -> Vec<&Said> {
        self.journal.as_mut().map_or(Vec::new(), |journal| journal.since(now, from).collect())
    }
}
