//! What the pool knows of one client.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use adit_protocol::Micros;
use adit_protocol::pow::VersionMask;
use adit_protocol::stratum::{JobId, Lines};

use super::jobs::Job;

/// Jobs remembered per session; submits for older ones are unknown.
const MAX_PROMISES: usize = 128;
/// Age at which a job is forgotten.
const JOB_LIFETIME: Duration = Duration::from_secs(600);
/// Age at which the session of a lost connection is forgotten.
const SESSION_LIFETIME: Duration = Duration::from_secs(600);
/// Sessions of lost connections remembered at the same time.
const MAX_PARKED: usize = 256;

/// One connection.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) lines: Lines,
    /// Present once subscribed.
    pub(super) session: Option<Session>,
    /// Names that have logged in.
    pub(super) workers: BTreeSet<String>,
    /// Version bits asked for; present once version rolling is negotiated.
    pub(super) mask_wanted: Option<VersionMask>,
    /// Version bits that may be rolled now.
    pub(super) mask: VersionMask,
    /// It understands `mining.set_extranonce`.
    pub(super) takes_extranonce: bool,
    /// It wants no difficulty below this.
    pub(super) minimum_difficulty: f64,
    /// It has been given a job on this connection.
    pub(super) working: bool,
    /// Nothing is heard from it and nothing said to it any more.
    pub(super) mute: bool,
    /// Accepted shares since `counted_from`, for the variable difficulty.
    pub(super) shares: u32,
    pub(super) counted_from: Micros,
}

impl Client {
    pub(super) fn new(now: Micros, line_limit: usize) -> Self {
        Self {
            lines: Lines::new(line_limit),
            session: None,
            workers: BTreeSet::new(),
            mask_wanted: None,
            mask: VersionMask::default(),
            takes_extranonce: false,
            minimum_difficulty: 0.0,
            working: false,
            mute: false,
            shares: 0,
            counted_from: now,
        }
    }
}

/// What survives a lost connection when the client comes back with the session id.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) extranonce: Extranonce,
    /// Takes the place of `extranonce` with the next job.
    pub(super) next_extranonce: Option<Extranonce>,
    /// Difficulty of the jobs to come, before any factor of the whole pool.
    pub(super) difficulty: f64,
    /// Jobs announced, oldest first.
    promises: VecDeque<Promise>,
}

/// Who fills how many bytes in the coinbase.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Extranonce {
    pub(super) prefix: Vec<u8>,
    pub(super) size: u8,
}

impl Extranonce {
    /// Bytes of both parts.
    pub(super) fn len(&self) -> usize {
        self.prefix.len() + usize::from(self.size)
    }
}

/// A job as it was announced to one client: under which terms its shares are taken.
#[derive(Clone, Debug)]
pub(super) struct Promise {
    pub(super) job: Arc<Job>,
    pub(super) difficulty: f64,
    pub(super) extranonce: Extranonce,
    pub(super) at: Micros,
}

impl Session {
    pub(super) fn new(id: String, extranonce: Extranonce, difficulty: f64) -> Self {
        Self { id, extranonce, next_extranonce: None, difficulty, promises: VecDeque::new() }
    }

    pub(super) fn remember(&mut self, promise: Promise) {
        if self.promises.len() == MAX_PROMISES {
            self.promises.pop_front();
        }
        self.promises.push_back(promise);
    }

    /// The newest job announced as `id`, unless it is too old.
    pub(super) fn promise(&self, id: &JobId, now: Micros) -> Option<&Promise> {
        let promise = self.promises.iter().rev().find(|promise| promise.job.id == *id)?;
        (now.since(promise.at) <= JOB_LIFETIME).then_some(promise)
    }
}

/// Sessions of lost connections.
#[derive(Debug, Default)]
pub(super) struct Parked(VecDeque<(Micros, Session)>);

impl Parked {
    pub(super) fn put(&mut self, now: Micros, session: Session) {
        if self.0.len() == MAX_PARKED {
            self.0.pop_front();
        }
        self.0.push_back((now, session));
    }

    /// The session named `id`, unless it is too old.
    pub(super) fn take(&mut self, now: Micros, id: &str) -> Option<Session> {
        self.0.retain(|(since, _)| now.since(*since) <= SESSION_LIFETIME);
        let at = self.0.iter().position(|(_, session)| session.id == id)?;
        self.0.remove(at).map(|(_, session)| session)
    }
}
