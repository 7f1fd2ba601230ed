//! Transcripts: what a machine does on a wire, written down line by line and held against it (feature `testing`).
//!
//! A transcript is a text of lines; `#` begins a comment.
//!
//! | line | meaning |
//! |---|---|
//! | `model KEY…` | before the start: what the device may be |
//! | `chosen` | before the start: the user named the model |
//! | `set KEY VALUE` | before the start: a setting |
//! | `up` | the link is open |
//! | `< HEX`, `<1 HEX` | the device sends bytes (on port 1); a pause longer than the port's `quiet` is reported by itself |
//! | `+200ms`, `+3s`, `+50us` | time passes; timers fire when they are due |
//! | `work …`, `job`, `ruling …`, `stop`, `down` … | anything else that happens to a machine: see [`words`](crate::words) |
//! | `> HEX`, `>1 HEX` | the machine must have written exactly this (to port 1) |
//! | `! TEXT` | the machine must have done this otherwise: see [`describe`] |
//!
//! Everything a machine does must stand in the transcript, in order, before the next input. Link actions are answered with
//! success at once.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use adit_protocol::devices::{Model, model, models};
use adit_protocol::hex;
use adit_protocol::wire::{Micros, Port};

use crate::words::{Happening, WordsError, describe};
use crate::{Detected, Driver, Input, Machine, Reply, Settings, Start};

/// Actions of one input at most: more is an endless loop.
const MOST_ACTIONS: usize = 10_000;

/// Where machine and transcript differ.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Mismatch {
    /// Line of the transcript, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

/// Plays `text` to a machine of `start` and compares what it does.
pub fn check(start: Start, text: &str) -> Result<(), Mismatch> {
    let mut stage = Stage::new(start);
    for (line, content) in lines(text) {
        let wrong = |what: String| Mismatch { line, what };
        if is_expectation(content) {
            let expected = normal(content);
            match stage.done.first() {
                Some(found) if *found == expected => {
                    stage.done.remove(0);
                }
                found => {
                    let found = found.map_or("nothing", String::as_str);
                    return Err(wrong(format!("expected `{expected}`, found `{found}`")));
                }
            }
            continue;
        }
        if let Some(found) = stage.done.first() {
            return Err(wrong(format!("before `{content}` the machine did `{found}`")));
        }
        stage.play(content).map_err(wrong)?;
    }
    match stage.done.first() {
        Some(found) => Err(Mismatch { line: text.lines().count(), what: format!("at the end: `{found}`") }),
        None => Ok(()),
    }
}

/// `text` with its expectations replaced by what a machine of `start` does. To be read before it is believed.
pub fn rewrite(start: Start, text: &str) -> Result<String, Mismatch> {
    let (mut stage, mut written) = (Stage::new(start), String::new());
    for (index, raw) in text.lines().enumerate() {
        let content = strip(raw);
        if is_expectation(content) {
            continue;
        }
        written.push_str(raw);
        written.push('\n');
        if !content.is_empty() {
            stage.play(content).map_err(|what| Mismatch { line: index + 1, what })?;
        }
        for done in stage.done.drain(..) {
            written.push_str(&done);
            written.push('\n');
        }
    }
    Ok(written)
}

/// All files of `folder` with their texts, sorted by path.
///
/// # Errors
/// The folder or a file in it cannot be read.
pub fn read_folder(folder: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    let text = |path: PathBuf| fs::read_to_string(&path).map(|text| (path, text));
    paths.into_iter().map(text).collect()
}

/// Plays every transcript of `folder` to a machine of `driver`, each of its own: what is wrong, a line for each file. Also wrong are
/// a model of the driver that no transcript names as what was identified, and a transcript that does not miss its last expectation.
/// Where the environment says `UPDATE`, what the machine does is written into the files instead: read the difference before believing
/// it.
///
/// # Errors
/// A file cannot be read or written.
pub fn check_folder(driver: &Driver, folder: &Path) -> io::Result<Vec<String>> {
    let update = std::env::var_os("UPDATE").is_some();
    let texts = read_folder(folder)?;
    let mine = models().filter(|model| model.driver == driver.name);
    let is_named = |model: &&Model| {
        let line = format!("! identified {}", model.key);
        texts.iter().any(|(_, text)| text.lines().any(|found| strip(found) == line))
    };
    let mut wrong: Vec<String> = mine
        .filter(|model| !is_named(model))
        .map(|model| format!("{} has no transcript of its own", model.key))
        .collect();
    for (path, text) in &texts {
        if update {
            match rewrite(driver.start, text) {
                Ok(written) => fs::write(path, written)?,
                Err(mismatch) => wrong.push(format!("{}: {mismatch}", path.display())),
            }
        } else if let Err(mismatch) = check(driver.start, text) {
            wrong.push(format!("{}: {mismatch}", path.display()));
        } else if check(driver.start, &without_last_expectation(text)).is_ok() {
            wrong.push(format!("{}: what it expects last is not missed", path.display()));
        }
    }
    Ok(wrong)
}

fn without_last_expectation(text: &str) -> String {
    let last = text.lines().filter(|line| is_expectation(strip(line))).count();
    let mut seen = 0;
    let keep = |line: &&str| {
        seen += usize::from(is_expectation(strip(line)));
        !(seen == last && is_expectation(strip(line)))
    };
    text.lines().filter(keep).collect::<Vec<_>>().join("\n")
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, raw)| (index + 1, strip(raw))).filter(|(_, line)| !line.is_empty())
}

fn strip(raw: &str) -> &str {
    raw.split('#').next().unwrap_or_default().trim()
}

fn is_expectation(line: &str) -> bool {
    line.starts_with('>') || line.starts_with('!')
}

/// Single spaces between words; hex without spaces.
fn normal(line: &str) -> String {
    let mut words = line.split_whitespace();
    match words.next() {
        Some(mark) if mark.starts_with('>') => format!("{mark} {}", words.collect::<String>().to_lowercase()),
        Some(mark) => std::iter::once(mark).chain(words).collect::<Vec<_>>().join(" "),
        None => String::new(),
    }
}

struct Stage {
    start: Start,
    candidates: Vec<&'static Model>,
    chosen: bool,
    settings: Settings,
    machine: Option<Box<dyn Machine>>,
    now: Micros,
    /// When each port falls quiet.
    quiet: Vec<Option<Micros>>,
    /// What the machine did and nobody has compared yet.
    done: Vec<String>,
}

impl Stage {
    fn new(start: Start) -> Self {
        Self {
            start,
            candidates: Vec::new(),
            chosen: false,
            settings: Settings::default(),
            machine: None,
            now: Micros(0),
            quiet: Vec::new(),
            done: Vec::new(),
        }
    }

    fn play(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) =
            line.split_once(char::is_whitespace).map_or((line, ""), |(word, rest)| (word, rest.trim()));
        match word {
            "model" => {
                for key in rest.split_whitespace() {
                    self.candidates.push(model(key).ok_or(format!("no model `{key}`"))?);
                }
            }
            "chosen" => self.chosen = true,
            "set" => {
                let (key, value) = rest.split_once(char::is_whitespace).ok_or("expected `set KEY VALUE`")?;
                self.settings.set(key, value.trim());
            }
            "up" => self.open()?,
            _ if word.starts_with('+') => self.pass(duration(&word[1..])?)?,
            _ if word.starts_with('<') => self.receive(&word[1..], rest)?,
            _ => {
                let happening: Happening = line.parse().map_err(|error: WordsError| error.to_string())?;
                self.input(happening.input())?;
            }
        }
        Ok(())
    }

    fn open(&mut self) -> Result<(), String> {
        let first = *self.candidates.first().ok_or("`model` must come first")?;
        let detected = Detected {
            location: "serial:./transcript".into(),
            socket: None,
            usb: None,
            candidates: self.candidates.clone(),
            chosen: self.chosen,
        };
        self.quiet = vec![None; first.ports.len()];
        let machine = (self.start)(&detected, self.settings.clone()).map_err(|error| error.to_string())?;
        self.machine = Some(machine);
        self.input(Input::LinkUp)
    }

    fn receive(&mut self, port: &str, rest: &str) -> Result<(), String> {
        let port: u8 =
            if port.is_empty() { 0 } else { port.parse().map_err(|_| format!("no port `{port}`"))? };
        let bytes = hex::decode(&rest.split_whitespace().collect::<String>()).ok_or("not hex")?;
        let spec = self.candidates.first().and_then(|model| model.ports.get(usize::from(port)));
        let spec = spec.ok_or(format!("the model has no port {port}"))?;
        self.quiet[usize::from(port)] = Some(self.now + spec.quiet);
        self.input(Input::Bytes { port: Port(port), bytes: &bytes })
    }

    /// Lets `span` pass, waking the machine when it wants to be woken and reporting quiet lines.
    fn pass(&mut self, span: Duration) -> Result<(), String> {
        let end = self.now + span;
        for _ in 0..MOST_ACTIONS {
            let timer = self.machine.as_ref().and_then(|machine| machine.deadline());
            let quiet = self.quiet.iter().enumerate().filter_map(|(port, at)| Some(((*at)?, port))).min();
            let next = timer.into_iter().chain(quiet.map(|(at, _)| at)).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return Ok(());
            };
            self.now = self.now.max(next);
            match quiet {
                Some((at, port)) if at <= next => {
                    self.quiet[port] = None;
                    self.input(Input::Quiet { port: Port(port as u8) })?;
                }
                _ => self.input(Input::Timer)?,
            }
        }
        Err("the machine never rests".into())
    }

    fn input(&mut self, input: Input<'_>) -> Result<(), String> {
        let machine = self.machine.as_mut().ok_or("`up` must come first")?;
        machine.on_input(self.now, input);
        for _ in 0..MOST_ACTIONS {
            let Some(action) = machine.next_action() else { return Ok(()) };
            self.done.push(describe(&action));
            if let Some(token) = action.token() {
                machine.on_input(self.now, Input::Done { token, result: Ok(Reply::Complete) });
            }
        }
        Err("the machine never stops acting".into())
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let number: u64 = digits.parse().map_err(|_| format!("`+{text}` is no time"))?;
    match &text[digits.len()..] {
        "us" => Ok(Duration::from_micros(number)),
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        unit => Err(format!("`{unit}` is no unit of time")),
    }
}
