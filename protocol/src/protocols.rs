//! Every wire format by name, as type-erased decoders: what `adit decode`, the recording tap and replay work with.
//!
//! ```
//! use adit_protocol::protocols::protocol;
//! use adit_protocol::wire::Side;
//!
//! let mut decoder = protocol("icarus").unwrap().decoder(Side::Device);
//! let mut lines = Vec::new();
//! decoder.feed(&[0x00, 0x01], false, &mut |item| lines.push(item)); // half a nonce
//! decoder.feed(&[0x87, 0xa2, 0xff], true, &mut |item| lines.push(item)); // the rest, a stray byte, silence
//! assert_eq!(
//!     serde_json::to_string(&lines[0]).unwrap(),
//!     r#"{"offset":0,"len":4,"ok":true,"from":"device","frame":{"type":"nonce","nonce":2726756608}}"#
//! );
//! assert_eq!(
//!     serde_json::to_string(&lines[1]).unwrap(),
//!     r#"{"offset":4,"len":1,"ok":false,"reason":"silence after 1 of 4 bytes"}"#
//! );
//! ```

use std::fmt::Display;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::bitaxe_raw;
use crate::bm13xx::{self, Generation};
use crate::cpu;
use crate::gekko::telemetry;
use crate::golden::Exchange;
use crate::icarus::{self, Dialect};
use crate::pow::{Header, Midstate};
use crate::shown::Shown;
use crate::stratum;
use crate::wire::{Codec, Side, Step};

/// Every wire format that can be decoded. A dialect is an entry of its own: dialects are never sniffed.
pub static PROTOCOLS: &[Protocol] = &[
    Protocol {
        name: "icarus",
        about: "64-byte jobs, 4-byte nonces: Icarus, Lancelot, Cairnsmore1, Block Erupter",
        start: |from| stream(icarus::Codec::new(Dialect::Icarus, from), from),
        golden: |header| icarus::golden_exchange(Dialect::Icarus, header),
    },
    Protocol {
        name: "icarus5",
        about: "64-byte jobs, 4-byte commands, 5-byte nonces: Antminer U1, U2, U3, BM1384 the simple way",
        start: |from| stream(icarus::Codec::new(Dialect::Icarus5, from), from),
        golden: |header| icarus::golden_exchange(Dialect::Icarus5, header),
    },
    Protocol {
        name: "rbox",
        about: "64-byte jobs, 8-byte records: RockMiner R-BOX, T1",
        start: |from| stream(icarus::Codec::new(Dialect::Rbox, from), from),
        golden: |header| icarus::golden_exchange(Dialect::Rbox, header),
    },
    Protocol {
        name: "bm13xx",
        about: "frames with preambles, lengths chosen by checksum: BM1397, BM1362, BM1366, BM1368, BM1370, BM1372",
        start: |from| stream(bm13xx::Codec::new(Generation::V2, from), from),
        golden: |header| bm13xx::golden_exchanges(true, header),
    },
    Protocol {
        name: "bm13xx-v0",
        about: "frames without preambles: BM1387, BM1391",
        start: |from| stream(bm13xx::Codec::new(Generation::V0, from), from),
        golden: |header| bm13xx::golden_exchanges(false, header),
    },
    Protocol {
        name: "bm1384",
        about: "64-byte works, 4-byte commands, 5-byte answers: BM1384 with addresses",
        start: |from| stream(bm13xx::Bm1384Codec::new(from), from),
        golden: bm13xx::bm1384_golden_exchange,
    },
    Protocol {
        name: "gekko-telemetry",
        about: "second port of GekkoScience A1 and A2 models: values, core voltage, fan",
        start: |from| stream(telemetry::Codec::new(from), from),
        golden: |_| Vec::new(), // work travels over the other port
    },
    Protocol {
        name: "bitaxe-raw",
        about: "control port of USB bridge firmware on Bitaxe boards and bitcrane; the same as bitaxe-raw-v0",
        start: |from| stream(bitaxe_raw::Codec::new(bitaxe_raw::Dialect::V0, from), from),
        golden: |_| Vec::new(), // work travels over the data port
    },
    Protocol {
        name: "bitaxe-raw-v0",
        about: "control port, replies that count their data: Bitaxe, bitcrane, EmberOne before firmware 0.1",
        start: |from| stream(bitaxe_raw::Codec::new(bitaxe_raw::Dialect::V0, from), from),
        golden: |_| Vec::new(), // work travels over the data port
    },
    Protocol {
        name: "bitaxe-raw-v1",
        about: "control port, replies that count everything and have a status: EmberOne from firmware 0.1 on",
        start: |from| stream(bitaxe_raw::Codec::new(bitaxe_raw::Dialect::V1, from), from),
        golden: |_| Vec::new(), // work travels over the data port
    },
    Protocol {
        name: "bitaxe-raw-bonanza",
        about: "control port, replies that count everything: Bitaxe Bonanza",
        start: |from| stream(bitaxe_raw::Codec::new(bitaxe_raw::Dialect::Bonanza, from), from),
        golden: |_| Vec::new(), // work travels over the data port
    },
    Protocol {
        name: "cpu",
        about: "works and nonces of the computer's own processors",
        start: |from| stream(cpu::Codec::new(from), from),
        golden: cpu::golden_exchange,
    },
    Protocol {
        name: "stratum",
        about: "lines of Stratum V1: miners downstream, and pools",
        start: |from| stream(stratum::Codec::new(from), from),
        golden: |_| Vec::new(), // a header is not whole without what both sides remember
    },
];

/// The wire format named `name`.
pub fn protocol(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS.iter().find(|protocol| protocol.name == name)
}

/// A wire format in the registry.
#[derive(Debug)]
pub struct Protocol {
    /// What `--protocol` calls it.
    pub name: &'static str,
    /// What travels and which devices speak it, in one line.
    pub about: &'static str,
    start: fn(Side) -> Box<dyn Decoder>,
    /// A solved header as job and answer.
    golden: fn(&Header) -> Vec<Exchange>,
}

impl Protocol {
    /// A decoder for what the side `from` sends.
    pub fn decoder(&self, from: Side) -> Box<dyn Decoder> {
        (self.start)(from)
    }

    /// The frames that give the work of a solved header to a device, and those that solve it.
    pub(crate) fn golden(&self, header: &Header) -> Vec<Exchange> {
        (self.golden)(header)
    }
}

/// Turns one direction of a byte stream into items.
pub trait Decoder: Send {
    /// Takes the next bytes, however the stream is cut, and hands every item that is certain to `each`. `quiet`: the line
    /// was silent after the last byte, or the stream ends there; then every byte so far has become part of an item.
    ///
    /// Memory stays below the longest frame of the format plus `bytes`.
    fn feed(&mut self, bytes: &[u8], quiet: bool, each: &mut dyn FnMut(Item));
}

/// A frame, or bytes that are none. Serializes to one line of `adit decode --json`.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Position in the stream of the first byte.
    pub offset: u64,
    /// Number of bytes.
    pub len: usize,
    /// Which side's bytes are decoded.
    pub from: Side,
    /// The frame, or the reason why the bytes are skipped.
    pub found: Result<Shown, String>,
    /// The work or the solution in it.
    pub mining: Option<Mining>,
    /// What tells works apart, as it stands in the frame: that of a work or of a solution.
    pub job_id: Option<u32>,
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_struct("Item", 5)?;
        line.serialize_field("offset", &self.offset)?;
        line.serialize_field("len", &self.len)?;
        line.serialize_field("ok", &self.found.is_ok())?;
        match &self.found {
            Ok(frame) => {
                line.serialize_field("from", &self.from)?;
                line.serialize_field("frame", frame)?;
            }
            Err(reason) => line.serialize_field("reason", reason)?,
        }
        line.end()
    }
}

/// A codec whose frames can be shown: what it takes to be in the registry.
pub trait Describe: Codec {
    /// The frame as people and programs are shown it. Numbers are numbers, byte strings lower-case hex.
    fn describe(&self, frame: &Self::Frame) -> Shown;

    /// What the frame means to the search for nonces; most frames mean nothing.
    fn mining(&self, frame: &Self::Frame) -> Option<Mining>;

    /// What tells works apart, as it stands in a work or in a solution; `None` where the protocol has no such thing.
    fn job_id(&self, _frame: &Self::Frame) -> Option<u32> {
        None
    }
}

/// A frame that gives work, or solves one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "of one frame at a time")]
pub enum Mining {
    /// The header to be searched, whole.
    Header(Header),
    /// The headers to be searched, as midstates and the 12 header bytes 64 to 75 that follow them.
    Midstates {
        /// The first `count` of them.
        midstates: [Midstate; 4],
        /// 1 to 4.
        count: u8,
        /// End of the merkle root, ntime, nbits, in header order.
        tail: [u8; 12],
    },
    /// A found nonce.
    Nonce {
        /// The number whose little-endian bytes stand in the header.
        nonce: u32,
        /// Bits that the device has set in the version of the header.
        version_bits: u32,
    },
}

impl Mining {
    /// A work of one midstate.
    pub(crate) const fn midstate(midstate: Midstate, tail: [u8; 12]) -> Self {
        Self::Midstates { midstates: [midstate; 4], count: 1, tail }
    }
}

struct Stream<C> {
    codec: C,
    from: Side,
    offset: u64,
    pending: Vec<u8>,
}

fn stream<C>(codec: C, from: Side) -> Box<dyn Decoder>
where
    C: Describe<Reject: Display> + Send + 'static,
{
    Box::new(Stream { codec, from, offset: 0, pending: Vec::new() })
}

impl<C: Describe<Reject: Display> + Send> Decoder for Stream<C> {
    fn feed(&mut self, bytes: &[u8], quiet: bool, each: &mut dyn FnMut(Item)) {
        self.pending.extend_from_slice(bytes);
        let mut at = 0;
        while at < self.pending.len() {
            let rest = &self.pending[at..];
            let (len, found, mining, job_id) = match self.codec.decode(rest, quiet) {
                Step::Frame { frame, used } => {
                    let codec = &self.codec;
                    (used, Ok(codec.describe(&frame)), codec.mining(&frame), codec.job_id(&frame))
                }
                Step::Skip { used, why } => (used, Err(why.to_string()), None, None),
                Step::NeedMore => break,
            };
            assert!((1..=rest.len()).contains(&len), "an item takes bytes that exist"); // invariant: law of Codec
            each(Item { offset: self.offset + at as u64, len, from: self.from, found, mining, job_id });
            at += len;
        }
        self.pending.drain(..at);
        self.offset += at as u64;
    }
}
