//! Which devices this process has open: none is opened twice.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Places of devices, by bus and address.
static OPEN: Mutex<Option<HashSet<(u8, u8)>>> = Mutex::new(None);
static CLOSED: Condvar = Condvar::new();

/// Threads of a link that is closing end within this time.
const PATIENCE: Duration = Duration::from_secs(1);

/// A device that is held; dropping it lets go.
#[derive(Debug)]
pub(super) struct Held((u8, u8));

fn lock() -> MutexGuard<'static, Option<HashSet<(u8, u8)>>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Held {
    /// Holds the device at `place`, as soon as a link that is closing has let go of it; `None`: it is in use.
    pub(super) fn take(place: (u8, u8)) -> Option<Self> {
        let taken = |open: &mut Option<HashSet<_>>| open.get_or_insert_default().contains(&place);
        let (mut open, _) =
            CLOSED.wait_timeout_while(lock(), PATIENCE, taken).unwrap_or_else(PoisonError::into_inner);
        // Not `then_some`: a hold that is made and dropped lets go of the other one's.
        open.get_or_insert_default().insert(place).then(|| Self(place))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        lock().get_or_insert_default().remove(&self.0);
        CLOSED.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_held_once_and_then_again_when_it_is_let_go() {
        let first = Held::take((250, 1)).unwrap();
        assert!(Held::take((250, 2)).is_some(), "another one");
        assert!(Held::take((250, 1)).is_none());
        drop(first);
        assert!(Held::take((250, 1)).is_some());
    }
}
