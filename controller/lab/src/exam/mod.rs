//! Somebody's device (a board, a firmware, an RTL core) held against the specification, by what it answers.
//!
//! Unlike the [`conformance`](crate::conformance) suite, which examines our drivers, an exam knows no driver: each [`Check`]
//! sends bytes and judges the bytes that come back. Checks are sans-io. An [`Examiner`] puts them on a link as a
//! [`Machine`](adit_driver::Machine), so that the same list runs on simulated twins on a virtual clock ([`examine`]) and on
//! real ports on real time (`adit conform`).

mod bitaxe;
mod bm1384;
mod bm13xx;
mod cpu;
mod desk;
mod ear;
mod examiner;
mod golden;
mod icarus;
mod rbox;
mod stand;

use std::time::Duration;

pub use adit_hw_sim::report::{Grade, Marks, Outcome, Passage, junit};
use adit_protocol::devices::Model;

pub use examiner::Examiner;
pub use stand::examine;

use desk::{Course, Desk};

/// A sentence about a device that the specification promises.
pub struct Check {
    /// What it is about, one of [`TOPICS`].
    pub topic: &'static str,
    /// Unique within its family, in kebab case.
    pub id: &'static str,
    /// The sentence.
    pub sentence: &'static str,
    /// Where the specification says it.
    pub cite: &'static str,
    does: Does,
}

impl Check {
    /// Whether nothing else can be asked when it fails.
    pub const fn identifies(&self) -> bool {
        matches!(self.does, Does::Identifies(_))
    }
}

/// What a check does.
enum Does {
    /// Asks the device.
    Asks(fn(Desk) -> Course),
    /// As [`Self::Asks`]; when it fails nothing else can be asked.
    Identifies(fn(Desk) -> Course),
    /// As [`Self::Asks`]; it changes clocks or voltages, and needs [`Subject::writes`].
    Changes(fn(Desk) -> Course),
    /// Nothing: the family has no such thing, and this is why.
    Nothing(&'static str),
}

/// A check of a family, whose specification is `$document`.
macro_rules! check {
    ($document:literal, $topic:literal, $id:literal, $sentence:literal, $cite:literal, Nothing($why:literal)) => {
        Check {
            topic: $topic,
            id: $id,
            sentence: $sentence,
            cite: concat!($document, " ", $cite),
            does: Does::Nothing($why),
        }
    };
    ($document:literal, $topic:literal, $id:literal, $sentence:literal, $cite:literal, $does:ident($ask:path)) => {
        Check {
            topic: $topic,
            id: $id,
            sentence: $sentence,
            cite: concat!($document, " ", $cite),
            does: Does::$does(|desk| Box::pin($ask(desk))),
        }
    };
}
use check;

/// What every family says something about, be it that it has none.
pub const TOPICS: &[&str] = &[
    "identification",
    "enumeration",
    "registers",
    "golden",
    "replacement",
    "duplicates",
    "ticket-mask",
    "frequency",
    "baud",
    "garbage",
    "half-frames",
    "rate",
    "recovery",
];

/// What is examined, and what the user allows.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What it is said to be.
    pub model: &'static Model,
    /// Chips or engines there should be, where the user says so; else what the model table says.
    pub chips: Option<u16>,
    /// Difficulty of the nonces it reports: 1, or less for an eased simulation.
    pub difficulty: f64,
    /// Clocks and voltages may be changed, within the limits of the model table.
    pub writes: bool,
    /// How long the device may be watched at work.
    pub watch: Duration,
    /// Everything that is chance follows from it.
    pub seed: u64,
}

impl Subject {
    /// A device of `model` as it comes: no writes, half a minute of watching.
    pub const fn new(model: &'static Model) -> Self {
        Self { model, chips: None, difficulty: 1.0, writes: false, watch: Duration::from_secs(30), seed: 1 }
    }

    /// How many chips there should be.
    pub fn count(&self) -> u16 {
        self.chips.unwrap_or(self.model.chips.count)
    }
}

/// The checks of `model`, in the order in which they are asked; `None` where nobody has written any.
pub fn checks(model: &Model) -> Option<Vec<&'static Check>> {
    family(model).map(|family| family.asked().map(|(_, check)| check).collect())
}

/// What an exam of a family consists of.
struct Family {
    sections: &'static [Section],
    /// Makes the device ready, before the first check.
    prepare: fn(Desk) -> Course,
    /// Leaves the device safe, after the last check or when somebody interrupts.
    leave: fn(Desk) -> Course,
}

impl Family {
    /// Every check, with the section it stands in.
    fn asked(&self) -> impl Iterator<Item = (&'static Section, &'static Check)> {
        self.sections.iter().flat_map(|section| section.checks.iter().map(move |check| (section, check)))
    }
}

/// Checks that need the same.
struct Section {
    checks: &'static [Check],
    needs: Needs,
}

/// What has to be before a check can be asked.
enum Needs {
    /// Nothing.
    Nothing,
    /// Voltage at the chips, which this makes sure of. Needs [`Subject::writes`].
    Power(fn(Desk) -> Course),
    /// What cannot be had, and why.
    Never(&'static str),
}

impl Section {
    /// Checks that need nothing.
    const fn of(checks: &'static [Check]) -> Self {
        Self { checks, needs: Needs::Nothing }
    }
}

fn nothing(_desk: Desk) -> Course {
    Box::pin(async { Ok(String::new()) })
}

fn family(model: &Model) -> Option<&'static Family> {
    match model.ports.first()?.protocol {
        "bm13xx" | "bm13xx-v0" => Some(&bm13xx::FAMILY),
        "bm1384" => Some(&bm1384::FAMILY),
        "icarus" | "icarus5" => Some(icarus::family(model)),
        "rbox" => Some(&rbox::FAMILY),
        "cpu" => Some(&cpu::FAMILY),
        "bitaxe-raw" => Some(bitaxe::family(model)),
        _ => None,
    }
}
