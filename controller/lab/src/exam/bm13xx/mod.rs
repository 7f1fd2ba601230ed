//! Chains of BM13xx chips on a serial port (`docs/protocols/bm13xx.md`).

mod chain;
mod list;
mod registers;
mod setup;
mod work;

use adit_protocol::devices::Model;

use super::desk::{Course, Desk};
use super::{Check, Does, Family};

/// A check of the family.
macro_rules! bm13xx {
    ($($rest:tt)*) => {
        crate::exam::check!("docs/protocols/bm13xx.md", $($rest)*)
    };
}
use bm13xx;

static CHAINS: Family = Family { checks: list::CHECKS, prepare, leave };

pub(super) const fn family(_model: &Model) -> &'static Family {
    &CHAINS
}

fn prepare(_desk: Desk) -> Course {
    Box::pin(async { Ok(String::new()) })
}

fn leave(desk: Desk) -> Course {
    Box::pin(setup::leave(desk))
}
