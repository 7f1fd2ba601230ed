//! The machine: introduction, mining, the end.

use adit_driver::script::{Outcome, Play};
use adit_driver::{Action, Event, Fault, Input, Machine, Outbox};
use adit_protocol::cpu::{Answer, Codec, Frame, Order};
use adit_protocol::devices::Model;
use adit_protocol::wire::{Codec as _, Micros, Port, Side, Step};

use crate::introduce::{Introduce, encoded};
use crate::mining::Mining;
use crate::options::Options;

/// Bytes that are no frame yet, at most: more than the longest frame of the device.
const MOST_PENDING: usize = 4_096;

/// The driver of one device.
#[derive(Debug)]
pub(crate) struct Cpu {
    model: &'static Model,
    options: Options,
    phase: Phase,
    outbox: Outbox,
    codec: Codec,
    pending: Vec<u8>,
    /// Works that came before there was room for any.
    early: u64,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one per device, never moved")]
enum Phase {
    /// The link is not open yet.
    Closed,
    Introducing(Play<Introduce>),
    Mining(Mining),
    /// Stopped or given up.
    Over,
}

impl Cpu {
    pub(crate) fn new(model: &'static Model, options: Options) -> Self {
        Self {
            model,
            options,
            phase: Phase::Closed,
            outbox: Outbox::default(),
            codec: Codec::new(Side::Device),
            pending: Vec::new(),
            early: 0,
        }
    }

    fn on_link_up(&mut self, now: Micros) {
        let mut play = Play::new(Introduce::default());
        let outcome = play.start(now, &mut self.outbox);
        self.phase = Phase::Introducing(play);
        self.introduced(now, outcome);
    }

    fn introduced(&mut self, now: Micros, outcome: Option<Outcome<Introduce>>) {
        match outcome {
            None => {}
            Some(Err(fault)) => self.outbox.fail(fault),
            // Nothing is eased without the user's word.
            Some(Ok(identity)) if identity.stride > 1 && self.options.eased.is_none() => {
                self.outbox.fail(Fault::WrongDevice { expected: "a CPU that is not eased" });
            }
            Some(Ok(identity)) => {
                self.outbox.emit(Event::Identified(self.model));
                self.configure(identity.threads);
                self.phase =
                    Phase::Mining(Mining::begin(now, identity, &self.options, self.early, &mut self.outbox));
            }
        }
    }

    fn configure(&mut self, threads: u16) {
        let Options { duty, nice, .. } = self.options;
        self.outbox.write(Port(0), encoded(&Order::Pace { duty, nice }));
        for (thread, processor) in (0..threads).zip(self.options.pins.iter().cycle()) {
            self.outbox.write(Port(0), encoded(&Order::Pin { thread, processor: *processor }));
        }
    }

    fn on_bytes(&mut self, now: Micros, bytes: &[u8], quiet: bool) {
        self.pending.extend_from_slice(bytes);
        let (mut at, mut garbage) = (0, 0);
        while at < self.pending.len() {
            match self.codec.decode(&self.pending[at..], quiet) {
                Step::Frame { frame, used } => {
                    at += used;
                    self.on_frame(now, frame);
                }
                Step::Skip { used, .. } => {
                    at += used;
                    garbage += used as u32;
                }
                Step::NeedMore => break,
            }
        }
        self.pending.drain(..at);
        self.pending.truncate(MOST_PENDING);
        if garbage > 0 && !matches!(self.phase, Phase::Over) {
            self.outbox.emit(Event::Fault(Fault::Garbage { bytes: garbage }));
        }
    }

    fn on_frame(&mut self, now: Micros, frame: Frame) {
        let Frame::Answer(answer) = frame else { return }; // the codec decodes only what devices say
        match &mut self.phase {
            Phase::Introducing(play) => {
                if let Answer::Identity(identity) = answer {
                    let outcome = play.on_frame(now, identity, &mut self.outbox);
                    self.introduced(now, outcome);
                }
            }
            Phase::Mining(mining) => mining.on_answer(now, answer, &mut self.outbox),
            Phase::Closed | Phase::Over => {}
        }
    }

    fn on_stop(&mut self) {
        match self.phase {
            Phase::Over => return,
            Phase::Closed => {}
            Phase::Introducing(_) | Phase::Mining(_) => self.outbox.write(Port(0), encoded(&Order::Stop)),
        }
        self.phase = Phase::Over;
        self.outbox.emit(Event::Stopped);
    }
}

impl Machine for Cpu {
    fn on_input(&mut self, now: Micros, input: Input<'_>) {
        match (input, &mut self.phase) {
            (Input::LinkUp, Phase::Closed) => self.on_link_up(now),
            (Input::Bytes { bytes, .. }, _) => self.on_bytes(now, bytes, false),
            (Input::Quiet { .. }, _) => self.on_bytes(now, &[], true),
            (Input::Stop { .. }, _) => self.on_stop(),
            (Input::LinkDown { why }, Phase::Closed | Phase::Introducing(_) | Phase::Mining(_)) => {
                self.outbox.fail(Fault::Link(why));
            }
            (Input::Work(work), Phase::Mining(mining)) => mining.on_work(now, work, &mut self.outbox),
            (Input::Work(_), _) => self.early += 1,
            (Input::JobChanged { clean }, Phase::Mining(mining)) => {
                mining.on_job_changed(clean, &mut self.outbox);
            }
            (Input::Done { token, result }, Phase::Introducing(play)) => {
                let outcome = play.on_done(now, token, result, &mut self.outbox);
                self.introduced(now, outcome);
            }
            (Input::Timer, Phase::Introducing(play)) => {
                let outcome = play.on_timer(now, &mut self.outbox);
                self.introduced(now, outcome);
            }
            (Input::Timer, Phase::Mining(mining)) => mining.on_timer(now, &mut self.outbox),
            // It has no light, and the operating system sets its clock and voltage.
            (Input::Command(command), _) => self.outbox.emit(Event::Declined(command)),
            _ => {}
        }
        if self.outbox.failed() {
            self.phase = Phase::Over;
        }
    }

    fn next_action(&mut self) -> Option<Action> {
        self.outbox.pop()
    }

    fn deadline(&self) -> Option<Micros> {
        match &self.phase {
            Phase::Introducing(play) => play.deadline(),
            Phase::Mining(mining) => Some(mining.deadline()),
            Phase::Closed | Phase::Over => None,
        }
    }
}
