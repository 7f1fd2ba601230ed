//! Stratum V2 (`docs/protocols/stratum-v2.md`): messages and encryption are those of the SRI crates, the session is ours.

mod channel;
mod opening;
mod outage;
mod rate;
mod session;
mod shares;
mod wire;

pub use channel::BadJob;
pub use outage::V2Outage;
pub use session::{V2Action, V2Input, V2Session};
pub use wire::{NoiseFault, V2Received, V2Wire, read_frame};
