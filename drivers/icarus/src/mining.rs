//! Mining, the one way or the other.

use adit_driver::{Command, LinkError, Outbox, Reply, Ruling, Token, Work};
use adit_protocol::icarus::Dialect;
use adit_protocol::wire::Micros;

use crate::rbox::Rbox;
use crate::rig::Rig;
use crate::serial::Serial;

/// A device at work.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one per device, never moved")]
pub(crate) enum Mining {
    /// One job at a time.
    Serial(Serial),
    /// Two tasks for each chip.
    Rbox(Rbox),
}

impl Mining {
    /// Begins; `received` works came too early.
    pub(crate) fn begin(now: Micros, rig: Rig, received: u64, outbox: &mut Outbox) -> Self {
        match rig.board().dialect {
            Dialect::Icarus | Dialect::Icarus5 => Self::Serial(Serial::begin(rig, received, outbox)),
            Dialect::Rbox => Self::Rbox(Rbox::begin(now, rig, received, outbox)),
        }
    }

    /// Bytes arrived, or (none) the line fell quiet.
    pub(crate) fn on_bytes(&mut self, now: Micros, bytes: &[u8], quiet: bool, outbox: &mut Outbox) {
        match self {
            Self::Serial(serial) => serial.on_bytes(now, bytes, quiet, outbox),
            Self::Rbox(rbox) => rbox.on_bytes(now, bytes, quiet, outbox),
        }
    }

    /// A work came.
    pub(crate) fn on_work(&mut self, now: Micros, work: Work, outbox: &mut Outbox) {
        match self {
            Self::Serial(serial) => serial.on_work(now, work, outbox),
            Self::Rbox(rbox) => rbox.on_work(now, work, outbox),
        }
    }

    /// The pool has another job.
    pub(crate) fn on_job_changed(&mut self, now: Micros) {
        match self {
            Self::Serial(serial) => serial.on_job_changed(now),
            Self::Rbox(rbox) => rbox.on_job_changed(),
        }
    }

    /// A nonce was judged.
    pub(crate) fn on_ruling(&mut self, ruling: &Ruling, outbox: &mut Outbox) {
        match self {
            Self::Serial(serial) => serial.on_ruling(ruling, outbox),
            Self::Rbox(rbox) => rbox.on_ruling(ruling, outbox),
        }
    }

    /// The user wants something.
    pub(crate) fn on_command(&mut self, now: Micros, command: Command, outbox: &mut Outbox) {
        match self {
            Self::Serial(serial) => serial.on_command(now, command, outbox),
            Self::Rbox(rbox) => rbox.on_command(command, outbox),
        }
    }

    /// A link action was answered.
    pub(crate) fn on_done(
        &mut self,
        now: Micros,
        token: Token,
        result: Result<Reply, LinkError>,
        outbox: &mut Outbox,
    ) {
        match self {
            Self::Serial(serial) => serial.on_done(now, token, result, outbox),
            Self::Rbox(_) => {}
        }
    }

    /// Time has passed.
    pub(crate) fn on_timer(&mut self, now: Micros, outbox: &mut Outbox) {
        match self {
            Self::Serial(serial) => serial.on_timer(now, outbox),
            Self::Rbox(rbox) => rbox.on_timer(now, outbox),
        }
    }

    /// When time matters next.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        match self {
            Self::Serial(serial) => serial.deadline(),
            Self::Rbox(rbox) => rbox.deadline(),
        }
    }

    /// Makes the device as slow as the host can make it. An R-BOX stops by itself when it gets no more jobs.
    pub(crate) fn slow_down(&self, outbox: &mut Outbox) {
        match self {
            Self::Serial(serial) => serial.slow_down(outbox),
            Self::Rbox(_) => {}
        }
    }
}
