//! The driver of the Icarus family: boards and sticks that take a 64-byte job over a serial line and answer with a short
//! nonce record (`docs/protocols/icarus.md`).
//!
//! Models: `icarus`, `lancelot`, `cairnsmore1`, `block-erupter`, `antminer-u1`, `antminer-u2`, `antminer-u3`, `rbox`,
//! `rockminer-t1`, and a stick with one BM1384 when its owner names both the model and `driver=icarus`.
//!
//! A model the user chose is confirmed by its answers to known jobs; without one the answers decide. Detection works at
//! true difficulty also where `target-difficulty` eases mining.
//!
//! Settings:
//!
//! | name | meaning |
//! |---|---|
//! | `target-difficulty` | difficulty of the nonces a *simulated* device reports; hardware reports difficulty 1 |
//! | `baud` | symbols per second, 115200; some Cairnsmore1 bitstreams want 57600 |
//! | `work-division` | parts the nonce range is divided into, 1, 2, 4 or 8; probed when absent |
//! | `fpga-count` | engines that really exist, at most `work-division` |
//! | `timing` | time per hash: `long` (the default: nominal, then measured for ever), `short` (measured until some 315 nonces are timed), `nominal`, or a number of nanoseconds |
//! | `frequency` | chip clock in MHz, within the limits of the model |
//! | `voltage` | core voltage of an Antminer U3 in millivolts, 725 to 850, 775 when absent |
//! | `wake-u3` | `yes`: a device that stays silent may be sent the commands that wake an Antminer U3. Needless for a chosen U3 |
//! | `temperature-limit` | degrees Celsius of one chip at which an R-BOX is no longer fed, 85 when absent |

mod boards;
mod burst;
mod control;
mod detect;
mod health;
mod machine;
mod mining;
mod options;
mod prepare;
mod rbox;
mod rig;
mod ring;
mod serial;
mod stream;
#[cfg(test)]
mod testing;
mod timing;

use adit_driver::{Detected, Driver, Machine, Settings, StartError};

use boards::board;
use detect::Candidate;
use machine::Icarus;
use options::Options;

/// The entry of this driver in the catalog.
pub const DRIVER: Driver = Driver { name: "icarus", start };

/// Makes a machine for a device that may be one of this driver's models.
///
/// # Errors
/// [`StartError::NotMine`] when none of the candidates is one; [`StartError::Settings`] for a setting that is unknown or
/// cannot be read.
pub fn start(detected: &Detected, settings: Settings) -> Result<Box<dyn Machine>, StartError> {
    let options = Options::from_settings(settings)?;
    let candidates: Vec<Candidate> = detected
        .candidates
        .iter()
        .filter_map(|model| Some(Candidate { model, board: board(model, detected.chosen)? }))
        .collect();
    if candidates.is_empty() {
        return Err(StartError::NotMine { driver: DRIVER.name });
    }
    Ok(Box::new(Icarus::new(candidates, options)))
}
