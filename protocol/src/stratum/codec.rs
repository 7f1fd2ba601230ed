//! Lines of either side as a wire format like any other: what recordings of miners downstream are decoded with.

use serde_json::{Value, json};

use super::{BadLine, Call, ClientCall, Lines, Message, ServerCall};
use crate::protocols::{Describe, Mining};
use crate::shown::Shown;
use crate::wire::{Codec as WireCodec, Side, Step};

/// Reads and writes lines of one side.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    from: Side,
}

/// A line of a miner or of a pool.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// Of a miner.
    Client(Message<ClientCall>),
    /// Of a pool.
    Server(Message<ServerCall>),
}

/// Bytes that are no message.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Reject {
    /// A line, but no message.
    #[error("{0}")]
    Line(#[from] BadLine),
    /// An empty line.
    #[error("an empty line")]
    Empty,
    /// No end of a line within [`Lines::LIMIT`].
    #[error("a line is longer than {} bytes", Lines::LIMIT)]
    TooLong,
    /// The line was silent in the middle of a message.
    #[error("silence after {have} bytes of a line")]
    CutShort {
        /// Bytes there were.
        have: usize,
    },
}

impl Codec {
    /// For what `from` says: [`Side::Device`] is the miner, [`Side::Host`] whoever it mines for.
    pub const fn new(from: Side) -> Self {
        Self { from }
    }

    fn read(self, line: &[u8]) -> Result<Frame, Reject> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Err(Reject::Empty);
        }
        let text = String::from_utf8_lossy(line);
        Ok(match self.from {
            Side::Device => Frame::Client(Message::decode(&text)?),
            Side::Host => Frame::Server(Message::decode(&text)?),
        })
    }
}

impl WireCodec for Codec {
    type Frame = Frame;
    type Reject = Reject;

    fn encode(&self, frame: &Frame, out: &mut Vec<u8>) {
        out.extend(match frame {
            Frame::Client(message) => message.encode(),
            Frame::Server(message) => message.encode(),
        });
    }

    fn decode(&mut self, input: &[u8], quiet: bool) -> Step<Frame, Reject> {
        match input.iter().take(Lines::LIMIT + 1).position(|byte| *byte == b'\n') {
            Some(end) => match self.read(&input[..end]) {
                Ok(frame) => Step::Frame { frame, used: end + 1 },
                Err(why) => Step::Skip { used: end + 1, why },
            },
            None if input.len() > Lines::LIMIT => Step::Skip { used: Lines::LIMIT, why: Reject::TooLong },
            None if quiet && !input.is_empty() => {
                Step::Skip { used: input.len(), why: Reject::CutShort { have: input.len() } }
            }
            None => Step::NeedMore,
        }
    }
}

impl Describe for Codec {
    /// Types `call` with `method` and `params`, `response` with `result` and `error`; both with the `id` as it was sent. A
    /// password is not shown.
    fn describe(&self, frame: &Frame) -> Shown {
        match frame {
            Frame::Client(Message::Call { id, call: ClientCall::Authorize { user, .. } }) => {
                let shown = Shown::new("call").with("id", json!(id.0)).with("method", "mining.authorize");
                shown.with("params", json!([user, "…"]))
            }
            Frame::Client(message) => describe(message),
            Frame::Server(message) => describe(message),
        }
    }

    fn mining(&self, _frame: &Frame) -> Option<Mining> {
        None // a job is no header before the miner's part of the coinbase is in it
    }
}

fn describe<C: Call>(message: &Message<C>) -> Shown {
    match message {
        Message::Call { id, call } => {
            let params: Value = serde_json::from_str(&call.params()).unwrap_or_default();
            let shown = Shown::new("call").with("id", json!(id.0)).with("method", json!(call.method()));
            shown.with("params", params)
        }
        Message::Response(it) => Shown::new("response")
            .with("id", json!(it.id.0))
            .with("result", json!(it.result))
            .with("error", json!(it.error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocols::protocol;

    fn shown(from: Side, bytes: &[u8], quiet: bool) -> Vec<Value> {
        let mut shown = Vec::new();
        let mut decoder = protocol("stratum").unwrap().decoder(from);
        decoder.feed(bytes, quiet, &mut |item| shown.push(serde_json::to_value(item).unwrap()));
        shown
    }

    #[test]
    fn a_password_is_not_shown() {
        let said = shown(
            Side::Device,
            b"{\"id\":3,\"method\":\"mining.authorize\",\"params\":[\"rig\",\"hush\"]}\n",
            false,
        );
        let frame = json!({"type": "call", "id": 3, "method": "mining.authorize", "params": ["rig", "…"]});
        assert_eq!(said[0]["frame"], frame);
    }

    #[test]
    fn what_is_no_message_is_skipped_with_the_reason() {
        let said = shown(Side::Host, b"hello\n\n{\"id\":1,\"result\":true,\"error\":null}\n{\"id", true);
        let reasons: Vec<_> = said.iter().map(|item| item["reason"].as_str()).collect();
        assert_eq!(
            reasons,
            [
                Some("a line is not JSON"),
                Some("an empty line"),
                None,
                Some("silence after 4 bytes of a line")
            ]
        );
        assert_eq!(said[2]["frame"], json!({"type": "response", "id": 1, "result": true, "error": null}));
    }

    #[test]
    fn an_endless_line_does_not_fill_the_memory() {
        let said = shown(Side::Host, &vec![b'x'; 3 * Lines::LIMIT], false);
        assert_eq!(said.len(), 2, "two pieces are skipped, the third may still end");
    }
}
