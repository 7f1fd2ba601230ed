//! The real clock.

use std::time::{Duration, Instant, SystemTime};

use adit_protocol::Micros;

/// Real time since this clock was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(&self) -> Micros {
        Micros::default() + self.0.elapsed()
    }

    /// Returns at `deadline`; never when there is none.
    pub(super) async fn reach(&self, deadline: Option<Micros>) {
        match deadline {
            Some(at) => tokio::time::sleep_until((self.0 + Duration::from_micros(at.0)).into()).await,
            None => std::future::pending().await,
        }
    }
}

/// Seconds since 1970 now: what [`PoolSettings::epoch`](crate::pool::PoolSettings::epoch) is for a pool that starts now.
pub fn epoch() -> u32 {
    let passed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u32::try_from(passed.as_secs()).unwrap_or(u32::MAX)
}
