//! Values and records as they stand in an answer (`docs/protocols/cgminer-api.md §4`).

use std::fmt::Write;

/// A value, with the number of decimals that its kind has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A count, or a moment in seconds since 1970.
    Whole(i64),
    /// Seconds, rounded.
    Elapsed(f64),
    /// Million hashes per second, shares per minute, degrees.
    Two(f64),
    /// Million hashes altogether.
    Four(f64),
    /// Seconds waited, megahertz.
    Six(f64),
    /// A difficulty.
    Eight(f64),
    /// A part of a whole, shown in per cent.
    Percent(f64),
    Bool(bool),
    /// Seconds since 1970 with microseconds.
    Moment(f64),
    /// A bit mask.
    #[cfg_attr(not(test), expect(dead_code, reason = "of the format; no device here has a ticket mask yet"))]
    Mask(u32),
    Text(String),
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Whole(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// Fields in the order in which they are sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record(pub(crate) Vec<(String, Value)>);

impl Record {
    pub(crate) fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// `NAME=VALUE,NAME=VALUE`, appended to `out`.
    pub(crate) fn text(&self, out: &mut String) {
        for (number, (name, value)) in self.0.iter().enumerate() {
            if number > 0 {
                out.push(',');
            }
            out.push_str(name);
            out.push('=');
            match value {
                Value::Text(text) => escape_text(text, out),
                Value::Mask(mask) => drop(write!(out, "0x{mask:08x}")), // writing into a String cannot fail
                other => other.plain(out),
            }
        }
    }

    /// `{"NAME":VALUE,…}`, appended to `out`.
    pub(crate) fn json(&self, out: &mut String) {
        out.push('{');
        for (number, (name, value)) in self.0.iter().enumerate() {
            if number > 0 {
                out.push(',');
            }
            quote(name, out);
            out.push(':');
            match value {
                Value::Text(text) => quote(text, out),
                Value::Mask(mask) => drop(write!(out, "\"0x{mask:08x}\"")), // as above
                other => other.plain(out),
            }
        }
        out.push('}');
    }
}

impl Value {
    /// The same in both forms. A number that is none would not be JSON: it is 0.
    fn plain(&self, out: &mut String) {
        let finite = |number: f64| if number.is_finite() { number } else { 0.0 };
        let _ = match self {
            Self::Whole(number) => write!(out, "{number}"),
            Self::Elapsed(number) => write!(out, "{:.0}", finite(*number)),
            Self::Two(number) => write!(out, "{:.2}", finite(*number)),
            Self::Four(number) => write!(out, "{:.4}", finite(*number)),
            Self::Six(number) | Self::Moment(number) => write!(out, "{:.6}", finite(*number)),
            Self::Eight(number) => write!(out, "{:.8}", finite(*number)),
            Self::Percent(part) => write!(out, "{:.4}", finite(*part * 100.0)),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Mask(_) | Self::Text(_) => Ok(()), // not the same in both forms
        };
    }
}

/// Separators are escaped; control characters, which would end or split the answer, are spaces.
fn escape_text(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '|' | ',' | '=' | '\\' => out.extend(['\\', c]),
            control if control.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
}

/// A JSON string.
pub(crate) fn quote(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}
