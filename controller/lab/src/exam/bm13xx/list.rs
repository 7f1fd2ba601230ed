//! The list of the family.

use super::{Check, Does, bm13xx, registers, work};

pub(in crate::exam) static CHECKS: &[Check] = &[
    bm13xx!(
        "identification",
        "chip-id",
        "its chips answer a read of register 00 with their chip id",
        "§1, §5",
        Identifies(registers::identify)
    ),
    bm13xx!(
        "identification",
        "answer-crc",
        "every answer has a good CRC5",
        "§3.3, §3.4",
        Asks(registers::answers_have_good_crcs)
    ),
    bm13xx!("enumeration", "chip-count", "every chip answers once", "§5 (3)", Asks(registers::counts)),
    bm13xx!(
        "enumeration",
        "addresses",
        "each chip takes the address it is given",
        "§5 (4 to 6)",
        Asks(registers::take_addresses)
    ),
    bm13xx!(
        "enumeration",
        "single-read",
        "a read of one chip is answered by that chip alone",
        "§3.1, §5 (6)",
        Asks(registers::answer_alone)
    ),
    bm13xx!(
        "registers",
        "register-write",
        "a register holds what was written, in every chip",
        "§3.1, §6.5",
        Asks(registers::hold_what_was_written)
    ),
    bm13xx!(
        "registers",
        "command-crc",
        "a command with a bad CRC5 is ignored",
        "§3.4",
        Asks(registers::ignore_a_bad_crc)
    ),
    bm13xx!(
        "garbage",
        "garbage",
        "bytes that are no frame are forgotten",
        "§13.2",
        Asks(registers::forget_garbage)
    ),
    bm13xx!(
        "half-frames",
        "half-frame",
        "half a command is forgotten when the line falls silent",
        "§13.2",
        Asks(registers::forget_half_a_frame)
    ),
    bm13xx!(
        "recovery",
        "reopening",
        "the chain answers again after its port was closed in the middle of a command",
        "§13.2",
        Asks(registers::answer_after_reopening)
    ),
    bm13xx!(
        "baud",
        "baud-change",
        "the chain answers at the rate it was set to, and at the old one when set back",
        "§8",
        Changes(registers::follow_the_baud_rate)
    ),
    bm13xx!(
        "golden",
        "golden-jobs",
        "the known nonces of public blocks are found",
        "§15",
        Changes(work::find_known)
    ),
    bm13xx!("golden", "job-ids", "an answer carries the id of its job", "§9.1", Changes(work::return_ids)),
    bm13xx!(
        "rate",
        "nothing-false",
        "every nonce solves its job and meets the ticket mask",
        "§6.5, §9.3, §9.4",
        Changes(work::report_nothing_false)
    ),
    bm13xx!(
        "rate",
        "hash-rate",
        "nonces come as often as the clock says",
        "§1, §6.5",
        Changes(work::search_in_time)
    ),
    bm13xx!(
        "replacement",
        "job-replacement",
        "a new job ends the one before",
        "§12",
        Changes(work::drop_the_old_job)
    ),
    bm13xx!(
        "duplicates",
        "no-duplicates",
        "no solution comes twice",
        "§9.2, §9.5",
        Changes(work::report_once)
    ),
    bm13xx!(
        "ticket-mask",
        "ticket-mask",
        "a harder ticket mask holds back what does not meet it",
        "§6.5",
        Changes(work::obey_the_ticket)
    ),
    bm13xx!(
        "frequency",
        "pll",
        "the search follows the clock, and the PLL register says so",
        "§6.4",
        Changes(work::follow_the_clock)
    ),
];
