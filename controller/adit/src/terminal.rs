//! The status line at the foot of a terminal, and log lines that pass above it. Where standard error is no terminal there is no
//! status line.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What stands on the status line; empty: there is none. One for the process, as standard error is.
static LINE: Mutex<String> = Mutex::new(String::new());

/// Back to the first column, everything to its right removed.
const ERASE: &[u8] = b"\r\x1b[K";

fn line() -> MutexGuard<'static, String> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a status line can be shown.
pub(crate) fn is_interactive() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Shows `text` on the status line, cut to the width of the terminal.
pub(crate) fn show(text: &str) {
    let mut shown = line();
    let width =
        rustix::termios::tcgetwinsize(io::stderr()).map_or(80, |size| usize::from(size.ws_col)).max(20);
    *shown = text.chars().take(width - 1).collect();
    let _ = write_all(&[ERASE, shown.as_bytes()]); // a terminal that is gone shows nothing
}

/// Removes the status line.
pub(crate) fn clear() {
    let mut shown = line();
    if !shown.is_empty() {
        shown.clear();
        let _ = write_all(&[ERASE]); // as above
    }
}

fn write_all(parts: &[&[u8]]) -> io::Result<()> {
    io::stderr().lock().write_all(&parts.concat())
}

/// Writes log lines to standard error, above the status line. Each write holds whole lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AboveTheLine;

impl Write for AboveTheLine {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let shown = line();
        if shown.is_empty() {
            write_all(&[text])?;
        } else {
            write_all(&[ERASE, text, shown.as_bytes()])?;
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
