//! The task of one USB device: carries the transfers of the host that has imported it, and tells it the time.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use adit_protocol::Micros;
use adit_protocol::usbip::{DeviceRecord, Response};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::Ask;
use crate::Truth;
use crate::serve::Address;
use crate::serve::clock::Clock;
use crate::serve::device::{MOMENTS, Order};
use crate::serve::scanners::{Scanned, submit};
use crate::usb::{Attached, UsbDevice};

/// Returns that a host may leave unread before its commands wait.
const UNREAD: usize = 256 * 1024;

/// The device, the host that has it, and the clock.
pub(super) struct UsbServer {
    device: UsbDevice,
    record: DeviceRecord,
    place: Address,
    host: Option<Host>,
    clock: Clock,
    answer: mpsc::UnboundedSender<Scanned>,
    scanned: mpsc::UnboundedReceiver<Scanned>,
    hashed: Arc<AtomicU64>,
}

/// The connection of a host that has imported the device.
struct Host {
    stream: TcpStream,
    attached: Attached,
    out: Vec<u8>,
}

enum Wake {
    Order(Option<Order>),
    Ask(Ask),
    Bytes(usize),
    Left,
    Scanned(Scanned),
    Timer,
}

impl UsbServer {
    pub(super) fn new(device: UsbDevice, record: DeviceRecord, place: Address) -> Self {
        let (answer, scanned) = mpsc::unbounded_channel();
        Self {
            device,
            record,
            place,
            host: None,
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

    /// Plugs the device in and serves it until the orders end.
    pub(super) async fn run(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        mut asks: mpsc::Receiver<Ask>,
    ) -> Truth {
        self.device.bench().plug_in(Micros(0));
        self.turn(self.clock.now());
        let mut buffer = [0; 16 * 1024];
        loop {
            let deadline = self.device.deadline();
            let wake = tokio::select! {
                biased;
                order = orders.recv() => Wake::Order(order),
                Some(ask) = asks.recv() => Wake::Ask(ask),
                wake = carry(&mut self.host, &mut buffer) => wake,
                Some(scanned) = self.scanned.recv() => Wake::Scanned(scanned),
                () = self.clock.reach(deadline) => Wake::Timer,
            };
            let now = self.clock.now();
            match wake {
                Wake::Order(None) => return self.device.bench().truth(),
                Wake::Order(Some(order)) => self.obey(now, order).await,
                Wake::Ask(Ask::Free(answer)) => {
                    let _ = answer.send(self.is_free()); // a visitor may have left
                }
                Wake::Ask(Ask::Import(stream, rest)) => self.import(now, stream, &rest),
                Wake::Bytes(length) => self.hear(now, &buffer[..length]),
                Wake::Left => self.release(now, "let go"),
                Wake::Scanned((scan, found)) => {
                    self.hashed.fetch_add(scan.hashes(), Ordering::Relaxed);
                    self.device.bench().on_scanned(now, &scan, found);
                }
                Wake::Timer => {}
            }
            self.turn(self.clock.now());
            // A device that searches for a nonce asks for its next slice at once: let the others have theirs.
            tokio::task::yield_now().await;
        }
    }

    /// Does what the owner wants. A caller that no longer waits for its answer is not an error.
    async fn obey(&mut self, now: Micros, order: Order) {
        match order {
            Order::Do(what) => what(self.device.bench(), now),
            Order::Replug(done) => {
                self.device.bench().plug_in(now);
                let _ = done.send(Ok(vec![self.place.clone()]));
            }
            Order::Speed(speed, done) => {
                self.clock.set_speed(speed);
                let _ = done.send(());
            }
            Order::Step(span, done) => {
                self.step(now + span).await;
                let _ = done.send(self.clock.now());
            }
        }
    }

    /// Lets all time until `until` pass at once, moment by moment.
    async fn step(&mut self, until: Micros) {
        let mut moments = 0;
        while let Some(at) = self.device.deadline().filter(|at| *at < until) {
            self.clock.set(at.max(self.clock.now()));
            self.turn(at);
            moments += 1;
            if moments % MOMENTS == 0 {
                tokio::task::yield_now().await;
            }
        }
        self.clock.set(until);
    }

    fn is_free(&mut self) -> bool {
        self.host.is_none() && self.device.bench().is_plugged()
    }

    /// The host is gone, or its connection is taken from it.
    fn release(&mut self, now: Micros, how: &'static str) {
        if self.host.take().is_some() {
            tracing::info!(bus_id = self.record.bus_id, "the host has {how}");
            self.device.reset(now);
        }
    }

    /// A host wants the device: one at a time.
    fn import(&mut self, now: Micros, stream: TcpStream, rest: &[u8]) {
        let free = self.is_free();
        let mut out = Vec::new();
        Response::Import(free.then(|| self.record.clone())).encode(&mut out);
        if !free {
            let _ = stream.try_write(&out); // a few bytes on a new connection; closed either way
            return;
        }
        let _ = stream.set_nodelay(true); // slower without, not wrong
        tracing::info!(bus_id = self.record.bus_id, "imported by a host");
        self.device.reset(now);
        self.host = Some(Host { stream, attached: Attached::default(), out });
        self.hear(now, rest);
    }

    fn hear(&mut self, now: Micros, bytes: &[u8]) {
        let Some(host) = &mut self.host else { return };
        if let Err(why) = host.attached.on_bytes(now, bytes, &mut self.device, &mut host.out) {
            tracing::warn!(bus_id = self.record.bus_id, %why, "the host speaks no USB/IP");
            self.release(now, "lost it");
        }
    }

    /// Does what is due and sends what there is to say.
    fn turn(&mut self, now: Micros) {
        self.device.turn(now);
        if !self.device.bench().is_plugged() {
            return self.release(now, "lost it: unplugged");
        }
        while let Some(scan) = self.device.bench().next_scan() {
            submit(scan, self.answer.clone());
        }
        if let Some(host) = &mut self.host {
            host.attached.collect(&mut self.device, &mut host.out);
            if !host.out.is_empty() {
                host.flush();
            }
        }
    }
}

impl Host {
    /// Sends what the connection takes now. One that is broken is found out by reading.
    fn flush(&mut self) {
        if let Ok(sent) = self.stream.try_write(&self.out) {
            self.out.drain(..sent);
        }
    }
}

/// Waits for bytes from the host, sending what it has not taken yet. May be dropped at any time: nothing is lost.
async fn carry(host: &mut Option<Host>, buffer: &mut [u8]) -> Wake {
    let Some(host) = host else { return pending().await };
    loop {
        let interest = match (host.out.is_empty(), host.out.len() < UNREAD) {
            (true, _) => Interest::READABLE,
            (false, true) => Interest::READABLE | Interest::WRITABLE,
            (false, false) => Interest::WRITABLE,
        };
        let Ok(ready) = host.stream.ready(interest).await else { return Wake::Left };
        if ready.is_writable() {
            host.flush();
        }
        if ready.is_readable() {
            match host.stream.try_read(buffer) {
                Ok(0) => return Wake::Left,
                Ok(length) => return Wake::Bytes(length),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return Wake::Left,
            }
        } else if ready.is_write_closed() {
            return Wake::Left;
        }
    }
}
