//! The Icarus family: a 64-byte job goes in, a short nonce record comes out (`docs/protocols/icarus.md`).
//!
//! Three dialects share the idea: [`Dialect::Icarus`] (FPGA boards and Block Erupters), [`Dialect::Icarus5`] (BM1380,
//! BM1382 and BM1384 behind the same protocol) and [`Dialect::Rbox`] (RockMiner).
//!
//! ```
//! use adit_protocol::icarus::{Codec, Dialect, Frame, Nonce, golden};
//! use adit_protocol::wire::{Codec as _, Side, Step};
//!
//! let mut bytes = Vec::new();
//! Codec::new(Dialect::Icarus, Side::Host).encode(&Frame::Job(golden::BLOCK_171874.job()), &mut bytes);
//! assert_eq!(bytes[..4], [0x46, 0x79, 0xba, 0x4e]);
//!
//! let reply = [0x00, 0x01, 0x87, 0xa2];
//! let step = Codec::new(Dialect::Icarus, Side::Device).decode(&reply, false);
//! let Step::Frame { frame: Frame::Nonce(Nonce { nonce, .. }), used: 4 } = step else { panic!() };
//! assert!(golden::BLOCK_171874.job().is_solved_by(nonce));
//! ```

mod bm138x;
mod cairnsmore;
mod codec;
mod describe;
mod division;
mod frame;
pub mod golden;
mod job;
mod nonce;
mod pll;
mod rbox;

pub use bm138x::{ChipCommand, IDENTIFY_FRAME, VoltageCode};
pub use cairnsmore::CairnsmoreCommand;
pub use codec::{Codec, Dialect};
pub use division::Division;
pub use frame::{Command, Frame, Reject};
pub(crate) use golden::golden_exchange;
pub use job::Job;
pub use nonce::{Nonce, Register};
pub use pll::{Chip, PllWord};
pub use rbox::{
    NO_TEMPERATURE, RboxCommand, RboxOrder, RboxProduct, RboxRecord, RecordKind, rbox_clock_code,
    rbox_clock_mhz,
};
