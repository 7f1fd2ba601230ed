//! The device: orders in, answers out.

use std::collections::VecDeque;
use std::time::Duration;

use adit_protocol::cpu::{Answer, Codec, Frame, Identity, Kernel, Order, VERSION, Work, report_bits};
use adit_protocol::pow::Target;
use adit_protocol::units::HashRate;
use adit_protocol::wire::{Codec as _, Micros, Port, Side, Step};

use super::search::{Outcome, Search};
use crate::dice::Dice;
use crate::{DeviceFault, DeviceInput, DeviceOutput, Scan, SimDevice, Truth};

/// Between two signs of life.
const PROGRESS: Duration = Duration::from_secs(1);
/// Silence after which half a frame is dropped.
const QUIET: Duration = Duration::from_millis(5);
/// Nonces held back at most; a fault that finds no room does nothing.
const HELD: usize = 16;

/// A simulated computer.
#[derive(Debug)]
pub(super) struct Cpu {
    threads: u16,
    /// Of all threads at full duty.
    rate: HashRate,
    stride: u32,
    duty: u8,
    powered: bool,
    stalled_until: Option<Micros>,
    now: Micros,
    codec: Codec,
    pending: Vec<u8>,
    heard: Micros,
    search: Option<Search>,
    progress_at: Micros,
    out: VecDeque<DeviceOutput>,
    dice: Dice,
    lies: Lies,
    truth: Truth,
}

/// Faults of nonces that wait to be committed.
#[derive(Debug, Default)]
struct Lies {
    late: u32,
    mislabel: u32,
    falsehoods: u32,
    /// Nonces of earlier works that wait for the next one.
    held: Vec<Answer>,
}

impl Cpu {
    pub(super) fn new(threads: u16, per_thread: HashRate, difficulty: Option<f64>, seed: u64) -> Self {
        let rate = HashRate(per_thread.0 * f64::from(threads));
        // As many nonces come as from real threads, which report about one a second.
        let wanted = Target::from_limbs([u64::MAX, u64::MAX, u64::MAX, u64::MAX >> report_bits(rate)]);
        let stride = difficulty.map_or(1.0, |difficulty| (wanted.difficulty() / difficulty).round());
        Self {
            threads,
            rate,
            stride: stride.clamp(1.0, f64::from(u32::MAX)) as u32,
            duty: 100,
            powered: false,
            stalled_until: None,
            now: Micros(0),
            codec: Codec::new(Side::Host),
            pending: Vec::new(),
            heard: Micros(0),
            search: None,
            progress_at: Micros(0),
            out: VecDeque::new(),
            dice: Dice::new(seed, 0xc9),
            lies: Lies::default(),
            truth: Truth::default(),
        }
    }

    fn pace(&self) -> f64 {
        self.rate.0 * f64::from(self.duty) / 100.0
    }

    fn say(&mut self, answer: Answer) {
        let bytes = self.codec.encoded(&Frame::Answer(answer));
        self.out.push_back(DeviceOutput::Bytes { port: Port(0), bytes });
    }

    fn reset(&mut self, now: Micros) {
        self.halt(now);
        self.pending.clear();
        self.lies.held.clear();
        self.duty = 100;
        self.progress_at = now + PROGRESS;
    }

    fn halt(&mut self, now: Micros) {
        if let Some(search) = self.search.take() {
            self.truth.hashes += search.hashes(now);
        }
    }

    fn hashes(&self) -> f64 {
        self.truth.hashes + self.search.as_ref().map_or(0.0, |search| search.hashes(self.now))
    }

    fn receive(&mut self, now: Micros, bytes: &[u8]) {
        let quiet = now.since(self.heard) >= QUIET;
        self.heard = now;
        if quiet {
            self.understand(now, true);
        }
        self.pending.extend_from_slice(bytes);
        self.understand(now, false);
    }

    fn understand(&mut self, now: Micros, quiet: bool) {
        let mut at = 0;
        while at < self.pending.len() {
            match self.codec.decode(&self.pending[at..], quiet) {
                Step::Frame { frame, used } => {
                    at += used;
                    if let Frame::Order(order) = frame {
                        self.obey(now, &order);
                    }
                }
                Step::Skip { used, .. } => at += used,
                Step::NeedMore => break,
            }
        }
        self.pending.drain(..at);
    }

    fn obey(&mut self, now: Micros, order: &Order) {
        match *order {
            Order::Hello { version: VERSION } => {
                self.halt(now);
                self.say(Answer::Identity(Identity {
                    version: VERSION,
                    kernel: Kernel(0),
                    threads: self.threads,
                    stride: self.stride,
                    hashes_per_second: self.rate.0 as u64,
                }));
            }
            Order::Pace { duty, nice } if (1..=100).contains(&duty) && nice <= 19 => {
                self.duty = duty;
                let pace = self.pace();
                if let Some(search) = &mut self.search {
                    search.set_rate(now, pace);
                }
            }
            Order::Pin { thread, processor } if thread < self.threads && processor < self.threads => {}
            Order::Work(work) if work.is_possible() => self.begin(now, work),
            Order::Stop => self.halt(now),
            Order::Hello { .. } | Order::Pace { .. } | Order::Pin { .. } | Order::Work(_) => {
                self.say(order.refused());
            }
        }
    }

    fn begin(&mut self, now: Micros, work: Work) {
        self.halt(now);
        self.search = Some(Search::begin(now, work, self.pace(), u64::from(self.stride)));
        self.truth.jobs += 1;
        for answer in std::mem::take(&mut self.lies.held) {
            self.found(answer);
        }
    }

    /// Does what was due.
    fn turn(&mut self, now: Micros) {
        while let Some(search) = &mut self.search {
            let id = search.work().id;
            match search.turn(now) {
                Some(Outcome::Nonce { version, nonce }) => self.nonce(id, version, nonce),
                Some(Outcome::Done) => {
                    self.halt(now);
                    self.say(Answer::Done { work: id });
                }
                None => break,
            }
        }
        if now >= self.progress_at {
            self.progress_at = now + PROGRESS;
            let work = self.search.as_ref().map_or(0, |search| search.work().id);
            let hashes = self.hashes() as u64;
            self.say(Answer::Progress { work, hashes });
        }
    }

    fn nonce(&mut self, work: u32, version: u32, nonce: u32) {
        let answer = Answer::Nonce { work, version, nonce };
        if self.lies.mislabel > 0 {
            self.lies.mislabel -= 1;
            return self.found(Answer::Nonce { work: work.wrapping_sub(1), version, nonce });
        }
        if self.lies.late > 0 && self.lies.held.len() < HELD {
            self.lies.late -= 1;
            return self.lies.held.push(answer);
        }
        self.found(answer);
    }

    fn found(&mut self, answer: Answer) {
        self.truth.nonces += 1;
        self.say(answer);
    }

    fn suffer(&mut self, now: Micros, fault: DeviceFault) {
        match fault {
            DeviceFault::Stall => {
                self.halt(now);
                let span = self.dice.between(2_000_000, 20_000_000);
                self.stalled_until = Some(now + Duration::from_micros(span));
            }
            DeviceFault::BrownOut => self.reset(now),
            DeviceFault::LateNonce => self.lies.late += 1,
            DeviceFault::WrongWorkId => self.lies.mislabel += 1,
            DeviceFault::FalseNonce => self.lies.falsehoods += 1,
            _ => {} // it has no such part
        }
    }

    /// Nonces that solve nothing, as soon as there is a work to claim them for.
    fn lie(&mut self) {
        while self.lies.falsehoods > 0 {
            let Some(search) = &self.search else { return };
            let (id, target, header) = (search.work().id, search.work().target(), search.work().header);
            self.lies.falsehoods -= 1;
            let nonce = loop {
                let nonce = self.dice.roll() as u32;
                if !target.is_met_by(&adit_protocol::pow::Header { nonce, ..header }.hash()) {
                    break nonce;
                }
            };
            self.say(Answer::Nonce { work: id, version: header.version, nonce });
        }
    }
}

impl SimDevice for Cpu {
    fn on_input(&mut self, now: Micros, input: DeviceInput<'_>) {
        if matches!(input, DeviceInput::PowerOn) {
            self.reset(self.now); // what ran before ran until the device was last heard of
            self.out.clear();
            (self.powered, self.stalled_until) = (true, None);
            self.progress_at = now + PROGRESS;
        }
        self.now = self.now.max(now);
        if let DeviceInput::Control { .. } = input {
            self.out.push_back(DeviceOutput::Control(None));
        }
        if !self.powered {
            return;
        }
        if self.stalled_until.is_some_and(|until| now < until) {
            if let DeviceInput::Fault(fault) = input {
                self.suffer(now, fault);
            }
            return;
        }
        if self.stalled_until.take().is_some() {
            self.progress_at = now + PROGRESS;
        }
        self.turn(now);
        match input {
            DeviceInput::Bytes { bytes, .. } => {
                self.receive(now, bytes);
                self.turn(now);
            }
            DeviceInput::Fault(fault) => self.suffer(now, fault),
            _ => {}
        }
        self.lie();
    }

    fn next_output(&mut self) -> Option<DeviceOutput> {
        self.out.pop_front()
    }

    fn deadline(&self) -> Option<Micros> {
        if !self.powered {
            return None;
        }
        let search = self.search.as_ref().and_then(Search::deadline);
        self.stalled_until.or_else(|| search.into_iter().chain([self.progress_at]).min())
    }

    fn next_scan(&mut self) -> Option<Scan> {
        let searching = self.powered && self.stalled_until.is_none();
        self.search.as_mut().filter(|_| searching)?.next_scan()
    }

    fn on_scanned(&mut self, now: Micros, scan: &Scan, found: Option<u32>) {
        if let Some(search) = &mut self.search {
            search.on_scanned(scan, found);
        }
        self.on_input(now, DeviceInput::Timer);
    }

    fn truth(&self) -> Truth {
        Truth { hashes: self.hashes(), ..self.truth }
    }
}
