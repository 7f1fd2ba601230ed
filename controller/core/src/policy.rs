//! What the user may choose, with the defaults of `docs/protocols/stratum-v1.md`.

use std::time::Duration;

use crate::Strategy;

/// How the core decides. Every span is counted in the time that the caller passes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How work is divided among pools (§16).
    pub strategy: Strategy,
    /// A better pool that had failed is returned to after it has been usable for so long (§16).
    pub return_after: Duration,
    /// Nonces of a job that was cleaned are still submitted for so long, while the previous block is the same (§10).
    pub stale_grace: Duration,
    /// Header time may run ahead of the job's time plus the time since it arrived by so many seconds (§9).
    pub ntime_ahead_s: u32,
    /// Header time never exceeds the job's by more than this, however old the job is (§9).
    pub ntime_cap_s: u32,
    /// Nonces of a job that is no longer the newest are submitted for so long after it arrived (§5.3).
    pub job_life: Duration,
    /// Longest pause between two attempts to open a device; the first is 1 s, each next one twice as long.
    pub longest_retry: Duration,
    /// A device that has been working for so long starts again with the shortest pause when it fails.
    pub stable_after: Duration,
    /// Attempts in a row that never got a device to work before it is left alone.
    pub attempts: u32,
    /// How long it is then left alone before the next single attempt.
    pub quarantine: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            strategy: Strategy::Failover,
            return_after: Duration::from_secs(120),
            stale_grace: Duration::from_secs(30),
            ntime_ahead_s: 60,
            ntime_cap_s: 600,
            job_life: Duration::from_secs(600),
            longest_retry: Duration::from_secs(60),
            stable_after: Duration::from_secs(60),
            attempts: 5,
            quarantine: Duration::from_secs(300),
        }
    }
}
