//! The model table: one static row per product. Matching, hotplug, udev rules, `docs/devices.md`, the simulator's USB
//! descriptors and `adit devices --supported` are all derived from it (`docs/protocols/usb-ids.md`).

mod bitaxe;
mod bm13xx;
mod cpu;
mod downstream;
mod gekko;
mod icarus;
mod matching;
mod model;
mod near;

pub use downstream::DOWNSTREAM;
pub use matching::{Match, UsbIdentity, matching};
pub use model::{Bridge, Chips, Model, PortKind, PortSpec, Supply, Text, UsbMatch};
pub use near::models_like;

/// Every model adit knows, in the order of `docs/devices.md`.
pub static MODELS: &[&[Model]] =
    &[icarus::MODELS, gekko::MODELS, bitaxe::MODELS, bm13xx::MODELS, cpu::MODELS];

/// All rows of the table.
pub fn models() -> impl Iterator<Item = &'static Model> {
    MODELS.iter().flat_map(|family| family.iter())
}

/// The model named `key`, as typed after `model=`; [`DOWNSTREAM`] has a name too.
///
/// ```
/// assert_eq!(adit_protocol::devices::model("block-erupter").unwrap().driver, "icarus");
/// assert!(adit_protocol::devices::model("toaster").is_none());
/// ```
pub fn model(key: &str) -> Option<&'static Model> {
    models().chain([&DOWNSTREAM]).find(|model| model.key == key)
}
