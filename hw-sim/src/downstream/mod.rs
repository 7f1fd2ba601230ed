//! A miner that speaks Stratum V1 to whoever it mines for (`docs/protocols/stratum-v1.md`), as hardware: its link is the
//! connection, which it believes to have opened itself.

mod device;
mod search;
mod session;
#[cfg(test)]
mod tests;

use adit_protocol::devices::Model;

use crate::engine::Easing;
use crate::{Build, BuildError, DeviceFault, Setting, SimDevice};
use device::Miner;

const HASHRATE: Setting = Setting { key: "hashrate", wants: "hashes per second, 1e6 to 1e15" };
const AGENT: Setting = Setting { key: "agent", wants: "name/version, at most 128 characters" };
const WORKER: Setting = Setting { key: "worker", wants: "at most 128 characters" };
const PASSWORD: Setting = Setting { key: "password", wants: "at most 128 characters" };
const ROLLING: Setting = Setting { key: "version-rolling", wants: "`on` or `off`" };
const SUGGEST: Setting = Setting { key: "suggest-difficulty", wants: "a difficulty, 1e-9 to 1e12" };

pub(crate) const SETTINGS: &[Setting] = &[HASHRATE, AGENT, WORKER, PASSWORD, ROLLING, SUGGEST];

/// Hash rate where nobody says.
const DEFAULT_HASHRATE: f64 = 5e9;

/// What a miner does and says.
#[derive(Clone, Debug)]
struct Habits {
    /// Hashes per second.
    rate: f64,
    /// One header in so many is really tried.
    stride: u64,
    agent: String,
    worker: String,
    password: String,
    rolls: bool,
    suggests: Option<f64>,
}

/// Whether the device itself can suffer `fault`: of its chips nothing is seen from outside.
pub(crate) const fn supports(fault: DeviceFault) -> bool {
    matches!(
        fault,
        DeviceFault::Stall
            | DeviceFault::BrownOut
            | DeviceFault::WrongWorkId
            | DeviceFault::LateNonce
            | DeviceFault::FalseNonce
            | DeviceFault::DuplicateNonce
    )
}

pub(crate) fn start(model: &'static Model, build: &Build) -> Result<Box<dyn SimDevice>, BuildError> {
    build.check(model, SETTINGS)?;
    let number = |low: f64, high: f64| {
        move |text: &str| text.parse().ok().filter(|number: &f64| (low..=high).contains(number))
    };
    let text = |setting: Setting, usual: &str| {
        let short = |text: &str| (text.chars().count() <= 128).then(|| text.to_owned());
        build.read(setting, usual.to_owned(), short)
    };
    let habits = Habits {
        rate: build.read(HASHRATE, DEFAULT_HASHRATE, number(1e6, 1e15))?,
        stride: Easing::of(build)?.stride(),
        agent: text(AGENT, "sim-miner/1.0")?,
        worker: text(WORKER, "sim.miner")?,
        password: text(PASSWORD, "x")?,
        rolls: build.switch(ROLLING, true)?,
        suggests: build.read(SUGGEST, None, |text| number(1e-9, 1e12)(text).map(Some))?,
    };
    Ok(Box::new(Miner::new(habits, build.seed)))
}
