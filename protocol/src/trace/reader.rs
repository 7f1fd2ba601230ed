//! Reads a recording however it is cut, in memory that does not grow with its length.

use std::fmt;

use super::{Entry, HEADING, LINE_LIMIT, What};
use crate::bm13xx::crc16;
use crate::hex;
use crate::wire::{Micros, Port, Side};

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} (byte {offset}): {why}")]
pub struct Broken {
    /// Counted from 1.
    pub line: u64,
    /// Position of its first byte.
    pub offset: u64,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The first line is not that of a recording. Nothing that follows is read.
    NoRecording,
    /// It is longer than [`LINE_LIMIT`].
    TooLong,
    /// It is no text.
    NoText,
    /// It does not begin with two numbers and a word.
    Malformed,
    /// Its bytes are not an even number of hex digits.
    NoHex,
    /// Its checksum is another one.
    Checksum {
        /// What the line says.
        written: u16,
        /// What its bytes give.
        computed: u16,
    },
    /// The recording ends in the middle of it.
    CutOff,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecording => {
                write!(f, "this is no recording of adit: it does not begin with `{HEADING}`")
            }
            Self::TooLong => write!(f, "longer than {LINE_LIMIT} bytes"),
            Self::NoText => f.write_str("not UTF-8 text"),
            Self::Malformed => f.write_str("expected MICROS LINK WORDS"),
            Self::NoHex => f.write_str("expected an even number of hex digits"),
            Self::Checksum { written, computed } => {
                write!(f, "damaged: checksum {written:04x}, but its bytes give {computed:04x}")
            }
            Self::CutOff => f.write_str("the recording ends in the middle of this line"),
        }
    }
}

/// A recording that is being read.
#[derive(Debug, Default)]
pub struct Reader {
    /// The line that has begun, at most [`LINE_LIMIT`] bytes of it.
    pending: Vec<u8>,
    /// The line that has begun is too long: its bytes are passed over.
    overlong: bool,
    /// Lines read.
    lines: u64,
    /// Where the line that has begun starts.
    offset: u64,
    /// Bytes of the line that has begun.
    length: u64,
    foreign: bool,
    bytes: Vec<u8>,
}

impl Reader {
    /// Takes the next bytes of the file and hands every line that ends in them to `each`.
    pub fn feed(&mut self, mut chunk: &[u8], each: &mut dyn FnMut(Result<Entry<'_>, Broken>)) {
        while let Some(end) = chunk.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = (&chunk[..end], &chunk[end + 1..]);
            self.length += end as u64 + 1;
            if self.pending.is_empty() && !self.overlong {
                self.line(line, each);
            } else {
                self.keep(line);
                let whole = std::mem::take(&mut self.pending);
                self.line(&whole, each);
                self.pending = whole;
                self.pending.clear();
            }
            self.lines += 1;
            self.offset += self.length;
            (self.length, self.overlong) = (0, false);
            chunk = rest;
        }
        self.length += chunk.len() as u64;
        self.keep(chunk);
    }

    /// The file ends here.
    pub fn finish(&mut self, each: &mut dyn FnMut(Result<Entry<'_>, Broken>)) {
        if self.lines == 0 && HEADING.as_bytes() != self.pending {
            self.broken(Why::NoRecording, each);
        } else if self.length > 0 && self.lines > 0 {
            self.broken(Why::CutOff, each);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.overlong |= self.pending.len() + bytes.len() >= LINE_LIMIT;
        if !self.overlong {
            self.pending.extend_from_slice(bytes);
        }
    }

    fn broken(&mut self, why: Why, each: &mut dyn FnMut(Result<Entry<'_>, Broken>)) {
        if !self.foreign {
            self.foreign = why == Why::NoRecording;
            each(Err(Broken { line: self.lines + 1, offset: self.offset, why }));
        }
    }

    fn line(&mut self, line: &[u8], each: &mut dyn FnMut(Result<Entry<'_>, Broken>)) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.lines == 0 {
            if line != HEADING.as_bytes() {
                self.broken(Why::NoRecording, each);
            }
        } else if self.overlong || line.len() >= LINE_LIMIT {
            self.broken(Why::TooLong, each);
        } else if !self.foreign && !line.is_empty() && !line.starts_with(b"# ") {
            let mut bytes = std::mem::take(&mut self.bytes);
            match parse(line, &mut bytes) {
                Ok(entry) => each(Ok(entry)),
                Err(why) => self.broken(why, each),
            }
            self.bytes = bytes;
        }
    }
}

/// Reads one line; its bytes, if it has any, are put into `buffer`.
fn parse<'a>(line: &'a [u8], buffer: &'a mut Vec<u8>) -> Result<Entry<'a>, Why> {
    let line = std::str::from_utf8(line).map_err(|_| Why::NoText)?;
    let line = checked(line)?;
    let mut parts = line.splitn(3, ' ');
    let (Some(at), Some(link), Some(words)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Why::Malformed);
    };
    let (Ok(at), Ok(link)) = (at.parse(), link.parse()) else { return Err(Why::Malformed) };
    Ok(Entry { at: Micros(at), link, what: what(words, buffer)? })
}

/// The line without its checksum, if it has one.
fn checked(line: &str) -> Result<&str, Why> {
    let Some((rest, sum)) = line.rsplit_once(" *") else { return Ok(line) };
    if sum.len() != 4 || !sum.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(Why::Malformed);
    }
    let written = u16::from_str_radix(sum, 16).map_err(|_| Why::Malformed)?;
    let computed = crc16(rest.as_bytes());
    if written == computed { Ok(rest) } else { Err(Why::Checksum { written, computed }) }
}

fn what<'a>(words: &'a str, buffer: &'a mut Vec<u8>) -> Result<What<'a>, Why> {
    let (word, rest) = words.split_once(' ').unwrap_or((words, ""));
    let from = match word.as_bytes().first() {
        None => return Err(Why::Malformed),
        Some(b'>') => Side::Host,
        Some(b'<') => Side::Device,
        Some(_) if word == "device" => {
            let (models, location) = rest.split_once(' ').unwrap_or((rest, ""));
            return Ok(What::Device { models, location });
        }
        Some(_) if word == "lost" => return rest.parse().map(What::Lost).map_err(|_| Why::Malformed),
        Some(_) => return Ok(What::Words(words)),
    };
    let port = if word.len() == 1 { Port(0) } else { Port(word[1..].parse().map_err(|_| Why::Malformed)?) };
    if rest.is_empty() || !hex::decode_into(rest, buffer) {
        return Err(Why::NoHex);
    }
    Ok(What::Bytes { from, port, bytes: buffer })
}

#[cfg(test)]
impl Reader {
    /// Bytes held back.
    pub(super) fn kept(&self) -> usize {
        self.pending.len()
    }
}
