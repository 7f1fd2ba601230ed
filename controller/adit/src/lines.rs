//! Lines of bounded length: whatever is piped in, memory stays constant.

use std::io::{self, BufRead};

/// Reads lines of at most `limit` bytes, line break not counted.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: R,
    limit: usize,
    line: Vec<u8>,
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// The line without its line break (`\n` or `\r\n`).
    Whole(&'a [u8]),
    /// It was longer than the limit and has been skipped.
    TooLong,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R, limit: usize) -> Self {
        Self { reader, limit, line: Vec::new() }
    }

    /// The next line; `None` at the end of the input.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let mut too_long = false;
        let mut begun = false;
        loop {
            let buffer = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if buffer.is_empty() {
                break;
            }
            begun = true;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            // One byte more than the limit: it may be the `\r` of a line break.
            too_long |= self.line.len() + piece.len() > self.limit + 1;
            if !too_long {
                self.line.extend_from_slice(piece);
            }
            let used = piece.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !begun {
            return Ok(None);
        }
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        Ok(Some(if too_long || line.len() > self.limit { Line::TooLong } else { Line::Whole(line) }))
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn read(input: &[u8], limit: usize) -> Vec<Option<Vec<u8>>> {
        // A buffer of three bytes cuts every line.
        let mut lines = Lines::new(BufReader::with_capacity(3, input), limit);
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push(match line {
                Line::Whole(line) => Some(line.to_vec()),
                Line::TooLong => None,
            });
        }
        found
    }

    #[test]
    fn a_line_at_the_limit_is_read_and_a_longer_one_is_skipped_whole() {
        let found = read(b"abcde\r\nabcdef\nab\n\nlast", 5);
        let text = |text: &str| Some(text.as_bytes().to_vec());
        assert_eq!(found, [text("abcde"), None, text("ab"), text(""), text("last")]);
    }

    #[test]
    fn nothing_is_kept_of_a_line_that_is_too_long() {
        let long = vec![b'x'; 1 << 20];
        let mut lines = Lines::new(BufReader::new(&long[..]), 100);
        assert_eq!(lines.next().unwrap(), Some(Line::TooLong));
        assert!(lines.line.capacity() < 10_000);
        assert_eq!(lines.next().unwrap(), None);
    }
}
