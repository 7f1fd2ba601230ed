//! Transfers of an imported device (`docs/protocols/usbip.md §3`).

use super::{Decoded, Reject, u32_at};
use crate::wire::SetupPacket;

const SUBMIT: u32 = 1;
const UNLINK: u32 = 2;
const SUBMITTED: u32 = 3;
const UNLINKED: u32 = 4;

/// Every message begins with as many bytes.
const HEADER: usize = 48;

/// Most data bytes of one transfer to the device, or of one return to the host.
pub const MAX_DATA: u32 = 64 * 1024;

/// Results of transfers: negated error numbers of Linux.
pub mod error {
    /// It went well.
    pub const NONE: i32 = 0;
    /// There is no such endpoint.
    pub const NO_ENTRY: i32 = -2;
    /// More is under way than the device has room for.
    pub const NO_MEMORY: i32 = -12;
    /// The device was reset, or is gone.
    pub const SHUT_DOWN: i32 = -108;
    /// The endpoint stalls.
    pub const STALL: i32 = -32;
    /// The transfer was unlinked.
    pub const RESET: i32 = -104;
}

/// What a host wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A transfer.
    Submit(Submit),
    /// Give a transfer up.
    Unlink {
        /// Number of this command.
        sequence: u32,
        /// The device.
        device: u32,
        /// Number of the transfer.
        victim: u32,
    },
}

/// A transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submit {
    /// Number of this command.
    pub sequence: u32,
    /// The device.
    pub device: u32,
    /// Endpoint address: number, and 0x80 towards the host.
    pub endpoint: u8,
    /// `transfer_flags` of Linux.
    pub flags: u32,
    /// Polling interval of interrupt endpoints.
    pub interval: u32,
    /// The request on endpoint 0; zeros elsewhere.
    pub setup: SetupPacket,
    /// Most bytes that the host takes, or the size of `data`.
    pub length: u32,
    /// Data to the device.
    pub data: Vec<u8>,
}

/// What the server says of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Return {
    /// A transfer is over.
    Submit {
        /// Number of the command.
        sequence: u32,
        /// See [`error`].
        status: i32,
        /// Bytes that were transferred.
        actual: u32,
        /// Data from the device.
        data: Vec<u8>,
    },
    /// A transfer was given up, or was over already.
    Unlink {
        /// Number of the command.
        sequence: u32,
        /// [`error::RESET`] where the transfer was under way; it has no return then.
        status: i32,
    },
}

impl Command {
    /// Appends the bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Submit(submit) => {
                let (number, inward) = (submit.endpoint & 15, submit.endpoint >> 7);
                words(out, &[SUBMIT, submit.sequence, submit.device, inward.into(), number.into()]);
                words(out, &[submit.flags, submit.length, 0, 0, submit.interval]);
                out.extend(submit.setup.to_bytes());
                out.extend_from_slice(&submit.data);
            }
            Self::Unlink { sequence, device, victim } => {
                words(out, &[UNLINK, *sequence, *device, 0, 0, *victim, 0, 0, 0, 0, 0, 0]);
            }
        }
    }

    /// Reads one from the front of a stream.
    pub fn decode(input: &[u8]) -> Decoded<Self> {
        let Some(header) = Header::read(input) else { return Ok(None) };
        let [code, sequence, device, direction, endpoint, ..] = header.0;
        match code {
            SUBMIT => header.submit(input),
            UNLINK => {
                let _ = (direction, endpoint); // hosts leave them empty
                Ok(Some((Self::Unlink { sequence, device, victim: header.0[5] }, HEADER)))
            }
            found => Err(Reject::Code { found }),
        }
    }
}

impl Return {
    /// Appends the bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Submit { sequence, status, actual, data } => {
                words(out, &[SUBMITTED, *sequence, 0, 0, 0]);
                words(out, &[status.cast_unsigned(), *actual, 0, 0, 0, 0, 0]);
                out.extend_from_slice(data);
            }
            Self::Unlink { sequence, status } => {
                words(out, &[UNLINKED, *sequence, 0, 0, 0, status.cast_unsigned(), 0, 0, 0, 0, 0, 0]);
            }
        }
    }

    /// Reads one from the front of a stream. A return does not say whether it carries data: `inward` tells of the command of
    /// a number whether it was a transfer from the device, and `None` where there is no such command.
    pub fn decode(input: &[u8], inward: impl FnOnce(u32) -> Option<bool>) -> Decoded<Self> {
        let Some(header) = Header::read(input) else { return Ok(None) };
        let [code, sequence, _, _, _, status, actual, ..] = header.0;
        let status = status.cast_signed();
        match code {
            UNLINKED => Ok(Some((Self::Unlink { sequence, status }, HEADER))),
            SUBMITTED => {
                let inward = inward(sequence).ok_or(Reject::Unasked { sequence })?;
                let size = if inward { actual } else { 0 };
                if actual > MAX_DATA {
                    return Err(Reject::TooLong { found: actual });
                }
                let end = HEADER + size as usize;
                let data = input.get(HEADER..end);
                Ok(data.map(|data| (Self::Submit { sequence, status, actual, data: data.to_vec() }, end)))
            }
            found => Err(Reject::Code { found }),
        }
    }
}

/// The twelve words that every message begins with.
struct Header([u32; HEADER / 4]);

impl Header {
    fn read(input: &[u8]) -> Option<Self> {
        let bytes = input.get(..HEADER)?;
        let mut words = [0; HEADER / 4];
        for (index, word) in words.iter_mut().enumerate() {
            *word = u32_at(bytes, 4 * index)?;
        }
        Some(Self(words))
    }

    fn submit(&self, input: &[u8]) -> Decoded<Command> {
        let [_, sequence, device, direction, number, flags, length, _, packets, interval, ..] = self.0;
        if direction > 1 {
            return Err(Reject::Range { found: direction });
        }
        if number > 15 {
            return Err(Reject::Range { found: number });
        }
        if packets != 0 && packets != u32::MAX {
            return Err(Reject::Isochronous);
        }
        if length > MAX_DATA {
            return Err(Reject::TooLong { found: length });
        }
        let end = HEADER + if direction == 0 { length as usize } else { 0 };
        let Some(data) = input.get(HEADER..end) else { return Ok(None) };
        let mut setup = [0; SetupPacket::SIZE];
        setup.copy_from_slice(&input[HEADER - SetupPacket::SIZE..HEADER]);
        let submit = Submit {
            sequence,
            device,
            endpoint: (direction << 7 | number) as u8,
            flags,
            interval,
            setup: SetupPacket::from_bytes(setup),
            length,
            data: data.to_vec(),
        };
        Ok(Some((Command::Submit(submit), end)))
    }
}

fn words(out: &mut Vec<u8>, words: &[u32]) {
    words.iter().for_each(|word| out.extend(word.to_be_bytes()));
}
