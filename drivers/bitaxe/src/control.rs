//! The control port: one request at a time, in batches that one interpreter carries out.

use std::collections::VecDeque;
use std::time::Duration;

use adit_driver::Fault;
use adit_driver::script::{Answer as Last, Ask, Script};
use adit_protocol::bitaxe_raw::{
    Answer, Codec, Dialect, ErrorCode, Expected, Firmware, Frame, Operation, Reject, Transfer,
};
use adit_protocol::i2c::{pmbus, tps546};
use adit_protocol::wire::{Codec as _, Port, Side, Step};

/// The control port of every board.
pub(crate) const CONTROL: Port = Port(0);
/// Longest wait for a reply (`docs/protocols/bitaxe-raw.md §3.7`).
const REPLY: Duration = Duration::from_secs(1);
/// Longest wait where there is little time: a board answers within 100 ms.
const HASTY_REPLY: Duration = Duration::from_millis(250);
/// The fan firmware measures a tachometer for a second.
const SLOW_REPLY: Duration = Duration::from_millis(2_500);
/// Silence before a request is repeated, so that nothing of the first attempt is left.
const CALM: Duration = Duration::from_millis(20);
/// Attempts at an operation that may be repeated.
const TRIES: u8 = 3;
/// Bytes kept while an answer is not complete: no answer is longer than a packet, and a few may run together.
const MOST_HEARD: usize = 1_024;

/// Who is spoken to, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Voice {
    pub(crate) firmware: Firmware,
    pub(crate) dialect: Dialect,
    next_id: u8,
}

/// Why there is no reply to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The board answered with an error: nothing acknowledged on the bus, or no such operation.
    Denied,
    /// No answer that makes sense, however often it was asked.
    Silent,
}

impl Refusal {
    /// What it means where the operation had to succeed.
    pub(crate) fn fault(self) -> Fault {
        match self {
            Self::Denied => Fault::ControlDenied,
            Self::Silent => Fault::ControlSilent { tries: u32::from(TRIES) },
        }
    }
}

/// What came of an operation: the data of the reply.
pub(crate) type Outcome = Result<Vec<u8>, Refusal>;

/// A part of a batch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Task {
    /// It must succeed, or the batch ends.
    Must(Operation),
    /// It may be denied. A board that is silent is asked no more.
    May(Operation),
    /// Whatever comes of it, the batch goes on: what makes a board safe.
    Try(Operation),
    /// Nothing for a while.
    Pause(Duration),
}

/// Operations to be carried out in order.
#[derive(Debug)]
pub(crate) struct Batch {
    voice: Voice,
    tasks: VecDeque<Task>,
    asked: Option<Asked>,
    outcomes: Vec<Outcome>,
    /// No time to lose: short waits and one repetition.
    hasty: bool,
}

/// The request that waits for its answer.
#[derive(Debug)]
struct Asked {
    operation: Operation,
    need: Need,
    expected: Expected,
    tries: u8,
}

/// What follows when an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Must,
    May,
    Try,
}

/// A batch that has ended.
#[derive(Debug, PartialEq)]
pub(crate) struct Finished {
    pub(crate) voice: Voice,
    /// Of each operation in order; fewer than were asked for where one that had to succeed did not.
    pub(crate) outcomes: Vec<Outcome>,
    /// Why it ended before its end.
    pub(crate) broken: Option<Refusal>,
}

/// What the ear makes of bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Heard {
    /// A success: its data.
    Reply(Vec<u8>),
    /// An error.
    Error(ErrorCode),
    /// Nothing that makes sense.
    Noise,
}

impl Voice {
    pub(crate) const fn new(firmware: Firmware, dialect: Dialect) -> Self {
        Self { firmware, dialect, next_id: 1 }
    }

    /// A batch of `tasks`.
    pub(crate) fn batch(self, tasks: impl IntoIterator<Item = Task>) -> Batch {
        let tasks = tasks.into_iter().collect();
        Batch { voice: self, tasks, asked: None, outcomes: Vec::new(), hasty: false }
    }

    /// A batch of `tasks` for which there is little time.
    pub(crate) fn hasty(self, tasks: impl IntoIterator<Item = Task>) -> Batch {
        Batch { hasty: true, ..self.batch(tasks) }
    }

    /// The bytes of `operation` under an id of its own, and the answer to wait for; `None` when the firmware cannot do it.
    pub(crate) fn ask(&mut self, operation: &Operation) -> Option<(Vec<u8>, Expected)> {
        let id = self.next_id;
        // 0xff is the id of answers to what could not be read.
        self.next_id = if id >= 0xfe { 0 } else { id + 1 };
        let request = operation.request(self.firmware, id)?;
        let bytes = Codec::new(self.dialect, Side::Host).encoded(&Frame::Request(request));
        Some((bytes, Expected { id, len: operation.reply_len() }))
    }
}

impl Batch {
    /// The answer that is waited for.
    pub(crate) fn expected(&self) -> Option<(Dialect, Expected)> {
        self.asked.as_ref().map(|asked| (self.voice.dialect, asked.expected))
    }

    fn advance(&mut self) -> Ask<Finished> {
        loop {
            let (operation, need) = match self.tasks.pop_front() {
                None => return self.finish(None),
                Some(Task::Pause(span)) => return Ask::Pause(span),
                Some(Task::Must(operation)) => (operation, Need::Must),
                Some(Task::May(operation)) => (operation, Need::May),
                Some(Task::Try(operation)) => (operation, Need::Try),
            };
            if let Some(ask) = self.request(operation, need, 1) {
                return ask;
            }
            // The firmware has no such operation: as if it had said so.
            self.outcomes.push(Err(Refusal::Denied));
            if need == Need::Must {
                return self.finish(Some(Refusal::Denied));
            }
        }
    }

    fn request(&mut self, operation: Operation, need: Need, tries: u8) -> Option<Ask<Finished>> {
        let (bytes, expected) = self.voice.ask(&operation)?;
        self.asked = Some(Asked { operation, need, expected, tries });
        Some(Ask::Send { port: CONTROL, bytes })
    }

    /// Nothing more is asked after the answer that is waited for.
    pub(crate) fn cut(&mut self) {
        self.tasks.clear();
        if let Some(asked) = &mut self.asked {
            asked.tries = TRIES;
        }
    }

    fn answered(&mut self, outcome: Outcome) -> Ask<Finished> {
        let Some(asked) = self.asked.take() else { return self.advance() };
        let again = match &outcome {
            Ok(data) => asked.expected.len.is_some_and(|len| len != data.len()),
            Err(Refusal::Silent) => true,
            // A bus may be disturbed once; what a firmware does not know it will not learn.
            Err(Refusal::Denied) => matches!(asked.operation, Operation::I2c(..)) && asked.tries == 1,
        };
        let most = if self.hasty { 2 } else { TRIES };
        if again && asked.tries < most && may_be_repeated(&asked.operation) {
            let tries = asked.tries + 1;
            self.asked = Some(Asked { tries, ..asked });
            return Ask::Pause(CALM);
        }
        let outcome = if again && outcome.is_ok() { Err(Refusal::Silent) } else { outcome };
        let refusal = outcome.as_ref().err().copied();
        self.outcomes.push(outcome);
        match (refusal, asked.need) {
            (Some(refusal), Need::Must) => self.finish(Some(refusal)),
            (Some(Refusal::Silent), Need::May) => self.finish(Some(Refusal::Silent)),
            _ => self.advance(),
        }
    }

    fn finish(&mut self, broken: Option<Refusal>) -> Ask<Finished> {
        self.tasks.clear();
        Ask::Done(Finished { voice: self.voice, outcomes: std::mem::take(&mut self.outcomes), broken })
    }
}

impl Script for Batch {
    type Frame = Heard;
    type Output = Finished;

    fn next(&mut self, last: Last<Heard>) -> Ask<Finished> {
        match last {
            Last::Begin | Last::Done(_) => self.advance(),
            // A pause before another attempt, or one of the batch.
            Last::Paused => match self.asked.take() {
                Some(Asked { operation, need, tries, .. }) => {
                    self.request(operation, need, tries).unwrap_or_else(|| self.advance())
                }
                None => self.advance(),
            },
            Last::Sent => Ask::Expect { within: self.patience() },
            Last::Frame(Heard::Reply(data)) => self.answered(Ok(data)),
            Last::Frame(Heard::Error(_)) => self.answered(Err(Refusal::Denied)),
            Last::Frame(Heard::Noise) | Last::Silence => self.answered(Err(Refusal::Silent)),
        }
    }
}

impl Batch {
    fn patience(&self) -> Duration {
        if self.hasty {
            return HASTY_REPLY;
        }
        let slow = matches!(self.asked, Some(Asked { operation: Operation::FanTach { .. }, .. }));
        if slow && self.voice.firmware == Firmware::Fan { SLOW_REPLY } else { REPLY }
    }
}

/// Whether an operation whose answer was lost does no harm a second time. What was written to a regulator is read back instead,
/// but it may be switched off as often as it takes.
fn may_be_repeated(operation: &Operation) -> bool {
    match operation {
        Operation::I2c(_, Transfer::Write { address: tps546::ADDRESS, bytes }) => {
            bytes[..] == [pmbus::OPERATION, pmbus::OFF]
        }
        Operation::Reboot | Operation::BootLoader => false,
        _ => true,
    }
}

/// Collects what comes on the control port until it is an answer.
#[derive(Debug, Default)]
pub(crate) struct Ear(Vec<u8>);

impl Ear {
    /// Forgets what has come: it belongs to nothing that is waited for.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// More bytes, of which nothing is expected yet.
    pub(crate) fn hear_all(&mut self, bytes: &[u8]) {
        if self.0.len() <= MOST_HEARD {
            self.0.extend_from_slice(bytes);
        }
    }

    /// Everything that has come, taken out.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    /// More bytes, and whether silence follows them. An answer to an older request, come late, is dropped.
    pub(crate) fn hear(
        &mut self,
        bytes: &[u8],
        quiet: bool,
        wanted: Option<(Dialect, Expected)>,
    ) -> Option<Heard> {
        self.0.extend_from_slice(bytes);
        if self.0.is_empty() {
            return None;
        }
        let Some((dialect, expected)) = wanted else {
            self.clear();
            return None;
        };
        let heard = match expected.find(dialect, &self.0, quiet) {
            Step::Frame { frame: Answer::Reply(reply), .. } => Some(Heard::Reply(reply.data)),
            Step::Frame { frame: Answer::Error(error), .. } => Some(Heard::Error(error.code)),
            Step::Skip { why: Reject::OtherId { .. }, .. } => {
                self.clear();
                return None;
            }
            Step::Skip { .. } => Some(Heard::Noise),
            Step::NeedMore if self.0.len() > MOST_HEARD => Some(Heard::Noise),
            Step::NeedMore => None,
        };
        if heard.is_some() {
            self.clear();
        }
        heard
    }
}

#[cfg(test)]
#[path = "control_tests.rs"]
mod tests;
