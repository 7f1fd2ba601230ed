//! The Icarus family as hardware (`docs/protocols/icarus.md §4, §6 to §9`).

mod bm138x;
mod erupter;
mod fpga;
mod heat;
mod inbox;
mod outlet;
mod rbox;
mod shell;
#[cfg(test)]
mod tests;

use adit_protocol::devices::Model;
use adit_protocol::icarus::{Chip, Dialect, Job, golden};
use adit_protocol::units::HashRate;

use crate::engine::{Easing, Task};
use crate::{Build, BuildError, DeviceFault, Setting, SimDevice};
pub(crate) use outlet::Outlet;
pub(crate) use shell::{Board, Shell};

const FPGAS: Setting = Setting { key: "chips", wants: "1, 2, 4 or 8" };
const BITSTREAM: Setting =
    Setting { key: "bitstream", wants: "v3 (an FPGA stops after a nonce) or v4 (it goes on)" };
const COMMANDS: Setting = Setting { key: "commands", wants: "on or off" };
const ZERO_TRAILER: Setting = Setting { key: "zero-trailer", wants: "on or off" };
const COMMAND_LOCK: Setting = Setting { key: "command-lock", wants: "on or off" };
const ANSWERS_AT_ONCE: Setting = Setting { key: "answers-at-once", wants: "on or off" };
const RBOX_CHIPS: Setting = Setting { key: "chips", wants: "a number of chips that the box has room for" };
const NONCE_OFFSET: Setting = Setting { key: "nonce-offset", wants: "a number from -4 to 4" };

pub(crate) fn settings(model: &Model) -> &'static [Setting] {
    match model.key {
        "icarus" | "lancelot" => &[FPGAS, BITSTREAM],
        "cairnsmore1" => &[COMMANDS, ZERO_TRAILER, COMMAND_LOCK],
        "antminer-u3" => &[ANSWERS_AT_ONCE],
        "rbox" | "rockminer-t1" => &[RBOX_CHIPS, NONCE_OFFSET],
        _ => &[],
    }
}

/// Whether the device itself can suffer `fault`; sensors and fans only where they are fitted.
pub(crate) fn supports(model: &Model, fault: DeviceFault) -> bool {
    match fault {
        DeviceFault::HotSensor | DeviceFault::DeadSensor | DeviceFault::DeadFan => {
            matches!(model.key, "rbox" | "rockminer-t1")
        }
        DeviceFault::Stall
        | DeviceFault::BrownOut
        | DeviceFault::WrongWorkId
        | DeviceFault::LateNonce
        | DeviceFault::FalseNonce => true,
        _ => false,
    }
}

pub(crate) fn start(model: &'static Model, build: &Build) -> Result<Box<dyn SimDevice>, BuildError> {
    build.check(model, settings(model))?;
    let easing = Easing::of(build)?;
    let chip_rate = model.nominal.0 / f64::from(model.chips.count.max(1));
    Ok(match model.key {
        "icarus" | "lancelot" => {
            let power_of_two =
                |value: &str| value.parse().ok().filter(|count| matches!(count, 1 | 2 | 4 | 8));
            let fpgas = build.read(FPGAS, u32::from(model.chips.count), power_of_two)?;
            let stops = build.read(BITSTREAM, true, |value| match value {
                "v3" => Some(true),
                "v4" => Some(false),
                _ => None,
            })?;
            boxed(Dialect::Icarus, build, fpga::Fpga::board(fpgas, chip_rate, stops, easing))
        }
        "cairnsmore1" => {
            let commands = fpga::Commands {
                supported: build.switch(COMMANDS, true)?,
                zero_trailer: build.switch(ZERO_TRAILER, false)?,
                lock: build.switch(COMMAND_LOCK, false)?,
            };
            boxed(Dialect::Icarus, build, fpga::Fpga::cairnsmore(commands, easing))
        }
        "block-erupter" => boxed(Dialect::Icarus, build, erupter::Erupter::new(chip_rate, easing)),
        "antminer-u1" | "antminer-u2" => {
            boxed(Dialect::Icarus5, build, bm138x::Bm138x::new(Chip::Bm1380, 1, true, easing))
        }
        "antminer-u3" => {
            let at_once = build.switch(ANSWERS_AT_ONCE, false)?;
            boxed(Dialect::Icarus5, build, bm138x::Bm138x::new(Chip::Bm1382, 4, at_once, easing))
        }
        "rbox" | "rockminer-t1" => boxed(Dialect::Rbox, build, rbox(model, build, chip_rate, easing)?),
        _ => return Err(BuildError::NoTwin { model: model.key }),
    })
}

fn rbox(
    model: &'static Model,
    build: &Build,
    chip_rate: f64,
    easing: Easing,
) -> Result<rbox::Rbox, BuildError> {
    let all = model.chips.count as u8;
    let chips =
        build.read(RBOX_CHIPS, all, |value| value.parse().ok().filter(|count| (1..=all).contains(count)))?;
    let small = |value: &str| value.parse().ok().filter(|offset| (-4..=4).contains(offset));
    let offset = build.read(NONCE_OFFSET, 0, small)?;
    let Some([_, default, _]) = model.clock else { return Err(BuildError::NoTwin { model: model.key }) };
    let newer = model.key == "rockminer-t1";
    Ok(rbox::Rbox::new(newer, chips, HashRate(chip_rate), default, offset, easing))
}

fn boxed(dialect: Dialect, build: &Build, board: impl Board + 'static) -> Box<dyn SimDevice> {
    Box::new(Shell::new(dialect, build.seed, board))
}

/// What an engine makes of a job.
pub(crate) fn task(job: &Job) -> Task {
    let known = golden::lookup(job).map(|known| known.counters);
    Task { midstate: job.midstate, tail: job.tail, known }
}
