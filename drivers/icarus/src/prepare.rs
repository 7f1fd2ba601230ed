//! From "it is this model" to "it can work": clock, voltage, and the tests that show that they took effect
//! (`docs/protocols/icarus.md §6.3, §7.4, §7.6`).

use std::collections::VecDeque;
use std::time::Duration;

use adit_driver::Fault;
use adit_driver::script::{Act, Answer, Ask, Script};
use adit_protocol::icarus::{
    CairnsmoreCommand, Chip, ChipCommand, Codec, Dialect, Division, Frame, Job, golden,
};
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Codec as _, Side, Step as Decoded};

use crate::boards::Control;
use crate::burst::Burst;
use crate::control::{self, Clock, cairnsmore, chip_command};
use crate::detect::{PORT, SETTLE};

/// Not longer: a Cairnsmore1 that obeys would find the answer at its slowest clock (§6.3).
const SUPPORT_WAIT: Duration = Duration::from_millis(100);
const REGISTER_WAIT: Duration = Duration::from_millis(100);
const GOLDEN_WAIT: Duration = Duration::from_millis(300);
const CHIP_WAIT: Duration = Duration::from_millis(500);
const CALM: Duration = Duration::from_millis(50);
const TRIES: u8 = 2;

/// What preparing has shown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Prepared {
    /// A Cairnsmore1 takes commands.
    pub obeys: bool,
    /// The clock as the chips report it.
    pub reported: Option<Hertz>,
    /// Chips that failed their test.
    pub failed: u16,
}

#[derive(Clone, Debug)]
enum Step {
    Send(Vec<u8>),
    Pause(Duration),
    /// Discard what was received and wait for calm.
    Drain,
    /// Twice the same command; silence is the good answer.
    Support(Vec<u8>),
    /// Ask chips for their clock.
    ReadClock(Chip),
    /// The device must find this.
    Golden {
        job: Job,
        tries: u8,
    },
    /// This chip should find this.
    Test {
        job: Job,
        chip: u16,
        tries: u8,
    },
}

/// A list of steps, carried out one after the other.
#[derive(Debug)]
pub(crate) struct Prepare {
    steps: VecDeque<Step>,
    now: Option<Step>,
    /// Set the clock as soon as it is known that the board obeys.
    on_support: Option<Vec<u8>>,
    result: Prepared,
}

impl Prepare {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let steps = steps.into_iter().collect();
        Self { steps, now: None, on_support: None, result: Prepared::default() }
    }

    /// What a board needs before its first job.
    pub(crate) fn first(control: Control, clock: Option<Clock>, millivolts: u16) -> Self {
        let frame = clock.and_then(|clock| clock.frame).unwrap_or_default();
        match control {
            Control::None | Control::Rbox => Self::new([]),
            Control::Cairnsmore => {
                let probe = cairnsmore(CairnsmoreCommand::probe());
                let steps = [Step::Support([probe.clone(), probe].concat())];
                Self { on_support: Some(frame), ..Self::new(steps) }
            }
            Control::Bm138x(Chip::Bm1382) => {
                let voltage = control::voltage(millivolts).unwrap_or_default();
                let start =
                    [Step::Send(voltage), Step::Pause(SETTLE), Step::Send(frame), Step::Pause(SETTLE)];
                let tests = chip_tests().map(|(chip, job)| Step::Test { job, chip, tries: TRIES });
                let check = [Step::ReadClock(Chip::Bm1382), Step::Drain];
                Self::new(start.into_iter().chain(check).chain(tests))
            }
            Control::Bm138x(chip) => Self::new([
                Step::Send(frame),
                Step::Pause(SETTLE),
                Step::ReadClock(chip),
                Step::Drain,
                Step::Golden { job: golden::BLOCK_171874.job(), tries: TRIES },
            ]),
        }
    }

    /// Another clock while mining.
    pub(crate) fn clock(frame: Vec<u8>) -> Self {
        Self::new([Step::Send(frame), Step::Pause(SETTLE), Step::Send(read_clock())])
    }

    /// Another core voltage while mining.
    pub(crate) fn voltage(frame: Vec<u8>) -> Self {
        Self::new([Step::Pause(SETTLE), Step::Send(frame), Step::Pause(SETTLE)])
    }

    /// The next step, or the end.
    fn advance(&mut self) -> Ask<Prepared> {
        self.now = self.steps.pop_front();
        match &self.now {
            None if self.result.failed == U3_CHIPS => Ask::Fail(no_answer(CHIP_WAIT)),
            None => Ask::Done(self.result),
            Some(Step::Pause(span)) => Ask::Pause(*span),
            Some(Step::Drain) => Ask::Act(Act::Purge(PORT)),
            Some(Step::Send(bytes) | Step::Support(bytes)) => send(bytes.clone()),
            Some(Step::ReadClock(_)) => send(read_clock()),
            Some(Step::Golden { job, .. } | Step::Test { job, .. }) => send(job.to_icarus_bytes().to_vec()),
        }
    }

    /// The device said this, or nothing.
    fn heard(&mut self, burst: Option<&Burst>) -> Ask<Prepared> {
        match self.now.take() {
            Some(Step::Support(_)) => {
                self.result.obeys = burst.is_none();
                let clock = self.on_support.take().filter(|_| self.result.obeys);
                self.steps.extend(clock.map(Step::Send));
            }
            Some(Step::ReadClock(chip)) => {
                self.result.reported = burst.and_then(|burst| reported_clock(chip, &burst.bytes));
            }
            Some(Step::Golden { job, tries }) if !burst.is_some_and(|burst| solves(&job, None, burst)) => {
                if tries <= 1 {
                    return Ask::Fail(no_answer(GOLDEN_WAIT));
                }
                self.steps.push_front(Step::Golden { job, tries: tries - 1 });
            }
            Some(Step::Test { job, chip, tries })
                if !burst.is_some_and(|burst| solves(&job, Some(chip), burst)) =>
            {
                if tries <= 1 {
                    self.result.failed += 1;
                } else {
                    self.steps.push_front(Step::Test { job, chip, tries: tries - 1 });
                }
            }
            _ => {}
        }
        self.advance()
    }
}

impl Script for Prepare {
    type Frame = Burst;
    type Output = Prepared;

    fn next(&mut self, last: Answer<Burst>) -> Ask<Prepared> {
        match (&self.now, last) {
            (Some(Step::Support(_)), Answer::Sent) => Ask::Expect { within: SUPPORT_WAIT },
            (Some(Step::ReadClock(_)), Answer::Sent) => Ask::Expect { within: REGISTER_WAIT },
            (Some(Step::Golden { .. }), Answer::Sent) => Ask::Expect { within: GOLDEN_WAIT },
            (Some(Step::Test { .. }), Answer::Sent) => Ask::Expect { within: CHIP_WAIT },
            (Some(Step::Drain), Answer::Done(_)) => Ask::Expect { within: CALM },
            (_, Answer::Frame(burst)) => self.heard(Some(&burst)),
            (_, Answer::Silence) => self.heard(None),
            _ => self.advance(),
        }
    }
}

/// Chips of an Antminer U3.
const U3_CHIPS: u16 = 4;

/// For each chip of an Antminer U3 a job that it solves soon (§3.3).
fn chip_tests() -> impl Iterator<Item = (u16, Job)> {
    [golden::U3_CHIP_0, golden::U3_CHIP_1, golden::U3_CHIP_2, golden::U3_CHIP_3]
        .into_iter()
        .zip(0..)
        .map(|(known, chip)| (chip, known.job()))
}

fn read_clock() -> Vec<u8> {
    chip_command(ChipCommand::ReadRegister { chip: 0, register: 4 })
}

fn send(bytes: Vec<u8>) -> Ask<Prepared> {
    Ask::Send { port: PORT, bytes }
}

fn no_answer(waited: Duration) -> Fault {
    Fault::NoAnswer { waited_ms: u32::from(TRIES) * u32::try_from(waited.as_millis()).unwrap_or(u32::MAX) }
}

/// Whether one of the 5-byte records is a solution of `job`, found by `chip`.
fn solves(job: &Job, chip: Option<u16>, burst: &Burst) -> bool {
    let quarters = Division::new(U3_CHIPS).unwrap_or(Division::ONE);
    frames(&burst.bytes).any(|frame| {
        let nonce = match frame {
            Frame::Nonce(nonce) => nonce,
            Frame::Register(register) => register.as_nonce(),
            _ => return false,
        };
        job.is_solved_by(nonce.nonce) && chip.is_none_or(|chip| quarters.engine(nonce.counter()) == chip)
    })
}

fn reported_clock(chip: Chip, bytes: &[u8]) -> Option<Hertz> {
    frames(bytes).find_map(|frame| match frame {
        Frame::Register(register) => register.pll_word(chip).map(|word| word.frequency(chip)),
        _ => None,
    })
}

fn frames(bytes: &[u8]) -> impl Iterator<Item = Frame> {
    let mut codec = Codec::new(Dialect::Icarus5, Side::Device);
    bytes.chunks_exact(5).filter_map(move |chunk| match codec.decode(chunk, true) {
        Decoded::Frame { frame, .. } => Some(frame),
        _ => None,
    })
}
