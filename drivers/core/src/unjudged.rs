//! Nonces that wait for their verdict.

/// Most nonces that wait for their verdict.
const WAITING: usize = 64;

/// What a machine remembers of nonces that have not been judged, by their number. Bounded: the oldest are forgotten, and
/// nothing is learnt from them.
#[derive(Debug)]
pub struct Unjudged<T> {
    waiting: [Option<(u64, T)>; WAITING],
    next: u64,
}

impl<T: Copy> Default for Unjudged<T> {
    fn default() -> Self {
        Self { waiting: [None; WAITING], next: 0 }
    }
}

impl<T: Copy> Unjudged<T> {
    /// No nonce yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Numbers a nonce and remembers `what` of it.
    pub fn number(&mut self, what: T) -> u64 {
        let seq = self.next;
        self.waiting[seq as usize % WAITING] = Some((seq, what));
        self.next += 1;
        seq
    }

    /// Takes what was remembered of nonce `seq`.
    pub fn take(&mut self, seq: u64) -> Option<T> {
        let slot = &mut self.waiting[seq as usize % WAITING];
        match slot {
            Some((waiting, what)) if *waiting == seq => {
                let what = *what;
                *slot = None;
                Some(what)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unjudged_nonces_are_numbered_from_0_and_bounded() {
        let mut unjudged = Unjudged::new();
        let seqs: Vec<u64> = (0..100).map(|n| unjudged.number(n)).collect();
        assert_eq!(seqs, (0..100).collect::<Vec<u64>>());
        assert_eq!(unjudged.take(0), None, "forgotten");
        assert_eq!(unjudged.take(99), Some(99));
        assert_eq!(unjudged.take(99), None, "judged once");
        assert_eq!(unjudged.take(1_000_000), None);
    }
}
