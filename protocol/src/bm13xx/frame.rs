//! The messages of the family and why bytes are none (`docs/protocols/bm13xx.md §3`).

use super::{Job, Register};

/// A whole message, of either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "frames live for a moment on the stack")]
pub enum Frame {
    /// Host: set up the chain.
    Command(Command),
    /// Host: search this.
    Job(Job),
    /// Device: what a register holds.
    Register(RegisterAnswer),
    /// Device: a solution.
    Nonce(NonceAnswer),
}

/// Which chips a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum To {
    /// Every chip of the chain.
    All,
    /// The chip with this address.
    Chip(u8),
}

/// What a host tells chips besides jobs. Nothing is answered except reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// The first chip that has no address since [`Command::Inactive`] takes this one.
    SetAddress(u8),
    /// Writes a register.
    Write {
        /// Of which chips.
        to: To,
        /// Which register.
        register: Register,
        /// The value.
        value: u32,
    },
    /// Asks for a register.
    Read {
        /// Of which chips: each answers once, the nearest first.
        to: To,
        /// Which register.
        register: Register,
    },
    /// All chips forget their addresses and stop passing on [`Command::SetAddress`].
    Inactive,
}

impl Command {
    /// A write to every chip.
    pub const fn write_all(register: Register, value: u32) -> Self {
        Self::Write { to: To::All, register, value }
    }

    /// A write to one chip.
    pub const fn write(chip: u8, register: Register, value: u32) -> Self {
        Self::Write { to: To::Chip(chip), register, value }
    }

    /// A read of every chip.
    pub const fn read_all(register: Register) -> Self {
        Self::Read { to: To::All, register }
    }
}

/// The answer to a read.
///
/// A BM1387 says neither chip nor register: both are 0 on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterAnswer {
    /// What the register holds.
    pub value: u32,
    /// Address of the chip.
    pub chip: u8,
    /// Which register.
    pub register: Register,
    /// Two further bytes of unknown meaning, big endian, 0 in every capture: only of chips that roll versions.
    pub extra: Option<u16>,
}

/// A solution of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonceAnswer {
    /// The four bytes 76 to 79 of the header.
    pub nonce: [u8; 4],
    /// BM1387: which solution of its work; BM1397: of unclear meaning; later chips: half bits beyond the ticket mask (§9.3).
    pub detail: u8,
    /// Names the job, the midstate or the sub-core (§9.1).
    pub id: u8,
    /// The version counter of chips that roll versions themselves.
    pub version: Option<u16>,
}

impl NonceAnswer {
    /// The number whose little-endian bytes stand in the header.
    pub const fn number(&self) -> u32 {
        u32::from_le_bytes(self.nonce)
    }

    /// The number whose bit fields name core and chip (§9.2).
    pub const fn field_bits(&self) -> u32 {
        u32::from_be_bytes(self.nonce)
    }
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// The bytes do not begin like a frame.
    #[error("no frame begins here")]
    NoFrame,
    /// No command has this header byte.
    #[error("unknown header byte {found:02x}")]
    UnknownHeader {
        /// The byte after the preamble.
        found: u8,
    },
    /// The length does not suit the header byte.
    #[error("a frame {header:02x} is not {found} bytes long")]
    BadLength {
        /// The header byte.
        header: u8,
        /// The length byte.
        found: u8,
    },
    /// The 5-bit checksum is wrong.
    #[error("CRC5 is {expected:02x}, not {found:02x}")]
    BadCrc5 {
        /// Computed from the bytes that came.
        expected: u8,
        /// What came.
        found: u8,
    },
    /// The checksum of a job is wrong.
    #[error("CRC16 is {expected:04x}, not {found:04x}")]
    BadCrc16 {
        /// Computed from the bytes that came.
        expected: u16,
        /// What came.
        found: u16,
    },
    /// An answer is a register or a nonce.
    #[error("answer of unknown type {found}")]
    UnknownAnswer {
        /// The three top bits of the last byte.
        found: u8,
    },
    /// The checksum fits, but after a wrong one that says little, and what follows does not fit.
    #[error("the next frame does not fit")]
    Unconfirmed,
    /// The line fell silent in the middle of a frame.
    #[error("silence after {found} bytes of a frame")]
    Incomplete {
        /// Bytes that came.
        found: usize,
    },
}
