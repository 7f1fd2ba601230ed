//! Chips in a row: commands run away from the host, answers toward it.

mod insides;
mod report;

use std::collections::VecDeque;
use std::time::Duration;

use adit_protocol::bm13xx::{
    Codec, Command, Frame, Generation, Job, Jobs, MidstateJob, Register, RegisterAnswer, To,
};
use adit_protocol::pow::VersionMask;
use adit_protocol::wire::{Codec as _, Micros, Side, Step};

use super::chip::Chip;
use super::kind::Kind;
use super::known;
use super::work::{Try, Work};
use crate::dice::Dice;
use crate::engine::Easing;
use report::Lies;

/// Silence after which a piece of a frame is dropped.
const PATIENCE: Duration = Duration::from_millis(50);
/// Answers that wait for the line at most; chips are silent while it is busy.
const WAITING: usize = 4_096;
/// A known solution is found after this time.
const KNOWN_AFTER: Duration = Duration::from_millis(100);

/// A chain of equal chips.
#[derive(Debug)]
pub(crate) struct Chain {
    kind: &'static Kind,
    chips: Vec<Chip>,
    /// Chips that can be reached: those in front of the first lost one.
    reached: usize,
    easing: Easing,
    alive: bool,
    work: Option<Work>,
    /// The known solution of the work, until it is reported, and when. Nothing else is found then.
    known: Option<(Micros, Try)>,
    codec: Codec,
    bytes: Vec<u8>,
    last: Micros,
    answers: VecDeque<Vec<u8>>,
    /// Nonces of an earlier job that wait for the next one.
    held: Vec<Frame>,
    lies: Lies,
    /// Of the results of chips at the board's temperature, how many are wrong.
    error_share: f64,
    /// Temperature of the chips, where it is known.
    celsius: Option<f64>,
    turn_of: usize,
    nonces: u64,
    jobs: u64,
    dice: Dice,
}

impl Chain {
    /// `count` chips without power.
    pub(crate) fn new(kind: &'static Kind, count: usize, easing: Easing, seed: u64) -> Self {
        Self {
            kind,
            chips: vec![Chip::new(kind); count],
            reached: count,
            easing,
            alive: false,
            work: None,
            known: None,
            codec: Codec::new(kind.generation, Side::Host),
            bytes: Vec::new(),
            last: Micros(0),
            answers: VecDeque::new(),
            held: Vec::new(),
            lies: Lies::default(),
            error_share: 0.0,
            celsius: None,
            turn_of: 0,
            nonces: 0,
            jobs: 0,
            dice: Dice::new(seed, 0xc4a1),
        }
    }

    /// Power, clock and reset let the chips live, or not. When they begin to, everything is in its reset state.
    pub(crate) fn live(&mut self, now: Micros, alive: bool) {
        if alive != self.alive {
            self.reset(now);
        }
        self.alive = alive;
    }

    /// The chips lose their state.
    pub(crate) fn reset(&mut self, now: Micros) {
        self.chips.iter_mut().for_each(|chip| chip.reset(now));
        self.reached = self.chips.len();
        (self.work, self.known) = (None, None);
        self.bytes.clear();
        self.answers.clear();
        self.held.clear();
        self.follow_format();
    }

    /// Rate at which the first chip listens; all are alike unless somebody set them apart.
    pub(crate) fn baud(&self) -> u32 {
        self.chips.first().map_or(115_740, Chip::baud)
    }

    /// Bytes on the chips' input.
    pub(crate) fn receive(&mut self, now: Micros, bytes: &[u8]) {
        if !self.alive {
            return;
        }
        if now.since(self.last) >= PATIENCE {
            self.decode(now, true);
        }
        self.bytes.extend_from_slice(bytes);
        self.last = now;
        self.decode(now, false);
    }

    fn decode(&mut self, now: Micros, quiet: bool) {
        let mut at = 0;
        while at < self.bytes.len() {
            match self.codec.decode(&self.bytes[at..], quiet) {
                Step::Frame { frame, used } => {
                    at += used;
                    self.obey(now, frame);
                }
                Step::Skip { used, .. } => at += used,
                Step::NeedMore => break,
            }
        }
        self.bytes.drain(..at.min(self.bytes.len()));
    }

    fn obey(&mut self, now: Micros, frame: Frame) {
        match frame {
            Frame::Command(Command::Inactive) => self.chips.iter_mut().for_each(|chip| chip.waits = true),
            Frame::Command(Command::SetAddress(address)) => self.set_address(now, address),
            Frame::Command(Command::Read { to, register }) => self.read(now, to, register),
            Frame::Command(Command::Write { to, register, value }) => {
                let kind = self.kind;
                let meant = self.chips[..self.reached].iter_mut().filter(|chip| is_meant(kind, to, chip));
                meant.for_each(|chip| chip.write(now, register, value));
                self.adapt(now);
                self.follow_format();
            }
            Frame::Job(job) => self.begin(now, job),
            Frame::Register(_) | Frame::Nonce(_) => {}
        }
    }

    /// The first chip that waits takes it; chips that do not wait pass it on, and before anybody was told to wait all take it.
    fn set_address(&mut self, now: Micros, address: u8) {
        let chips = &mut self.chips[..self.reached];
        let somebody_waited = chips.iter().any(|chip| chip.waits || chip.address != 0);
        match chips.iter_mut().find(|chip| chip.waits) {
            Some(chip) => (chip.address, chip.waits) = (address, false),
            None if !somebody_waited => chips.iter_mut().for_each(|chip| chip.address = address),
            None => {} // it falls off the end
        }
        self.adapt(now);
    }

    fn read(&mut self, now: Micros, to: To, register: Register) {
        for index in 0..self.reached {
            let chip = &self.chips[index];
            if !is_meant(self.kind, to, chip) {
                continue;
            }
            let bare = self.kind.generation == Generation::V0;
            let answer = RegisterAnswer {
                value: chip.read(now, register),
                chip: if bare { 0 } else { chip.address },
                register: if bare { Register(0) } else { register },
                extra: chip.rolls_versions().then_some(0),
            };
            self.send(&Frame::Register(answer));
        }
    }

    fn begin(&mut self, now: Micros, job: Job) {
        self.jobs += 1;
        for frame in std::mem::take(&mut self.held) {
            self.nonces += 1;
            self.send(&frame);
        }
        if let Job::Midstates(MidstateJob { nbits, .. }) = &job
            && nbits & 1 == 1
        {
            self.chips.iter_mut().for_each(Chip::open_core);
        }
        self.known = known::solution(&job, self.mask()).map(|tried| (now + KNOWN_AFTER, tried));
        self.work = Some(Work::new(job, self.known.is_some()));
        self.chips.iter_mut().for_each(|chip| chip.stop(now));
        self.adapt(now);
    }

    /// Header bits that the first chip replaces; all are alike unless somebody set them apart.
    fn mask(&self) -> VersionMask {
        VersionMask((self.chips.first().map_or(0, |chip| chip.register(0xa4)) & 0xffff) << 13)
    }

    /// Chips go on as they are set up now.
    fn adapt(&mut self, now: Micros) {
        let Some(work) = &self.work else { return };
        let rooms = rooms(&self.chips[..self.reached]);
        for chip in &mut self.chips[..self.reached] {
            chip.adapt(now, work, rooms[usize::from(chip.address)], &self.easing);
        }
    }

    /// What job frames hold follows the chips' registers, not their length bytes.
    fn follow_format(&mut self) {
        let headers = self.chips.first().is_some_and(Chip::rolls_versions);
        self.codec.set_jobs(if headers { Jobs::Headers } else { Jobs::Midstates });
    }

    fn send(&mut self, frame: &Frame) {
        if self.answers.len() < WAITING {
            let bytes = self.codec.encoded(frame);
            self.answers.push_back(bytes);
        }
    }

    /// The next answer on the line.
    pub(crate) fn next_answer(&mut self) -> Option<Vec<u8>> {
        self.answers.pop_front()
    }

    /// When there is something to do.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        if !self.alive {
            return None;
        }
        if self.work.as_ref().is_some_and(|work| work.is_known) {
            return self.known.map(|(at, _)| at);
        }
        self.chips[..self.reached].iter().filter_map(Chip::deadline).min()
    }

    /// From now on so many of all results are wrong, of chips that are kept too hot more.
    pub(crate) fn err(&mut self, now: Micros, share: f64) {
        self.error_share = share;
        for chip in &mut self.chips {
            let share = share.max(chip.held.map_or(0.0, cooked));
            if chip.error_share() != share {
                chip.err(now, share);
            }
        }
    }

    /// Temperature of the chips, which the sensor inside them shows where they have one.
    pub(crate) fn warm(&mut self, celsius: f64) {
        self.celsius = Some(celsius);
        self.sense();
    }

    fn sense(&mut self) {
        if self.kind.name == "BM1368" {
            let code = |celsius: f64| ((celsius + 299.5144) / 0.171_342).round().clamp(0.0, 65_535.0) as u32;
            for chip in &mut self.chips {
                chip.sense(chip.held.or(self.celsius).map_or(0, code));
            }
        }
    }

    /// Hash clock of the first chip in hertz; 0 without power.
    pub(crate) fn clock(&self) -> f64 {
        if self.alive { self.chips.first().map_or(0.0, Chip::clock) } else { 0.0 }
    }

    /// Share of its units that hash.
    pub(crate) fn load(&self) -> f64 {
        let full = self.clock() * f64::from(self.kind.units) * self.chips.len() as f64;
        if full > 0.0 { self.chips.iter().map(Chip::rate).sum::<f64>() / full } else { 0.0 }
    }

    /// Whether the chips live.
    pub(crate) const fn is_alive(&self) -> bool {
        self.alive
    }

    pub(crate) const fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// Chips that were fitted.
    pub(crate) fn len(&self) -> usize {
        self.chips.len()
    }

    /// Nonces sent and jobs begun so far.
    pub(crate) const fn counts(&self) -> (u64, u64) {
        (self.nonces, self.jobs)
    }

    /// Hashes the hardware would have made until `now`.
    pub(crate) fn hashes(&self, now: Micros) -> f64 {
        self.chips.iter().map(|chip| chip.hashes_at(now)).sum()
    }
}

/// Share of all results that are wrong because it is so hot.
pub(crate) fn cooked(celsius: f64) -> f64 {
    ((celsius - 100.0) / 20.0).clamp(0.0, 1.0)
}

/// Share of all results that are wrong because `volts` of a chip with this usual clock in megahertz and voltage are too few for a
/// clock of `hertz`.
pub(crate) fn starved((usual_mhz, usual_volts): (f64, f64), hertz: f64, volts: f64) -> f64 {
    if hertz <= 0.0 {
        return 0.0;
    }
    let needed = 0.95 * usual_volts * (0.6 + 0.4 * hertz / (usual_mhz * 1e6));
    ((needed - volts) / (0.05 * usual_volts)).clamp(0.0, 1.0)
}

/// How far it is from each address to the next that a chip has, all around where it is the only one.
fn rooms(chips: &[Chip]) -> [u32; 256] {
    let mut taken = [false; 256];
    chips.iter().for_each(|chip| taken[usize::from(chip.address)] = true);
    let (mut rooms, mut room) = ([256; 256], 256);
    // twice around: the first time tells how far it is from the end to the first chip
    for address in (0..256).rev().chain((0..256).rev()) {
        rooms[address] = room;
        room = if taken[address] { 1 } else { (room + 1).min(256) };
    }
    rooms
}

/// Whether a command reaches `chip`.
fn is_meant(kind: &Kind, to: To, chip: &Chip) -> bool {
    match to {
        To::All => true,
        // addressed with a quarter of the address it was given (`docs/protocols/bm13xx.md §5`)
        To::Chip(address) if kind.name == "BM1372" => chip.address >> 2 == address,
        To::Chip(address) => chip.address == address,
    }
}
