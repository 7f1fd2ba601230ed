//! Stratum V1: one JSON object per line over TCP, with the extensions of BIP 310.
//!
//! Reading is tolerant, writing is strict: numbers may arrive as text, ids in any JSON type, errors in any of the forms
//! seen in the field; what is written has no spaces, `params` is always an array, and every line ends in one LF.
//! Source of every rule: `docs/protocols/stratum-v1.md`.
//!
//! A connection is a stream of [`Lines`]; a line is a [`Message`], which is a call (a request, or a notification when its
//! id is null) or a [`Response`]. A client writes [`ClientCall`]s and reads [`ServerCall`]s, a pool the other way round.
//!
//! ```
//! use adit_protocol::stratum::{ClientCall, Lines, Message, Response, ServerCall};
//!
//! let mut lines = Lines::new(Lines::LIMIT);
//! lines.push(b"{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[\"0.5\"]}\r\n{\"id\":");
//! let line = lines.next().unwrap().unwrap();
//! let Ok(Message::Call { id, call }) = Message::<ServerCall>::decode(&line) else { panic!() };
//! assert!(id.is_null());
//! assert_eq!(call, ServerCall::SetDifficulty(0.5));
//!
//! let request = Message::Call { id: 7.into(), call: ClientCall::ExtranonceSubscribe };
//! assert_eq!(request.encode(), b"{\"id\":7,\"method\":\"mining.extranonce.subscribe\",\"params\":[]}\n");
//! let reply = Message::<ServerCall>::Response(Response::error(7.into(), 20, "Not supported."));
//! assert_eq!(reply.encode(), b"{\"id\":7,\"result\":null,\"error\":[20,\"Not supported.\",null]}\n");
//! ```

mod client;
mod codec;
mod fields;
mod id;
mod lines;
mod message;
mod notify;
mod replies;
mod response;
mod secret;
mod server;
#[cfg(test)]
mod tests;

pub use client::{ClientCall, Configure, Submit, VersionRolling};
pub use codec::{Codec, Frame, Reject};
pub use id::{Id, JobId};
pub use lines::{LineTooLong, Lines};
pub use message::{BadLine, BadParams, Call, Message};
pub use notify::{Notify, prev_hash_from_words, prev_hash_to_words};
pub use replies::{BadReply, Configured, Grant, Subscription};
pub use response::{Refusal, Response};
pub use secret::Secret;
pub use server::{Reconnect, ServerCall};

/// Longest line a client may send, LF included, plus one: pools cut off clients at this length (§1).
pub const CLIENT_LINE_LIMIT: usize = 1024;
