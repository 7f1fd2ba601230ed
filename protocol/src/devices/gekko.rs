//! GekkoScience sticks and pods (`docs/protocols/gekko.md §1`).

use std::time::Duration;

use super::{Bridge, Chips, Model, PortKind, PortSpec, Supply, Text, UsbMatch};
use crate::bm13xx::Chip;
use crate::gekko::{COMPAC_F_SHARE, CORES};
use crate::units::{HashRate, Hertz, Volts};
use crate::wire::Line;

const fn port(name: &'static str, protocol: &'static str) -> PortSpec {
    PortSpec {
        name,
        kind: PortKind::Stream,
        protocol,
        line: Line::at(115_200),
        quiet: Duration::from_millis(20),
    }
}

const PORT: &[PortSpec] = &[port("serial", "bm1384")];
const BARE: &[PortSpec] = &[port("serial", "bm13xx-v0")];
const FRAMED: &[PortSpec] = &[port("serial", "bm13xx")];
const WITH_TELEMETRY: &[PortSpec] = &[port("serial", "bm13xx"), port("telemetry", "gekko-telemetry")];

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

const fn usb(pid: u16, manufacturer: &'static str, product: &'static str) -> UsbMatch {
    let (vid, bridge) = match pid {
        FT_X => (0x0403, Bridge::Ftdi),
        _ => (0x10c4, Bridge::Cp210x),
    };
    let (manufacturer, product) = (Text::Is(manufacturer), Text::Is(product));
    UsbMatch { vid, pid, manufacturer, product, bridge, generic: false }
}

const FT_X: u16 = 0x6015;
const CP2105: u16 = 0xea70;

const fn ft_x(product: &'static str) -> UsbMatch {
    usb(FT_X, "GekkoScience", product)
}

const fn cp2105(product: &'static str) -> UsbMatch {
    usb(CP2105, "Silicon Labs", product)
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

/// A stick or pod with chips of the BM13xx family, `count` of them, that usually run at `default` MHz.
const fn chained(
    key: &'static str,
    name: &'static str,
    usb: &'static [UsbMatch],
    (chip, count): (Chip, u16),
    default: f64,
) -> Model {
    let facts = chip.facts();
    let (ports, [low, high]) = match chip {
        Chip::Bm1387 => (BARE, [50.0, 900.0]),
        Chip::Bm1397 => (FRAMED, [100.0, 800.0]),
        _ => (WITH_TELEMETRY, [100.0, 800.0]),
    };
    Model {
        key,
        driver: "gekko",
        vendor: "GekkoScience",
        name,
        usb,
        ports,
        chips: Chips { kind: facts.name, count },
        nominal: HashRate::from_mhs(default * facts.units as f64 * count as f64),
        clock: Some([Hertz::from_mhz(low), Hertz::from_mhz(default), Hertz::from_mhz(high)]),
        supply: None,
        source: "docs/protocols/gekko.md §1, §6, §14.1",
    }
}

/// Its host sets the voltage of each chip through the second port, `default` volts usually.
const fn fed(model: Model, default: f64) -> Model {
    let core = [Volts(0.1), Volts(default), Volts(0.5)];
    Model { supply: Some(Supply { core, stacked: false, most: None, input: None }), ..model }
}

/// A Compac F finds less than its chip could.
const COMPAC_F: Model = {
    let usb = &[ft_x("CompacF Bitcoin Miner")];
    let model = chained("compac-f", "Compac F", usb, (Chip::Bm1397, 1), 200.0);
    Model { nominal: HashRate(model.nominal.0 * COMPAC_F_SHARE), ..model }
};

pub(super) static MODELS: &[Model] = &[
    stick("compac", "Compac", &[cp2102("Compac BM1384 Bitcoin Miner")], 1, 150.0),
    stick("2pac", "2Pac", &[cp2102("2Pac BM1384 Bitcoin Miner")], 2, 100.0),
    // No source says how many chips a Terminus has; hosts take any number. Six is what the specification was tried with.
    stick("terminus", "Terminus", &[cp2102("Terminus BM1384 Bitcoin Miner")], 6, 150.0),
    chained("newpac", "NewPac", &[ft_x("NewPac Bitcoin Miner")], (Chip::Bm1387, 2), 100.0),
    chained("r606", "R606", &[ft_x("R606 Bitcoin Miner")], (Chip::Bm1387, 12), 550.0),
    COMPAC_F,
    chained("r909", "R909", &[ft_x("R909 Bitcoin Miner")], (Chip::Bm1397, 6), 450.0),
    // No source says how many chips the pods with BM1362 have; those with BM1370 were tried with four. Any number will do.
    fed(
        chained("compac-a1", "Compac A1", &[cp2105("GekkoScience Compac A1")], (Chip::Bm1362, 1), 300.0),
        0.3,
    ),
    fed(
        chained(
            "terminus-a1",
            "Terminus A1",
            &[cp2105("GekkoScience Terminus A1")],
            (Chip::Bm1362, 4),
            300.0,
        ),
        0.3,
    ),
    // Some of them carry BM1368 instead.
    fed(
        chained("compac-a2", "Compac A2", &[cp2105("GekkoScience Compac A2")], (Chip::Bm1370, 1), 300.0),
        0.27,
    ),
    fed(
        chained(
            "terminus-a2",
            "Terminus A2",
            &[cp2105("GekkoScience Terminus A2")],
            (Chip::Bm1370, 4),
            300.0,
        ),
        0.27,
    ),
];
