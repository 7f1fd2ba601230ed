//! Driver of GekkoScience sticks and pods (`docs/protocols/gekko.md`).
//!
//! # Compac, 2Pac, Terminus
//!
//! A stick is asked who is on its chain, its chips get addresses and the start clock, and their cores are opened. Then it mines
//! while its clock rises in steps to the frequency that is wanted. Every ten seconds the chips are asked for their clock: one
//! that has fallen back was without power for a moment, and the chain is set up again. A chip that finds nothing for twenty
//! times as long as it should costs a step of clock; the third time in a row the stick is given up and opened anew. So does a
//! stick that finds less than 65 % of what its clock promises cost two steps. These sticks have no reset line.
//!
//! # NewPac, R606, Compac F, R909, and the A1 and A2 models
//!
//! Their chips are a chain of the [engine](adit_driver_bm13xx), behind a bridge whose pins reset them, or on A1 and A2 power them.
//! A chain that is not well is reset and counted again, twice in a row at most; then a pod whose chips are still too few works with
//! those that answer, and everything else is given up, to be opened anew after a pause that grows. Where the link has no pins, as on
//! a terminal of the operating system, chips are taken as they are found. The same watch looks at each chip and at the whole: a step
//! of clock for a silent chip, two for a stick that finds too little; `tune-up` raises the clock again. It is raised only while
//! nonces are found.
//!
//! A1 and A2 have a controller on a second port, which feeds the chips and measures: it must answer, and it must know a
//! temperature. At 110 °C, or when no temperature has come for six seconds, the regulator is switched off and the stick rests for
//! five minutes.
//!
//! | setting | meaning |
//! |---|---|
//! | `target-difficulty` | eases a *simulated* stick: it reports hashes of so much times its ticket's difficulty |
//! | `frequency` | the clock to reach, in MHz, within the limits of the model; its usual one when absent |
//! | `start-frequency` | the clock to begin at, in MHz, never above `frequency`; when absent 100, R606 550, Compac F 200, R909 400, A1 and A2 300 |
//! | `ramp-step` | milliseconds for each step of 6.25 MHz between the two, 1000 when absent |
//! | `tune-up` | minutes after which a clock that was lowered is raised by a step, again and again up to `frequency`; never when absent |
//! | `chips` | how many there must be; NewPac and later. When absent as many as the model has, or fewer where some are dead |
//! | `core-voltage` | of each chip in millivolts, 100 to 500; A1 and A2. 300 on A1 and 270 on A2 when absent |
//! | `telemetry` | `off`: mine without the second port, at the voltage that the board gives and with nobody who looks at the heat; A1 and A2 |

mod bring_up;
mod chained;
mod machine;
mod mining;
mod options;
mod pace;
mod ring;
mod watch;

use adit_driver::{Detected, Driver, Machine, Settings, StartError};
use adit_protocol::devices::Model;

use chained::Chained;
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
    let mut models: Vec<&'static Model> =
        detected.candidates.iter().copied().filter(|model| model.driver == DRIVER.name).collect();
    let Some(first) = models.first().copied() else {
        return Err(StartError::NotMine { driver: DRIVER.name });
    };
    let options = Options::from_settings(settings, first)?;
    if first.chips.kind != BM1384 {
        return Ok(Box::new(Chained::new(first, options)));
    }
    models.retain(|model| model.chips.kind == BM1384);
    Ok(Box::new(Stick::new(models, options)))
}

/// The chip that stands apart.
const BM1384: &str = "BM1384";
