//! A box as its checks see it: jobs for its chips go out, records come in.

use std::time::Duration;

use adit_protocol::icarus::golden::KnownJob;
use adit_protocol::icarus::{Codec, Dialect, Frame, Job, RboxRecord, RecordKind, Reject, rbox_clock_code};
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Codec as _, Micros, Port, Side};

use crate::exam::desk::{Desk, Ending};
use crate::exam::ear;

const PORT: Port = Port(0);
/// Silence that ends a record.
const QUIET: Duration = Duration::from_millis(20);
/// Time that an answer may take beyond the search.
pub(super) const SLACK: Duration = Duration::from_millis(250);
/// What is tried around the counter of a record (§8.3): newer boxes are off by a little.
const CORRECTIONS: [i32; 5] = [0, 1, -1, -2, -4];

pub(super) type Hearing = ear::Hearing<Frame, Reject>;

pub(super) struct Case {
    pub(super) desk: Desk,
    pub(super) chips: u8,
    codec: Codec,
}

impl Case {
    /// The box, all of its tasks complete: a running job cannot be taken back.
    pub(super) async fn new(desk: Desk) -> Result<Self, Ending> {
        let chips = u8::try_from(desk.subject.count()).unwrap_or(u8::MAX);
        let case = Self { desk, chips, codec: Codec::new(Dialect::Rbox, Side::Device) };
        case.rest().await;
        Ok(case)
    }

    /// Waits until nothing runs.
    pub(super) async fn rest(&self) {
        let task = self.task_time(self.clock()).mul_f64(1.35);
        self.desk.calm(task, task * 8).await;
    }

    /// The clock of its jobs: its model's, or the slowest where clocks must not be touched. There is no job without one.
    pub(super) fn clock(&self) -> Hertz {
        let [low, default, _] = self.desk.subject.model.clock.unwrap_or([Hertz::from_mhz(200.0); 3]);
        if self.desk.subject.writes { default } else { low }
    }

    /// How long a chip searches a job at `clock`.
    pub(super) fn task_time(&self, clock: Hertz) -> Duration {
        let model = self.desk.subject.model;
        let default = model.clock.map_or(clock, |[_, default, _]| default);
        let rate = model.nominal.0 / f64::from(model.chips.count.max(1)) * clock.0 / default.0;
        Duration::from_secs_f64(2_f64.powi(32) / rate)
    }

    pub(super) fn give(&self, chip: u8, job: Job) -> Micros {
        self.give_at(chip, job, self.clock())
    }

    pub(super) fn give_at(&self, chip: u8, job: Job, clock: Hertz) -> Micros {
        self.bytes(&self.encoded(chip, job, clock))
    }

    pub(super) fn encoded(&self, chip: u8, job: Job, clock: Hertz) -> Vec<u8> {
        let code = rbox_clock_code(clock.mhz() as u16);
        self.codec.encoded(&Frame::Job(job.for_rbox(code, chip)))
    }

    pub(super) fn bytes(&self, bytes: &[u8]) -> Micros {
        self.desk.write(PORT, bytes)
    }

    pub(super) async fn listen(&self, by: Micros, enough: impl FnMut(&Hearing) -> bool) -> Hearing {
        ear::listen(&self.desk, PORT, self.codec, QUIET, by, enough).await
    }

    /// Gives a known job to a chip and waits for its solution, for the whole of a task at most.
    pub(super) async fn solve(&self, chip: u8, known: &KnownJob) -> Result<RboxRecord, Ending> {
        let by = self.give(chip, known.job()) + self.task_time(self.clock()).mul_f64(1.35) + SLACK;
        self.solution(chip, known, by).await
    }

    pub(super) async fn solution(
        &self,
        chip: u8,
        known: &KnownJob,
        by: Micros,
    ) -> Result<RboxRecord, Ending> {
        let hearing = self.listen(by, |hearing| hearing.solution(chip, known).is_some()).await;
        let missing =
            || Ending::Failed(format!("no answer of chip {chip} to job {}, but {hearing}", known.id));
        hearing.solution(chip, known).ok_or_else(missing)
    }
}

/// The counters that a nonce can mean.
pub(super) fn counters(nonce: u32) -> impl Iterator<Item = u32> {
    let counter = nonce.swap_bytes();
    CORRECTIONS.into_iter().map(move |by| counter.wrapping_add_signed(by))
}

impl Hearing {
    pub(super) fn records(&self) -> impl Iterator<Item = (Micros, RboxRecord)> {
        self.frames.iter().filter_map(|(at, frame)| match frame {
            Frame::Record(record) => Some((*at, *record)),
            _ => None,
        })
    }

    pub(super) fn of(&self, chip: u8, kind: RecordKind) -> impl Iterator<Item = (Micros, RboxRecord)> {
        self.records().filter(move |(_, record)| record.chip == chip && record.kind == kind)
    }

    /// Chip, slot and nonce.
    pub(super) fn nonces(&self) -> impl Iterator<Item = (RboxRecord, u32)> {
        self.records().filter_map(|(_, record)| match record.kind {
            RecordKind::Nonce(nonce) => Some((record, nonce)),
            _ => None,
        })
    }

    pub(super) fn solution(&self, chip: u8, known: &KnownJob) -> Option<RboxRecord> {
        let solves = |nonce| counters(nonce).any(|counter| known.counters.contains(&counter));
        self.nonces().find(|(record, nonce)| record.chip == chip && solves(*nonce)).map(|(record, _)| record)
    }
}

impl std::fmt::Display for Hearing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let nonces = self.nonces().count();
        write!(f, "{nonces} nonces and {} other records", self.records().count() - nonces)?;
        match self.rejects.first() {
            Some(why) => write!(f, ", {} times bytes that are no record ({why})", self.rejects.len()),
            None => Ok(()),
        }
    }
}
