//! Stratum V2, against the vectors and against a pool made of the SRI crates.

mod frames;
mod pool;
mod tables;
mod talk;
mod wire;
