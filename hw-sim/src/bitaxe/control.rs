//! The control port of the firmware: takes requests out of USB packets and sends answers, in order
//! (`docs/protocols/bitaxe-raw.md §3`).

use std::collections::VecDeque;
use std::time::Duration;

use adit_protocol::bitaxe_raw::{Codec, Dialect, ErrorCode, ErrorReply, Frame, Reply, Request};
use adit_protocol::wire::{Codec as _, Micros, Side};

use crate::DeviceFault;
use crate::dice::Dice;

/// A bulk packet.
const PACKET: usize = 64;
/// Id of answers to requests that could not be parsed.
const NO_ID: u8 = 0xff;
/// Answers that wait at most.
const WAITING: usize = 256;

/// What taking a packet has come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// A request, or bytes that are none.
    Request(Option<Request>),
    /// Nothing whole yet.
    Nothing,
    /// More than the buffer holds.
    Overflow,
    /// A length that the firmware does not survive.
    Crash,
}

/// Buffers of the port.
#[derive(Debug)]
pub(super) struct Control {
    codec: Codec,
    /// The controller sends an answer as one packet or not at all.
    single_packet: bool,
    /// Silence after which what is no whole request is dropped; `None`: never.
    patience: Option<Duration>,
    bytes: Vec<u8>,
    last: Micros,
    answers: VecDeque<(Micros, Vec<u8>)>,
    /// An answer of exactly one packet, which does not end a transfer: it arrives with the next.
    stuck: Vec<u8>,
    late: u32,
    lost: u32,
    dice: Dice,
}

impl Control {
    pub(super) fn new(dialect: Dialect, single_packet: bool, patience: Option<Duration>, seed: u64) -> Self {
        Self {
            codec: Codec::new(dialect, Side::Host),
            single_packet,
            patience,
            bytes: Vec::new(),
            last: Micros(0),
            answers: VecDeque::new(),
            stuck: Vec::new(),
            late: 0,
            lost: 0,
            dice: Dice::new(seed, 0xc031),
        }
    }

    pub(super) fn reset(&mut self) {
        self.bytes.clear();
        self.answers.clear();
        self.stuck.clear();
    }

    /// Arms a fault of answers; false for any other.
    pub(super) const fn arm(&mut self, fault: DeviceFault) -> bool {
        let count = match fault {
            DeviceFault::LateReply => &mut self.late,
            DeviceFault::LostReply => &mut self.lost,
            _ => return false,
        };
        *count = count.saturating_add(1);
        true
    }

    /// No fault waits for an answer any more.
    pub(super) const fn mend(&mut self) {
        (self.late, self.lost) = (0, 0);
    }

    /// Takes a USB packet. Of the buffer at most one request is taken with each, and the surplus waits for the next packet.
    pub(super) fn take(&mut self, now: Micros, packet: &[u8]) -> Taken {
        if self.patience.is_some_and(|patience| now.since(self.last) >= patience) {
            self.bytes.clear();
        }
        self.last = now;
        self.bytes.extend_from_slice(packet);
        if self.bytes.len() > Request::MAX_SIZE {
            self.bytes.clear();
            return Taken::Overflow;
        }
        let [low, high, _, _, _, ..] = self.bytes[..] else { return Taken::Nothing };
        let size = usize::from(u16::from_le_bytes([low, high]));
        if !(5..=Request::MAX_SIZE).contains(&size) {
            self.bytes.clear();
            return Taken::Crash;
        }
        if self.bytes.len() < size {
            return Taken::Nothing;
        }
        let bytes: Vec<u8> = self.bytes.drain(..size).collect();
        Taken::Request(Request::from_bytes(&bytes))
    }

    /// Answers after `time`, at the earliest when the answers before have been sent.
    pub(super) fn answer(&mut self, now: Micros, time: Duration, id: u8, result: Result<Vec<u8>, ErrorCode>) {
        let frame = match result {
            Ok(data) => Frame::Reply(Reply { id, data }),
            Err(code @ ErrorCode::Invalid) => Frame::Error(ErrorReply { id: NO_ID, code }),
            Err(code) => Frame::Error(ErrorReply { id, code }),
        };
        let bytes = self.codec.encoded(&frame);
        if self.lost > 0 {
            self.lost -= 1;
            return;
        }
        let mut due = self.answers.back().map_or(now, |(due, _)| now.max(*due)) + time;
        if self.late > 0 {
            self.late -= 1;
            due = due + Duration::from_micros(self.dice.between(1_200_000, 3_000_000));
        }
        let leaves = !self.single_packet || bytes.len() <= PACKET;
        if leaves && self.answers.len() < WAITING {
            self.answers.push_back((due, bytes));
        }
    }

    /// The next transfer that has left by `now`.
    pub(super) fn next_transfer(&mut self, now: Micros) -> Option<Vec<u8>> {
        while self.answers.front().is_some_and(|(due, _)| *due <= now) {
            let (_, bytes) = self.answers.pop_front()?;
            self.stuck.extend(bytes);
            if !self.stuck.len().is_multiple_of(PACKET) {
                return Some(std::mem::take(&mut self.stuck));
            }
        }
        None
    }

    pub(super) fn deadline(&self) -> Option<Micros> {
        self.answers.front().map(|(due, _)| *due)
    }
}
