//! Boards whose controller is a USB bridge: one port for control (I2C, reset, fan), the others straight to the chips
//! (`docs/protocols/bitaxe-raw.md §1, §7`).
//!
//! The identity of the USB side is that of the firmware, not of the board: all Bitaxe boards look alike until their
//! peripherals and chips have answered.

use std::time::Duration;

use super::{Bridge, Chips, Model, PortKind, PortSpec, Supply, Text, UsbMatch};
use crate::units::{HashRate, Hertz, Volts, Watts};
use crate::wire::Line;

/// A full-speed bulk packet: no reply is longer (`docs/protocols/bitaxe-raw.md §3.5`).
const CONTROL: PortSpec = PortSpec {
    name: "control",
    kind: PortKind::Packets(64),
    protocol: "bitaxe-raw",
    line: Line::at(115_200),
    quiet: Duration::from_millis(20),
};

const fn data(name: &'static str) -> PortSpec {
    PortSpec {
        name,
        kind: PortKind::Stream,
        protocol: "bm13xx",
        line: Line::at(115_200),
        quiet: Duration::from_millis(20),
    }
}

const PORTS: &[PortSpec] = &[CONTROL, data("data")];
const BITCRANE_PORTS: &[PortSpec] = &[CONTROL, data("data0"), data("data1"), data("data2")];

const fn usb(manufacturer: &'static str, product: &'static str) -> UsbMatch {
    UsbMatch {
        vid: 0xc0de,
        pid: 0xcafe,
        manufacturer: Text::Is(manufacturer),
        product: Text::Is(product),
        bridge: Bridge::CdcAcm,
        generic: false,
    }
}

const BITAXE: &[UsbMatch] = &[usb("OSMU", "Bitaxe")];

const fn chips(kind: &'static str, count: u16) -> Chips {
    Chips { kind, count }
}

const fn mhz(low: f64, default: f64, high: f64) -> Option<[Hertz; 3]> {
    Some([Hertz::from_mhz(low), Hertz::from_mhz(default), Hertz::from_mhz(high)])
}

/// `docs/protocols/bm13xx.md §1`: clock in MHz × units / 1000 is GH/s.
const fn hash_rate(mhz: f64, units: u32, chips: u32) -> HashRate {
    HashRate::from_mhs(mhz * (units * chips) as f64)
}

/// A board on a supply of 5 V (`docs/protocols/bitaxe-raw.md §8`: 4.5 V to 5.5 V).
const fn five(core: [f64; 3], watts: f64) -> Option<Supply> {
    supply(core, watts, [4.5, 5.5])
}

/// A board on a supply of 12 V (`docs/protocols/bitaxe-raw.md §8`: 11 V to 13 V).
const fn twelve(core: [f64; 3], watts: f64) -> Option<Supply> {
    supply(core, watts, [11.0, 13.0])
}

const fn supply([low, default, high]: [f64; 3], watts: f64, input: [f64; 2]) -> Option<Supply> {
    Some(Supply {
        core: [Volts(low), Volts(default), Volts(high)],
        stacked: false,
        most: Some(Watts(watts)),
        input: Some([Volts(input[0]), Volts(input[1])]),
    })
}

/// Core voltages of `docs/protocols/bm13xx.md §12`.
const BM1397_VOLTS: [f64; 3] = [1.1, 1.4, 1.5];
const BM1366_VOLTS: [f64; 3] = [1.1, 1.2, 1.3];
const BM1368_VOLTS: [f64; 3] = [1.1, 1.166, 1.3];
const BM1370_VOLTS: [f64; 3] = [1.0, 1.15, 1.25];

/// Boards: `docs/protocols/bitaxe-raw.md §7`; clocks and voltages: `docs/protocols/bm13xx.md §12`.
const SOURCE: &str = "docs/protocols/bitaxe-raw.md §1, §7; docs/protocols/bm13xx.md §12";

const fn bitaxe(key: &'static str, name: &'static str, chips: Chips, nominal: HashRate) -> Model {
    Model {
        key,
        driver: "bitaxe",
        vendor: "Open Source Miners United",
        name,
        usb: BITAXE,
        ports: PORTS,
        chips,
        nominal,
        clock: None,
        supply: None,
        source: SOURCE,
    }
}

pub(super) static MODELS: &[Model] = &[
    Model {
        clock: mhz(400.0, 425.0, 600.0),
        supply: five(BM1397_VOLTS, 25.0),
        ..bitaxe("bitaxe-max", "Bitaxe Max", chips("BM1397", 1), hash_rate(425.0, 672, 1))
    },
    Model {
        clock: mhz(400.0, 485.0, 575.0),
        supply: five(BM1366_VOLTS, 25.0),
        ..bitaxe("bitaxe-ultra", "Bitaxe Ultra", chips("BM1366", 1), hash_rate(485.0, 894, 1))
    },
    Model {
        clock: mhz(400.0, 485.0, 575.0),
        supply: twelve(BM1366_VOLTS, 90.0),
        ..bitaxe("bitaxe-hex", "Bitaxe Hex", chips("BM1366", 6), hash_rate(485.0, 894, 6))
    },
    Model {
        clock: mhz(400.0, 490.0, 575.0),
        supply: five(BM1368_VOLTS, 40.0),
        ..bitaxe("bitaxe-supra", "Bitaxe Supra", chips("BM1368", 1), hash_rate(490.0, 1276, 1))
    },
    Model {
        clock: mhz(400.0, 490.0, 575.0),
        supply: twelve(BM1368_VOLTS, 120.0),
        ..bitaxe("bitaxe-suprahex", "Bitaxe SupraHex", chips("BM1368", 6), hash_rate(490.0, 1276, 6))
    },
    Model {
        clock: mhz(400.0, 525.0, 625.0),
        supply: five(BM1370_VOLTS, 40.0),
        ..bitaxe("bitaxe-gamma", "Bitaxe Gamma", chips("BM1370", 1), hash_rate(525.0, 2040, 1))
    },
    Model {
        clock: mhz(350.0, 400.0, 410.0),
        supply: five(BM1370_VOLTS, 40.0),
        ..bitaxe("bitaxe-gamma-duo", "Bitaxe Gamma Duo", chips("BM1370", 2), hash_rate(400.0, 2040, 2))
    },
    Model {
        clock: mhz(400.0, 525.0, 625.0),
        supply: twelve(BM1370_VOLTS, 60.0),
        ..bitaxe("bitaxe-gamma-turbo", "Bitaxe Gamma Turbo", chips("BM1370", 2), hash_rate(525.0, 2040, 2))
    },
    // The chip is described, the board is not: neither its regulator nor its input is known before it is probed.
    Model {
        clock: mhz(327.0, 327.0, 410.0),
        supply: Some(Supply {
            core: [Volts(1.0), Volts(1.0), Volts(1.25)],
            stacked: false,
            most: None,
            input: None,
        }),
        source: "docs/protocols/bm13xx.md §1, §11.6, §12",
        ..bitaxe("bitaxe-naja", "Bitaxe Naja", chips("BM1372", 1), hash_rate(327.0, 6725, 1))
    },
    Model {
        vendor: "256 Foundation",
        usb: &[usb("256F", "EmberOne00")],
        clock: mhz(50.0, 525.0, 575.0),
        // The range of its trim (docs/protocols/bitaxe-raw.md §6.6) on both sides of the power-on voltage.
        supply: Some(Supply {
            core: [Volts(2.9), Volts(3.6), Volts(4.3)],
            stacked: true,
            most: None,
            input: None,
        }),
        source: "docs/protocols/bitaxe-raw.md §1, §6.6, §7; docs/protocols/bm13xx.md §11.5",
        ..bitaxe("emberone00", "EmberOne 00", chips("BM1362", 12), hash_rate(525.0, 514, 12))
    },
    // Three boards of 126 chips (S19j Pro). Nothing shows their temperature: they run at the slowest clock unless their owner names another.
    Model {
        usb: &[usb("OSMU", "bitcrane3")],
        ports: BITCRANE_PORTS,
        clock: mhz(50.0, 50.0, 575.0),
        source: "docs/protocols/bitaxe-raw.md §1, §3.5; docs/protocols/bm13xx.md §11.5",
        ..bitaxe("bitcrane3", "bitcrane v3", chips("BM1362", 378), hash_rate(50.0, 514, 378))
    },
];
