//! Mining on an R-BOX: two task slots for every chip, filled when the box asks (`docs/protocols/icarus.md §8`).

mod chip;
mod heat;
mod records;

use std::collections::VecDeque;
use std::time::Duration;

use adit_driver::{Command, Event, Fault, Nonce, Outbox, Queue, Ruling, Unjudged, Work, WorkId};
use adit_protocol::icarus::{Job, RboxRecord, RecordKind, rbox_clock_code, rbox_clock_mhz};
use adit_protocol::units::Hertz;
use adit_protocol::wire::Micros;

use crate::control;
use crate::detect::PORT;
use crate::health::Health;
use crate::rig::Rig;
use crate::ring::Placed;
use chip::Chip;
use heat::{Heat, Verdict as Warmth};
use records::{Item, Records};

/// A chip that has said nothing for so long has missed its job: it gets another, unasked. Longer than the 6 s after which a
/// box repeats a request that was not served (§8.3).
const FORGOTTEN: Duration = Duration::from_secs(7);
/// A box that has said nothing at all for so long is gone (§8.5).
const SILENCE: Duration = Duration::from_secs(10);

/// The mining state.
#[derive(Debug)]
pub(crate) struct Rbox {
    rig: Rig,
    queue: Queue,
    chips: Vec<Chip>,
    /// Chips and slots that wait for a work, in the order in which they asked, each once.
    owed: VecDeque<(u8, u8)>,
    records: Records,
    heat: Heat,
    health: Health,
    /// Of every nonce that has not been judged: its chip and slot, and what the other slot held.
    unjudged: Unjudged<(u8, u8, Option<WorkId>)>,
    /// Clock code of every job.
    clock: u8,
    heard_at: Micros,
    /// Until then a chip may still answer the jobs of the detection.
    settled_at: Micros,
}

impl Rbox {
    /// Begins mining: announces what the box can do and asks for a work for every chip.
    pub(crate) fn begin(now: Micros, rig: Rig, received: u64, outbox: &mut Outbox) -> Self {
        let count = rig.engines.max(1);
        let clock = rbox_clock_code(rig.clock.map_or(0.0, Hertz::mhz) as u16);
        let mut rbox = Self {
            queue: Queue::new(count, received),
            chips: (0..count).map(|_| Chip::new(now)).collect(),
            owed: (0..count as u8).map(|number| (number, 0)).collect(),
            records: Records::new(rig.product),
            heat: Heat::new(rig.options.temperature_limit, usize::from(count)),
            health: Health::default(),
            unjudged: Unjudged::new(),
            clock,
            heard_at: now,
            settled_at: now,
            rig,
        };
        rbox.settled_at = now + rbox.range() * 2;
        rbox.announce(outbox);
        rbox.queue.announce(outbox);
        rbox
    }

    fn announce(&self, outbox: &mut Outbox) {
        let memory = self.chips.len() as u16 * 6;
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
            RecordKind::Nonce(nonce) => self.on_nonce(now, record, nonce, outbox),
            RecordKind::Complete => {
                if chip.complete(record.slot)
                    && let Some(fault) = self.health.searched(range, range)
                {
                    outbox.fail(fault);
                }
            }
            RecordKind::Request => {
                let asked = (record.chip, record.slot);
                if chip.may_ask(now, record.slot) && !self.owed.contains(&asked) {
                    self.owed.push_back(asked);
                }
            }
        }
        self.feel(now, record, outbox);
    }

    fn on_nonce(&mut self, now: Micros, record: &RboxRecord, nonce: u32, outbox: &mut Outbox) {
        let Some(chip) = self.chips.get(usize::from(record.chip)) else { return };
        let claims = chip.claims(record.slot, nonce);
        let stray = now < self.settled_at && !chip.is_solved_by(nonce, &self.rig.target());
        if claims.is_empty() || stray {
            return;
        }
        let seq = self.unjudged.number((record.chip, record.slot, chip.other(record.slot)));
        outbox.emit(Event::Nonce(Nonce { seq, unit: u16::from(record.chip), claims }));
    }

    /// Looks at the temperature that comes with every record.
    fn feel(&mut self, now: Micros, record: &RboxRecord, outbox: &mut Outbox) {
        match self.heat.feel(now, record, outbox) {
            Warmth::Fine => {}
            Warmth::Warm => self.step_down(outbox),
            Warmth::Dangerous(fault) => outbox.fail(fault),
        }
    }

    /// One clock step slower, as far as the model goes.
    fn step_down(&mut self, outbox: &mut Outbox) {
        let Some([low, ..]) = self.rig.candidate.model.clock else { return };
        let slower = Hertz::from_mhz(f64::from(rbox_clock_mhz(self.clock.saturating_sub(1))));
        if slower >= low {
            self.clock -= 1;
            self.rig.clock = Some(slower);
            self.announce(outbox);
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
        while !outbox.failed() && !self.queue.is_empty() {
            let Some((number, slot)) = self.owed.pop_front() else { break };
            let Some(work) = self.queue.take() else { break };
            if !self.is_busy() {
                self.heard_at = now; // it had nothing to say
            }
            let job = Job::from_header(&work.header).for_rbox(self.clock, number);
            outbox.write(PORT, job.to_rbox_bytes().to_vec());
            if let Some(chip) = self.chips.get_mut(usize::from(number)) {
                chip.place(slot, Placed { work, job, at: now });
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
        let Some((number, slot, other)) = self.unjudged.take(ruling.seq) else { return };
        let Some(chip) = self.chips.get_mut(usize::from(number)) else { return };
        // Nothing has been written to the chip since, and the nonce was of the slot it did not name.
        let of_other =
            ruling.claim.and_then(|claim| chip.claims(slot, 0).get(usize::from(claim)).map(|it| it.work));
        if ruling.verdict.is_valid() && of_other.is_some() && of_other == other && chip.other(slot) == other {
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
            if chip.is_forgotten(now, FORGOTTEN) && !is_owed(&self.owed, number) {
                chip.heard(now);
                self.owed.push_back((number, chip.next()));
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
            .filter(|(number, _)| !is_owed(&self.owed, *number))
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

fn is_owed(owed: &VecDeque<(u8, u8)>, number: u8) -> bool {
    owed.iter().any(|(chip, _)| *chip == number)
}
