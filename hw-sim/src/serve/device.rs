//! The task of one simulated device: carries bytes between its ports and its wires, and tells it the time.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use adit_protocol::Micros;
use adit_protocol::devices::Model;
use adit_protocol::wire::Port;
use tokio::sync::{mpsc, oneshot};

use super::clock::Clock;
use super::end::End;
use super::scanners::{Scanned, submit};
use super::{Address, Place, ServeError};
use crate::{Bench, Heard, Truth};

/// Moments of a step after which other tasks have their turn.
pub(super) const MOMENTS: usize = 256;
/// Moments of a step in which no time passes: after so many the device is behind with its hashing.
const STUCK: usize = 10_000;

/// Done with a device at one moment of its time.
pub(super) type Deed = dyn FnOnce(&mut Bench, Micros) + Send;

/// What the owner of a served device wants.
pub(super) enum Order {
    /// Something to be done with the device at this moment.
    Do(Box<Deed>),
    Replug(oneshot::Sender<Result<Vec<Address>, ServeError>>),
    /// Simulated seconds in a real one.
    Speed(f64, oneshot::Sender<()>),
    /// So much time passes at once.
    Step(Duration, oneshot::Sender<Micros>),
}

/// The device, its ports, and the clock.
pub(super) struct Server {
    bench: Bench,
    places: Vec<Place>,
    /// One per port; none while the device is unplugged.
    ends: Vec<End>,
    clock: Clock,
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
    pub(super) fn new(bench: Bench, places: Vec<Place>) -> Self {
        let (answer, scanned) = mpsc::unbounded_channel();
        let has_speed = places.iter().any(|place| matches!(place, Place::Pty(_)));
        let bench = if has_speed { bench } else { bench.without_speed() };
        Self {
            bench,
            places,
            ends: Vec::new(),
            clock: Clock::start(),
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
            let deadline = self.bench.deadline();
            let wake = tokio::select! {
                biased;
                order = orders.recv() => Wake::Order(order),
                read = read_any(&mut self.ends, &mut buffer) => read,
                scanned = self.scanned.recv() => Wake::Scanned(scanned),
                () = self.clock.reach(deadline) => Wake::Timer,
            };
            let now = self.clock.now();
            match wake {
                Wake::Order(None) => return self.bench.truth(),
                Wake::Order(Some(order)) => self.obey(now, order, &orders).await,
                Wake::Bytes { port, length } => {
                    self.follow_lines(now);
                    self.bench.send(now, Port(port as u8), &buffer[..length]);
                }
                Wake::Broken { port, why } => {
                    tracing::error!(model = self.bench.model().key, port, error = %why, "the port broke: unplugged");
                    self.bench.unplug(now);
                }
                Wake::Scanned(Some((scan, found))) => {
                    self.hashed.fetch_add(scan.hashes(), Ordering::Relaxed);
                    self.bench.on_scanned(now, &scan, found);
                }
                Wake::Scanned(None) => {} // the other end is our own
                Wake::Timer => {}
            }
            self.turn(self.clock.now()).await;
            // A device that searches for a nonce asks for its next slice at once: let the others have theirs.
            tokio::task::yield_now().await;
        }
    }

    /// Does what is due and carries what has arrived.
    async fn turn(&mut self, now: Micros) {
        self.follow_lines(now);
        self.bench.turn(now);
        if let Err(error) = self.follow_plug(now).await {
            tracing::error!(model = self.bench.model().key, %error, "stays unplugged");
        }
        while let Some(scan) = self.bench.next_scan() {
            submit(scan, self.answer.clone());
        }
        while let Some(heard) = self.bench.receive() {
            // Modem lines and control transfers exist neither on a pseudo-terminal nor on a TCP stream.
            if let Heard::Bytes { port, bytes } = heard
                && let Some(end) = self.ends.get(usize::from(port.0))
                && end.write(&bytes) < bytes.len()
            {
                tracing::debug!(model = self.bench.model().key, port = port.0, "nobody reads: bytes lost");
            }
        }
        for (end, port) in self.ends.iter_mut().zip((0..).map(Port)) {
            if let Some(line) = self.bench.line(port) {
                end.show_line(line);
            }
        }
    }

    async fn obey(&mut self, now: Micros, order: Order, orders: &mpsc::Receiver<Order>) {
        // A caller that no longer waits for its answer is not an error.
        match order {
            Order::Do(what) => what(&mut self.bench, now),
            Order::Replug(done) => {
                let _ = done.send(self.plug_in(now).await);
            }
            Order::Speed(speed, done) => {
                self.clock.set_speed(speed);
                let _ = done.send(());
            }
            Order::Step(span, done) => {
                self.step(now + span, orders).await;
                let _ = done.send(self.clock.now());
            }
        }
        // what was ordered is seen before the order is answered
        if let Err(error) = self.follow_plug(self.clock.now()).await {
            tracing::error!(model = self.bench.model().key, %error, "stays unplugged");
        }
    }

    /// Lets all time until `until` pass at once, moment by moment; less of it when nobody wants the device any more. A device that
    /// falls behind with its hashing stays behind.
    async fn step(&mut self, until: Micros, orders: &mpsc::Receiver<Order>) {
        let (mut moments, mut stuck) = (0_usize, 0);
        while let Some(at) = self.bench.deadline().filter(|at| *at < until) {
            let now = self.clock.now();
            stuck = if at > now { 0 } else { stuck + 1 };
            if stuck > STUCK || orders.is_closed() {
                break;
            }
            self.clock.set(at.max(now));
            self.turn(at.max(now)).await;
            moments += 1;
            if moments.is_multiple_of(MOMENTS) {
                tokio::task::yield_now().await;
            }
        }
        self.clock.set(until.max(self.clock.now()));
    }

    /// Opens the ports and powers the device on, unless it is plugged in already.
    pub(super) async fn plug_in(&mut self, now: Micros) -> Result<Vec<Address>, ServeError> {
        self.bench.plug_in(now);
        self.follow_plug(now).await?;
        Ok(self.ends.iter().map(End::address).collect())
    }

    /// Opens or closes the ports as the device is plugged in or not.
    async fn follow_plug(&mut self, now: Micros) -> Result<(), ServeError> {
        match (self.bench.is_plugged(), self.ends.is_empty()) {
            (true, true) => {
                let opened = open(&self.places, self.bench.model()).await;
                self.ends = opened.inspect_err(|_| self.bench.unplug(now))?;
                // A port that was left to the system keeps its number over a replug.
                for (place, end) in self.places.iter_mut().zip(&self.ends) {
                    if let Address::Tcp(address) = end.address() {
                        *place = Place::Tcp(address);
                    }
                }
                tracing::debug!(model = self.bench.model().key, "plugged in");
            }
            (false, false) => {
                tracing::info!(model = self.bench.model().key, "unplugged");
                self.ends.clear();
            }
            _ => {}
        }
        Ok(())
    }

    /// The host's speed and mode on a pseudo-terminal are only seen by looking, before every transfer.
    fn follow_lines(&mut self, now: Micros) {
        for (end, port) in self.ends.iter_mut().zip((0..).map(Port)) {
            if let Some(line) = end.changed_line() {
                tracing::debug!(model = self.bench.model().key, port = port.0, baud = line.baud, "line set");
                self.bench.set_line(now, port, line);
            }
            if let Some(raw) = end.changed_mode() {
                self.bench.set_terminal(now, port, raw);
            }
        }
    }
}

async fn open(places: &[Place], model: &'static Model) -> Result<Vec<End>, ServeError> {
    let mut ends = Vec::new();
    for (place, port) in places.iter().zip(model.ports) {
        ends.push(End::open(place, port.line).await?);
    }
    Ok(ends)
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
