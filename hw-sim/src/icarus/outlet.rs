//! What a board sends, and the lies it can be made to tell.

use std::collections::VecDeque;

use adit_protocol::icarus::{Codec, Dialect, Frame};
use adit_protocol::wire::{Codec as _, Port, Side};

use crate::dice::Dice;
use crate::{DeviceFault, DeviceOutput, Truth};

/// Nonces held back at most; a fault that finds no room does nothing.
const HELD: usize = 16;

/// The transmitter of a board.
#[derive(Debug)]
pub(crate) struct Outlet {
    codec: Codec,
    queue: VecDeque<DeviceOutput>,
    truth: Truth,
    /// Nonces of an earlier job that wait for the next one to begin.
    held: Vec<Frame>,
    late: u32,
    mislabel: u32,
    pub(crate) false_nonces: u32,
    pub(crate) dice: Dice,
}

impl Outlet {
    pub(crate) fn new(dialect: Dialect, seed: u64) -> Self {
        Self {
            codec: Codec::new(dialect, Side::Host),
            queue: VecDeque::new(),
            truth: Truth::default(),
            held: Vec::new(),
            late: 0,
            mislabel: 0,
            false_nonces: 0,
            dice: Dice::new(seed, 0x1ca5),
        }
    }

    /// Arms a fault of nonces; false for any other.
    pub(crate) const fn arm(&mut self, fault: DeviceFault) -> bool {
        let count = match fault {
            DeviceFault::LateNonce => &mut self.late,
            DeviceFault::WrongWorkId => &mut self.mislabel,
            DeviceFault::FalseNonce => &mut self.false_nonces,
            _ => return false,
        };
        *count = count.saturating_add(1);
        true
    }

    /// No fault waits for a nonce any more.
    pub(crate) const fn mend(&mut self) {
        (self.late, self.mislabel, self.false_nonces) = (0, 0, 0);
    }

    /// Nothing sent so far leaves the board any more.
    pub(crate) fn reset(&mut self) {
        self.queue.clear();
        self.held.clear();
    }

    /// A job was begun: what was held back of earlier ones is sent now.
    pub(crate) fn job_begun(&mut self) {
        self.truth.jobs += 1;
        for frame in std::mem::take(&mut self.held) {
            self.nonce_out(&frame);
        }
    }

    /// Sends a nonce that was found. `mislabelled`: the same under another work id, where the record carries one.
    pub(crate) fn nonce(&mut self, frame: Frame, mislabelled: Option<Frame>) {
        let hold = match (self.mislabel, mislabelled) {
            (1.., Some(wrong)) => {
                self.mislabel -= 1;
                return self.nonce_out(&wrong);
            }
            (1.., None) => &mut self.mislabel, // without ids a late nonce passes for one of the new job
            (0, _) => &mut self.late,
        };
        if *hold > 0 && self.held.len() < HELD {
            *hold -= 1;
            self.held.push(frame);
            return;
        }
        self.nonce_out(&frame);
    }

    fn nonce_out(&mut self, frame: &Frame) {
        self.truth.nonces += 1;
        self.send(frame);
    }

    /// Sends a record, in one piece.
    pub(crate) fn send(&mut self, frame: &Frame) {
        let bytes = self.codec.encoded(frame);
        self.queue.push_back(DeviceOutput::Bytes { port: Port(0), bytes });
    }

    pub(crate) fn next(&mut self) -> Option<DeviceOutput> {
        self.queue.pop_front()
    }

    /// Nonces and jobs so far.
    pub(crate) const fn truth(&self) -> Truth {
        self.truth
    }

    pub(crate) fn answer_control(&mut self) {
        self.queue.push_back(DeviceOutput::Control(None));
    }
}
