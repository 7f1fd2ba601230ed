//! What every wire format has in common: time, ports, line settings, USB setup packets and the [`Codec`] trait.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

/// A monotonic instant in microseconds since an arbitrary start. Real clocks are read only at the edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub u64);

impl Micros {
    /// The instant `ms` milliseconds after the start.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms * 1_000)
    }

    /// The instant `s` seconds after the start.
    pub const fn from_secs(s: u64) -> Self {
        Self(s * 1_000_000)
    }

    /// Time passed since `earlier`; zero when `earlier` lies in the future.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Seconds since the start.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Add<Duration> for Micros {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06} s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// A byte channel of a device, numbered in the order of its `Model::ports`. Most devices have one, port 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(pub u8);

/// Which end of a wire a codec or a frame belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The controller: it sends work.
    Host,
    /// The hashing hardware: it sends nonces.
    Device,
}

/// Parity bit of a serial line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Parity {
    /// No parity bit.
    #[default]
    None,
    /// Odd number of ones.
    Odd,
    /// Even number of ones.
    Even,
    /// Always one: used as an address marker by 9-bit style buses.
    Mark,
    /// Always zero.
    Space,
}

/// Settings of a serial line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// Symbols per second.
    pub baud: u32,
    /// Data bits per character, 5 to 8.
    pub bits: u8,
    /// Parity bit.
    pub parity: Parity,
    /// Stop bits, 1 or 2.
    pub stop: u8,
    /// Data Terminal Ready asserted.
    pub dtr: bool,
    /// Request To Send asserted.
    pub rts: bool,
}

impl Line {
    /// 8 data bits, no parity, 1 stop bit, DTR and RTS asserted: what nearly every device wants.
    pub const fn at(baud: u32) -> Self {
        Self { baud, bits: 8, parity: Parity::None, stop: 1, dtr: true, rts: true }
    }

    /// Time that `bytes` characters take on this line, start, parity and stop bits included.
    pub fn duration(&self, bytes: usize) -> Duration {
        let parity = u64::from(self.parity != Parity::None);
        let bits = 1 + u64::from(self.bits) + parity + u64::from(self.stop);
        Duration::from_nanos(bytes as u64 * bits * 1_000_000_000 / u64::from(self.baud.max(1)))
    }
}

/// Modem inputs of a serial line as the device drives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ModemLines {
    /// Clear To Send.
    pub cts: bool,
    /// Data Set Ready.
    pub dsr: bool,
    /// Data Carrier Detect.
    pub dcd: bool,
    /// Ring Indicator.
    pub ri: bool,
}

/// The 8-byte SETUP packet of a USB control transfer; multi-byte fields are little endian on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SetupPacket {
    /// `bmRequestType`: direction, type, recipient.
    pub request_type: u8,
    /// `bRequest`.
    pub request: u8,
    /// `wValue`.
    pub value: u16,
    /// `wIndex`.
    pub index: u16,
    /// `wLength`: bytes of the data stage.
    pub length: u16,
}

impl SetupPacket {
    /// Size on the wire.
    pub const SIZE: usize = 8;

    /// As on the wire.
    pub const fn to_bytes(self) -> [u8; Self::SIZE] {
        let ([a, b], [c, d], [e, f]) =
            (self.value.to_le_bytes(), self.index.to_le_bytes(), self.length.to_le_bytes());
        [self.request_type, self.request, a, b, c, d, e, f]
    }

    /// From the wire; every packet of this size has a meaning.
    pub const fn from_bytes(bytes: [u8; Self::SIZE]) -> Self {
        let [request_type, request, a, b, c, d, e, f] = bytes;
        Self {
            request_type,
            request,
            value: u16::from_le_bytes([a, b]),
            index: u16::from_le_bytes([c, d]),
            length: u16::from_le_bytes([e, f]),
        }
    }

    /// The data stage, if there is one, goes from the device to the host.
    pub const fn is_from_device(self) -> bool {
        self.request_type & 0x80 != 0
    }
}

/// What decoding found at the front of its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<F, R> {
    /// A whole frame that took `used` bytes.
    Frame {
        /// The frame.
        frame: F,
        /// Bytes to remove from the front of the input, at least 1.
        used: usize,
    },
    /// Bytes that belong to no frame. Resynchronisation is an item like any other, so nobody stalls on garbage.
    Skip {
        /// Bytes to remove from the front of the input, at least 1.
        used: usize,
        /// Why they are no frame.
        why: R,
    },
    /// Nothing can be said without more bytes or a pause.
    NeedMore,
}

/// One wire format in both directions.
///
/// A codec is constructed with a dialect and the [`Side`] whose frames it *decodes*. Between two pauses the decoded items
/// are the same however the input is cut, and with `quiet` set decoding never answers [`Step::NeedMore`] to a non-empty
/// input. No allocation is made from a length that came over the wire unchecked.
pub trait Codec {
    /// A whole message of this format, of either side.
    type Frame;
    /// Why bytes were skipped.
    type Reject;

    /// Appends the bytes of `frame` to `out`.
    fn encode(&self, frame: &Self::Frame, out: &mut Vec<u8>);

    /// The bytes of `frame`.
    fn encoded(&self, frame: &Self::Frame) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode(frame, &mut bytes);
        bytes
    }

    /// Looks at the front of `input`. `quiet`: the line has been silent after the last byte of `input`.
    fn decode(&mut self, input: &[u8], quiet: bool) -> Step<Self::Frame, Self::Reject>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_of_64_bytes_takes_5_56_ms_at_115200_baud() {
        assert_eq!(Line::at(115_200).duration(64).as_micros(), 5_555);
    }

    #[test]
    fn time_never_runs_backwards() {
        assert_eq!(Micros(5).since(Micros(9)), Duration::ZERO);
        assert_eq!(Micros(u64::MAX) + Duration::from_secs(1), Micros(u64::MAX));
    }
}
