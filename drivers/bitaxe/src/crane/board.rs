//! One hash board: its chain and where it stands.

use std::time::Duration;

use adit_driver::Capability;
use adit_driver_bm13xx::{Chain, RESET_BAUD, Setup};
use adit_protocol::bitaxe_raw::{Operation, pin};
use adit_protocol::bm13xx::Chip;
use adit_protocol::wire::Port;

use super::options::Options;
use crate::bringup::BURST;
use crate::control::Task;

/// Hash boards of the machine.
pub(crate) const BOARDS: usize = 3;
/// Chips are held in reset for so long, and given so long to wake (`docs/protocols/bm13xx.md §11.5`).
const RESET: Duration = Duration::from_millis(500);
const WAKING: Duration = Duration::from_millis(500);

/// A hash board.
#[derive(Debug)]
pub(super) struct HashBoard {
    pub(super) stage: Stage,
    pub(super) chain: Chain,
    /// What its chain has said it can do.
    pub(super) capability: Option<Capability>,
    /// Room for works, as the chain has said.
    pub(super) free: u16,
}

/// Where a hash board stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// In reset, its turn has not come.
    Waiting,
    /// Being counted and brought up.
    Trying,
    /// At work.
    Working,
    /// Left in reset: it is not there, or not well.
    Out,
}

impl HashBoard {
    pub(super) fn new(index: u8, chip: Option<Chip>, options: &Options) -> Self {
        let setup = Setup {
            chip,
            chips: Some(options.chips),
            easing: options.eased,
            // The third UART is made of software, and its buffers are not known: fast enough for jobs each second.
            baud: Some(RESET_BAUD),
            burst: BURST,
            ..Setup::new(Port(index + 1), options.clock)
        };
        Self { stage: Stage::Waiting, chain: Chain::new(setup), capability: None, free: 0 }
    }
}

/// The chips of hash board `index` into reset.
pub(super) fn hold(index: usize) -> Operation {
    Operation::GpioSet { pin: pin::bitcrane_reset(index as u8), high: false }
}

/// The chips of hash board `index` into reset and out again.
pub(super) fn pulse(index: usize) -> Vec<Task> {
    let release = Operation::GpioSet { pin: pin::bitcrane_reset(index as u8), high: true };
    vec![Task::Must(hold(index)), Task::Pause(RESET), Task::Must(release), Task::Pause(WAKING)]
}
