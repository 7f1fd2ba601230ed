//! What was said on the wires of a device, decoded, as far back as there is room.

use std::collections::VecDeque;

use adit_protocol::devices::Model;
use adit_protocol::shown::Shown;
use adit_protocol::trace::{Entry, Seen, Sight, Solution, Timeline, What};
use adit_protocol::wire::{Micros, Port, Side};

/// All is on one link.
const LINK: u32 = 0;

/// One thing said, or one that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Counted from 0 since the device was made; never reused.
    pub id: u64,
    /// When, in microseconds of the device's time.
    pub at: Micros,
    /// What.
    pub what: Saying,
}

/// What was said, or happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Saying {
    /// A frame, or bytes that are none.
    Bytes {
        /// Where.
        port: Port,
        /// By whom.
        from: Side,
        /// Position in all bytes of this side of the port.
        offset: u64,
        /// How many bytes.
        len: usize,
        /// The frame, or why the bytes are skipped.
        found: Result<Shown, String>,
        /// The job that a nonce solves, and how well.
        solves: Option<Solution>,
    },
    /// Something that is no bytes: a new line speed, a pulled plug, a fault.
    Event(String),
}

/// The newest things said.
pub(super) struct Journal {
    timeline: Timeline,
    said: VecDeque<Said>,
    room: usize,
    next: u64,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("said", &self.said.len()).field("next", &self.next).finish()
    }
}

impl Journal {
    pub(super) fn new(model: &Model, room: usize) -> Self {
        let mut journal = Self { timeline: Timeline::default(), said: VecDeque::new(), room, next: 0 };
        journal.feed(Micros(0), What::Device { models: model.key, location: "bench" });
        journal
    }

    pub(super) fn bytes(&mut self, at: Micros, from: Side, port: Port, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.feed(at, What::Bytes { from, port, bytes });
        }
    }

    pub(super) fn event(&mut self, at: Micros, text: &str) {
        self.feed(at, What::Words(text));
    }

    fn feed(&mut self, at: Micros, what: What<'_>) {
        let Self { timeline, said, room, next } = self;
        timeline.feed(&Entry { at, link: LINK, what }, &mut |sight| keep(said, *room, next, sight));
    }

    /// Everything that is certain at `now` and has a number from `from` on, the oldest first.
    pub(super) fn since(&mut self, now: Micros, from: u64) -> impl Iterator<Item = &Said> {
        let Self { timeline, said, room, next } = self;
        timeline.wait(now, &mut |sight| keep(said, *room, next, sight));
        let first = said.front().map_or(*next, |said| said.id);
        self.said.iter().skip(usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX))
    }
}

fn keep(said: &mut VecDeque<Said>, room: usize, next: &mut u64, sight: Sight<'_>) {
    let what = match sight.what {
        Seen::Item { port, item, solves } => Saying::Bytes {
            port,
            from: item.from,
            offset: item.offset,
            len: item.len,
            found: item.found,
            solves,
        },
        Seen::Other(What::Words(words)) => Saying::Event(words.to_owned()),
        Seen::Other(_) => return,
    };
    if said.len() >= room.max(1) {
        said.pop_front();
    }
    said.push_back(Said { id: *next, at: sight.at, what });
    *next += 1;
}
