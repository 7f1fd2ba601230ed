//! Devices that take a 64-byte job and answer with a short record (`docs/protocols/icarus.md`).

mod chips;
mod jobs;
mod line;
mod stick;

use adit_protocol::devices::Model;

use super::desk::{Course, Desk};
use super::{Check, Does, Family, Section};

/// A check of the family.
macro_rules! icarus {
    ($($rest:tt)*) => {
        crate::exam::check!("docs/protocols/icarus.md", $($rest)*)
    };
}
use icarus;

/// Boards and sticks with 4-byte records.
static PLAIN: Family = Family { sections: &[Section::of(jobs::PLAIN)], prepare, leave };
/// Cairnsmore1: 4-byte records, and a clock.
static CAIRNSMORE: Family = Family { sections: &[Section::of(jobs::CAIRNSMORE)], prepare, leave };
/// Sticks with BM138x chips: 5-byte records and commands.
static CHIPS: Family = Family { sections: &[Section::of(jobs::CHIPS)], prepare, leave };

pub(super) fn family(model: &Model) -> &'static Family {
    match (model.key, model.ports.first().map(|port| port.protocol)) {
        (_, Some("icarus5")) => &CHIPS,
        ("cairnsmore1", _) => &CAIRNSMORE,
        _ => &PLAIN,
    }
}

fn prepare(desk: Desk) -> Course {
    Box::pin(chips::prepare(desk))
}

fn leave(desk: Desk) -> Course {
    Box::pin(chips::leave(desk))
}
