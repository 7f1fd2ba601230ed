//! The exam of devices: simulated ones pass it, and each broken one fails the check that its flaw names.

#![allow(clippy::expect_used, reason = "a test that cannot go on fails")]

mod broken;
mod flaws;
mod harmless;
mod sound;

use adit_hw_sim::{Build, SimDevice};
use adit_lab::exam::{Grade, Outcome, Subject};
use adit_protocol::devices::{Model, model};

/// What devices are eased to, so that nonces come at their real pace without the work.
const DIFFICULTY: f64 = 1.0 / (1 << 24) as f64;
/// As above, for those that report only what meets a ticket of some dozens.
const OF_CHAINS: f64 = 1.0 / (1 << 29) as f64;

/// As above, for those that are told a target.
const OF_COMPUTERS: f64 = 1.0 / (1 << 20) as f64;

fn subject(key: &str) -> Subject {
    let model: &'static Model = model(key).expect("a model");
    if model.driver == "cpu" {
        return Subject { difficulty: OF_COMPUTERS, writes: true, ..Subject::new(model) };
    }
    let chain = model.ports.iter().any(|port| port.protocol.starts_with("bm13xx"));
    Subject {
        difficulty: if chain { OF_CHAINS } else { DIFFICULTY },
        writes: true,
        watch: std::time::Duration::from_secs(200),
        ..Subject::new(model)
    }
}

fn twin(subject: &Subject) -> Box<dyn SimDevice> {
    let settings = subject.chips.map(|chips| ("chips".to_owned(), chips.to_string())).into_iter().collect();
    let build = Build { seed: subject.seed, target_difficulty: Some(subject.difficulty), settings };
    adit_hw_sim::start(subject.model, &build).expect("a twin")
}

/// One line for each check.
fn table(outcomes: &[Outcome]) -> String {
    let line = |it: &Outcome| {
        let (mark, text) = match &it.grade {
            Grade::Passed(text) => ("passed ", text),
            Grade::Failed(text) => ("FAILED ", text),
            Grade::Skipped(text) => ("skipped", text),
        };
        format!("  {mark} {:20} {:7.3} s  {text}", it.id, it.took.as_secs_f64())
    };
    outcomes.iter().map(line).collect::<Vec<_>>().join("\n")
}
