//! What happens to a machine and what it does, in words: one line of text each. Transcripts are written in them by hand,
//! recordings by the link.
//!
//! | input | meaning |
//! |---|---|
//! | `up` | the link is open |
//! | `< HEX`, `<1 HEX` | the device sends bytes (on port 1) |
//! | `quiet`, `quiet 1` | the line (of port 1) has been silent |
//! | `modem 0 [cts] [dsr] [dcd] [ri]` | the modem lines of port 0 that are asserted now |
//! | `done TOKEN`, `done TOKEN = HEX`, `done TOKEN WHY` | an action was carried out, gave data, could not be carried out |
//! | `work N HEADER [KEY=VALUE]…` | a work arrives: number, 80-byte header in hex, and what differs from a work that covers the nonces of this header alone |
//! | `job`, `job clean` | the job changes |
//! | `ruling SEQ VERDICT [CLAIM [DIFFICULTY]]` | a nonce has been judged: `share`, `hardware_error` … |
//! | `identify`, `frequency MHZ`, `voltage VOLTS`, `fan PERCENT`, `fan auto` | the user wants something |
//! | `stop`, `stop MICROS` | the hardware is to be made safe (by then) |
//! | `timer` | the deadline has passed |
//! | `down`, `down WHY` | the link is gone |
//!
//! Actions are `> HEX`, `>1 HEX` for writes and `! …` for all others: see [`describe`]. WHY is `gone busy denied not-found
//! not-a-device timeout unsupported os-NUMBER`.

mod actions;
mod inputs;
#[cfg(test)]
mod tests;
mod works;

pub use actions::describe;
pub use inputs::{Happening, describe_input};
pub use works::work;

/// Words that mean nothing here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// `{0}` is nothing that can happen to a machine
    #[error("`{0}` is nothing that can happen to a machine")]
    Unknown(String),
    /// `{found}`: expected {expected}
    #[error("`{found}`: expected {expected}")]
    Expected {
        /// What should stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
}

impl WordsError {
    fn expected<T>(expected: &'static str, found: &str) -> Result<T, Self> {
        Err(Self::Expected { expected, found: found.chars().take(80).collect() })
    }
}
