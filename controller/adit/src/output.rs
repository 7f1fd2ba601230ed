//! Standard output: data only, one object or sentence a line, flushed with every line so that a reader can follow.

use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

pub(crate) use adit_hw_sim::report::printable;
use serde::Serialize;

use crate::failure::Failure;

/// How long the reader of standard output may take nothing.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes written at once, so that a slow reader can be told from none.
const PART: usize = 4_096;

/// Writes `value` as one line of JSON.
pub(crate) fn json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Longest path that a person is shown whole.
const LONG: usize = 24;

/// The location of a device as a person wants to read it: a port by its path, of a long one only the file's name. Data holds
/// locations in full.
pub(crate) fn short_place(location: &str) -> String {
    let Some(paths) = location.strip_prefix("serial:") else { return printable(location) };
    let short = paths.split('+').map(|path| match Path::new(path).file_name() {
        Some(name) if path.len() > LONG => name.to_string_lossy(),
        _ => path.into(),
    });
    printable(&short.collect::<Vec<_>>().join("+"))
}

/// Writes `text` to standard output, unless there is a reader who does not read.
pub(crate) fn deliver(text: Vec<u8>) -> Result<(), Failure> {
    let (sender, parts) = mpsc::channel();
    thread::Builder::new().name("output".into()).spawn(move || {
        let mut out = io::stdout().lock();
        for part in text.chunks(PART) {
            let written = out.write_all(part).and_then(|()| out.flush());
            if sender.send(written).is_err() {
                return; // given up
            }
        }
    })?;
    loop {
        match parts.recv_timeout(PATIENCE) {
            Ok(written) => written?,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {
                return Err(Failure::run(anyhow::anyhow!(
                    "nobody reads standard output: the summary is lost"
                )));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_is_shown_by_its_last_name() {
        let table = [
            ("serial:/dev/ttyUSB0", "/dev/ttyUSB0"),
            ("serial:./stick", "./stick"),
            ("serial:/tmp/adit-demo-123456/0-block-erupter", "0-block-erupter"),
            ("serial:/tmp/adit-demo-123456/x-control+/tmp/adit-demo-123456/x-data", "x-control+x-data"),
            ("serial:/dev/serial/by-id/usb/\u{1b}[2J", "\\u{1b}[2J"),
            ("serial:/a/path/that/never/ends/..", "/a/path/that/never/ends/.."),
            ("tcp:rig.example.net:4000", "tcp:rig.example.net:4000"),
            ("cpu:2", "cpu:2"),
        ];
        for (location, shown) in table {
            assert_eq!(short_place(location), shown);
        }
    }

    #[test]
    fn an_escape_sequence_is_printed_and_not_obeyed() {
        assert_eq!(printable("a\u{1b}[2Jb\né"), "a\\u{1b}[2Jb\\né");
    }
}
