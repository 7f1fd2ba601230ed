//! The search of one work: one version after the other, each over all its nonces.

use adit_protocol::cpu::Work;
use adit_protocol::pow::Header;
use adit_protocol::wire::Micros;

use crate::Scan;
use crate::engine::{Easing, Engine, Event, Task};
use crate::solved;

/// What came of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Nonce { version: u32, nonce: u32 },
    Done,
}

/// A work in search.
#[derive(Debug)]
pub(super) struct Search {
    work: Work,
    versions: Vec<u32>,
    /// Versions finished; the next one is being searched.
    finished: usize,
    engine: Engine,
    /// Not every header is tried.
    eased: bool,
}

impl Search {
    /// Begins. `stride`: one header in so many is really tried.
    pub(super) fn begin(now: Micros, work: Work, rate: f64, stride: u64) -> Self {
        let easing = Easing::thinned(work.target(), stride);
        let engine = Engine::new(work.first..=work.last, rate, easing).counting_nonces();
        let mut search =
            Self { work, versions: work.versions().collect(), finished: 0, engine, eased: stride > 1 };
        search.start_version(now);
        search
    }

    fn start_version(&mut self, now: Micros) {
        if let Some(version) = self.versions.get(self.finished) {
            let header = Header { version: *version, ..self.work.header };
            // who tries every header needs no list
            let known = if self.eased { solved::nonces(&header) } else { None };
            let task = Task { midstate: header.midstate(), tail: header.fixed_tail(), known };
            self.engine.start(now, task);
        }
    }

    /// What is searched.
    pub(super) const fn work(&self) -> &Work {
        &self.work
    }

    /// Time has passed.
    pub(super) fn turn(&mut self, now: Micros) -> Option<Outcome> {
        self.engine.search(now);
        match self.engine.take(now)? {
            Event::Hit { counter } => {
                Some(Outcome::Nonce { version: *self.versions.get(self.finished)?, nonce: counter })
            }
            Event::End => {
                self.finished += 1;
                self.start_version(now);
                (self.finished == self.versions.len()).then_some(Outcome::Done)
            }
        }
    }

    /// See [`Engine::next_scan`].
    pub(super) fn next_scan(&mut self) -> Option<Scan> {
        self.engine.next_scan()
    }

    /// See [`Engine::on_scanned`].
    pub(super) fn on_scanned(&mut self, scan: &Scan, found: Option<u32>) {
        self.engine.on_scanned(scan, found);
    }

    /// When there is something to do.
    pub(super) fn deadline(&self) -> Option<Micros> {
        self.engine.deadline()
    }

    /// Searches at `rate` hashes per second from now on.
    pub(super) fn set_rate(&mut self, now: Micros, rate: f64) {
        self.engine.set_rate(now, rate);
    }

    /// Hashes of real hardware until `now`.
    pub(super) fn hashes(&self, now: Micros) -> f64 {
        self.engine.hashes(now)
    }
}
