//! A file of captured bytes that is read from its beginning: is it one of our recordings?

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use adit_protocol::trace::{Broken, Entry, HEADING, Reader};

use crate::failure::Failure;

/// Bytes read at once.
const CHUNK: usize = 1 << 16;

/// An open file, or standard input.
pub(crate) struct Capture {
    path: PathBuf,
    pub(crate) input: Box<dyn BufRead>,
    recording: bool,
}

impl Capture {
    /// Opens `path`; `-` is standard input.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let refuse = |why: &dyn Display| Failure::run(anyhow::anyhow!("{}: {why}", path.display()));
        let mut input: Box<dyn BufRead> = if path.as_os_str() == "-" {
            Box::new(BufReader::with_capacity(CHUNK, io::stdin()))
        } else {
            let file = File::open(path).map_err(|error| refuse(&error))?;
            if file.metadata().is_ok_and(|found| found.is_dir()) {
                return Err(refuse(&"this is a directory; name a file, or - for standard input"));
            }
            Box::new(BufReader::with_capacity(CHUNK, file))
        };
        // A terminal or a pipe gives at least its first line at once; a shorter piece is no recording.
        let start = input.fill_buf().map_err(|error| refuse(&error))?;
        let recording = start.starts_with(HEADING.as_bytes());
        Ok(Self { path: path.into(), input, recording })
    }

    /// Whether it begins as recordings do.
    pub(crate) const fn is_recording(&self) -> bool {
        self.recording
    }

    /// Hands every line of the recording to `each`.
    pub(crate) fn entries(
        &mut self,
        mut each: impl FnMut(Result<Entry<'_>, Broken>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let (mut reader, mut result) = (Reader::default(), Ok(()));
        let mut each = |entry: Result<Entry<'_>, Broken>| {
            if result.is_ok() {
                result = each(entry);
            }
        };
        loop {
            let chunk = match self.input.fill_buf() {
                Ok([]) => break,
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.unreadable(&error)),
            };
            let length = chunk.len();
            reader.feed(chunk, &mut each);
            self.input.consume(length);
        }
        reader.finish(&mut each);
        Ok(result?)
    }

    /// The file cannot be read any further.
    pub(crate) fn unreadable(&self, error: &io::Error) -> Failure {
        Failure::run(anyhow::anyhow!("{} cannot be read: {error}", self.path.display()))
    }
}
