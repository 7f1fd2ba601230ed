//! Requests, replies, errors, and why bytes are none.

/// A whole message of the control port, of either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Host: do this.
    Request(Request),
    /// Device: done.
    Reply(Reply),
    /// Device: not done.
    Error(ErrorReply),
}

/// What a host sends: `LEN LE (total), ID, BUS 0, PAGE, CMD, DATA`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Comes back in the answer. Avoid 0xff: answers to requests that cannot be parsed carry it.
    pub id: u8,
    /// What is addressed: I2C, pins, fan …
    pub page: u8,
    /// What to do there.
    pub command: u8,
    /// Arguments, at most [`Self::MAX_DATA`] bytes.
    pub data: Vec<u8>,
}

impl Request {
    /// Bytes before the arguments.
    pub const HEADER: usize = 6;
    /// Size of the firmware's buffer: a longer request crashes it.
    pub const MAX_SIZE: usize = 4_098;
    /// Most argument bytes.
    pub const MAX_DATA: usize = Self::MAX_SIZE - Self::HEADER;

    /// The request that `bytes`, one whole frame, hold; `None` when the length does not fit or the bus is not 0.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let [low, high, id, 0, page, command, data @ ..] = bytes else { return None };
        let fits =
            usize::from(u16::from_le_bytes([*low, *high])) == bytes.len() && data.len() <= Self::MAX_DATA;
        fits.then(|| Self { id: *id, page: *page, command: *command, data: data.to_vec() })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let data = &self.data[..self.data.len().min(Self::MAX_DATA)];
        out.extend(((Self::HEADER + data.len()) as u16).to_le_bytes());
        out.extend([self.id, 0, self.page, self.command]);
        out.extend_from_slice(data);
    }
}

/// Success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Of the request.
    pub id: u8,
    /// What was asked for, at most [`Self::MAX_DATA`] bytes.
    pub data: Vec<u8>,
}

impl Reply {
    /// Most data bytes: an I2C read has an 8-bit count.
    pub const MAX_DATA: usize = 255;
}

/// Failure: `LEN LE (total), ID, CODE, text` in every dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorReply {
    /// Of the request; 0xff when the request could not be parsed.
    pub id: u8,
    /// What is wrong.
    pub code: ErrorCode,
}

/// Why a request failed (`docs/protocols/bitaxe-raw.md §3.2`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorCode {
    /// 0x10.
    #[error("time-out")]
    TimeOut,
    /// 0x11: unknown page or command, or wrong arguments.
    #[error("invalid command")]
    Invalid,
    /// 0x12: the buffer overflows. The bonanza firmware means: denied by its safety policy.
    #[error("overflow, or denied")]
    Overflow,
    /// 0x13, bonanza only: a safety fault is latched, or the trip input is active.
    #[error("safety fault")]
    SafetyFault,
    /// 0xff: words, such as `I2C WriteRead Error`. At most [`Self::MAX_TEXT`] bytes of ASCII.
    #[error("{0}")]
    Text(String),
}

impl ErrorCode {
    /// Longest text.
    pub const MAX_TEXT: usize = 64;

    /// The byte on the wire.
    pub const fn byte(&self) -> u8 {
        match self {
            Self::TimeOut => 0x10,
            Self::Invalid => 0x11,
            Self::Overflow => 0x12,
            Self::SafetyFault => 0x13,
            Self::Text(_) => 0xff,
        }
    }

    /// Reads the code and what follows it; `None` when this is no error.
    pub(super) fn read(code: u8, text: &[u8]) -> Option<Self> {
        let coded = match code {
            0x10 => Self::TimeOut,
            0x11 => Self::Invalid,
            0x12 => Self::Overflow,
            0x13 => Self::SafetyFault,
            0xff if text.len() <= Self::MAX_TEXT && text.iter().all(|byte| matches!(byte, b' '..=b'~')) => {
                return Some(Self::Text(String::from_utf8_lossy(text).into_owned()));
            }
            _ => return None,
        };
        text.is_empty().then_some(coded)
    }
}

impl ErrorReply {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let text = match &self.code {
            ErrorCode::Text(text) => &text.as_bytes()[..text.len().min(ErrorCode::MAX_TEXT)],
            _ => &[],
        };
        out.extend((4 + text.len() as u16).to_le_bytes());
        out.extend([self.id, self.code.byte()]);
        out.extend_from_slice(text);
    }
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// The line fell silent in the middle of a frame.
    #[error("silence after {found} bytes of a frame that says it has {expected}")]
    Incomplete {
        /// Bytes that came.
        found: usize,
        /// Bytes of the frame, 0 while not even the length has come.
        expected: usize,
    },
    /// No frame is so short or so long.
    #[error("no frame is {len} bytes long")]
    BadLength {
        /// What the first two bytes say.
        len: u16,
    },
    /// The fourth byte of a request is 0.
    #[error("the bus is 0, not {bus}")]
    BadBus {
        /// What was found.
        bus: u8,
    },
    /// These bytes are neither a success nor an error of this dialect.
    #[error("neither a success nor an error")]
    NoReply,
    /// An answer to another request.
    #[error("an answer to request {found}, not {expected}")]
    OtherId {
        /// Id of the request that waits.
        expected: u8,
        /// Id in the answer.
        found: u8,
    },
}
