//! Simulated mining hardware and a simulated pool.
//!
//! A second, independent reading of the specifications: with the drivers it shares only codecs, hashing and the model table.
//! Everything is sans-io and deterministic: the same inputs at the same times give the same bytes.

mod bitaxe;
mod bm13xx;
mod breakage;
mod catalog;
mod cpu;
mod device;
mod dice;
mod engine;
mod fault;
mod icarus;
pub mod pool;
pub mod report;
mod scan;
#[cfg(feature = "serve")]
pub mod serve;
pub mod usb;
mod wire;

pub use catalog::{Build, BuildError, MIN_DIFFICULTY, Setting, settings, start, supports};
pub use device::{DeviceInput, DeviceOutput, SimDevice, Truth};
pub use dice::Dice;
pub use fault::{DeviceFault, FaultSite, PoolFault, UnknownFault};
pub use scan::Scan;
pub use wire::Wire;
