//! Hosts of chains of BM13xx chips (`docs/protocols/bm13xx.md`).

use std::collections::{BTreeSet, HashSet, VecDeque};

use adit_protocol::bm13xx::{
    Chip, Codec, Command, Frame, Generation, Job, Jobs, Pll, Register, Reject, Ticket, To, VersionRolling,
};
use adit_protocol::devices::Model;
use adit_protocol::pow::Hash;
use adit_protocol::wire::{Codec as _, Micros, Side, Step};

use super::sheet::{Rule, Sheet};

/// A step of the clock that no host takes at once, in MHz: hosts take 6.25, factories up to 25 (§12).
const STEP_MHZ: f64 = 26.0;
/// Jobs that are remembered to see whether one is given twice.
const REMEMBERED: usize = 4_096;
/// Blocks that are remembered to see whether one comes back.
const BLOCKS: usize = 64;

const NO_JOB: &str = "no job was sent";

/// A rule of the family.
macro_rules! bm13xx {
    ($($rest:tt)*) => {
        super::sheet::rule!("docs/protocols/bm13xx.md", $($rest)*)
    };
}

static RULES: &[Rule] = &[
    bm13xx!(
        "line",
        "line-speed",
        "it speaks at the chips' rate, before and after it changes it",
        "§2, §8",
        "the line has no rate, or nothing was sent"
    ),
    bm13xx!(
        "line",
        "raw-mode",
        "its terminal is raw: no byte is translated, eaten or echoed",
        "§2",
        "the line is no terminal, or nothing was sent"
    ),
    bm13xx!("frames", "frame-crc", "its frames have good CRCs", "§3.4, §3.5", "nothing was sent"),
    bm13xx!(
        "frames",
        "whole-frames",
        "everything it sends is whole frames",
        "§3.1, §3.2",
        "nothing was sent"
    ),
    bm13xx!("identification", "counts-first", "it counts the chips before it gives work", "§5 (3)", NO_JOB),
    bm13xx!(
        "enumeration",
        "addresses-first",
        "it gives addresses before work, and writes to none that nobody has",
        "§5 (5)",
        NO_JOB
    ),
    bm13xx!("setup", "ticket-first", "it sets the ticket mask before it gives work", "§6.5, §11", NO_JOB),
    bm13xx!(
        "setup",
        "ticket-form",
        "its ticket masks are powers of two, each byte reversed",
        "§6.5",
        "none was set"
    ),
    bm13xx!(
        "limits",
        "clock-limits",
        "it stays within the clocks of the model",
        "§6.4, §12",
        "no clock was set"
    ),
    bm13xx!("limits", "clock-lock", "its PLL words lock", "§6.4", "no clock was set"),
    bm13xx!("limits", "clock-ramp", "it raises the clock in steps", "§12", "no clock was raised"),
    bm13xx!("work", "job-bytes", "its job bytes are those that the chips return", "§9.1", NO_JOB),
    bm13xx!(
        "work",
        "new-ids",
        "jobs that follow each other have different job bytes",
        "§9.1",
        "no two jobs were sent"
    ),
    bm13xx!("work", "new-work", "it gives no work twice", "§9.2", NO_JOB),
];
static WITH_HEADERS: &[Rule] = &[
    bm13xx!(
        "setup",
        "rolling-first",
        "it switches version rolling on before it sends whole headers",
        "§6.2, §7.1",
        NO_JOB
    ),
    bm13xx!(
        "setup",
        "sweep-first",
        "it sets the hash counting number before it gives work",
        "§6.2, §9.2",
        NO_JOB
    ),
    bm13xx!(
        "work",
        "flushes",
        "after a new block it gives no work of the old one",
        "§12",
        "no new block was seen"
    ),
];

pub(super) fn judge(model: &'static Model) -> Option<(Box<dyn super::Judge>, Vec<&'static Rule>)> {
    let chip = Chip::from_name(model.chips.kind)?;
    let generation = chip.facts().generation;
    let mut rules: Vec<_> = RULES.iter().collect();
    rules.extend(WITH_HEADERS.iter().filter(|_| generation == Generation::V2));
    let mut codec = Codec::new(generation, Side::Host);
    codec.set_jobs(Jobs::Midstates);
    let judge = Host {
        model,
        chip,
        codec,
        buffer: Vec::new(),
        counted: false,
        addresses: BTreeSet::new(),
        ticket: false,
        rolling: false,
        sweep: false,
        clock: None,
        last_id: None,
        given: HashSet::new(),
        order: VecDeque::new(),
        blocks: VecDeque::new(),
    };
    Some((Box::new(judge), rules))
}

struct Host {
    model: &'static Model,
    chip: Chip,
    codec: Codec,
    buffer: Vec<u8>,
    counted: bool,
    addresses: BTreeSet<u8>,
    ticket: bool,
    rolling: bool,
    sweep: bool,
    /// The clock that the host has set, in MHz.
    clock: Option<f64>,
    last_id: Option<u8>,
    given: HashSet<Vec<u8>>,
    order: VecDeque<Vec<u8>>,
    /// Previous blocks of its jobs, the latest last.
    blocks: VecDeque<Hash>,
}

impl super::Judge for Host {
    fn heard(&mut self, _now: Micros, bytes: &[u8], sheet: &mut Sheet) {
        self.buffer.extend_from_slice(bytes);
        self.decode(false, sheet);
    }

    fn said(&mut self, _now: Micros, _bytes: &[u8], _sheet: &mut Sheet) {}

    fn quiet(&mut self, _now: Micros, sheet: &mut Sheet) {
        self.decode(true, sheet);
    }
}

impl Host {
    fn decode(&mut self, quiet: bool, sheet: &mut Sheet) {
        let mut at = 0;
        while at < self.buffer.len() {
            match self.codec.decode(&self.buffer[at..], quiet) {
                Step::Frame { frame, used } => {
                    at += used;
                    sheet.holds("frame-crc", "all of them");
                    sheet.holds("whole-frames", "all of it");
                    self.frame(&frame, sheet);
                }
                Step::Skip { used, why } => {
                    at += used;
                    match why {
                        Reject::BadCrc5 { .. } | Reject::BadCrc16 { .. } => {
                            sheet.breaks("frame-crc", &why.to_string());
                            // what is left of the frame is nothing by itself
                            at = self.next_preamble(at);
                        }
                        why => sheet.breaks("whole-frames", &why.to_string()),
                    }
                }
                Step::NeedMore => break,
            }
        }
        self.buffer.drain(..at.min(self.buffer.len()));
    }

    /// Where the next frame may begin, from `at` on.
    fn next_preamble(&self, at: usize) -> usize {
        let rest = &self.buffer[at.min(self.buffer.len())..];
        at + rest.windows(2).position(|two| two == [0x55, 0xaa]).unwrap_or(rest.len())
    }

    fn frame(&mut self, frame: &Frame, sheet: &mut Sheet) {
        match frame {
            Frame::Command(Command::Read { to: To::All, register: Register::CHIP_ID }) => self.counted = true,
            Frame::Command(Command::SetAddress(address)) => {
                self.addresses.insert(*address);
            }
            Frame::Command(Command::Write { to, register, value }) => {
                self.addressed(*to, sheet);
                self.write(*register, *value, sheet);
            }
            Frame::Job(job) => self.job(job, sheet),
            _ => {}
        }
    }

    /// A write to one chip: somebody must have been given that address. BM1372 obey a quarter of theirs (§5).
    fn addressed(&self, to: To, sheet: &mut Sheet) {
        let To::Chip(address) = to else { return };
        let quarter = |given: &u8| self.chip == Chip::Bm1372 && given >> 2 == address;
        if !self.addresses.contains(&address) && !self.addresses.iter().any(quarter) {
            sheet.breaks("addresses-first", &format!("a write to chip {address:02x}, which nobody is"));
        }
    }

    fn write(&mut self, register: Register, value: u32, sheet: &mut Sheet) {
        if register == self.chip.ticket_register() {
            self.ticket = true;
            sheet.judge("ticket-form", Ticket::from_register(value).is_some(), || format!("{value:08x}"));
        } else if register == self.chip.pll_register() {
            self.set_clock(value, sheet);
        } else if self.chip.facts().generation == Generation::V2 {
            match register {
                Register::VERSION_ROLLING => {
                    let rolling = VersionRolling::from_bits(value).bits() >> 31 == 1;
                    self.rolling = rolling;
                    self.codec.set_jobs(if rolling { Jobs::Headers } else { Jobs::Midstates });
                }
                Register::HASH_COUNT => self.sweep = value != 0,
                _ => {}
            }
        }
    }

    fn set_clock(&mut self, word: u32, sheet: &mut Sheet) {
        let limits = &self.chip.facts().pll;
        let Some(pll) = Pll::from_word(limits.encoding, word) else {
            return sheet.breaks("clock-lock", &format!("{word:08x} is no clock"));
        };
        let (low, high) = limits.vco_mhz;
        // published limits are narrower than what chips lock at
        let locks = pll.vco_mhz() >= low * 0.5 && pll.vco_mhz() <= high * 1.01;
        sheet.judge("clock-lock", locks, || format!("{word:08x}: {:.0} MHz inside", pll.vco_mhz()));
        let mhz = pll.frequency().mhz();
        if let Some([_, _, high]) = self.model.clock {
            sheet.judge("clock-limits", mhz <= high.mhz() * 1.01, || {
                format!("{mhz:.1} MHz, up to {:.0}", high.mhz())
            });
        }
        if let Some(before) = self.clock.replace(mhz).filter(|before| mhz > *before) {
            let step = mhz - before;
            sheet
                .judge("clock-ramp", step <= STEP_MHZ, || format!("{step:.2} MHz at once, from {before:.1}"));
        }
    }

    fn job(&mut self, job: &Job, sheet: &mut Sheet) {
        if let Job::Midstates(job) = job
            && job.nbits & 1 == 1
        {
            return; // it opens cores (§11.7)
        }
        sheet.judge("counts-first", self.counted, || said(self.counted, "a read of register 00"));
        let addressed = !self.addresses.is_empty();
        sheet.judge("addresses-first", addressed, || said(addressed, "an address"));
        sheet.judge("ticket-first", self.ticket, || said(self.ticket, "a ticket mask"));
        sheet.judge("rolling-first", self.rolling, || said(self.rolling, "version rolling"));
        sheet.judge("sweep-first", self.sweep, || said(self.sweep, "a hash counting number"));
        self.ids(job, sheet);
        self.fresh(job, sheet);
        if let Job::Header(job) = job {
            self.block(job.header.prev_hash, sheet);
        }
    }

    fn ids(&mut self, job: &Job, sheet: &mut Sheet) {
        let byte = job.job_byte();
        let midstates = match job {
            Job::Midstates(job) => job.slots,
            Job::Header(_) => 1,
        };
        let returned = self.chip.answer_id(self.chip.id_byte(byte, 0), midstates).job_byte == byte;
        sheet.judge("job-bytes", returned, || format!("job byte {byte:02x}"));
        if let Some(last) = self.last_id.replace(byte) {
            sheet.judge("new-ids", last != byte, || format!("job byte {last:02x}, then {byte:02x}"));
        }
    }

    fn fresh(&mut self, job: &Job, sheet: &mut Sheet) {
        let mut bytes = Codec::new(self.chip.facts().generation, Side::Host).encoded(&Frame::Job(*job));
        let head = if self.chip.facts().generation.has_preamble() { 4 } else { 2 };
        let end = bytes.len().saturating_sub(2);
        bytes = bytes.get(head + 1..end).map(<[u8]>::to_vec).unwrap_or_default();
        let is_new = self.given.insert(bytes.clone());
        sheet.judge("new-work", is_new, || match is_new {
            true => "every job once".into(),
            false => "a job was sent a second time".into(),
        });
        self.order.push_back(bytes);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.given.remove(&oldest);
        }
    }

    fn block(&mut self, previous: Hash, sheet: &mut Sheet) {
        match self.blocks.iter().rposition(|block| *block == previous) {
            Some(at) if at + 1 == self.blocks.len() => {}
            Some(_) => sheet.breaks("flushes", "work of a block that was over"),
            None => {
                if !self.blocks.is_empty() {
                    sheet.holds("flushes", "none");
                }
                self.blocks.push_back(previous);
                if self.blocks.len() > BLOCKS {
                    self.blocks.pop_front();
                }
            }
        }
    }
}

fn said(held: bool, what: &str) -> String {
    if held { format!("{what} came before") } else { format!("work without {what}") }
}
