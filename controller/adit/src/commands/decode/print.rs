//! One line of text or JSON for each thing found.

use std::io::{self, IsTerminal, Write};

use adit_protocol::protocols::{Decoder, Item};
use adit_protocol::shown::Shown;
use adit_protocol::trace::{Seen, Sight, What};
use adit_protocol::wire::Side;
use serde::Serialize;
use serde_json::json;

use super::text;
use crate::output;

/// Where lines go, and in which form.
///
/// A line is put together in memory, without the machinery of formats wherever recordings have millions of it.
pub(crate) struct Printer {
    pub(super) out: Box<dyn Write>,
    line: Vec<u8>,
    pub(super) json: bool,
    /// Frames of a capture so far, and what was none.
    pub(super) frames: u64,
    pub(super) skips: u64,
    paint: Paint,
}

/// The colours of a line: none unless somebody looks at a terminal.
#[derive(Clone, Copy, Debug)]
struct Paint {
    host: &'static str,
    device: &'static str,
    kind: &'static str,
    name: &'static str,
    bad: &'static str,
    event: &'static str,
    end: &'static str,
}

const PLAIN: Paint = Paint { host: "", device: "", kind: "", name: "", bad: "", event: "", end: "" };
const COLOURED: Paint = Paint {
    host: "\x1b[36m",
    device: "\x1b[32m",
    kind: "\x1b[1m",
    name: "\x1b[2m",
    bad: "\x1b[31m",
    event: "\x1b[33m",
    end: "\x1b[0m",
};

/// Whether standard output is a terminal of a person who has not asked for no colours (<https://no-color.org>).
fn wants_colour() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    io::stdout().is_terminal() && !unwanted && !dumb
}

impl Printer {
    /// Prints to `out`, which is standard output or something in front of it.
    pub(crate) fn new(out: Box<dyn Write>, json: bool) -> Self {
        let paint = if wants_colour() { COLOURED } else { PLAIN };
        Self { out, line: Vec::new(), json, frames: 0, skips: 0, paint }
    }

    /// Prints what `decoder` makes of `bytes`.
    pub(super) fn feed(&mut self, decoder: &mut dyn Decoder, bytes: &[u8], quiet: bool) -> io::Result<()> {
        let mut written = Ok(());
        decoder.feed(bytes, quiet, &mut |item| {
            if written.is_ok() {
                written = self.item(&item);
            }
        });
        written
    }

    fn item(&mut self, item: &Item) -> io::Result<()> {
        *if item.found.is_ok() { &mut self.frames } else { &mut self.skips } += 1;
        if self.json {
            output::json(&mut self.line, item)?;
        } else {
            text::right(item.offset, 8, &mut self.line);
            self.line.extend(b" +");
            text::left(item.len as u64, 4, &mut self.line);
            self.found(&item.found);
        }
        self.end_line()
    }

    /// Prints what stands at one place of a recording.
    pub(crate) fn sight(&mut self, sight: &Sight<'_>) -> io::Result<()> {
        if self.json {
            self.sight_json(sight)?
        } else {
            self.sight_text(sight)
        }
        self.end_line()
    }

    fn end_line(&mut self) -> io::Result<()> {
        let written = self.out.write_all(&self.line);
        self.line.clear();
        written
    }

    fn sight_json(&mut self, sight: &Sight<'_>) -> io::Result<()> {
        let (at_us, link) = (sight.at.0, sight.link);
        let out = &mut self.line;
        match &sight.what {
            Seen::Item { port, item, solves } => {
                let solves = solves.map(|it| Solves {
                    job_at_us: it.job_at.0,
                    job_offset: it.job_offset,
                    difficulty: it.difficulty,
                });
                let Item { offset, len, from, found, .. } = item;
                let (ok, frame, reason) = (found.is_ok(), found.as_ref().ok(), found.as_ref().err());
                let (port, offset, len, from) = (port.0, *offset, *len, *from);
                let line = ItemLine { at_us, link, port, offset, len, ok, from, frame, reason, solves };
                output::json(out, &line)
            }
            Seen::Other(What::Device { models, location }) => {
                let models: Vec<_> = models.split(',').collect();
                let line = json!({ "at_us": at_us, "link": link, "models": models, "location": location });
                output::json(out, &line)
            }
            Seen::Other(What::Lost(lines)) => {
                output::json(out, &json!({ "at_us": at_us, "link": link, "lost": lines }))
            }
            Seen::Other(What::Words(event)) => output::json(out, &WordsLine { at_us, link, event }),
            Seen::Other(What::Bytes { .. }) => output::json(out, &json!({ "at_us": at_us, "link": link })),
        }
    }

    fn sight_text(&mut self, sight: &Sight<'_>) {
        let Paint { host, device, event, end, .. } = self.paint;
        let line = &mut self.line;
        text::seconds(sight.at, 13, line);
        line.push(b' ');
        text::right(sight.link.into(), 3, line);
        match &sight.what {
            Seen::Item { port, item, solves } => {
                let (mark, colour) = if item.from == Side::Host { (b'>', host) } else { (b'<', device) };
                text::words(&[" ", colour], line);
                line.push(mark);
                if port.0 > 0 {
                    text::left(port.0.into(), 1, line)
                } else {
                    line.push(b' ')
                }
                text::words(&[end, " "], line);
                if let Some(it) = solves {
                    line.push(b'[');
                    text::scientific(it.difficulty, line);
                    line.extend(b" of ");
                    text::seconds(it.job_at, 0, line);
                    line.extend(b"] ");
                }
                self.found(&item.found);
            }
            Seen::Other(What::Device { models, location }) => {
                let (models, location) = (output::printable(models), output::printable(location));
                text::words(&[" ", event, "== ", &models, " at ", &location, end, "\n"], line);
            }
            Seen::Other(What::Lost(lines)) => {
                text::words(&[" ", event, "== "], line);
                text::left(*lines, 0, line);
                text::words(&[" lines are missing here", end, "\n"], line);
            }
            Seen::Other(What::Words(words)) => {
                text::words(&["     ", event, &output::printable(words), end, "\n"], line);
            }
            Seen::Other(What::Bytes { .. }) => line.push(b'\n'),
        }
    }

    fn found(&mut self, found: &Result<Shown, String>) {
        let Paint { kind, name: dim, bad, end, .. } = self.paint;
        let line = &mut self.line;
        match found {
            Err(reason) => text::words(&[bad, "skipped: ", reason, end], line),
            Ok(frame) => {
                text::words(&[kind, frame.kind, end], line);
                for (name, member) in frame.members() {
                    text::words(&["  ", dim, name, end, " "], line);
                    member.append(line);
                }
            }
        }
        line.push(b'\n');
    }
}

/// A frame, or bytes that are none, as a line of JSON.
#[derive(Serialize)]
struct ItemLine<'a> {
    at_us: u64,
    link: u32,
    port: u8,
    offset: u64,
    len: usize,
    ok: bool,
    from: Side,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<&'a Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    solves: Option<Solves>,
}

/// What a nonce solves.
#[derive(Serialize)]
struct Solves {
    job_at_us: u64,
    job_offset: u64,
    difficulty: f64,
}

/// What else happened, as a line of JSON.
#[derive(Serialize)]
struct WordsLine<'a> {
    at_us: u64,
    link: u32,
    event: &'a str,
}
