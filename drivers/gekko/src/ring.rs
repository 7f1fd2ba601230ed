//! The works a stick may still answer for, by their 5-bit ids.

use adit_driver::{Claim, MAX_CLAIMS, Work};
use adit_protocol::bm13xx::Bm1384Work;
use arrayvec::ArrayVec;

const IDS: usize = Bm1384Work::JOB_IDS as usize;
/// Half of the ids are retired at any time, so that a late nonce is recognised.
const LIVE: usize = IDS / 2;
/// A damaged id is told from the hash: so many of the newest works are tried.
const NEWEST: usize = 2;

/// The last works, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    works: ArrayVec<(u8, Work), LIVE>,
    given: usize,
}

impl Ring {
    /// Gives the next id to `work`.
    pub(crate) fn give(&mut self, work: Work) -> u8 {
        let id = (self.given % IDS) as u8;
        self.given += 1;
        if self.works.is_full() {
            self.works.remove(0);
        }
        self.works.push((id, work));
        id
    }

    /// No id has been given twice: one that means nothing is a leftover of an earlier session.
    pub(crate) const fn is_young(&self) -> bool {
        self.given < IDS
    }

    /// Works that must be remembered.
    pub(crate) const fn memory() -> u16 {
        LIVE as u16
    }

    /// The headers that `nonce` under `id` may stand for. None where the id is retired.
    pub(crate) fn claims(&self, id: u8, nonce: [u8; 4]) -> ArrayVec<Claim, MAX_CLAIMS> {
        let mut claims = ArrayVec::new();
        let Some(named) = self.works.iter().find(|(given, _)| *given == id) else { return claims };
        let newest = self.works.iter().rev().take(NEWEST).filter(|(given, _)| *given != id);
        claims.extend(std::iter::once(named).chain(newest).map(|(_, work)| Claim {
            work: work.id,
            extranonce2: work.space.extranonce2.start,
            ntime: work.header.ntime,
            version: work.header.version,
            nonce: u32::from_le_bytes(nonce),
        }));
        claims
    }
}

#[cfg(test)]
mod tests {
    use adit_driver::words::work;
    use adit_protocol::pow::Header;

    use super::*;

    fn claimed(works: u64, id: u8) -> Vec<u64> {
        let mut ring = Ring::default();
        for number in 0..works {
            ring.give(work(number, Header::from_bytes(&[7; 80])));
        }
        ring.claims(id, [1, 2, 3, 4]).iter().map(|claim| claim.work.0).collect()
    }

    #[test]
    fn the_named_work_comes_first_and_then_the_newest() {
        assert_eq!(claimed(3, 1), [1, 2]);
        assert_eq!(claimed(40, 30), [30, 39, 38]);
    }

    #[test]
    fn a_retired_id_means_nothing() {
        assert!(claimed(40, 23).is_empty());
        assert!(claimed(0, 0).is_empty());
        assert_eq!(claimed(40, 7)[0], 39);
    }
}
