//! GekkoScience sticks with BM1384 chips as hardware (`docs/protocols/gekko.md §19`). Their shell and their answers are those of
//! the Icarus sticks with Bitmain chips.

mod bm1384;
#[cfg(test)]
mod tests;

use adit_protocol::devices::Model;
use adit_protocol::icarus::Dialect;

use crate::engine::Easing;
use crate::icarus::Shell;
use crate::{Build, BuildError, DeviceFault, SimDevice};

/// Whether a stick can suffer `fault`: it has no sensor and no fan.
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
    build.check(model, &[])?;
    let chain = bm1384::Chain::new(model.chips.count, Easing::of(build)?);
    Ok(Box::new(Shell::new(Dialect::Icarus5, build.seed, chain)))
}
