//! Broken devices: each flaw names beforehand the one check that finds it, and all others pass.

mod icarus;

use adit_lab::exam::{Grade, Subject, examine};
use adit_protocol::wire::Port;

use crate::broken::{Broken, Flaw};
use crate::{subject, table, twin};

/// Examines a device of `model` with `flaw`: `check` fails, and nothing else does. When the device is not even recognised,
/// nothing else is asked; else nothing is left out that a sound device is asked.
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
    let healthy = examine(subject.clone(), twin(&subject));
    let outcomes = examine(subject, Box::new(Broken::new(sound, port, Box::new(flaw))));
    let failed: Vec<_> = outcomes.iter().filter(|it| it.is_failed()).map(|it| it.id).collect();
    assert_eq!(failed, [check], "\n{}", table(&outcomes));
    let skipped = |outcomes: &[adit_lab::exam::Outcome]| {
        outcomes.iter().filter(|it| matches!(it.grade, Grade::Skipped(_))).count()
    };
    let unrecognised = outcomes.iter().position(|it| it.is_failed()) == Some(0);
    if unrecognised {
        assert_eq!(skipped(&outcomes), outcomes.len() - 1, "\n{}", table(&outcomes));
    } else {
        assert_eq!(skipped(&outcomes), skipped(&healthy), "\n{}", table(&outcomes));
    }
}
