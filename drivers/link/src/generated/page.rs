//! `docs/devices.md`: the page of supported devices.

use std::fmt::Write;

use adit_protocol::devices::{Model, Text, UsbMatch, models};

/// The page of supported devices, in Markdown.
pub fn devices_page() -> String {
    let mut out = String::from(HEAD);
    out.push_str(
        "| `model=` | Device | Maker | Driver | Chips | Hash rate | Clock in MHz | Core voltage | Facts from |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for model in models() {
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | {} × {} | {} | {} | {} | {} |",
            model.key,
            model.name,
            model.vendor,
            model.driver,
            model.chips.count,
            model.chips.kind,
            model.nominal,
            clock(model),
            core_volts(model),
            model.source,
        );
    }
    out.push_str(USB);
    out.push_str("| `model=` | USB id | Strings | Opened |\n|---|---|---|---|\n");
    for model in models() {
        for usb in model.usb {
            let opened = if usb.generic { "when named" } else { "by itself" };
            let _ = writeln!(
                out,
                "| `{}` | {:04x}:{:04x} | {} | {opened} |",
                model.key,
                usb.vid,
                usb.pid,
                strings(usb)
            );
        }
    }
    out.push_str(ELSEWHERE);
    out
}

const HEAD: &str = "\
# Supported devices

Generated from the model table; do not edit. `adit devices --supported` prints the same table, `adit devices` what is plugged
in and whether it may be opened.

";

const USB: &str = "
## How they are recognised

A device *by itself* is opened as soon as it is plugged in. One *when named* carries the id of a bridge chip that unrelated
products carry too: it is listed as ambiguous and opened only when you say what it is, as in
`adit mine --device serial:/dev/ttyUSB0,model=block-erupter`, or `--device model=block-erupter` for every one that may be.

";

const ELSEWHERE: &str = "
## Boards of the same chips without a way in

The network firmware of a Bitaxe (`303a:1001` on USB) mines by itself; its USB port is a console. Only the USB bridge firmware
gives the chips to a host. NerdAxe, NerdQAxe+, NerdQAxe++, NerdOctaxe, NerdEko, NerdQX, Q1370 and Q1373 carry BM1368, BM1370 or
BM1373 chips too, but no firmware is known that lets a host reach them: they are not driven. Their chips on a serial adapter are
a chain.

A bitcrane v3 drives three hash boards of BM1362, as of an S19j Pro; boards with other chips are left in reset. Its fans and the enable
pin of the power supply are within reach; how a voltage is set is published nowhere, and no sensor shows a temperature. So its chips run
at 50 MHz at full fan speed unless their owner says `frequency=`, and telemetry has nothing but fans and what chips count (`docs/safety.md`).
Nothing is published of the board of a Naja: one with the parts of a
Gamma is driven as one.
";

fn core_volts(model: &Model) -> String {
    match model.supply {
        None => "not set by the host".into(),
        Some(supply) => {
            let [low, default, high] = supply.core.map(|volts| volts.0);
            let of = if supply.stacked { " (all chips in series)" } else { "" };
            format!("{low} – {high} V, {default} V by default{of}")
        }
    }
}

fn clock(model: &Model) -> String {
    match model.clock {
        None => "fixed".into(),
        Some([low, default, high]) => format!("{} – {}, {} by default", low.mhz(), high.mhz(), default.mhz()),
    }
}

fn strings(usb: &UsbMatch) -> String {
    let named = [("manufacturer", usb.manufacturer), ("product", usb.product)];
    let texts: Vec<String> = named
        .into_iter()
        .filter_map(|(name, text)| match text {
            Text::Any => None,
            Text::Is(text) => Some(format!("{name} is “{text}”")),
            Text::Contains(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| format!("“{part}”")).collect();
                Some(format!("{name} contains {}", parts.join(" and ")))
            }
        })
        .collect();
    if texts.is_empty() { "any".into() } else { texts.join(", ") }
}
