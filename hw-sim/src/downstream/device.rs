//! The miner: what it hears becomes work, what it finds is handed in.

use std::collections::VecDeque;
use std::time::Duration;

use adit_protocol::stratum::{JobId, Submit};
use adit_protocol::wire::{Micros, Port};

use super::Habits;
use super::search::Search;
use super::session::{Heard, Session, Task};
use crate::dice::Dice;
use crate::{DeviceFault, DeviceInput, DeviceOutput, Scan, SimDevice, Truth};

/// Time after which it begins anew when it has not been let in.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same when it has been refused.
const REFUSED: Duration = Duration::from_secs(30);
/// A miner that hears nothing for so long gives up its pool (`docs/protocols/stratum-v1.md §2`).
const SILENCE: Duration = Duration::from_secs(90);
/// Shares held back at most.
const HELD: usize = 16;

/// A simulated miner.
#[derive(Debug)]
pub(super) struct Miner {
    habits: Habits,
    session: Option<Session>,
    search: Option<Search>,
    /// The last job, where it has not begun it.
    task: Option<Task>,
    now: Micros,
    powered: bool,
    stalled_until: Option<Micros>,
    /// When it begins anew.
    again_at: Micros,
    out: VecDeque<DeviceOutput>,
    dice: Dice,
    lies: Lies,
    truth: Truth,
}

/// Faults that wait to be committed.
#[derive(Debug, Default)]
struct Lies {
    late: u32,
    mislabel: u32,
    falsehoods: u32,
    twice: u32,
    /// Shares that wait for the next job.
    held: Vec<Submit>,
}

impl Miner {
    pub(super) fn new(habits: Habits, seed: u64) -> Self {
        Self {
            habits,
            session: None,
            search: None,
            task: None,
            now: Micros(0),
            powered: false,
            stalled_until: None,
            again_at: Micros(0),
            out: VecDeque::new(),
            dice: Dice::new(seed, 0xd0),
            lies: Lies::default(),
            truth: Truth::default(),
        }
    }

    /// A connection of its own making.
    fn connect(&mut self, now: Micros) {
        self.halt(now);
        self.task = None;
        self.lies.held.clear();
        let first_id = self.session.as_ref().map_or(1, Session::next_id);
        self.session = Some(Session::open(&self.habits, first_id));
        self.again_at = now + PATIENCE;
        self.speak();
    }

    /// Sends what the session has said: a line at a time, as programs do.
    fn speak(&mut self) {
        let Some(session) = &mut self.session else { return };
        for line in session.out.split_inclusive(|byte| *byte == b'\n') {
            self.out.push_back(DeviceOutput::Bytes { port: Port(0), bytes: line.to_vec() });
        }
        session.out.clear();
    }

    fn halt(&mut self, now: Micros) {
        if let Some(search) = self.search.take() {
            self.truth.hashes += search.hashes(now);
        }
    }

    fn receive(&mut self, now: Micros, bytes: &[u8]) {
        let Some(session) = &mut self.session else { return };
        let mut heard = Vec::new();
        session.receive(&self.habits, bytes, |_, it| heard.push(it));
        if session.is_in() {
            self.again_at = now + SILENCE;
        }
        self.speak();
        for it in heard {
            match it {
                Heard::Job(task) => {
                    self.task = Some(*task);
                    self.begin(now);
                }
                Heard::Reconnect => return self.connect(now),
                Heard::Refused => self.again_at = now + REFUSED,
                Heard::Welcome => {}
            }
        }
    }

    /// Begins the last job, unless it is stalled or has begun it before: nothing is searched twice.
    fn begin(&mut self, now: Micros) {
        if self.stalled_until.is_some() {
            return;
        }
        let Some(task) = self.task.take() else { return };
        self.halt(now);
        self.truth.jobs += 1;
        self.search = Search::begin(now, task, self.habits.rate, self.habits.stride);
        for share in std::mem::take(&mut self.lies.held) {
            self.hand_in(share);
        }
    }

    /// Does what was due.
    fn turn(&mut self, now: Micros) {
        while let Some(share) = self.search.as_mut().and_then(|search| search.turn(now)) {
            self.found(share);
        }
        if now >= self.again_at {
            self.connect(now);
        }
    }

    fn found(&mut self, share: Submit) {
        if self.lies.mislabel > 0 {
            self.lies.mislabel -= 1;
            return self.hand_in(Submit { job_id: JobId::from("lost"), ..share });
        }
        if self.lies.late > 0 && self.lies.held.len() < HELD {
            self.lies.late -= 1;
            return self.lies.held.push(share);
        }
        if self.lies.twice > 0 {
            self.lies.twice -= 1;
            self.hand_in(share.clone());
        }
        self.hand_in(share);
    }

    fn hand_in(&mut self, share: Submit) {
        let Some(session) = &mut self.session else { return };
        self.truth.nonces += 1;
        session.submit(&self.habits, share);
        self.speak();
    }

    fn suffer(&mut self, now: Micros, fault: DeviceFault) {
        match fault {
            DeviceFault::Stall => {
                self.halt(now);
                let span = self.dice.between(2_000_000, 20_000_000);
                self.stalled_until = Some(now + Duration::from_micros(span)); // of its chips
            }
            DeviceFault::BrownOut => self.connect(now),
            DeviceFault::LateNonce => self.lies.late += 1,
            DeviceFault::WrongWorkId => self.lies.mislabel += 1,
            DeviceFault::FalseNonce => self.lies.falsehoods += 1,
            DeviceFault::DuplicateNonce => self.lies.twice += 1,
            _ => {} // it has no such part
        }
    }

    /// Shares that are none, as soon as there is a job to claim them for.
    fn lie(&mut self) {
        while self.lies.falsehoods > 0 {
            let (Some(search), Some(session)) = (&self.search, &mut self.session) else { return };
            self.lies.falsehoods -= 1;
            let nonce = loop {
                let nonce = self.dice.roll() as u32;
                if !search.solves(nonce) {
                    break nonce;
                }
            };
            session.submit(&self.habits, search.share(nonce));
            self.speak();
        }
    }
}

impl SimDevice for Miner {
    fn on_input(&mut self, now: Micros, input: DeviceInput<'_>) {
        if matches!(input, DeviceInput::PowerOn) {
            self.halt(self.now); // what ran before ran until the device was last heard of
            self.out.clear();
            (self.powered, self.stalled_until) = (true, None);
            self.now = self.now.max(now);
            return self.connect(now);
        }
        self.now = self.now.max(now);
        if let DeviceInput::Control { .. } = input {
            self.out.push_back(DeviceOutput::Control(None));
        }
        if !self.powered {
            return;
        }
        if self.stalled_until.take_if(|until| now >= *until).is_some() {
            self.begin(now);
        }
        self.turn(now);
        match input {
            DeviceInput::Bytes { bytes, .. } => {
                self.receive(now, bytes);
                self.turn(now);
            }
            // Whoever opens the far end of the link is somebody new to talk to.
            DeviceInput::Line { .. } => self.connect(now),
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
        search.into_iter().chain(self.stalled_until).chain([self.again_at]).min()
    }

    fn next_scan(&mut self) -> Option<Scan> {
        self.search.as_mut().filter(|_| self.powered)?.next_scan()
    }

    fn on_scanned(&mut self, now: Micros, scan: &Scan, found: Option<u32>) {
        if let Some(search) = &mut self.search {
            search.on_scanned(scan, found);
        }
        self.on_input(now, DeviceInput::Timer);
    }

    fn truth(&self) -> Truth {
        let hashes = self.search.as_ref().map_or(0.0, |search| search.hashes(self.now));
        Truth { hashes: self.truth.hashes + hashes, ..self.truth }
    }
}
