//! From the first question to open cores (`docs/protocols/gekko.md §4, §5`).

use std::collections::VecDeque;
use std::time::Duration;

use adit_driver::Fault;
use adit_driver::script::{Act, Answer, Ask, Script};
use adit_protocol::bm13xx::{Bm1384Command, Bm1384Frame};
use adit_protocol::gekko;
use adit_protocol::units::Hertz;

use crate::pace::{PORT, bytes, span};

/// The first chip has answered by then.
const FIRST: Duration = Duration::from_secs(1);
/// The next one follows at once.
const NEXT: Duration = Duration::from_millis(50);
/// An answer may be lost: a wrong number is asked for again.
const ASKS: u32 = 3;
const BETWEEN_OPENINGS: Duration = Duration::from_millis(10);

/// The commands that give `chips` their addresses and all of them the clock.
pub(crate) fn setup(chips: u16, clock: Hertz) -> impl Iterator<Item = Bm1384Frame> {
    let addresses = (0..chips).map(move |index| Bm1384Command::SetAddress(gekko::address(index, chips)));
    std::iter::once(Bm1384Command::Inactive)
        .chain(addresses)
        .chain([Bm1384Command::SetPll(gekko::clock_word(clock))])
        .map(Bm1384Frame::Command)
}

/// Counts the chips, sets them up and opens their cores. Its output is their number.
#[derive(Debug)]
pub(crate) struct BringUp {
    /// `None`: any number will do.
    expected: Option<u16>,
    clock: Hertz,
    asks: u32,
    found: u16,
    counted: bool,
    /// Frames that follow, each with the time until the next.
    frames: VecDeque<(Bm1384Frame, Duration)>,
    pause: Duration,
}

impl BringUp {
    pub(crate) fn new(expected: Option<u16>, clock: Hertz) -> Self {
        Self {
            expected,
            clock,
            asks: 0,
            found: 0,
            counted: false,
            frames: VecDeque::new(),
            pause: Duration::ZERO,
        }
    }

    fn ask(&mut self) -> Ask<u16> {
        self.asks += 1;
        self.found = 0;
        let read = Bm1384Command::Read { chip: None, register: 0 };
        Ask::Send { port: PORT, bytes: bytes(&Bm1384Frame::Command(read)) }
    }

    fn heard(&mut self, frame: Bm1384Frame) -> Ask<u16> {
        if let Bm1384Frame::Register { value } = frame
            && value >> 16 == u32::from(gekko::CHIP_ID)
        {
            self.found += 1;
        }
        if self.found > gekko::MOST_CHIPS {
            return self.judge();
        }
        Ask::Expect { within: if self.found == 0 { FIRST } else { NEXT } }
    }

    /// Everybody has answered.
    fn judge(&mut self) -> Ask<u16> {
        let found = self.found;
        let expected = self.expected.unwrap_or(found.min(gekko::MOST_CHIPS));
        let wrong = match found {
            0 => Fault::NoAnswer { waited_ms: self.asks * FIRST.as_millis() as u32 },
            _ if found < expected => Fault::ChipMissing { chip: found, found, expected },
            _ if found > expected => Fault::ChipsExtra { found, expected },
            _ => {
                self.counted = true;
                self.frames = frames(found, self.clock);
                return self.step();
            }
        };
        if self.asks < ASKS { self.ask() } else { Ask::Fail(wrong) }
    }

    fn step(&mut self) -> Ask<u16> {
        let Some((frame, pause)) = self.frames.pop_front() else { return Ask::Done(self.found) };
        self.pause = pause;
        Ask::Send { port: PORT, bytes: bytes(&frame) }
    }
}

/// What follows the count, with the time each frame takes.
fn frames(chips: u16, clock: Hertz) -> VecDeque<(Bm1384Frame, Duration)> {
    let setup = setup(chips, clock).map(|frame| (frame, span(&bytes(&frame))));
    let openings = (0..gekko::OPENING_WORKS).map(gekko::opening_work);
    setup.chain(openings.map(|work| (Bm1384Frame::Work(work), BETWEEN_OPENINGS))).collect()
}

impl Script for BringUp {
    type Frame = Bm1384Frame;
    type Output = u16;

    fn next(&mut self, last: Answer<Bm1384Frame>) -> Ask<u16> {
        match last {
            Answer::Begin => Ask::Act(Act::Purge(PORT)),
            Answer::Done(_) => self.ask(),
            Answer::Sent if self.counted => Ask::Pause(self.pause),
            Answer::Sent => Ask::Expect { within: FIRST },
            Answer::Paused => self.step(),
            Answer::Frame(frame) => self.heard(frame),
            Answer::Silence => self.judge(),
        }
    }
}
