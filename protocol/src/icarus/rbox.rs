//! RockMiner R-BOX and T1: the same job in another layout, 8-byte records (`docs/protocols/icarus.md §8`).

use super::{Job, Reject};

/// Frame byte 51 of everything a host sends.
const MARKER: u8 = 0x55;
const JOB: u8 = 0xaa;

/// Temperature byte of a box without a sensor.
pub const NO_TEMPERATURE: u8 = 128;

/// Frequency code of `mhz`, as it stands in every job: MHz / 10 − 1. Codes above 63 (640 MHz) do not exist.
pub const fn rbox_clock_code(mhz: u16) -> u8 {
    let code = (mhz / 10).saturating_sub(1);
    if code > 63 { 63 } else { code as u8 }
}

/// The frequency a code stands for in MHz; the vendor's speed mode in bits 7 and 6 is not part of it.
pub const fn rbox_clock_mhz(code: u8) -> u16 {
    ((code & 63) as u16 + 1) * 10
}

impl Job {
    /// The same job addressed to chip `chip` of an R-BOX, which is to run at frequency code `clock`.
    #[must_use]
    pub fn for_rbox(mut self, clock: u8, chip: u8) -> Self {
        self.filler = filler(JOB, clock, chip);
        self
    }

    /// Frequency code of an R-BOX job.
    pub fn rbox_clock(&self) -> u8 {
        self.filler[17]
    }

    /// Chip number of an R-BOX job.
    pub fn rbox_chip(&self) -> u8 {
        self.filler[18]
    }
}

fn filler(command: u8, argument: u8, chip: u8) -> [u8; 20] {
    let mut filler = [0; 20];
    filler[16..].copy_from_slice(&[command, argument, chip, MARKER]);
    filler
}

/// A frame for an R-BOX that is no job. Newer boxes only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RboxOrder {
    /// Chip number, frame byte 50.
    pub chip: u8,
    /// What to do.
    pub command: RboxCommand,
}

/// What newer boxes can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RboxCommand {
    /// Reset the chip and run it at a frequency code.
    Reset {
        /// See [`rbox_clock_code`].
        clock: u8,
    },
    /// Fan speed.
    Fan {
        /// 0 to 100.
        percent: u8,
    },
    /// Difficulty of reported nonces.
    Difficulty {
        /// 0 to 3.
        level: u8,
    },
}

impl RboxOrder {
    pub(super) fn to_bytes(self) -> [u8; 64] {
        let (command, argument) = match self.command {
            RboxCommand::Reset { clock } => (1, clock),
            RboxCommand::Fan { percent } => (2, percent),
            RboxCommand::Difficulty { level } => (3, level),
        };
        let mut bytes = [0; 64];
        bytes[32..52].copy_from_slice(&filler(command, argument, self.chip));
        bytes
    }

    /// Reads a frame's filler; `None` for a job.
    pub(super) fn from_filler(filler: &[u8; 20]) -> Option<Self> {
        let argument = filler[17];
        let command = match filler[16] {
            1 => RboxCommand::Reset { clock: argument },
            2 => RboxCommand::Fan { percent: argument },
            3 => RboxCommand::Difficulty { level: argument },
            _ => return None,
        };
        Some(Self { chip: filler[18], command })
    }
}

/// Whether `bytes`, the first bytes of a frame, can be a frame for an R-BOX as far as they go.
pub(super) fn may_be_frame(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().skip(32).all(|(at, byte)| match at {
        32..48 => *byte == 0,
        48 => matches!(*byte, JOB | 1 | 2 | 3),
        51 => *byte == MARKER,
        _ => true,
    })
}

/// An 8-byte record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RboxRecord {
    /// What happened.
    pub kind: RecordKind,
    /// High nibble of byte 4; 2 is over-temperature by the vendor's sources.
    pub status: u8,
    /// Chip number.
    pub chip: u8,
    /// What the box says it is.
    pub product: RboxProduct,
    /// Task slot of the chip, 0 or 1.
    pub slot: u8,
    /// Byte 7 in degrees Celsius; [`NO_TEMPERATURE`] without a sensor. See [`Self::celsius`].
    pub temperature: u8,
}

/// What a record reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// A nonce, the number whose little-endian bytes stand in the header. Newer boxes are off by a little: try n, n+1,
    /// n−1, n−2, n−4 of the *counter* (`docs/protocols/icarus.md §8.3`).
    Nonce(u32),
    /// The whole range of the slot's job has been searched.
    Complete,
    /// The slot is free: send a job for this chip.
    Request,
}

/// Product bits of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RboxProduct {
    /// R-BOX, 4 chips.
    Rbox,
    /// T1, also sold as new R-Box, 12 chips.
    T1,
    /// T2, 16 chips.
    T2,
    /// Test board, 8 chips.
    TestBoard,
}

impl RboxProduct {
    /// Chips of this product.
    pub const fn chips(self) -> u8 {
        match self {
            Self::Rbox => 4,
            Self::T1 => 12,
            Self::T2 => 16,
            Self::TestBoard => 8,
        }
    }
}

impl RboxRecord {
    /// Bytes of a record.
    pub const SIZE: usize = 8;
    /// Status of a box that is too hot.
    pub const OVER_TEMPERATURE: u8 = 2;

    /// Temperature in degrees Celsius; `None` for the values that mean there is no reading (0 and 128 up).
    pub const fn celsius(&self) -> Option<u8> {
        if self.temperature == 0 || self.temperature >= NO_TEMPERATURE {
            None
        } else {
            Some(self.temperature)
        }
    }

    pub(super) fn to_bytes(self) -> [u8; 8] {
        let (nonce, kind) = match self.kind {
            RecordKind::Nonce(nonce) => (nonce.to_le_bytes(), 0),
            RecordKind::Complete => ([0; 4], 1),
            RecordKind::Request => ([0; 4], 2),
        };
        let [a, b, c, d] = nonce;
        let product = self.product as u8;
        [a, b, c, d, self.status << 4 | kind, product << 6 | self.chip & 63, self.slot & 1, self.temperature]
    }

    pub(super) fn from_bytes(bytes: [u8; 8]) -> Result<Self, Reject> {
        let [a, b, c, d, kind, chip, slot, temperature] = bytes;
        let status = kind >> 4;
        let kind = match kind & 0xf {
            0 => RecordKind::Nonce(u32::from_le_bytes([a, b, c, d])),
            1 => RecordKind::Complete,
            2 => RecordKind::Request,
            found => return Err(Reject::BadRecordType { found }),
        };
        let product = match chip >> 6 {
            0 => RboxProduct::Rbox,
            1 => RboxProduct::T1,
            2 => RboxProduct::T2,
            _ => RboxProduct::TestBoard,
        };
        let (chip, chips) = (chip & 63, product.chips());
        if chip >= chips {
            return Err(Reject::BadRecordChip { chip, chips });
        }
        Ok(Self { kind, status, chip, product, slot: slot & 1, temperature })
    }
}
