//! What is to be written next: lines that wait, and the status line below them.

use std::mem;

/// Bytes of lines that may wait.
const ROOM: usize = 256 * 1024;
/// Back to the first column, everything to its right removed.
const ERASE: &str = "\r\x1b[K";

/// Text on its way to a terminal.
#[derive(Debug)]
pub(super) struct Page {
    /// Whole lines, in order.
    lines: Vec<u8>,
    /// Lines that came after them and did not fit.
    dropped: u64,
    /// What is to stand on the status line; empty: nothing.
    status: String,
    /// `status` has not been written yet.
    stale: bool,
    /// A status line stands at the foot of the terminal.
    drawn: bool,
    /// A thread writes.
    pub(super) has_writer: bool,
    /// What was taken is being written.
    pub(super) writing: bool,
    /// Parts written so far.
    pub(super) parts: u64,
}

impl Page {
    pub(super) const EMPTY: Self = Self {
        lines: Vec::new(),
        dropped: 0,
        status: String::new(),
        stale: false,
        drawn: false,
        has_writer: false,
        writing: false,
        parts: 0,
    };

    /// Adds a line, or counts it where there is no room. After a gap nothing is added until the gap can be named.
    pub(super) fn add(&mut self, line: &[u8]) {
        if self.dropped > 0 || self.lines.len() + line.len() > ROOM {
            self.dropped += 1;
        } else {
            self.lines.extend_from_slice(line);
        }
    }

    /// Replaces the status line.
    pub(super) fn show(&mut self, status: String) {
        self.stale |= self.status != status;
        self.status = status;
    }

    /// Takes out all that is to be written, if there is anything.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        if self.is_empty() {
            return None;
        }
        let mut text = Vec::new();
        if self.drawn {
            text.extend_from_slice(ERASE.as_bytes());
        }
        text.append(&mut self.lines);
        if let dropped @ 1.. = mem::take(&mut self.dropped) {
            let lines = if dropped == 1 { "line was" } else { "lines were" };
            text.extend_from_slice(format!("… {dropped} log {lines} dropped: nobody read them\n").as_bytes());
        }
        text.extend_from_slice(self.status.as_bytes());
        self.drawn = !self.status.is_empty();
        self.stale = false;
        self.writing = true;
        Some(text)
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.dropped == 0 && !self.stale
    }

    /// Whether nothing is left to be written.
    pub(super) fn is_written(&self) -> bool {
        self.is_empty() && !self.writing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(page: &mut Page) -> String {
        String::from_utf8(page.take().unwrap()).unwrap()
    }

    #[test]
    fn lines_stand_above_the_status_line() {
        let mut page = Page::EMPTY;
        assert_eq!(page.take(), None);
        page.show("one".into());
        assert_eq!(taken(&mut page), "one");
        page.show("one".into());
        assert_eq!(page.take(), None, "it stands there already");
        page.add(b"a\n");
        page.add(b"b\n");
        assert_eq!(taken(&mut page), "\r\x1b[Ka\nb\none");
        page.show("two".into());
        page.show(String::new());
        assert_eq!(taken(&mut page), "\r\x1b[K");
        page.add(b"c\n");
        assert_eq!(taken(&mut page), "c\n");
    }

    #[test]
    fn lines_that_do_not_fit_are_counted_and_named_where_they_are_missing() {
        let mut page = Page::EMPTY;
        let line = [b"x".repeat(99), b"\n".to_vec()].concat();
        for _ in 0..ROOM / 100 + 5 {
            page.add(&line);
        }
        page.add(b"short, but later than those that are missing\n");
        let text = taken(&mut page);
        assert!(text.len() < ROOM + 100);
        assert!(text.ends_with("x\n… 6 log lines were dropped: nobody read them\n"), "{}", text.len());
        page.add(b"there is room again\n");
        assert_eq!(taken(&mut page), "there is room again\n");
        assert_eq!(page.take(), None);
    }

    #[test]
    fn it_is_written_when_nothing_waits_and_nothing_is_on_its_way() {
        let mut page = Page::EMPTY;
        assert!(page.is_written());
        page.add(b"a\n");
        assert!(!page.is_written());
        page.take();
        assert!(!page.is_written());
        page.writing = false;
        assert!(page.is_written());
    }
}
