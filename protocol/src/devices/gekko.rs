//! GekkoScience sticks with BM1384 chips (`docs/protocols/gekko.md §1`).

use std::time::Duration;

use super::{Bridge, Chips, Model, PortKind, PortSpec, Text, UsbMatch};
use crate::gekko::CORES;
use crate::units::{HashRate, Hertz};
use crate::wire::Line;

const PORT: &[PortSpec] = &[PortSpec {
    name: "serial",
    kind: PortKind::Stream,
    protocol: "bm1384",
    line: Line::at(115_200),
    quiet: Duration::from_millis(20),
}];

const fn cp2102(product: &'static str) -> UsbMatch {
    UsbMatch {
        vid: 0x10c4,
        pid: 0xea60,
        manufacturer: Text::Any,
        product: Text::Is(product),
        bridge: Bridge::Cp210x,
        generic: false,
    }
}

const fn stick(
    key: &'static str,
    name: &'static str,
    usb: &'static [UsbMatch],
    chips: u16,
    default: f64,
) -> Model {
    Model {
        key,
        driver: "gekko",
        vendor: "GekkoScience",
        name,
        usb,
        ports: PORT,
        chips: Chips { kind: "BM1384", count: chips },
        nominal: HashRate::from_mhs(default * (CORES * chips) as f64),
        clock: Some([Hertz::from_mhz(6.25), Hertz::from_mhz(default), Hertz::from_mhz(500.0)]),
        supply: None,
        source: "docs/protocols/gekko.md §1, §6, §14.1",
    }
}

pub(super) static MODELS: &[Model] = &[
    stick("compac", "Compac", &[cp2102("Compac BM1384 Bitcoin Miner")], 1, 150.0),
    stick("2pac", "2Pac", &[cp2102("2Pac BM1384 Bitcoin Miner")], 2, 100.0),
    // No source says how many chips a Terminus has; hosts take any number. Six is what the specification was tried with.
    stick("terminus", "Terminus", &[cp2102("Terminus BM1384 Bitcoin Miner")], 6, 150.0),
];
