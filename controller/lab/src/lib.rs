//! Machines, core, pool sessions and the simulator in one thread on one virtual clock.
//!
//! A [`world`] mines for hours in seconds, with faults, and is reproducible to the byte: one seed, no thread, no socket, no real
//! clock. The [`conformance`] suite holds every driver of the catalog against its simulated twin; an [`exam`] holds a device, simulated or
//! real, against the specification.

pub mod conformance;
mod digest;
pub mod exam;
mod item;
mod network;
pub mod playback;
mod rig;
pub mod world;

pub use item::{DEFAULT_DIFFICULTY, Item, ItemError};
pub use rig::Rig;
