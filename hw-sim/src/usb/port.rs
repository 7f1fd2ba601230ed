//! One port of a device behind its bridge chip: what waits for the host, what the host waits for, and the serial line.

use std::collections::VecDeque;
use std::time::Duration;

use adit_protocol::bridge::{Heard, State, cp2102_rounded, ftdi};
use adit_protocol::devices::{Bridge, PortKind, PortSpec};
use adit_protocol::wire::{Line, Micros, Parity};

use super::descriptors::Function;
use super::{Completion, Outcome};

/// Bytes that wait for the host at most; a bridge that overruns loses the newest.
const RECEIVE_ROOM: usize = 4_096;
/// Bytes that a bridge takes ahead of its serial line.
const TRANSMIT_ROOM: usize = 640;
/// Rates that differ by no more are heard as if they were the same, in per cent.
const TOLERANCE: u64 = 3;

#[derive(Debug)]
pub(super) struct BridgePort {
    pub(super) function: Function,
    pub(super) state: State,
    bridge: Bridge,
    /// The chip rounds rates as the oldest of its kind does.
    rounds: bool,
    stream: bool,
    enabled: bool,
    /// What has come from the device: a stream is one piece, packets stay apart.
    received: VecDeque<Vec<u8>>,
    reading: VecDeque<Reading>,
    writing: VecDeque<Writing>,
    /// When the line towards the device has sent everything so far.
    sent_at: Micros,
    /// When a chip with status bytes sends its next packet whatever has come.
    status_at: Micros,
}

/// A transfer that waits for data.
#[derive(Debug)]
struct Reading {
    id: u32,
    length: usize,
    got: Vec<u8>,
}

/// A transfer whose bytes do not all fit into the chip yet.
#[derive(Debug)]
struct Writing {
    id: u32,
    bytes: usize,
    due: Micros,
}

impl BridgePort {
    pub(super) fn new(bridge: Bridge, part: u8, function: Function, spec: &PortSpec) -> Self {
        Self {
            function,
            state: State { part, ..State::default() },
            bridge,
            rounds: bridge == Bridge::Cp210x && part == 2,
            stream: spec.kind == PortKind::Stream,
            enabled: bridge != Bridge::Cp210x,
            received: VecDeque::new(),
            reading: VecDeque::new(),
            writing: VecDeque::new(),
            sent_at: Micros(0),
            status_at: Micros(0),
        }
    }

    /// The transfers that wait here.
    pub(super) fn waiting_transfers(&self) -> impl Iterator<Item = u32> {
        let reading = self.reading.iter().map(|reading| reading.id);
        reading.chain(self.writing.iter().map(|writing| writing.id))
    }

    /// The chip is in its state after power-on; transfers that waited are forgotten.
    pub(super) fn reset(&mut self) {
        self.state.apply(Heard::Reset);
        self.enabled = self.bridge != Bridge::Cp210x;
        self.received.clear();
        self.reading.clear();
        self.writing.clear();
    }

    /// Does what was asked of the chip.
    pub(super) fn obey(&mut self, heard: Heard) {
        self.state.apply(heard);
        match heard {
            Heard::Enabled(on) => self.enabled = on,
            Heard::Purge { receive: true, .. } => self.received.clear(),
            Heard::Baud(baud) if self.rounds => self.state.line.baud = cp2102_rounded(baud),
            _ => {}
        }
    }

    /// The host's end of the serial line towards a device that speaks at `device`. A rate that is nearly the device's is heard
    /// as the device's, and mark parity as the second stop bit that it looks like.
    pub(super) fn line_towards(&self, device: Line) -> Line {
        let mut line = self.state.line;
        if u64::from(line.baud.abs_diff(device.baud)) * 100 <= u64::from(device.baud) * TOLERANCE {
            line.baud = device.baud;
        }
        if line.parity == Parity::Mark && device.parity == Parity::None {
            line.parity = Parity::None;
        }
        line
    }

    /// Bytes have come from the device.
    pub(super) fn receive(&mut self, bytes: Vec<u8>) {
        if !self.enabled || self.waiting() + bytes.len() > RECEIVE_ROOM {
            return;
        }
        match self.received.back_mut().filter(|_| self.stream) {
            Some(last) => last.extend(bytes),
            None => self.received.push_back(bytes),
        }
    }

    /// A host wants to read.
    pub(super) fn read(&mut self, id: u32, length: usize) {
        self.reading.push_back(Reading { id, length, got: Vec::new() });
    }

    /// Whether bytes of the host go any further than the chip.
    pub(super) fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// A host has written as many bytes; its transfer ends when they fit into the chip. True where that is at once.
    pub(super) fn write(&mut self, now: Micros, id: u32, bytes: usize) -> bool {
        if bytes == 0 || !self.enabled || !self.stream {
            return true;
        }
        let line = self.state.line;
        self.sent_at = self.sent_at.max(now) + line.duration(bytes);
        let due = Micros(self.sent_at.0.saturating_sub(micros(line.duration(TRANSMIT_ROOM))));
        if due <= now && self.writing.is_empty() {
            return true;
        }
        self.writing.push_back(Writing { id, bytes, due });
        false
    }

    /// Gives a transfer up; false where it does not wait here. What it has read so far waits for the next one.
    pub(super) fn unlink(&mut self, id: u32) -> bool {
        if let Some(at) = self.reading.iter().position(|reading| reading.id == id) {
            let got = self.reading.remove(at).map(|reading| reading.got).unwrap_or_default();
            if !got.is_empty() && self.bridge != Bridge::Ftdi {
                self.received.push_front(got);
            }
            return true;
        }
        let at = self.writing.iter().position(|writing| writing.id == id);
        at.and_then(|at| self.writing.remove(at)).is_some()
    }

    /// Transfers that wait here.
    pub(super) fn pending(&self) -> usize {
        self.reading.len() + self.writing.len()
    }

    /// When [`complete`](Self::complete) has something to do even if nothing comes.
    pub(super) fn deadline(&self) -> Option<Micros> {
        let status = (self.bridge == Bridge::Ftdi && !self.reading.is_empty()).then_some(self.status_at);
        self.writing.front().map(|writing| writing.due).into_iter().chain(status).min()
    }

    /// Ends the transfers that can end at `now`.
    pub(super) fn complete(&mut self, now: Micros, done: &mut VecDeque<Completion>) {
        while let Some(writing) = self.writing.pop_front_if(|writing| writing.due <= now) {
            done.push_back(Completion { id: writing.id, outcome: Outcome::Written(writing.bytes) });
        }
        while self.fill(now) {
            if let Some(Reading { id, got, .. }) = self.reading.pop_front() {
                done.push_back(Completion { id, outcome: Outcome::Read(got) });
            }
        }
        self.state.receiving = self.waiting() as u32;
        let unsent = Micros(self.sent_at.0).since(now);
        let byte = self.state.line.duration(1).max(Duration::from_nanos(1));
        self.state.transmitting = (unsent.as_nanos() / byte.as_nanos()) as u32;
    }

    fn waiting(&self) -> usize {
        self.received.iter().map(Vec::len).sum()
    }

    /// Puts packets into the first transfer that reads; true where that ends it. A transfer ends with a packet that is not
    /// full or when it is full itself.
    fn fill(&mut self, now: Micros) -> bool {
        let packet = usize::from(self.function.packet);
        let least = if self.bridge == Bridge::Ftdi { ftdi::Status::SIZE } else { 1 };
        let Some(reading) = self.reading.front_mut() else { return false };
        loop {
            let room = reading.length - reading.got.len();
            if room < least {
                return true;
            }
            let before = reading.got.len();
            if self.bridge == Bridge::Ftdi {
                let data: usize = self.received.front().map_or(0, Vec::len);
                if data < packet - ftdi::Status::SIZE && now < self.status_at {
                    return false;
                }
                let status = ftdi::Status::idle(self.state.inputs);
                let piece = self.received.front().map_or(&[][..], Vec::as_slice);
                let used = ftdi::dress(status, piece, packet.min(room), &mut reading.got);
                consume(&mut self.received, used);
                self.status_at = now + Duration::from_millis(self.state.latency_ms.into());
            } else {
                let Some(piece) = self.received.front() else { return false };
                let used = piece.len().min(packet).min(room);
                reading.got.extend_from_slice(&piece[..used]);
                consume(&mut self.received, used);
            }
            if reading.got.len() - before < packet {
                return true;
            }
        }
    }
}

/// Takes `used` bytes from the front piece.
fn consume(received: &mut VecDeque<Vec<u8>>, used: usize) {
    if let Some(piece) = received.front_mut() {
        piece.drain(..used);
        if piece.is_empty() {
            received.pop_front();
        }
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
