//! Frames without a preamble: BM1387 and BM1391 (`docs/protocols/bm13xx.md §3.2, §13.2`).

use super::answer::{self, SHORT};
use super::codec::{Found, Item, Jobs, Start, job_body, run};
use super::command::{self, BARE};
use super::{Frame, Reject};
use crate::wire::Step;

/// What a host sends begins with a header byte and a length that suit each other.
pub(super) fn decode_host(input: &[u8], quiet: bool) -> Item {
    if begins(input) == Start::No {
        return run(input, quiet, Reject::NoFrame, begins);
    }
    let found = match input[0] {
        command::JOB => job_body(Jobs::Midstates, input),
        _ => command::decode(BARE, input),
    };
    match found {
        Found::Frame(frame, used) => Step::Frame { frame, used },
        Found::Nothing(why) => Step::Skip { used: 1, why },
        Found::NeedMore if !quiet => Step::NeedMore,
        Found::NeedMore => run(input, quiet, Reject::Incomplete { found: input.len() }, begins),
    }
}

fn begins(bytes: &[u8]) -> Start {
    match bytes {
        [header] if command::may_begin(BARE, *header) => Start::Perhaps,
        [header, length, ..] if command::begins(BARE, *header, *length) => Start::Yes,
        _ => Start::No,
    }
}

/// An answer has nothing but its checksum, which fits by chance once in 128 times. So after a wrong one (`lost`) the next
/// counts only when the one behind it fits too, or when silence follows.
pub(super) fn decode_device(lost: &mut bool, input: &[u8], quiet: bool) -> Item {
    let Some(first) = input.get(..SHORT) else {
        if !quiet {
            return Step::NeedMore;
        }
        return Step::Skip { used: input.len(), why: Reject::Incomplete { found: input.len() } };
    };
    let skip = |why| Step::Skip { used: 1, why };
    let found = answer::decode(first);
    if !*lost {
        *lost = found.is_err();
        return found.map_or_else(skip, accepted);
    }
    let Ok(frame) = found else { return found.map_or_else(skip, accepted) };
    match input.get(SHORT..2 * SHORT) {
        Some(second) if answer::decode(second).is_err() => return skip(Reject::Unconfirmed),
        Some(_) => {}
        None if !quiet => return Step::NeedMore,
        None if input.len() > SHORT => return skip(Reject::Unconfirmed),
        None => {}
    }
    *lost = false;
    accepted(frame)
}

fn accepted(frame: Frame) -> Item {
    Step::Frame { frame, used: SHORT }
}
