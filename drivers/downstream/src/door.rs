//! How much is borne from somebody who connects.

use std::time::Duration;

use adit_driver::Fault;
use adit_protocol::wire::Micros;

/// Time to subscribe and log in.
const LOGIN: Duration = Duration::from_secs(10);
/// Time for a line from its first byte to its last.
const SLOW: Duration = Duration::from_secs(10);
/// Time in which a miner that has a job must have found something.
const IDLE: Duration = Duration::from_secs(1_800);
/// Lines that may come at once, and lines a second in the long run.
const BURST: f64 = 200.0;
const LINES_PER_SECOND: f64 = 60.0;
/// Lines in a row that are no messages.
const MOST_GARBAGE: u8 = 3;
/// Passwords that may be tried.
const MOST_TRIES: u8 = 3;
/// Wrong shares in a row.
const MOST_WRONG: u32 = 64;

/// Whoever is this is no miner.
pub(crate) const NO_MINER: Fault = Fault::WrongDevice { expected: "a miner" };

/// Counts what a miner does wrong, and watches the clock.
#[derive(Debug)]
pub(crate) struct Door {
    opened: Micros,
    ready: bool,
    /// When the line began that is not whole yet.
    line_since: Option<Micros>,
    /// When it last found something, or got its first job.
    proved: Option<Micros>,
    /// Lines that may come now, as of `heard`.
    credit: f64,
    heard: Micros,
    garbage: u8,
    tries: u8,
    wrong: u32,
}

impl Door {
    /// Somebody has connected.
    pub(crate) fn open(now: Micros) -> Self {
        Self {
            opened: now,
            ready: false,
            line_since: None,
            proved: None,
            credit: BURST,
            heard: now,
            garbage: 0,
            tries: 0,
            wrong: 0,
        }
    }

    /// It has logged in.
    pub(crate) fn let_in(&mut self) {
        self.ready = true;
    }

    /// It has a job.
    pub(crate) fn begin(&mut self, now: Micros) {
        self.proved = self.proved.or(Some(now));
    }

    /// A line has ended.
    pub(crate) fn line(&mut self, now: Micros) -> Result<(), Fault> {
        self.line_since = None;
        let earned = now.since(self.heard).as_secs_f64() * LINES_PER_SECOND;
        (self.credit, self.heard) = ((self.credit + earned).min(BURST) - 1.0, now);
        if self.credit < 0.0 { Err(NO_MINER) } else { Ok(()) }
    }

    /// Bytes have arrived, after which a line is begun or not.
    pub(crate) fn begun(&mut self, now: Micros, is_begun: bool) {
        self.line_since = is_begun.then(|| self.line_since.unwrap_or(now));
    }

    /// A line made sense.
    pub(crate) fn sense(&mut self) {
        self.garbage = 0;
    }

    /// A line was no message.
    pub(crate) fn nonsense(&mut self) -> Result<(), Fault> {
        self.garbage += 1;
        if self.garbage < MOST_GARBAGE { Ok(()) } else { Err(NO_MINER) }
    }

    /// The password was wrong.
    pub(crate) fn wrong_password(&mut self) -> Result<(), Fault> {
        self.tries += 1;
        if self.tries < MOST_TRIES { Ok(()) } else { Err(NO_MINER) }
    }

    /// A share was right.
    pub(crate) fn right(&mut self, now: Micros) {
        (self.proved, self.wrong) = (Some(now), 0);
    }

    /// A share was none.
    pub(crate) fn wrong(&mut self) -> Result<(), Fault> {
        self.wrong += 1;
        let (errors, nonces) = (self.wrong, self.wrong);
        if self.wrong < MOST_WRONG { Ok(()) } else { Err(Fault::HardwareErrors { errors, nonces }) }
    }

    /// What is wrong now.
    pub(crate) fn overdue(&self, now: Micros) -> Result<(), Fault> {
        let since = |begun: Option<Micros>, most: Duration| {
            begun.map(|begun| now.since(begun)).filter(|span| *span >= most)
        };
        if !self.ready && since(Some(self.opened), LOGIN).is_some() {
            return Err(Fault::NoAnswer { waited_ms: LOGIN.as_millis() as u32 });
        }
        match since(self.line_since, SLOW).or(since(self.proved, IDLE)) {
            Some(span) => Err(Fault::Silent { seconds: span.as_secs() as u32 }),
            None => Ok(()),
        }
    }

    /// When something will be.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        let login = (!self.ready).then(|| self.opened + LOGIN);
        let line = self.line_since.map(|since| since + SLOW);
        let idle = self.proved.map(|since| since + IDLE);
        login.into_iter().chain(line).chain(idle).min()
    }
}
