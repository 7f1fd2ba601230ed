//! The task of one simulated device: carries bytes between its ports and its wires, and tells it the time.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use adit_protocol::Micros;
use adit_protocol::devices::Model;
use adit_protocol::wire::{Port, Side};
use tokio::sync::{mpsc, oneshot};

use super::clock::Clock;
use super::end::End;
use super::scanners::{Scanned, submit};
use super::trouble::Trouble;
use super::{Address, Place, ServeError, can_happen};
use crate::{DeviceFault, DeviceInput, DeviceOutput, Dice, FaultSite, SimDevice, Truth, Wire};

/// Shortest and longest time for which a device is away, in microseconds.
const AWAY: [u64; 2] = [1_000_000, 10_000_000];

/// What the owner of a served device wants.
#[derive(Debug)]
pub(super) enum Order {
    Fault(DeviceFault, oneshot::Sender<bool>),
    Chance(DeviceFault, f64, oneshot::Sender<bool>),
    Unplug(oneshot::Sender<()>),
    Replug(oneshot::Sender<Result<Vec<Address>, ServeError>>),
    Truth(oneshot::Sender<Truth>),
}

/// The device, its wires and ports, and the clock.
pub(super) struct Server {
    device: Box<dyn SimDevice>,
    model: &'static Model,
    places: Vec<Place>,
    /// One per port; none while the device is unplugged.
    ends: Vec<End>,
    wires: Vec<Wire>,
    clock: Clock,
    dice: Dice,
    /// Faults that the wires do not know.
    trouble: Trouble<DeviceFault>,
    /// Pulled out by a fault, to be put back then.
    back_at: Option<Micros>,
    /// Where the answers to pieces of search go.
    answer: mpsc::UnboundedSender<Scanned>,
    scanned: mpsc::UnboundedReceiver<Scanned>,
    /// Headers that this computer has hashed for the device.
    hashed: Arc<AtomicU64>,
}

/// What the task wakes up for.
enum Wake {
    Order(Option<Order>),
    Bytes { port: usize, length: usize },
    Broken { port: usize, why: io::Error },
    Scanned(Option<Scanned>),
    Timer,
}

impl Server {
    pub(super) fn new(
        device: Box<dyn SimDevice>,
        model: &'static Model,
        places: Vec<Place>,
        seed: u64,
    ) -> Self {
        let (answer, scanned) = mpsc::unbounded_channel();
        let wire = |(index, port)| Wire::new(seed.wrapping_add(index as u64), port);
        Self {
            device,
            model,
            places,
            ends: Vec::new(),
            wires: model.ports.iter().enumerate().map(wire).collect(),
            clock: Clock::start(),
            dice: Dice::new(seed, 0x5e47e),
            trouble: Trouble::new(seed),
            back_at: None,
            answer,
            scanned,
            hashed: Arc::default(),
        }
    }

    /// Headers that this computer has hashed for the device so far.
    pub(super) fn hashed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.hashed)
    }

    /// Serves until the orders end.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) -> Truth {
        let mut buffer = [0; 4096];
        loop {
            let deadline = self.deadline();
            let wake = tokio::select! {
                biased;
                order = orders.recv() => Wake::Order(order),
                read = read_any(&mut self.ends, &mut buffer) => read,
                scanned = self.scanned.recv() => Wake::Scanned(scanned),
                () = self.clock.reach(deadline) => Wake::Timer,
            };
            let now = self.clock.now();
            match wake {
                Wake::Order(None) => return self.device.truth(),
                Wake::Order(Some(order)) => self.obey(now, order).await,
                Wake::Bytes { port, length } => {
                    self.follow_lines(now);
                    self.wires[port].send(now, Side::Device, &buffer[..length]);
                }
                Wake::Broken { port, why } => {
                    tracing::error!(model = self.model.key, port, error = %why, "the port broke: unplugged");
                    self.unplug();
                }
                Wake::Scanned(Some((scan, found))) => {
                    self.hashed.fetch_add(scan.hashes(), Ordering::Relaxed);
                    self.device.on_scanned(now, &scan, found);
                    if !self.ends.is_empty() {
                        self.pass_on(now);
                    }
                }
                Wake::Scanned(None) => {} // the other end is our own
                Wake::Timer => self.run_clock(now).await,
            }
            self.carry(now);
            // A device that searches for a nonce asks for its next slice at once: let the others have theirs.
            tokio::task::yield_now().await;
        }
    }

    fn deadline(&self) -> Option<Micros> {
        if self.ends.is_empty() {
            return self.back_at;
        }
        let wires = self.wires.iter().filter_map(Wire::deadline);
        wires.chain(self.trouble.deadline()).chain(self.device.deadline()).min()
    }

    async fn run_clock(&mut self, now: Micros) {
        if self.back_at.is_some_and(|at| at <= now) {
            match self.plug_in().await {
                Ok(_) => tracing::info!(model = self.model.key, "plugged in again"),
                Err(error) => tracing::error!(model = self.model.key, %error, "stays unplugged"),
            }
        }
        if self.ends.is_empty() {
            return;
        }
        if self.device.deadline().is_some_and(|at| at <= now) {
            self.tell(now, DeviceInput::Timer);
        }
        for fault in self.trouble.due(now) {
            self.suffer(now, fault);
        }
    }

    async fn obey(&mut self, now: Micros, order: Order) {
        // A caller that no longer waits for its answer is not an error.
        match order {
            Order::Fault(fault, done) => {
                let _ = done.send(self.suffer(now, fault));
            }
            Order::Chance(fault, probability, done) => {
                let _ = done.send(self.set_chance(fault, probability));
            }
            Order::Unplug(done) => {
                self.unplug();
                let _ = done.send(());
            }
            Order::Replug(done) => {
                let _ = done.send(self.plug_in().await);
            }
            Order::Truth(answer) => {
                let _ = answer.send(self.device.truth());
            }
        }
    }

    /// Opens the ports and powers the device on, unless it is plugged in already.
    pub(super) async fn plug_in(&mut self) -> Result<Vec<Address>, ServeError> {
        self.back_at = None;
        if self.ends.is_empty() {
            let mut ends = Vec::new();
            for (place, port) in self.places.iter().zip(self.model.ports) {
                ends.push(End::open(place, port.line).await?);
            }
            // A port that was left to the system keeps its number over a replug.
            for (place, end) in self.places.iter_mut().zip(&ends) {
                if let Address::Tcp(address) = end.address() {
                    *place = Place::Tcp(address);
                }
            }
            self.ends = ends;
            for (wire, port) in self.wires.iter_mut().zip(self.model.ports) {
                wire.set_line(Side::Host, port.line);
            }
            let now = self.clock.now();
            self.trouble.rest(now);
            self.tell(now, DeviceInput::PowerOn);
        }
        Ok(self.ends.iter().map(End::address).collect())
    }

    fn unplug(&mut self) {
        self.ends.clear();
        self.wires.iter_mut().for_each(Wire::cut);
    }

    fn set_chance(&mut self, fault: DeviceFault, probability: f64) -> bool {
        if !self.places.iter().any(|place| can_happen(self.model, fault, place)) {
            return false;
        }
        if fault.site() == FaultSite::Wire {
            self.wires.iter_mut().fold(false, |any, wire| wire.set_chance(fault, probability) | any)
        } else {
            self.trouble.add(fault, probability);
            true
        }
    }

    fn suffer(&mut self, now: Micros, fault: DeviceFault) -> bool {
        if self.ends.is_empty() || !self.places.iter().any(|place| can_happen(self.model, fault, place)) {
            return false;
        }
        match fault.site() {
            FaultSite::Wire => {
                // packet ports do not suffer: the next that does
                let first = self.dice.below(self.wires.len() as u64) as usize;
                let (before, from) = self.wires.split_at_mut(first);
                return from.iter_mut().chain(before).any(|wire| wire.inject(fault));
            }
            FaultSite::Link => {
                tracing::info!(model = self.model.key, "unplugged");
                self.unplug();
                self.back_at = Some(now + Duration::from_micros(self.dice.between(AWAY[0], AWAY[1])));
            }
            FaultSite::Device => self.tell(now, DeviceInput::Fault(fault)),
        }
        true
    }

    /// The host's speed on a pseudo-terminal is only seen by looking, before every transfer.
    fn follow_lines(&mut self, now: Micros) {
        for port in 0..self.ends.len() {
            if let Some(line) = self.ends[port].changed_line() {
                tracing::debug!(model = self.model.key, port, baud = line.baud, "line set");
                self.wires[port].set_line(Side::Host, line);
                self.tell(now, DeviceInput::Line { port: Port(port as u8), line });
            }
        }
    }

    /// Delivers what has arrived at either end of the wires.
    fn carry(&mut self, now: Micros) {
        self.follow_lines(now);
        for port in 0..self.ends.len() {
            while let Some((to, bytes)) = self.wires[port].next_arrival(now) {
                if to == Side::Device {
                    self.tell(now, DeviceInput::Bytes { port: Port(port as u8), bytes: &bytes });
                } else if self.ends[port].write(&bytes) < bytes.len() {
                    tracing::debug!(model = self.model.key, port, "nobody reads: bytes lost");
                }
            }
            self.ends[port].show_line(self.wires[port].line(Side::Host));
        }
    }

    /// Passes `input` on and puts what the device says on its wires. Modem lines and control transfers exist neither on a
    /// pseudo-terminal nor on a TCP stream.
    fn tell(&mut self, now: Micros, input: DeviceInput<'_>) {
        self.device.on_input(now, input);
        self.pass_on(now);
    }

    fn pass_on(&mut self, now: Micros) {
        while let Some(scan) = self.device.next_scan() {
            submit(scan, self.answer.clone());
        }
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
                DeviceOutput::Modem { .. } | DeviceOutput::Control(_) => {}
            }
        }
    }
}

async fn read_any(ends: &mut [End], buffer: &mut [u8]) -> Wake {
    poll_fn(|cx: &mut Context<'_>| {
        for (port, end) in ends.iter_mut().enumerate() {
            match end.poll_read(cx, buffer) {
                Poll::Ready(Ok(length)) => return Poll::Ready(Wake::Bytes { port, length }),
                Poll::Ready(Err(why)) => return Poll::Ready(Wake::Broken { port, why }),
                Poll::Pending => {}
            }
        }
        Poll::Pending
    })
    .await
}
