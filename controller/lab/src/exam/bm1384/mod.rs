//! Sticks with BM1384 chips (`docs/protocols/gekko.md`).

mod chips;
mod commands;
mod work;

use super::desk::{Course, Desk};
use super::{Check, Does, Family, Section, nothing};

/// A check of the family.
macro_rules! gekko {
    ($($rest:tt)*) => {
        crate::exam::check!("docs/protocols/gekko.md", $($rest)*)
    };
}

pub(super) static FAMILY: Family = Family { sections: &[Section::of(CHECKS)], prepare: nothing, leave };

fn leave(desk: Desk) -> Course {
    Box::pin(work::leave(desk))
}

static CHECKS: &[Check] = &[
    gekko!(
        "identification",
        "chip-id",
        "its chips answer a read of register 00 with their chip id and a good CRC5",
        "§3.2, §4.2",
        Identifies(commands::identify)
    ),
    gekko!("enumeration", "chip-count", "every chip answers once", "§4.2", Asks(commands::count)),
    gekko!(
        "enumeration",
        "addresses",
        "a read of one address is answered by the chip that was given it, and by nobody else",
        "§5",
        Asks(commands::take_addresses)
    ),
    gekko!(
        "registers",
        "clock-register",
        "every chip says its clock, and all the same",
        "§6.1",
        Asks(commands::say_their_clock)
    ),
    gekko!(
        "registers",
        "command-crc",
        "a command with a bad CRC5 is ignored",
        "§3.1, §3.2",
        Asks(commands::ignore_a_bad_crc)
    ),
    gekko!(
        "golden",
        "golden-jobs",
        "the known nonces of public blocks are found",
        "§7.1, §7.5",
        Asks(work::find_known)
    ),
    gekko!("golden", "job-ids", "an answer carries the id of its work", "§8, §10.1", Asks(work::return_ids)),
    gekko!(
        "replacement",
        "job-replacement",
        "a new work ends the one before",
        "§19.2",
        Asks(work::drop_the_old_work)
    ),
    gekko!("duplicates", "no-duplicates", "no solution comes twice", "§10.5", Asks(work::report_once)),
    gekko!(
        "ticket-mask",
        "ticket",
        "a work with a harder ticket brings only what meets it",
        "§9",
        Asks(work::obey_the_ticket)
    ),
    gekko!(
        "frequency",
        "pll",
        "the search follows the clock, and register 04 says so",
        "§6.1",
        Changes(work::follow_the_clock)
    ),
    gekko!("baud", "baud", "it changes its baud rate", "§5", Nothing("these sticks stay at 115200 baud")),
    gekko!(
        "garbage",
        "garbage",
        "bytes that are no frame are forgotten",
        "§19.2",
        Asks(commands::forget_garbage)
    ),
    gekko!(
        "half-frames",
        "half-work",
        "half a work is forgotten when the line falls silent",
        "§19.2",
        Asks(commands::forget_half_a_work)
    ),
    gekko!("half-frames", "work-in-pieces", "a work is taken in two pieces", "§2.1", Asks(work::take_pieces)),
    gekko!(
        "rate",
        "nothing-false",
        "every nonce solves its work and meets its ticket",
        "§9, §10.2",
        Asks(work::report_nothing_false)
    ),
    gekko!(
        "rate",
        "hash-rate",
        "the search is as fast as the clock says",
        "§12.1",
        Asks(work::search_in_time)
    ),
    gekko!(
        "recovery",
        "reopening",
        "the chips answer again after their port was closed in the middle of a work",
        "§19.2",
        Asks(commands::answer_after_reopening)
    ),
];
