//! Peripherals on the I2C buses of mining boards: fan controllers, sensors, regulators, power monitors
//! (`docs/protocols/bitaxe-raw.md §6`).
//!
//! One module per part: its 7-bit address, the numbers of its registers, and the meaning of their contents in both directions, for
//! drivers and simulated boards alike. The parts have no state here.

pub mod ds4432u;
pub mod emc2101;
pub mod emc2103;
pub mod emc2302;
pub mod ina260;
pub mod pmbus;
pub mod tmp1075;
pub mod tmp451;
pub mod tps53647;
pub mod tps546;

mod diode;

pub use diode::Diode;
