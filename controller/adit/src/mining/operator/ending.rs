//! The end of a run: hardware first, then the pools' last answers.

use std::time::Duration;

use adit_core::State;
use adit_protocol::wire::Micros;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::info;

use super::Operator;
use crate::failure::Failure;
use crate::mining::AFTER_SAFE;
use crate::service;
use crate::summary::Summary;

/// How long answers of pools are waited for once the hardware is safe.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
/// What the hardware still gets when the user no longer wants to wait for it.
const HURRY: Duration = Duration::from_millis(300);

/// The run is coming to its end.
pub(super) struct Ending {
    how: How,
    /// The hardware is safe by then, or will not be.
    by: Instant,
    /// Answers of pools are no longer waited for then. `None` while the hardware is not safe.
    patience: Option<Instant>,
    hurried: bool,
}

/// What a run comes to.
pub(super) enum How {
    /// The goal was reached: everything is counted that was then.
    Reached(Summary),
    /// Somebody wished so at this time: the answers that still come are counted.
    Asked(Micros),
    Failed(Failure),
}

/// What is left of a run.
pub(in crate::mining) struct Left {
    pub(in crate::mining) result: Result<Summary, Failure>,
    /// To be closed in good order, now that the shares' senders are gone.
    pub(in crate::mining) sessions: JoinSet<()>,
    /// Nobody wants to wait.
    pub(in crate::mining) hurried: bool,
}

impl Ending {
    pub(super) fn wake_at(&self) -> Instant {
        self.patience.unwrap_or(self.by)
    }
}

impl Operator {
    /// A signal came.
    pub(super) fn interrupted(&mut self) {
        if let Some(ending) = &mut self.ending {
            ending.hurried = true;
            ending.by = ending.by.min(Instant::now() + HURRY);
            return;
        }
        info!("stopping: making the devices safe");
        let how = match self.complaint.take() {
            Some(complaint) if !self.reached => {
                How::Failed(Failure::run(anyhow::anyhow!("no pool could be used: {complaint}")))
            }
            _ => How::Asked(self.now()),
        };
        self.end(how);
    }

    /// Begins the end: hardware first.
    pub(super) fn end(&mut self, how: How) {
        if self.ending.is_some() {
            return;
        }
        let (now, by) = (self.now(), Instant::now() + self.plan.stop_within);
        service::is_stopping(self.plan.stop_within + AFTER_SAFE);
        self.core.stop(now, now + self.plan.stop_within);
        // A device's own deadline comes first, its last report after.
        self.ending =
            Some(Ending { how, by: by + Duration::from_millis(500), patience: None, hurried: false });
        self.carry_out();
    }

    /// The result, once the hardware is safe and the pools have answered, or had the time to; and whether it is in a hurry.
    pub(super) fn ended(&mut self) -> Option<(Result<Summary, Failure>, bool)> {
        let ending = self.ending.as_mut()?;
        let (now, safe) = (Instant::now(), self.core.is_stopped());
        if safe {
            let patience = *ending.patience.get_or_insert(now + LAST_ANSWERS);
            let answered = self.core.pools().all(|pool| pool.shares.pending == 0 || pool.up_since.is_none());
            if !answered && !ending.hurried && now < patience {
                return None;
            }
        } else if now < ending.by {
            return None;
        }
        let Ending { how, hurried, .. } = self.ending.take()?;
        let pending: u64 = self.core.pools().map(|pool| pool.shares.pending).sum();
        if pending > 0 {
            info!("shares that no pool has answered yet: {pending}");
        }
        let result = match (how, self.left_behind()) {
            (_, Some(failure)) if hurried => Err(failure),
            (How::Reached(summary), _) => Ok(summary),
            (How::Asked(at), _) => Ok(Summary::of(&self.core, at)),
            (How::Failed(failure), _) => Err(failure),
        };
        Some((result, hurried))
    }

    /// What to say of devices that have been open and have not come to rest, if there are any.
    fn left_behind(&self) -> Option<Failure> {
        let devices = self.core.devices(self.now());
        let restless = devices.filter(|it| it.state != State::Stopped && self.fleet.has_been_up(it.key));
        let names: Vec<_> = restless.map(|device| device.name.to_owned()).collect();
        (!names.is_empty()).then(|| {
            let names = names.join(", ");
            Failure::run(anyhow::anyhow!("ended before every device was safe: look after {names}"))
        })
    }
}
