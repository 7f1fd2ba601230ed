//! `adit verify`: hash, difficulty and targets of block headers.

use std::io::{self, Write};

use adit_protocol::hex;
use adit_protocol::pow::{CompactBits, Header, Target};
use serde::Serialize;

use crate::cli::VerifyArgs;
use crate::failure::Failure;
use crate::lines::{Line, Lines};
use crate::output;

/// Longest line that is looked at: a header has 160 digits, the rest is room for blanks.
const LINE_LIMIT: usize = 1_024;

/// Why a line is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum BadHeader {
    /// Too long to be looked at.
    #[error("longer than {LINE_LIMIT} characters, a header has 160 hex digits")]
    TooLong,
    /// A header has 160 digits.
    #[error("{found} characters, a header has 160 hex digits")]
    Length { found: usize },
    /// Not a hexadecimal digit.
    #[error("character {at} is not a hex digit")]
    Digit { at: usize },
}

#[derive(Debug, Serialize)]
struct Answer {
    hash: String,
    difficulty: f64,
    nbits_target_met: bool,
    header: HeaderFields,
}

#[derive(Debug, Serialize)]
struct HeaderFields {
    version: u32,
    prev_hash: String,
    merkle_root: String,
    ntime: u32,
    nbits: u32,
    nonce: u32,
}

#[derive(Debug, Serialize)]
struct Malformed {
    line: u64,
    error: String,
}

/// Answers every header in turn. Malformed ones are counted into the exit status, not into the way of the others.
pub(crate) fn run(args: &VerifyArgs, json: bool) -> Result<(), Failure> {
    let mut verifier = Verifier { out: io::stdout().lock(), json, line: 0, malformed: false };
    for header in &args.headers {
        if header == "-" {
            verifier.stream(io::stdin().lock())?;
        } else {
            verifier.answer(header.as_bytes())?;
        }
    }
    if verifier.malformed { Err(Failure::Told(2)) } else { Ok(()) }
}

struct Verifier<W> {
    out: W,
    json: bool,
    /// Headers looked at, lines of standard input included.
    line: u64,
    malformed: bool,
}

impl<W: Write> Verifier<W> {
    fn stream(&mut self, input: impl io::BufRead) -> Result<(), Failure> {
        let mut lines = Lines::new(input, LINE_LIMIT);
        while let Some(line) = lines.next().map_err(read_failure)? {
            match line {
                Line::Whole(text) if text.trim_ascii().is_empty() => self.line += 1,
                Line::Whole(text) => self.answer(text.trim_ascii())?,
                Line::TooLong => self.refuse(BadHeader::TooLong)?,
            }
        }
        Ok(())
    }

    fn answer(&mut self, text: &[u8]) -> io::Result<()> {
        let header = match parse(text) {
            Ok(header) => header,
            Err(bad) => return self.refuse(bad),
        };
        self.line += 1;
        if self.json { output::json(&mut self.out, &Answer::of(&header)) } else { self.describe(&header) }
    }

    fn refuse(&mut self, bad: BadHeader) -> io::Result<()> {
        self.line += 1;
        self.malformed = true;
        if self.json {
            output::json(&mut self.out, &Malformed { line: self.line, error: bad.to_string() })
        } else {
            writeln!(self.out, "line {}: {bad}", self.line)
        }
    }

    fn describe(&mut self, header: &Header) -> io::Result<()> {
        let answer = Answer::of(header);
        let met = match CompactBits(header.nbits).target() {
            Ok(target) => {
                let verdict = if answer.nbits_target_met { "met" } else { "not met" };
                format!("{verdict}, difficulty {}", target.difficulty())
            }
            Err(bad) => format!("not met: {bad}"),
        };
        let version = header.version;
        writeln!(self.out, "hash          {}", answer.hash)?;
        writeln!(self.out, "difficulty    {}", answer.difficulty)?;
        writeln!(self.out, "nbits target  {met}")?;
        writeln!(
            self.out,
            "header        version {version:#010x}, ntime {}, nbits {:#010x}, nonce {:#010x}",
            header.ntime, header.nbits, header.nonce
        )?;
        writeln!(self.out, "prev hash     {}", header.prev_hash)?;
        writeln!(self.out, "merkle root   {}\n", header.merkle_root)
    }
}

fn read_failure(error: io::Error) -> Failure {
    Failure::run(anyhow::anyhow!("standard input cannot be read: {error}"))
}

fn parse(text: &[u8]) -> Result<Header, BadHeader> {
    if text.len() > LINE_LIMIT {
        return Err(BadHeader::TooLong);
    }
    if let Some(at) = text.iter().position(|byte| !byte.is_ascii_hexdigit()) {
        return Err(BadHeader::Digit { at: at + 1 });
    }
    let digits = std::str::from_utf8(text).ok().and_then(hex::decode_array::<80>);
    digits.map(|bytes| Header::from_bytes(&bytes)).ok_or(BadHeader::Length { found: text.len() })
}

impl Answer {
    fn of(header: &Header) -> Self {
        let hash = header.hash();
        Self {
            hash: hash.to_string(),
            // A hash of zero has no finite difficulty; JSON has no infinity.
            difficulty: Target::from_hash(&hash).difficulty().min(f64::MAX),
            nbits_target_met: CompactBits(header.nbits).target().is_ok_and(|target| target.is_met_by(&hash)),
            header: HeaderFields {
                version: header.version,
                prev_hash: header.prev_hash.to_string(),
                merkle_root: header.merkle_root.to_string(),
                ntime: header.ntime,
                nbits: header.nbits,
                nonce: header.nonce,
            },
        }
    }
}
