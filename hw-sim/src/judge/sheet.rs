//! What a judge writes down.

use std::collections::VecDeque;
use std::time::Duration;

use adit_protocol::wire::{Micros, Port, Side};

use crate::report::{Grade, Outcome, Passage};

/// Passages that are shown with a rule that was broken.
const SHOWN: usize = 12;

/// A sentence about hosts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) topic: &'static str,
    pub(super) id: &'static str,
    pub(super) sentence: &'static str,
    pub(super) cite: &'static str,
    /// Why it was not judged, where nothing is seen that it is about.
    pub(super) unseen: &'static str,
}

/// A rule of a family, whose specification is `$document`.
macro_rules! rule {
    ($document:literal, $topic:literal, $id:literal, $sentence:literal, $cite:literal, $unseen:expr) => {
        Rule {
            topic: $topic,
            id: $id,
            sentence: $sentence,
            cite: concat!($document, " ", $cite),
            unseen: $unseen,
        }
    };
}
pub(super) use rule;

/// A row for each rule.
pub(super) struct Sheet {
    rows: Vec<Row>,
    passed: VecDeque<Passage>,
    began: Option<Micros>,
}

struct Row {
    rule: &'static Rule,
    grade: Grade,
    passages: Vec<Passage>,
}

impl Sheet {
    pub(super) fn new(rules: impl IntoIterator<Item = &'static Rule>) -> Self {
        let row = |rule: &'static Rule| Row {
            rule,
            grade: Grade::Skipped(rule.unseen.into()),
            passages: Vec::new(),
        };
        Self { rows: rules.into_iter().map(row).collect(), passed: VecDeque::new(), began: None }
    }

    /// Bytes pass.
    pub(super) fn pass(&mut self, now: Micros, from: Side, bytes: &[u8]) {
        if self.passed.len() == SHOWN {
            self.passed.pop_front();
        }
        let began = *self.began.get_or_insert(now);
        self.passed.push_back(Passage { at: now.since(began), from, port: Port(0), bytes: bytes.to_vec() });
    }

    /// The rule `id` holds so far.
    pub(super) fn holds(&mut self, id: &str, seen: &str) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.rule.id == id)
            && !matches!(row.grade, Grade::Failed(_))
        {
            row.grade = Grade::Passed(seen.into());
        }
    }

    /// The rule `id` is broken: the first time counts.
    pub(super) fn breaks(&mut self, id: &str, seen: &str) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.rule.id == id)
            && !matches!(row.grade, Grade::Failed(_))
        {
            row.grade = Grade::Failed(seen.into());
            row.passages = self.passed.iter().cloned().collect();
        }
    }

    /// `holds` or `breaks`.
    pub(super) fn judge(&mut self, id: &str, holds: bool, seen: impl FnOnce() -> String) {
        if holds { self.holds(id, &seen()) } else { self.breaks(id, &seen()) }
    }

    pub(super) fn outcomes(&self) -> Vec<Outcome> {
        let outcome = |row: &Row| {
            let Rule { topic, id, sentence, cite, .. } = *row.rule;
            let (grade, passages) = (row.grade.clone(), row.passages.clone());
            Outcome { topic, id, sentence, cite, grade, took: Duration::ZERO, passages }
        };
        self.rows.iter().map(outcome).collect()
    }
}
