//! What is done about chips that are not well: reset, less clock, fewer chips, and in the end the link is given up
//! (`docs/protocols/gekko.md §13`).

use std::time::Duration;

use adit_driver::{Event, Fault};
use adit_driver_bm13xx::Census;
use adit_protocol::wire::Micros;

use super::Chained;
use crate::watch::Finding;

/// Resets in a row before the link is given up.
const RESETS: u8 = 2;
/// A stick that has mined for so long is well again.
const WELL_AFTER: Duration = Duration::from_secs(600);

/// How much a stick has been forgiven.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// The link can drive the pins.
    pub(super) has_pins: bool,
    resets: u8,
    reset_at: Micros,
    /// Chips are missing for good: those that are there will do.
    some_will_do: bool,
}

impl Patience {
    /// A valid nonce was found.
    pub(super) fn found(&mut self, now: Micros) {
        if self.resets > 0 && now.since(self.reset_at) >= WELL_AFTER {
            self.resets = 0;
        }
    }

    /// Whether another reset is worth a try.
    fn allows(&mut self, now: Micros) -> bool {
        let allows = self.has_pins && self.resets < RESETS;
        self.resets += u8::from(allows);
        self.reset_at = now;
        allows
    }
}

impl Chained {
    /// The chain cannot go on.
    pub(super) fn in_trouble(&mut self, now: Micros, fault: Fault) {
        if matches!(fault, Fault::WrongDevice { .. }) {
            return self.leave(now, Some(fault));
        }
        if self.patience.allows(now) {
            self.outbox.emit(Event::Fault(fault));
            return self.reset(now);
        }
        // A pod with a dead chip is still a pod: what answers is counted and works.
        let is_a_matter_of_number = match fault {
            Fault::ChipMissing { found, .. } => found > 0,
            Fault::ChipsExtra { .. } => true,
            _ => false,
        };
        if is_a_matter_of_number && self.options.chips.is_none() && !self.patience.some_will_do {
            self.patience.some_will_do = true;
            self.chain.setup_mut().chips = None;
            self.outbox.emit(Event::Fault(fault));
            return self.reset(now);
        }
        self.leave(now, Some(fault));
    }

    /// Looks at chips that work.
    pub(super) fn look(&mut self, now: Micros, census: Census) {
        let interval = self.chain.interval();
        if interval.is_some() && !self.searching {
            self.watch.restart(now);
        }
        self.searching = interval.is_some();
        let Some(finding) = interval.and_then(|interval| self.watch.look(now, interval)) else { return };
        match finding {
            Finding::Zombie { chip, hopeless } => {
                let (found, expected) = (census.chips - 1, census.chips);
                let fault = Fault::ChipMissing { chip, found, expected };
                if hopeless || !self.patience.has_pins {
                    return self.leave(now, Some(fault));
                }
                self.outbox.emit(Event::Fault(fault));
                self.tempo.back_off(now, 1.0);
                self.reset(now);
            }
            Finding::Plateau => {
                self.outbox.emit(Event::Fault(Fault::Refused { what: "its clock and finds too little" }));
                let clock = self.tempo.back_off(now, 2.0);
                self.chain.set_clock(now, clock);
            }
        }
    }

    /// When there is something to see.
    pub(super) fn look_at(&self) -> Option<Micros> {
        self.watch.deadline(self.chain.interval().filter(|_| self.searching)?)
    }
}
