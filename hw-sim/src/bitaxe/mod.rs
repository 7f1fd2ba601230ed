//! Boards with a USB bridge as hardware (`docs/protocols/bitaxe-raw.md §9`): the firmware's ports, the parts on its buses, heat, supply,
//! and chips that live only while they have voltage and are out of reset.
//!
//! The power of chips follows clock and the square of the voltage, their temperature follows power, fan and the air around. Figures
//! are chosen so that a board at its usual settings behaves as published; they are no measurements.

mod board;
mod control;
mod device;
mod parts;
mod spec;
#[cfg(test)]
mod tests;

use std::time::Duration;

use adit_protocol::bitaxe_raw::{Dialect, Firmware};
use adit_protocol::devices::Model;

use crate::bm13xx::{CHIPS, Chain, chips, kind};
use crate::climate::{AMBIENT, ambient};
use crate::engine::Easing;
use crate::{Build, BuildError, DeviceFault, Setting, SimDevice};
use board::Board;
use control::Control;
use spec::{Cooling, Regulator, Spec};

const PATIENCE: Setting = Setting {
    key: "patience",
    wants: "milliseconds from 1 to 1000 after which half a request is dropped, or off",
};
const FIRMWARE: Setting = Setting { key: "firmware", wants: "classic or fan" };
const REGULATOR: Setting = Setting { key: "regulator", wants: "tps546 or ds4432u" };
const DIALECT: Setting = Setting { key: "dialect", wants: "v0 or v1" };

pub(crate) fn settings(model: &Model) -> &'static [Setting] {
    match model.key {
        "bitaxe-ultra" | "bitaxe-supra" => &[CHIPS, AMBIENT, PATIENCE, FIRMWARE, REGULATOR],
        "emberone00" => &[CHIPS, AMBIENT, PATIENCE, DIALECT],
        "bitcrane3" => &[CHIPS, AMBIENT, PATIENCE],
        _ => &[CHIPS, AMBIENT, PATIENCE, FIRMWARE],
    }
}

/// Whether a board can suffer `fault`: sensors and fans only where the controller reaches them.
pub(crate) fn supports(model: &Model, fault: DeviceFault) -> bool {
    let cooling = Spec::of(model.key).map(|spec| spec.cooling);
    match fault {
        DeviceFault::HotSensor | DeviceFault::DeadSensor => cooling != Some(Cooling::Bitcrane),
        DeviceFault::DeadFan => cooling != Some(Cooling::Tmp451),
        DeviceFault::Nak => cooling != Some(Cooling::Bitcrane),
        _ => true,
    }
}

pub(crate) fn start(model: &'static Model, build: &Build) -> Result<Box<dyn SimDevice>, BuildError> {
    build.check(model, settings(model))?;
    let none = BuildError::NoTwin { model: model.key };
    let (Some(mut spec), Some(kind)) = (Spec::of(model.key), kind(model.chips.kind)) else {
        return Err(none);
    };
    let fan = build.read(FIRMWARE, false, |value| match value {
        "classic" => Some(false),
        "fan" => Some(true),
        _ => None,
    })?;
    if fan {
        spec.firmware = Firmware::Fan;
    }
    spec = build.read(REGULATOR, spec, |value| match value {
        "tps546" => Some(spec.with_regulator(Regulator::Tps546)),
        "ds4432u" => Some(spec.with_regulator(Regulator::Trimmed)),
        _ => None,
    })?;
    let dialect = build.read(DIALECT, Dialect::V0, |value| match value {
        "v0" => Some(Dialect::V0),
        "v1" => Some(Dialect::V1),
        _ => None,
    })?;
    let patience = build.read(PATIENCE, Some(Duration::from_millis(4)), |value| match value {
        "off" => Some(None),
        millis => {
            millis.parse().ok().filter(|at| (1..=1_000).contains(at)).map(Duration::from_millis).map(Some)
        }
    })?;
    let ambient = ambient(build)?;

    let (count, easing) = (chips(model, build, spec.chains)?, Easing::of(build)?);
    let chain = |index| Chain::new(kind, count, easing, build.seed.wrapping_add(index as u64));
    let board = Board::new(spec, (0..spec.chains).map(chain).collect(), ambient, build.seed);
    let single_packet = matches!(spec.firmware, Firmware::Classic | Firmware::Fan);
    let control = Control::new(dialect, single_packet, patience, build.seed);
    Ok(Box::new(device::Device::new(spec.firmware, board, control, build.seed)))
}
