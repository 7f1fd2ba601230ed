//! Another miner, which connects to this one and mines through it (`docs/protocols/stratum-v1.md`).

use std::time::Duration;

use super::{Chips, Model, PortKind, PortSpec};
use crate::units::HashRate;
use crate::wire::Line;

/// What a miner that connects is listed as. It is no row of the table: nobody can plug it in.
pub static DOWNSTREAM: Model = Model {
    key: "downstream",
    driver: "downstream",
    vendor: "–",
    name: "miner downstream",
    usb: &[],
    ports: &[PortSpec {
        name: "stratum",
        kind: PortKind::Stream,
        protocol: "stratum",
        line: Line::at(921_600), // where it is simulated on a terminal; a socket has no speed
        quiet: Duration::from_secs(3_600),
    }],
    chips: Chips { kind: "miner", count: 1 },
    nominal: HashRate(0.0), // whatever it is
    clock: None,
    supply: None,
    source: "docs/protocols/stratum-v1.md",
};
