//! What users want while it runs: devices commanded, pools changed, the configuration taken over anew.

use std::time::Duration;

use adit_core::Notice;
use adit_driver::{Command, DeviceKey, PoolKey};
use adit_protocol::units::{Hertz, Volts};
use adit_protocol::wire::Micros;
use adit_telemetry::{Answer, Request};
use adit_upstream::PoolConfig;
use adit_upstream::io::Upstream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinSet, spawn_blocking};

use super::Operator;
use crate::mining::clerk::{Added, Shown, Wish};
use crate::mining::plan::Plan;
use crate::mining::{SHARES, voice};

/// Pools there may ever be in one run, those that were removed included: each keeps its row.
const MOST_POOLS: usize = 256;

/// Devices that had works of a removed pool in hand bring in what they find within so long.
const LAST_WORKS: Duration = Duration::from_secs(5);

type Reply = oneshot::Sender<Answer>;

/// What is under way.
#[derive(Default)]
pub(super) struct Steering {
    /// Commands whose devices have not answered yet, oldest first.
    waiting: Vec<Waiting>,
    /// Pools that were removed and whose last shares have no answer yet, and until when devices may still find some.
    leaving: Vec<(PoolKey, Micros)>,
    /// Sessions that were told to end and have not yet.
    ending: usize,
    /// What the user said of pools that he has added since the start.
    added: Vec<(PoolKey, Added)>,
}

struct Waiting {
    device: DeviceKey,
    /// What was asked, in words.
    what: String,
    command: Command,
    reply: Reply,
}

impl Steering {
    /// A session has ended; whether it was told to.
    pub(super) fn ended_as_wanted(&mut self) -> bool {
        self.ending.checked_sub(1).map(|left| self.ending = left).is_some()
    }

    /// A device may have answered.
    pub(super) fn notice(&mut self, notice: &Notice) {
        match notice {
            Notice::Obeyed(device, command) => {
                self.answer(*device, *command, |what| Answer::done(format!("done: {what}")));
            }
            Notice::Declined(device, command) => self.answer(*device, *command, |_| Answer::Unsupported {
                why: "the device cannot do this".to_owned(),
            }),
            Notice::Fault { device, .. }
            | Notice::Left(device)
            | Notice::Unplugged(device)
            | Notice::Paused(device, true) => {
                for gone in self.waiting.extract_if(.., |it| it.device == *device) {
                    let why = "the device stopped working before it could answer";
                    let _ = gone.reply.send(Answer::refused(why)); // whoever asked may have gone
                }
            }
            _ => {}
        }
    }

    fn answer(&mut self, device: DeviceKey, command: Command, answer: impl FnOnce(&str) -> Answer) {
        let first = self.waiting.iter().position(|it| it.device == device && it.command == command);
        if let Some(index) = first {
            let Waiting { what, reply, .. } = self.waiting.remove(index);
            let _ = reply.send(answer(&what)); // whoever asked may have gone
        }
    }
}

impl Operator {
    /// Does what a user wants, and answers him.
    pub(super) fn fulfil(&mut self, wish: Wish, sessions: &mut JoinSet<()>) {
        let (answer, reply) = match wish {
            Wish::Do { request, reply } => match self.command(&request) {
                Some((device, command)) => return self.pass_on(device, command, request.to_string(), reply),
                None => (self.obey(&request), reply),
            },
            Wish::Add { config, added, reply } => (self.add(*config, Some(added), sessions), reply),
            Wish::TakeOver { plan, reply } => (self.take_over(*plan, sessions), reply),
            Wish::Show { reply } => {
                let _ = reply.send(self.shown()); // the clerk may have gone
                return;
            }
        };
        let _ = reply.send(answer); // whoever asked may have gone
    }

    /// What a request means to a machine, and for which; `None`: it means nothing to machines, or there is no such device.
    fn command(&self, request: &Request) -> Option<(DeviceKey, Command)> {
        let command = match request {
            Request::Frequency { megahertz, .. } => Command::Frequency(Hertz::from_mhz(*megahertz)),
            Request::Voltage { volts, .. } => Command::Voltage(Volts(*volts)),
            Request::Fan { percent, .. } => Command::Fan(*percent),
            Request::Identify { .. } => Command::Identify,
            _ => return None,
        };
        Some((self.key_of(request.device()?)?, command))
    }

    fn key_of(&self, name: &str) -> Option<DeviceKey> {
        self.core.devices(self.now()).find(|row| row.name == name).map(|row| row.key)
    }

    fn pass_on(&mut self, device: DeviceKey, command: Command, what: String, reply: Reply) {
        self.steering.waiting.retain(|it| !it.reply.is_closed());
        match self.core.command(self.now(), device, command) {
            Ok(()) => self.steering.waiting.push(Waiting { device, what, command, reply }),
            Err(why) => {
                let _ = reply.send(Answer::refused(why.to_string())); // whoever asked may have gone
            }
        }
    }

    /// What the core does itself.
    fn obey(&mut self, request: &Request) -> Answer {
        let now = self.now();
        if let Some(name) = request.device() {
            let Some(key) = self.key_of(name) else {
                return Answer::Unknown { why: "there is no device of this name".to_owned() };
            };
            let (done, sentence) = match request {
                Request::Pause { .. } => (self.core.pause(now, key), "is paused"),
                Request::Resume { .. } => (self.core.resume(now, key), "may work again"),
                Request::Reset { .. } => (self.core.reset(now, key), "is being opened anew"),
                Request::ClearQuarantine { .. } => (self.core.clear_quarantine(now, key), "is tried again"),
                _ => return Answer::refused("this is for the device itself"), // and was passed on to it
            };
            return match done {
                Ok(()) => Answer::done(format!("{name} {sentence}")),
                Err(why) => Answer::refused(why.to_string()),
            };
        }
        match request {
            Request::OrderPools { pools } => self.order(pools),
            Request::EnablePool { pool } => self.on_pool(*pool, |it, key| {
                it.enable(key, true);
                Answer::done(format!("{} may be worked for", it.place(key)))
            }),
            Request::DisablePool { pool } => self.on_pool(*pool, |it, key| {
                if it.is_last(key) {
                    return Answer::refused("it is the last pool that may be worked for");
                }
                it.enable(key, false);
                Answer::done(format!("{} is worked for no more", it.place(key)))
            }),
            Request::SwitchPool { pool } => self.on_pool(*pool, |it, key| {
                it.enable(key, true);
                it.core.switch_to(now, key);
                Answer::done(format!("{} is the first choice", it.place(key)))
            }),
            Request::QuotaPool { pool, quota } => self.on_pool(*pool, |it, key| {
                it.core.set_quota(key, (*quota).into());
                it.configs[usize::from(key.0)].quota = (*quota).into();
                Answer::done(format!("{} has the quota {quota}", it.place(key)))
            }),
            Request::RemovePool { pool } => self.on_pool(*pool, |it, key| {
                if it.is_last(key) {
                    return Answer::refused("no other pool may be worked for");
                }
                it.remove(key);
                Answer::done(format!("{} is removed", it.place(key)))
            }),
            _ => Answer::refused("this cannot be done"), // the clerk has made another wish of all others
        }
    }

    /// Pools that were not removed, best first.
    fn living(&self) -> impl Iterator<Item = PoolKey> + '_ {
        let mut living: Vec<_> = self.core.pools().filter_map(|row| Some((row.priority?, row.key))).collect();
        living.sort_unstable();
        living.into_iter().map(|(_, key)| key)
    }

    /// Whether nothing could be worked for without this pool.
    fn is_last(&self, key: PoolKey) -> bool {
        self.core.pools().all(|row| row.priority.is_none() || !row.enabled || row.key == key)
    }

    fn on_pool(&mut self, pool: u16, act: impl FnOnce(&mut Self, PoolKey) -> Answer) -> Answer {
        let found = self.living().find(|key| key.0 == pool);
        match found {
            Some(key) => act(self, key),
            None => Answer::Unknown { why: format!("there is no pool {pool}") },
        }
    }

    fn place(&self, key: PoolKey) -> String {
        self.configs.get(usize::from(key.0)).map(voice::place).unwrap_or_default()
    }

    fn enable(&mut self, key: PoolKey, enabled: bool) {
        self.core.enable_pool(self.now(), key, enabled);
        self.configs[usize::from(key.0)].enabled = enabled;
    }

    fn order(&mut self, pools: &[u32]) -> Answer {
        let known = |number: &u32| self.living().find(|key| u32::from(key.0) == *number).ok_or(*number);
        let keys: Vec<_> = match pools.iter().map(known).collect::<Result<_, _>>() {
            Ok(keys) => keys,
            Err(stranger) => return Answer::Unknown { why: format!("there is no pool {stranger}") },
        };
        if (1..keys.len()).any(|index| keys[..index].contains(&keys[index])) {
            return Answer::refused("a pool is named twice");
        }
        self.core.set_order(self.now(), &keys);
        Answer::done("the pools have another order")
    }

    /// One more pool, and a session that keeps it.
    fn add(&mut self, config: PoolConfig, added: Option<Added>, sessions: &mut JoinSet<()>) -> Answer {
        if self.pools.len() >= MOST_POOLS {
            return Answer::refused(format!("there have been {MOST_POOLS} pools: start adit anew"));
        }
        let now = self.now();
        let key = self.core.add_pool(now);
        self.core.set_quota(key, config.quota);
        self.core.enable_pool(now, key, config.enabled);
        let (sender, mut shares) = mpsc::channel(SHARES);
        let (origin, inputs) = (self.lines.origin, self.lines.inputs.clone());
        let promised = self.lines.promised.subscribe();
        let (seed, wanted) = (self.lines.seed.wrapping_add(u64::from(key.0)), config.clone());
        sessions.spawn(async move {
            // Reading certificates can take a while; it has worked before.
            match spawn_blocking(move || Upstream::new(key, &wanted, seed)).await {
                Ok(Ok(upstream)) => upstream.run(origin, shares, inputs, promised).await,
                failed => {
                    tracing::error!("pool {}: it cannot be set up: {failed:?}", key.0);
                    while shares.recv().await.is_some() {}
                }
            }
        });
        self.pools.push(Some(sender));
        self.views.add_pool(&config);
        let sentence = format!("{} is added as pool {}", voice::place(&config), key.0);
        self.configs.push(config);
        self.steering.added.extend(added.map(|added| (key, added)));
        Answer::Done { sentence, pool: Some(key.0) }
    }

    fn remove(&mut self, key: PoolKey) {
        let now = self.now();
        self.core.remove_pool(now, key);
        self.steering.leaving.push((key, now + LAST_WORKS));
    }

    /// Ends the sessions of removed pools that have answered their last shares, those of works that were still in hand too.
    pub(super) fn let_go(&mut self) {
        if self.steering.leaving.is_empty() {
            return;
        }
        let now = self.now();
        let open = |key: PoolKey| self.core.pools().any(|row| row.key == key && row.shares.pending > 0);
        let leaving = self.steering.leaving.iter().copied();
        let (stay, go): (Vec<_>, Vec<_>) = leaving.partition(|(key, until)| now < *until || open(*key));
        self.steering.leaving = stay;
        for (key, _) in go {
            self.pools[usize::from(key.0)] = None;
            self.steering.ending += 1;
        }
    }

    /// Takes over what a configuration says of pools; pools that it has as they are now go on undisturbed.
    fn take_over(&mut self, plan: Plan, sessions: &mut JoinSet<()>) -> Answer {
        let mut old: Vec<PoolKey> = self.living().collect();
        let (mut order, mut added) = (Vec::new(), 0);
        for config in plan.pools {
            let same = |key: &PoolKey| {
                let known = &self.configs[usize::from(key.0)];
                *known == PoolConfig { quota: known.quota, enabled: known.enabled, ..config.clone() }
            };
            match old.iter().position(same) {
                Some(index) => {
                    let key = old.remove(index);
                    self.core.set_quota(key, config.quota);
                    self.enable(key, config.enabled);
                    self.configs[usize::from(key.0)] = config;
                    order.push(key);
                }
                None => match self.add(config, None, sessions) {
                    Answer::Done { pool: Some(pool), .. } => {
                        added += 1;
                        order.push(PoolKey(pool));
                    }
                    refused => return refused,
                },
            }
        }
        let (kept, removed) = (order.len() - added, old.len());
        old.into_iter().for_each(|key| self.remove(key));
        self.core.set_order(self.now(), &order);
        if plan.policy.strategy != self.plan.policy.strategy {
            self.core.set_strategy(self.now(), plan.policy.strategy);
        }
        (self.plan.policy, self.plan.overrides) = (plan.policy, plan.overrides);
        Answer::done(format!(
            "pools: {kept} kept, {added} added, {removed} removed; settings of devices hold from their next opening, \
             all else from the next start"
        ))
    }

    /// The pools as they are, best first.
    fn shown(&self) -> Vec<Shown> {
        let of = |key: PoolKey| {
            let added = self.steering.added.iter().find(|(of, _)| *of == key).map(|(_, added)| added.clone());
            Shown { config: self.configs[usize::from(key.0)].clone(), added }
        };
        self.living().map(of).collect()
    }
}
