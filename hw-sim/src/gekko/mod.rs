//! GekkoScience sticks and pods as hardware (`docs/protocols/gekko.md §19`). The shell and the answers of those with BM1384 are
//! those of the Icarus sticks with Bitmain chips; the others are chains of the BM13xx family behind the pins of a bridge.

mod bm1384;
mod board;
mod chained;
#[cfg(test)]
mod tests;

use adit_protocol::devices::Model;
use adit_protocol::icarus::Dialect;

use crate::bm13xx::{self, BareChain, CHIPS, kind_on};
use crate::climate::{AMBIENT, ambient};
use crate::engine::Easing;
use crate::icarus::Shell;
use crate::{Build, BuildError, DeviceFault, Setting, SimDevice};
use board::{Board, Fitted};
use chained::{Chained, Pins};

const CONTROLLER: Setting =
    Setting { key: "controller", wants: "version 1.0, 2.0, 2.1 or 3.0 of the telemetry, or none" };
const CHIP: Setting = Setting { key: "chip", wants: "BM1370 or BM1368" };

/// The settings of a simulated `model`.
pub(crate) fn settings(model: &Model) -> &'static [Setting] {
    match model.chips.kind {
        "BM1384" => &[],
        "BM1370" => &[CHIPS, AMBIENT, CONTROLLER, CHIP],
        _ if has_board(model) => &[CHIPS, AMBIENT, CONTROLLER],
        _ => &[CHIPS],
    }
}

/// Whether a stick can suffer `fault`: only some have a sensor and a fan.
pub(crate) fn supports(model: &Model, fault: DeviceFault) -> bool {
    if model.chips.kind == "BM1384" {
        return matches!(
            fault,
            DeviceFault::Stall
                | DeviceFault::BrownOut
                | DeviceFault::WrongWorkId
                | DeviceFault::LateNonce
                | DeviceFault::FalseNonce
        );
    }
    bm13xx::supports(fault) || chained::supports(fault, has_board(model))
}

const fn has_board(model: &Model) -> bool {
    model.ports.len() > 1
}

pub(crate) fn start(model: &'static Model, build: &Build) -> Result<Box<dyn SimDevice>, BuildError> {
    build.check(model, settings(model))?;
    if model.chips.kind == "BM1384" {
        let chain = bm1384::Chain::new(model.chips.count, Easing::of(build)?);
        return Ok(Box::new(Shell::new(Dialect::Icarus5, build.seed, chain)));
    }
    let name = build.read(CHIP, model.chips.kind, |value| match value {
        "BM1370" => Some("BM1370"),
        "BM1368" => Some("BM1368"),
        _ => None,
    })?;
    let Some(kind) = kind_on(model.key, name) else { return Err(BuildError::NoTwin { model: model.key }) };
    let chain = bm13xx::Chain::new(kind, bm13xx::chips(model, build, 1)?, Easing::of(build)?, build.seed);
    let board = match has_board(model) {
        true => Some(Board::new(controller(build)?, &chain, ambient(build)?)),
        false => None,
    };
    let pins = if board.is_some() { Pins::Supply } else { Pins::Reset };
    Ok(Box::new(Chained::new(BareChain::new(chain, build.seed), pins, board)))
}

fn controller(build: &Build) -> Result<Fitted, BuildError> {
    let fitted = |version, mask| Fitted { version, mask };
    build.read(CONTROLLER, fitted(Some(0x30), 0x7f), |value| match value {
        "1.0" => Some(fitted(Some(0x10), 0)),
        "2.0" => Some(fitted(Some(0x20), 0)),
        "2.1" => Some(fitted(Some(0x21), 0)),
        "3.0" => Some(fitted(Some(0x30), 0x7f)),
        "none" => Some(fitted(None, 0)),
        _ => None,
    })
}
