//! The pool itself: time, connections, and what is said to them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use adit_protocol::Micros;
use adit_protocol::stratum::{BadLine, Call, ClientCall, Id, Message, Response, ServerCall};

use super::client::{Client, Extranonce, Parked, Promise, Session};
use super::jobs::{Chain, Job};
use super::outbox::Outbox;
use super::settings::{MAX_POOL_DIFFICULTY, MIN_POOL_DIFFICULTY};
use super::shares::Seen;
use super::{
    BadPoolSettings, Conn, DropReason, PoolEvent, PoolInput, PoolOutput, PoolSettings, Quirk, Tally,
};
use crate::dice::Dice;

/// Connections at the same time; more are turned away.
const MAX_CONNECTIONS: usize = 4_096;
/// Time between the jobs of a storm.
const STORM_PAUSE: Duration = Duration::from_millis(20);
/// The variable difficulty leaves a rate alone that is off by less than this factor.
const RATE_TOLERANCE: f64 = 1.4;
/// The variable difficulty changes by at most this factor at once.
const MAX_STEP: f64 = 4.0;

/// A simulated pool. The caller takes outputs after every input until there are none, then waits for the next input or for
/// the deadline.
#[derive(Debug)]
pub struct Pool {
    #[cfg_attr(
        not(feature = "serve"),
        expect(dead_code, reason = "only serving lets faults happen by themselves")
    )]
    pub(crate) seed: u64,
    pub(super) settings: PoolSettings,
    pub(super) dice: Dice,
    pub(super) now: Micros,
    pub(super) chain: Chain,
    pub(super) job: Arc<Job>,
    next_job: Micros,
    next_block: Option<Micros>,
    /// Jobs of a storm that are still to come.
    pub(super) storm: u32,
    pub(super) clients: BTreeMap<Conn, Client>,
    pub(super) parked: Parked,
    next_extranonce1: u32,
    /// All difficulties are multiplied by it.
    pub(super) factor: f64,
    /// Good shares still to be rejected on purpose.
    pub(super) rejects: u32,
    pub(super) seen: Seen,
    pub(super) tally: Tally,
    pub(super) outbox: Outbox,
    /// Calls that carried an id.
    calls: u64,
    lines: u64,
}

impl Pool {
    /// A pool whose chance follows from `seed`.
    pub fn new(settings: PoolSettings, seed: u64) -> Result<Self, BadPoolSettings> {
        settings.check()?;
        let mut dice = Dice::new(seed, 0);
        let mut chain = Chain::new(Dice::new(seed, 1));
        let job = Arc::new(chain.job(&settings, settings.epoch, true));
        let next_block = block_pause(&settings, &mut dice).map(|pause| Micros(0) + pause);
        Ok(Self {
            seed,
            next_job: Micros(0) + settings.job_interval,
            next_block,
            next_extranonce1: settings.extranonce1,
            outbox: Outbox::new(settings.quirks, settings.reply_delay, Dice::new(seed, 2)),
            settings,
            dice,
            now: Micros(0),
            chain,
            job,
            storm: 0,
            clients: BTreeMap::new(),
            parked: Parked::default(),
            factor: 1.0,
            rejects: 0,
            seen: Seen::default(),
            tally: Tally { jobs: 1, ..Tally::default() },
            calls: 0,
            lines: 0,
        })
    }

    /// Something happened at `now`.
    pub fn on_input(&mut self, now: Micros, input: PoolInput<'_>) {
        self.now = self.now.max(now);
        self.run_clock();
        match input {
            PoolInput::Connected(conn) => self.connect(conn),
            PoolInput::Bytes { conn, bytes } => self.hear(conn, bytes),
            PoolInput::Closed(conn) => self.leave(conn),
            PoolInput::Fault(fault) => self.break_with(fault),
            PoolInput::Order(order) => self.obey(order),
            PoolInput::Timer => {}
        }
        self.outbox.commit(self.now);
    }

    /// The next thing the pool does; `None` when there is nothing left for now.
    pub fn next_output(&mut self) -> Option<PoolOutput> {
        self.outbox.next(self.now)
    }

    /// When to send [`PoolInput::Timer`] if nothing else happens before.
    pub fn deadline(&self) -> Option<Micros> {
        [Some(self.next_job), self.next_block, self.outbox.deadline()].into_iter().flatten().min()
    }

    /// What has been counted so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &PoolSettings {
        &self.settings
    }

    fn run_clock(&mut self) {
        if self.next_block.is_some_and(|at| at <= self.now) {
            self.foreign_block();
        } else if self.next_job <= self.now {
            let clean = self.storm > 0 && self.dice.chance(0.25);
            self.storm = self.storm.saturating_sub(1);
            self.fresh_job(clean);
        }
    }

    /// Another miner has found a block.
    pub(super) fn foreign_block(&mut self) {
        self.chain.foreign_block();
        self.new_tip();
        self.fresh_job(!self.settings.quirks.has(Quirk::UncleanBlocks));
    }

    /// The tip of the chain has moved.
    pub(super) fn new_tip(&mut self) {
        self.next_block = block_pause(&self.settings, &mut self.dice).map(|pause| self.now + pause);
        self.seen = Seen::default();
        self.outbox.event(PoolEvent::Block { hash: self.chain.prev_hash });
    }

    /// Makes a job and announces it to everybody.
    pub(super) fn fresh_job(&mut self, clean: bool) {
        let wall = self.settings.epoch.wrapping_add((self.now.0 / 1_000_000) as u32);
        let job = self.chain.job(&self.settings, wall, clean);
        self.set_job(job);
    }

    pub(super) fn set_job(&mut self, job: Job) {
        self.tally.jobs += 1;
        self.job = Arc::new(job);
        self.next_job = self.now + if self.storm > 0 { STORM_PAUSE } else { self.settings.job_interval };
        for conn in self.working() {
            self.adjust(conn);
            self.announce(conn, self.job.clean);
        }
    }

    /// Brings the next job forward.
    pub(super) fn hurry(&mut self) {
        self.next_job = self.now;
    }

    /// Everybody who is to be told of jobs.
    pub(super) fn working(&self) -> Vec<Conn> {
        self.clients.iter().filter(|(_, client)| client.working).map(|(conn, _)| *conn).collect()
    }

    fn connect(&mut self, conn: Conn) {
        self.tally.connections += 1;
        if self.clients.len() == MAX_CONNECTIONS {
            self.outbox.close(conn);
            self.outbox.event(PoolEvent::Dropped { conn, why: DropReason::Full });
        } else {
            self.clients.insert(conn, Client::new(self.now, self.settings.line_limit));
        }
    }

    /// Forgets a connection, and remembers its session in case it comes back.
    fn leave(&mut self, conn: Conn) {
        if let Some(session) = self.clients.remove(&conn).and_then(|client| client.session) {
            self.parked.put(self.now, session);
        }
    }

    pub(super) fn hang_up(&mut self, conn: Conn, why: DropReason) {
        if self.clients.contains_key(&conn) {
            self.outbox.close(conn);
            self.outbox.event(PoolEvent::Dropped { conn, why });
            self.leave(conn);
        }
    }

    fn hear(&mut self, conn: Conn, bytes: &[u8]) {
        let deaf = self.settings.quirks.has(Quirk::Silent);
        let Some(client) = self.clients.get_mut(&conn).filter(|client| !client.mute && !deaf) else { return };
        client.lines.push(bytes);
        while let Some(line) = self.clients.get_mut(&conn).and_then(|client| client.lines.next()) {
            match line {
                Ok(line) => self.hear_line(conn, &line),
                Err(_) => self.hang_up(conn, DropReason::TooLong),
            }
        }
    }

    fn hear_line(&mut self, conn: Conn, line: &str) {
        match Message::<ClientCall>::decode(line) {
            Ok(Message::Call { id, call: ClientCall::Submit(submit) }) => self.submit(conn, id, &submit),
            Ok(Message::Call { id, call }) => self.call(conn, id, call),
            Ok(Message::Response(_)) => {
                self.outbox.event(PoolEvent::Answer { conn, line: line.trim().to_owned() });
            }
            Err(BadLine::Params { id, method: "mining.submit", .. }) => self.malformed_submit(conn, id),
            Err(BadLine::Params { id, why, .. }) => {
                self.answer(conn, Response::error(id, 20, &why.to_string()))
            }
            Err(BadLine::NotJson | BadLine::NotAnObject) => {
                self.tally.malformed += 1;
                self.hang_up(conn, DropReason::Malformed);
            }
        }
    }

    /// Difficulty and first job of a connection that has none yet.
    pub(super) fn begin(&mut self, conn: Conn) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        if client.working || client.session.is_none() {
            return;
        }
        client.working = true;
        client.counted_from = self.now;
        self.tell_difficulty(conn);
        self.announce(conn, true);
        if self.settings.quirks.has(Quirk::RevokeMask) {
            self.set_mask(conn, Default::default());
        }
    }

    /// A session that no other has had.
    pub(super) fn new_session(&mut self) -> Session {
        let extranonce = self.fresh_extranonce();
        let id = format!("{:016x}", self.dice.roll());
        Session::new(id, extranonce, self.settings.difficulty)
    }

    fn fresh_extranonce(&mut self) -> Extranonce {
        let prefix = self.next_extranonce1.to_be_bytes().to_vec();
        self.next_extranonce1 = self.next_extranonce1.wrapping_add(1);
        Extranonce { prefix, size: self.settings.extranonce2_size }
    }

    /// Difficulty of the jobs that `conn` is given now.
    fn difficulty(&self, conn: Conn) -> f64 {
        let own = self.clients.get(&conn).and_then(|client| {
            let session = client.session.as_ref()?;
            Some((session.difficulty * self.factor).max(client.minimum_difficulty))
        });
        own.unwrap_or(self.settings.difficulty).clamp(MIN_POOL_DIFFICULTY, MAX_POOL_DIFFICULTY)
    }

    pub(super) fn tell_difficulty(&mut self, conn: Conn) {
        let difficulty = self.difficulty(conn);
        self.tell(conn, ServerCall::SetDifficulty(difficulty));
        for (quirk, nonsense) in [(Quirk::ZeroDifficulty, 0.0), (Quirk::NegativeDifficulty, -1.0)] {
            if self.settings.quirks.has(quirk) {
                self.tell(conn, ServerCall::SetDifficulty(nonsense));
            }
        }
    }

    /// Brings the share rate of `conn` nearer to the wanted one, where one is wanted.
    fn adjust(&mut self, conn: Conn) {
        let Some(wanted) = self.settings.shares_per_minute else { return };
        let Some(client) = self.clients.get_mut(&conn) else { return };
        let passed = self.now.since(client.counted_from);
        let Some(session) = client.session.as_mut().filter(|_| passed >= self.settings.job_interval) else {
            return;
        };
        let found = f64::from(client.shares) * 60.0 / passed.as_secs_f64();
        (client.shares, client.counted_from) = (0, self.now);
        let ratio = (found / wanted).clamp(1.0 / MAX_STEP, MAX_STEP);
        if !(1.0 / RATE_TOLERANCE..=RATE_TOLERANCE).contains(&ratio) {
            session.difficulty = (session.difficulty * ratio).clamp(MIN_POOL_DIFFICULTY, MAX_POOL_DIFFICULTY);
            self.tell_difficulty(conn);
        }
    }

    /// Tells `conn` of the present job.
    fn announce(&mut self, conn: Conn, clean: bool) {
        if self.settings.quirks.has(Quirk::RotateExtranonce) {
            let extranonce = self.fresh_extranonce();
            self.change_extranonce(conn, extranonce);
        }
        let (job, difficulty, at) = (self.job.clone(), self.difficulty(conn), self.now);
        let Some(session) = self.clients.get_mut(&conn).and_then(|client| client.session.as_mut()) else {
            return;
        };
        if let Some(next) = session.next_extranonce.take() {
            session.extranonce = next;
        }
        let extranonce = session.extranonce.clone();
        let mut notify = job.notify(extranonce.len());
        notify.clean |= clean;
        session.remember(Promise { job, difficulty, extranonce, at });
        self.tell(conn, ServerCall::Notify(notify));
        if self.settings.quirks.has(Quirk::Garbage) {
            self.babble(conn);
        }
    }

    /// Sends a call, as a notification unless a quirk wants it otherwise.
    pub(super) fn tell(&mut self, conn: Conn, call: ServerCall) {
        let quirks = self.settings.quirks;
        let numbered = quirks.has(Quirk::NumberedNotifications);
        let id = if numbered || quirks.has(Quirk::NamedNotifications) {
            self.calls += 1;
            if numbered { Id::from(self.calls) } else { Id(format!("call-{}", self.calls).into()) }
        } else {
            Id::NULL
        };
        let line = match call {
            ServerCall::SetDifficulty(difficulty) if quirks.has(Quirk::TextDifficulty) => {
                let (id, method) = (id.0, ServerCall::SetDifficulty(difficulty));
                format!("{{\"id\":{id},\"method\":\"{}\",\"params\":[\"{difficulty}\"]}}\n", method.method())
                    .into()
            }
            call => Message::Call { id, call }.encode(),
        };
        self.write(conn, line);
    }

    /// Asks something and wants an answer.
    pub(super) fn ask(&mut self, conn: Conn, call: ServerCall) {
        self.calls += 1;
        self.write(conn, Message::Call { id: self.calls.into(), call }.encode());
    }

    /// Answers a request; a notification gets no answer.
    pub(super) fn answer(&mut self, conn: Conn, mut response: Response) {
        if response.id.is_null() {
            return;
        }
        if self.settings.quirks.has(Quirk::TextIds) && response.id.0.is_number() {
            response.id = Id(response.id.0.to_string().into());
        }
        self.write(conn, Message::<ServerCall>::Response(response).encode());
    }

    pub(super) fn write(&mut self, conn: Conn, mut line: Vec<u8>) {
        if self.clients.get(&conn).is_none_or(|client| client.mute) {
            return;
        }
        self.lines += 1;
        if self.settings.quirks.has(Quirk::DropMidLine) && self.lines.is_multiple_of(100) {
            line.truncate(line.len() / 2);
            self.outbox.send(conn, line);
            self.hang_up(conn, DropReason::OnPurpose);
        } else {
            self.outbox.send(conn, line);
        }
    }
}

/// Time to the next foreign block.
fn block_pause(settings: &PoolSettings, dice: &mut Dice) -> Option<Duration> {
    let mean = u64::try_from(settings.block_interval?.as_micros()).unwrap_or(u64::MAX / 2);
    Some(Duration::from_micros(mean / 2 + dice.below(mean)))
}
