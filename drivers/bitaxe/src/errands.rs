//! What is asked on a control port: first who is there, then one batch after the other.

use std::collections::VecDeque;

use adit_driver::script::{Outcome as Ended, Play};
use adit_driver::{Fault, LinkError, Outbox, Reply, Token};
use adit_protocol::bitaxe_raw::{Dialect, Firmware};
use adit_protocol::wire::Micros;

use crate::control::{Batch, Ear, Finished, Task, Voice};
use crate::hail::Hail;

/// Errands that may wait: more than are ever asked for at once.
const MOST_WAITING: usize = 16;

/// The control port of a board. `P` says what an errand is for.
#[derive(Debug)]
pub(crate) struct Errands<P> {
    /// How the board is spoken to; a guess until it has answered.
    voice: Voice,
    hail: Option<Play<Hail>>,
    ear: Ear,
    under_way: Option<(P, Play<Batch>)>,
    waiting: VecDeque<Errand<P>>,
}

#[derive(Debug)]
struct Errand<P> {
    purpose: P,
    tasks: Vec<Task>,
    hasty: bool,
}

/// What asking has come to.
#[derive(Debug)]
pub(crate) enum Told<P> {
    /// The board has answered for the first time.
    Hailed,
    /// It has not.
    Unheard(Fault),
    /// An errand has ended.
    Finished(P, Finished),
}

impl<P: Copy + PartialEq> Errands<P> {
    /// Nothing is asked yet of a board with this firmware.
    pub(crate) fn new(firmware: Firmware) -> Self {
        Self {
            voice: Voice::new(firmware, Dialect::V0),
            hail: None,
            ear: Ear::default(),
            under_way: None,
            waiting: VecDeque::new(),
        }
    }

    /// The firmware, as far as it is known.
    pub(crate) const fn firmware(&self) -> Firmware {
        self.voice.firmware
    }

    /// The firmware is another one than its strings say.
    pub(crate) const fn set_firmware(&mut self, firmware: Firmware) {
        self.voice.firmware = firmware;
    }

    /// Finds out who is there.
    pub(crate) fn hail(&mut self, now: Micros, outbox: &mut Outbox) -> Option<Told<P>> {
        let mut play = Play::new(Hail::new(self.voice.firmware));
        let outcome = play.start(now, outbox);
        self.hail = Some(play);
        self.hailed(outcome)
    }

    fn hailed(&mut self, outcome: Option<Ended<Hail>>) -> Option<Told<P>> {
        let outcome = outcome?;
        self.hail = None;
        Some(match outcome {
            Ok(voice) => {
                self.voice = voice;
                Told::Hailed
            }
            Err(fault) => Told::Unheard(fault),
        })
    }

    /// Something is to be asked when it is its turn: [`Self::begin`]. `hasty`: there is little time.
    pub(crate) fn put(&mut self, purpose: P, tasks: Vec<Task>, hasty: bool) {
        if self.waiting.len() < MOST_WAITING {
            self.waiting.push_back(Errand { purpose, tasks, hasty });
        }
    }

    /// Begins what waits, if nothing is under way. Called until there is nothing more to tell.
    pub(crate) fn begin(&mut self, now: Micros, outbox: &mut Outbox) -> Option<Told<P>> {
        if self.under_way.is_some() || self.hail.is_some() {
            return None;
        }
        let Errand { purpose, tasks, hasty } = self.waiting.pop_front()?;
        let batch = if hasty { self.voice.hasty(tasks) } else { self.voice.batch(tasks) };
        self.ear.clear();
        let mut play = Play::new(batch);
        let outcome = play.start(now, outbox);
        self.under_way = Some((purpose, play));
        self.ended(outcome)
    }

    fn ended(&mut self, outcome: Option<Ended<Batch>>) -> Option<Told<P>> {
        // A batch never fails: how it ended is its output.
        let Ok(finished) = outcome? else { return None };
        let (purpose, _) = self.under_way.take()?;
        self.voice = finished.voice;
        Some(Told::Finished(purpose, finished))
    }

    /// Everything that waits to be asked is given up; what is under way ends with its next answer, and nobody is hailed any more.
    pub(crate) fn cut(&mut self) {
        self.waiting.clear();
        self.hail = None;
        if let Some((_, play)) = &mut self.under_way {
            play.script_mut().cut();
        }
    }

    /// Whether an errand for `purpose` waits or is under way.
    pub(crate) fn is_asking(&self, purpose: P) -> bool {
        self.under_way.as_ref().is_some_and(|(under_way, _)| *under_way == purpose)
            || self.waiting.iter().any(|waiting| waiting.purpose == purpose)
    }

    /// Whether nothing is asked of the board.
    pub(crate) fn is_silent(&self) -> bool {
        self.under_way.is_none() && self.waiting.is_empty()
    }

    /// Bytes have come, and silence after them if `quiet`.
    pub(crate) fn on_bytes(
        &mut self,
        now: Micros,
        bytes: &[u8],
        quiet: bool,
        outbox: &mut Outbox,
    ) -> Option<Told<P>> {
        if let Some(hail) = &mut self.hail {
            self.ear.hear_all(bytes);
            if !quiet {
                return None;
            }
            let outcome = hail.on_frame(now, self.ear.take(), outbox);
            return self.hailed(outcome);
        }
        let Some((_, play)) = &mut self.under_way else {
            self.ear.clear();
            return None;
        };
        let heard = self.ear.hear(bytes, quiet, play.script().expected())?;
        let outcome = play.on_frame(now, heard, outbox);
        self.ended(outcome)
    }

    /// A link action was answered; those of others are ignored.
    pub(crate) fn on_done(
        &mut self,
        now: Micros,
        token: Token,
        result: Result<Reply, LinkError>,
        outbox: &mut Outbox,
    ) -> Option<Told<P>> {
        let outcome = self.hail.as_mut()?.on_done(now, token, result, outbox);
        self.hailed(outcome)
    }

    /// Time has passed.
    pub(crate) fn on_timer(&mut self, now: Micros, outbox: &mut Outbox) -> Option<Told<P>> {
        if let Some(hail) = &mut self.hail {
            let outcome = hail.on_timer(now, outbox);
            return self.hailed(outcome);
        }
        let (_, play) = self.under_way.as_mut()?;
        let outcome = play.on_timer(now, outbox);
        self.ended(outcome)
    }

    /// When time matters next.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        let hail = self.hail.as_ref().and_then(|play| play.deadline());
        hail.or_else(|| self.under_way.as_ref()?.1.deadline())
    }
}
