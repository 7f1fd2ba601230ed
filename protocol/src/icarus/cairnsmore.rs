//! Commands of the Cairnsmore1, which look like jobs (`docs/protocols/icarus.md §6`).

use super::Job;
use crate::pow::Midstate;
use crate::units::Hertz;

const PREFIX: u8 = 0xb7;
const CHECK: u8 = 0x6d ^ PREFIX;
const HEADER_TIME: [u8; 4] = [0xff; 4];

/// A command frame: zero midstate, four command bytes in the filler, ntime bytes ff.
///
/// The board also hashes the frame as a job, so the running job is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CairnsmoreCommand {
    /// 0 sets the core clock, 1 the identify LED, 2 the nonce range strap.
    pub command: u8,
    /// Its argument: multiplier of 2.5 MHz, LED on, strap bits.
    pub data: u8,
    /// Frame bytes 52 to 63. A board obeys only with ff in bytes 4 to 7 (frame bytes 56 to 59).
    pub trailer: [u8; 12],
}

impl CairnsmoreCommand {
    /// Sets the core clock.
    pub const CLOCK: u8 = 0;
    /// Switches the identify LED.
    pub const IDENTIFY: u8 = 1;
    /// Selects the nonce range by strap bits.
    pub const RANGE: u8 = 2;
    /// Multiplier the board has after power-up: 150 MHz.
    pub const DEFAULT_MULTIPLIER: u8 = 60;
    /// Lowest multiplier; smaller ones are clamped: 50 MHz.
    pub const MIN_MULTIPLIER: u8 = 20;
    /// Highest multiplier; larger ones are clamped: 220 MHz.
    pub const MAX_MULTIPLIER: u8 = 88;

    const TRAILER: [u8; 12] = [b'b', b'f', b'g', b'0', 0xff, 0xff, 0xff, 0xff, 0xb5, 0, 0, 0];

    /// Core clock = 2.5 MHz × `multiplier`.
    pub const fn clock(multiplier: u8) -> Self {
        Self { command: Self::CLOCK, data: multiplier, trailer: Self::TRAILER }
    }

    /// Identify LED on or off. The published bitstream takes no further command after it (§6.1).
    pub const fn identify(on: bool) -> Self {
        Self { command: Self::IDENTIFY, data: on as u8, trailer: Self::TRAILER }
    }

    /// The frame whose silence within 100 ms, when sent twice, shows that commands are supported (§6.3).
    pub const fn probe() -> Self {
        let mut probe = Self::clock(1);
        probe.trailer[9] = 1;
        probe
    }

    /// Clock that `multiplier` gives on a board with the published bitstream.
    pub fn clock_of(multiplier: u8) -> Hertz {
        Hertz::from_mhz(2.5 * f64::from(multiplier.clamp(Self::MIN_MULTIPLIER, Self::MAX_MULTIPLIER)))
    }

    /// Whether the published bitstream obeys: the ntime bytes are ff.
    pub fn is_obeyed(&self) -> bool {
        self.trailer[4..8] == HEADER_TIME
    }

    /// The job that the board searches when it receives this frame.
    pub fn as_job(&self) -> Job {
        Job::from_icarus_bytes(&self.to_bytes())
    }

    /// Reads a job as a command, if it is one. The trailer may be anything.
    pub fn from_job(job: &Job) -> Option<Self> {
        let [check, data, command, PREFIX] = job.filler[..4] else { return None };
        let is_command =
            job.midstate == Midstate([0; 8]) && job.filler[4..] == [0; 16] && check == CHECK ^ command ^ data;
        let mut trailer = [0; 12];
        trailer.copy_from_slice(&job.to_icarus_bytes()[52..]);
        is_command.then_some(Self { command, data, trailer })
    }

    pub(super) fn to_bytes(self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[32..36].copy_from_slice(&[CHECK ^ self.command ^ self.data, self.data, self.command, PREFIX]);
        bytes[52..].copy_from_slice(&self.trailer);
        bytes
    }
}
