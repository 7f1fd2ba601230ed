//! What whoever embeds a chain says about it, and what asking the chips has shown.

use std::time::Duration;

use adit_protocol::bm13xx::{Chip, Ticket};
use adit_protocol::units::Hertz;
use adit_protocol::wire::Port;

/// Baud rate of chips after a reset, as hosts set it.
pub const RESET_BAUD: u32 = 115_200;

/// A chain as its board knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// The data port.
    pub port: Port,
    /// Type of the chips; `None`: whatever answers behind a preamble.
    pub chip: Option<Chip>,
    /// How many chips there must be; `None`: as many as answer.
    pub chips: Option<u16>,
    /// Voltage domains in series, each of the same number of chips; 1 where there are none.
    pub domains: u16,
    /// Where the first ramp ends.
    pub clock: Hertz,
    /// Time between two steps of 6.25 MHz of a ramp.
    pub ramp_step: Duration,
    /// Baud rate to work at; `None`: the usual one of the chip type.
    pub baud: Option<u32>,
    /// Difficulty of reported nonces; `None`: such that the chain reports a few each second.
    pub ticket: Option<Ticket>,
    /// Difficulty of a simulated chain that reports hashes of so much times its ticket's difficulty.
    pub easing: Option<f64>,
    /// Part of the chips' units that hash: 1 unless the board is known to find less than its chips could.
    pub share: f64,
    /// Answers that the link takes in one burst. Longer chains are read chip by chip.
    pub burst: u16,
}

impl Setup {
    /// Any chain on `port` that is to run at `clock`.
    pub const fn new(port: Port, clock: Hertz) -> Self {
        Self {
            port,
            chip: None,
            chips: None,
            domains: 1,
            clock,
            ramp_step: Duration::from_millis(100),
            baud: None,
            ticket: None,
            easing: None,
            share: 1.0,
            burst: u16::MAX,
        }
    }
}

/// What counting has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Census {
    /// Type of the chips: all are of one.
    pub chip: Chip,
    /// How many answer, at least 1.
    pub chips: u16,
    /// The baud rate they answer at.
    pub baud: u32,
    /// The link takes other baud rates.
    pub can_change_baud: bool,
}

/// Where a chain stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Status {
    /// Nothing has been begun.
    Idle,
    /// Chips are being asked who they are.
    Counting,
    /// They have answered; [`Chain::bring_up`](crate::Chain::bring_up) may follow.
    Counted(Census),
    /// They get addresses and settings.
    BringingUp(Census),
    /// They work, or wait for work.
    Mining(Census),
    /// They do not hash until [`Chain::resume`](crate::Chain::resume).
    Resting(Census),
    /// It cannot go on. Whoever embeds it resets the chips and begins again, or gives up.
    Failed(adit_driver::Fault),
}
