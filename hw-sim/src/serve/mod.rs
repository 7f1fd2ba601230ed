//! Simulated devices and the pool in the real world: pseudo-terminals, TCP, USB/IP and the wall clock (feature `serve`).
//!
//! The state machines do not change here; this half only carries their bytes and tells them the time. Everything runs on
//! the caller's tokio runtime: one task per device, one for the pool, one per client of the pool, and none of them polls.

#![allow(
    clippy::disallowed_methods,
    reason = "serving is an edge: it reads the clock for the state machines"
)]

mod clock;
pub mod control;
mod device;
mod end;
mod error;
mod place;
mod pool;
mod pty;
mod scanners;
mod scenario;
mod served;
mod tcp;
#[cfg(test)]
mod tests;
mod usbip;

pub use clock::epoch;
pub use end::End;
pub use error::ServeError;
pub use place::{Address, Place, claim, ptys, tcp_ports};
pub use pool::ServedPool;
pub use scenario::{Scenario, ScenarioError, Scene};
pub use served::{Control, Served};
pub use usbip::start_usbip;
