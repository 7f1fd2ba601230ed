//! The control protocol of bitaxe-raw, the firmware that turns a board's controller into a USB bridge
//! (`docs/protocols/bitaxe-raw.md §3`).
//!
//! The host sends one [`Request`] per transfer and waits for its answer; the answer's layout depends on the [`Dialect`].
//! What requests mean is [`Operation`], which depends on the [`Firmware`].
//!
//! ```
//! use adit_protocol::bitaxe_raw::{Answer, Codec, Dialect, Expected, Firmware, Frame, Operation, Reply};
//! use adit_protocol::wire::{Codec as _, Side, Step};
//!
//! let reset = Operation::GpioSet { pin: 0, high: true };
//! let request = reset.request(Firmware::Classic, 1).unwrap();
//! let mut bytes = Vec::new();
//! Codec::new(Dialect::V0, Side::Device).encode(&Frame::Request(request), &mut bytes);
//! assert_eq!(bytes, [0x07, 0x00, 0x01, 0x00, 0x06, 0x00, 0x01]);
//!
//! let expected = Expected { id: 1, len: reset.reply_len() };
//! let answer = expected.find(Dialect::V0, &[0x01, 0x00, 0x01, 0x01], false);
//! let Step::Frame { frame: Answer::Reply(Reply { id: 1, data }), used: 4 } = answer else { panic!() };
//! assert_eq!(data, [1]);
//! ```

mod answer;
mod codec;
mod describe;
mod firmware;
mod frame;
mod operation;
mod safety;

pub use answer::{Answer, Expected};
pub use codec::{Codec, Dialect};
pub use firmware::{Firmware, Revision, serial_number};
pub use frame::{ErrorCode, ErrorReply, Frame, Reject, Reply, Request};
pub use operation::{Bus, Operation, Transfer, pin};
pub use safety::{BadStatus, Outputs, SafetyStatus, nine_bit_wire, nine_bit_word};
