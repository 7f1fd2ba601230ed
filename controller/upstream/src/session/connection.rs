//! What is known about one connection, from the first byte to the last.

use std::collections::BTreeMap;
use std::time::Duration;

use adit_driver::Job;
use adit_protocol::stratum::{Lines, Subscription};
use adit_protocol::wire::Micros;

use super::rolling::Rolling;
use crate::Outage;

/// Time for every reply that the login needs.
pub(super) const REPLY: Duration = Duration::from_secs(30);
/// Time after which a lower difficulty also counts for the job in hand.
const EASE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Connection {
    /// Opened.
    pub(super) since: Micros,
    pub(super) lines: Lines,
    pub(super) stage: Stage,
    /// In force for the jobs to come.
    pub(super) subscription: Option<Subscription>,
    /// The subscription is that of the connection before.
    pub(super) resumed: bool,
    pub(super) rolling: Rolling,
    /// Of the jobs to come.
    pub(super) difficulty: f64,
    /// The newest job that came before the login was complete.
    pub(super) held: Option<Job>,
    /// The session was resumed, and no job has said yet whether the block is still the same: until then only shares that solve a
    /// block are sent.
    pub(super) held_back_until: Option<Micros>,
    /// A job came or a share was accepted.
    pub(super) was_useful: bool,
    /// Lines in a row that are no messages.
    pub(super) bad_lines: u8,
    /// Jobs in a row that make no sense.
    pub(super) bad_jobs: u8,
    /// `mining.configure` was sent.
    pub(super) configured: bool,
    /// It was sent again, because a share was refused for its version bits.
    pub(super) asked_for_mask: bool,
    /// `mining.configure` has granted `mining.set_extranonce`.
    pub(super) extranonce_granted: bool,
    /// When `mining.extranonce.subscribe` was sent.
    pub(super) extranonce_asked: Option<Micros>,
    /// The login was repeated because a share was refused for want of it.
    pub(super) logged_in_again: bool,
    /// First of the rejects since the last accepted share, and their number.
    pub(super) rejects: Option<(Micros, u32)>,
    requests: BTreeMap<u64, Request>,
    last_id: u64,
    last_line: Micros,
    ease_at: Option<Micros>,
}

/// How far the login is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// `mining.subscribe` was sent; the reply is due then.
    Subscribing(Micros),
    /// `mining.authorize` was sent; the reply is due then.
    LoggingIn(Micros),
    /// Logged in.
    Up,
}

/// Requests whose answers matter, beside shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Configure,
    Subscribe,
    Authorize,
}

impl Connection {
    pub(super) fn new(now: Micros, rolling: Rolling) -> Self {
        Self {
            since: now,
            lines: Lines::new(Lines::LIMIT),
            stage: Stage::Subscribing(now + REPLY),
            subscription: None,
            resumed: false,
            rolling,
            difficulty: 1.0,
            held: None,
            held_back_until: None,
            was_useful: false,
            bad_lines: 0,
            bad_jobs: 0,
            configured: false,
            asked_for_mask: false,
            extranonce_granted: false,
            extranonce_asked: None,
            logged_in_again: false,
            rejects: None,
            requests: BTreeMap::new(),
            last_id: 0,
            last_line: now,
            ease_at: None,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.stage == Stage::Up
    }

    /// Whether the answer to a login is open.
    pub(super) fn is_logging_in(&self) -> bool {
        self.requests.values().any(|request| *request == Request::Authorize)
    }

    /// Something came.
    pub(super) fn heard(&mut self, now: Micros) {
        self.last_line = now;
    }

    /// A fresh request id: 1, 2, 3 …
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A fresh id for a request whose answer matters.
    pub(super) fn expect(&mut self, request: Request) -> u64 {
        let id = self.next_id();
        self.requests.insert(id, request);
        id
    }

    /// The request that `id` belongs to; each is answered once.
    pub(super) fn answered(&mut self, id: u64) -> Option<Request> {
        self.requests.remove(&id)
    }

    /// A difficulty for the jobs to come; one below that of the job in hand is due for it in a minute.
    pub(super) fn set_difficulty(&mut self, now: Micros, difficulty: f64, of_job: Option<f64>) {
        self.difficulty = difficulty;
        self.ease_at = of_job.filter(|of_job| difficulty < *of_job).map(|_| now + EASE);
    }

    /// A job came: the difficulty in force counts for it.
    pub(super) fn job_came(&mut self) {
        self.ease_at = None;
        self.bad_jobs = 0;
        self.was_useful = true;
    }

    /// The lower difficulty, once when it is due.
    pub(super) fn take_easier(&mut self, now: Micros) -> Option<f64> {
        let due = self.is_up() && self.ease_at.is_some_and(|at| now >= at);
        due.then(|| {
            self.ease_at = None;
            self.difficulty
        })
    }

    /// What did not come in time.
    pub(super) fn overdue(&self, now: Micros, watchdog: Duration) -> Option<Outage> {
        let seconds = REPLY.as_secs();
        match self.stage {
            Stage::Subscribing(by) if now >= by => {
                Some(Outage::NoReply { method: "mining.subscribe", seconds })
            }
            Stage::LoggingIn(by) if now >= by => {
                Some(Outage::NoReply { method: "mining.authorize", seconds })
            }
            Stage::Up if !watchdog.is_zero() && now >= self.last_line + watchdog => {
                Some(Outage::Silent { seconds: watchdog.as_secs() })
            }
            _ => None,
        }
    }

    pub(super) fn deadline(&self, watchdog: Duration) -> Option<Micros> {
        match self.stage {
            Stage::Subscribing(by) | Stage::LoggingIn(by) => Some(by),
            Stage::Up => {
                let silent = (!watchdog.is_zero()).then(|| self.last_line + watchdog);
                [silent, self.ease_at, self.held_back_until].into_iter().flatten().min()
            }
        }
    }
}
