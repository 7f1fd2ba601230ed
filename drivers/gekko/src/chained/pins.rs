//! What the pins of the bridge do to the chips: reset on sticks with an FT-X, supply on those with a CP2105
//! (`docs/protocols/gekko.md §2.2, §2.4`).

use std::time::Duration;

use adit_driver::script::{Act, Answer, Ask, Script};
use adit_driver::{Fault, LinkError};
use adit_protocol::bm13xx::Chip;
use adit_protocol::gekko;
use adit_protocol::wire::Port;

/// The port with the chips and the pins.
pub(crate) const CHIPS: Port = Port(0);

/// Levels one after the other, each with the time it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pins {
    mask: u8,
    begin: &'static [(u8, Duration)],
    end: &'static [(u8, Duration)],
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const RESET_1387: &[(u8, Duration)] =
    &[(gekko::CBUS_RUN, ms(30)), (gekko::CBUS_RESET, ms(30)), (gekko::CBUS_RUN, ms(200))];
const RESET_1397: &[(u8, Duration)] =
    &[(gekko::CBUS_RUN, ms(30)), (gekko::CBUS_RESET, ms(1_000)), (gekko::CBUS_RUN, ms(200))];
/// Chips that nobody will use are left as after a reset: at their slowest, without work.
const LEFT: &[(u8, Duration)] = &[(gekko::CBUS_RESET, ms(30)), (gekko::CBUS_RUN, ms(0))];
const POWER: &[(u8, Duration)] = &[(gekko::LATCH_OFF, ms(100)), (gekko::LATCH_ON, ms(100))];
const NO_POWER: &[(u8, Duration)] = &[(gekko::LATCH_OFF, ms(0))];

impl Pins {
    /// Those of a stick with chips of this type.
    pub(crate) const fn of(chip: Chip) -> Self {
        match chip {
            Chip::Bm1387 => Self { mask: gekko::CBUS, begin: RESET_1387, end: LEFT },
            Chip::Bm1397 => Self { mask: gekko::CBUS, begin: RESET_1397, end: LEFT },
            _ => Self { mask: gekko::LATCH, begin: POWER, end: NO_POWER },
        }
    }

    /// The script after which the chips are as after power-up.
    pub(crate) const fn begin(self) -> Toggle {
        Toggle { mask: self.mask, levels: self.begin, obeyed: true }
    }

    /// The script after which the chips can be left alone.
    pub(crate) const fn end(self) -> Toggle {
        Toggle { mask: self.mask, levels: self.end, obeyed: true }
    }
}

/// Drives pins. Its output is whether the link has any: a terminal of the operating system has none, and the chips are as
/// somebody has left them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Toggle {
    mask: u8,
    levels: &'static [(u8, Duration)],
    obeyed: bool,
}

impl Toggle {
    fn step(&self) -> Ask<bool> {
        match self.levels {
            [(level, _), ..] if self.obeyed => Ask::Act(Act::Gpio(CHIPS, self.mask, *level)),
            _ => Ask::Done(self.obeyed),
        }
    }
}

impl Script for Toggle {
    /// Nothing is heard meanwhile.
    type Frame = ();
    type Output = bool;

    fn next(&mut self, last: Answer<()>) -> Ask<bool> {
        match last {
            Answer::Done(Ok(_)) => {
                let [(_, pause), rest @ ..] = self.levels else { return self.step() };
                self.levels = rest;
                if pause.is_zero() { self.step() } else { Ask::Pause(*pause) }
            }
            Answer::Done(Err(LinkError::Unsupported)) => {
                self.obeyed = false;
                self.step()
            }
            Answer::Done(Err(error)) => Ask::Fail(Fault::Link(error)),
            _ => self.step(),
        }
    }
}
