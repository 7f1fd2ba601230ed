//! The Icarus family: devices that take a 64-byte job and answer with a short nonce record
//! (`docs/protocols/icarus.md §1`).

use std::time::Duration;

use super::{Bridge, Chips, Model, PortKind, PortSpec, Text, UsbMatch};
use crate::units::{HashRate, Hertz};
use crate::wire::Line;

const fn port(protocol: &'static str) -> PortSpec {
    PortSpec {
        name: "serial",
        kind: PortKind::Stream,
        protocol,
        line: Line::at(115_200),
        quiet: Duration::from_millis(20),
    }
}

const ICARUS: &[PortSpec] = &[port("icarus")];
const ICARUS5: &[PortSpec] = &[port("icarus5")];
const RBOX: &[PortSpec] = &[port("rbox")];

const fn usb(vid: u16, pid: u16, product: Text, bridge: Bridge) -> UsbMatch {
    UsbMatch { vid, pid, manufacturer: Text::Any, product, bridge, generic: false }
}

const fn generic(vid: u16, pid: u16, bridge: Bridge) -> UsbMatch {
    UsbMatch { vid, pid, manufacturer: Text::Any, product: Text::Any, bridge, generic: true }
}

const CP2102: UsbMatch = generic(0x10c4, 0xea60, Bridge::Cp210x);

const fn named(parts: &'static [&'static str]) -> UsbMatch {
    usb(0x10c4, 0xea60, Text::Contains(parts), Bridge::Cp210x)
}

const fn mhz(low: f64, default: f64, high: f64) -> Option<[Hertz; 3]> {
    Some([Hertz::from_mhz(low), Hertz::from_mhz(default), Hertz::from_mhz(high)])
}

pub(super) static MODELS: &[Model] = &[
    Model {
        key: "icarus",
        driver: "icarus",
        vendor: "ngzhang",
        name: "Icarus",
        usb: &[generic(0x067b, 0x2303, Bridge::Pl2303), generic(0x1fc9, 0x0083, Bridge::CdcAcm)],
        ports: ICARUS,
        chips: Chips { kind: "XC6SLX150", count: 2 },
        nominal: HashRate::from_mhs(380.0),
        clock: None,
        supply: None,
        source: "docs/protocols/icarus.md §1, §4.2",
    },
    Model {
        key: "lancelot",
        driver: "icarus",
        vendor: "ngzhang",
        name: "Lancelot",
        usb: &[generic(0x0403, 0x6001, Bridge::Ftdi)],
        ports: ICARUS,
        chips: Chips { kind: "XC6SLX150", count: 2 },
        nominal: HashRate::from_mhs(400.0),
        clock: None,
        supply: None,
        source: "docs/protocols/icarus.md §1",
    },
    Model {
        key: "cairnsmore1",
        driver: "icarus",
        vendor: "Enterpoint",
        name: "Cairnsmore1",
        usb: &[
            usb(0x0403, 0x8350, Text::Contains(&["Cairnsmore1"]), Bridge::Ftdi),
            usb(0x0403, 0x6014, Text::Contains(&["Cairnsmore1"]), Bridge::Ftdi),
            generic(0x067b, 0x0230, Bridge::Pl2303),
        ],
        ports: ICARUS,
        chips: Chips { kind: "XC6SLX150", count: 1 },
        nominal: HashRate::from_mhs(150.0),
        clock: mhz(50.0, 150.0, 220.0),
        supply: None,
        source: "docs/protocols/icarus.md §1, §6",
    },
    Model {
        key: "block-erupter",
        driver: "icarus",
        vendor: "ASICMiner",
        name: "Block Erupter USB",
        usb: &[named(&["Block", "Erupter"]), CP2102],
        ports: ICARUS,
        chips: Chips { kind: "BE100", count: 1 },
        nominal: HashRate::from_mhs(336.0),
        clock: None,
        supply: None,
        source: "docs/protocols/icarus.md §1, §4.5",
    },
    Model {
        key: "antminer-u1",
        driver: "icarus",
        vendor: "Bitmain",
        name: "Antminer U1",
        usb: &[named(&["Antminer"]), CP2102],
        ports: ICARUS5,
        chips: Chips { kind: "BM1380", count: 1 },
        nominal: HashRate::from_mhs(1_600.0),
        clock: mhz(150.0, 200.0, 500.0),
        supply: None,
        source: "docs/protocols/icarus.md §1, §7.3",
    },
    Model {
        key: "antminer-u2",
        driver: "icarus",
        vendor: "Bitmain",
        name: "Antminer U2",
        usb: &[named(&["Antminer"]), CP2102],
        ports: ICARUS5,
        chips: Chips { kind: "BM1380", count: 1 },
        nominal: HashRate::from_mhs(1_600.0),
        clock: mhz(150.0, 200.0, 500.0),
        supply: None,
        source: "docs/protocols/icarus.md §1, §7.3",
    },
    Model {
        key: "antminer-u3",
        driver: "icarus",
        vendor: "Bitmain",
        name: "Antminer U3",
        usb: &[CP2102],
        ports: ICARUS5,
        chips: Chips { kind: "BM1382", count: 4 },
        nominal: HashRate::from_mhs(56_700.0),
        clock: mhz(100.0, 225.0, 250.0),
        supply: None,
        source: "docs/protocols/icarus.md §1, §7.3, §7.4",
    },
    Model {
        key: "rbox",
        driver: "icarus",
        vendor: "RockMiner",
        name: "R-BOX",
        usb: &[named(&["R-BOX miner"]), CP2102],
        ports: RBOX,
        chips: Chips { kind: "ASIC", count: 4 },
        nominal: HashRate::from_mhs(32_000.0),
        clock: mhz(200.0, 270.0, 400.0),
        supply: None,
        source: "docs/protocols/icarus.md §1, §8",
    },
    Model {
        key: "rockminer-t1",
        driver: "icarus",
        vendor: "RockMiner",
        name: "T1 / new R-Box",
        usb: &[named(&["RX-BOX miner"]), CP2102],
        ports: RBOX,
        chips: Chips { kind: "ASIC", count: 12 },
        nominal: HashRate::from_mhs(106_600.0),
        clock: mhz(200.0, 300.0, 400.0),
        supply: None,
        source: "docs/protocols/icarus.md §1, §8",
    },
];
