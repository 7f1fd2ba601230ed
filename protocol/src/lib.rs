//! Every wire format adit speaks, in both directions, and the arithmetic of proof of work.
//!
//! No I/O and no clock live here: bytes come in as slices and go out into a `Vec`, time is a [`Micros`] argument.
//! Drivers, the simulator, the trace decoder, replay and the fuzzers all use the same codecs.

pub mod bitaxe_raw;
pub mod bm13xx;
pub mod bridge;
pub mod cpu;
pub mod devices;
pub mod gekko;
pub mod golden;
pub mod hex;
pub mod i2c;
pub mod icarus;
pub mod pow;
pub mod protocols;
pub mod shown;
pub mod stratum;
pub mod trace;
pub mod units;
pub mod usbip;
pub mod wire;

pub use wire::{Codec, Micros, Port, Step};
