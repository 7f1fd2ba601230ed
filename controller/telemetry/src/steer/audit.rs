//! The audit log: who asked for what, when, and what came of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Answer, Request};

/// A command that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditRow {
    /// Counts commands from 1 since adit was started.
    pub id: u64,
    /// When it was answered, in seconds since 1970.
    pub at_unix_s: f64,
    /// Who: name and id of the key, or the address where keys are not known.
    #[schema(example = "key local")]
    pub who: String,
    /// What, in a few words and without secrets.
    #[schema(example = "pause icarus-1")]
    pub what: String,
    /// The device that was meant.
    pub device: Option<String>,
    /// `done`, `refused`, `unknown`, `unsupported` or `silence`.
    #[schema(example = "done")]
    pub outcome: String,
    /// What came of it, in one sentence.
    pub sentence: String,
}

/// What is kept of a command and its answer.
pub(crate) fn entry(at_unix_s: f64, who: &str, request: &Request, answer: &Answer) -> AuditRow {
    AuditRow {
        id: 0,
        at_unix_s,
        who: who.to_owned(),
        what: request.to_string(),
        device: request.device().map(|name| name.chars().take(100).collect()),
        outcome: answer.name().to_owned(),
        sentence: answer.sentence().to_owned(),
    }
}
