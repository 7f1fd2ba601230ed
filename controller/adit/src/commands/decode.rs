//! `adit decode`: a capture, frame by frame.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use adit_protocol::hex;
use adit_protocol::protocols::{Decoder, Item};
use serde_json::Value;

use crate::cli::DecodeArgs;
use crate::failure::Failure;
use crate::lines::{Line, Lines};
use crate::output;

/// Longest line of hexadecimal text: a message on the wire is far shorter.
const LINE_LIMIT: usize = 1 << 20;

pub(crate) fn run(args: &DecodeArgs, json: bool) -> Result<(), Failure> {
    let mut decoder = args.protocol.decoder(args.from.into());
    if args.file.as_os_str() == "-" {
        // Somebody may be typing, or watching a wire: every line leaves at once.
        let mut printer = Printer { out: io::stdout().lock(), json };
        return decode(io::stdin().lock(), args, decoder.as_mut(), &mut printer);
    }
    let mut printer = Printer { out: BufWriter::new(io::stdout().lock()), json };
    let result = decode(BufReader::new(open(&args.file)?), args, decoder.as_mut(), &mut printer);
    printer.out.flush()?;
    result
}

fn open(path: &Path) -> Result<File, Failure> {
    let refuse = |why: &dyn std::fmt::Display| Failure::run(anyhow::anyhow!("{}: {why}", path.display()));
    let file = File::open(path).map_err(|error| refuse(&error))?;
    match file.metadata() {
        Ok(found) if found.is_dir() => {
            Err(refuse(&"this is a directory; name a file of captured bytes, or - for standard input"))
        }
        _ => Ok(file),
    }
}

fn decode(
    input: impl BufRead,
    args: &DecodeArgs,
    decoder: &mut dyn Decoder,
    printer: &mut Printer<impl Write>,
) -> Result<(), Failure> {
    if args.hex { hex_lines(input, args, decoder, printer) } else { raw(input, args, decoder, printer) }
}

fn raw(
    mut input: impl Read,
    args: &DecodeArgs,
    decoder: &mut dyn Decoder,
    printer: &mut Printer<impl Write>,
) -> Result<(), Failure> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return printer.feed(decoder, &[], true).map_err(Failure::from),
            Ok(length) => printer.feed(decoder, &buffer[..length], false)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(args, &error)),
        }
    }
}

/// Every line is followed by a pause. A line that is no hexadecimal text is reported, the others are decoded.
fn hex_lines(
    input: impl BufRead,
    args: &DecodeArgs,
    decoder: &mut dyn Decoder,
    printer: &mut Printer<impl Write>,
) -> Result<(), Failure> {
    let mut lines = Lines::new(input, LINE_LIMIT);
    let (mut number, mut malformed) = (0_u64, false);
    while let Some(line) = lines.next().map_err(|error| unreadable(args, &error))? {
        number += 1;
        let bytes = match line {
            Line::Whole(line) => std::str::from_utf8(line).ok().and_then(parse_hex),
            Line::TooLong => None,
        };
        match bytes {
            Some(bytes) => printer.feed(decoder, &bytes, true)?,
            None => {
                malformed = true;
                eprintln!("adit: line {number}: expected an even number of hex digits");
            }
        }
    }
    if malformed { Err(Failure::Told(2)) } else { Ok(()) }
}

/// Hex digits; blanks between bytes are allowed.
fn parse_hex(line: &str) -> Option<Vec<u8>> {
    hex::decode(&line.split_ascii_whitespace().collect::<String>())
}

fn unreadable(args: &DecodeArgs, error: &io::Error) -> Failure {
    Failure::run(anyhow::anyhow!("{} cannot be read: {error}", args.file.display()))
}

struct Printer<W> {
    out: W,
    json: bool,
}

impl<W: Write> Printer<W> {
    fn feed(&mut self, decoder: &mut dyn Decoder, bytes: &[u8], quiet: bool) -> io::Result<()> {
        let mut written = Ok(());
        decoder.feed(bytes, quiet, &mut |item| {
            if written.is_ok() {
                written = self.print(&item);
            }
        });
        written
    }

    fn print(&mut self, item: &Item) -> io::Result<()> {
        if self.json {
            return output::json(&mut self.out, item);
        }
        write!(self.out, "{:>8} +{:<4}", item.offset, item.len)?;
        match &item.found {
            Err(reason) => writeln!(self.out, "skipped: {reason}"),
            Ok(Value::Object(fields)) => {
                write!(self.out, "{}", fields.get("type").and_then(Value::as_str).unwrap_or_default())?;
                for (name, value) in fields.iter().filter(|(name, _)| *name != "type") {
                    match value.as_str() {
                        Some(text) => write!(self.out, "  {name} {text}")?,
                        None => write!(self.out, "  {name} {value}")?,
                    }
                }
                writeln!(self.out)
            }
            Ok(other) => writeln!(self.out, "{other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_between_hex_digits_are_passed_over() {
        assert_eq!(parse_hex("55 aa  01"), Some(vec![0x55, 0xaa, 1]));
        assert_eq!(parse_hex(""), Some(vec![]));
        assert_eq!(parse_hex("5"), None);
        assert_eq!(parse_hex("zz"), None);
    }
}
