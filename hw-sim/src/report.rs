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
        writeln!(out, "{mark:8} {:18} {}: {}", self.id, self.sentence, printable(detail))?;
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

/// `outcomes` as JUnit XML with one test suite, named `suite`: `testsuites`, `testsuite`, and a `testcase` for each. A failure
/// has its topic as `type`, what was seen as `message`, and as text the sentence, the section and the bytes.
///
/// # Errors
/// `out` cannot be written to.
pub fn junit(out: &mut impl Write, suite: &str, outcomes: &[Outcome]) -> io::Result<()> {
    let marks = Marks::of(outcomes);
    let seconds: f64 = outcomes.iter().map(|outcome| outcome.took.as_secs_f64()).sum();
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    let (suite, tests, failures) = (escaped(suite), outcomes.len(), marks.failed);
    let counts = format!(r#"name="{suite}" tests="{tests}" failures="{failures}" errors="0""#);
    writeln!(out, r#"<testsuites {counts} time="{seconds:.3}">"#)?;
    writeln!(out, r#"<testsuite {counts} skipped="{}" time="{seconds:.3}">"#, marks.skipped)?;
    for outcome in outcomes {
        let (name, time) = (outcome.id, outcome.took.as_secs_f64());
        write!(out, r#"  <testcase classname="{suite}" name="{name}" time="{time:.3}">"#)?;
        match &outcome.grade {
            Grade::Passed(_) => {}
            Grade::Skipped(why) => write!(out, r#"<skipped message="{}"/>"#, escaped(why))?,
            Grade::Failed(seen) => {
                let mut text = format!("{}\nsee {}\n", outcome.sentence, outcome.cite);
                for passage in &outcome.passages {
                    let _ = writeln!(text, "{passage}"); // a String takes everything
                }
                let (kind, seen, text) = (outcome.topic, escaped(seen), escaped(&text));
                write!(out, r#"<failure type="{kind}" message="{seen}">{text}</failure>"#)?;
            }
        }
        writeln!(out, "</testcase>")?;
    }
    writeln!(out, "</testsuite>\n</testsuites>")
}

/// `text` with control characters escaped: what comes from a device or a host cannot drive the terminal.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// `text` as XML 1.0 takes it, in an attribute too; what it has no way to say becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
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
    fn what_a_device_says_of_itself_cannot_drive_the_terminal() {
        let mut out = Vec::new();
        outcome(Grade::Failed("it says it is \u{1b}[2J\r".into())).print(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains(r"it says it is \u{1b}[2J\r") && !text.contains('\u{1b}'), "{text:?}");
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

    /// Names and values of the attributes, in their order.
    fn attributes<'a>(node: roxmltree::Node<'a, '_>) -> Vec<(&'a str, &'a str)> {
        node.attributes().map(|attribute| (attribute.name(), attribute.value())).collect()
    }

    /// `testsuites/testsuite/testcase/(failure|skipped)`, as Jenkins, GitLab and GitHub's actions read it.
    #[test]
    fn junit_has_the_usual_structure_and_its_counts_are_those_of_its_cases() {
        let outcomes = [
            outcome(Grade::Passed("1 < 2".into())),
            outcome(Grade::Failed("nothing came".into())),
            outcome(Grade::Skipped("no such thing".into())),
        ];
        let mut text = Vec::new();
        junit(&mut text, "block-erupter & co", &outcomes).unwrap();
        let text = String::from_utf8(text).unwrap();
        let document = roxmltree::Document::parse(&text).unwrap();
        let root = document.root_element();
        let counts = |also: &[(&'static str, &'static str)]| {
            let same = [("name", "block-erupter & co"), ("tests", "3"), ("failures", "1"), ("errors", "0")];
            [&same[..], also, &[("time", "4.500")]].concat()
        };
        assert_eq!((root.tag_name().name(), attributes(root)), ("testsuites", counts(&[])));
        let suites: Vec<_> = root.children().filter(|node| node.is_element()).collect();
        let [suite] = suites[..] else { panic!("{suites:?}") };
        assert_eq!((suite.tag_name().name(), attributes(suite)), ("testsuite", counts(&[("skipped", "1")])));
        let cases: Vec<_> = suite.children().filter(|node| node.is_element()).collect();
        assert_eq!(cases.len(), 3);
        for case in &cases {
            let named = [("classname", "block-erupter & co"), ("name", "golden-jobs"), ("time", "1.500")];
            assert_eq!((case.tag_name().name(), attributes(*case)), ("testcase", named.to_vec()));
        }
        assert_eq!(cases[0].first_child(), None, "nothing is said of what passed");
        let [failed, skipped] = [1, 2].map(|index: usize| cases[index].first_child().unwrap());
        assert_eq!(failed.tag_name().name(), "failure");
        assert_eq!(attributes(failed), [("type", "golden"), ("message", "nothing came")]);
        assert_eq!(
            failed.text(),
            Some(
                "it finds the known nonces of known jobs\nsee docs/protocols/icarus.md §2.3\n\
                 +0.000000 s > 4679\n+0.002000 s port 1 < a2\n"
            )
        );
        assert_eq!(
            (skipped.tag_name().name(), attributes(skipped)),
            ("skipped", vec![("message", "no such thing")])
        );
    }

    #[test]
    fn junit_is_well_formed_whatever_devices_say() {
        let wild: String =
            (0..=0x2ff).chain([0xfffd, 0xfffe, 0xffff, 0x1_f4a9]).filter_map(char::from_u32).collect();
        let said = format!("\"<&>'\" ]]> <!-- {wild}");
        let outcomes =
            [Grade::Failed(said.clone()), Grade::Skipped(said.clone()), Grade::Passed(said.clone())]
                .map(outcome);
        let mut text = Vec::new();
        junit(&mut text, &said, &outcomes).unwrap();
        let text = String::from_utf8(text).unwrap();
        let is_allowed = |c: char| matches!(c, '\t' | '\n' | ' '..='\u{fffd}' | '\u{10000}'..);
        assert_eq!(text.chars().find(|c| !is_allowed(*c)), None, "not a character of XML 1.0");
        let document = roxmltree::Document::parse(&text).unwrap();
        let failure = document.descendants().find(|node| node.has_tag_name("failure")).unwrap();
        let told = failure.attribute("message").unwrap();
        assert!(told.starts_with("\"<&>'\" ]]> <!-- \u{fffd}"), "{told}");
        assert!(told.contains("\t\n") && told.ends_with('\u{1f4a9}'), "{told}");
        assert_eq!(told.chars().count(), said.chars().count(), "one for one");
    }

    #[test]
    fn json_has_numbers_as_numbers_and_bytes_as_hex() {
        let value = outcome(Grade::Passed("ok".into())).json();
        assert_eq!(value["result"], "passed");
        assert_eq!(value["seconds"], 1.5);
        assert_eq!(value["bytes"][1], json!({ "at_s": 0.002, "from": "device", "port": 1, "hex": "a2" }));
    }
}
