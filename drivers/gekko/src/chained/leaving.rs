//! The way out: chips at their slowest, the controller told, then reset or without power.

use std::time::Duration;

use adit_driver::script::{Cue, Play};
use adit_driver::{Event, Fault, Outbox};
use adit_protocol::wire::Micros;

use super::pins::Toggle;
use super::{Chained, Stage};

/// Everything is off by then, or will not be.
const LONGEST: Duration = Duration::from_secs(2);

/// An end under way.
#[derive(Debug)]
pub(super) struct Leaving {
    /// Why, where nobody has asked for it.
    fault: Option<Fault>,
    by: Micros,
    /// `None`: the controller is being told.
    pins: Option<Play<Toggle>>,
}

impl Leaving {
    /// What was waited for has happened; true when everything is over.
    pub(super) fn cue(&mut self, now: Micros, cue: Cue<()>, outbox: &mut Outbox) -> bool {
        let over = self.pins.as_mut().and_then(|pins| cue.give(now, pins, outbox));
        over.is_some() || now >= self.by
    }

    pub(super) fn deadline(&self) -> Micros {
        let pins = self.pins.as_ref().and_then(Play::deadline);
        pins.into_iter().fold(self.by, Micros::min)
    }
}

impl Chained {
    /// The user wants it to stop.
    pub(super) fn stop(&mut self, now: Micros, by: Micros) {
        match &mut self.stage {
            Stage::Leaving(leaving) => (leaving.fault, leaving.by) = (None, leaving.by.min(by)),
            _ => self.end(now, by, None),
        }
    }

    /// Makes the stick safe, then says that it is stopped, or why it failed.
    pub(super) fn leave(&mut self, now: Micros, fault: Option<Fault>) {
        if !matches!(self.stage, Stage::Leaving(_) | Stage::Over) {
            self.end(now, now + LONGEST, fault);
        }
    }

    fn end(&mut self, now: Micros, by: Micros, fault: Option<Fault>) {
        let is_open = !matches!(self.stage, Stage::Closed);
        self.chain.slow_down(&mut self.outbox);
        self.chain.shut();
        self.stage = Stage::Leaving(Leaving { fault, by, pins: None });
        if !is_open {
            return self.finish();
        }
        let board = self.board.as_mut().filter(|board| board.is_known());
        let asleep = board.is_none();
        let heard = board.and_then(|board| board.sleep(now, fault, &mut self.outbox));
        self.heard(now, heard);
        if asleep {
            self.release(now);
        }
    }

    /// The controller knows: the pins are next.
    pub(super) fn release(&mut self, now: Micros) {
        let Stage::Leaving(leaving) = &mut self.stage else { return };
        if leaving.pins.is_some() {
            return;
        }
        let mut play = Play::new(self.pins.end());
        let over = play.start(now, &mut self.outbox).is_some();
        leaving.pins = Some(play);
        if over {
            self.finish();
        }
    }

    pub(super) fn finish(&mut self) {
        let Stage::Leaving(Leaving { fault, .. }) = self.stage else { return };
        self.stage = Stage::Over;
        match fault {
            Some(fault) => self.outbox.fail(fault),
            None => self.outbox.emit(Event::Stopped),
        }
    }

    /// Nothing can be told any more.
    pub(super) fn give_up(&mut self, fault: Fault) {
        self.stage = Stage::Over;
        self.outbox.fail(fault);
    }
}
