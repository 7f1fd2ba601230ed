//! One line of a recording.

use std::io::Write as _;

use super::LINE_LIMIT;
use crate::bm13xx::crc16;
use crate::hex;
use crate::wire::{Micros, Port, Side};

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// When, in microseconds since the recording program started.
    pub at: Micros,
    /// On which link.
    pub link: u32,
    /// What happened.
    pub what: What<'a>,
}

/// What happened on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// The link begins.
    Device {
        /// Keys of the models it may be, separated by commas.
        models: &'a str,
        /// The selector that opens it.
        location: &'a str,
    },
    /// Bytes were sent.
    Bytes {
        /// By whom.
        from: Side,
        /// Where.
        port: Port,
        /// Never empty.
        bytes: &'a [u8],
    },
    /// Lines that are missing here.
    Lost(u64),
    /// Anything else.
    Words(&'a str),
}

impl Entry<'_> {
    /// Puts the line, its end included, behind `out`. Control characters in names become `?`. A line that would be longer
    /// than [`LINE_LIMIT`] is left out; the answer says whether it was written.
    pub fn write(&self, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        // Writing into a Vec cannot fail.
        let _ = write!(out, "{} {} ", self.at.0, self.link);
        match self.what {
            What::Device { models, location } => {
                out.extend_from_slice(b"device ");
                text(models, out);
                out.push(b' ');
                text(location, out);
            }
            What::Bytes { from, port, bytes } => {
                out.push(if from == Side::Host { b'>' } else { b'<' });
                if port.0 > 0 {
                    let _ = write!(out, "{}", port.0);
                }
                out.push(b' ');
                hex::append(bytes, out);
            }
            What::Lost(lines) => {
                let _ = write!(out, "lost {lines}");
            }
            What::Words(words) => text(words, out),
        }
        let sum = crc16(&out[start..]);
        let _ = writeln!(out, " *{sum:04x}");
        let fits = out.len() - start <= LINE_LIMIT;
        if !fits {
            out.truncate(start);
        }
        fits
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    for c in text.chars() {
        let c = if c.is_control() { '?' } else { c };
        out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
    }
}
