//! Hosts of the Icarus family (`docs/protocols/icarus.md`).

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use adit_protocol::devices::Model;
use adit_protocol::icarus::{
    CairnsmoreCommand, Chip, ChipCommand, Codec, Command, Dialect, Frame, Job, Reject, golden, rbox_clock_mhz,
};
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Codec as _, Micros, Side, Step};

use super::sheet::{Rule, Sheet};

/// A host waits so long for the answer to the detection job, or until it is there (§3.2).
const DETECTION: Duration = Duration::from_millis(100);
/// Part of its time that a device may be without work.
const IDLE: f64 = 0.05;
/// Before so much time has passed nothing is said about that.
const BUSY_AFTER: Duration = Duration::from_secs(5);
/// Jobs that are remembered to see whether one is given twice.
const REMEMBERED: usize = 4_096;

const NO_JOB: &str = "no job was sent";

/// A rule of the family.
macro_rules! icarus {
    ($($rest:tt)*) => {
        super::sheet::rule!("docs/protocols/icarus.md", $($rest)*)
    };
}

static RULES: &[Rule] = &[
    icarus!(
        "line",
        "line-speed",
        "it speaks at the device's rate",
        "§1",
        "the line has no rate, or nothing was sent"
    ),
    icarus!(
        "line",
        "raw-mode",
        "its terminal is raw: no byte is translated, eaten or echoed",
        "§1, §3.2, §9 (10)",
        "the line is no terminal, or nothing was sent"
    ),
    icarus!("identification", "detection-first", "its first job is one whose nonce it knows", "§3.4", NO_JOB),
    icarus!(
        "identification",
        "waits-for-answer",
        "it waits for the answer to the detection job, 100 ms at least, before it gives work",
        "§3.2, §3.4",
        "no detection job was followed by work"
    ),
    icarus!(
        "frames",
        "whole-jobs",
        "everything it sends is whole frames",
        "§2.1, §7.2, §8.1",
        "nothing was sent"
    ),
    icarus!(
        "work",
        "new-work",
        "it gives no work twice",
        "§5.1",
        "no work was given, or the device asks for repetitions"
    ),
    icarus!(
        "work",
        "keeps-busy",
        "the next job is there before the device has searched the last",
        "§2.4, §5.1",
        "no work was given for five seconds, or the device asks for work itself"
    ),
    icarus!(
        "work",
        "flushes",
        "after a new block it gives no work of the old one",
        "§5.1",
        "a midstate does not say which block it is of"
    ),
];
static WITH_IDS: &[Rule] = &[
    icarus!("frames", "command-crc", "its commands have a good CRC5", "§7.2", "no command was sent"),
    icarus!(
        "work",
        "work-ids",
        "jobs that follow each other have different ids",
        "§7.1",
        "no two works were given"
    ),
];
static WITH_CLOCK: &[Rule] = &[icarus!(
    "limits",
    "clock-limits",
    "it stays within the clocks of the model",
    "§6.1, §7.3, §8.4",
    "no clock was set"
)];

pub(super) fn judge(model: &'static Model, protocol: &str) -> (Box<dyn super::Judge>, Vec<&'static Rule>) {
    let dialect = match protocol {
        "icarus5" => Dialect::Icarus5,
        "rbox" => Dialect::Rbox,
        _ => Dialect::Icarus,
    };
    let mut rules: Vec<_> = RULES.iter().collect();
    rules.extend(WITH_IDS.iter().filter(|_| dialect == Dialect::Icarus5));
    rules.extend(WITH_CLOCK.iter().filter(|_| model.clock.is_some()));
    let judge = Host {
        model,
        dialect,
        codec: Codec::new(dialect, Side::Host),
        buffer: Vec::new(),
        jobs: 0,
        detecting: None,
        detected: false,
        given: HashSet::new(),
        order: VecDeque::new(),
        last_id: None,
        clock: None,
        work: None,
    };
    (Box::new(judge), rules)
}

struct Host {
    model: &'static Model,
    dialect: Dialect,
    codec: Codec,
    buffer: Vec<u8>,
    jobs: u64,
    /// A detection job that has not been answered, and since when.
    detecting: Option<Micros>,
    detected: bool,
    given: HashSet<[u8; 64]>,
    order: VecDeque<[u8; 64]>,
    last_id: Option<u8>,
    /// The clock that the host has set.
    clock: Option<Hertz>,
    work: Option<AtWork>,
}

/// How the device was kept busy.
struct AtWork {
    since: Micros,
    /// When the search of the latest job began.
    job: Micros,
    idle: Duration,
}

impl super::Judge for Host {
    fn heard(&mut self, now: Micros, bytes: &[u8], sheet: &mut Sheet) {
        self.buffer.extend_from_slice(bytes);
        self.decode(now, false, sheet);
    }

    fn said(&mut self, _now: Micros, _bytes: &[u8], _sheet: &mut Sheet) {
        self.detecting = None;
    }

    fn quiet(&mut self, now: Micros, sheet: &mut Sheet) {
        self.decode(now, true, sheet);
    }
}

impl Host {
    fn decode(&mut self, now: Micros, quiet: bool, sheet: &mut Sheet) {
        let mut at = 0;
        while at < self.buffer.len() {
            match self.codec.decode(&self.buffer[at..], quiet) {
                Step::Frame { frame, used } => {
                    at += used;
                    sheet.holds("whole-jobs", "all of it");
                    self.frame(now, &frame, sheet);
                }
                Step::Skip { used, why } => {
                    at += used;
                    // bytes before the first whole frame may be the end of somebody else's
                    match why {
                        Reject::BadCommand { .. } => sheet.breaks("command-crc", &why.to_string()),
                        why => sheet.breaks("whole-jobs", &why.to_string()),
                    }
                }
                Step::NeedMore => break,
            }
        }
        self.buffer.drain(..at.min(self.buffer.len()));
    }

    fn frame(&mut self, now: Micros, frame: &Frame, sheet: &mut Sheet) {
        match frame {
            Frame::Job(job) => self.job(now, job, sheet),
            Frame::Command(Command::Chip(command)) => {
                sheet.holds("command-crc", "all of them");
                if let ChipCommand::SetPll(word) = command {
                    let kind = if self.model.chips.kind == "BM1382" { Chip::Bm1382 } else { Chip::Bm1380 };
                    self.set_clock(word.frequency(kind), sheet);
                }
            }
            // the support probe asks for a clock that no bitstream takes (§6.3)
            Frame::Command(Command::Cairnsmore(command))
                if command.command == CairnsmoreCommand::CLOCK && command.data != 1 =>
            {
                self.set_clock(CairnsmoreCommand::clock_of(command.data), sheet);
            }
            _ => {}
        }
    }

    fn set_clock(&mut self, clock: Hertz, sheet: &mut Sheet) {
        self.clock = Some(clock);
        if let Some([low, _, high]) = self.model.clock {
            let within = clock.0 >= low.0 * 0.99 && clock.0 <= high.0 * 1.01;
            sheet.judge("clock-limits", within, || {
                format!("{:.1} MHz, between {:.0} and {:.0}", clock.mhz(), low.mhz(), high.mhz())
            });
        }
    }

    fn job(&mut self, now: Micros, job: &Job, sheet: &mut Sheet) {
        self.jobs += 1;
        let known = golden::lookup(job);
        if self.jobs == 1 {
            sheet.judge("detection-first", known.is_some(), || match known {
                Some(known) => known.id.into(),
                None => "the first job is one that nobody knows".into(),
            });
        }
        if self.dialect == Dialect::Rbox {
            self.set_clock(Hertz::from_mhz(rbox_clock_mhz(job.rbox_clock()).into()), sheet);
        }
        if known.is_some() {
            self.work = None; // nobody mines while he detects
            (self.detecting, self.detected) = (Some(now), true);
            return;
        }
        if let Some(asked) = self.detecting.take() {
            let waited = now.since(asked);
            sheet.judge("waits-for-answer", waited >= DETECTION, || {
                format!("{} ms without an answer, then work", waited.as_millis())
            });
        } else if self.detected {
            sheet.holds("waits-for-answer", "work after the answer");
        }
        if self.dialect != Dialect::Rbox {
            self.fresh(job, sheet);
            self.pace(now, sheet);
        }
    }

    fn fresh(&mut self, job: &Job, sheet: &mut Sheet) {
        let mut bytes = Job { filler: [0; 20], ..*job }.to_icarus_bytes();
        let is_new = self.given.insert(bytes);
        sheet.judge("new-work", is_new, || match is_new {
            true => "every job once".into(),
            false => "a job was sent a second time".into(),
        });
        self.order.push_back(bytes);
        if self.order.len() > REMEMBERED {
            bytes = self.order.pop_front().unwrap_or(bytes);
            self.given.remove(&bytes);
        }
        let id = job.work_id();
        if let Some(last) = self.last_id.replace(id) {
            // a host without ids sends zero always
            sheet.judge("work-ids", last != id || id == 0, || format!("id {last}, then id {id}"));
        }
    }

    /// How long a job keeps the device busy.
    fn range(&self) -> Duration {
        let default = self.model.clock.map(|[_, default, _]| default.0);
        let part = match (self.clock, default) {
            (Some(clock), Some(default)) if default > 0.0 => clock.0 / default,
            _ => 1.0,
        };
        Duration::from_secs_f64(2_f64.powi(32) / (self.model.nominal.0 * part).max(1.0))
    }

    fn pace(&mut self, now: Micros, sheet: &mut Sheet) {
        let range = self.range();
        let work = self.work.get_or_insert(AtWork { since: now, job: now, idle: Duration::ZERO });
        work.idle += now.since(work.job).saturating_sub(range);
        work.job = now;
        let whole = now.since(work.since);
        if whole >= BUSY_AFTER {
            let idle = work.idle.as_secs_f64() / whole.as_secs_f64();
            sheet.judge("keeps-busy", idle <= IDLE, || {
                format!("idle for {:.1} % of {:.0} s", idle * 100.0, whole.as_secs_f64())
            });
        }
    }
}
