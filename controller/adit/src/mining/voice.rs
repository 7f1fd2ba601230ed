//! What the core has to say, as lines of the log.

use std::time::Duration;

use adit_core::{Answer, Core, Notice};
use adit_driver::{DeviceKey, Fault, LinkError, Verdict};
use adit_protocol::wire::Micros;
use adit_upstream::PoolConfig;
use tracing::{debug, info, warn};

use crate::output::short_place;

/// `host:port` of a pool.
pub(crate) fn place(pool: &PoolConfig) -> String {
    match pool.host.contains(':') {
        true => format!("[{}]:{}", pool.host, pool.port),
        false => format!("{}:{}", pool.host, pool.port),
    }
}

/// Name and location of a device.
pub(crate) fn device(core: &Core, now: Micros, key: DeviceKey) -> String {
    match core.device(now, key) {
        Some(device) => format!("{} ({})", device.name, short_place(&device.detected.location)),
        None => format!("device {}", key.0),
    }
}

/// Logs `notice`.
pub(crate) fn say(core: &Core, now: Micros, pools: &[PoolConfig], notice: &Notice) {
    let device = |key: DeviceKey| device(core, now, key);
    let connects = |key| core.device(now, key).is_some_and(|row| row.detected.connects());
    let pool = |key: adit_driver::PoolKey| pools.get(usize::from(key.0)).map(place).unwrap_or_default();
    match notice {
        Notice::Judged { verdict: Verdict::Share | Verdict::BelowShare, difficulty, device: key } => {
            debug!(device = key.0, difficulty, "nonce");
        }
        Notice::Judged { verdict: Verdict::Block, difficulty, device: key } => {
            warn!("{} has found a block of difficulty {difficulty}", device(*key));
        }
        Notice::Judged { verdict, difficulty, device: key } => {
            debug!(device = key.0, difficulty, verdict = verdict.name(), "nonce");
        }
        Notice::Arrived(key) => debug!("{} is there", device(*key)),
        Notice::Unplugged(key) => warn!("{} was unplugged", device(*key)),
        Notice::Hashing(key) => info!("{} is hashing", device(*key)),
        Notice::Fault { device: key, fault: Fault::Link(LinkError::Gone), .. } if connects(*key) => {
            info!("{} has hung up", device(*key));
        }
        Notice::Fault { device: key, fault, retry_at } => match retry_at {
            Some(at) => {
                let pause = at.since(now).max(Duration::from_secs(1)).as_secs();
                warn!("{}: {fault}; trying again in {pause} s", device(*key));
            }
            None if connects(*key) => warn!("{}: {fault}; it was hung up on", device(*key)),
            None => warn!("{}: {fault}; not trying again until it is plugged in anew", device(*key)),
        },
        Notice::Left(key) => warn!("{} has left and has not come back", device(*key)),
        Notice::Moved { device: key, to, why } => info!("{} now runs {to}: {why}", device(*key)),
        Notice::Tuned(key, tuned) => info!(
            "{} is tuned to {}: {}; setting tuned={}@{:.0} keeps it",
            device(*key),
            tuned.point,
            tuned.rate,
            tuned.point.clock.mhz(),
            tuned.point.core.0 * 1e3
        ),
        Notice::Declined(key, command) => warn!("{} cannot do {command:?}", device(*key)),
        Notice::Obeyed(key, command) => info!("{} has done {command:?}", device(*key)),
        Notice::Paused(key, true) => info!("{} is paused", device(*key)),
        Notice::Paused(key, false) => info!("{} may work again", device(*key)),
        Notice::Answered { device: key, answer: Answer::Accepted, latency, .. } => {
            let shares = core.device(now, *key).map_or(0, |row| row.shares.accepted);
            if shares == 1 {
                info!("{}: its first share is accepted", device(*key));
            } else {
                debug!(
                    "accepted: share {shares} of {} after {:.1} ms",
                    device(*key),
                    latency.as_secs_f64() * 1e3
                );
            }
        }
        Notice::Answered { device: key, answer: Answer::Rejected { reason, .. }, pool: from, .. } => {
            warn!("pool {}: rejected a share of {}: {reason}", pool(*from), device(*key));
        }
        Notice::Answered { device: key, answer: Answer::Lost, pool: from, .. } => {
            warn!("pool {}: a share of {} was not answered", pool(*from), device(*key));
        }
        Notice::PoolSays { text, warning: true, .. } => warn!("{text}"),
        Notice::PoolSays { text, warning: false, .. } => info!("{text}"),
        Notice::PoolIsOdd(key, oddity) => warn!("{}", oddity.sentence(*key, pool)),
        Notice::WorkingFor(Some(key)) => info!("working for {}", pool(*key)),
        Notice::WorkingFor(None) => warn!("no pool has work: the devices idle"),
        Notice::Exhausted(key) => {
            warn!("the job of {} is used up: the devices idle until the next", pool(*key))
        }
    }
}
