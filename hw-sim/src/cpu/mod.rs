//! A computer that hashes on its own processors, as hardware (`docs/protocols/cpu.md`).

mod device;
mod search;
#[cfg(test)]
mod tests;

use adit_protocol::devices::Model;

use crate::engine::Easing;
use crate::{Build, BuildError, DeviceFault, Setting, SimDevice};
use device::Cpu;

const THREADS: Setting = Setting { key: "threads", wants: "1 to 256" };

pub(crate) const SETTINGS: &[Setting] = &[THREADS];

/// Whether the device itself can suffer `fault`: it has neither a board nor a chain.
pub(crate) const fn supports(fault: DeviceFault) -> bool {
    matches!(
        fault,
        DeviceFault::Stall
            | DeviceFault::BrownOut
            | DeviceFault::WrongWorkId
            | DeviceFault::LateNonce
            | DeviceFault::FalseNonce
    )
}

pub(crate) fn start(model: &'static Model, build: &Build) -> Result<Box<dyn SimDevice>, BuildError> {
    build.check(model, SETTINGS)?;
    Easing::of(build)?;
    let threads =
        build.read(THREADS, 1, |text| text.parse().ok().filter(|count| (1..=256).contains(count)))?;
    Ok(Box::new(Cpu::new(threads, model.nominal, build.target_difficulty, build.seed)))
}
