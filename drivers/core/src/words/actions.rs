//! What a machine does, in words.

use std::fmt::Write as _;

use adit_protocol::hex;
use adit_protocol::wire::Port;

use crate::{Action, Event};

/// The action as it stands in a transcript: `> HEX` for a write to port 0, `>1 HEX` to port 1, else `! ` and words: `purge`,
/// `line 57600`, `identified KEY`, `ready 336.00 MH/s room 1`, `room 3 free 1`, `nonce 0 unit 0 of 7:000187a2 6:000187a2`
/// (work and nonce bytes of each claim), `introduced "AGENT" "WORKER"`, `measured …`, `fault …`, `declined …`, `stopped`, `failed …`.
pub fn describe(action: &Action) -> String {
    match action {
        Action::Write { port: Port(0), bytes } => format!("> {}", hex::encode(bytes)),
        Action::Write { port: Port(port), bytes } => format!(">{port} {}", hex::encode(bytes)),
        Action::Line { line, .. } => format!("! line {}", line.baud),
        Action::Gpio { mask, value, .. } => format!("! gpio {mask:02x} {value:02x}"),
        Action::Purge { .. } => "! purge".into(),
        Action::Control { setup, .. } => format!("! control {setup:?}"),
        Action::ResetDevice { .. } => "! reset".into(),
        Action::Emit(event) => format!("! {}", describe_event(event)),
        Action::Fail(fault) => format!("! failed: {fault}"),
    }
}

fn describe_event(event: &Event) -> String {
    match event {
        Event::Identified(model) => format!("identified {}", model.key),
        Event::Ready(it) => {
            let eased = if it.eased { " eased" } else { "" };
            format!("ready {} room {} memory {}{eased}", it.nominal, it.room, it.memory)
        }
        Event::Room { received, free } => format!("room {received} free {free}"),
        Event::Nonce(nonce) => {
            let mut text = format!("nonce {} unit {} of", nonce.seq, nonce.unit);
            for claim in &nonce.claims {
                // Writing into a String cannot fail.
                let _ = write!(text, " {}:{}", claim.work.0, hex::encode(&claim.nonce.to_le_bytes()));
            }
            text
        }
        Event::Measured { unit, quantity, reading } => {
            format!("measured {unit} {quantity:?} {:?}", reading.value)
        }
        Event::Fault(fault) => format!("fault: {fault}"),
        Event::Declined(command) => format!("declined {command:?}"),
        Event::Moved { to, why } => format!("moved {to}: {why}"),
        Event::Tuned(it) => format!("tuned {} {}", it.point, it.rate),
        Event::Introduced(it) => format!("introduced {:?} {:?}", it.agent, it.worker),
        Event::Stopped => "stopped".into(),
    }
}
