//! Whether a pool would do, asked step by step: what `adit doctor` reports.

use std::time::Duration;

use adit_core::{PoolInput, Share};
use adit_driver::{Job, PoolKey};
use adit_protocol::units::HashRate;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use super::{Dialer, Upstream};
use crate::{ConnectError, PoolConfig};

/// Inputs that may wait: a login and its first job are a handful.
const INPUTS: usize = 16;

/// What one step found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `name`, `port`, `tls`, `login` or `difficulty`, in this order; the first that fails is the last.
    pub check: &'static str,
    /// The step went well.
    pub ok: bool,
    /// What was found; for a step that failed why, and what to do.
    pub detail: String,
    /// Header time of the job that came, seconds since 1970: what the clock of the pool says.
    pub ntime: Option<u32>,
}

impl Finding {
    fn good(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, ok: true, detail: detail.into(), ntime: None }
    }

    fn bad(check: &'static str, why: &impl ToString) -> Self {
        Self { check, ok: false, detail: why.to_string(), ntime: None }
    }
}

/// Connects to a pool as mining does, logs in, waits for a job and leaves, within `patience`. Nothing is submitted.
pub async fn check_pool(config: &PoolConfig, patience: Duration) -> Vec<Finding> {
    let until = Instant::now() + patience;
    let mut findings = Vec::new();
    if reach(config, until, &mut findings).await {
        talk(config, until, &mut findings).await;
    }
    findings
}

/// Name, port and TLS; answers whether there is a connection.
async fn reach(config: &PoolConfig, until: Instant, findings: &mut Vec<Finding>) -> bool {
    let dialer = match Dialer::new(config) {
        Ok(dialer) => dialer,
        Err(error) => {
            findings.push(Finding::bad("tls", &error));
            return false;
        }
    };
    let begun = Instant::now();
    let dialled = timeout_at(until, dialer.dial(config.host.clone(), config.port, 0)).await;
    let outcome = dialled.unwrap_or(Err(ConnectError::TimedOut)).map(drop);
    let name = if config.proxy.is_some() { "resolved by the proxy" } else { "has an address" };
    let name = Finding::good("name", format!("{} {name}", config.host));
    let port = |detail: &str| Finding::good("port", format!("port {} is open{detail}", config.port));
    match outcome {
        Ok(()) => {
            let latency = format!(", connected in {} ms", begun.elapsed().as_millis());
            findings.extend([name, port(&latency)]);
            if config.tls.is_some() {
                findings
                    .push(Finding::good("tls", "the connection is encrypted with a key that is believed"));
            }
            true
        }
        Err(error @ ConnectError::UnknownHost) => {
            findings.push(Finding::bad("name", &error));
            false
        }
        Err(error @ ConnectError::Tls(_)) => {
            findings.extend([name, port(""), Finding::bad("tls", &error)]);
            false
        }
        Err(error) => {
            findings.extend([name, Finding::bad("port", &error)]);
            false
        }
    }
}

/// Login and first job.
async fn talk(config: &PoolConfig, until: Instant, findings: &mut Vec<Finding>) {
    let upstream = match Upstream::new(PoolKey(0), config, 0) {
        Ok(upstream) => upstream,
        Err(error) => return findings.push(Finding::bad("login", &error)),
    };
    let begun = Instant::now();
    let (shares, receiver) = mpsc::channel::<Share>(1);
    let (sender, mut inputs) = mpsc::channel(INPUTS);
    let (_nothing, promised) = watch::channel(HashRate(0.0));
    let session = tokio::spawn(upstream.run(begun, receiver, sender, promised));
    let mut logged_in = false;
    while let Ok(Some((_, input))) = timeout_at(until, inputs.recv()).await {
        match input {
            PoolInput::Up { .. } => {
                logged_in = true;
                let detail = format!("accepted in {} ms", begun.elapsed().as_millis());
                findings.push(Finding::good("login", detail));
            }
            PoolInput::Job(job) => {
                let found = Finding::good("difficulty", of_job(&job));
                findings.push(Finding { ntime: Some(job.ntime), ..found });
                break;
            }
            PoolInput::Notice { text, warning: true } => {
                let Some((why, _)) = text.split_once("; next attempt") else { continue }; // the session goes on
                findings.push(Finding::bad(step(logged_in), &why));
                break;
            }
            _ => {}
        }
    }
    if findings.last().is_none_or(|last| last.ok && last.check != "difficulty") {
        let what = if logged_in { "no job" } else { "no answer to the login" };
        let why = format!("{what} in time; check that this is a mining pool");
        findings.push(Finding::bad(step(logged_in), &why));
    }
    drop((shares, inputs)); // the session closes its connection in good order
    let _ = session.await; // it has nothing to say any more
}

/// The step that comes next.
fn step(logged_in: bool) -> &'static str {
    if logged_in { "difficulty" } else { "login" }
}

fn of_job(job: &Job) -> String {
    let height = job.height().map(|height| format!(", works on block {height}")).unwrap_or_default();
    format!("shares of difficulty {}{height}", job.share_target.difficulty())
}
