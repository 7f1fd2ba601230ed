//! The controller between pools and devices, sans-io.
//!
//! A job comes in from a pool, works go out to devices; a nonce comes in from a device, is re-hashed, and what is worth it
//! goes out to the pool as a share. Nothing here waits: devices and pools are told what to do by [`Effect`]s and answer
//! whenever they can.

mod command;
mod core;
mod counter;
mod device;
mod effect;
mod feed;
mod identity;
mod issued;
mod jobs;
mod life;
mod policy;
mod pool;
mod pools;
mod rate;
mod sanity;
mod strategy;
mod tally;
#[cfg(test)]
mod tests;
mod verify;
mod view;

pub use self::core::Core;
pub use command::Refusal;
pub use effect::{Effect, Notice};
pub use policy::Policy;
pub use pool::{Answer, PoolInput, RejectKind, Share, ShareKey};
pub use rate::Done;
pub use sanity::Oddity;
pub use strategy::Strategy;
pub use tally::{Credit, Latencies, ShareCounts, Tally};
pub use view::{DeviceView, PoolView, Readings, State};
