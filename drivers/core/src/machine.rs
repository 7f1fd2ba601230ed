//! The machine: a driver without a port, a clock or a thread.

use adit_protocol::units::{Hertz, Volts};
use adit_protocol::wire::{Line, Micros, ModemLines, Port, SetupPacket};

use crate::{Event, Fault, LinkError, Ruling, Work};

/// A sans-io driver for one device on one link.
///
/// After every [`on_input`](Self::on_input) the caller takes actions until there are none, then waits for the next input
/// or for [`deadline`](Self::deadline). A machine that has emitted [`Action::Fail`] is finished and is dropped.
pub trait Machine: Send {
    /// Something happened at `now`.
    fn on_input(&mut self, now: Micros, input: Input<'_>);

    /// The next thing to do, in order; `None` when there is nothing left.
    fn next_action(&mut self) -> Option<Action>;

    /// When to send [`Input::Timer`] if nothing else happens before. `None`: never.
    fn deadline(&self) -> Option<Micros>;
}

/// Names one action that is answered by [`Input::Done`]. Chosen by the machine, unique while it is unanswered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(pub u32);

/// What happens to a machine.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "an input is passed once, by value")]
pub enum Input<'a> {
    /// The link is open, every port set to its `PortSpec::line`.
    LinkUp,
    /// Bytes arrived. On a packet port: exactly one transfer.
    Bytes {
        /// Where.
        port: Port,
        /// Never empty.
        bytes: &'a [u8],
    },
    /// No byte followed for `PortSpec::quiet`. Sent once after the last byte.
    Quiet {
        /// Where.
        port: Port,
    },
    /// The device changed its modem lines.
    Modem {
        /// Where.
        port: Port,
        /// All lines as they are now.
        lines: ModemLines,
    },
    /// The action with this token has been carried out, or could not be.
    Done {
        /// Of the action.
        token: Token,
        /// What it gave.
        result: Result<Reply, LinkError>,
    },
    /// A work the machine has asked for ([`Event::Room`]), or the first works of a new job.
    Work(Work),
    /// The pool has another job: works that have not been started are void, the works that follow are of the new one.
    JobChanged {
        /// The previous block changed, or the pool disowns earlier jobs: what is being searched is worthless.
        clean: bool,
    },
    /// What re-hashing said about a nonce this machine reported.
    Ruling(Ruling),
    /// The user wants something.
    Command(Command),
    /// Make the hardware safe by this instant and emit [`Event::Stopped`].
    Stop {
        /// The link is closed at the latest then.
        by: Micros,
    },
    /// The deadline has passed.
    Timer,
    /// The link is gone. Nothing can be written any more.
    LinkDown {
        /// Why.
        why: LinkError,
    },
}

/// What a machine wants done. Actions are carried out in order.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a nonce travels by value: no allocation per nonce")]
pub enum Action {
    /// Send bytes. On a packet port: exactly one transfer.
    Write {
        /// Where.
        port: Port,
        /// What.
        bytes: Vec<u8>,
    },
    /// Change line settings after everything written has left.
    Line {
        /// Answered by [`Input::Done`].
        token: Token,
        /// Where.
        port: Port,
        /// The new settings.
        line: Line,
    },
    /// Drive general-purpose pins of the bridge chip.
    Gpio {
        /// Answered by [`Input::Done`].
        token: Token,
        /// Where.
        port: Port,
        /// Pins to change.
        mask: u8,
        /// Their new levels.
        value: u8,
    },
    /// Throw away received bytes that have not been delivered yet.
    Purge {
        /// Answered by [`Input::Done`].
        token: Token,
        /// Where.
        port: Port,
    },
    /// A USB control transfer.
    Control {
        /// Answered by [`Input::Done`].
        token: Token,
        /// The request.
        setup: SetupPacket,
        /// Data stage of a host-to-device request; empty otherwise.
        data: Vec<u8>,
    },
    /// Reset the USB device or reopen the port.
    ResetDevice {
        /// Answered by [`Input::Done`].
        token: Token,
    },
    /// Tell the controller.
    Emit(Event),
    /// Give up this link: the controller decides by [`Fault::recovery`] what follows.
    Fail(Fault),
}

impl Action {
    /// The token that wants to be answered.
    pub const fn token(&self) -> Option<Token> {
        match self {
            Self::Line { token, .. }
            | Self::Gpio { token, .. }
            | Self::Purge { token, .. }
            | Self::Control { token, .. }
            | Self::ResetDevice { token } => Some(*token),
            Self::Write { .. } | Self::Emit(_) | Self::Fail(_) => None,
        }
    }
}

/// What a completed action gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It was carried out.
    Complete,
    /// Data stage of a device-to-host control transfer.
    Data(Vec<u8>),
}

/// What a user may ask of a device. One that cannot do it emits [`Event::Declined`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Command {
    /// Blink, so that it can be found on the shelf.
    Identify,
    /// Run the chips at this clock.
    Frequency(Hertz),
    /// Feed the chips this voltage.
    Voltage(Volts),
    /// Run the fans at this share of full speed, 0 to 100 per cent; `None`: as the temperature asks.
    Fan(Option<u8>),
}
