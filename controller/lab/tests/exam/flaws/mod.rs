//! Broken devices: each flaw names beforehand the one check that finds it, and all others pass.

mod bitaxe;
mod bm13xx;
mod cpu;
mod gekko;
mod icarus;
mod rbox;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use adit_lab::exam::{Grade, Outcome, Subject, checks, examine};
use adit_protocol::wire::{Micros, Port};

use crate::broken::{Broken, Flaw};
use crate::{subject, table, twin};

type Pieces = Vec<(Duration, Vec<u8>)>;

fn at_once(bytes: Vec<u8>) -> Pieces {
    vec![(Duration::ZERO, bytes)]
}

/// A flaw of what the device says.
struct Says<F>(F);

impl<F: FnMut(Micros, Vec<u8>) -> Pieces + Send> Flaw for Says<F> {
    fn says(&mut self, now: Micros, bytes: Vec<u8>) -> Pieces {
        (self.0)(now, bytes)
    }
}

/// A flaw of what the device hears.
struct Hears<F>(F);

impl<F: FnMut(Micros, &[u8]) -> Vec<u8> + Send> Flaw for Hears<F> {
    fn hears(&mut self, now: Micros, bytes: &[u8]) -> Vec<u8> {
        (self.0)(now, bytes)
    }
}

/// Examines a device of `model` with `flaw`: `check` fails, and nothing else does. When what identifies a device fails,
/// nothing more is asked; else nothing is left out that a sound device is asked.
fn finds(model: &str, check: &str, flaw: impl Flaw + 'static) {
    let subject = subject(model);
    let sound = twin(&subject);
    finds_at(subject, sound, Port(0), check, flaw);
}

fn finds_at(
    subject: Subject,
    sound: Box<dyn adit_hw_sim::SimDevice>,
    port: Port,
    check: &str,
    flaw: impl Flaw + 'static,
) {
    let skipped_of_sound = skipped_of_sound(&subject);
    let outcomes = examine(subject.clone(), Box::new(Broken::new(sound, port, Box::new(flaw))));
    let failed: Vec<_> = outcomes.iter().filter(|it| it.is_failed()).map(|it| it.id).collect();
    assert_eq!(failed, [check], "\n{}", table(&outcomes));
    let identifies =
        checks(subject.model).expect("checks").iter().any(|it| it.id == check && it.identifies());
    let found = outcomes.iter().position(|it| it.is_failed()).unwrap_or_default();
    let expected = if identifies { outcomes.len() - 1 - found } else { skipped_of_sound };
    assert_eq!(skipped(&outcomes), expected, "\n{}", table(&outcomes));
}

fn skipped(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|it| matches!(it.grade, Grade::Skipped(_))).count()
}

/// How much is not asked of a sound device, which passes.
fn skipped_of_sound(subject: &Subject) -> usize {
    static KNOWN: Mutex<BTreeMap<(&str, Option<u16>), usize>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().expect("no test panicked here");
    *known.entry((subject.model.key, subject.chips)).or_insert_with(|| {
        let outcomes = examine(subject.clone(), twin(subject));
        assert!(outcomes.iter().all(|it| !it.is_failed()), "sound:\n{}", table(&outcomes));
        skipped(&outcomes)
    })
}
