//! `adit-sim pool`.

use adit_hw_sim::pool::{Pool, PoolEvent, Reject, ShareRecord, Tally};
use adit_hw_sim::report::printable;
use adit_hw_sim::serve::{ServedPool, epoch};
use adit_protocol::pow::Target;
use serde_json::{Value, json};

use super::args::PoolArgs;
use super::report::{self, line};
use super::serve::now;
use super::{Failure, told_to_stop};

/// Serves a pool until told to stop.
pub(crate) async fn run(args: PoolArgs) -> Result<(), Failure> {
    let pool = Pool::new(args.settings(epoch()), args.seed)?;
    let difficulty = pool.settings().difficulty;
    let begun = now();
    let mut served = ServedPool::start(pool, args.listen).await?;
    for chance in &args.faults {
        served.set_chance(chance.fault, chance.probability).await;
    }
    let url = format!("stratum+tcp://{}", served.address());
    let ready = json!({ "event": "ready", "url": url, "difficulty": difficulty });
    line(&if args.json { ready.to_string() } else { format!("{url} at difficulty {difficulty}") })?;

    let mut events = served.take_events();
    let stop = told_to_stop();
    tokio::pin!(stop);
    loop {
        let event = async {
            match &mut events {
                Some(events) => events.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            stopped = &mut stop => {
                stopped?;
                break;
            }
            event = event => match event {
                Some(event) if args.json => line(&object(&event).to_string())?,
                Some(event) => line(&sentence(&event))?,
                None => return Err(Failure::Task),
            },
        }
    }
    let tally = served.stop().await.ok_or(Failure::Task)?;
    let elapsed_s = begun.elapsed().as_secs_f64();
    let summary = report::tally(&tally, elapsed_s);
    Ok(line(&if args.json { summary.to_string() } else { summary_text(&tally, elapsed_s) })?)
}

fn object(event: &PoolEvent) -> Value {
    match event {
        PoolEvent::Authorized { conn, worker } => {
            json!({ "event": "authorized", "connection": conn.0, "worker": worker })
        }
        PoolEvent::LoginRefused { conn, worker } => {
            json!({ "event": "login_refused", "connection": conn.0, "worker": worker })
        }
        PoolEvent::Share(share) => json!({
            "event": "share",
            "connection": share.conn.0,
            "worker": share.worker,
            "job": share.job,
            "accepted": share.verdict.is_ok(),
            "reason": share.verdict.err().map(Reject::name),
            "code": share.verdict.err().map(Reject::code),
            "difficulty": share.difficulty,
            "share_difficulty": found_difficulty(share),
            "hash": share.hash.map(|hash| hash.to_string()),
            "block": share.block,
        }),
        PoolEvent::Block { hash } => json!({ "event": "block", "hash": hash.to_string() }),
        PoolEvent::Answer { conn, line } => json!({ "event": "answer", "connection": conn.0, "line": line }),
        PoolEvent::Dropped { conn, why } => {
            json!({ "event": "dropped", "connection": conn.0, "reason": why.name() })
        }
    }
}

fn sentence(event: &PoolEvent) -> String {
    match event {
        PoolEvent::Authorized { conn, worker } => format!("#{} {} logged in", conn.0, printable(worker)),
        PoolEvent::LoginRefused { conn, worker } => format!("#{} {} refused", conn.0, printable(worker)),
        PoolEvent::Share(share) => {
            let verdict = match share.verdict {
                Ok(()) => "accepted",
                Err(reject) => reject.text(),
            };
            let found = found_difficulty(share)
                .map(|found| format!(" at difficulty {found:.3e}"))
                .unwrap_or_default();
            let block = if share.block { ", a block" } else { "" };
            format!("#{} {}: {verdict}{found}{block}", share.conn.0, printable(&share.worker))
        }
        PoolEvent::Block { hash } => format!("new block {hash}"),
        PoolEvent::Answer { conn, line } => format!("#{} answered {}", conn.0, printable(line)),
        PoolEvent::Dropped { conn, why } => format!("#{} cut off: {}", conn.0, why.name()),
    }
}

/// Difficulty of the hash of a share.
fn found_difficulty(share: &ShareRecord) -> Option<f64> {
    share.hash.map(|hash| Target::from_hash(&hash).difficulty())
}

fn summary_text(tally: &Tally, elapsed_s: f64) -> String {
    let reasons: Vec<String> =
        tally.total.rejected.iter().map(|(reason, count)| format!("{count} {}", reason.name())).collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    format!(
        "{elapsed_s:.1} s: {} accepted, {} rejected{reasons}, {} blocks, {} connections, {} jobs",
        tally.total.accepted,
        tally.total.rejected_total(),
        tally.blocks,
        tally.connections,
        tally.jobs
    )
}
