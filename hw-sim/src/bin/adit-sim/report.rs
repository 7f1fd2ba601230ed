//! Standard output: data only, flushed with every line so that a reader can follow.

use std::io::{self, Write};

use adit_hw_sim::pool::{Counts, Tally};
use serde_json::{Map, Value, json};

/// Writes one line.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// `{"accepted","rejected","reasons":{…},"work"}`.
pub(crate) fn counts(counts: &Counts) -> Value {
    let reasons: Map<String, Value> =
        counts.rejected.iter().map(|(reason, count)| (reason.name().into(), json!(count))).collect();
    json!({
        "accepted": counts.accepted,
        "rejected": counts.rejected_total(),
        "reasons": reasons,
        "work": counts.work,
    })
}

/// The summary of a pool as an object.
pub(crate) fn tally(tally: &Tally, elapsed_s: f64) -> Value {
    let workers: Map<String, Value> =
        tally.workers.iter().map(|(name, counted)| (name.clone(), counts(counted))).collect();
    let mut summary = counts(&tally.total);
    let more = json!({
        "event": "summary",
        "elapsed_s": elapsed_s,
        "blocks": tally.blocks,
        "connections": tally.connections,
        "resumed": tally.resumed,
        "jobs": tally.jobs,
        "malformed": tally.malformed,
        "workers": workers,
    });
    if let (Value::Object(summary), Value::Object(more)) = (&mut summary, more) {
        summary.extend(more);
    }
    summary
}
