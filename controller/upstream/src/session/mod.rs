//! One pool, as a state machine: connect, log in, take jobs, submit shares, and start again when the line breaks.

mod answers;
mod calls;
mod connection;
mod jobs;
mod ledger;
mod login;
mod rolling;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use adit_core::{Answer, PoolInput, Share};
use adit_driver::PoolKey;
use adit_protocol::stratum::{BadLine, CLIENT_LINE_LIMIT, ClientCall, Message, Response, ServerCall};
use adit_protocol::wire::Micros;

use crate::backoff::{Backoff, PerMinute};
use crate::legible::legible;
use crate::{ConnectError, Outage, PoolConfig};
use connection::Connection;
use jobs::Jobs;
pub use ledger::Counts;
use ledger::Ledger;
use login::{Form, Resume};
use rolling::StyleChoice;

/// A connection that lasted so long and brought a job was good: the next failure is a first one.
const STABLE: Duration = Duration::from_secs(60);

/// What happens to a session.
#[derive(Debug)]
pub enum SessionInput<'a> {
    /// The connection that was asked for is open.
    Connected,
    /// It could not be opened.
    ConnectFailed(ConnectError),
    /// Bytes from the pool, cut anywhere.
    Bytes(&'a [u8]),
    /// The pool hung up or the connection broke.
    Closed,
    /// A share for this pool.
    Submit(Share),
    /// The deadline has passed.
    Timer,
}

/// What a session wants done, in order.
#[derive(Clone, PartialEq)]
pub enum SessionAction {
    /// Open a TCP connection; answered by [`SessionInput::Connected`] or [`SessionInput::ConnectFailed`]. Only asked for
    /// while there is none.
    Connect {
        /// Host name or address, to be resolved anew.
        host: String,
        /// Port.
        port: u16,
    },
    /// Send one message, in one write.
    Send(Vec<u8>),
    /// Close the connection. Nothing of it is to be delivered afterwards, not even that it is closed.
    Close,
    /// Tell the core.
    Emit(PoolInput),
}

impl fmt::Debug for SessionAction {
    /// Says of a message only its length: it may hold the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { host, port } => write!(f, "Connect({host}:{port})"),
            Self::Send(bytes) => write!(f, "Send({} bytes)", bytes.len()),
            Self::Close => f.write_str("Close"),
            Self::Emit(input) => f.debug_tuple("Emit").field(input).finish(),
        }
    }
}

/// A pool and our connection to it.
///
/// After every [`on_input`](Self::on_input) take actions until there are none, then wait for the next input or for
/// [`deadline`](Self::deadline). The first actions are there from the beginning. A session never gives up: it ends by being
/// dropped.
#[derive(Debug)]
pub struct Session {
    key: PoolKey,
    config: PoolConfig,
    outbox: VecDeque<SessionAction>,
    phase: Phase,
    backoff: Backoff,
    form: Form,
    resume: Option<Resume>,
    redirect: Option<Redirected>,
    reconnects: PerMinute,
    messages: PerMinute,
    complaints: PerMinute,
    jobs: Jobs,
    ledger: Ledger,
    style: StyleChoice,
    extranonce_subscribe: bool,
    /// The pool has refused a header time that ran ahead.
    strict_time: bool,
}

#[derive(Debug)]
enum Phase {
    /// No connection until then.
    Away(Micros),
    /// A connection was asked for.
    Connecting,
    /// There is a connection.
    Open(Box<Connection>),
}

/// Where the pool sent us.
#[derive(Debug)]
struct Redirected {
    host: String,
    port: u16,
    /// Back to the configured address then.
    until: Micros,
}

impl Session {
    /// A session that wants to connect at once. `seed` shortens the pauses between attempts.
    pub fn new(key: PoolKey, config: PoolConfig, seed: u64) -> Self {
        let mut session = Self {
            key,
            outbox: VecDeque::new(),
            phase: Phase::Away(Micros(0)),
            backoff: Backoff::new(seed),
            form: Form::Full,
            resume: None,
            redirect: None,
            reconnects: PerMinute::new(3),
            messages: PerMinute::new(5),
            complaints: PerMinute::new(5),
            jobs: Jobs::new(key),
            ledger: Ledger::default(),
            style: StyleChoice::new(config.options.version_bits),
            extranonce_subscribe: config.options.extranonce_subscribe,
            strict_time: false,
            config,
        };
        for option in &session.config.ignored {
            let text = format!("pool {}: unknown option `#{}` ignored", session.place(), legible(option));
            session.outbox.push_back(SessionAction::Emit(PoolInput::Notice { text, warning: true }));
        }
        session.connect();
        session
    }

    /// The pool this is.
    pub fn key(&self) -> PoolKey {
        self.key
    }

    /// What the user said about it.
    pub fn config(&self) -> &PoolConfig {
        &self.config
    }

    /// Whether it is subscribed and authorised.
    pub fn is_up(&self) -> bool {
        matches!(&self.phase, Phase::Open(connection) if connection.is_up())
    }

    /// What became of its shares.
    pub fn counts(&self) -> Counts {
        self.ledger.counts
    }

    /// Shares whose answer is open.
    pub fn pending(&self) -> usize {
        self.ledger.len()
    }

    /// Something happened at `now`.
    pub fn on_input(&mut self, now: Micros, input: SessionInput<'_>) {
        match input {
            SessionInput::Connected => self.on_connected(now),
            SessionInput::ConnectFailed(error) => {
                if matches!(self.phase, Phase::Connecting) {
                    self.leave(now, &error.into());
                }
            }
            SessionInput::Bytes(bytes) => self.on_bytes(now, bytes),
            SessionInput::Closed => self.on_closed(now),
            SessionInput::Submit(share) => self.on_submit(now, share),
            SessionInput::Timer => {}
        }
        self.on_time(now);
    }

    /// The next thing to do; `None` when there is nothing left.
    pub fn next_action(&mut self) -> Option<SessionAction> {
        self.outbox.pop_front()
    }

    /// When to send [`SessionInput::Timer`] if nothing else happens before. `None`: never.
    pub fn deadline(&self) -> Option<Micros> {
        let phase = match &self.phase {
            Phase::Away(until) => Some(*until),
            Phase::Connecting => None,
            Phase::Open(connection) => connection.deadline(self.config.options.watchdog),
        };
        let redirect = self.redirect_over().filter(|_| self.is_up() && !self.ledger.awaits_answer());
        [phase, redirect, self.ledger.deadline()].into_iter().flatten().min()
    }

    /// Keeps the deadlines that have passed.
    fn on_time(&mut self, now: Micros) {
        while let Some(share) = self.ledger.expired(now) {
            self.lose(share);
        }
        if let Phase::Open(connection) = &mut self.phase {
            let overdue = connection.overdue(now, self.config.options.watchdog);
            let easier = connection.take_easier(now);
            let all_may_go = connection.held_back_until.take_if(|until| now >= *until).is_some();
            if all_may_go {
                self.submit_waiting(now);
            }
            if let Some(outage) = overdue {
                self.leave(now, &outage);
            } else if let Some(difficulty) = easier {
                self.jobs.ease(difficulty);
                self.emit(PoolInput::Easier { difficulty });
            }
        }
        let redirect_over = self.redirect_over().is_some_and(|until| now >= until);
        if redirect_over && self.is_up() && !self.ledger.awaits_answer() {
            self.leave(now, &Outage::RedirectOver);
        }
        if matches!(self.phase, Phase::Away(until) if now >= until) {
            self.connect();
        }
    }

    fn redirect_over(&self) -> Option<Micros> {
        self.redirect.as_ref().map(|redirect| redirect.until)
    }

    fn on_bytes(&mut self, now: Micros, bytes: &[u8]) {
        if let Phase::Open(connection) = &mut self.phase {
            connection.lines.push(bytes);
        }
        while let Phase::Open(connection) = &mut self.phase {
            let Some(line) = connection.lines.next() else { return };
            connection.heard(now);
            let outcome = line.map_err(Outage::from).and_then(|line| self.on_line(now, &line));
            if let Err(outage) = outcome {
                self.leave(now, &outage);
            }
        }
    }

    fn on_line(&mut self, now: Micros, line: &str) -> Result<(), Outage> {
        let Phase::Open(connection) = &mut self.phase else { return Ok(()) };
        match Message::<ServerCall>::decode(line) {
            Ok(message) => {
                connection.bad_lines = 0;
                match message {
                    Message::Call { id, call } => self.on_call(now, id, call),
                    Message::Response(response) => self.on_response(now, &response),
                }
            }
            Err(BadLine::Params { id, method, why }) => {
                connection.bad_lines = 0;
                self.reply(Response::error(id, 20, "Invalid parameters"));
                self.on_bad_params(now, method, why)
            }
            Err(BadLine::NotJson | BadLine::NotAnObject) => {
                connection.bad_lines += 1;
                if connection.bad_lines < 3 { Ok(()) } else { Err(Outage::Garbage { sample: legible(line) }) }
            }
        }
    }

    /// A response, to a share or to a request of the login. Others are of no consequence.
    fn on_response(&mut self, now: Micros, response: &Response) -> Result<(), Outage> {
        let Some(id) = response.id.number() else { return Ok(()) };
        if let Some((share, latency)) = self.ledger.answered(now, id) {
            return self.on_answer(now, share, latency, response);
        }
        self.on_login_reply(now, id, response)
    }

    /// Gives up the connection or the attempt, and stays away for a while.
    fn leave(&mut self, now: Micros, outage: &Outage) {
        self.leave_for(now, outage, Duration::ZERO);
    }

    /// As [`Self::leave`], for `pause` at least where the pool asked for it.
    fn leave_for(&mut self, now: Micros, outage: &Outage, pause: Duration) {
        let place = self.place();
        let was_up = self.is_up();
        if let Phase::Open(connection) = &mut self.phase {
            if now.since(connection.since) >= STABLE && connection.was_useful {
                self.backoff.reset();
                self.form = Form::Full;
            }
            if let Some(subscription) = connection.subscription.take() {
                self.resume = Some(Resume { subscription, lost: now });
            }
            if *outage != Outage::Closed {
                self.outbox.push_back(SessionAction::Close);
            }
        }
        self.redirect = None;
        self.ledger.unsend();
        let prompt = outage.is_expected() && self.reconnects.allow(now);
        let pause =
            if prompt { pause } else { self.backoff.next_pause().max(outage.shortest_pause()).max(pause) };
        self.phase = Phase::Away(now + pause);
        let seconds = pause.as_secs_f64().ceil();
        let text = format!("pool {place}: {outage}; next attempt in {seconds} s");
        self.emit(PoolInput::Notice { text, warning: !outage.is_expected() });
        if was_up {
            self.emit(PoolInput::Down);
        }
    }

    fn connect(&mut self) {
        let (host, port) = self.address();
        self.outbox.push_back(SessionAction::Connect { host, port });
        self.phase = Phase::Connecting;
    }

    /// Where to connect to.
    fn address(&self) -> (String, u16) {
        match &self.redirect {
            Some(redirect) => (redirect.host.clone(), redirect.port),
            None => (self.config.host.clone(), self.config.port),
        }
    }

    /// The same for people.
    fn place(&self) -> String {
        let (host, port) = self.address();
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    fn emit(&mut self, input: PoolInput) {
        self.outbox.push_back(SessionAction::Emit(input));
    }

    /// A sentence about what the pool does wrong; not more than five a minute.
    fn complain(&mut self, now: Micros, what: fmt::Arguments<'_>) {
        if self.complaints.allow(now) {
            let text = format!("pool {}: {what}", self.place());
            self.emit(PoolInput::Notice { text, warning: true });
        }
    }

    fn lose(&mut self, share: Share) {
        self.ledger.counts.lost += 1;
        self.emit(PoolInput::Answer { share: share.key, answer: Answer::Lost, latency: Duration::ZERO });
    }

    /// Answers a request of the pool; a notification needs no answer.
    fn reply(&mut self, response: Response) {
        if !response.id.is_null() {
            self.send(&Message::Response(response));
        }
    }

    /// Sends a message, unless an id that is echoed makes it longer than pools read.
    fn send(&mut self, message: &Message<ClientCall>) {
        let line = message.encode();
        if line.len() < CLIENT_LINE_LIMIT {
            self.outbox.push_back(SessionAction::Send(line));
        }
    }
}
