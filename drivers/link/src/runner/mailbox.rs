//! The mailbox: orders that came together are looked at together, so that works of a dead job never reach the device.

use adit_driver::{Event, Order};

/// Orders taken out of the channel at once: a whole mailbox, so that a job change finds all the works it makes void.
pub(super) const BATCH: usize = 2048;

/// Orders there is room for without a new allocation: a few works, a new job, a ruling.
pub(super) const USUAL: usize = 32;

/// Removes the works that the last job change in `orders` has made void. Answers how many they were.
pub(super) fn void_stale_works(orders: &mut Vec<Order>) -> u64 {
    let Some(change) = orders.iter().rposition(|order| matches!(order, Order::JobChanged { .. })) else {
        return 0;
    };
    let before = orders.len();
    let mut index = 0;
    orders.retain(|order| {
        let stale = index < change && matches!(order, Order::Work(_));
        index += 1;
        !stale
    });
    (before - orders.len()) as u64
}

/// Keeps the machine's account of works true when some were voided before it saw them: for the controller, a voided work was
/// received and takes no room.
#[derive(Debug, Default)]
pub(super) struct Account {
    voided: u64,
    /// The last [`Event::Room`] as the machine said it.
    last: Option<(u64, u16)>,
}

impl Account {
    /// `works` were voided. Answers what to tell the controller, where it has heard of room before.
    pub(super) fn void(&mut self, works: u64) -> Option<Event> {
        self.voided += works;
        let (received, free) = self.last?;
        Some(Event::Room { received: received + self.voided, free })
    }

    /// What the controller is to be told when the machine says `event`.
    pub(super) fn corrected(&mut self, event: Event) -> Event {
        let Event::Room { received, free } = event else { return event };
        self.last = Some((received, free));
        Event::Room { received: received + self.voided, free }
    }
}
