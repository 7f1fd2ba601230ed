//! Too hot: everything off, the fan at full speed, until what can be read is cool.

use std::time::Duration;

use adit_driver::Fault;
use adit_protocol::wire::Micros;

use crate::bringup::Known;
use crate::heat::Rest;

/// Between two rounds of readings.
pub(crate) const ROUND: Duration = Duration::from_secs(2);
/// A board that has not cooled down by then has another trouble.
const LONGEST: Duration = Duration::from_secs(900);

/// A board that rests.
#[derive(Debug)]
pub(crate) struct Resting {
    pub(crate) known: Known,
    pub(crate) fault: Fault,
    pub(crate) rest: Rest,
    since: Micros,
    next_round: Micros,
}

impl Resting {
    pub(crate) fn new(now: Micros, known: Known, fault: Fault) -> Self {
        Self { known, fault, rest: Rest::new(now), since: now, next_round: now + ROUND }
    }

    pub(crate) fn next_round(&self) -> Micros {
        self.next_round
    }

    pub(crate) fn round_begun(&mut self, now: Micros) {
        self.next_round = now + ROUND;
    }

    pub(crate) fn is_hopeless(&self, now: Micros) -> bool {
        now.since(self.since) >= LONGEST
    }
}
