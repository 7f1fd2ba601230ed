//! Bytes to frames and back for chips whose frames have a preamble (V1, V2). Chips without are in [`bare`](super::bare).

use super::answer::{self, LONG, SHORT};
use super::command;
use super::job::{HeaderJob, Job, MidstateJob};
use super::{Frame, Generation, Reject, bare, crc16};
use crate::wire::{self, Side, Step};

/// Length of a run of bytes between frames that becomes one item at most.
const RUN: usize = 64;

pub(super) type Item = Step<Frame, Reject>;

/// How long answers of a V2 chip are (`docs/protocols/bm13xx.md §3.3`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// 9 bytes: before version rolling is enabled.
    Short,
    /// 11 bytes: afterwards.
    Long,
    /// Either, told apart by checksum and by what follows. An answer is certain when the next begins or the line is silent.
    Either,
}

/// What a job frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jobs {
    /// Midstates.
    Midstates,
    /// The whole header, whatever the length byte says.
    Headers,
    /// Either, told apart by length byte, midstate count and checksum.
    Either,
}

/// Codec of one generation.
///
/// After a wrong checksum one byte is skipped, not a frame, so that nothing behind it is lost; bytes between frames are
/// skipped in runs of at most 64.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    pub(super) generation: Generation,
    decodes: Side,
    answers: Answers,
    jobs: Jobs,
    /// V0 answers: the last one was wrong, so the next must be confirmed.
    pub(super) lost: bool,
}

impl Codec {
    /// A codec that decodes what the side `decodes` sends. Of V2 chips it takes both formats of answers and jobs until it is
    /// told which.
    pub const fn new(generation: Generation, decodes: Side) -> Self {
        let (answers, jobs) = match generation {
            Generation::V0 | Generation::V0Bm1391 | Generation::V1 => (Answers::Short, Jobs::Midstates),
            Generation::V2 => (Answers::Either, Jobs::Either),
        };
        Self { generation, decodes, answers, jobs, lost: false }
    }

    /// Says how long answers are from now on. Without effect on generations that have one length.
    pub fn set_answers(&mut self, answers: Answers) {
        if self.generation == Generation::V2 {
            self.answers = answers;
        }
    }

    /// Says what jobs hold from now on. Without effect on generations that have one format.
    pub fn set_jobs(&mut self, jobs: Jobs) {
        if self.generation == Generation::V2 {
            self.jobs = jobs;
        }
    }

    /// The generation it speaks.
    pub const fn generation(&self) -> Generation {
        self.generation
    }
}

impl wire::Codec for Codec {
    type Frame = Frame;
    type Reject = Reject;

    fn encode(&self, frame: &Frame, out: &mut Vec<u8>) {
        let preamble = self.generation.has_preamble();
        match frame {
            Frame::Command(command) => {
                if preamble {
                    out.extend(Side::Host.preamble());
                }
                command::encode(self.generation, *command, out);
            }
            Frame::Job(job) => {
                if preamble {
                    out.extend(Side::Host.preamble());
                }
                encode_job(job, out);
            }
            Frame::Register(register) => answer::encode_register(self.generation, register, out),
            Frame::Nonce(nonce) => answer::encode_nonce(self.generation, nonce, out),
        }
    }

    fn decode(&mut self, input: &[u8], quiet: bool) -> Item {
        if input.is_empty() {
            return Step::NeedMore;
        }
        match (self.generation.has_preamble(), self.decodes) {
            (true, side) => self.decode_framed(side, input, quiet),
            (false, Side::Host) => bare::decode_host(input, quiet),
            (false, Side::Device) => bare::decode_device(&mut self.lost, input, quiet),
        }
    }
}

impl Side {
    /// The two bytes that begin every frame of this side.
    const fn preamble(self) -> [u8; 2] {
        match self {
            Self::Host => [0x55, 0xaa],
            Self::Device => [0xaa, 0x55],
        }
    }
}

impl Codec {
    fn decode_framed(&self, side: Side, input: &[u8], quiet: bool) -> Item {
        let preamble = side.preamble();
        if input[0] != preamble[0] || input.get(1).is_some_and(|second| *second != preamble[1]) {
            return run(input, quiet, Reject::NoFrame, |bytes| starts(&preamble, bytes));
        }
        let found = match (input.get(2..), side) {
            (Some(body), Side::Host) if !body.is_empty() => host_body(self.jobs, body),
            (Some(body), Side::Device) => device_body(self.answers, body, quiet),
            _ => Found::NeedMore,
        };
        match found {
            Found::Frame(frame, used) => Step::Frame { frame, used: used + 2 },
            Found::Nothing(why) => Step::Skip { used: 1, why },
            Found::NeedMore if !quiet => Step::NeedMore,
            Found::NeedMore => {
                let why = Reject::Incomplete { found: input.len() };
                run(input, quiet, why, |bytes| starts(&preamble, bytes))
            }
        }
    }
}

/// Whether `bytes`, at least one, begin with a preamble as far as they go.
fn starts(preamble: &[u8; 2], bytes: &[u8]) -> Start {
    match bytes {
        [first] if *first == preamble[0] => Start::Perhaps,
        [first, second, ..] if [*first, *second] == *preamble => Start::Yes,
        _ => Start::No,
    }
}

/// Whether a frame begins at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Yes,
    No,
    /// More bytes will tell.
    Perhaps,
}

/// Skips the bytes before the next place where `begins` says that a frame begins; the first byte is known to begin none.
pub(super) fn run(input: &[u8], quiet: bool, why: Reject, begins: impl Fn(&[u8]) -> Start) -> Item {
    for at in 1..input.len().min(RUN) {
        match begins(&input[at..]) {
            Start::Yes => return Step::Skip { used: at, why },
            Start::Perhaps if !quiet => return Step::NeedMore,
            Start::Perhaps | Start::No => {}
        }
    }
    match input.len() {
        length if length >= RUN => Step::Skip { used: RUN, why },
        length if quiet => Step::Skip { used: length, why },
        _ => Step::NeedMore,
    }
}

/// What the bytes after a preamble are.
pub(super) enum Found {
    /// A frame of so many bytes.
    Frame(Frame, usize),
    /// None.
    Nothing(Reject),
    /// The beginning of one.
    NeedMore,
}

fn host_body(jobs: Jobs, body: &[u8]) -> Found {
    let header = body[0];
    if header == command::JOB {
        return job_body(jobs, body);
    }
    command::decode(command::FRAMED, body)
}

/// A job: header byte, length byte, body, checksum.
pub(super) fn job_body(jobs: Jobs, body: &[u8]) -> Found {
    let [_, length, _, count, ..] = *body else { return Found::NeedMore };
    let slots = MidstateJob::slots_of(length);
    let midstates = |slots: u8| match checked(body, MidstateJob::size(slots)) {
        Ok(Some(content)) => match MidstateJob::from_body(slots, content) {
            Some(job) => Found::Frame(Frame::Job(Job::Midstates(job)), MidstateJob::size(slots)),
            None => Found::Nothing(Reject::BadLength { header: command::JOB, found: length }),
        },
        Ok(None) => Found::NeedMore,
        Err(why) => Found::Nothing(why),
    };
    let header = || match checked(body, HeaderJob::SIZE) {
        Ok(Some(content)) => match content.first_chunk() {
            Some(content) => {
                let job = HeaderJob::from_body(length, content);
                Found::Frame(Frame::Job(Job::Header(job)), HeaderJob::SIZE)
            }
            None => Found::NeedMore,
        },
        Ok(None) => Found::NeedMore,
        Err(why) => Found::Nothing(why),
    };
    match (jobs, slots) {
        (Jobs::Headers, _) => header(),
        (Jobs::Midstates, Some(slots)) => midstates(slots),
        (Jobs::Midstates, None) => Found::Nothing(Reject::BadLength { header: command::JOB, found: length }),
        (Jobs::Either, Some(1)) => match midstates(1) {
            Found::Nothing(_) => header(),
            decided => decided,
        },
        (Jobs::Either, Some(2)) if count < 2 => header(),
        (Jobs::Either, Some(slots)) => midstates(slots),
        (Jobs::Either, None) => header(),
    }
}

/// What stands between length byte and checksum of a job of `size` bytes, when all have come and the checksum is right.
fn checked(body: &[u8], size: usize) -> Result<Option<&[u8]>, Reject> {
    let Some(frame) = body.get(..size) else { return Ok(None) };
    let (content, sum) = frame.split_at(size - 2);
    let (expected, found) = (crc16(content), u16::from_be_bytes([sum[0], sum[1]]));
    if expected == found { Ok(Some(&content[2..])) } else { Err(Reject::BadCrc16 { expected, found }) }
}

fn encode_job(job: &Job, out: &mut Vec<u8>) {
    let start = out.len();
    match job {
        Job::Header(job) => {
            out.extend([command::JOB, job.length]);
            out.extend(job.body());
        }
        Job::Midstates(job) => {
            out.extend([command::JOB, MidstateJob::size(job.slots.clamp(1, 4)) as u8]);
            job.write_body(out);
        }
    }
    let sum = crc16(&out[start..]);
    out.extend(sum.to_be_bytes());
}

/// `body`: what came after the preamble.
fn device_body(answers: Answers, body: &[u8], quiet: bool) -> Found {
    let fixed = |size: usize| match body.get(..size) {
        Some(body) => answer::decode(body).map_or_else(Found::Nothing, |frame| Found::Frame(frame, size)),
        None => Found::NeedMore,
    };
    match answers {
        Answers::Short => fixed(SHORT),
        Answers::Long => fixed(LONG),
        Answers::Either => {
            let short = fixed(SHORT);
            if !matches!(short, Found::Frame(..)) {
                return if body.len() < SHORT { Found::NeedMore } else { fixed(LONG) };
            }
            // A short answer fits by chance once in a hundred long ones: the longer reading wins where both fit.
            match body.len() {
                LONG.. => match fixed(LONG) {
                    Found::Frame(frame, used) => Found::Frame(frame, used),
                    _ => short,
                },
                _ if quiet => short,
                _ => Found::NeedMore,
            }
        }
    }
}
