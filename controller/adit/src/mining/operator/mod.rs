//! The task that owns the core: what happens outside goes in, what the core wants is carried out.

mod ending;
mod steering;

use std::collections::BTreeMap;
use std::time::Duration;

use adit_core::{Answer, Core, Effect, Notice, PoolInput, Share, State};
use adit_driver::{Detected, DeviceKey, Fault, LinkError, PoolKey, Report};
use adit_link::{Change, Found};
use adit_protocol::devices::DOWNSTREAM;
use adit_protocol::units::HashRate;
use adit_protocol::wire::Micros;
use adit_telemetry::Unused;
use adit_upstream::PoolConfig;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::{info, warn};

use self::steering::Steering;
use super::ears::{Ears, Heard};
use super::fleet::Fleet;
use super::guests::Guest;
use super::plan::{Plan, Wanted};
use super::views::Views;
use super::{progress, voice};
use crate::failure::Failure;
use crate::output::printable;
use crate::service;
use crate::summary::Summary;
use crate::terminal;
pub(super) use ending::Left;
use ending::{Ending, How};

pub(super) struct Operator {
    core: Core,
    lines: Lines,
    fleet: Fleet,
    /// To the sessions of all pools there ever were; `None`: its session is to end, or has ended.
    pools: Vec<Option<mpsc::Sender<Share>>>,
    views: Views,
    configs: Vec<PoolConfig>,
    steering: Steering,
    plan: Plan,
    /// There is a terminal with a status line.
    interactive: bool,
    /// What is plugged in and not used, by where it is.
    unused: BTreeMap<String, Unused>,
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

/// What a new session of a pool needs.
pub(super) struct Lines {
    /// What the core calls zero.
    pub(super) origin: Instant,
    pub(super) seed: u64,
    pub(super) inputs: mpsc::Sender<(PoolKey, PoolInput)>,
    /// What the devices that work should do together.
    pub(super) promised: watch::Sender<HashRate>,
}

impl Operator {
    pub(super) fn new(
        plan: Plan,
        lines: Lines,
        fleet: Fleet,
        pools: Vec<Option<mpsc::Sender<Share>>>,
        views: Views,
        named: Vec<Wanted>,
        found: &[Found],
    ) -> Self {
        let mut core = Core::new(plan.policy.clone(), pools.len() as u16); // as many as PoolKey counts
        for (key, pool) in (0..).map(PoolKey).zip(&plan.pools) {
            core.set_quota(key, pool.quota);
            core.enable_pool(Micros(0), key, pool.enabled);
        }
        let configs = plan.pools.clone();
        let mut operator = Self {
            core,
            lines,
            fleet,
            pools,
            views,
            configs,
            steering: Steering::default(),
            plan,
            interactive: terminal::is_interactive(),
            unused: BTreeMap::new(),
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
        if operator.configs.is_empty() {
            info!("there is no pool yet: the dashboard asks for one");
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
        Micros(u64::try_from(self.lines.origin.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// Works until the end.
    pub(super) async fn run(mut self, mut ears: Ears) -> Left {
        self.views.sample(self.now(), &self.core); // whoever looks early sees what there is
        service::is_ready(&self.progress(usize::MAX));
        loop {
            self.carry_out();
            self.consider();
            if let Some((result, hurried)) = self.ended() {
                return Left { result, sessions: ears.sessions, hurried };
            }
            match ears.next(self.wake_at()).await {
                Heard::Signal => self.interrupted(),
                Heard::Time => self.core.on_timer(self.now()),
                Heard::Glance => self.show_progress(),
                Heard::Beat => service::is_well(&self.progress(usize::MAX)),
                Heard::Sample => self.views.sample(self.now(), &self.core),
                Heard::SessionEnded if self.steering.ended_as_wanted() => {}
                Heard::SessionEnded => self.end(How::Failed(Failure::run(anyhow::anyhow!(
                    "a pool session broke down, a mistake in adit: please report what stands above"
                )))),
                Heard::Wish(wish) => {
                    self.fulfil(wish, &mut ears.sessions);
                    self.views.sample(self.now(), &self.core); // whoever asked looks next
                }
                Heard::Plugged(change) => self.on_change(change),
                Heard::Guest(guest) => self.let_in(guest),
                Heard::Pool(pool, input) => {
                    self.reached |= matches!(input, PoolInput::Up { .. });
                    self.core.on_pool(self.now(), pool, input);
                }
                Heard::Device(device, report) => {
                    if report == Report::Up {
                        self.fleet.is_up(device);
                    }
                    self.core.on_report(self.now(), device, report);
                }
            }
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        let core =
            self.core.deadline().and_then(|at| self.lines.origin.checked_add(Duration::from_micros(at.0)));
        core.into_iter().chain(self.ending.as_ref().map(Ending::wake_at)).min()
    }

    fn show_progress(&self) {
        match self.interactive {
            true => terminal::show(self.progress(terminal::width())),
            false => info!("{}", self.progress(usize::MAX)),
        }
    }

    fn progress(&self, width: usize) -> String {
        progress::line(&self.core, self.now(), &self.configs, width)
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

    /// A session whose task has not run for so many shares loses the share.
    fn submit(&mut self, pool: PoolKey, share: Share) {
        let key = share.key;
        let taken = self
            .pools
            .get(usize::from(pool.0))
            .is_some_and(|session| session.as_ref().is_some_and(|session| session.try_send(share).is_ok()));
        if !taken {
            let lost = PoolInput::Answer { share: key, answer: Answer::Lost, latency: Duration::ZERO };
            self.core.on_pool(self.now(), pool, lost);
        }
    }

    fn notice(&mut self, notice: &Notice) {
        let now = self.now();
        voice::say(&self.core, now, &self.configs, notice);
        self.views.notice(now, &self.core, notice);
        self.steering.notice(notice);
        if let Notice::Hashing(_) | Notice::Fault { .. } | Notice::Unplugged(_) | Notice::Paused(..) = notice
        {
            let rate = self.core.promised();
            self.lines.promised.send_if_modified(|old| std::mem::replace(old, rate) != rate);
        }
        match notice {
            Notice::Fault { device, fault: Fault::Link(why), .. }
                if self.named.contains(device)
                    && !self.fleet.has_been_up(*device)
                    && self.refused.iter().all(|(refused, _)| refused != device) =>
            {
                self.refused.push((*device, *why));
            }
            Notice::Tuned(device, tuned) => self.fleet.tuned(*device, tuned),
            Notice::PoolSays { text, warning: true, .. } => {
                let what = text.split_once("; next attempt").map_or(text.as_str(), |(what, _)| what);
                self.complaint = Some(what.to_owned());
            }
            _ => {}
        }
    }

    /// Whether it is time to end.
    fn consider(&mut self) {
        self.let_go();
        if self.ending.is_some() {
            return;
        }
        let accepted: u64 = self.core.pools().map(|pool| pool.shares.accepted).sum();
        let all = || self.core.devices(self.now()).all(|device| device.shares.accepted > 0);
        if self.plan.goal.is_some_and(|goal| accepted >= goal) && (!self.plan.each || all()) {
            return self.end(How::Reached(Summary::of(&self.core, self.now())));
        }
        if !self.named.is_empty() && self.refused.len() == self.named.len() {
            let reasons: Vec<_> =
                self.refused.iter().map(|(device, why)| self.refusal(*device, *why)).collect();
            self.end(How::Failed(Failure::run(anyhow::anyhow!("{}", reasons.join("; ")))));
        }
    }

    fn refusal(&self, key: DeviceKey, why: LinkError) -> String {
        let location = self.core.device(self.now(), key);
        let location = location.map(|device| device.detected.location.clone()).unwrap_or_default();
        let fix = match why {
            LinkError::NotFound => "`adit devices` lists what is plugged in",
            LinkError::Denied => "`adit devices` says what gives you permission",
            LinkError::Busy => "stop that program, or name another device",
            _ => "name a serial port or a socket",
        };
        format!("{location}: {why}; {fix}")
    }

    fn attach(&mut self, wanted: Wanted) -> DeviceKey {
        let key = self.core.attach(self.now(), &wanted.detected);
        self.fleet.place(key, wanted);
        key
    }

    /// A miner that has connected gets the row of his place. One that the core wants left alone is sent away.
    fn let_in(&mut self, guest: Guest) {
        let detected = Detected {
            location: guest.place.location(),
            socket: None,
            usb: None,
            candidates: vec![&DOWNSTREAM],
            chosen: true,
        };
        let key = self.attach(self.plan.guest(detected));
        self.fleet.seat(key, guest);
        self.carry_out();
        self.fleet.send_away(key);
    }

    fn on_change(&mut self, change: Change) {
        let (Change::Arrived(found) | Change::Left(found) | Change::Access(found)) = &change;
        let was_unused = self.unused.remove(&found.location).is_some();
        let before = self.unused.len();
        self.change(change);
        if was_unused || self.unused.len() != before {
            self.views.unused(self.unused.values().cloned().collect());
        }
    }

    fn change(&mut self, change: Change) {
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
            None => {
                let state = |key| self.core.device(self.now(), key).map(|device| device.state);
                let is_absent = |key| matches!(state(key), Some(State::Away { .. } | State::Gone { .. }));
                self.fleet.moved_to(found, is_absent)
            }
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
                let unused = Unused {
                    name: name.clone(),
                    location: found.location.clone(),
                    access: found.access.name().to_owned(),
                    fix: found.fix.clone(),
                };
                self.unused.insert(found.location.clone(), unused);
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
