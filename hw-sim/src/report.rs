//! What an examination comes to, of a device or of a host program: for people, as JSON and as JUnit XML.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use adit_protocol::hex;
use adit_protocol::wire::{Port, Side};
use serde_json::{Value, json};

/// Bytes of a passage that people are shown.
const SHOWN: usize = 96;

/// How a sentence about somebody else's work was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grade {
    /// It holds; what was measured.
    Passed(String),
    /// It does not hold; what was seen instead.
    Failed(String),
    /// It was not examined, and why.
    Skipped(String),
}

/// Bytes that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Since the beginning of what they belong to.
    pub at: Duration,
    /// Who sent them.
    pub from: Side,
    /// Where.
    pub port: Port,
    /// What.
    pub bytes: Vec<u8>,
}

/// A sentence and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What it is about, one word.
    pub topic: &'static str,
    /// Its name, unique in a report.
    pub id: &'static str,
    /// The sentence.
    pub sentence: &'static str,
    /// Where the specification says it.
    pub cite: &'static str,
    /// The judgement.
    pub grade: Grade,
    /// How long it took.
    pub took: Duration,
    /// What was sent and received: the last of it where it was much.
    pub passages: Vec<Passage>,
}

impl Outcome {
    /// Whether the sentence was found not to hold.
    pub const fn is_failed(&self) -> bool {
        matches!(self.grade, Grade::Failed(_))
    }

    /// Its lines for people: one, and the bytes where it failed.
    ///
    /// # Errors
    /// `out` cannot be written to.
    pub fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let (mark, detail) = self.parts();
        writeln!(out, "{mark:8} {:18} {}: {detail}", self.id, self.sentence)?;
        if self.is_failed() {
            writeln!(out, "{:27} see {}", "", self.cite)?;
            for passage in &self.passages {
                writeln!(out, "{:27} {passage}", "")?;
            }
        }
        Ok(())
    }

    /// `{"check","topic","sentence","cite","result":"passed|failed|skipped","detail","seconds","bytes":[{"at_s","from","port",
    /// "hex"}]}`.
    pub fn json(&self) -> Value {
        let (mark, detail) = self.parts();
        let passages = self.passages.iter().map(|passage| {
            json!({
                "at_s": passage.at.as_secs_f64(),
                "from": passage.from,
                "port": passage.port.0,
                "hex": hex::encode(&passage.bytes),
            })
        });
        json!({
            "check": self.id,
            "topic": self.topic,
            "sentence": self.sentence,
            "cite": self.cite,
            "result": mark.to_lowercase(),
            "detail": detail,
            "seconds": self.took.as_secs_f64(),
            "bytes": passages.collect::<Vec<_>>(),
        })
    }

    fn parts(&self) -> (&'static str, &str) {
        match &self.grade {
            Grade::Passed(measured) => ("passed", measured),
            Grade::Failed(seen) => ("FAILED", seen),
            Grade::Skipped(why) => ("skipped", why),
        }
    }
}

impl std::fmt::Display for Passage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let arrow = if self.from == Side::Host { '>' } else { '<' };
        let shown = hex::encode(&self.bytes[..self.bytes.len().min(SHOWN)]);
        let more = if self.bytes.len() > SHOWN { "…" } else { "" };
        let port = if self.port == Port(0) { String::new() } else { format!("port {} ", self.port.0) };
        write!(f, "+{:.6} s {port}{arrow} {shown}{more}", self.at.as_secs_f64())
    }
}

/// How many passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Sentences that hold.
    pub passed: usize,
    /// Sentences that do not.
    pub failed: usize,
    /// Sentences that were not examined.
    pub skipped: usize,
}

impl Marks {
    /// Those of `outcomes`.
    pub fn of(outcomes: &[Outcome]) -> Self {
        outcomes.iter().fold(Self::default(), |mut marks, outcome| {
            match outcome.grade {
                Grade::Passed(_) => marks.passed += 1,
                Grade::Failed(_) => marks.failed += 1,
                Grade::Skipped(_) => marks.skipped += 1,
            }
            marks
        })
    }
}

impl std::fmt::Display for Marks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// `outcomes` as one JUnit test suite named `suite`.
///
/// # Errors
/// `out` cannot be written to.
pub fn junit(out: &mut impl Write, suite: &str, outcomes: &[Outcome]) -> io::Result<()> {
    let marks = Marks::of(outcomes);
    let seconds: f64 = outcomes.iter().map(|outcome| outcome.took.as_secs_f64()).sum();
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<testsuite name="{}" tests="{}" failures="{}" errors="0" skipped="{}" time="{seconds:.3}">"#,
        escaped(suite),
        outcomes.len(),
        marks.failed,
        marks.skipped,
    )?;
    for outcome in outcomes {
        let (name, class, time) = (outcome.id, escaped(suite), outcome.took.as_secs_f64());
        write!(out, r#"  <testcase classname="{class}" name="{name}" time="{time:.3}">"#)?;
        match &outcome.grade {
            Grade::Passed(_) => {}
            Grade::Skipped(why) => write!(out, r#"<skipped message="{}"/>"#, escaped(why))?,
            Grade::Failed(seen) => {
                let mut text = format!("{}\nsee {}\n", outcome.sentence, outcome.cite);
                for passage in &outcome.passages {
                    let _ = writeln!(text, "{passage}"); // a String takes everything
                }
                write!(out, r#"<failure message="{}">{}</failure>"#, escaped(seen), escaped(&text))?;
            }
        }
        writeln!(out, "</testcase>")?;
    }
    writeln!(out, "</testsuite>")
}

/// `text` as XML takes it, in an attribute too.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(grade: Grade) -> Outcome {
        Outcome {
            topic: "golden",
            id: "golden-jobs",
            sentence: "it finds the known nonces of known jobs",
            cite: "docs/protocols/icarus.md §2.3",
            grade,
            took: Duration::from_millis(1_500),
            passages: vec![
                Passage { at: Duration::ZERO, from: Side::Host, port: Port(0), bytes: vec![0x46, 0x79] },
                Passage {
                    at: Duration::from_millis(2),
                    from: Side::Device,
                    port: Port(1),
                    bytes: vec![0xa2],
                },
            ],
        }
    }

    #[test]
    fn a_failure_shows_the_bytes_and_where_the_specification_says_it() {
        let mut text = Vec::new();
        outcome(Grade::Failed("nothing came".into())).print(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        for part in
            ["FAILED", "nothing came", "icarus.md §2.3", "+0.000000 s > 4679", "+0.002000 s port 1 < a2"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn junit_escapes_what_devices_say_and_counts() {
        let outcomes = [
            outcome(Grade::Passed("1 < 2".into())),
            outcome(Grade::Failed("\"<&>\"\u{1}".into())),
            outcome(Grade::Skipped("no".into())),
        ];
        let mut text = Vec::new();
        junit(&mut text, "block-erupter & co", &outcomes).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(
            r#"name="block-erupter &amp; co" tests="3" failures="1" errors="0" skipped="1" time="4.500""#
        ));
        assert!(text.contains(r#"<failure message="&quot;&lt;&amp;&gt;&quot;�">it finds"#), "{text}");
        assert!(text.contains("+0.000000 s &gt; 4679"), "{text}");
        assert_eq!(Marks::of(&outcomes), Marks { passed: 1, failed: 1, skipped: 1 });
    }

    #[test]
    fn json_has_numbers_as_numbers_and_bytes_as_hex() {
        let value = outcome(Grade::Passed("ok".into())).json();
        assert_eq!(value["result"], "passed");
        assert_eq!(value["seconds"], 1.5);
        assert_eq!(value["bytes"][1], json!({ "at_s": 0.002, "from": "device", "port": 1, "hex": "a2" }));
    }
}
