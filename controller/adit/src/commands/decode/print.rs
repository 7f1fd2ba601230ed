//! One line of text or JSON for each thing found.

use std::io::{self, IsTerminal, Write};

use adit_protocol::protocols::{Decoder, Item};
use adit_protocol::trace::{Seen, Sight, What};
use serde_json::{Value, json};

use crate::output;

/// Where lines go, and in which form.
pub(crate) struct Printer {
    pub(super) out: Box<dyn Write>,
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
        Self { out, json, frames: 0, skips: 0, paint }
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
            return output::json(&mut self.out, item);
        }
        write!(self.out, "{:>8} +{:<4}", item.offset, item.len)?;
        self.found(&item.found)
    }

    /// Prints what stands at one place of a recording.
    pub(crate) fn sight(&mut self, sight: &Sight<'_>) -> io::Result<()> {
        if self.json { self.sight_json(sight) } else { self.sight_text(sight) }
    }

    fn sight_json(&mut self, sight: &Sight<'_>) -> io::Result<()> {
        let mut line = json!({ "at_us": sight.at.0, "link": sight.link });
        match &sight.what {
            Seen::Item { port, item, solves } => {
                line["port"] = port.0.into();
                if let (Value::Object(line), Value::Object(fields)) = (&mut line, serde_json::to_value(item)?)
                {
                    line.extend(fields);
                }
                line["from"] = serde_json::to_value(item.from)?;
                if let Some(it) = solves {
                    line["solves"] = json!({
                        "job_at_us": it.job_at.0, "job_offset": it.job_offset, "difficulty": it.difficulty,
                    });
                }
            }
            Seen::Other(What::Device { models, location }) => {
                line["models"] = models.split(',').collect();
                line["location"] = (*location).into();
            }
            Seen::Other(What::Lost(lines)) => line["lost"] = (*lines).into(),
            Seen::Other(What::Words(words)) => line["event"] = (*words).into(),
            Seen::Other(What::Bytes { .. }) => {}
        }
        output::json(&mut self.out, &line)
    }

    fn sight_text(&mut self, sight: &Sight<'_>) -> io::Result<()> {
        let Paint { host, device, event, end, .. } = self.paint;
        write!(self.out, "{:>13.6} {:>3}", sight.at.as_secs_f64(), sight.link)?;
        match &sight.what {
            Seen::Item { port, item, solves } => {
                let port = if port.0 > 0 { port.0.to_string() } else { String::new() };
                let (mark, colour) =
                    if item.from == adit_protocol::wire::Side::Host { ('>', host) } else { ('<', device) };
                write!(self.out, " {colour}{mark}{port:1}{end} ")?;
                if let Some(it) = solves {
                    write!(self.out, "[{:.2e} of {:.6}] ", it.difficulty, it.job_at.as_secs_f64())?;
                }
                self.found(&item.found)
            }
            Seen::Other(What::Device { models, location }) => {
                let (models, location) = (output::printable(models), output::printable(location));
                writeln!(self.out, " {event}== {models} at {location}{end}")
            }
            Seen::Other(What::Lost(lines)) => {
                writeln!(self.out, " {event}== {lines} lines are missing here{end}")
            }
            Seen::Other(What::Words(words)) => {
                writeln!(self.out, "     {event}{}{end}", output::printable(words))
            }
            Seen::Other(What::Bytes { .. }) => writeln!(self.out),
        }
    }

    fn found(&mut self, found: &Result<Value, String>) -> io::Result<()> {
        let Paint { kind, name: dim, bad, end, .. } = self.paint;
        match found {
            Err(reason) => writeln!(self.out, "{bad}skipped: {reason}{end}"),
            Ok(Value::Object(fields)) => {
                let what = fields.get("type").and_then(Value::as_str).unwrap_or_default();
                write!(self.out, "{kind}{what}{end}")?;
                for (name, value) in fields.iter().filter(|(name, _)| *name != "type") {
                    match value.as_str() {
                        Some(text) => write!(self.out, "  {dim}{name}{end} {text}")?,
                        None => write!(self.out, "  {dim}{name}{end} {value}")?,
                    }
                }
                writeln!(self.out)
            }
            Ok(other) => writeln!(self.out, "{other}"),
        }
    }
}
