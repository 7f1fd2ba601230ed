//! Simulated mining hardware and a simulated pool.
//!
//! A second, independent reading of the specifications: with the drivers it shares only codecs, hashing and the model table.
//! Everything is sans-io and deterministic: the same inputs at the same times give the same bytes.
//!
//! # In your own tests
//!
//! [`Bench`] is a device with its wires and its plug. It needs neither a thread, nor a port, nor a clock: it is given the bytes
//! that the host sends and told the time, which passes as fast as your test likes; what the device says is taken with
//! [`Bench::receive`]. Hours are over in an instant, and the same seed always gives the same bytes.
//!
//! ```
//! use adit_hw_sim::{Bench, Build, Command, DeviceFault, Heard};
//! use adit_protocol::devices::model;
//! use adit_protocol::wire::{Micros, Port, Side};
//! use adit_protocol::hex;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A Block Erupter that will be broken at a time of our choice.
//! let model = model("block-erupter").ok_or("no such model")?;
//! let mut stick = Bench::new(model, &Build { seed: 7, ..Build::default() })?.with_journal(100);
//! stick.plug_in(Micros(0));
//! let lost = Command::Fault { fault: DeviceFault::DropByte, times: 1, to: Some(Side::Host) };
//! stick.plan(Micros::from_secs(3_600), lost)?;
//!
//! // Everything the device says, as one piece: what your host program would read.
//! let mut ask = |stick: &mut Bench, at: u64, job: &[u8]| {
//!     stick.run(Micros::from_secs(at)); // everything until then has happened
//!     stick.send(Micros::from_secs(at), Port(0), job);
//!     stick.run(Micros::from_secs(at + 2));
//!     let mut answer = Vec::new();
//!     while let Some(heard) = stick.receive() {
//!         if let Heard::Bytes { bytes, .. } = heard {
//!             answer.extend(bytes);
//!         }
//!     }
//!     answer
//! };
//!
//! // Block 171874 as a job: its nonce is known, so it is found at full difficulty.
//! let job = hex::decode(
//!     "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a\
//!      000000000000000000000000000000000000000087320b1a1426674f2fa722ce",
//! )
//! .ok_or("no hex")?;
//! assert_eq!(ask(&mut stick, 1, &job), [0x00, 0x01, 0x87, 0xa2]);
//! assert_eq!(ask(&mut stick, 3_601, &job).len(), 3, "a byte was lost, an hour later");
//! assert_eq!(ask(&mut stick, 3_604, &job), [0x00, 0x01, 0x87, 0xa2]);
//!
//! // What your program did, decoded, and what really happened inside.
//! let now = Micros::from_secs(3_700);
//! assert!(stick.said(now, 0).iter().any(|said| format!("{said:?}").contains("job")));
//! assert_eq!(stick.truth().nonces, 3);
//! # Ok(())
//! # }
//! ```
//!
//! A host that works with deadlines asks [`Bench::deadline`] for the next moment at which something happens and calls
//! [`Bench::turn`] then. Below it are the parts it is made of, for a loop of one's own: a [`SimDevice`] from [`start`], one [`Wire`]
//! for each port, and [`Dice`] for chance. [`pool`] is the other end of a miner, made the same way.
//!
//! # In another language
//!
//! With the feature `serve` the same devices appear on pseudo-terminals and TCP ports (`serve::Served`), and the binary
//! `adit-sim` needs no Rust at all: a C program connects a socket to `adit-sim serve --tcp`, which is the serial line.

mod bench;
mod bitaxe;
mod bm13xx;
mod breakage;
mod catalog;
mod climate;
mod cpu;
mod device;
mod dice;
mod downstream;
mod engine;
mod fault;
mod gekko;
mod icarus;
pub mod judge;
pub mod pool;
pub mod report;
mod scan;
#[cfg(feature = "serve")]
pub mod serve;
mod solved;
mod trouble;
pub mod usb;
mod wire;

pub use bench::{
    Bench, ChipInsides, ChipRegisters, Command, Heard, Insides, Peripheral, Refused, Register, Said, Saying,
};
pub use catalog::{Build, BuildError, MIN_DIFFICULTY, Setting, settings, start, supports};
pub use device::{Adjustment, DeviceInput, DeviceOutput, SimDevice, Truth};
pub use dice::Dice;
pub use fault::{DeviceFault, FaultSite, PoolFault, UnknownFault};
pub use scan::Scan;
pub use wire::Wire;
