//! What is kept: the last sample, the rates behind it, the last events and shares.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use adit_core::{Answer, Notice, State};
use adit_driver::{DeviceKey, Fault, LinkError, PoolKey, Verdict, Why};
use adit_protocol::devices::Model;
use adit_protocol::wire::Micros;

use crate::event::{Event, Kind, Outcome, Severity, ShareRow};
use crate::ring::Ring;
use crate::sample::{Identity, Sample};
use crate::snapshot::{Snapshot, Unused};
use crate::steer::AuditRow;
use crate::view;
use crate::windows::Windows;

/// Events kept.
const EVENTS: usize = 1_000;
/// Commands kept.
const COMMANDS: usize = 1_000;
/// Shares kept.
const SHARES: usize = 1_000;
/// So many failures within so much time are too many.
const OFTEN: usize = 3;
const LATELY: Duration = Duration::from_secs(600);
/// Rows in which the same thing happens over and over say so at most once in this time.
const QUIET_S: f64 = 10.0;

/// What is known of a pool from the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolFacts {
    /// `host:port`.
    pub place: String,
    /// Its URL, without user name and password.
    pub url: String,
    /// Who we are there.
    pub user: String,
}

/// Turns the controller's time into that of the calendar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    /// The controller's zero, in seconds since 1970.
    pub zero_unix_s: f64,
}

impl Clock {
    /// `at` in seconds since 1970, to the millisecond.
    pub fn unix_s(self, at: Micros) -> f64 {
        ((self.zero_unix_s + at.as_secs_f64()) * 1e3).round() / 1e3
    }
}

/// What telemetry knows of one device beside the sample.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    /// Its name over restarts.
    pub(crate) id: String,
    pub(crate) windows: Windows,
    /// It has failed since it last worked.
    failed: bool,
    /// When it last failed, in seconds since 1970.
    pub(crate) failed_at: Option<f64>,
    /// When it failed the last few times.
    failures: VecDeque<Micros>,
    /// When a refused share of it was last an event.
    refused_at: Option<f64>,
}

impl Row {
    /// It fails over and over, though it may be at work just now.
    pub(crate) fn keeps_failing(&self, now: Micros) -> bool {
        self.failures.len() == OFTEN && self.failures.front().is_some_and(|first| now.since(*first) <= LATELY)
    }
}

/// Everything that views are made of.
#[derive(Debug)]
pub struct Ledger {
    pub(crate) clock: Clock,
    pub(crate) pools: Vec<PoolFacts>,
    pub(crate) unused: Vec<Unused>,
    pub(crate) rows: Vec<Row>,
    pub(crate) sample: Option<Arc<Sample>>,
    pub(crate) blocks: u64,
    pub(crate) best_ever: Option<f64>,
    pub(crate) dropped: u64,
    best_session: f64,
    ids: BTreeSet<String>,
    events: Ring<Event>,
    shares: Ring<ShareRow>,
    audit: Ring<AuditRow>,
    shown: Option<Arc<Snapshot>>,
}

impl Ledger {
    /// Nothing has happened yet. `best_ever`: the best difficulty of earlier runs, 0 if there was none; `None` where nobody
    /// remembers.
    pub fn new(clock: Clock, pools: Vec<PoolFacts>, best_ever: Option<f64>) -> Self {
        let mut ledger = Self {
            clock,
            pools,
            unused: Vec::new(),
            rows: Vec::new(),
            sample: None,
            blocks: 0,
            best_ever,
            dropped: 0,
            best_session: 0.0,
            ids: BTreeSet::new(),
            events: Ring::new(EVENTS),
            shares: Ring::new(SHARES),
            audit: Ring::new(COMMANDS),
            shown: None,
        };
        ledger.event(Micros(0), Kind::Started, Severity::Info, None, None, "adit has begun to mine".into());
        ledger
    }

    /// Takes the newest sample.
    pub fn take(&mut self, sample: Arc<Sample>) {
        for (index, device) in sample.devices.iter().enumerate() {
            if index == self.rows.len() {
                let id = unique(&self.ids, &device.identity);
                self.ids.insert(id.clone());
                self.rows.push(Row { id, ..Row::default() });
            }
            if device.begun {
                self.rows[index].windows.mark(sample.at, device.done, device.tally.valid());
            }
        }
        let best = sample.devices.iter().filter_map(|device| Some((device.best_difficulty?, device)));
        if let Some((difficulty, device)) = best.max_by(|a, b| a.0.total_cmp(&b.0)) {
            self.consider_best(sample.at, difficulty, &device.identity.name);
        }
        self.sample = Some(sample);
        self.shown = None;
    }

    /// Something new is best: an event, once there was something to compare with.
    fn consider_best(&mut self, at: Micros, difficulty: f64, device: &str) {
        let known = self.best_ever.unwrap_or(self.best_session).max(self.best_session);
        if difficulty <= self.best_session {
            return;
        }
        self.best_session = difficulty;
        if self.best_ever.is_some_and(|best| difficulty > best) {
            self.best_ever = Some(difficulty);
        }
        if difficulty > known && known > 0.0 {
            let sentence =
                format!("{device} has found the best share so far, of difficulty {}", short(difficulty));
            self.event(at, Kind::BestDifficulty, Severity::Info, Some(device.to_owned()), None, sentence);
        }
    }

    /// Events came faster than they could be kept.
    pub fn lost(&mut self, at: Micros, count: u64) {
        self.dropped += count;
        let sentence = format!("{count} events came faster than they could be kept");
        self.event(at, Kind::EventsDropped, Severity::Warning, None, None, sentence);
    }

    /// Time of the newest sample, in seconds since 1970.
    pub(crate) fn now_unix_s(&self) -> f64 {
        self.clock.unix_s(self.sample.as_ref().map_or(Micros(0), |sample| sample.at))
    }

    /// Something happened at `at`.
    pub fn on_notice(&mut self, at: Micros, notice: &Notice) {
        match notice {
            Notice::Arrived(key) => {
                self.of_device(at, Kind::DevicePlugged, Severity::Info, *key, "was plugged in")
            }
            Notice::Unplugged(key) => self.unplugged(at, *key),
            Notice::Left(key) => self.of_device(
                at,
                Kind::DeviceLeft,
                Severity::Warning,
                *key,
                "has left and has not come back",
            ),
            Notice::Hashing(key) => self.hashing(at, *key),
            Notice::Fault { device, fault: Fault::Link(LinkError::Gone), .. } => self.unplugged(at, *device),
            Notice::Fault { device, fault, retry_at } => self.fault(at, *device, *fault, *retry_at),
            Notice::Moved { device, to, why } => {
                let slower = matches!(why, Why::Warm { .. } | Why::Power { .. } | Why::Fault);
                let severity = if slower { Severity::Warning } else { Severity::Info };
                self.of_device(at, Kind::DeviceMoved, severity, *device, &format!("now runs {to}: {why}"));
            }
            Notice::Tuned(key, tuned) => {
                let what = format!("is tuned to {}: {}", tuned.point, tuned.rate);
                self.of_device(at, Kind::DeviceTuned, Severity::Info, *key, &what);
            }
            Notice::Declined(key, command) => {
                self.of_device(
                    at,
                    Kind::CommandDeclined,
                    Severity::Warning,
                    *key,
                    &format!("cannot do {command:?}"),
                );
            }
            Notice::Obeyed(..) | Notice::Paused(..) => {} // whoever asked is told, and the audit log
            Notice::Judged { device, verdict: Verdict::Block, difficulty } => {
                self.block(at, *device, *difficulty)
            }
            Notice::Judged { .. } => {}
            Notice::Answered { .. } => self.answered(at, notice),
            Notice::PoolSays { pool, text, warning } => {
                let severity = if *warning { Severity::Warning } else { Severity::Info };
                self.event(at, Kind::PoolMessage, severity, None, Some(self.place(*pool)), text.clone());
            }
            Notice::PoolIsOdd(pool, oddity) => {
                let sentence = oddity.sentence(*pool, |pool| self.place(pool));
                let place = Some(self.place(*pool));
                self.event(at, Kind::PoolMessage, Severity::Warning, None, place, sentence);
            }
            Notice::WorkingFor(Some(pool)) => {
                let place = self.place(*pool);
                let sentence = format!("working for {place}");
                self.event(at, Kind::PoolChanged, Severity::Info, None, Some(place), sentence);
            }
            Notice::WorkingFor(None) => {
                let sentence = "no pool has work: the devices idle".to_owned();
                self.event(at, Kind::NoPool, Severity::Error, None, None, sentence);
            }
            Notice::Exhausted(pool) => {
                let sentence = "the job of the pool is used up: the devices idle until the next".to_owned();
                self.event(
                    at,
                    Kind::JobExhausted,
                    Severity::Warning,
                    None,
                    Some(self.place(*pool)),
                    sentence,
                );
            }
        }
    }

    fn of_device(&mut self, at: Micros, kind: Kind, severity: Severity, key: DeviceKey, what: &str) {
        let sentence = format!("{} {what}", self.described(key));
        self.event(at, kind, severity, Some(self.name(key)), None, sentence);
    }

    fn unplugged(&mut self, at: Micros, key: DeviceKey) {
        self.fails(at, key);
        let what = if self.connects(key) { "has hung up" } else { "was unplugged" };
        self.of_device(at, Kind::DeviceUnplugged, Severity::Warning, key, what);
    }

    fn hashing(&mut self, at: Micros, key: DeviceKey) {
        let row = self.rows.get_mut(key.0 as usize);
        let (kind, what) = match row.is_some_and(|row| std::mem::take(&mut row.failed)) {
            true => (Kind::DeviceRecovered, "is hashing again"),
            false => (Kind::DeviceHashing, "is hashing"),
        };
        self.of_device(at, kind, Severity::Info, key, what);
    }

    fn fails(&mut self, at: Micros, key: DeviceKey) {
        let at_unix_s = self.clock.unix_s(at);
        if let Some(row) = self.rows.get_mut(key.0 as usize) {
            (row.failed, row.failed_at) = (true, Some(at_unix_s));
            row.failures.push_back(at);
            if row.failures.len() > OFTEN {
                row.failures.pop_front();
            }
        }
    }

    fn fault(&mut self, at: Micros, key: DeviceKey, fault: Fault, retry_at: Option<Micros>) {
        self.fails(at, key);
        let next = match retry_at {
            Some(retry) => format!("trying again in {} s", retry.since(at).as_secs().max(1)),
            None if self.connects(key) => "it was hung up on".to_owned(),
            None => "not trying again until it is plugged in anew".to_owned(),
        };
        let sentence = format!("{}: {fault}; {next}", self.name(key));
        self.event(at, Kind::DeviceFault, Severity::Error, Some(self.name(key)), None, sentence);
    }

    fn block(&mut self, at: Micros, key: DeviceKey, difficulty: f64) {
        self.blocks += 1;
        let what = format!("has found a block of difficulty {}", short(difficulty));
        self.of_device(at, Kind::BlockFound, Severity::Warning, key, &what);
    }

    fn answered(&mut self, at: Micros, notice: &Notice) {
        let Notice::Answered { pool, device, difficulty, credit, answer, latency } = notice else { return };
        let (outcome, reason, pool_said) = match answer {
            Answer::Accepted => (Outcome::Accepted, None, None),
            Answer::Rejected { kind, reason } => {
                (Outcome::Rejected, Some(kind.name().to_owned()), Some(reason.clone()))
            }
            Answer::Lost => (Outcome::Lost, None, None),
        };
        if outcome != Outcome::Accepted {
            self.refused(at, *device, *pool, outcome, pool_said.as_deref());
        }
        let row = ShareRow {
            id: 0,
            at_unix_s: self.clock.unix_s(at),
            device: self.name(*device),
            pool: self.place(*pool),
            difficulty: *difficulty,
            pool_difficulty: *credit,
            outcome,
            reason,
            pool_said,
            latency_s: (outcome != Outcome::Lost).then_some(latency.as_secs_f64()),
        };
        self.shares.push(|id| ShareRow { id, ..row });
    }

    /// A refused share is an event, but not each of a flood of them.
    fn refused(&mut self, at: Micros, key: DeviceKey, pool: PoolKey, outcome: Outcome, said: Option<&str>) {
        let now = at.as_secs_f64();
        let Some(row) = self.rows.get_mut(key.0 as usize) else { return };
        if row.refused_at.is_some_and(|before| now - before < QUIET_S) {
            return;
        }
        row.refused_at = Some(now);
        let name = self.name(key);
        let (kind, sentence) = match outcome {
            Outcome::Lost => (Kind::ShareLost, format!("a share of {name} was not answered")),
            _ => (
                Kind::ShareRejected,
                format!("a share of {name} was refused: {}", said.unwrap_or("no reason given")),
            ),
        };
        self.event(at, kind, Severity::Warning, Some(name), Some(self.place(pool)), sentence);
    }

    fn event(
        &mut self,
        at: Micros,
        kind: Kind,
        severity: Severity,
        device: Option<String>,
        pool: Option<String>,
        sentence: String,
    ) {
        let at_unix_s = self.clock.unix_s(at);
        self.events.push(|id| Event { id, at_unix_s, kind, severity, device, pool, sentence });
        self.shown = None;
    }

    /// The snapshot, made when it is first asked for after a change.
    pub fn snapshot(&mut self) -> Arc<Snapshot> {
        if let Some(shown) = &self.shown {
            return Arc::clone(shown);
        }
        let fresh = Arc::new(view::of(self));
        self.shown = Some(Arc::clone(&fresh));
        fresh
    }

    /// Events whose number is above `after`, oldest first; those that are no longer kept are left out.
    pub fn events_after(&self, after: u64) -> impl Iterator<Item = &Event> {
        self.events.after(after)
    }

    /// Events whose number is below `before`, newest first.
    pub fn events_before(&self, before: u64) -> impl Iterator<Item = &Event> {
        self.events.before(before)
    }

    /// Keeps a command and what came of it, in the audit log and as an event. Answers its number.
    pub(crate) fn audit(&mut self, row: AuditRow) -> u64 {
        let at = self.sample.as_ref().map_or(Micros(0), |sample| sample.at);
        let severity = if row.outcome == "done" { Severity::Info } else { Severity::Warning };
        let sentence = format!("{}: {}: {}", row.who, row.what, row.sentence);
        tracing::info!(target: "adit::audit", outcome = row.outcome, "{sentence}");
        self.event(at, Kind::Command, severity, row.device.clone(), None, sentence);
        self.audit.push(|id| AuditRow { id, ..row }).id
    }

    /// Commands whose number is below `before`, newest first.
    pub fn audit_before(&self, before: u64) -> impl Iterator<Item = &AuditRow> {
        self.audit.before(before)
    }

    /// Number of the newest event.
    pub fn newest_event(&self) -> u64 {
        self.events.newest()
    }

    /// Shares whose number is below `before`, newest first.
    pub fn shares_before(&self, before: u64) -> impl Iterator<Item = &ShareRow> {
        self.shares.before(before)
    }

    /// What a pool is called: `host:port`, with a number where that alone is no name.
    pub(crate) fn place(&self, pool: PoolKey) -> String {
        let index = usize::from(pool.0);
        let Some(facts) = self.pools.get(index) else { return format!("pool #{index}") };
        match self.pools[..index].iter().filter(|other| other.place == facts.place).count() {
            0 => facts.place.clone(),
            before => format!("{}#{}", facts.place, before + 1),
        }
    }

    fn identity(&self, key: DeviceKey) -> Option<&Identity> {
        Some(&self.sample.as_ref()?.devices.get(key.0 as usize)?.identity)
    }

    /// What a device is called over restarts.
    pub(crate) fn id(&self, key: DeviceKey) -> String {
        self.rows.get(key.0 as usize).map_or_else(|| format!("device {}", key.0), |row| row.id.clone())
    }

    /// It has connected by itself.
    fn connects(&self, key: DeviceKey) -> bool {
        self.identity(key).is_some_and(|identity| identity.model.is_some_and(Model::connects))
    }

    fn name(&self, key: DeviceKey) -> String {
        self.identity(key).map_or_else(|| format!("device {}", key.0), |identity| identity.name.clone())
    }

    fn described(&self, key: DeviceKey) -> String {
        self.identity(key).map_or_else(
            || format!("device {}", key.0),
            |identity| format!("{} ({})", identity.name, identity.location),
        )
    }
}

/// A difficulty in a few characters.
pub(crate) fn short(difficulty: f64) -> String {
    match difficulty {
        huge if huge >= 1e15 => format!("{huge:.2e}"),
        large if large >= 100.0 => format!("{large:.0}"),
        middling if middling >= 0.01 => format!("{middling:.2}"),
        small => format!("{small:.2e}"),
    }
}

/// Whether a device in `state` does work.
pub(crate) fn is_hashing(state: State) -> bool {
    state == State::Hashing
}

/// What a device is called over restarts: its model and its serial number, else its model and its place.
fn unique(taken: &BTreeSet<String>, identity: &Identity) -> String {
    let model = identity.model.map_or("device", |model| model.key);
    let place = identity.socket.as_deref().unwrap_or(&identity.location);
    let by_serial = identity.serial.as_deref().map(|serial| format!("{model}:{serial}"));
    let by_place = format!("{model}@{place}");
    let by_number = (2..).map(|number| format!("{model}@{place}#{number}"));
    let mut choices = by_serial.into_iter().chain([by_place]).chain(by_number);
    choices.find(|choice| !taken.contains(choice)).unwrap_or_default()
}
