//! Chains of BM13xx chips on a serial port (`docs/protocols/bm13xx.md`).

mod chain;
mod list;
mod registers;
mod setup;
mod work;

use super::desk::{Course, Desk};
use super::{Check, Does, Family, Section, nothing};
pub(super) use list::CHECKS;
pub(super) use registers::answering;

/// A check of the family.
macro_rules! bm13xx {
    ($($rest:tt)*) => {
        crate::exam::check!("docs/protocols/bm13xx.md", $($rest)*)
    };
}
use bm13xx;

pub(super) static FAMILY: Family = Family { sections: &[Section::of(CHECKS)], prepare: nothing, leave };

pub(super) fn leave(desk: Desk) -> Course {
    Box::pin(setup::leave(desk))
}
