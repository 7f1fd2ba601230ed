//! Works on their way to a device: the few that wait.

use std::collections::VecDeque;

use crate::{Event, Outbox, Work};

/// Works that have been received and not yet written.
#[derive(Debug)]
pub struct Queue {
    works: VecDeque<Work>,
    room: u16,
    received: u64,
}

impl Queue {
    /// Room for `room` works, `received` having come before there was any.
    pub fn new(room: u16, received: u64) -> Self {
        Self { works: VecDeque::with_capacity(usize::from(room)), room, received }
    }

    /// How many works fit.
    pub fn room(&self) -> u16 {
        self.room
    }

    /// Works received since the link came up.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.works.is_empty()
    }

    /// A work came. One too many replaces the oldest.
    pub fn put(&mut self, work: Work) {
        self.received += 1;
        if self.works.len() >= usize::from(self.room) {
            self.works.pop_front();
        }
        self.works.push_back(work);
    }

    /// The next work to be written.
    pub fn take(&mut self) -> Option<Work> {
        self.works.pop_front()
    }

    /// Another job: what waits is void.
    pub fn clear(&mut self) {
        self.works.clear();
    }

    /// Tells the controller how much room there is.
    pub fn announce(&self, outbox: &mut Outbox) {
        let free = self.room.saturating_sub(self.works.len() as u16);
        outbox.emit(Event::Room { received: self.received, free });
    }
}

#[cfg(test)]
mod tests {
    use adit_protocol::pow::Header;

    use super::*;
    use crate::words::work;

    fn header() -> Header {
        Header::from_bytes(&[7; 80])
    }

    #[test]
    fn works_never_exceed_room_and_every_one_is_counted() {
        let (mut queue, mut outbox) = (Queue::new(1, 0), Outbox::default());
        queue.put(work(1, header()));
        queue.put(work(2, header()));
        queue.announce(&mut outbox);
        assert_eq!(outbox.pop(), Some(crate::Action::Emit(Event::Room { received: 2, free: 0 })));
        assert_eq!(queue.take().map(|work| work.id.0), Some(2));
        assert!(queue.is_empty());
    }
}
