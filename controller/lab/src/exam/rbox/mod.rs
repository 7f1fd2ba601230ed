//! RockMiner R-BOX and T1 (`docs/protocols/icarus.md §8`).

mod case;
mod line;
mod tasks;

use super::{Check, Does, Family, Section, nothing};

/// A check of the family.
macro_rules! rbox {
    ($($rest:tt)*) => {
        crate::exam::check!("docs/protocols/icarus.md", $($rest)*)
    };
}

/// Every job carries its clock: nothing has to be set back.
pub(super) static FAMILY: Family =
    Family { sections: &[Section::of(CHECKS)], prepare: nothing, leave: nothing };

static CHECKS: &[Check] = &[
    rbox!(
        "identification",
        "detection-job",
        "it answers the detection job with 000187a2, or a counter beside it, in a record of 8 bytes",
        "§3.2, §8.1, §8.3",
        Identifies(line::identifies)
    ),
    rbox!("identification", "product", "its records name its product", "§8.1", Asks(line::names_its_product)),
    rbox!(
        "enumeration",
        "chips",
        "every chip answers, and jobs for a chip that it has not are ignored",
        "§8.3",
        Asks(line::has_its_chips)
    ),
    rbox!(
        "registers",
        "temperature",
        "its records show a temperature that can be, or none",
        "§8.1",
        Asks(line::shows_its_temperature)
    ),
    rbox!(
        "golden",
        "golden-jobs",
        "it finds the known nonces of known jobs",
        "§2.3, §8.3",
        Asks(tasks::finds_known)
    ),
    rbox!(
        "replacement",
        "task-slots",
        "a job waits for the one before in the other slot, and answers name the slot of their job",
        "§8.3",
        Asks(tasks::takes_turns)
    ),
    rbox!(
        "replacement",
        "requests",
        "it asks once for every slot that becomes free",
        "§8.3",
        Asks(tasks::asks_once)
    ),
    rbox!(
        "duplicates",
        "complete-once",
        "a task is said to be complete once, after all of its nonces",
        "§8.1, §8.3",
        Asks(tasks::completes_once)
    ),
    rbox!(
        "ticket-mask",
        "ticket-mask",
        "it reports what meets its target",
        "§8.1",
        Nothing("which difficulties the levels of newer boxes mean is not known, and older ones have none")
    ),
    rbox!(
        "frequency",
        "frequency",
        "a task takes as long as the clock in its job says",
        "§8.1, §8.4",
        Changes(tasks::follows_the_clock)
    ),
    rbox!(
        "baud",
        "baud",
        "it changes its baud rate",
        "§8.1",
        Nothing("the protocol has no baud change: 115200 always")
    ),
    rbox!("garbage", "garbage", "it forgets bytes that are no job", "§9 (3)", Asks(line::forgets_garbage)),
    rbox!(
        "half-frames",
        "half-job",
        "it forgets half a job when the line falls silent",
        "§9 (3)",
        Asks(line::forgets_half_a_job)
    ),
    rbox!("half-frames", "job-in-pieces", "it takes a job in two pieces", "§9 (1)", Asks(line::takes_pieces)),
    rbox!(
        "rate",
        "hash-rate",
        "a task takes as long as its model needs",
        "§1, §8.3",
        Asks(tasks::is_in_time)
    ),
    rbox!(
        "rate",
        "nothing-false",
        "every nonce it reports solves a job of its chip",
        "§8.3",
        Asks(tasks::reports_nothing_false)
    ),
    rbox!(
        "recovery",
        "reopening",
        "it answers again after its port was closed in the middle of a job",
        "§8.5",
        Asks(line::answers_after_reopening)
    ),
];
