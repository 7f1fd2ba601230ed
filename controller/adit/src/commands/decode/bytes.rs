//! Captured bytes of one direction, raw or as hexadecimal text.

use std::io::{self, BufRead, Read};

use adit_protocol::hex;
use adit_protocol::protocols::Decoder;

use super::print::Printer;
use crate::cli::DecodeArgs;
use crate::commands::capture::Capture;
use crate::failure::Failure;
use crate::lines::{Line, Lines};

/// Longest line of hexadecimal text: a message on the wire is far shorter.
const LINE_LIMIT: usize = 1 << 20;

pub(super) fn decode(
    capture: &mut Capture,
    args: &DecodeArgs,
    decoder: &mut dyn Decoder,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let mut unreadable = None;
    let result = if args.hex {
        hex_lines(&mut capture.input, decoder, printer, &mut unreadable)
    } else {
        raw(&mut capture.input, decoder, printer, &mut unreadable)
    };
    match unreadable {
        Some(error) => Err(capture.unreadable(&error)),
        None => result,
    }
}

fn raw(
    input: &mut impl Read,
    decoder: &mut dyn Decoder,
    printer: &mut Printer,
    unreadable: &mut Option<io::Error>,
) -> Result<(), Failure> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(printer.feed(decoder, &[], true)?),
            Ok(length) => printer.feed(decoder, &buffer[..length], false)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                *unreadable = Some(error);
                return Ok(());
            }
        }
    }
}

/// Every line is followed by a pause. A line that is no hexadecimal text is reported, the others are decoded.
fn hex_lines(
    input: impl BufRead,
    decoder: &mut dyn Decoder,
    printer: &mut Printer,
    unreadable: &mut Option<io::Error>,
) -> Result<(), Failure> {
    let mut lines = Lines::new(input, LINE_LIMIT);
    let (mut number, mut malformed) = (0_u64, false);
    loop {
        let line = match lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(error) => {
                *unreadable = Some(error);
                break;
            }
        };
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
