//! Frames with a pause between them: a BM1384 knows by silence where one ends (`docs/protocols/gekko.md §3.2`).

use std::collections::VecDeque;
use std::time::Duration;

use adit_driver::Outbox;
use adit_protocol::bm13xx::{Bm1384Codec, Bm1384Frame};
use adit_protocol::wire::{Codec as _, Line, Micros, Port, Side};

/// The data port.
pub(crate) const PORT: Port = Port(0);
/// Sixteen bits of silence end a frame; the bridge adds some jitter of its own.
const GAP: Duration = Duration::from_millis(1);

/// The bytes of `frame`.
pub(crate) fn bytes(frame: &Bm1384Frame) -> Vec<u8> {
    Bm1384Codec::new(Side::Device).encoded(frame)
}

/// Time that `frame` and the pause behind it take.
pub(crate) fn span(frame: &[u8]) -> Duration {
    Line::at(115_200).duration(frame.len()) + GAP
}

/// Frames on their way out, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    waiting: VecDeque<Vec<u8>>,
    free: Micros,
}

impl Pace {
    /// Writes `frame` when those before it have ended.
    pub(crate) fn send(&mut self, now: Micros, frame: &Bm1384Frame, outbox: &mut Outbox) {
        self.waiting.push_back(bytes(frame));
        self.turn(now, outbox);
    }

    /// Writes what is due.
    pub(crate) fn turn(&mut self, now: Micros, outbox: &mut Outbox) {
        while now >= self.free
            && let Some(frame) = self.waiting.pop_front()
        {
            self.free = now + span(&frame);
            outbox.write(PORT, frame);
        }
    }

    /// Drops what has not been written.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When the line is free for another frame.
    pub(crate) const fn free(&self) -> Micros {
        self.free
    }

    /// When something is due.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        (!self.waiting.is_empty()).then_some(self.free)
    }
}
