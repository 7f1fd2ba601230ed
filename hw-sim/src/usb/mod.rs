//! A simulated device as USB shows it: descriptors, a bridge chip in front of each port, transfers that wait for data.
//!
//! Sans-io like everything here. [`UsbDevice`] takes transfers and completes them; [`Attached`] lets a host do so over
//! USB/IP. What carries the bytes is in `serve`.

mod attached;
mod descriptors;
mod device;
mod port;
#[cfg(test)]
mod tests;
mod transfer;

pub use attached::Attached;
pub use descriptors::Descriptors;
pub use device::{NoUsb, UsbDevice};
pub use transfer::{Completion, Outcome, Transfer};
