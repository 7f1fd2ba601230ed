//! Standard error: log lines, and the status line at the foot of a terminal. Where it is no terminal there is no status line.
//!
//! A terminal can be held (Ctrl-S) and a pipe be full: whoever mines must not wait for its reader. After [`start`] one thread
//! writes, everybody else leaves text with it; what does not fit is dropped, counted and owned up to. Without [`start`] text is
//! written at once, as a command that only prints wants it.

mod page;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use page::Page;

/// How long [`finish`] waits for a reader who takes nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes written at once, so that a slow reader can be told from none.
const PART: usize = 4_096;
/// Pause before a terminal that is set not to block is tried again.
const RETRY: Duration = Duration::from_millis(20);

/// One for the process, as standard error is.
static TERMINAL: Terminal =
    Terminal { page: Mutex::new(Page::EMPTY), written: Condvar::new(), more: Condvar::new() };

struct Terminal {
    page: Mutex<Page>,
    /// There is something to write.
    more: Condvar,
    /// Something was written.
    written: Condvar,
}

/// From now on nobody waits for standard error, not even a panic.
pub(crate) fn start() -> io::Result<()> {
    thread::Builder::new().name("terminal".into()).spawn(|| TERMINAL.write_out())?;
    TERMINAL.page().has_writer = true;
    panic::set_hook(Box::new(|panic| {
        let backtrace = Backtrace::capture();
        match backtrace.status() {
            BacktraceStatus::Captured => say(&format!("adit: {panic}\n{backtrace}")),
            _ => say(&format!("adit: {panic}")),
        }
    }));
    Ok(())
}

/// Whether a status line can be shown.
pub(crate) fn is_interactive() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Columns of the status line. The terminal has a few more, for the `^C` that it shows itself.
pub(crate) fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stderr());
    size.map_or(80, |size| usize::from(size.ws_col)).saturating_sub(3)
}

/// Shows `text` on the status line.
pub(crate) fn show(text: String) {
    TERMINAL.change(|page| page.show(text));
}

/// Removes the status line.
pub(crate) fn clear() {
    TERMINAL.change(|page| page.show(String::new()));
}

/// Writes a line.
pub(crate) fn say(line: &str) {
    TERMINAL.change(|page| page.add(format!("{line}\n").as_bytes()));
}

/// Waits until all is written, as long as somebody reads.
pub(crate) fn finish() {
    let mut page = TERMINAL.page();
    while page.has_writer && !page.is_written() {
        let parts = page.parts;
        let (next, wait) = TERMINAL
            .written
            .wait_timeout_while(page, PATIENCE, |page| page.parts == parts && !page.is_written())
            .unwrap_or_else(PoisonError::into_inner);
        page = next;
        if wait.timed_out() {
            return;
        }
    }
}

impl Terminal {
    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is to be written; the writer, or else the caller, writes it.
    fn change(&self, change: impl FnOnce(&mut Page)) {
        let mut page = self.page();
        change(&mut page);
        if page.has_writer {
            self.more.notify_one();
        } else if let Some(text) = page.take() {
            let _ = write(&text); // nobody is there to be told
            page.writing = false;
        }
    }

    /// Writes for ever.
    fn write_out(&self) {
        loop {
            let mut page = self.page();
            let text = loop {
                match page.take() {
                    Some(text) => break text,
                    None => page = self.more.wait(page).unwrap_or_else(PoisonError::into_inner),
                }
            };
            drop(page);
            for part in text.chunks(PART) {
                let _ = write(part); // as above: a terminal that is gone shows nothing
                self.page().parts += 1;
                self.written.notify_all();
            }
            self.page().writing = false;
            self.written.notify_all();
        }
    }
}

fn write(mut text: &[u8]) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    while !text.is_empty() {
        match stderr.write(text) {
            Ok(length) => text = &text[length..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(RETRY),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes log lines to standard error, above the status line. Each write holds whole lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AboveTheLine;

impl Write for AboveTheLine {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        TERMINAL.change(|page| page.add(text));
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
