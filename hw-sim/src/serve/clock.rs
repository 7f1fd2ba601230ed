//! The real clock, and simulated time that follows it.

use std::time::{Duration, Instant, SystemTime};

use adit_protocol::Micros;

/// Simulated time: it follows real time since this clock was made, faster or slower where somebody wants it so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// When simulated time was `base`.
    at: Instant,
    base: Micros,
    /// Simulated seconds in a real one.
    speed: f64,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { at: Instant::now(), base: Micros(0), speed: 1.0 }
    }

    pub(super) fn now(&self) -> Micros {
        self.base + self.at.elapsed().mul_f64(self.speed)
    }

    /// From now on there are `speed` simulated seconds in a real one; 0 holds the time.
    pub(super) fn set_speed(&mut self, speed: f64) {
        *self = Self { at: Instant::now(), base: self.now(), speed };
    }

    /// It is `time` now.
    pub(super) fn set(&mut self, time: Micros) {
        (self.at, self.base) = (Instant::now(), time);
    }

    /// Returns at `deadline`; never when there is none or the time is held.
    pub(super) async fn reach(&self, deadline: Option<Micros>) {
        let real = deadline
            .and_then(|at| Duration::try_from_secs_f64(at.since(self.base).as_secs_f64() / self.speed).ok());
        match real.and_then(|real| self.at.checked_add(real)) {
            Some(at) => tokio::time::sleep_until(at.into()).await,
            None => std::future::pending().await,
        }
    }
}

/// Seconds since 1970 now: what [`PoolSettings::epoch`](crate::pool::PoolSettings::epoch) is for a pool that starts now.
pub fn epoch() -> u32 {
    let passed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u32::try_from(passed.as_secs()).unwrap_or(u32::MAX)
}
