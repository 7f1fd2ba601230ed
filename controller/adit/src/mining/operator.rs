//! The task that owns the core: what happens outside goes in, what the core wants is carried out.

use std::time::Duration;

use adit_core::{Answer, Core, Effect, Notice, PoolInput, Share};
use adit_driver::{DeviceKey, Fault, LinkError, PoolKey, Report};
use adit_link::{Change, Found};
use adit_protocol::wire::Micros;
use adit_upstream::PoolConfig;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};
use tracing::{info, warn};

use super::fleet::Fleet;
use super::plan::{Plan, Wanted};
use super::signals::Signals;
use super::views::{self, Views};
use super::{progress, voice};
use crate::failure::Failure;
use crate::output::printable;
use crate::summary::Summary;
use crate::terminal;

/// Renewal of the status line.
const GLANCE: Duration = Duration::from_secs(1);
/// The same line in a log.
const REMINDER: Duration = Duration::from_secs(60);
/// How long answers of pools are waited for once the hardware is safe.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Everything that can happen.
pub(super) struct Ears {
    pub(super) signals: Signals,
    pub(super) reports: mpsc::Receiver<(DeviceKey, Report)>,
    pub(super) inputs: mpsc::Receiver<(PoolKey, PoolInput)>,
    pub(super) sessions: JoinSet<()>,
    pub(super) hotplug: mpsc::Receiver<Change>,
}

pub(super) struct Operator {
    core: Core,
    origin: Instant,
    fleet: Fleet,
    pools: Vec<mpsc::Sender<Share>>,
    views: Views,
    configs: Vec<PoolConfig>,
    plan: Plan,
    /// Devices the user named by where they are.
    named: Vec<DeviceKey>,
    /// Those of them that could not even be opened the first time, and why.
    refused: Vec<(DeviceKey, LinkError)>,
    /// A pool has been up.
    reached: bool,
    /// What a pool complained of last.
    complaint: Option<String>,
    ending: Option<Ending>,
}

/// The run is coming to its end.
struct Ending {
    result: Result<Summary, Failure>,
    /// The hardware is safe by then, or will not be.
    by: Instant,
    /// Answers of pools are no longer waited for then.
    patience: Instant,
}

impl Operator {
    pub(super) fn new(
        plan: Plan,
        origin: Instant,
        fleet: Fleet,
        pools: Vec<mpsc::Sender<Share>>,
        views: Views,
        named: Vec<Wanted>,
        found: &[Found],
    ) -> Self {
        let core = Core::new(plan.policy.clone(), pools.len() as u16); // as many as PoolKey counts
        let configs = plan.pools.clone();
        let mut operator = Self {
            core,
            origin,
            fleet,
            pools,
            views,
            configs,
            plan,
            named: Vec::new(),
            refused: Vec::new(),
            reached: false,
            complaint: None,
            ending: None,
        };
        for wanted in named {
            let key = operator.attach(wanted);
            if !operator.named.contains(&key) {
                operator.named.push(key);
            }
        }
        let automatic = operator.plan.devices.is_empty() && found.iter().any(Found::automatic);
        if operator.named.is_empty() && !automatic {
            info!(
                "no device to mine with is plugged in: waiting for one (`adit devices` lists what is there)"
            );
        }
        operator
    }

    fn now(&self) -> Micros {
        Micros(u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// Works until the end. The sessions come back, to be closed in good order when the shares' senders are gone.
    pub(super) async fn run(mut self, mut ears: Ears) -> (Result<Summary, Failure>, JoinSet<()>) {
        let interactive = terminal::is_interactive();
        let mut glance = glances(if interactive { GLANCE } else { REMINDER });
        let mut sample = glances(views::SAMPLE);
        loop {
            self.carry_out();
            self.consider();
            if let Some(result) = self.ended() {
                return (result, ears.sessions);
            }
            let wake = self.wake_at();
            tokio::select! {
                biased;
                () = ears.signals.next() => self.interrupted(),
                Some((device, report)) = ears.reports.recv() => {
                    if report == Report::Up {
                        self.fleet.is_up(device);
                    }
                    self.core.on_report(self.now(), device, report);
                }
                Some((pool, input)) = ears.inputs.recv() => {
                    self.reached |= matches!(input, PoolInput::Up { .. });
                    self.core.on_pool(self.now(), pool, input);
                }
                Some(change) = ears.hotplug.recv() => self.on_change(change),
                Some(_) = ears.sessions.join_next() => self.end(Err(Failure::run(anyhow::anyhow!(
                    "a pool session broke down, a mistake in adit: please report what stands above"
                )))),
                () = sleep_until(wake.unwrap_or(self.origin)), if wake.is_some() => {
                    self.core.on_timer(self.now());
                }
                _ = sample.tick(), if self.views.are_wanted() => self.views.sample(self.now(), &self.core),
                _ = glance.tick() => {
                    let line = progress::line(&self.core, self.now(), &self.configs);
                    if interactive { terminal::show(&line) } else { info!("{line}") }
                }
            }
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        let core = self.core.deadline().and_then(|at| self.origin.checked_add(Duration::from_micros(at.0)));
        let ending = self.ending.as_ref().map(|it| if self.core.is_stopped() { it.patience } else { it.by });
        core.into_iter().chain(ending).min()
    }

    /// Does what the core wants.
    fn carry_out(&mut self) {
        while let Some(effect) = self.core.next_effect() {
            match effect {
                Effect::Order(device, order) => self.fleet.order(device, order),
                Effect::Open(device) => self.fleet.open(device),
                Effect::Submit(pool, share) => self.submit(pool, share),
                Effect::Notice(notice) => self.notice(&notice),
            }
        }
    }

    /// A session that is so far behind loses the share.
    fn submit(&mut self, pool: PoolKey, share: Share) {
        let key = share.key;
        let taken =
            self.pools.get(usize::from(pool.0)).is_some_and(|session| session.try_send(share).is_ok());
        if !taken {
            let lost = PoolInput::Answer { share: key, answer: Answer::Lost, latency: Duration::ZERO };
            self.core.on_pool(self.now(), pool, lost);
        }
    }

    fn notice(&mut self, notice: &Notice) {
        let now = self.now();
        voice::say(&self.core, now, &self.configs, notice);
        self.views.notice(now, &self.core, notice);
        match notice {
            Notice::Fault { device, fault: Fault::Link(why), .. }
                if self.named.contains(device)
                    && !self.fleet.has_been_up(*device)
                    && self.refused.iter().all(|(refused, _)| refused != device) =>
            {
                self.refused.push((*device, *why));
            }
            Notice::PoolSays { text, warning: true, .. } => {
                let what = text.split_once("; next attempt").map_or(text.as_str(), |(what, _)| what);
                self.complaint = Some(what.to_owned());
            }
            _ => {}
        }
    }

    /// Whether it is time to end.
    fn consider(&mut self) {
        if self.ending.is_some() {
            return;
        }
        let accepted: u64 = self.core.pools().map(|pool| pool.shares.accepted).sum();
        if self.plan.goal.is_some_and(|goal| accepted >= goal) {
            return self.end(Ok(Summary::of(&self.core, self.now())));
        }
        if !self.named.is_empty() && self.refused.len() == self.named.len() {
            let reasons: Vec<_> =
                self.refused.iter().map(|(device, why)| self.refusal(*device, *why)).collect();
            self.end(Err(Failure::run(anyhow::anyhow!("{}", reasons.join("; ")))));
        }
    }

    fn refusal(&self, key: DeviceKey, why: LinkError) -> String {
        let location = self.core.devices(self.now()).find(|device| device.key == key);
        let location = location.map(|device| device.detected.location.clone()).unwrap_or_default();
        let fix = match why {
            LinkError::NotFound => "`adit devices` lists what is plugged in",
            LinkError::Denied => "`adit devices` says what gives you permission",
            LinkError::Busy => "stop that program, or name another device",
            _ => "name a serial port or a socket",
        };
        format!("{location}: {why}; {fix}")
    }

    fn interrupted(&mut self) {
        if self.ending.is_some() {
            terminal::clear();
            std::process::exit(1); // the user does not want to wait
        }
        info!("stopping: making the devices safe");
        let result = match self.complaint.take() {
            Some(complaint) if !self.reached => {
                Err(Failure::run(anyhow::anyhow!("no pool could be used: {complaint}")))
            }
            _ => Ok(Summary::of(&self.core, self.now())),
        };
        self.end(result);
    }

    /// Begins the end: hardware first.
    fn end(&mut self, result: Result<Summary, Failure>) {
        if self.ending.is_some() {
            return;
        }
        let (now, by) = (self.now(), Instant::now() + self.plan.stop_within);
        self.core.stop(now, now + self.plan.stop_within);
        // A device's own deadline comes first, its last report after.
        let ending =
            Ending { result, by: by + Duration::from_millis(500), patience: Instant::now() + LAST_ANSWERS };
        self.ending = Some(ending);
        self.carry_out();
    }

    /// The result, once the hardware is safe and the pools have answered, or had the time to.
    fn ended(&mut self) -> Option<Result<Summary, Failure>> {
        let ending = self.ending.as_ref()?;
        let now = Instant::now();
        let answered = self.core.pools().all(|pool| pool.shares.pending == 0 || pool.up_since.is_none());
        let over = self.core.is_stopped() && (answered || now >= ending.patience);
        if !over && now < ending.by {
            return None;
        }
        self.ending.take().map(|ending| ending.result)
    }

    fn attach(&mut self, wanted: Wanted) -> DeviceKey {
        let key = self.core.attach(self.now(), &wanted.detected);
        self.fleet.place(key, wanted);
        key
    }

    fn on_change(&mut self, change: Change) {
        match change {
            Change::Left(found) => {
                if let Some(key) = self.fleet.key_at(&found) {
                    self.core.detach(self.now(), key);
                }
            }
            Change::Arrived(found) => self.arrived(&found),
            // Our own lock makes a device busy: what is known here is left alone.
            Change::Access(found) if self.fleet.key_at(&found).is_none() => self.arrived(&found),
            Change::Access(_) => {}
        }
    }

    fn arrived(&mut self, found: &Found) {
        let wanted = match self.plan.plugged(found) {
            Some(Ok(wanted)) => Some(wanted),
            Some(Err(error)) => return warn!("{error}"),
            None => self.fleet.moved_to(found),
        };
        let name = printable(&found.name);
        match wanted.map(|wanted| wanted.check().map(|()| wanted)) {
            Some(Ok(wanted)) => {
                self.attach(wanted);
            }
            Some(Err(error)) => warn!("{error}"),
            // The user has named devices, and this is none of them.
            None if !self.plan.devices.is_empty() => {}
            None => {
                let fix = found.fix.as_deref().map(printable).unwrap_or_default();
                match found.access.name() {
                    "ambiguous" => {
                        info!("{name} at {} may be a miner: name it with --device {fix}", found.location)
                    }
                    access => warn!("{name} at {} is not used, access {access}: {fix}", found.location),
                }
            }
        }
    }
}

fn glances(period: Duration) -> Interval {
    let mut glance = interval_at(Instant::now() + period, period);
    glance.set_missed_tick_behavior(MissedTickBehavior::Skip);
    glance
}
