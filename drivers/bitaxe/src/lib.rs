//! The driver of boards whose controller is a USB bridge to BM13xx chips: Bitaxe, EmberOne and bitcrane
//! (`docs/protocols/bitaxe-raw.md`), on the chain engine `adit-driver-bm13xx`.
//!
//! The firmware cannot say which board it runs on. The parts on the I2C bus narrow the candidates down, the chips that answer
//! decide; until the regulator and the fan controller are known nothing is powered.
//!
//! Temperature, current, power and voltage are watched every two seconds. A missing reading is as dangerous as a high one, and
//! every way out leads through the chips in reset and the voltage off (`docs/safety.md`).
//!
//! Settings:
//!
//! | name | meaning |
//! |---|---|
//! | `frequency` | chip clock in MHz, within the limits of the model |
//! | `voltage` | core voltage in millivolts, within the limits of the model; of the whole stack on EmberOne |
//! | `fan` | `auto` (the default) or a fixed speed in per cent, 0 to 100 |
//! | `fan-check` | `off` for a fan without a tachometer, which must not be taken for one that stands still |
//! | `target-temperature` | what the fan holds, 35 to 66 °C, 60 when absent |
//! | `temperature-limit` | a chip is switched off here, 50 to 85 °C, 75 when absent; it is slowed down 5 °C below |
//! | `power-limit` | watts of the whole board above which it is slowed down, at most those of the model |
//! | `chips` | how many chips must answer, those of the model when absent: for a board that has lost one for good |
//! | `tune` | `off` (the default), `efficiency` (least energy per hash) or `hashrate` (most hashes) |
//! | `tuned` | what an earlier tuning found, as `512.5@1130` (MHz@mV): taken instead of tuning anew |
//! | `error-limit` | share of wrong answers that tuning bears in per cent, 0.1 to 5, 1 when absent |
//! | `target-difficulty` | how much easier the nonces of a *simulated* board are |
//!
//! A bitcrane, of which no temperature can be read, knows only these:
//!
//! | name | meaning |
//! |---|---|
//! | `frequency` | chip clock in MHz, within the limits of the model; the slowest when absent |
//! | `chips` | how many chips each hash board has, 126 when absent |
//! | `fans` | how many of the four fans there are and must turn, 4 when absent |
//! | `target-difficulty` | as above |

mod account;
mod boards;
mod bringup;
mod control;
mod crane;
mod ending;
mod errands;
mod fan;
mod hail;
mod heat;
mod machine;
mod options;
mod pace;
mod power;
mod readings;
mod regulator;
mod resting;
mod running;
mod sample;
mod survey;
mod tune;

use adit_driver::{Detected, Driver, Machine, Settings, StartError};

use machine::Bitaxe;
use options::Options;

/// The entry of this driver in the catalog.
pub const DRIVER: Driver = Driver { name: "bitaxe", start };

/// Makes a machine for a board that may be one of this driver's models.
///
/// # Errors
/// [`StartError::NotMine`] when none of the candidates is one; [`StartError::Settings`] for a setting that is unknown, cannot be
/// read, or that none of the candidates allows.
pub fn start(detected: &Detected, settings: Settings) -> Result<Box<dyn Machine>, StartError> {
    let mine = detected.candidates.iter().copied().filter(|model| model.driver == DRIVER.name);
    let (cranes, models): (Vec<_>, Vec<_>) = mine.partition(|model| model.key == crane::KEY);
    if let ([model], []) = (&cranes[..], &models[..]) {
        let options = crane::Options::from_settings(settings, model)?;
        return Ok(Box::new(crane::Crane::new(model, options)));
    }
    if models.is_empty() {
        return Err(StartError::NotMine { driver: DRIVER.name });
    }
    let options = Options::from_settings(settings, &models)?;
    let product = detected.usb.as_ref().and_then(|usb| usb.product.clone());
    Ok(Box::new(Bitaxe::new(models, product, options)))
}
