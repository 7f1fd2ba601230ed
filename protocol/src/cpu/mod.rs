//! The CPU as a device (`docs/protocols/cpu.md`): works out, nonces back, every frame with a checksum.
//!
//! ```
//! use adit_protocol::cpu::{Answer, Codec, Frame};
//! use adit_protocol::wire::{Codec as _, Side, Step};
//!
//! let mut bytes = Vec::new();
//! let nonce = Frame::Answer(Answer::Nonce { work: 7, version: 1, nonce: 0x9546_a142 });
//! Codec::new(Side::Device).encode(&nonce, &mut bytes);
//! assert_eq!(adit_protocol::hex::encode(&bytes), "c582070000000100000042a1469525dc");
//! assert_eq!(
//!     Codec::new(Side::Device).decode(&bytes, false),
//!     Step::Frame { frame: nonce, used: 16 }
//! );
//! ```

mod codec;
mod describe;
mod frame;
mod golden;

pub use codec::{Codec, Reject};
pub use frame::{
    Answer, EASIEST_BITS, Frame, HARDEST_BITS, Identity, Kernel, MAX_VERSION_BITS, Order, VERSION, Work,
    report_bits,
};
pub(crate) use golden::golden_exchange;
