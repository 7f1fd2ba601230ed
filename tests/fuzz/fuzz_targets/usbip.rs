//! A host that attaches a simulated stick over USB/IP and means no good: the stream is followed or refused, never with a panic, and
//! what the server keeps and answers stays within what was sent.
//!
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz usbip`

#![no_main]

use adit_hw_sim::usb::{Attached, UsbDevice};
use adit_hw_sim::{Bench, Build};
use adit_protocol::devices::model;
use adit_protocol::usbip::MAX_DATA;
use adit_protocol::wire::Micros;
use libfuzzer_sys::fuzz_target;

/// One of each bridge, and the one with two ports.
const MODELS: [&str; 6] = ["block-erupter", "compac-f", "compac-a1", "bitaxe-gamma", "icarus", "lancelot"];
/// A return before its data.
const RETURN: usize = 48;

// One byte chooses the stick, one the cuts; every burst of the rest comes after a byte that says how long it is.
fuzz_target!(|input: &[u8]| {
    let [choice, pause, stream @ ..] = input else { return };
    let key = MODELS[usize::from(*choice) % MODELS.len()];
    let Some(model) = model(key) else { return };
    let Ok(mut bench) = Bench::new(model, &Build { target_difficulty: Some(1e-7), ..Build::default() })
    else {
        return;
    };
    bench.plug_in(Micros(0));
    let bare = matches!(key, "icarus" | "lancelot");
    let Ok(mut device) = UsbDevice::new(bench, bare, 1) else { return };
    let (mut server, mut now, mut rest) = (Attached::default(), Micros(1), stream);
    while let [length, tail @ ..] = rest {
        let (burst, behind) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = behind;
        now = Micros(now.0 + u64::from(*pause) * 100);
        device.turn(now);
        let mut out = Vec::new();
        server.collect(&mut device, &mut out);
        let followed = server.on_bytes(now, burst, &mut device, &mut out);
        // A command has at least as many bytes as a return without data; what is read was asked for before.
        assert!(out.len() <= 256 * (RETURN + MAX_DATA as usize), "{} bytes of answers", out.len());
        if followed.is_err() {
            return;
        }
    }
});
