//! Hotplug: scans, triggered by what the operating system says.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::uevent::Uevents;
use super::{Change, Found, Roots, diff, scan};

/// Pause between a notification and the scan: one plug makes a dozen of them, and udev needs a moment to set permissions.
const SETTLE: Duration = Duration::from_millis(150);

/// Interval of the scans where notifications come: only in case one was lost.
const SLOW: Duration = Duration::from_secs(30);

/// Interval of the scans where no notification has come yet: some containers pass none on.
const FAST: Duration = Duration::from_secs(2);

/// What is plugged in and out, for as long as somebody asks.
///
/// Notifications of the operating system only trigger a scan; events are the difference of two scans. Between two calls of
/// [`next`](Self::next) nothing runs.
#[derive(Debug)]
pub struct Watch {
    roots: Roots,
    uevents: Option<Uevents>,
    /// A notification has come at least once.
    notified: bool,
    present: Vec<Found>,
    changes: VecDeque<Change>,
    scan_at: Instant,
}

impl Watch {
    /// Begins to watch, then looks: what is there already arrives first, and nothing that comes in between is missed. Must be
    /// called inside a tokio runtime.
    pub fn new(roots: Roots) -> Self {
        let uevents = Uevents::open().inspect_err(|error| {
            tracing::info!(%error, "no hotplug notifications: looking every {} s", FAST.as_secs());
        });
        Self {
            roots,
            uevents: uevents.ok(),
            notified: false,
            present: Vec::new(),
            changes: VecDeque::new(),
            scan_at: Instant::now(),
        }
    }

    /// What is plugged in as of the last scan.
    pub fn present(&self) -> &[Found] {
        &self.present
    }

    /// Waits for the next change. May be dropped and called again without losing one.
    pub async fn next(&mut self) -> Change {
        loop {
            if let Some(change) = self.changes.pop_front() {
                return change;
            }
            if Instant::now() < self.scan_at {
                self.wait().await;
            }
            self.look();
        }
    }

    fn look(&mut self) {
        let after = scan(&self.roots);
        self.changes.extend(diff(&self.present, &after));
        self.present = after;
        self.scan_at = Instant::now() + if self.notified { SLOW } else { FAST };
    }

    /// Returns when it is time to look.
    async fn wait(&mut self) {
        let failed = match &self.uevents {
            None => return sleep_until(self.scan_at).await,
            Some(uevents) => tokio::select! {
                result = uevents.next() => result.err(),
                () = sleep_until(self.scan_at) => return,
            },
        };
        match failed {
            None => self.notified = true,
            Some(error) => {
                tracing::warn!(%error, "hotplug notifications failed: looking every {} s", FAST.as_secs());
                (self.uevents, self.notified) = (None, false);
            }
        }
        self.scan_at = Instant::now();
        sleep(SETTLE).await;
    }
}
