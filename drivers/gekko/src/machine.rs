//! The machine of a stick: bring-up, mining, the end.

use adit_driver::script::{Cue, Outcome, Play};
use adit_driver::{Action, Command, Event, Fault, Input, Machine, Outbox, Work};
use adit_protocol::bm13xx::{Bm1384Codec, Bm1384Frame};
use adit_protocol::devices::Model;
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Codec as _, Micros, Side, Step};

use crate::bring_up::BringUp;
use crate::mining::{Mining, slow_down};
use crate::options::Options;

/// Frames of one input at most come from so many bytes; more are dropped unread.
const LONGEST: usize = 4_096;

/// Where a stick begins unless its user says otherwise.
const START: Hertz = Hertz::from_mhz(100.0);

/// The driver of one stick.
#[derive(Debug)]
pub(crate) struct Stick {
    phase: Phase,
    models: Vec<&'static Model>,
    options: Options,
    outbox: Outbox,
    /// Bytes that are no whole frame yet.
    pending: Vec<u8>,
    /// Works that came before there was room for any.
    early: u64,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one per device, never moved")]
enum Phase {
    Closed,
    BringingUp(Play<BringUp>),
    Mining(Mining),
    /// The last frame waits for the line.
    Stopping(Micros),
    Over,
}

impl Stick {
    /// A stick that is one of `models`, at least one.
    pub(crate) fn new(models: Vec<&'static Model>, options: Options) -> Self {
        Self {
            phase: Phase::Closed,
            models,
            options,
            outbox: Outbox::default(),
            pending: Vec::new(),
            early: 0,
        }
    }

    /// The clock to reach, and the one to begin at.
    fn clocks(&self) -> (Hertz, Hertz) {
        let start = self.options.start.unwrap_or(START);
        let usual = self.models.first().and_then(|model| model.clock).map_or(start, |[_, it, _]| it);
        let target = self.options.frequency.unwrap_or(usual);
        (target, if start.0 < target.0 { start } else { target })
    }

    /// How many chips there must be: of a Terminus nobody has said.
    fn expected(&self) -> Option<u16> {
        let known = |model: &&'static Model| (model.key != "terminus").then_some(model.chips.count);
        match self.models[..] {
            [only] => known(&only),
            _ => None,
        }
    }

    fn on_link_up(&mut self, now: Micros) {
        if !matches!(self.phase, Phase::Closed) {
            return;
        }
        let mut play = Play::new(BringUp::new(self.expected(), self.clocks().1));
        let outcome = play.start(now, &mut self.outbox);
        self.phase = Phase::BringingUp(play);
        self.brought_up(now, outcome);
    }

    fn brought_up(&mut self, now: Micros, outcome: Option<Outcome<BringUp>>) {
        let chips = match outcome {
            Some(Ok(chips)) => chips,
            Some(Err(fault)) => return self.give_up(fault),
            None => return,
        };
        let has_them = |model: &&&'static Model| model.chips.count == chips;
        let model = self.models.iter().find(has_them).or(self.models.first()).copied();
        if let Some(model) = model {
            self.models = vec![model];
            self.outbox.emit(Event::Identified(model));
        }
        let (target, start) = self.clocks();
        let outbox = &mut self.outbox;
        self.phase =
            Phase::Mining(Mining::begin(now, &self.options, chips, start, target, self.early, outbox));
    }

    fn give_up(&mut self, fault: Fault) {
        self.phase = Phase::Over;
        self.outbox.fail(fault);
    }

    fn decode(&mut self, now: Micros, bytes: &[u8], quiet: bool) {
        if self.pending.len() + bytes.len() > LONGEST {
            self.pending.clear();
        }
        self.pending.extend_from_slice(bytes);
        let pending = std::mem::take(&mut self.pending);
        let mut codec = Bm1384Codec::new(Side::Device);
        let mut at = 0;
        while at < pending.len() {
            match codec.decode(&pending[at..], quiet) {
                Step::Frame { frame, used } => {
                    at += used;
                    self.on_frame(now, frame);
                }
                Step::Skip { used, .. } => {
                    at += used;
                    if let Phase::Mining(mining) = &mut self.phase {
                        mining.on_garbage(used);
                    }
                }
                Step::NeedMore => break,
            }
        }
        self.pending.extend_from_slice(&pending[at..]);
    }

    fn on_frame(&mut self, now: Micros, frame: Bm1384Frame) {
        match &mut self.phase {
            Phase::Mining(mining) => mining.on_frame(now, frame, &mut self.outbox),
            _ => self.play(now, Cue::Frame(frame)),
        }
    }

    fn play(&mut self, now: Micros, cue: Cue<Bm1384Frame>) {
        if let Phase::BringingUp(play) = &mut self.phase {
            let outcome = cue.give(now, play, &mut self.outbox);
            self.brought_up(now, outcome);
        }
    }

    fn on_timer(&mut self, now: Micros) {
        match &mut self.phase {
            Phase::Mining(mining) => {
                if let Some(fault) = mining.on_timer(now, &mut self.outbox) {
                    self.give_up(fault);
                }
            }
            Phase::Stopping(free) if now >= *free => self.end(),
            _ => self.play(now, Cue::Timer),
        }
    }

    fn on_work(&mut self, now: Micros, work: Work) {
        match &mut self.phase {
            Phase::Mining(mining) => mining.on_work(now, work, &mut self.outbox),
            _ => self.early += 1,
        }
    }

    fn on_command(&mut self, now: Micros, command: Command) {
        let limits = self.models.first().and_then(|model| model.clock);
        let allowed = |clock: &Hertz| limits.is_some_and(|[low, _, high]| low <= *clock && *clock <= high);
        match (command, &mut self.phase) {
            (Command::Frequency(clock), Phase::Mining(mining)) if allowed(&clock) => {
                mining.want(now, clock);
            }
            (Command::Frequency(clock), Phase::Closed | Phase::BringingUp(_)) if allowed(&clock) => {
                self.options.frequency = Some(clock);
            }
            _ => self.outbox.emit(Event::Declined(command)),
        }
    }

    fn on_stop(&mut self, now: Micros) {
        match &mut self.phase {
            Phase::Over | Phase::Stopping(_) => {}
            Phase::Mining(mining) => {
                mining.hush();
                let free = mining.free();
                self.phase = Phase::Stopping(free);
                if now >= free {
                    self.end();
                }
            }
            Phase::Closed | Phase::BringingUp(_) => {
                self.phase = Phase::Over;
                self.outbox.emit(Event::Stopped);
            }
        }
    }

    fn end(&mut self) {
        slow_down(&mut self.outbox);
        self.phase = Phase::Over;
        self.outbox.emit(Event::Stopped);
    }
}

impl Machine for Stick {
    fn on_input(&mut self, now: Micros, input: Input<'_>) {
        if matches!(self.phase, Phase::Over) {
            return;
        }
        match input {
            Input::LinkUp => self.on_link_up(now),
            Input::Bytes { bytes, .. } => self.decode(now, bytes, false),
            Input::Quiet { .. } => self.decode(now, &[], true),
            Input::Done { token, result } => self.play(now, Cue::Done(token, result)),
            Input::Work(work) => self.on_work(now, work),
            Input::JobChanged { .. } => {
                if let Phase::Mining(mining) = &mut self.phase {
                    mining.on_job_changed(now);
                }
            }
            Input::Ruling(ruling) => {
                if let Phase::Mining(mining) = &mut self.phase
                    && let Some(fault) = mining.on_ruling(now, &ruling, &mut self.outbox)
                {
                    self.give_up(fault);
                }
            }
            Input::Command(command) => self.on_command(now, command),
            Input::Stop { .. } => self.on_stop(now),
            Input::Timer => self.on_timer(now),
            Input::LinkDown { why } => self.give_up(Fault::Link(why)),
            Input::Modem { .. } => {}
        }
    }

    fn next_action(&mut self) -> Option<Action> {
        self.outbox.pop()
    }

    fn deadline(&self) -> Option<Micros> {
        match &self.phase {
            Phase::BringingUp(play) => play.deadline(),
            Phase::Mining(mining) => mining.deadline(),
            Phase::Stopping(free) => Some(*free),
            Phase::Closed | Phase::Over => None,
        }
    }
}
