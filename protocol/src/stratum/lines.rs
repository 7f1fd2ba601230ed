//! Cutting a byte stream into lines of bounded length.

/// A line is longer than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line is longer than {limit} bytes")]
pub struct LineTooLong {
    /// The limit, LF not counted.
    pub limit: usize,
}

/// Splits bytes into lines: at LF, a trailing CR stripped, empty lines left out, bytes that are not UTF-8 replaced.
///
/// Holds at most one line beside what was pushed last. Of a line that is too long the rest is skipped, so that the next one
/// is read again. As an iterator it yields the whole lines received so far.
#[derive(Clone, Debug)]
pub struct Lines {
    buffer: Vec<u8>,
    /// Bytes at the front that have been handed out.
    taken: usize,
    /// Bytes at the front that hold no LF beyond `taken`.
    scanned: usize,
    limit: usize,
    /// Inside a line that was too long.
    skipping: bool,
}

impl Lines {
    /// What a client accepts from a pool: 1 MiB.
    pub const LIMIT: usize = 1 << 20;

    /// A splitter for lines of at most `limit` bytes, LF not counted.
    pub fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), taken: 0, scanned: 0, limit, skipping: false }
    }

    /// Takes received bytes, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.scanned -= self.taken;
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes held that belong to no line handed out.
    pub fn held(&self) -> usize {
        self.buffer.len() - self.taken
    }
}

impl Iterator for Lines {
    type Item = Result<String, LineTooLong>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.taken;
            let lf = self.buffer[self.scanned..].iter().position(|byte| *byte == b'\n');
            let end = lf.map_or(self.buffer.len(), |at| self.scanned + at);
            self.scanned = end + usize::from(lf.is_some());
            let too_long = end - start > self.limit;
            if lf.is_none() && !too_long && !self.skipping {
                return None;
            }
            self.taken = self.scanned;
            let reported = std::mem::replace(&mut self.skipping, lf.is_none());
            if reported && lf.is_none() {
                return None;
            }
            if too_long && !reported {
                return Some(Err(LineTooLong { limit: self.limit }));
            }
            let line = &self.buffer[start..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !reported && !line.is_empty() {
                return Some(Ok(String::from_utf8_lossy(line).into_owned()));
            }
        }
    }
}
