//! The text that Prometheus reads: OpenMetrics 1.0, or the older text format for those who do not ask for it.

use std::fmt::Write;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    OpenMetrics,
    Classic,
}

impl Format {
    /// What a scraper accepts: the value of its header `Accept`.
    pub(crate) fn accepted(accept: Option<&str>) -> Self {
        match accept.is_some_and(|accept| accept.contains("application/openmetrics-text")) {
            true => Self::OpenMetrics,
            false => Self::Classic,
        }
    }

    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What the samples of a family are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Info,
    StateSet,
    Histogram,
}

/// Name and value of a label.
pub(crate) type Label<'a> = (&'a str, &'a str);

/// Length at which a part of a page is full. A thousand devices make megabytes of text: in one piece it would be moved over and
/// over while it grows.
const PART: usize = 32 * 1024;

/// A page in the making. Families and their samples come one after the other.
#[derive(Debug)]
pub(crate) struct Page {
    full: Vec<String>,
    text: String,
    format: Format,
    name: &'static str,
    kind: Kind,
}

impl Page {
    pub(crate) const fn new(format: Format) -> Self {
        Self { full: Vec::new(), text: String::new(), format, name: "", kind: Kind::Gauge }
    }

    /// Begins a family. `name` without the `_total` or `_info` of its samples; `unit` is the end of `name`.
    pub(crate) fn family(&mut self, kind: Kind, name: &'static str, unit: Option<&str>, help: &str) {
        (self.name, self.kind) = (name, kind);
        let (kind, suffix) = match (self.format, kind) {
            (Format::OpenMetrics, Kind::Counter) => ("counter", ""),
            (Format::OpenMetrics, Kind::Info) => ("info", ""),
            (Format::OpenMetrics, Kind::StateSet) => ("stateset", ""),
            (Format::Classic, Kind::Counter) => ("counter", "_total"),
            (Format::Classic, Kind::Info) => ("gauge", "_info"),
            (Format::Classic, Kind::StateSet) | (_, Kind::Gauge) => ("gauge", ""),
            (_, Kind::Histogram) => ("histogram", ""),
        };
        self.line(format_args!("# TYPE {name}{suffix} {kind}"));
        if let Some(unit) = unit.filter(|_| self.format == Format::OpenMetrics) {
            self.line(format_args!("# UNIT {name} {unit}"));
        }
        self.line(format_args!("# HELP {name}{suffix} {help}"));
    }

    /// A sample of the family that was begun last.
    pub(crate) fn sample(&mut self, labels: &[Label<'_>], value: f64) {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            _ => "",
        };
        self.part(suffix, labels, value);
    }

    /// One of the samples that make up a histogram: `_bucket`, `_sum` or `_count`.
    pub(crate) fn part(&mut self, suffix: &str, labels: &[Label<'_>], value: f64) {
        self.text.push_str(self.name);
        self.text.push_str(suffix);
        for (number, (name, value)) in labels.iter().enumerate() {
            self.text.push(if number == 0 { '{' } else { ',' });
            let _ = write!(self.text, "{name}=\""); // writing into a String cannot fail
            escape(value, &mut self.text);
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        self.line(format_args!(" {value}"));
    }

    /// States of which one holds, by the label that is named as the family.
    pub(crate) fn states(
        &mut self,
        labels: &[Label<'_>],
        all: impl Iterator<Item = &'static str>,
        now: &str,
    ) {
        let name = self.name;
        for state in all {
            let labels: Vec<Label<'_>> = labels.iter().copied().chain([(name, state)]).collect();
            self.sample(&labels, f64::from(u8::from(state == now)));
        }
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = self.text.write_fmt(text); // as above
        self.text.push('\n');
        if self.text.len() >= PART {
            let next = String::with_capacity(PART + PART / 8);
            self.full.push(std::mem::replace(&mut self.text, next));
        }
    }

    /// The whole page, in parts.
    pub(crate) fn finish(mut self) -> Vec<String> {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.full.push(self.text);
        self.full
    }
}

pub(crate) fn escape(value: &str, into: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => into.push_str("\\\\"),
            '"' => into.push_str("\\\""),
            '\n' => into.push_str("\\n"),
            other => into.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(format: Format) -> String {
        let mut page = Page::new(format);
        page.family(Kind::Counter, "a_bytes", Some("bytes"), "What it is.");
        page.sample(&[("x", "q\"\\\n"), ("y", "")], 3.0);
        page.family(Kind::StateSet, "s", None, "How it is.");
        page.states(&[("d", "1")], ["on", "off"].into_iter(), "off");
        page.finish().concat()
    }

    #[test]
    fn a_long_page_comes_in_parts_that_are_the_same_page() {
        let mut page = Page::new(Format::OpenMetrics);
        page.family(Kind::Gauge, "x", None, "X.");
        for number in 0..10_000 {
            page.sample(&[("n", &number.to_string())], 1.0);
        }
        let parts = page.finish();
        assert!(parts.len() > 4 && parts.iter().all(|part| part.len() < PART + PART / 8));
        let lines: Vec<_> = parts.concat().lines().map(str::to_owned).collect();
        assert_eq!((lines.len(), lines[10_001].as_str()), (10_003, "x{n=\"9999\"} 1"));
    }

    #[test]
    fn counters_and_states_are_written_as_each_format_wants_them() {
        let samples = "a_bytes_total{x=\"q\\\"\\\\\\n\",y=\"\"} 3\n";
        let states = "s{d=\"1\",s=\"on\"} 0\ns{d=\"1\",s=\"off\"} 1\n";
        let open = format!(
            "# TYPE a_bytes counter\n# UNIT a_bytes bytes\n# HELP a_bytes What it is.\n{samples}# TYPE s stateset\n# HELP s How it is.\n{states}# EOF\n"
        );
        assert_eq!(page(Format::OpenMetrics), open);
        let classic = format!(
            "# TYPE a_bytes_total counter\n# HELP a_bytes_total What it is.\n{samples}# TYPE s gauge\n# HELP s How it is.\n{states}"
        );
        assert_eq!(page(Format::Classic), classic);
    }

    #[test]
    fn the_format_is_what_the_scraper_accepts() {
        let prometheus =
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
        assert_eq!(Format::accepted(Some(prometheus)), Format::OpenMetrics);
        assert_eq!(Format::accepted(Some("*/*")), Format::Classic);
        assert_eq!(Format::accepted(None), Format::Classic);
    }
}
