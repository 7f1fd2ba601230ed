//! Standard output: data only, one object or sentence a line, flushed with every line so that a reader can follow.

use std::io::{self, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

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

/// `text` with control characters escaped: what comes from a device, a pool or a file cannot drive the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_sequence_is_printed_and_not_obeyed() {
        assert_eq!(printable("a\u{1b}[2Jb\né"), "a\\u{1b}[2Jb\\né");
    }
}
