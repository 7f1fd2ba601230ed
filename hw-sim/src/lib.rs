//! Simulated mining hardware and a simulated pool.
//!
//! A second, independent reading of the specifications: with the drivers it shares only codecs, hashing and the model table.
//! Everything is sans-io and deterministic: the same inputs at the same times give the same bytes.

mod device;
mod fault;
#[cfg(feature = "serve")]
pub mod serve;

pub use device::{DeviceInput, DeviceOutput, SimDevice, Truth};
pub use fault::{DeviceFault, PoolFault, UnknownFault};
