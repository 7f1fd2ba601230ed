//! Chains of BM13xx chips on a bare serial port: a USB-UART adapter, or the UART of somebody's board
//! (`docs/protocols/bm13xx.md §1, §12`). Nothing recognises them: they are opened when their owner names them.

use std::time::Duration;

use super::{Chips, Model, PortKind, PortSpec};
use crate::bm13xx::Chip;
use crate::units::{HashRate, Hertz};
use crate::wire::Line;

const fn port(protocol: &'static str) -> [PortSpec; 1] {
    [PortSpec {
        name: "serial",
        kind: PortKind::Stream,
        protocol,
        line: Line::at(115_200),
        quiet: Duration::from_millis(5),
    }]
}

const FRAMED: &[PortSpec] = &port("bm13xx");
const BARE: &[PortSpec] = &port("bm13xx-v0");

/// One chip of this type, to be clocked between these frequencies in MHz.
const fn chain(key: &'static str, name: &'static str, chip: Chip, [low, default, high]: [f64; 3]) -> Model {
    Model {
        key,
        driver: "bm13xx",
        vendor: "Bitmain",
        name,
        usb: &[],
        ports: if chip.facts().generation.has_preamble() { FRAMED } else { BARE },
        chips: Chips { kind: chip.facts().name, count: 1 },
        nominal: HashRate::from_mhs(default * chip.facts().units as f64),
        clock: Some([Hertz::from_mhz(low), Hertz::from_mhz(default), Hertz::from_mhz(high)]),
        supply: None,
        source: "docs/protocols/bm13xx.md §1, §12",
    }
}

pub(super) static MODELS: &[Model] = &[
    chain("bm1387-chain", "chain of BM1387", Chip::Bm1387, [50.0, 550.0, 900.0]),
    chain("bm1397-chain", "chain of BM1397", Chip::Bm1397, [50.0, 425.0, 600.0]),
    chain("bm1362-chain", "chain of BM1362", Chip::Bm1362, [50.0, 525.0, 800.0]),
    chain("bm1366-chain", "chain of BM1366", Chip::Bm1366, [50.0, 485.0, 575.0]),
    chain("bm1368-chain", "chain of BM1368", Chip::Bm1368, [50.0, 490.0, 575.0]),
    chain("bm1370-chain", "chain of BM1370", Chip::Bm1370, [50.0, 525.0, 625.0]),
    chain("bm1372-chain", "chain of BM1372 or BM1373", Chip::Bm1372, [50.0, 327.0, 410.0]),
];
