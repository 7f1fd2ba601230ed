//! bitcrane v3: the control board of a machine with three hash boards of BM1362, each on a port of its own
//! (`docs/protocols/bitaxe-raw.md §1, §2, §3.5`).
//!
//! The fans and the enable pin of the power supply are within reach, and nothing else is: no document says how its bus sets a
//! voltage, and no sensor shows a temperature. What cannot be measured must not be dangerous: the supply is switched on
//! only when every fan turns, the fans stay at full speed and the supply goes off when one stops, and the chips run at their
//! slowest clock until their owner names another (`docs/safety.md`).
//!
//! Hash boards come up one after the other. One that does not, because it is not there or has lost chips, is left in reset with
//! the reason, and the others work. One that fails at work ends the link: everything is switched off, and on again by the
//! controller.

mod air;
mod board;
mod machine;
mod options;
mod sum;

pub(crate) use machine::Crane;
pub(crate) use options::Options;

/// Key of the model.
pub(crate) const KEY: &str = "bitcrane3";
