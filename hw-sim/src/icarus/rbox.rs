//! RockMiner R-BOX and T1: chips with two task slots each, and a controller that asks for work
//! (`docs/protocols/icarus.md §8, §9.8`).

use std::time::Duration;

use adit_protocol::icarus::{
    Command, Dialect, Frame, Job, NO_TEMPERATURE, RboxCommand, RboxOrder, RboxProduct, RboxRecord,
    RecordKind, rbox_clock_mhz,
};
use adit_protocol::units::{HashRate, Hertz};
use adit_protocol::wire::Micros;

use super::heat::{Heat, Part};
use super::inbox::Inbox;
use super::outlet::Outlet;
use super::shell::Board;
use super::task;
use crate::dice::Dice;
use crate::engine::{Easing, Engine, Event};
use crate::{Adjustment, DeviceFault, Insides};

/// Silence after which a piece of a job is dropped.
const PATIENCE: Duration = Duration::from_millis(20);
/// An unanswered request is repeated after this time.
const ASK_AGAIN: Duration = Duration::from_secs(6);

/// A box.
#[derive(Debug)]
pub(super) struct Rbox {
    product: RboxProduct,
    /// Newer boxes also take orders that are no jobs.
    newer: bool,
    /// The counter in a record is too high by so much.
    offset: i32,
    hashes_per_clock: f64,
    nominal: f64,
    inbox: Inbox,
    chips: Vec<Chip>,
    heat: Heat,
    easing: Easing,
}

#[derive(Debug)]
struct Chip {
    engine: Engine,
    running: Option<(u8, Job)>,
    waiting: Option<(u8, Job)>,
    /// The slot that the next job gets: they take turns.
    next_slot: u8,
    /// When each slot's request was sent last, while it has not been served.
    asked: [Option<Micros>; 2],
}

impl Chip {
    const fn new(easing: Easing) -> Self {
        let engine = Engine::new(0..=u32::MAX, 0.0, easing);
        Self { engine, running: None, waiting: None, next_slot: 0, asked: [None; 2] }
    }

    fn halt(&mut self, now: Micros) {
        self.engine.stop(now);
        (self.running, self.waiting, self.next_slot, self.asked) = (None, None, 0, [None; 2]);
    }

    /// Whether the slot holds a job.
    fn holds(&self, slot: u8) -> bool {
        [self.running, self.waiting].into_iter().flatten().any(|(taken, _)| taken == slot)
    }
}

impl Rbox {
    /// A box of `chips` chips that make `chip_rate` hashes per second each at the `default` clock.
    pub(super) fn new(
        newer: bool,
        chips: u8,
        chip_rate: HashRate,
        default: Hertz,
        offset: i32,
        easing: Easing,
    ) -> Self {
        Self {
            product: if newer { RboxProduct::T1 } else { RboxProduct::Rbox },
            newer,
            offset,
            hashes_per_clock: chip_rate.0 / default.0,
            nominal: chip_rate.0 * f64::from(chips),
            inbox: Inbox::new(Dialect::Rbox, PATIENCE),
            chips: (0..chips).map(|_| Chip::new(easing)).collect(),
            heat: Heat::new(),
            easing,
        }
    }

    fn record(&self, now: Micros, kind: RecordKind, chip: usize, slot: u8) -> Frame {
        let shown = self.heat.reading(now).map(|celsius| celsius.round().clamp(1.0, 127.0) as u8);
        Frame::Record(RboxRecord {
            kind,
            status: if self.heat.is_too_hot(now) { RboxRecord::OVER_TEMPERATURE } else { 0 },
            chip: chip as u8,
            product: self.product,
            slot,
            temperature: shown.unwrap_or(NO_TEMPERATURE),
        })
    }

    fn begin(&mut self, now: Micros, index: usize, slot: u8, job: Job, out: &mut Outlet) {
        let clock = Hertz::from_mhz(f64::from(rbox_clock_mhz(job.rbox_clock())));
        let chip = &mut self.chips[index];
        chip.running = Some((slot, job));
        chip.engine.set_rate(now, clock.0 * self.hashes_per_clock);
        chip.engine.start(now, task(&job));
        out.job_begun();
    }

    /// Asks for a job for every free slot that has not been asked for, or so long ago that the request may have been lost.
    fn ask(&mut self, now: Micros, index: usize, out: &mut Outlet) {
        for slot in [0, 1] {
            let chip = &mut self.chips[index];
            let asked = &mut chip.asked[usize::from(slot)];
            if asked.is_some_and(|at| now < at + ASK_AGAIN) || chip.holds(slot) {
                continue;
            }
            self.chips[index].asked[usize::from(slot)] = Some(now);
            let request = self.record(now, RecordKind::Request, index, slot);
            out.send(&request);
        }
    }

    fn take_job(&mut self, now: Micros, job: Job, out: &mut Outlet) {
        let index = usize::from(job.rbox_chip());
        let Some(chip) = self.chips.get_mut(index) else { return }; // a chip that is not fitted
        let slot = chip.next_slot;
        match (&chip.running, &mut chip.waiting) {
            (Some(_), Some((_, waiting))) => *waiting = job, // more than was asked for
            (running, waiting) => {
                let idle = running.is_none();
                if !idle {
                    *waiting = Some((slot, job));
                }
                chip.next_slot ^= 1;
                chip.asked[usize::from(slot)] = None;
                if idle {
                    self.begin(now, index, slot, job, out);
                }
                self.ask(now, index, out);
            }
        }
    }

    fn obey(&mut self, now: Micros, order: RboxOrder) {
        match order.command {
            RboxCommand::Reset { .. } => {
                if let Some(chip) = self.chips.get_mut(usize::from(order.chip)) {
                    chip.halt(now);
                }
            }
            RboxCommand::Fan { percent } => self.heat.fan = f64::from(percent.min(100)) / 100.0,
            RboxCommand::Difficulty { .. } => {} // which difficulties the levels mean is not known
        }
    }

    fn take_frames(&mut self, now: Micros, out: &mut Outlet) {
        while let Some(frame) = self.inbox.next_frame(now) {
            match frame {
                Frame::Job(job) => self.take_job(now, job, out),
                Frame::Command(Command::Rbox(order)) if self.newer => self.obey(now, order),
                _ => {}
            }
        }
    }

    /// Lets one chip's search go on and reports what it has come to.
    fn turn_chip(&mut self, now: Micros, index: usize, out: &mut Outlet) {
        self.chips[index].engine.search(now);
        while let Some((slot, _)) = self.chips[index].running
            && let Some(event) = self.chips[index].engine.take(now)
        {
            match event {
                Event::Hit { counter } => {
                    let counter = counter.wrapping_add_signed(self.offset);
                    let nonce = |slot| self.record(now, RecordKind::Nonce(counter.swap_bytes()), index, slot);
                    out.nonce(nonce(slot), Some(nonce(slot ^ 1)));
                }
                Event::End => {
                    out.send(&self.record(now, RecordKind::Complete, index, slot));
                    self.chips[index].running = None;
                    if let Some((slot, job)) = self.chips[index].waiting.take() {
                        self.begin(now, index, slot, job, out);
                    }
                    self.ask(now, index, out);
                }
            }
        }
    }

    fn repeat_requests(&mut self, now: Micros, out: &mut Outlet) {
        for index in 0..self.chips.len() {
            if self.chips[index].asked.iter().flatten().any(|at| *at + ASK_AGAIN <= now) {
                self.ask(now, index, out);
            }
        }
    }
}

impl Board for Rbox {
    fn reset(&mut self, now: Micros) {
        self.inbox.clear();
        self.heat.fan = 1.0;
        self.halt(now);
    }

    fn receive(&mut self, now: Micros, bytes: &[u8], out: &mut Outlet) {
        self.inbox.receive(now, bytes);
        self.take_frames(now, out);
    }

    fn turn(&mut self, now: Micros, out: &mut Outlet) {
        let running = self.chips.iter().filter(|chip| chip.running.is_some());
        let load = running.map(|chip| chip.engine.rate()).sum::<f64>() / self.nominal;
        self.heat.advance(now, load);
        for index in 0..self.chips.len() {
            self.turn_chip(now, index, out);
        }
        self.repeat_requests(now, out);
    }

    fn deadline(&self) -> Option<Micros> {
        let engines = self.chips.iter().filter_map(|chip| chip.engine.deadline());
        let requests = self.chips.iter().flat_map(|chip| chip.asked).flatten().map(|at| at + ASK_AGAIN);
        engines.chain(requests).min()
    }

    fn halt(&mut self, now: Micros) {
        self.chips.iter_mut().for_each(|chip| chip.halt(now));
    }

    fn engines(&mut self) -> impl Iterator<Item = &mut Engine> {
        self.chips.iter_mut().map(|chip| &mut chip.engine)
    }

    fn hashes(&self, now: Micros) -> f64 {
        self.chips.iter().map(|chip| chip.engine.hashes(now)).sum()
    }

    fn false_nonce(&self, now: Micros, dice: &mut Dice) -> Option<Frame> {
        let (index, (slot, job)) =
            self.chips.iter().enumerate().find_map(|(index, chip)| Some((index, chip.running?)))?;
        let counter = task(&job).no_solution(&self.easing, dice);
        Some(self.record(now, RecordKind::Nonce(counter.swap_bytes()), index, slot))
    }

    fn breaks(&mut self, fault: DeviceFault, now: Micros) {
        match fault {
            DeviceFault::DeadFan => self.heat.toggle(now, Part::Fan),
            DeviceFault::HotSensor => self.heat.toggle(now, Part::SensorHot),
            DeviceFault::DeadSensor => self.heat.toggle(now, Part::SensorDead),
            _ => {}
        }
    }

    fn adjust(&mut self, _now: Micros, adjustment: Adjustment) {
        match adjustment {
            Adjustment::Mend => self.heat.mend(),
            Adjustment::Ambient(celsius) => self.heat.ambient = celsius,
            Adjustment::Temperature(celsius) => self.heat.hold(celsius),
            Adjustment::ChipTemperature(..) => {} // one sensor for all
        }
    }

    fn insides(&self, now: Micros) -> Insides {
        Insides {
            ambient_celsius: Some(self.heat.ambient),
            temperature_celsius: Some(self.heat.celsius()),
            sensor_celsius: self.heat.reading(now),
            fan_percent: Some(100.0 * self.heat.fan),
            ..Insides::default()
        }
    }
}
