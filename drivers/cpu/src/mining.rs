//! Mining: one work in search, one waiting, a few remembered.

use std::collections::VecDeque;
use std::time::Duration;

use adit_driver::{Capability, Claim, Event, Fault, Nonce, Outbox, Reach, Work};
use adit_protocol::cpu::{self, Answer, EASIEST_BITS, Identity, MAX_VERSION_BITS, Order, report_bits};
use adit_protocol::pow::Target;
use adit_protocol::units::HashRate;
use adit_protocol::wire::{Micros, Port};

use crate::introduce::encoded;
use crate::options::Options;

/// Rolled version bits of one work: sixteen midstates share a message schedule.
const VERSION_BITS: u32 = MAX_VERSION_BITS;
/// Works sent whose late nonces are recognised.
const MEMORY: usize = 8;
/// A device tells of its progress once a second.
const SILENCE: Duration = Duration::from_secs(5);
/// Signs of life about another work than the one it was given, after which the device is known to have lost it.
const LOST_AFTER: u32 = 2;

/// A device at work.
#[derive(Debug)]
pub(crate) struct Mining {
    identity: Identity,
    /// Of the device at its duty cycle.
    nominal: HashRate,
    eased: bool,
    /// Upper 64 bits of the target of the nonces it reports. Only ever made easier, so that no nonce on its way is misjudged.
    report: u64,
    received: u64,
    waiting: Option<Work>,
    /// Works sent, the newest last, with their names on the wire.
    sent: VecDeque<(u32, Work)>,
    last_id: u32,
    /// What the device is searching.
    busy: Option<u32>,
    /// The next work replaces the one in search.
    replace: bool,
    /// Signs of life in a row that told of another work.
    strays: u32,
    nonces: u64,
    heard: Micros,
}

impl Mining {
    /// Begins; `received` works came too early.
    pub(crate) fn begin(
        now: Micros,
        identity: Identity,
        options: &Options,
        received: u64,
        outbox: &mut Outbox,
    ) -> Self {
        let nominal = HashRate(identity.hashes_per_second as f64 * f64::from(options.duty) / 100.0);
        let mining = Self {
            identity,
            nominal,
            eased: identity.stride > 1,
            report: options.eased.as_ref().map_or_else(|| zeros(report_bits(nominal)), cpu::Work::target_of),
            received,
            waiting: None,
            sent: VecDeque::with_capacity(MEMORY),
            last_id: 0,
            busy: None,
            replace: false,
            strays: 0,
            nonces: 0,
            heard: now,
        };
        mining.announce(outbox);
        mining.tell_room(outbox);
        mining
    }

    fn announce(&self, outbox: &mut Outbox) {
        let report_target = Target::from_limbs([u64::MAX, u64::MAX, u64::MAX, self.report]);
        outbox.emit(Event::Ready(Capability {
            reach: Reach { version_bits: VERSION_BITS, ..Reach::NONCE },
            room: 1,
            memory: MEMORY as u16 + 1,
            whole_jobs: false,
            report_target,
            hashes_per_nonce: report_target.expected_hashes() * f64::from(self.identity.stride),
            nominal: self.nominal,
            eased: self.eased,
        }));
    }

    fn tell_room(&self, outbox: &mut Outbox) {
        outbox.emit(Event::Room { received: self.received, free: u16::from(self.waiting.is_none()) });
    }

    /// A work came.
    pub(crate) fn on_work(&mut self, _now: Micros, work: Work, outbox: &mut Outbox) {
        self.received += 1;
        self.waiting = Some(work);
        if self.busy.is_none() || self.replace {
            self.send(outbox);
        }
        self.tell_room(outbox);
    }

    /// The pool has another job.
    pub(crate) fn on_job_changed(&mut self, clean: bool, outbox: &mut Outbox) {
        self.waiting = None;
        self.replace = true;
        if clean && self.busy.take().is_some() {
            outbox.write(Port(0), encoded(&Order::Stop));
        }
    }

    /// The device has finished or lost its work: the next one is due.
    fn next_work(&mut self, outbox: &mut Outbox) {
        self.busy = None;
        if self.waiting.is_some() {
            self.send(outbox);
            self.tell_room(outbox);
        }
    }

    fn send(&mut self, outbox: &mut Outbox) {
        let Some(work) = self.waiting.take() else { return };
        self.ease_for(&work, outbox);
        self.last_id = self.last_id.wrapping_add(1).max(1); // 0 names no work
        let order = Order::Work(cpu::Work {
            id: self.last_id,
            target: self.report,
            mask: work.space.version.mask,
            first: *work.space.nonce.start(),
            last: *work.space.nonce.end(),
            header: work.header,
        });
        outbox.write(Port(0), encoded(&order));
        if self.sent.len() == MEMORY {
            self.sent.pop_front();
        }
        self.sent.push_back((self.last_id, work));
        (self.busy, self.replace, self.strays) = (Some(self.last_id), false, 0);
    }

    /// A pool that takes easier shares gets them, within reason. A simulation stays as eased as the user said.
    fn ease_for(&mut self, work: &Work, outbox: &mut Outbox) {
        let wanted = cpu::Work::target_of(&work.job.share_target).min(zeros(EASIEST_BITS));
        if wanted > self.report && !self.eased {
            self.report = wanted;
            self.announce(outbox);
        }
    }

    /// The device said something.
    pub(crate) fn on_answer(&mut self, now: Micros, answer: Answer, outbox: &mut Outbox) {
        self.heard = now;
        match answer {
            Answer::Nonce { work, version, nonce } => self.on_nonce(work, version, nonce, outbox),
            Answer::Done { work } if self.busy == Some(work) => self.next_work(outbox),
            Answer::Progress { work, .. } => self.on_progress(work, outbox),
            Answer::Refused { order, .. } => outbox.fail(Fault::Refused { what: named(order) }),
            Answer::Done { .. } | Answer::Identity(_) => {}
        }
    }

    fn on_nonce(&mut self, id: u32, version: u32, nonce: u32, outbox: &mut Outbox) {
        let work = self.sent.iter().find(|(known, _)| *known == id).map(|(_, work)| work);
        let claim = work.map(|work| Claim {
            work: work.id,
            extranonce2: work.space.extranonce2.start,
            ntime: work.space.ntime.start,
            version,
            nonce,
        });
        let seq = self.nonces;
        self.nonces += 1;
        outbox.emit(Event::Nonce(Nonce { seq, unit: 0, claims: claim.into_iter().collect() }));
    }

    /// A work or its end may have been lost on the wire, or the device has been reset.
    fn on_progress(&mut self, id: u32, outbox: &mut Outbox) {
        if self.busy.is_none_or(|busy| busy == id) {
            self.strays = 0;
            return;
        }
        self.strays += 1;
        if self.strays >= LOST_AFTER {
            self.strays = 0;
            self.next_work(outbox);
        }
    }

    /// When silence is a fault.
    pub(crate) fn deadline(&self) -> Micros {
        self.heard + SILENCE
    }

    /// Time has passed.
    pub(crate) fn on_timer(&mut self, now: Micros, outbox: &mut Outbox) {
        if now >= self.deadline() {
            outbox.fail(Fault::Silent { seconds: SILENCE.as_secs() as u32 });
        }
    }
}

/// Upper 64 bits of the target of hashes with `bits` leading zero bits.
fn zeros(bits: u32) -> u64 {
    u64::MAX.checked_shr(bits).unwrap_or(0)
}

/// What the user may have said that a frame of this type carries.
fn named(order: u8) -> &'static str {
    match order {
        2 => "duty and nice",
        3 => "pin",
        4 => "this kind of work",
        _ => "this version of the protocol",
    }
}
