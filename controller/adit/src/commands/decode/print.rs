//! One line of text or JSON for each thing found.

use std::io::{self, Write};

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
}

impl Printer {
    /// Prints to `out`.
    pub(crate) fn new(out: Box<dyn Write>, json: bool) -> Self {
        Self { out, json, frames: 0, skips: 0 }
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
        write!(self.out, "{:>13.6} {:>3}", sight.at.as_secs_f64(), sight.link)?;
        match &sight.what {
            Seen::Item { port, item, solves } => {
                let port = if port.0 > 0 { port.0.to_string() } else { String::new() };
                let mark = if item.from == adit_protocol::wire::Side::Host { '>' } else { '<' };
                write!(self.out, " {mark}{port:1} ")?;
                if let Some(it) = solves {
                    write!(self.out, "[{:.2e} of {:.6}] ", it.difficulty, it.job_at.as_secs_f64())?;
                }
                self.found(&item.found)
            }
            Seen::Other(What::Device { models, location }) => {
                writeln!(self.out, " == {} at {}", output::printable(models), output::printable(location))
            }
            Seen::Other(What::Lost(lines)) => writeln!(self.out, " == {lines} lines are missing here"),
            Seen::Other(What::Words(words)) => writeln!(self.out, "     {}", output::printable(words)),
            Seen::Other(What::Bytes { .. }) => writeln!(self.out),
        }
    }

    fn found(&mut self, found: &Result<Value, String>) -> io::Result<()> {
        match found {
            Err(reason) => writeln!(self.out, "skipped: {reason}"),
            Ok(Value::Object(fields)) => {
                write!(self.out, "{}", fields.get("type").and_then(Value::as_str).unwrap_or_default())?;
                for (name, value) in fields.iter().filter(|(name, _)| *name != "type") {
                    match value.as_str() {
                        Some(text) => write!(self.out, "  {name} {text}")?,
                        None => write!(self.out, "  {name} {value}")?,
                    }
                }
                writeln!(self.out)
            }
            Ok(other) => writeln!(self.out, "{other}"),
        }
    }
}
