//! The driver of the computer's own processors (`docs/protocols/cpu.md`): link `cpu:N`, N threads.
//!
//! Settings:
//!
//! | name | meaning |
//! |---|---|
//! | `duty` | share of the time that is spent searching, in percent, 1 to 100; 100 when absent |
//! | `nice` | niceness of the threads, 0 to 19; 19 when absent: everything else on the computer goes first |
//! | `pin` | processors the threads run on, joined with `+`: thread 0 on the first and so on, from the front again when there are more threads |
//! | `target-difficulty` | difficulty of the nonces a *simulated* CPU reports |

mod introduce;
mod machine;
mod mining;
mod options;

use adit_driver::{Detected, Driver, Machine, Settings, StartError};

use machine::Cpu;
use options::Options;

/// The entry of this driver in the catalog.
pub const DRIVER: Driver = Driver { name: "cpu", start };

/// Makes a machine for the computer's processors.
///
/// # Errors
/// [`StartError::NotMine`] when none of the candidates is a CPU; [`StartError::Settings`] for a setting that is unknown or
/// cannot be read.
pub fn start(detected: &Detected, settings: Settings) -> Result<Box<dyn Machine>, StartError> {
    let options = Options::from_settings(settings)?;
    let model = detected.candidates.iter().find(|model| model.driver == DRIVER.name);
    let model = model.ok_or(StartError::NotMine { driver: DRIVER.name })?;
    Ok(Box::new(Cpu::new(model, options)))
}
