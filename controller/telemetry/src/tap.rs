//! What the task that mines holds of telemetry: it copies numbers and passes notices on, and waits for nobody.

use std::sync::Arc;

use adit_core::{Core, Notice};
use adit_driver::Verdict;
use adit_protocol::wire::Micros;
use tokio::sync::{broadcast, mpsc, watch};

use crate::ledger::PoolFacts;
use crate::sample::{Sample, Sampler};
use crate::snapshot::Unused;

/// Notices that may wait; beyond that the oldest are dropped and counted.
const NOTICES: usize = 256;
/// Answers of pools that may wait to be booked; beyond that they are counted only.
const ANSWERS: usize = 8_192;

/// The end that belongs to the task that mines.
#[derive(Debug)]
pub struct Tap {
    sampler: Sampler,
    samples: watch::Sender<Option<Arc<Sample>>>,
    notices: broadcast::Sender<(Micros, Notice)>,
    answers: mpsc::Sender<Answered>,
    /// Answers that did not fit since the last that did.
    missed: u64,
    pools: watch::Sender<Vec<PoolFacts>>,
    unused: watch::Sender<Vec<Unused>>,
}

/// The answer of a pool to a share, on its way into the books.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) at: Micros,
    pub(crate) notice: Notice,
    /// So many before it came too fast.
    pub(crate) missed: u64,
}

/// The end that belongs to telemetry.
#[derive(Debug)]
pub(crate) struct Drain {
    pub(crate) samples: watch::Receiver<Option<Arc<Sample>>>,
    pub(crate) notices: broadcast::Receiver<(Micros, Notice)>,
    pub(crate) answers: mpsc::Receiver<Answered>,
    pub(crate) pools: watch::Receiver<Vec<PoolFacts>>,
    pub(crate) unused: watch::Receiver<Vec<Unused>>,
}

/// Both ends.
pub(crate) fn tap(pools: Vec<PoolFacts>) -> (Tap, Drain) {
    let (samples, newest) = watch::channel(None);
    let (notices, waiting) = broadcast::channel(NOTICES);
    let (answers, unbooked) = mpsc::channel(ANSWERS);
    let (pools, facts) = watch::channel(pools);
    let (unused, found) = watch::channel(Vec::new());
    (
        Tap { sampler: Sampler::default(), samples, notices, answers, missed: 0, pools, unused },
        Drain { samples: newest, notices: waiting, answers: unbooked, pools: facts, unused: found },
    )
}

impl Tap {
    /// Shows the core as it is now, in place of the last sample. To be called once a second.
    pub fn sample(&mut self, now: Micros, core: &Core) {
        self.samples.send_replace(Some(Arc::new(self.sampler.take(core, now))));
    }

    /// One more pool, with the next key.
    pub fn add_pool(&self, facts: PoolFacts) {
        self.pools.send_modify(|pools| pools.push(facts));
    }

    /// What is plugged in now and not used. Seen with the next sample.
    pub fn unused(&self, found: Vec<Unused>) {
        self.unused.send_replace(found);
    }

    /// Passes a notice of the core on. Judged nonces are counted in the samples and are not passed, but for blocks.
    pub fn notice(&mut self, now: Micros, core: &Core, notice: &Notice) {
        if matches!(notice, Notice::Judged { verdict, .. } if *verdict != Verdict::Block) {
            return;
        }
        if matches!(notice, Notice::Arrived(_)) {
            self.sample(now, core); // so that the newcomer has a name
        }
        if matches!(notice, Notice::Answered { .. }) {
            let answered = Answered { at: now, notice: notice.clone(), missed: self.missed };
            self.missed = self.answers.try_send(answered).map_or(self.missed + 1, |()| 0);
        }
        let _ = self.notices.send((now, notice.clone())); // nobody is left to see it: as good
    }
}
