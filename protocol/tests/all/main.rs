//! The package against its vectors (`protocol/vectors`), and the laws that every decoder keeps.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bitaxe_raw;
mod bm13xx;
mod bm13xx_chips;
mod bm13xx_streams;
mod bridge;
mod cpu;
mod decoding;
mod devices;
mod gekko;
mod gekko_chains;
mod i2c;
mod icarus;
mod icarus_streams;
mod laws;
mod mutator;
mod pow;
mod scan;
mod usbip;
mod vectors;
