//! Bitmain BM13xx chips on a serial chain (`docs/protocols/bm13xx.md`).
//!
//! Three framing generations share one vocabulary ([`Generation`]); BM1384 stands apart ([`Bm1384Codec`]). [`Chip`] is the
//! table of what differs from chip to chip.
//!
//! ```
//! use adit_protocol::bm13xx::{Codec, Command, Frame, Generation, Register};
//! use adit_protocol::wire::{Codec as _, Side, Step};
//!
//! let mut bytes = Vec::new();
//! let ask = Frame::Command(Command::read_all(Register::CHIP_ID));
//! Codec::new(Generation::V2, Side::Host).encode(&ask, &mut bytes);
//! assert_eq!(bytes, [0x55, 0xaa, 0x52, 0x05, 0x00, 0x00, 0x0a]);
//!
//! let answer = [0xaa, 0x55, 0x13, 0x70, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10];
//! let step = Codec::new(Generation::V2, Side::Device).decode(&answer, false);
//! let Step::Frame { frame: Frame::Register(answer), used: 11 } = step else { panic!() };
//! assert_eq!(answer.value, 0x1370_0000);
//! ```

mod answer;
mod bare;
mod bm1384;
mod chip;
mod codec;
mod command;
mod crc;
mod describe;
mod fields;
mod frame;
mod generation;
mod golden;
mod ids;
mod job;
mod pll;
mod register;
mod space;
mod ticket;

pub use bm1384::{Bm1384Codec, Bm1384Command, Bm1384Frame, Bm1384Work};
pub use chip::{Chip, ChipFacts};
pub use codec::{Answers, Codec, Jobs};
pub use crc::{crc5, crc16};
pub use fields::{
    CoreAccess, CoreRegister, DriveStrength, FastUart, Identity, MiscControl1387, MiscControl1397, UartRelay,
    VersionRolling, baud, bm1397_hash_rate, sensor_celsius,
};
pub use frame::{Command, Frame, NonceAnswer, RegisterAnswer, Reject, To};
pub use generation::Generation;
pub(crate) use golden::{bm1384_golden_exchange, golden_exchanges};
pub use ids::{AnswerId, next_version, rolled_mask, rolled_versions, stepped_version};
pub use job::{HeaderJob, Job, MAX_MIDSTATES, MidstateJob};
pub use pll::{CRYSTAL_MHZ, Pll, PllEncoding, PllLimits};
pub use register::Register;
pub use space::{
    Layout, OVERSHOOT_TICKS, Split, hash_count, offset, offset_register, scan_time, slice, stride,
    version_epoch,
};
pub use ticket::Ticket;
