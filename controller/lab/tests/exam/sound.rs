//! Every simulated model passes.

use std::collections::BTreeSet;

use adit_lab::exam::{Grade, Subject, TOPICS, checks, examine};
use adit_protocol::devices::{Model, models};

use crate::{subject, table, twin};

fn examined() -> impl Iterator<Item = &'static Model> {
    models().filter(|model| checks(model).is_some())
}

#[test]
fn every_model_of_the_table_has_an_exam() {
    let without: Vec<_> = models().filter(|model| checks(model).is_none()).map(|model| model.key).collect();
    assert!(without.is_empty(), "no exam for {without:?}");
}

#[test]
fn every_simulated_model_passes_every_check_its_family_has() {
    let mut failures = Vec::new();
    for model in examined() {
        let subject = subject(model.key);
        let twin = twin(&subject);
        let outcomes = examine(subject, twin);
        println!("{}\n{}", model.key, table(&outcomes));
        let complete = outcomes.len() == checks(model).map_or(0, |checks| checks.len());
        if !complete || outcomes.iter().any(|it| it.is_failed()) {
            failures.push(format!("{}\n{}", model.key, table(&outcomes)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn chains_of_several_chips_pass_too() {
    for (key, chips) in [("bm1370-chain", 2), ("bm1366-chain", 5), ("bm1362-chain", 12), ("bm1397-chain", 3)]
    {
        let subject = Subject { chips: Some(chips), ..subject(key) };
        let twin = twin(&subject);
        let outcomes = examine(subject, twin);
        assert!(outcomes.iter().all(|it| !it.is_failed()), "{chips} x {key}\n{}", table(&outcomes));
    }
}

#[test]
fn every_family_says_something_about_every_topic_and_cites_the_specification() {
    for model in examined() {
        let checks = checks(model).expect("checks");
        let topics: BTreeSet<_> = checks.iter().map(|check| check.topic).collect();
        assert_eq!(topics, TOPICS.iter().copied().collect(), "{}", model.key);
        let ids: BTreeSet<_> = checks.iter().map(|check| check.id).collect();
        assert_eq!(ids.len(), checks.len(), "{}: an id is used twice", model.key);
        assert!(checks.iter().all(|it| it.cite.starts_with("docs/") && it.cite.contains('§')));
    }
}

#[test]
fn nothing_that_changes_clocks_or_voltages_is_done_unasked() {
    for model in examined() {
        let mut subject = subject(model.key);
        subject.writes = false;
        let twin = twin(&subject);
        let outcomes = examine(subject, twin);
        assert!(outcomes.iter().all(|it| !it.is_failed()), "{}\n{}", model.key, table(&outcomes));
        let frequency = outcomes.iter().filter(|it| it.topic == "frequency");
        assert!(frequency.map(|it| &it.grade).all(|it| matches!(it, Grade::Skipped(_))), "{}", model.key);
    }
}
