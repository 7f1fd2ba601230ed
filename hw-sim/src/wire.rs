//! The wire between a host and a device: bytes take their time on it, and on request it damages them.

#[cfg(test)]
mod tests;
pub(crate) mod uart;

use std::collections::VecDeque;
use std::time::Duration;

use adit_protocol::devices::{PortKind, PortSpec};
use adit_protocol::wire::{Line, Micros, Side};

use crate::dice::Dice;
use crate::{DeviceFault, FaultSite};

/// How long an answer is held back in the hope of another one that it can be merged with.
const MERGE_WAIT: Duration = Duration::from_millis(100);
/// Bytes on the way to one end at most; what is sent beyond is lost, as in a receiver that overruns.
const ON_THE_WAY: usize = 64 * 1024;
/// Faults that wait for chunks to one end at most.
const ARMED: usize = 4_096;
/// What a bridge that forgot its settings falls back to.
const FORGOTTEN_BAUD: u32 = 9_600;

/// One port's wire, both directions.
///
/// Chunks go in with [`send`](Self::send) and come out of [`next_arrival`](Self::next_arrival) when their last byte has arrived, in order
/// per direction. On a packet port a chunk is a transfer: it arrives at once and never suffers.
#[derive(Debug)]
pub struct Wire {
    stream: bool,
    host: End,
    device: End,
    dice: Dice,
    chances: [f64; WIRE_FAULTS.len()],
    applied: [u64; WIRE_FAULTS.len()],
    /// The host's line before it forgot its speed.
    forgotten: Option<Line>,
}

/// What happens to chunks on the wire, in the order in which it is tried.
const WIRE_FAULTS: [DeviceFault; 7] = [
    DeviceFault::DropByte,
    DeviceFault::FlipBit,
    DeviceFault::DuplicateByte,
    DeviceFault::Delay,
    DeviceFault::SplitChunk,
    DeviceFault::MergeChunks,
    DeviceFault::BaudMismatch,
];

/// One end: how it speaks and listens, and what is on the way to it.
#[derive(Debug)]
struct End {
    line: Line,
    arriving: VecDeque<Chunk>,
    /// When the line towards this end has carried everything sent so far.
    free_at: Micros,
    /// Faults that wait for the next chunk.
    armed: Vec<DeviceFault>,
}

#[derive(Debug)]
struct Chunk {
    due: Micros,
    bytes: Vec<u8>,
    /// Held back for another chunk to merge with.
    open: bool,
}

impl End {
    const fn new(line: Line) -> Self {
        Self { line, arriving: VecDeque::new(), free_at: Micros(0), armed: Vec::new() }
    }

    fn push(&mut self, due: Micros, bytes: Vec<u8>, open: bool) {
        let on_the_way = self.arriving.iter().map(|chunk| chunk.bytes.len()).sum::<usize>();
        if on_the_way + bytes.len() > ON_THE_WAY {
            return;
        }
        let due = self.arriving.back().map_or(due, |before| due.max(before.due));
        self.arriving.push_back(Chunk { due, bytes, open });
    }
}

impl Wire {
    /// An idle wire to a port, both ends set as the port is at the moment of opening.
    pub fn new(seed: u64, port: &PortSpec) -> Self {
        Self {
            stream: port.kind == PortKind::Stream,
            host: End::new(port.line),
            device: End::new(port.line),
            dice: Dice::new(seed, 0x3172),
            chances: [0.0; WIRE_FAULTS.len()],
            applied: [0; WIRE_FAULTS.len()],
            forgotten: None,
        }
    }

    /// Sets how one end speaks and listens. Different speeds garble both directions. Setting the host's end also ends a
    /// [`DeviceFault::BaudMismatch`].
    pub fn set_line(&mut self, end: Side, line: Line) {
        self.end(end).line = line;
        if end == Side::Host {
            self.forgotten = None;
        }
    }

    /// How one end speaks and listens at the moment.
    pub fn line(&self, end: Side) -> Line {
        match end {
            Side::Host => self.host.line,
            Side::Device => self.device.line,
        }
    }

    /// From now on `fault` happens by itself with `probability`: per byte for the faults of a byte, per chunk for the others.
    /// False where it cannot happen here.
    pub fn set_chance(&mut self, fault: DeviceFault, probability: f64) -> bool {
        let Some(slot) = self.slot(fault) else { return false };
        self.chances[slot] = probability;
        true
    }

    /// The next chunk suffers `fault`: an answer to the host for [`DeviceFault::SplitChunk`] and
    /// [`DeviceFault::MergeChunks`], either direction for the others. [`DeviceFault::BaudMismatch`] begins at once and lasts
    /// until the host sets its line again. False where it cannot happen here.
    pub fn inject(&mut self, fault: DeviceFault) -> bool {
        self.inject_towards(fault, None)
    }

    /// As [`Self::inject`], to the next chunk on its way to the side `to`, where that can be.
    pub fn inject_towards(&mut self, fault: DeviceFault, to: Option<Side>) -> bool {
        let Some(slot) = self.slot(fault) else { return false };
        if fault == DeviceFault::BaudMismatch {
            self.forget_baud(slot);
            return true;
        }
        let answers_only = matches!(fault, DeviceFault::SplitChunk | DeviceFault::MergeChunks);
        let to = match to {
            _ if answers_only => Side::Host,
            Some(to) => to,
            None if self.dice.chance(0.5) => Side::Host,
            None => Side::Device,
        };
        let armed = &mut self.end(to).armed;
        if armed.len() < ARMED {
            armed.push(fault);
        }
        true
    }

    /// Nothing that waits for a chunk happens any more, and a forgotten speed is remembered.
    pub fn mend(&mut self) {
        if let Some(line) = self.forgotten.take() {
            self.host.line = line;
        }
        self.host.armed.clear();
        self.device.armed.clear();
    }

    /// How often `fault` has really happened.
    pub fn applied(&self, fault: DeviceFault) -> u64 {
        self.slot(fault).map_or(0, |slot| self.applied[slot])
    }

    /// Puts a chunk on the wire towards `to`.
    pub fn send(&mut self, now: Micros, to: Side, bytes: &[u8]) {
        if !self.stream {
            self.end(to).push(now, bytes.to_vec(), false);
            return;
        }
        let (from, into) = match to {
            Side::Host => (self.device.line, self.host.line),
            Side::Device => (self.host.line, self.device.line),
        };
        let heard = uart::heard(bytes, &from, &into);
        let start = now.max(self.end(to).free_at);
        let due = start + from.duration(bytes.len());
        self.end(to).free_at = due;
        if heard.is_empty() {
            return; // nothing that a fault could happen to
        }
        let damaged = self.damage(to, heard);
        if !damaged.is_empty() {
            self.dispatch(to, due, damaged);
        }
        if self.strikes(to, DeviceFault::BaudMismatch) {
            self.forget_baud(WIRE_FAULTS.len() - 1);
        }
    }

    /// A chunk that has arrived by `now` and whom it has reached, the earliest first.
    pub fn next_arrival(&mut self, now: Micros) -> Option<(Side, Vec<u8>)> {
        let due = |end: &End| end.arriving.front().map(|chunk| chunk.due);
        let to = match (due(&self.host), due(&self.device)) {
            (Some(host), Some(device)) if host < device => Side::Host,
            (Some(_), None) => Side::Host,
            (_, Some(_)) => Side::Device,
            (None, None) => return None,
        };
        let end = self.end(to);
        if end.arriving.front()?.due > now {
            return None;
        }
        let chunk = end.arriving.pop_front()?;
        if chunk.open {
            end.armed.push(DeviceFault::MergeChunks); // nothing came to merge it with: try again
        }
        Some((to, chunk.bytes))
    }

    /// When the next chunk arrives.
    pub fn deadline(&self) -> Option<Micros> {
        [&self.host, &self.device]
            .into_iter()
            .filter_map(|end| end.arriving.front())
            .map(|chunk| chunk.due)
            .min()
    }

    /// The wire was cut: what is on the way is lost, and so are faults that wait for it.
    pub fn cut(&mut self) {
        for end in [&mut self.host, &mut self.device] {
            *end = End::new(end.line);
        }
    }

    fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::Host => &mut self.host,
            Side::Device => &mut self.device,
        }
    }

    fn slot(&self, fault: DeviceFault) -> Option<usize> {
        debug_assert_eq!(WIRE_FAULTS.contains(&fault), fault.site() == FaultSite::Wire);
        if self.stream { WIRE_FAULTS.iter().position(|known| *known == fault) } else { None }
    }

    fn forget_baud(&mut self, slot: usize) {
        self.forgotten.get_or_insert(self.host.line);
        self.host.line.baud =
            if self.device.line.baud == FORGOTTEN_BAUD { 2 * FORGOTTEN_BAUD } else { FORGOTTEN_BAUD };
        self.applied[slot] += 1;
    }

    /// Whether `fault` happens to a chunk towards `to`.
    fn strikes(&mut self, to: Side, fault: DeviceFault) -> bool {
        let by_itself = self
            .slot(fault)
            .is_some_and(|slot| self.chances[slot] > 0.0 && self.dice.chance(self.chances[slot]));
        self.disarm(to, fault) || by_itself
    }

    /// Takes one waiting `fault` away from `to`: an injected fault strikes once.
    fn disarm(&mut self, to: Side, fault: DeviceFault) -> bool {
        let armed = &mut self.end(to).armed;
        let waiting = armed.iter().position(|waiting| *waiting == fault);
        waiting.map(|at| armed.swap_remove(at)).is_some()
    }

    fn count(&mut self, fault: DeviceFault) {
        if let Some(slot) = self.slot(fault) {
            self.applied[slot] += 1;
        }
    }

    /// Bytes that are lost, inverted or doubled.
    fn damage(&mut self, to: Side, mut bytes: Vec<u8>) -> Vec<u8> {
        for fault in [DeviceFault::DropByte, DeviceFault::FlipBit, DeviceFault::DuplicateByte] {
            let forced = self.disarm(to, fault).then(|| self.dice.below(bytes.len() as u64) as usize);
            let chance = self.slot(fault).map_or(0.0, |slot| self.chances[slot]);
            if forced.is_none() && chance <= 0.0 {
                continue;
            }
            let mut at = 0;
            let mut first = forced;
            while at < bytes.len() {
                if first == Some(at) || (chance > 0.0 && self.dice.chance(chance)) {
                    first = first.filter(|forced| *forced != at);
                    self.count(fault);
                    match fault {
                        DeviceFault::DropByte => {
                            bytes.remove(at);
                            continue;
                        }
                        DeviceFault::FlipBit => bytes[at] ^= 1 << self.dice.below(8),
                        _ => {
                            bytes.insert(at, bytes[at]);
                            at += 1;
                        }
                    }
                }
                at += 1;
            }
        }
        bytes
    }

    /// Lets a chunk arrive at `due`, or later, or in pieces, or together with another one.
    fn dispatch(&mut self, to: Side, due: Micros, mut bytes: Vec<u8>) {
        let merged = self.end(to).arriving.back_mut().filter(|chunk| chunk.open).map(|chunk| {
            chunk.bytes.append(&mut bytes);
            (chunk.due, chunk.open) = (due, false);
        });
        if merged.is_some() {
            self.count(DeviceFault::MergeChunks);
            return;
        }
        let mut due = due;
        if self.strikes(to, DeviceFault::Delay) {
            due = due + Duration::from_micros(self.dice.between(20_000, 200_000));
            self.count(DeviceFault::Delay);
        }
        if to == Side::Host && bytes.len() > 1 && self.strikes(to, DeviceFault::SplitChunk) {
            let rest = bytes.split_off(self.dice.between(1, bytes.len() as u64 - 1) as usize);
            self.end(to).push(due, bytes, false);
            due = due + Duration::from_micros(self.dice.between(2_000, 15_000));
            bytes = rest;
            self.count(DeviceFault::SplitChunk);
        } else if to == Side::Host && self.strikes(to, DeviceFault::MergeChunks) {
            self.end(to).push(due + MERGE_WAIT, bytes, true);
            return;
        }
        self.end(to).push(due, bytes, false);
    }
}
