//! The last so many of something, numbered.

use std::collections::VecDeque;

/// The last items; each has a number that counts up from 1.
#[derive(Clone, Debug)]
pub(crate) struct Ring<T> {
    items: VecDeque<T>,
    most: usize,
    next: u64,
}

impl<T> Ring<T> {
    pub(crate) fn new(most: usize) -> Self {
        Self { items: VecDeque::with_capacity(most), most, next: 1 }
    }

    /// Adds the item that `make` makes of its number.
    pub(crate) fn push(&mut self, make: impl FnOnce(u64) -> T) -> &T {
        if self.items.len() == self.most {
            self.items.pop_front();
        }
        let number = self.next;
        self.next += 1;
        self.items.push_back(make(number));
        &self.items[self.items.len() - 1]
    }

    /// Number of the newest item; 0 while there is none.
    pub(crate) const fn newest(&self) -> u64 {
        self.next - 1
    }

    /// The items whose number is above `after`, oldest first. Those that are no longer kept are left out.
    pub(crate) fn after(&self, after: u64) -> impl Iterator<Item = &T> {
        let first = self.next - self.items.len() as u64;
        let skipped = after.saturating_add(1).saturating_sub(first);
        self.items.iter().skip(usize::try_from(skipped).unwrap_or(usize::MAX))
    }

    /// The items whose number is below `before`, newest first.
    pub(crate) fn before(&self, before: u64) -> impl Iterator<Item = &T> {
        let skipped = self.next.saturating_sub(before);
        self.items.iter().rev().skip(usize::try_from(skipped).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_gives_what_it_still_has_from_either_side() {
        let mut ring = Ring::new(3);
        assert_eq!((ring.newest(), ring.after(0).count(), ring.before(u64::MAX).count()), (0, 0, 0));
        for _ in 0..5 {
            ring.push(|number| number);
        }
        assert_eq!(ring.newest(), 5);
        assert_eq!(ring.after(0).copied().collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(ring.after(4).copied().collect::<Vec<_>>(), [5]);
        assert_eq!(ring.after(5).count(), 0);
        assert_eq!(ring.after(u64::MAX - 1).count(), 0);
        assert_eq!(ring.before(5).copied().collect::<Vec<_>>(), [4, 3]);
        assert_eq!(ring.before(u64::MAX).copied().collect::<Vec<_>>(), [5, 4, 3]);
        assert_eq!(ring.before(1).count(), 0);
        assert_eq!(ring.before(0).count(), 0);
    }
}
