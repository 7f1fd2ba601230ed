//! The computer itself (`docs/protocols/cpu.md`).

use std::time::Duration;

use super::{Chips, Model, PortKind, PortSpec};
use crate::units::HashRate;
use crate::wire::Line;

const PORTS: &[PortSpec] = &[PortSpec {
    name: "serial",
    kind: PortKind::Stream,
    protocol: "cpu",
    line: Line::at(921_600),
    quiet: Duration::from_millis(5),
}];

pub(super) const MODELS: &[Model] = &[Model {
    key: "cpu",
    driver: "cpu",
    vendor: "–",
    name: "CPU of this computer",
    usb: &[],
    ports: PORTS,
    chips: Chips { kind: "thread", count: 1 },
    nominal: HashRate::from_mhs(20.0),
    clock: None,
    supply: None,
    source: "docs/protocols/cpu.md",
}];
