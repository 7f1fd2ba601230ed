//! A device of the family as its checks see it: known jobs go out, records come in.

use std::time::Duration;

use adit_protocol::icarus::golden::KnownJob;
use adit_protocol::icarus::{Codec, Dialect, Division, Frame, Job, Register};
use adit_protocol::wire::{Codec as _, Micros, Port, Side, Step};

use crate::exam::desk::{Desk, Ending};

/// Silence after which nothing of what was before is still on its way.
const SILENCE: Duration = Duration::from_millis(60);
/// Time that an answer may take beyond the search: bridges, operating systems.
pub(super) const SLACK: Duration = Duration::from_millis(250);

/// A record that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// When its last byte came.
    pub(super) at: Micros,
    /// Longest silence between two of its bytes.
    pub(super) gap: Duration,
    pub(super) bytes: Vec<u8>,
}

impl Record {
    /// The nonce as the device counts it: bytes 0 to 3, most significant first (§2.2).
    pub(super) fn counter(&self) -> u32 {
        self.bytes.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }

    pub(super) fn solves(&self, known: &KnownJob) -> bool {
        known.counters.contains(&self.counter())
    }

    pub(super) fn work_id(&self) -> Option<u8> {
        self.bytes.get(4).map(|tag| tag & 0x1f)
    }

    /// The register it carries, if it is no nonce (§7.2).
    pub(super) fn register(&self) -> Option<Register> {
        let step = Codec::new(Dialect::Icarus5, Side::Device).decode(&self.bytes, true);
        match step {
            Step::Frame { frame: Frame::Register(register), .. } if self.bytes.len() == 5 => Some(register),
            _ => None,
        }
    }
}

pub(super) struct Stick {
    pub(super) desk: Desk,
    pub(super) dialect: Dialect,
    pub(super) division: Division,
    codec: Codec,
}

impl Stick {
    /// The device, its line silent.
    pub(super) async fn new(desk: Desk) -> Result<Self, Ending> {
        let protocol = desk.subject.model.ports.first().map(|port| port.protocol);
        let dialect = if protocol == Some("icarus5") { Dialect::Icarus5 } else { Dialect::Icarus };
        let count = desk.subject.count();
        let division = Division::new(count)
            .ok_or_else(|| Ending::Skipped(format!("{count} engines are no power of two")))?;
        desk.calm(SILENCE, Duration::from_secs(1)).await;
        Ok(Self { desk, dialect, division, codec: Codec::new(dialect, Side::Device) })
    }

    /// Bytes of a record (§2.2).
    pub(super) const fn record_size(&self) -> usize {
        if matches!(self.dialect, Dialect::Icarus5) { 5 } else { 4 }
    }

    /// Hashes per second of one engine.
    pub(super) fn engine_rate(&self) -> f64 {
        let model = self.desk.subject.model;
        model.nominal.0 / f64::from(model.chips.count.max(1))
    }

    pub(super) fn bytes(&self, job: &Job) -> Vec<u8> {
        self.codec.encoded(&Frame::Job(*job))
    }

    /// Sends bytes; when the last of them is there.
    pub(super) fn send(&self, bytes: &[u8]) -> Micros {
        self.desk.write(Port(0), bytes)
    }

    pub(super) fn give(&self, known: &KnownJob) -> Micros {
        self.send(&self.bytes(&known.job()))
    }

    /// How long the search for the first solution of `known` takes.
    pub(super) fn search(&self, known: &KnownJob) -> Duration {
        let depth = known.first_counter(self.division) & self.division.mask();
        Duration::from_secs_f64(f64::from(depth) / self.engine_rate())
    }

    /// How long to wait for it: a device may be a third slower than its model.
    pub(super) fn patience(&self, known: &KnownJob) -> Duration {
        self.search(known).mul_f64(1.35) + SLACK
    }

    /// What comes until `by`, or until it is `enough`.
    pub(super) async fn listen(&self, by: Micros, mut enough: impl FnMut(&[Record]) -> bool) -> Hearing {
        let mut hearing = Hearing { records: Vec::new(), rest: Vec::new() };
        let (mut last, mut gap) = (None::<Micros>, Duration::ZERO);
        while let Some(heard) = self.desk.hear(by).await {
            for byte in heard.bytes {
                if !hearing.rest.is_empty() {
                    gap = gap.max(last.map_or(Duration::ZERO, |last| heard.at.since(last)));
                }
                last = Some(heard.at);
                hearing.rest.push(byte);
                if hearing.rest.len() == self.record_size() {
                    let bytes = std::mem::take(&mut hearing.rest);
                    hearing.records.push(Record { at: heard.at, gap, bytes });
                    gap = Duration::ZERO;
                }
            }
            if enough(&hearing.records) {
                break;
            }
        }
        hearing
    }

    /// Gives a job that is known and waits for its first solution.
    pub(super) async fn solve(&self, known: &KnownJob) -> Result<(Micros, Record), Ending> {
        let given = self.give(known);
        self.solution(known, given, self.patience(known)).await
    }

    /// Waits for the first solution of a job that was there at `given`.
    pub(super) async fn solution(
        &self,
        known: &KnownJob,
        given: Micros,
        patience: Duration,
    ) -> Result<(Micros, Record), Ending> {
        let wanted = known.first_counter(self.division);
        let by = given + patience;
        let is_it = |record: &Record| record.counter() == wanted;
        let hearing = self.listen(by, |records| records.iter().any(is_it)).await;
        let waited = self.desk.now().since(given);
        match hearing.records.iter().find(|record| is_it(record)) {
            Some(record) => Ok((given, record.clone())),
            None => Err(Ending::Failed(format!(
                "no answer {wanted:08x} to job {} within {:.3} s, but {hearing}",
                known.id,
                waited.as_secs_f64()
            ))),
        }
    }
}

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hearing {
    pub(super) records: Vec<Record>,
    /// Bytes that are no whole record.
    pub(super) rest: Vec<u8>,
}

impl std::fmt::Display for Hearing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.records.is_empty() && self.rest.is_empty() {
            return f.write_str("nothing");
        }
        let shown = self.records.iter().take(8).map(|record| record.bytes.as_slice());
        for (at, bytes) in shown.chain((!self.rest.is_empty()).then_some(self.rest.as_slice())).enumerate() {
            f.write_str(if at == 0 { "" } else { " " })?;
            bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        }
        match self.records.len() {
            9.. => write!(f, " … ({} records)", self.records.len()),
            _ => Ok(()),
        }
    }
}
