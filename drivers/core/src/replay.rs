//! Plays a recording to machines and compares what they do (`docs/recordings.md`).
//!
//! A machine is a function of its inputs and their times, so every input of the recording is given to it at its recorded
//! time and every action it wants must be the recorded one: bytes, line changes, nonces, faults.

use std::collections::BTreeMap;

use adit_protocol::devices::model;
use adit_protocol::trace::{Entry, What};
use adit_protocol::wire::{Micros, Side};

use crate::words::{Happening, WordsError, describe};
use crate::{Action, Detected, Input, Machine, Settings};

/// Makes a machine, or says why it cannot.
pub type Start = fn(&Detected, Settings) -> Result<Box<dyn Machine>, String>;

/// A recording that is being played, link by link.
pub struct Replay {
    start: Start,
    links: BTreeMap<u32, Link>,
}

/// How far one link has come.
pub struct Link {
    /// What the recording says about the device.
    pub detected: Detected,
    settings: Settings,
    machine: Option<Box<dyn Machine>>,
    /// Inputs that were played.
    pub inputs: u64,
    /// Actions that were compared.
    pub actions: u64,
    /// Why it was not played any further.
    pub end: Option<End>,
}

/// Why a link is not played any further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// The machine did something else.
    #[error("at {at}: recorded `{recorded}`, now {}", .found.as_ref().map_or("nothing".into(), |found| format!("`{found}`")))]
    Diverged {
        /// When.
        at: Micros,
        /// The action of the recording.
        recorded: String,
        /// The action of the machine.
        found: Option<String>,
    },
    /// The beginning or a part of the link is not in this file: nothing that follows can be compared.
    #[error("at {at}: a part of this link is missing here, so what follows cannot be compared")]
    Missing {
        /// When.
        at: Micros,
    },
    /// The device cannot be started as the recording says: in the words of its driver.
    #[error("cannot be started: {0}")]
    NotStarted(String),
    /// The recording says something that nobody understands.
    #[error("at {at}: {why}")]
    Words {
        /// When.
        at: Micros,
        /// What is wrong.
        why: WordsError,
    },
}

impl Replay {
    /// Nothing has been played. Machines are started by `start`, usually that of the catalog.
    pub fn new(start: Start) -> Self {
        Self { start, links: BTreeMap::new() }
    }

    /// Plays one line.
    pub fn play(&mut self, entry: &Entry<'_>) {
        let link = self.links.entry(entry.link).or_insert_with(Link::new);
        if link.end.is_none()
            && let Err(end) = link.play(self.start, entry.at, entry.what)
        {
            link.end = Some(end);
            link.machine = None;
        }
    }

    /// All links with their numbers.
    pub fn links(&self) -> impl Iterator<Item = (u32, &Link)> {
        self.links.iter().map(|(number, link)| (*number, link))
    }
}

impl Link {
    fn new() -> Self {
        let candidates = Vec::new();
        let detected =
            Detected { location: String::new(), socket: None, usb: None, candidates, chosen: false };
        Self { detected, settings: Settings::default(), machine: None, inputs: 0, actions: 0, end: None }
    }

    fn play(&mut self, start: Start, at: Micros, what: What<'_>) -> Result<(), End> {
        match what {
            What::Device { models, location } => {
                let unknown = |key: &str| End::NotStarted(format!("no model `{key}`"));
                let candidates = models.split(',').map(|key| model(key).ok_or_else(|| unknown(key)));
                self.detected.candidates = candidates.collect::<Result<_, End>>()?;
                self.detected.location = location.into();
                Ok(())
            }
            What::Lost(_) | What::Words("continued") => Err(End::Missing { at }),
            What::Words("chosen") => {
                self.detected.chosen = true;
                Ok(())
            }
            What::Words(words) => match words.strip_prefix("set ") {
                Some(setting) => {
                    let (key, value) = setting.split_once(' ').unwrap_or((setting, ""));
                    self.settings.set(key, value);
                    Ok(())
                }
                None if words.starts_with('!') => self.compare(at, words),
                None => {
                    let happening: Happening = words.parse().map_err(|why| End::Words { at, why })?;
                    self.input(start, at, happening.input())
                }
            },
            What::Bytes { from: Side::Device, port, bytes } => {
                self.input(start, at, Input::Bytes { port, bytes })
            }
            What::Bytes { from: Side::Host, port, bytes } => {
                self.compare(at, &describe(&Action::Write { port, bytes: bytes.to_vec() }))
            }
        }
    }

    fn input(&mut self, start: Start, at: Micros, input: Input<'_>) -> Result<(), End> {
        if matches!(input, Input::LinkUp) {
            let started = start(&self.detected, self.settings.clone());
            self.machine = Some(started.map_err(End::NotStarted)?);
        }
        let Some(machine) = &mut self.machine else { return Err(End::Missing { at }) };
        machine.on_input(at, input);
        self.inputs += 1;
        Ok(())
    }

    fn compare(&mut self, at: Micros, recorded: &str) -> Result<(), End> {
        let Some(machine) = &mut self.machine else { return Err(End::Missing { at }) };
        let found = machine.next_action().map(|action| describe(&action));
        if found.as_deref() != Some(recorded) {
            return Err(End::Diverged { at, recorded: recorded.into(), found });
        }
        self.actions += 1;
        Ok(())
    }
}
