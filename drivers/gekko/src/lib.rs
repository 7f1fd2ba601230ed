//! Driver of GekkoScience sticks with BM1384 chips: Compac, 2Pac and Terminus (`docs/protocols/gekko.md`).
//!
//! A stick is asked who is on its chain, its chips get addresses and the start clock, and their cores are opened. Then it mines
//! while its clock rises in steps to the frequency that is wanted. Every ten seconds the chips are asked for their clock: one
//! that has fallen back was without power for a moment, and the chain is set up again. A chip that finds nothing for twenty
//! times as long as it should costs a step of clock; the third time in a row the stick is given up and opened anew. So does a
//! stick that finds less than 65 % of what its clock promises cost two steps. These sticks have no reset line.
//!
//! | setting | meaning |
//! |---|---|
//! | `target-difficulty` | eases a *simulated* stick: it reports hashes of so much times its ticket's difficulty |
//! | `frequency` | the clock to reach, in MHz, 6.25 to 500; the usual one of the model when absent |
//! | `start-frequency` | the clock to begin at, in MHz; 100 when absent, never above `frequency` |
//! | `ramp-step` | milliseconds for each step of 6.25 MHz, 1000 when absent |

mod bring_up;
mod machine;
mod mining;
mod options;
mod pace;
mod ring;
mod watch;

use adit_driver::{Detected, Driver, Machine, Settings, StartError};
use adit_protocol::devices::Model;

use machine::Stick;
use options::Options;

/// The entry of this driver in the catalog.
pub const DRIVER: Driver = Driver { name: "gekko", start };

/// Makes a machine for a stick that may be one of this driver's models.
///
/// # Errors
/// [`StartError::NotMine`] when none of the candidates is one; [`StartError::Settings`] for a setting that is unknown or
/// cannot be read.
pub fn start(detected: &Detected, settings: Settings) -> Result<Box<dyn Machine>, StartError> {
    let options = Options::from_settings(settings)?;
    let models: Vec<&'static Model> =
        detected.candidates.iter().copied().filter(|model| model.driver == DRIVER.name).collect();
    if models.is_empty() {
        return Err(StartError::NotMine { driver: DRIVER.name });
    }
    Ok(Box::new(Stick::new(models, options)))
}
