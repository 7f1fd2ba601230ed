//! Mining: one task owns the core, one each pool session, one each open device. Nobody waits for anybody.

mod clerk;
mod ears;
mod fleet;
mod guests;
mod hotplug;
mod operator;
pub(crate) mod plan;
mod progress;
pub(crate) mod signals;
mod tuned;
mod views;
mod voice;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adit_core::PoolInput;
use adit_driver::{DeviceKey, PoolKey, Report};
use adit_link::{Recorder, Roots, scan};
use adit_protocol::units::HashRate;
use adit_upstream::io::Upstream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};

use crate::config;
use crate::failure::Failure;
use crate::limits;
use crate::service;
use crate::summary::Summary;
use crate::terminal;
use ears::{Ears, Floods};
use fleet::Fleet;
use operator::{Left, Lines, Operator};
use plan::Plan;
pub(crate) use signals::Signals;
use tuned::Results;
use views::Views;

/// Reports of all devices that may wait for the core; beyond that they wait in the devices' tasks.
const REPORTS: usize = 1_024;
/// Inputs of all pools that may wait for the core; beyond that they wait in the sockets.
const INPUTS: usize = 256;
/// Shares on their way to a pool's session, which takes them whatever its pool does and drops the oldest when they are too many.
const SHARES: usize = 1_024;
/// Renewal of the status line.
const GLANCE: Duration = Duration::from_secs(1);
/// The same line in a log.
const REMINDER: Duration = Duration::from_secs(60);
/// How long links may take to close after the core is gone.
const LAST_LINKS: Duration = Duration::from_secs(3);
/// How long pool connections may take to close.
const LAST_POOLS: Duration = Duration::from_secs(1);
/// How long the end may take beside the time that devices have to become safe: answers of pools, links, connections, threads.
const AFTER_SAFE: Duration = Duration::from_secs(7);

/// Mines until the goal is reached or a signal comes. The hardware is safe when it returns, whatever it returns, unless a second
/// signal came.
pub(crate) async fn run(plan: Plan, seed: u64, signals: Signals) -> Result<Summary, Failure> {
    let origin = Instant::now();
    let found = scan(&Roots::default());
    let named = plan.named(&found)?;
    let guests = plan.listen.as_ref().map_or(0, |listen| usize::from(listen.per_address));
    limits::make_room_for(named.len().max(found.len()) + guests);
    let (views, commands) = Views::open(&plan.views, &plan.pools)?;
    let record = plan.record.record.clone();
    let recorder = record.as_deref().map(|path| start_recording(path, plan.record.limit())).transpose()?;

    let (report_sender, reports) = mpsc::channel::<(DeviceKey, Report)>(REPORTS);
    let (input_sender, inputs) = mpsc::channel::<(PoolKey, PoolInput)>(INPUTS);
    let (open, mut all_closed) = mpsc::channel::<()>(1);
    let promised = watch::Sender::new(HashRate(0.0));
    let mut sessions = JoinSet::new();
    let mut pools = Vec::new();
    for (key, config) in (0..).map(PoolKey).zip(&plan.pools) {
        let (sender, shares) = mpsc::channel(SHARES);
        let upstream =
            Upstream::new(key, config, seed.wrapping_add(u64::from(key.0))).map_err(Failure::usage)?;
        sessions.spawn(upstream.run(origin, shares, input_sender.clone(), promised.subscribe()));
        pools.push(Some(sender));
    }
    let guests = plan.listen.as_ref().map(|listen| {
        let refuse = |why| Failure::usage(anyhow::anyhow!("--listen {}: {why}", listen.address));
        guests::listen(listen).map_err(refuse)
    });
    let guests = guests.transpose()?;
    let wishes = clerk::start(commands, plan.source.clone())?;
    let lines = Lines { origin, seed, inputs: input_sender, promised };
    let hotplug = hotplug::watch()?;
    // A plan from nowhere is a demonstration: nothing of it is kept.
    let state = plan.source.as_ref().and_then(|_| config::state_folder());
    let results = Results::read(state);
    let fleet = Fleet::new(origin, report_sender, open, recorder.clone(), results);
    let ears = Ears {
        signals,
        glance: every(if terminal::is_interactive() { GLANCE } else { REMINDER }),
        sample: views.are_wanted().then(|| every(views::SAMPLE)),
        beat: service::period().map(every),
        sessions,
        hotplug,
        guests,
        wishes,
        floods: Floods::new(inputs, reports),
    };
    let operator = Operator::new(plan, lines, fleet, pools, views, named, &found);
    let outcome = tokio::spawn(operator.run(ears)).await;
    terminal::clear();
    let hurried = outcome.as_ref().is_ok_and(|left| left.hurried);
    // The operator is gone, and with it every mailbox: a task that is still there makes its hardware safe and ends.
    if !hurried && timeout(LAST_LINKS, all_closed.recv()).await.is_err() {
        tracing::error!("not every device could be closed in good order");
    }
    if let (Some(recorder), Some(path)) = (recorder, &record)
        && let Err(error) = recorder.close()
    {
        tracing::error!("{}: the recording is not complete: {error}", path.display());
    }
    match outcome {
        Ok(Left { result, mut sessions, .. }) => {
            let last = if hurried { Duration::ZERO } else { LAST_POOLS };
            let _ = timeout(last, async { while sessions.join_next().await.is_some() {} }).await; // cut off
            result
        }
        Err(_) => Err(Failure::run(anyhow::anyhow!(
            "the controller broke down, a mistake in adit: please report what stands above; the devices were stopped"
        ))),
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

fn start_recording(path: &Path, limit: u64) -> Result<Arc<Recorder>, Failure> {
    let refuse = |error| anyhow::anyhow!("--record {}: cannot be written: {error}", path.display());
    Recorder::create(path, limit).map(Arc::new).map_err(|error| Failure::usage(refuse(error)))
}
