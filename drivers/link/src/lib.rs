//! The only code that opens serial ports, USB devices and device sockets.
//!
//! What the user names is a [`Selector`]; what is plugged in is [`Found`] by [`scan`] and [`Watch`]. Both become
//! [`Detected`](adit_driver::Detected) devices, which [`open`] turns into a [`Link`]; [`run`] then owns link and machine in
//! one task until one of them ends. [`generated`] renders what is derived from the model table: udev rules and the page of
//! supported devices.
//!
//! This crate is the edge: it reads the clock, waits, and does what operating systems do. Nothing in it knows a protocol
//! but the end of the `cpu:N` link, whose device is this computer.

mod counters;
mod cpu;
pub mod discovery;
pub mod generated;
mod link;
mod memory;
#[cfg(test)]
mod opening_tests;
mod recorder;
#[cfg(test)]
mod recorder_tests;
mod runner;
mod selector;
mod serial;
#[cfg(test)]
mod testing;
mod usb;
mod wire;

pub use counters::Counters;
pub use discovery::{Access, Change, Found, INSTALL_RULES, Roots, Watch, scan};
pub use link::{Link, open};
pub use memory::{FarEnd, memory};
pub use recorder::{Recorder, Tap};
pub use runner::{Plain, Received, run};
pub use selector::{Selector, SelectorError, Target, UsbPlace};
pub use usb::{Transport, UsbError, usb};
