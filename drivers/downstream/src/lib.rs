//! A miner downstream as a device: it connects, speaks Stratum V1 as to a pool, and takes whole jobs
//! (`docs/protocols/stratum-v1.md`).
//!
//! The bytes of a coinbase between `coinb1` and `coinb2` are, in this order: one byte that is always zero, which the miner is
//! told as its extranonce1; two bytes that are its own; and, at the front of the `coinb2` it is told, the prefix that the core
//! has given to this job of this miner. So nothing that a miner has to remember changes when the pool does.

mod jobs;
mod machine;
#[cfg(test)]
mod tests;

use std::time::Duration;

use adit_protocol::devices::{Chips, Model, PortKind, PortSpec};
use adit_protocol::stratum::Secret;
use adit_protocol::units::HashRate;
use adit_protocol::wire::Line;

pub use machine::Downstream;

/// What a miner that connects is listed as. It is in no table of models: nobody can plug it in.
pub static MODEL: Model = Model {
    key: "downstream",
    driver: "downstream",
    vendor: "–",
    name: "miner downstream",
    usb: &[],
    ports: &[PortSpec {
        name: "stratum",
        kind: PortKind::Stream,
        protocol: "stratum",
        line: Line::at(115_200),
        quiet: Duration::from_secs(3_600),
    }],
    chips: Chips { kind: "miner", count: 1 },
    nominal: HashRate(0.0),
    clock: None,
    supply: None,
    source: "docs/protocols/stratum-v1.md",
};

/// What the user says about miners downstream.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Difficulty of their shares, positive and finite; less where the pool asks for less.
    pub difficulty: f64,
    /// What they must give as their password; `None`: anything.
    pub password: Option<Secret>,
}
