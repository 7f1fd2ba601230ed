//! Bytes to frames and back.

use super::bm138x::crc5;
use super::rbox::may_be_frame;
use super::{
    CairnsmoreCommand, ChipCommand, Command, Frame, IDENTIFY_FRAME, Job, Nonce, RboxOrder, RboxRecord,
    Register, Reject,
};
use crate::wire::{self, Side, Step};

/// Which branch of the family is spoken. A dialect is known from the model or found by probing, never from a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// 4-byte nonces: Icarus, Lancelot, Cairnsmore1, Block Erupter.
    Icarus,
    /// 5-byte nonces and 4-byte commands: BM1380, BM1382, BM1384.
    Icarus5,
    /// 8-byte records: RockMiner R-BOX and T1.
    Rbox,
}

/// Codec of one dialect.
///
/// No frame has a length or a start mark, so silence is what aligns both directions: bytes that are left over when the line
/// falls silent belong to nothing. The caller decides how long a silence must be (`docs/protocols/icarus.md §7.2, §9`).
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    dialect: Dialect,
    decodes: Side,
}

/// A command-like front of a BM138x stream is decided at the latest when so many bytes have come without a pause.
const UNDECIDED: usize = 3 * Job::SIZE;

type Item = Step<Frame, Reject>;

impl Codec {
    /// A codec that decodes what the side `decodes` sends.
    pub const fn new(dialect: Dialect, decodes: Side) -> Self {
        Self { dialect, decodes }
    }

    /// The dialect it speaks.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }
}

impl wire::Codec for Codec {
    type Frame = Frame;
    type Reject = Reject;

    fn encode(&self, frame: &Frame, out: &mut Vec<u8>) {
        match (frame, self.dialect) {
            (Frame::Job(job), Dialect::Rbox) => out.extend(job.to_rbox_bytes()),
            (Frame::Job(job), _) => out.extend(job.to_icarus_bytes()),
            (Frame::Command(Command::Cairnsmore(command)), _) => out.extend(command.to_bytes()),
            (Frame::Command(Command::Chip(command)), _) => out.extend(command.to_bytes()),
            (Frame::Command(Command::Identify), _) => out.extend(IDENTIFY_FRAME),
            (Frame::Command(Command::Rbox(order)), _) => out.extend(order.to_bytes()),
            (Frame::Nonce(nonce), Dialect::Icarus) => out.extend(nonce.nonce.to_le_bytes()),
            (Frame::Nonce(nonce), _) => out.extend(nonce.to_bytes()),
            (Frame::Register(register), _) => out.extend(register.to_bytes()),
            (Frame::Record(record), _) => out.extend(record.to_bytes()),
        }
    }

    fn decode(&mut self, input: &[u8], quiet: bool) -> Item {
        match (self.dialect, self.decodes) {
            (Dialect::Icarus, Side::Host) => icarus_host(input, quiet),
            (Dialect::Icarus, Side::Device) => icarus_device(input, quiet),
            (Dialect::Icarus5, Side::Host) => icarus5_host(input, quiet),
            (Dialect::Icarus5, Side::Device) => icarus5_device(input, quiet),
            (Dialect::Rbox, Side::Host) => rbox_host(input, quiet),
            (Dialect::Rbox, Side::Device) => rbox_device(input, quiet),
        }
    }
}

/// Fewer bytes than a frame has: wait, or give them up when silence follows.
fn incomplete(input: &[u8], quiet: bool, expected: usize) -> Item {
    if !quiet || input.is_empty() {
        return Step::NeedMore;
    }
    Step::Skip { used: input.len(), why: Reject::Incomplete { found: input.len(), expected } }
}

fn icarus_host(input: &[u8], quiet: bool) -> Item {
    let Some(bytes) = input.first_chunk::<64>() else { return incomplete(input, quiet, Job::SIZE) };
    let job = Job::from_icarus_bytes(bytes);
    let frame = match CairnsmoreCommand::from_job(&job) {
        Some(command) => Frame::Command(Command::Cairnsmore(command)),
        None => Frame::Job(job),
    };
    Step::Frame { frame, used: Job::SIZE }
}

fn icarus_device(input: &[u8], quiet: bool) -> Item {
    let Some(bytes) = input.first_chunk::<4>() else { return incomplete(input, quiet, 4) };
    Step::Frame { frame: Frame::Nonce(Nonce::plain(u32::from_le_bytes(*bytes))), used: 4 }
}

fn icarus5_device(input: &[u8], quiet: bool) -> Item {
    let Some(bytes) = input.first_chunk::<5>() else { return incomplete(input, quiet, 5) };
    let [a, b, c, d, tag] = *bytes;
    let frame = match Register::from_bytes(bytes) {
        Some(register) => Frame::Register(register),
        None => Frame::Nonce(Nonce { nonce: u32::from_le_bytes([a, b, c, d]), tag }),
    };
    Step::Frame { frame, used: 5 }
}

/// Commands and jobs follow each other without separators. What does not start like a command is a job as soon as it is
/// whole; what does is decided by the silence after it (`docs/protocols/icarus.md §7.2`).
fn icarus5_host(input: &[u8], quiet: bool) -> Item {
    if input.starts_with(&IDENTIFY_FRAME) {
        return Step::Frame { frame: Frame::Command(Command::Identify), used: IDENTIFY_FRAME.len() };
    }
    let Some(first) = input.first_chunk::<4>() else { return incomplete(input, quiet, ChipCommand::SIZE) };
    if let Some(command) = ChipCommand::from_bytes(*first) {
        if !quiet && input.len() < UNDECIDED {
            return Step::NeedMore;
        }
        if input.len() >= UNDECIDED || !is_job_in_disguise(input) {
            return Step::Frame { frame: Frame::Command(Command::Chip(command)), used: ChipCommand::SIZE };
        }
    }
    if let Some(bytes) = input.first_chunk::<64>() {
        return Step::Frame { frame: Frame::Job(Job::from_icarus_bytes(bytes)), used: Job::SIZE };
    }
    if quiet && input.len() == ChipCommand::SIZE && matches!(first[0], 0x82 | 0x83 | 0x84 | 0xaa | 0xbb) {
        let why = Reject::BadCommand { expected: crc5(first, 27), found: first[3] };
        return Step::Skip { used: ChipCommand::SIZE, why };
    }
    incomplete(input, quiet, Job::SIZE)
}

/// One job in 1,600 starts like a command. With the whole burst at hand: it is a job if the burst can be cut into whole
/// frames by taking a job first, and cannot by taking a command first.
fn is_job_in_disguise(burst: &[u8]) -> bool {
    // fits[i]: the bytes from 4 i on can be cut into whole frames.
    let mut fits = [false; UNDECIDED / 4 + 1];
    let words = burst.len() / 4;
    if !burst.len().is_multiple_of(4) || words >= fits.len() {
        return false;
    }
    fits[words] = true;
    for at in (1..words).rev() {
        let rest = &burst[at * 4..];
        let command = rest.first_chunk().is_some_and(|bytes| ChipCommand::from_bytes(*bytes).is_some());
        fits[at] = command && fits[at + 1]
            || rest.starts_with(&IDENTIFY_FRAME) && fits[at + 9]
            || rest.len() >= Job::SIZE && fits[at + 16];
    }
    words >= 16 && fits[16] && !fits[1]
}

fn rbox_host(input: &[u8], quiet: bool) -> Item {
    let Some(bytes) = input.first_chunk::<64>() else { return incomplete(input, quiet, Job::SIZE) };
    if !may_be_frame(bytes) {
        // Resynchronise: the next place where these 64 bytes leave a frame possible.
        let used = (1..Job::SIZE).find(|at| may_be_frame(&bytes[*at..])).unwrap_or(Job::SIZE);
        return Step::Skip { used, why: Reject::NotRboxJob };
    }
    let job = Job::from_rbox_bytes(bytes);
    let frame = match RboxOrder::from_filler(&job.filler) {
        Some(order) => Frame::Command(Command::Rbox(order)),
        None => Frame::Job(job),
    };
    Step::Frame { frame, used: Job::SIZE }
}

fn rbox_device(input: &[u8], quiet: bool) -> Item {
    let Some(bytes) = input.first_chunk::<8>() else { return incomplete(input, quiet, RboxRecord::SIZE) };
    match RboxRecord::from_bytes(*bytes) {
        Ok(record) => Step::Frame { frame: Frame::Record(record), used: RboxRecord::SIZE },
        Err(why) => Step::Skip { used: 1, why },
    }
}
