//! Bytes to frames and back, for recordings and for the device's side. A host that waits for an answer knows more: see
//! [`Expected`](super::Expected).

use super::{ErrorCode, ErrorReply, Frame, Reject, Reply, Request};
use crate::wire::{self, Side, Step};

/// How replies are laid out (`docs/protocols/bitaxe-raw.md §3.2`). Known from the product, or probed; never sniffed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `LEN (of the data), ID, DATA`: classic, fan, bitcrane, early EmberOne.
    V0,
    /// `LEN (total), ID, 0, DATA`: EmberOne from firmware minor 1 on.
    V1,
    /// `LEN (total), ID, DATA`.
    Bonanza,
}

/// Codec of one dialect. There is no checksum and no start mark: silence is what aligns both directions.
///
/// In [`Dialect::V0`] the length of a success does not count the header and that of an error does, so what a reply is can
/// only be said when silence follows it: of a burst, the cut that leaves the fewest bytes over is taken.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    dialect: Dialect,
    decodes: Side,
}

/// A burst of V0 replies is cut at the latest when so many bytes have come without a pause.
const UNDECIDED: usize = 512;

type Item = Step<Frame, Reject>;

impl Codec {
    /// A codec that decodes what the side `decodes` sends.
    pub const fn new(dialect: Dialect, decodes: Side) -> Self {
        Self { dialect, decodes }
    }
}

impl wire::Codec for Codec {
    type Frame = Frame;
    type Reject = Reject;

    fn encode(&self, frame: &Frame, out: &mut Vec<u8>) {
        match frame {
            Frame::Request(request) => request.encode(out),
            Frame::Error(error) => error.encode(out),
            Frame::Reply(Reply { id, data }) => {
                let data = &data[..data.len().min(Reply::MAX_DATA)];
                let (extra, status): (_, &[u8]) = match self.dialect {
                    Dialect::V0 => (0, &[]),
                    Dialect::V1 => (4, &[0]),
                    Dialect::Bonanza => (3, &[]),
                };
                out.extend((data.len() as u16 + extra).to_le_bytes());
                out.push(*id);
                out.extend_from_slice(status);
                out.extend_from_slice(data);
            }
        }
    }

    fn decode(&mut self, input: &[u8], quiet: bool) -> Item {
        match (self.decodes, self.dialect) {
            (Side::Host, _) => request(input, quiet),
            (Side::Device, Dialect::V0) => v0(input, quiet),
            (Side::Device, dialect) => counted(dialect, input, quiet),
        }
    }
}

/// The length at the front of `input`.
pub(super) fn length(input: &[u8]) -> Option<u16> {
    input.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

/// A frame of `expected` bytes has not come in full: wait, or after a silence look for the next one.
pub(super) fn incomplete<F>(input: &[u8], quiet: bool, expected: usize) -> Step<F, Reject> {
    if !quiet || input.is_empty() {
        return Step::NeedMore;
    }
    let used = if expected == 0 { input.len() } else { 1 };
    Step::Skip { used, why: Reject::Incomplete { found: input.len(), expected } }
}

fn request(input: &[u8], quiet: bool) -> Item {
    let Some(len) = length(input) else { return incomplete(input, quiet, 0) };
    let size = usize::from(len);
    if !(Request::HEADER..=Request::MAX_SIZE).contains(&size) {
        return Step::Skip { used: 1, why: Reject::BadLength { len } };
    }
    if let Some(bus) = input.get(3).copied().filter(|bus| *bus != 0) {
        return Step::Skip { used: 1, why: Reject::BadBus { bus } };
    }
    match input.get(..size).map(Request::from_bytes) {
        Some(Some(request)) => Step::Frame { frame: Frame::Request(request), used: size },
        Some(None) => Step::Skip { used: 1, why: Reject::BadLength { len } },
        None => incomplete(input, quiet, size),
    }
}

/// V1 and bonanza: the length counts everything.
fn counted(dialect: Dialect, input: &[u8], quiet: bool) -> Item {
    let Some(len) = length(input) else { return incomplete(input, quiet, 0) };
    let size = usize::from(len);
    let header = if dialect == Dialect::V1 { 4 } else { 3 };
    if !(header..=header + Reply::MAX_DATA).contains(&size) {
        return Step::Skip { used: 1, why: Reject::BadLength { len } };
    }
    let Some(bytes) = input.get(..size) else { return incomplete(input, quiet, size) };
    match counted_frame(dialect, bytes) {
        Some(frame) => Step::Frame { frame, used: size },
        None => Step::Skip { used: 1, why: Reject::NoReply },
    }
}

/// A whole V1 or bonanza frame. A bonanza success of one byte 0x10 to 0x13 looks exactly like an error, and is taken for one;
/// of text errors only those with a text are told from data.
pub(super) fn counted_frame(dialect: Dialect, bytes: &[u8]) -> Option<Frame> {
    let [_, _, id, data @ ..] = bytes else { return None };
    if dialect == Dialect::V1
        && let [0, data @ ..] = data
    {
        return Some(Frame::Reply(Reply { id: *id, data: data.to_vec() }));
    }
    let error = error_frame(bytes);
    let wordless = dialect == Dialect::Bonanza && data == [0xff];
    match error {
        Some(error) if !wordless => Some(Frame::Error(error)),
        _ if dialect == Dialect::V1 => None,
        _ => Some(Frame::Reply(Reply { id: *id, data: data.to_vec() })),
    }
}

/// The error that `bytes`, a whole frame, hold.
pub(super) fn error_frame(bytes: &[u8]) -> Option<ErrorReply> {
    let [_, _, id, code, text @ ..] = bytes else { return None };
    ErrorCode::read(*code, text).map(|code| ErrorReply { id: *id, code })
}

fn v0(input: &[u8], quiet: bool) -> Item {
    let open = input.len() >= UNDECIDED;
    if input.is_empty() || (!open && !quiet) {
        return Step::NeedMore;
    }
    let burst = &input[..input.len().min(UNDECIDED)];
    let cuts = best_cuts(burst, open);
    match cuts[0].kind {
        Kind::Success(used) if used <= burst.len() => {
            let reply = Reply { id: burst[2], data: burst[3..used].to_vec() };
            Step::Frame { frame: Frame::Reply(reply), used }
        }
        Kind::Error(used) => match burst.get(..used).and_then(error_frame) {
            Some(error) => Step::Frame { frame: Frame::Error(error), used },
            None => Step::Skip { used: 1, why: Reject::NoReply },
        },
        Kind::Success(_) | Kind::Garbage => {
            let used = cuts.iter().position(|cut| !matches!(cut.kind, Kind::Garbage)).unwrap_or(burst.len());
            Step::Skip { used: used.max(1), why: Reject::NoReply }
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Success(usize),
    Error(usize),
    Garbage,
}

/// What begins at a place, and how many bytes from there on belong to nothing.
#[derive(Clone, Copy)]
struct Cut {
    kind: Kind,
    left_over: usize,
}

/// For every place of `burst` how the rest is cut best. `open`: the burst goes on, so its last frame may reach beyond it.
fn best_cuts(burst: &[u8], open: bool) -> Vec<Cut> {
    let mut cuts = vec![Cut { kind: Kind::Garbage, left_over: 0 }; burst.len() + 1];
    for at in (0..burst.len()).rev() {
        let rest = &burst[at..];
        let beyond = |size: usize| match cuts.get(at + size) {
            Some(cut) => Some(cut.left_over),
            None => open.then_some(0),
        };
        let garbage = Cut { kind: Kind::Garbage, left_over: 1 + cuts[at + 1].left_over };
        let len = length(rest).map(usize::from);
        let success = len
            .filter(|len| *len <= Reply::MAX_DATA && rest.len() > 2)
            .and_then(|len| beyond(len + 3).map(|left_over| Cut { kind: Kind::Success(len + 3), left_over }));
        let error = len.filter(|len| rest.get(..*len).is_some_and(|bytes| error_frame(bytes).is_some()));
        let error =
            error.and_then(|len| beyond(len).map(|left_over| Cut { kind: Kind::Error(len), left_over }));
        let choices = [success, error, Some(garbage)];
        // of equals the first: success before error before garbage
        if let Some(best) = choices.into_iter().flatten().min_by_key(|cut| cut.left_over) {
            cuts[at] = best;
        }
    }
    cuts
}
