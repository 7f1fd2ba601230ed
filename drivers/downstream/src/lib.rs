//! A miner downstream as a device: it connects, speaks Stratum V1 as to a pool, and takes whole jobs
//! (`docs/protocols/stratum-v1.md`).
//!
//! The bytes of a coinbase between `coinb1` and `coinb2` are, in this order: one byte that is always zero, which the miner is
//! told as its extranonce1; two bytes that are its own; and, at the front of the `coinb2` it is told, the prefix that the core
//! has leased to this miner. So nothing that a miner has to remember changes when the pool does.
//!
//! Settings:
//!
//! | name | meaning |
//! |---|---|
//! | `difficulty` | of the first shares; 1024 when absent, or what suits `hashrate` |
//! | `shares-per-minute` | what a miner should find: its difficulty is made to suit; 12 when absent |
//! | `hashrate` | of the miner in hashes per second, where it is known |
//! | `password-sha256d` | double SHA-256 of the password that is asked for, 64 hex digits |
//! | `target-difficulty` | difficulty on the wire of a share of difficulty 1 of a *simulated* miner |

mod door;
mod jobs;
mod machine;
mod options;
mod pace;
#[cfg(test)]
mod tests;

use adit_driver::{Detected, Driver, Machine, Settings, StartError};

pub use machine::Downstream;
pub use options::{DIFFICULTY, Options, PASSWORD, SHARES_PER_MINUTE, hash_of};

/// The entry of this driver in the catalog.
pub const DRIVER: Driver = Driver { name: "downstream", start };

/// Makes a machine for a miner that has connected.
///
/// # Errors
/// [`StartError::NotMine`] when none of the candidates is a miner downstream; [`StartError::Settings`] for a setting that is
/// unknown or cannot be read.
pub fn start(detected: &Detected, settings: Settings) -> Result<Box<dyn Machine>, StartError> {
    let options = Options::from_settings(settings)?;
    if !detected.connects() {
        return Err(StartError::NotMine { driver: DRIVER.name });
    }
    Ok(Box::new(Downstream::new(options)))
}
