//! Computers that hash by themselves (`docs/protocols/cpu.md`).

mod computer;
mod line;
mod work;

use super::desk::{Course, Desk};
use super::{Check, Does, Family, Section, nothing};

/// A check of the family.
macro_rules! cpu {
    ($($rest:tt)*) => {
        crate::exam::check!("docs/protocols/cpu.md", $($rest)*)
    };
}

pub(super) static FAMILY: Family = Family { sections: &[Section::of(CHECKS)], prepare: nothing, leave };

fn leave(desk: Desk) -> Course {
    Box::pin(work::leave(desk))
}

static CHECKS: &[Check] = &[
    cpu!(
        "identification",
        "identity",
        "it answers a hello with who it is",
        "§2, §3",
        Identifies(line::identifies)
    ),
    cpu!(
        "identification",
        "other-version",
        "it refuses a version of the protocol that it does not speak",
        "§3",
        Asks(line::refuses_another_version)
    ),
    cpu!(
        "enumeration",
        "threads",
        "it has as many threads as it is said to, and refuses to pin one that it has not",
        "§3",
        Asks(line::counts_its_threads)
    ),
    cpu!(
        "registers",
        "registers",
        "it answers register reads",
        "§2",
        Nothing("the protocol has no registers")
    ),
    cpu!(
        "golden",
        "golden-jobs",
        "it finds the known nonces of public blocks, at both ends of a range",
        "§2, §3",
        Asks(work::finds_known)
    ),
    cpu!(
        "golden",
        "impossible-works",
        "it refuses a work that nobody can search, and goes on with the one before",
        "§3",
        Asks(work::refuses_the_impossible)
    ),
    cpu!("golden", "done", "it says once that a work is done", "§3", Asks(work::says_when_it_is_done)),
    cpu!(
        "replacement",
        "job-replacement",
        "a new work ends the one before",
        "§2",
        Asks(work::drops_the_old_work)
    ),
    cpu!("duplicates", "no-duplicates", "no solution comes twice", "§2", Asks(work::reports_once)),
    cpu!(
        "ticket-mask",
        "target",
        "nothing comes that misses the target of its work",
        "§2, §3",
        Asks(work::obeys_the_target)
    ),
    cpu!(
        "frequency",
        "pace",
        "it slows down to the duty cycle that it is given",
        "§2",
        Changes(work::slows_down)
    ),
    cpu!("baud", "baud", "it changes its baud rate", "§1", Nothing("the protocol has no baud change")),
    cpu!("garbage", "garbage", "it forgets bytes that are no frame", "§1", Asks(line::forgets_garbage)),
    cpu!("garbage", "frame-crc", "it ignores a frame with a bad CRC-16", "§1", Asks(line::ignores_a_bad_crc)),
    cpu!(
        "half-frames",
        "half-frame",
        "it forgets half a frame when the line falls silent",
        "§1",
        Asks(line::forgets_half_a_frame)
    ),
    cpu!("half-frames", "frame-in-pieces", "it takes a frame in two pieces", "§1", Asks(line::takes_pieces)),
    cpu!(
        "rate",
        "signs-of-life",
        "it says once a second how far it is, also at rest",
        "§3",
        Asks(line::shows_that_it_lives)
    ),
    cpu!(
        "rate",
        "nothing-false",
        "every nonce it reports solves its work",
        "§3",
        Asks(work::reports_nothing_false)
    ),
    cpu!(
        "rate",
        "hash-rate",
        "it hashes as fast as it says, and reports as many nonces as that finds",
        "§3, §4",
        Asks(work::keeps_its_rate)
    ),
    cpu!(
        "recovery",
        "reopening",
        "it answers again after its port was closed in the middle of a frame",
        "§1",
        Asks(line::answers_after_reopening)
    ),
];
