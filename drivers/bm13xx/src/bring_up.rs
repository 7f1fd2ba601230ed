//! Carries the list of a chip type out and looks whether every chip is where it should be.

use std::time::Duration;
use std::vec::IntoIter;

use adit_driver::Fault;
use adit_driver::script::{Act, Answer, Ask, Script};
use adit_protocol::bm13xx::{Command, Frame, Generation, Identity, Register};
use adit_protocol::wire::{Line, Port};

use crate::count::MOST_STRANGERS;
use crate::plan::Plan;
use crate::sequence::{Step, steps};
use crate::setup::{Census, RESET_BAUD, Setup};
use crate::wire::bytes;

const FIRST: Duration = Duration::from_millis(500);
const NEXT: Duration = Duration::from_millis(100);
/// Times that a chip which does not answer is asked again.
const ASKS: u8 = 3;

/// The script from counting to work.
#[derive(Debug)]
pub(crate) struct BringUp {
    port: Port,
    generation: Generation,
    plan: Plan,
    steps: IntoIter<Step>,
    verifying: Option<Verifying>,
}

/// Who has answered so far.
#[derive(Debug)]
struct Verifying {
    baud: Option<u32>,
    there: Vec<bool>,
    asks: u8,
    /// Frames that are no answer: chips that hash on are not listened to for ever.
    strangers: u16,
    /// The host's rate has been set back: chips did not follow, and may still be heard at the old one.
    fallen_back: bool,
}

impl BringUp {
    pub(crate) fn new(setup: &Setup, plan: Plan, census: &Census) -> Self {
        let steps = steps(&plan, census).into_iter();
        let generation = plan.chip.facts().generation;
        Self { port: setup.port, generation, plan, steps, verifying: None }
    }

    fn send(&self, frame: &Frame) -> Ask<Plan> {
        Ask::Send { port: self.port, bytes: bytes(self.generation, frame) }
    }

    fn line(&self, baud: u32) -> Ask<Plan> {
        Ask::Act(Act::Line(self.port, Line::at(baud)))
    }

    fn ask_all(&self) -> Ask<Plan> {
        self.send(&Frame::Command(Command::read_all(Register::CHIP_ID)))
    }

    fn step(&mut self) -> Ask<Plan> {
        match self.steps.next() {
            None => Ask::Done(self.plan.clone()),
            Some(Step::Send(frame)) => self.send(&frame),
            Some(Step::Pause(span)) => Ask::Pause(span),
            Some(Step::Line(baud)) => self.line(baud),
            Some(Step::Verify { baud }) => {
                let there = vec![false; usize::from(self.plan.chips)];
                self.verifying = Some(Verifying { baud, there, asks: 1, strangers: 0, fallen_back: false });
                self.ask_all()
            }
        }
    }

    fn heard(&mut self, frame: &Frame) -> Ask<Plan> {
        let Some(verifying) = &mut self.verifying else { return self.step() };
        match frame {
            Frame::Register(answer) if answer.register == Register::CHIP_ID => {
                let address = Identity::from_bits(answer.value).address;
                if let Some(index) = self.plan.index(address)
                    && let Some(there) = verifying.there.get_mut(usize::from(index))
                {
                    *there = true;
                }
                // Everybody has answered: no need to wait for silence.
                if verifying.there.iter().all(|there| *there) {
                    return self.verified();
                }
            }
            _ if verifying.strangers == MOST_STRANGERS => return self.missing(),
            _ => verifying.strangers += 1,
        }
        Ask::Expect { within: NEXT }
    }

    fn verified(&mut self) -> Ask<Plan> {
        if let Some(Verifying { fallen_back: true, .. }) = self.verifying.take() {
            self.plan.baud = RESET_BAUD;
        }
        self.step()
    }

    /// Somebody has not answered.
    fn missing(&mut self) -> Ask<Plan> {
        let Some(verifying) = &mut self.verifying else { return self.step() };
        if verifying.asks < ASKS {
            verifying.asks += 1;
            verifying.strangers = 0;
            return self.ask_all();
        }
        let found = verifying.there.iter().filter(|there| **there).count() as u16;
        let first = verifying.there.iter().position(|there| !there).unwrap_or_default() as u16;
        match verifying.baud {
            Some(baud) if found == 0 => {
                if verifying.fallen_back {
                    return Ask::Fail(Fault::BaudLost { baud });
                }
                (verifying.fallen_back, verifying.asks) = (true, 0);
                self.line(RESET_BAUD)
            }
            _ => Ask::Fail(Fault::ChipMissing { chip: first, found, expected: self.plan.chips }),
        }
    }
}

impl Script for BringUp {
    type Frame = Frame;
    type Output = Plan;

    fn next(&mut self, last: Answer<Frame>) -> Ask<Plan> {
        match (last, &self.verifying) {
            (Answer::Sent, Some(_)) => Ask::Expect { within: FIRST },
            (Answer::Frame(frame), Some(_)) => self.heard(&frame),
            (Answer::Silence, Some(_)) => self.missing(),
            (Answer::Done(_), Some(_)) => self.ask_all(),
            (Answer::Begin | Answer::Sent | Answer::Paused | Answer::Done(_), None) => self.step(),
            (Answer::Begin | Answer::Paused, Some(_)) | (Answer::Frame(_) | Answer::Silence, None) => {
                self.step()
            }
        }
    }
}
