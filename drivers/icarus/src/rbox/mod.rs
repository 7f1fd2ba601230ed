//! Mining on an R-BOX: two task slots for every chip, filled when the box asks (`docs/protocols/icarus.md §8`).

mod chip;
mod heat;
mod records;

use std::collections::VecDeque;
use std::time::Duration;

use adit_driver::{Command, Event, Fault, Nonce, Outbox, Ruling, Work};
use adit_protocol::icarus::{Job, RboxRecord, RecordKind, rbox_clock_code, rbox_clock_mhz};
use adit_protocol::units::Hertz;
use adit_protocol::wire::Micros;

use crate::control;
use crate::detect::PORT;
use crate::feed::Queue;
use crate::health::{Health, Unjudged};
use crate::rig::Rig;
use crate::ring::Placed;
use crate::serial::answers_a_test;
use chip::{Chip, FIRST_OTHER};
use heat::{Heat, Verdict as Warmth};
use records::{Item, Records};

/// A chip that has said nothing for so long has missed its job: it gets another, unasked (§8.3).
const FORGOTTEN: Duration = Duration::from_secs(6);
/// A box that has said nothing at all for so long is gone (§8.5).
const SILENCE: Duration = Duration::from_secs(10);

/// The mining state.
#[derive(Debug)]
pub(crate) struct Rbox {
    rig: Rig,
    queue: Queue,
    chips: Vec<Chip>,
    /// Chips that wait for a work, in the order in which they asked.
    owed: VecDeque<u8>,
    records: Records,
    heat: Heat,
    health: Health,
    /// Chip of every nonce that has not been judged.
    unjudged: Unjudged<u8>,
    /// Clock code of every job.
    clock: u8,
    heard_at: Micros,
}

impl Rbox {
    /// Begins mining: announces what the box can do and asks for a work for every chip.
    pub(crate) fn begin(now: Micros, rig: Rig, received: u64, outbox: &mut Outbox) -> Self {
        let count = rig.engines.max(1);
        let clock = rbox_clock_code(rig.clock.map_or(0.0, Hertz::mhz) as u16);
        let rbox = Self {
            queue: Queue::new(count, received),
            chips: (0..count).map(|_| Chip::new(now)).collect(),
            owed: (0..count as u8).collect(),
            records: Records::new(rig.product),
            heat: Heat::new(rig.options.temperature_limit, usize::from(count)),
            health: Health::default(),
            unjudged: Unjudged::new(),
            clock,
            heard_at: now,
            rig,
        };
        rbox.announce(outbox);
        rbox.queue.announce(outbox);
        rbox
    }

    fn announce(&self, outbox: &mut Outbox) {
        let memory = self.chips.len() as u16 * 4;
        outbox.emit(Event::Ready(self.rig.capability(self.queue.room(), memory, self.rig.nominal())));
    }

    /// Bytes arrived, or (none) the line fell quiet.
    pub(crate) fn on_bytes(&mut self, now: Micros, bytes: &[u8], quiet: bool, outbox: &mut Outbox) {
        self.records.extend(bytes);
        while let Some(item) = self.records.next(quiet) {
            match item {
                Item::Record(record) => self.on_record(now, &record, outbox),
                Item::Garbage(bytes) => outbox.emit(Event::Fault(Fault::Garbage { bytes })),
            }
        }
        self.feed(now, outbox);
    }

    fn on_record(&mut self, now: Micros, record: &RboxRecord, outbox: &mut Outbox) {
        self.heard_at = now;
        let range = self.range();
        let Some(chip) = self.chips.get_mut(usize::from(record.chip)) else { return };
        chip.heard(now);
        match record.kind {
            RecordKind::Nonce(nonce) => self.on_nonce(record, nonce, outbox),
            RecordKind::Complete => {
                if chip.complete(record.slot)
                    && let Some(fault) = self.health.searched(range, range)
                {
                    outbox.fail(fault);
                }
            }
            RecordKind::Request => {
                chip.asked_for(record.slot);
                if !self.owed.contains(&record.chip) {
                    self.owed.push_back(record.chip);
                }
            }
        }
        self.feel(now, record, outbox);
    }

    fn on_nonce(&mut self, record: &RboxRecord, nonce: u32, outbox: &mut Outbox) {
        let Some(chip) = self.chips.get(usize::from(record.chip)) else { return };
        let claims = chip.claims(record.slot, nonce);
        // What comes before a chip's first job answers a job of the detection.
        let is_test = answers_a_test(nonce) && !chip.is_solved_by(nonce, &self.rig.target());
        if claims.is_empty() || is_test {
            return;
        }
        let seq = self.unjudged.number(record.chip);
        outbox.emit(Event::Nonce(Nonce { seq, unit: u16::from(record.chip), claims }));
    }

    /// Looks at the temperature that comes with every record.
    fn feel(&mut self, now: Micros, record: &RboxRecord, outbox: &mut Outbox) {
        match self.heat.feel(now, record, outbox) {
            Warmth::Fine => {}
            Warmth::Warm => self.step_down(),
            Warmth::Dangerous(fault) => outbox.fail(fault),
        }
    }

    /// One clock step slower, as far as the model goes.
    fn step_down(&mut self) {
        let Some([low, ..]) = self.rig.candidate.model.clock else { return };
        let slower = Hertz::from_mhz(f64::from(rbox_clock_mhz(self.clock.saturating_sub(1))));
        if slower >= low {
            self.clock -= 1;
            self.rig.clock = Some(slower);
        }
    }

    /// A work came.
    pub(crate) fn on_work(&mut self, now: Micros, work: Work, outbox: &mut Outbox) {
        self.queue.put(work);
        self.feed(now, outbox);
    }

    /// The pool has another job. A running task cannot be aborted: it ends within its range.
    pub(crate) fn on_job_changed(&mut self) {
        self.queue.clear();
    }

    /// Gives waiting works to the chips that asked first.
    fn feed(&mut self, now: Micros, outbox: &mut Outbox) {
        let mut fed = false;
        while !outbox.failed() && !self.owed.is_empty() {
            let Some(work) = self.queue.take() else { break };
            let Some(number) = self.owed.pop_front() else { break };
            let job = Job::from_header(&work.header).for_rbox(self.clock, number);
            outbox.write(PORT, job.to_rbox_bytes().to_vec());
            if let Some(chip) = self.chips.get_mut(usize::from(number)) {
                chip.place(Placed { work, job, at: now });
            }
            fed = true;
        }
        if fed {
            self.queue.announce(outbox);
        }
    }

    /// A nonce was judged.
    pub(crate) fn on_ruling(&mut self, ruling: &Ruling, outbox: &mut Outbox) {
        if let Some(fault) = self.health.judge(ruling.verdict) {
            return outbox.fail(fault);
        }
        let Some(chip) = self.unjudged.take(ruling.seq) else { return };
        let was_other = ruling.claim.is_some_and(|claim| usize::from(claim) >= FIRST_OTHER);
        if ruling.verdict.is_valid()
            && was_other
            && let Some(chip) = self.chips.get_mut(usize::from(chip))
        {
            chip.swap();
        }
    }

    /// The user wants something.
    pub(crate) fn on_command(&mut self, command: Command, outbox: &mut Outbox) {
        match command {
            Command::Frequency(wanted) if control::is_allowed(self.rig.candidate.model, wanted) => {
                self.clock = rbox_clock_code(wanted.mhz() as u16);
                self.rig.clock = Some(Hertz::from_mhz(f64::from(rbox_clock_mhz(self.clock))));
                self.announce(outbox);
            }
            _ => outbox.emit(Event::Declined(command)),
        }
    }

    /// Time has passed.
    pub(crate) fn on_timer(&mut self, now: Micros, outbox: &mut Outbox) {
        if self.is_busy() && now >= self.heard_at + SILENCE {
            return outbox.fail(Fault::Silent { seconds: SILENCE.as_secs() as u32 });
        }
        for (number, chip) in (0_u8..).zip(&mut self.chips) {
            if chip.is_forgotten(now, FORGOTTEN) && !self.owed.contains(&number) {
                chip.heard(now);
                self.owed.push_back(number);
            }
        }
        self.feed(now, outbox);
    }

    /// When time matters next.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        if !self.is_busy() {
            return None;
        }
        let forgotten = (0_u8..)
            .zip(&self.chips)
            .filter(|(number, _)| !self.owed.contains(number))
            .filter_map(|(_, chip)| chip.forgotten_at(FORGOTTEN));
        forgotten.chain([self.heard_at + SILENCE]).min()
    }

    /// Whether some chip has something to do.
    fn is_busy(&self) -> bool {
        self.chips.iter().any(Chip::is_busy)
    }

    /// Time one chip takes for a whole range.
    fn range(&self) -> Duration {
        Duration::from_secs_f64(2_f64.powi(32) * self.chips.len() as f64 / self.rig.nominal())
    }
}
