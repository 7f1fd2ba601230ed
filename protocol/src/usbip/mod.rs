//! USB/IP, version 1.1.1: USB devices over TCP, as Linux attaches them (`docs/protocols/usbip.md`).
//!
//! A connection begins with an [operation](Request): list the devices, or import one. After an import it carries
//! [commands](Command) from the host and [returns](Return) to it. All numbers are big endian, but the SETUP packet inside.
//!
//! A stream that does not keep to the format cannot be followed any further: a [`Reject`] ends the connection. Nothing is
//! allocated from a length before it was compared with its cap, and until all its bytes are there.

mod ops;
mod urbs;

pub use ops::{DeviceRecord, MAX_DEVICES, Request, Response, Speed};
pub use urbs::{Command, MAX_DATA, Return, Submit, error};

/// Version that both ends announce.
pub const VERSION: u16 = 0x0111;
/// Where servers listen.
pub const PORT: u16 = 3240;

/// Why a stream is not USB/IP, or not the part of it that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// Another version.
    #[error("version {found:#06x} instead of {VERSION:#06x}")]
    Version {
        /// What was announced.
        found: u16,
    },
    /// No such operation or command.
    #[error("code {found:#x} means nothing here")]
    Code {
        /// What was sent.
        found: u32,
    },
    /// More data than anybody needs.
    #[error("{found} bytes in one transfer: at most {MAX_DATA} are taken")]
    TooLong {
        /// The announced length.
        found: u32,
    },
    /// More devices than any server has.
    #[error("{found} devices: at most {MAX_DEVICES} are taken")]
    TooMany {
        /// The announced number.
        found: u32,
    },
    /// Isochronous packets.
    #[error("isochronous transfers are not spoken here")]
    Isochronous,
    /// There is no such endpoint number, direction or speed.
    #[error("{found} is out of range")]
    Range {
        /// What was sent.
        found: u32,
    },
    /// Two commands of one number under way.
    #[error("the command {sequence} is under way already")]
    Repeated {
        /// The number.
        sequence: u32,
    },
    /// A return to a command that was never sent.
    #[error("return to the unknown command {sequence}")]
    Unasked {
        /// Its number.
        sequence: u32,
    },
}

/// What decoding found at the front of a stream: a message and its size, or nothing yet.
pub type Decoded<T> = Result<Option<(T, usize)>, Reject>;

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}
