//! The frames of the family and why bytes are none.

use super::{CairnsmoreCommand, ChipCommand, Job, Nonce, RboxOrder, RboxRecord, Register};

/// A whole message of the Icarus family, of either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "frames live for a moment on the stack")]
pub enum Frame {
    /// Host: search this.
    Job(Job),
    /// Host: anything but a job.
    Command(Command),
    /// Device: a nonce, in the Icarus and Icarus5 dialects.
    Nonce(Nonce),
    /// Device: a register of a BM138x chip.
    Register(Register),
    /// Device: a record of an R-BOX, which may be a nonce.
    Record(RboxRecord),
}

/// What a host sends besides jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// To a Cairnsmore1, disguised as a job (Icarus dialect).
    Cairnsmore(CairnsmoreCommand),
    /// To BM138x chips or the controller of an Antminer U3 (Icarus5 dialect).
    Chip(ChipCommand),
    /// The 36-byte frame with which one miner means to blink an Antminer; devices ignore it (Icarus5 dialect).
    Identify,
    /// To an R-BOX, in the frame of a job (Rbox dialect).
    Rbox(RboxOrder),
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// The line fell silent in the middle of a frame.
    #[error("silence after {found} of {expected} bytes")]
    Incomplete {
        /// Bytes that came.
        found: usize,
        /// Bytes of the frame.
        expected: usize,
    },
    /// Four bytes that start like a BM138x command but do not have the form of one.
    #[error("not a command: CRC5 of the first 27 bits is {expected:02x}, byte 3 is {found:02x}")]
    BadCommand {
        /// CRC5 of the bytes that came.
        expected: u8,
        /// Byte 3.
        found: u8,
    },
    /// An R-BOX job has zeros, a known command and 55 before its tail; these bytes do not.
    #[error("no R-BOX job: filler, command or the marker 55 is missing")]
    NotRboxJob,
    /// The record type of an R-BOX is 0, 1 or 2.
    #[error("no R-BOX record: type {found} is unknown")]
    BadRecordType {
        /// Low nibble of byte 4.
        found: u8,
    },
    /// An R-BOX record names a chip that its product does not have.
    #[error("no R-BOX record: chip {chip} of {chips}")]
    BadRecordChip {
        /// Chip number.
        chip: u8,
        /// Chips of the product named in the same byte.
        chips: u8,
    },
}
