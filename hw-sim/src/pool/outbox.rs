//! Lines on their way out: delayed, cut and joined as the quirks want it.

use std::collections::VecDeque;
use std::time::Duration;

use adit_protocol::Micros;

use super::{Conn, PoolEvent, PoolOutput, Quirk, Quirks};
use crate::dice::Dice;

/// Longest piece that a usual line is cut into. A huge one is cut into at least [`MANY`].
const PIECE: usize = 40;
const MANY: usize = 50;

#[derive(Debug)]
pub(super) struct Outbox {
    quirks: Quirks,
    delay: Duration,
    dice: Dice,
    /// Outputs of the present moment.
    stage: Vec<PoolOutput>,
    /// Outputs in their order, each with the instant it may leave.
    queue: VecDeque<(Micros, PoolOutput)>,
    events: VecDeque<PoolEvent>,
}

impl Outbox {
    pub(super) fn new(quirks: Quirks, delay: Duration, dice: Dice) -> Self {
        let (stage, queue, events) = Default::default();
        Self { quirks, delay, dice, stage, queue, events }
    }

    pub(super) fn send(&mut self, conn: Conn, bytes: Vec<u8>) {
        if let Some(PoolOutput::Send { conn: last, bytes: before }) = self.stage.last_mut()
            && self.quirks.has(Quirk::JoinLines)
            && *last == conn
        {
            before.extend(bytes);
        } else {
            self.stage.push(PoolOutput::Send { conn, bytes });
        }
    }

    pub(super) fn close(&mut self, conn: Conn) {
        self.stage.push(PoolOutput::Close { conn });
    }

    pub(super) fn event(&mut self, event: PoolEvent) {
        self.events.push_back(event);
    }

    /// The present moment is over.
    pub(super) fn commit(&mut self, now: Micros) {
        let due = now + self.delay;
        for output in self.stage.drain(..) {
            match output {
                PoolOutput::Send { conn, bytes } if self.quirks.has(Quirk::SplitLines) => {
                    let longest = PIECE.max(bytes.len() / MANY) as u64;
                    let mut rest = bytes.as_slice();
                    while !rest.is_empty() {
                        let length = self.dice.between(1, longest) as usize;
                        let (piece, after) = rest.split_at(length.min(rest.len()));
                        self.queue.push_back((due, PoolOutput::Send { conn, bytes: piece.to_vec() }));
                        rest = after;
                    }
                }
                output => self.queue.push_back((due, output)),
            }
        }
    }

    pub(super) fn next(&mut self, now: Micros) -> Option<PoolOutput> {
        if let Some(event) = self.events.pop_front() {
            return Some(PoolOutput::Event(event));
        }
        let due = self.deadline().is_some_and(|due| due <= now);
        if due { self.queue.pop_front().map(|(_, output)| output) } else { None }
    }

    /// When the next output may leave.
    pub(super) fn deadline(&self) -> Option<Micros> {
        self.queue.front().map(|(due, _)| *due)
    }
}
