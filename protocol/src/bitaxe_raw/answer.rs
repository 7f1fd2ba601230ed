//! The answer a host waits for: knowing the request, most answers are certain without waiting for silence.

use super::codec::{counted_frame, error_frame, incomplete, length};
use super::{Dialect, ErrorReply, Frame, Reject, Reply};
use crate::wire::Step;

/// What a host gets for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Reply(Reply),
    /// It was not.
    Error(ErrorReply),
}

/// The one outstanding request of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Its id.
    pub id: u8,
    /// Data bytes of its success, where they are known: [`Operation::reply_len`](super::Operation::reply_len).
    pub len: Option<usize>,
}

impl Expected {
    /// Looks for the answer at the front of `input`: all bytes received since the request was sent. `quiet`: the line has been silent
    /// after them (20 ms will do, `docs/protocols/bitaxe-raw.md §3.3`).
    ///
    /// An answer whose length cannot be mistaken is found at once. [`Step::Skip`] covers everything that has come: drop it,
    /// let the line fall silent and ask again under a new id.
    pub fn find(&self, dialect: Dialect, input: &[u8], quiet: bool) -> Step<Answer, Reject> {
        let found = match dialect {
            Dialect::V0 => self.v0(input, quiet),
            _ => counted(dialect, input, quiet),
        };
        let used = input.len().max(1);
        match found {
            Step::Frame { frame, used } if frame.is_for(self.id) => Step::Frame { frame, used },
            Step::Frame { frame, .. } => {
                Step::Skip { used, why: Reject::OtherId { expected: self.id, found: frame.id() } }
            }
            Step::Skip { why, .. } => Step::Skip { used, why },
            Step::NeedMore => Step::NeedMore,
        }
    }

    /// A success has LEN + 3 bytes, an error LEN: certain when only one of them is possible, or when silence follows.
    fn v0(&self, input: &[u8], quiet: bool) -> Step<Answer, Reject> {
        let Some(len) = length(input) else { return incomplete(input, quiet, 0) };
        let size = usize::from(len);
        let whole = input.len() == size || (input.len() > size && self.len != Some(size));
        let error = || input.get(..size).filter(|_| whole).and_then(error_frame);
        let decided = quiet || self.len.is_some_and(|len| len != size);
        if let Some(error) = error().filter(|_| decided) {
            return Step::Frame { frame: Answer::Error(error), used: size };
        }
        if size > Reply::MAX_DATA {
            return Step::Skip { used: input.len(), why: Reject::BadLength { len } };
        }
        match (input.get(3..size + 3), input.get(2)) {
            (Some(data), Some(id)) => {
                Step::Frame { frame: Answer::Reply(Reply { id: *id, data: data.to_vec() }), used: size + 3 }
            }
            _ => incomplete(input, quiet, size + 3),
        }
    }
}

fn counted(dialect: Dialect, input: &[u8], quiet: bool) -> Step<Answer, Reject> {
    let Some(len) = length(input) else { return incomplete(input, quiet, 0) };
    let size = usize::from(len);
    if !(3..=4 + Reply::MAX_DATA).contains(&size) {
        return Step::Skip { used: input.len(), why: Reject::BadLength { len } };
    }
    let Some(bytes) = input.get(..size) else { return incomplete(input, quiet, size) };
    match counted_frame(dialect, bytes) {
        Some(Frame::Reply(reply)) => Step::Frame { frame: Answer::Reply(reply), used: size },
        Some(Frame::Error(error)) => Step::Frame { frame: Answer::Error(error), used: size },
        _ => Step::Skip { used: input.len(), why: Reject::NoReply },
    }
}

impl Answer {
    /// The id it carries.
    pub const fn id(&self) -> u8 {
        match self {
            Self::Reply(Reply { id, .. }) | Self::Error(ErrorReply { id, .. }) => *id,
        }
    }

    /// Errors about requests that could not be parsed carry id 0xff.
    const fn is_for(&self, id: u8) -> bool {
        self.id() == id || matches!(self, Self::Error(ErrorReply { id: 0xff, .. }))
    }
}
