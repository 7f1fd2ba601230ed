//! What the task that mines holds of telemetry: it copies numbers and passes notices on, and waits for nobody.

use std::sync::Arc;

use adit_core::{Core, Notice};
use adit_driver::Verdict;
use adit_protocol::wire::Micros;
use tokio::sync::{broadcast, watch};

use crate::sample::{Sample, Sampler};

/// Notices that may wait; beyond that the oldest are dropped and counted.
const NOTICES: usize = 256;

/// The end that belongs to the task that mines.
#[derive(Debug)]
pub struct Tap {
    sampler: Sampler,
    samples: watch::Sender<Option<Arc<Sample>>>,
    notices: broadcast::Sender<(Micros, Notice)>,
}

/// The end that belongs to telemetry.
#[derive(Debug)]
pub(crate) struct Drain {
    pub(crate) samples: watch::Receiver<Option<Arc<Sample>>>,
    pub(crate) notices: broadcast::Receiver<(Micros, Notice)>,
}

/// Both ends.
pub(crate) fn tap() -> (Tap, Drain) {
    let (samples, newest) = watch::channel(None);
    let (notices, waiting) = broadcast::channel(NOTICES);
    (Tap { sampler: Sampler::default(), samples, notices }, Drain { samples: newest, notices: waiting })
}

impl Tap {
    /// Shows the core as it is now, in place of the last sample. To be called once a second.
    pub fn sample(&mut self, now: Micros, core: &Core) {
        self.samples.send_replace(Some(Arc::new(self.sampler.take(core, now))));
    }

    /// Passes a notice of the core on. Judged nonces are counted in the samples and are not passed, but for blocks.
    pub fn notice(&mut self, now: Micros, core: &Core, notice: &Notice) {
        if matches!(notice, Notice::Judged { verdict, .. } if *verdict != Verdict::Block) {
            return;
        }
        if matches!(notice, Notice::Arrived(_)) {
            self.sample(now, core); // so that the newcomer has a name
        }
        let _ = self.notices.send((now, notice.clone())); // nobody is left to see it: as good
    }
}
