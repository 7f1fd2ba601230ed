//! The works a device has been given, and re-hashing what it says of them.

use std::collections::VecDeque;

use adit_driver::{Claim, Work, WorkId};
use adit_protocol::pow::{Hash, Midstate, Target};

/// Nonces of one work that are remembered exactly.
const REMEMBERED: usize = 64;
/// Works remembered at least, whatever the device asks for.
const FEWEST_WORKS: usize = 8;

/// What a device promises of the nonces it reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Promise {
    /// Each meets this target.
    pub(crate) target: Target,
    /// Expected hashes behind each.
    pub(crate) hashes: f64,
}

/// The last works of one device, oldest first.
#[derive(Debug, Default)]
pub(crate) struct IssuedWorks {
    works: VecDeque<Issued>,
}

#[derive(Debug)]
struct Issued {
    work: Work,
    promise: Promise,
    /// Of the work's first corner.
    midstate: Midstate,
    reported: Reported,
}

/// A ring of the headers reported last.
#[derive(Debug, Default)]
struct Reported {
    claims: Vec<Claim>,
    /// The nonces of `claims`, side by side: all are compared with every nonce that comes.
    nonces: Vec<u32>,
    next: usize,
}

/// What became of the claims of one nonce.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finding {
    /// Which claim is meant: the first that keeps the device's promise, else the first of a known work.
    pub(crate) claim: u8,
    /// Its hash; `None` when it lies outside of what was issued.
    pub(crate) hash: Option<Hash>,
    /// It keeps the promise.
    pub(crate) kept: bool,
    /// The same header was reported before.
    pub(crate) repeated: bool,
    /// Expected hashes behind it.
    pub(crate) hashes: f64,
    slot: usize,
}

impl IssuedWorks {
    /// Remembers `work`, and forgets the oldest works beyond the last `memory`.
    pub(crate) fn push(&mut self, work: Work, promise: Promise, memory: usize) {
        let mut reported = Reported::default();
        while self.works.len() >= memory.max(FEWEST_WORKS) {
            // Its list is used again: in the long run nothing is allocated.
            reported = self.works.pop_front().map_or_else(Reported::default, |oldest| oldest.reported);
        }
        reported.clear();
        let midstate = work.header.midstate();
        self.works.push_back(Issued { work, promise, midstate, reported });
    }

    /// The device promises something else. Nonces of works it already has may still be as easy as before.
    pub(crate) fn renew_promise(&mut self, promise: Promise) {
        for issued in self.works.iter_mut().filter(|issued| issued.promise.target < promise.target) {
            issued.promise = promise;
        }
    }

    /// Forgets everything: another link, another machine.
    pub(crate) fn clear(&mut self) {
        self.works.clear();
    }

    /// Re-hashes the claims of a nonce in order and remembers the one that is meant. `None`: no claim names a work of
    /// this device.
    pub(crate) fn examine(&mut self, claims: &[Claim]) -> Option<Finding> {
        let mut meant: Option<Finding> = None;
        for (index, claim) in claims.iter().enumerate() {
            let Some(slot) = self.slot(claim.work) else { continue };
            let issued = &self.works[slot];
            let hash = issued.hash(claim);
            let kept = hash.is_some_and(|hash| issued.promise.target.is_met_by(&hash));
            if kept || meant.is_none() {
                let hashes = issued.promise.hashes;
                meant = Some(Finding { claim: index as u8, hash, kept, repeated: false, hashes, slot });
            }
            if kept {
                break;
            }
        }
        let mut meant = meant?;
        meant.repeated = !self.works[meant.slot].reported.insert(&claims[usize::from(meant.claim)]);
        Some(meant)
    }

    /// The works given last.
    pub(crate) fn newest(&self, count: usize) -> impl Iterator<Item = &Work> {
        self.works.iter().rev().take(count).map(|issued| &issued.work)
    }

    /// The work that a finding belongs to.
    pub(crate) fn work(&self, finding: &Finding) -> &Work {
        &self.works[finding.slot].work
    }

    fn slot(&self, id: WorkId) -> Option<usize> {
        self.works.binary_search_by_key(&id, |issued| issued.work.id).ok()
    }
}

impl Issued {
    /// The hash of the claimed header, if it lies in the box that was issued. Two compressions in the box's first corner,
    /// three for another version; another extranonce2 costs its merkle root.
    fn hash(&self, claim: &Claim) -> Option<Hash> {
        let Work { space, job, header, .. } = &self.work;
        if !space.contains(claim.extranonce2, claim.ntime, claim.version, claim.nonce) {
            return None;
        }
        let (mut header, mut midstate) = (*header, self.midstate);
        if claim.extranonce2 != space.extranonce2.start || claim.version != header.version {
            if claim.extranonce2 != space.extranonce2.start {
                header.merkle_root = job.merkle_root(claim.extranonce2);
            }
            header.version = claim.version;
            midstate = header.midstate();
        }
        header.ntime = claim.ntime;
        header.nonce = claim.nonce;
        Some(midstate.finish(&header.tail()))
    }
}

impl Reported {
    /// False when it is there already.
    fn insert(&mut self, claim: &Claim) -> bool {
        // Without a branch per nonce, so that the compiler compares many at once; hardly ever is one alike.
        let alike = self.nonces.iter().fold(false, |alike, nonce| alike | (*nonce == claim.nonce));
        if alike && self.claims.contains(claim) {
            return false;
        }
        if self.claims.len() < REMEMBERED {
            self.claims.push(*claim);
            self.nonces.push(claim.nonce);
        } else {
            self.claims[self.next] = *claim;
            self.nonces[self.next] = claim.nonce;
            self.next = (self.next + 1) % REMEMBERED;
        }
        true
    }

    fn clear(&mut self) {
        self.claims.clear();
        self.nonces.clear();
        self.next = 0;
    }
}
