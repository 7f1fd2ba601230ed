//! Hours of mining in seconds: devices, machines, core, sessions and pools in one thread, on one virtual clock, from one seed.
//!
//! Accounts are checked at every step. A world that breaks a law says so with the command that replays it.

mod config;
mod faults;
mod outcome;
mod pools;
mod run;
mod siege;
mod station;

pub use config::{Violation, WorldConfig, WorldError};
pub use faults::{FaultSet, UnknownFault};
pub use outcome::{DeviceOutcome, Outcome};
pub use run::{World, run};
pub use siege::{SiegeOutcome, besiege};
