//! Answers: a status, records, and their two forms (`docs/protocols/cgminer-api.md §3`).

use super::record::{Record, Value, quote};

/// How the request was written, and so is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    Success,
    Info,
    Error,
}

impl Severity {
    const fn letter(self) -> &'static str {
        match self {
            Self::Success => "S",
            Self::Info => "I",
            Self::Error => "E",
        }
    }
}

/// What follows the status.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Body {
    None,
    /// One record under a section word.
    One(&'static str, Record),
    /// Records of a section, each beginning with its number.
    List(&'static str, Vec<Record>),
}

/// The answer to one command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) severity: Severity,
    pub(crate) code: u16,
    pub(crate) message: String,
    pub(crate) body: Body,
}

/// What stands in every status.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letterhead<'a> {
    /// Seconds since 1970.
    pub(crate) when: i64,
    pub(crate) description: &'a str,
}

impl Reply {
    pub(crate) fn success(code: u16, message: impl Into<String>, body: Body) -> Self {
        Self { severity: Severity::Success, code, message: message.into(), body }
    }

    pub(crate) fn info(code: u16, message: impl Into<String>) -> Self {
        Self { severity: Severity::Info, code, message: message.into(), body: Body::None }
    }

    pub(crate) fn error(code: u16, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), body: Body::None }
    }

    pub(crate) fn invalid_command() -> Self {
        Self::error(14, "Invalid command")
    }

    pub(crate) fn denied(command: &str) -> Self {
        Self::error(45, format!("Access denied to '{command}' command"))
    }

    fn status(&self, head: Letterhead<'_>) -> Record {
        let status = Record::default()
            .with("STATUS", self.severity.letter())
            .with("When", Value::Whole(head.when))
            .with("Code", u64::from(self.code))
            .with("Msg", self.message.as_str());
        // An unknown command has no description: tools tell it by that.
        if self.code == 14 { status } else { status.with("Description", head.description) }
    }

    /// The answer without the zero byte at its end, appended to `out`.
    pub(crate) fn write(&self, form: Form, head: Letterhead<'_>, out: &mut String) {
        match form {
            Form::Text => self.text(head, out),
            Form::Json => self.json(head, out),
        }
    }

    fn text(&self, head: Letterhead<'_>, out: &mut String) {
        self.status(head).text(out);
        out.push('|');
        match &self.body {
            Body::None => {}
            Body::One(section, record) => {
                out.push_str(section);
                out.push(',');
                record.text(out);
                out.push('|');
            }
            Body::List(_, records) => {
                for record in records {
                    record.text(out);
                    out.push('|');
                }
            }
        }
    }

    fn json(&self, head: Letterhead<'_>, out: &mut String) {
        out.push_str("{\"STATUS\":[");
        self.status(head).json(out);
        out.push(']');
        let (section, records) = match &self.body {
            Body::None => ("", &[][..]),
            Body::One(section, record) => (*section, std::slice::from_ref(record)),
            Body::List(section, records) => (*section, records.as_slice()),
        };
        if !section.is_empty() {
            out.push(',');
            quote(section, out);
            out.push_str(":[");
            for (number, record) in records.iter().enumerate() {
                if number > 0 {
                    out.push(',');
                }
                record.json(out);
            }
            out.push(']');
        }
        out.push_str(",\"id\":1}");
    }
}

/// The answers to joined commands, without the zero byte at their end.
pub(crate) fn joined(replies: &[(&str, Reply)], form: Form, head: Letterhead<'_>) -> String {
    let mut out = String::new();
    match form {
        Form::Text => {
            for (command, reply) in replies {
                out.push_str("CMD=");
                out.push_str(command);
                out.push('|');
                reply.text(head, &mut out);
            }
        }
        Form::Json => {
            out.push('{');
            for (command, reply) in replies {
                quote(command, &mut out);
                out.push_str(":[");
                reply.json(head, &mut out);
                out.push_str("],");
            }
            out.push_str("\"id\":1}");
        }
    }
    out
}
