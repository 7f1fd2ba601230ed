//! Mining to a node: templates, the conversation, the wire, and the blocks that come of it.

mod conversation;
mod http;
mod judge;
mod tables;
mod templates;
#[cfg(feature = "io")]
mod wire;
