//! Who is there? Every chip is asked for its identity; each answers once, the nearest first (`docs/protocols/bm13xx.md §5`).

use std::collections::VecDeque;
use std::time::Duration;

use adit_driver::script::{Act, Answer, Ask, Script};
use adit_driver::{Fault, LinkError};
use adit_protocol::bm13xx::{Chip, Command, Frame, Generation, Identity, Register, VersionRolling};
use adit_protocol::pow::VersionMask;
use adit_protocol::wire::Line;

use crate::baud;
use crate::sequence;
use crate::setup::{Census, RESET_BAUD, Setup};
use crate::wire::bytes;

/// The first answer comes within this time, and each further one behind the one before it.
const FIRST: Duration = Duration::from_millis(500);
const NEXT: Duration = Duration::from_millis(200);
/// From being told to be silent until the last byte has come.
const HUSHED: Duration = Duration::from_millis(20);
/// Most chips that an 8-bit address can tell apart.
const MOST: u16 = 256;

/// Times that a wrong number of chips is counted before it is believed.
const COUNTS: u8 = 3;
/// Frames that are none of the answers, before an end is made of listening.
pub(crate) const MOST_STRANGERS: u16 = 64;

/// One way of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Try {
    baud: u32,
    /// Enable version rolling so many times first: chips then answer in 11 bytes, and some answer only then.
    wake: u8,
}

impl Try {
    /// Chips that are heard at this rate were left by an earlier session, and may still be hashing.
    const fn is_of_an_earlier_session(self) -> bool {
        self.baud != RESET_BAUD
    }
}

/// The counting script.
#[derive(Debug)]
pub(crate) struct Count {
    setup: Setup,
    tries: VecDeque<Try>,
    now: Try,
    stage: Stage,
    ids: Vec<u16>,
    /// What answered instead of the chips that were meant, and at which rate. Chips that hash at another rate than the host's
    /// are heard as garbage, of which some passes for an answer: only what is heard twice is believed.
    suspect: Option<(u32, Vec<u16>)>,
    can_change_baud: bool,
    /// Frames that are none of the answers, in this way of asking.
    strangers: u16,
    miscounts: u8,
    waited: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Line,
    Purge,
    Hush,
    Wake { left: u8 },
    Asked,
    Listening,
}

impl Count {
    pub(crate) fn new(setup: Setup) -> Self {
        let mut tries = tries(setup.chip, setup.baud);
        let now = tries.pop_front().unwrap_or(Try { baud: RESET_BAUD, wake: 0 });
        Self {
            setup,
            tries,
            now,
            stage: Stage::Line,
            ids: Vec::new(),
            suspect: None,
            can_change_baud: true,
            strangers: 0,
            miscounts: 0,
            waited: Duration::ZERO,
        }
    }

    fn generation(&self) -> Generation {
        self.setup.chip.map_or(Generation::V2, |chip| chip.facts().generation)
    }

    fn send(&self, command: Command) -> Ask<Census> {
        Ask::Send { port: self.setup.port, bytes: bytes(self.generation(), &Frame::Command(command)) }
    }

    fn set_line(&mut self) -> Ask<Census> {
        self.stage = Stage::Line;
        self.ids.clear();
        self.strangers = 0;
        Ask::Act(Act::Line(self.setup.port, Line::at(self.now.baud)))
    }

    fn on_done(&mut self, result: Result<adit_driver::Reply, LinkError>) -> Ask<Census> {
        if self.stage == Stage::Line {
            self.can_change_baud &= result.is_ok();
            self.stage = Stage::Purge;
            return Ask::Act(Act::Purge(self.setup.port));
        }
        self.stage = Stage::Wake { left: self.now.wake };
        if self.now.is_of_an_earlier_session() {
            self.stage = Stage::Hush;
            return self.send(sequence::hush(self.setup.chip));
        }
        self.wake_or_ask()
    }

    /// What chips said while they were told to be silent is not heard.
    fn hushed(&mut self) -> Ask<Census> {
        self.stage = Stage::Wake { left: self.now.wake };
        Ask::Pause(HUSHED)
    }

    fn wake_or_ask(&mut self) -> Ask<Census> {
        match self.stage {
            Stage::Wake { left: 1.. } => {
                if let Stage::Wake { left } = &mut self.stage {
                    *left -= 1;
                }
                let rolling = VersionRolling::rolling(VersionMask::BIP320).bits();
                self.send(Command::write_all(Register::VERSION_ROLLING, rolling))
            }
            _ => {
                self.stage = Stage::Asked;
                self.send(Command::read_all(Register::CHIP_ID))
            }
        }
    }

    fn listen(&mut self, within: Duration) -> Ask<Census> {
        self.stage = Stage::Listening;
        Ask::Expect { within }
    }

    /// Everybody has answered.
    fn judge(&mut self) -> Ask<Census> {
        let Some(&first) = self.ids.first() else {
            return self.otherwise();
        };
        let chip = Chip::from_id(first).filter(|chip| self.setup.chip.is_none_or(|wanted| wanted == *chip));
        let same = |chip: Chip| self.ids.iter().all(|id| chip.facts().ids.contains(id));
        let Some(chip) = chip.filter(|chip| same(*chip)) else {
            return self.doubt();
        };
        let found = self.ids.len() as u16;
        match self.setup.chips {
            Some(expected) if found < expected => {
                self.again(Fault::ChipMissing { chip: found, found, expected })
            }
            Some(expected) if found > expected => self.again(Fault::ChipsExtra { found, expected }),
            _ => Ask::Done(Census {
                chip,
                chips: found,
                baud: self.now.baud,
                can_change_baud: self.can_change_baud,
            }),
        }
    }

    /// Somebody else answered, or nobody did and garbage looked like it.
    fn doubt(&mut self) -> Ask<Census> {
        let heard = Some((self.now.baud, std::mem::take(&mut self.ids)));
        if self.suspect == heard {
            let expected = self.setup.chip.map_or("a BM13xx chain", |chip| chip.facts().name);
            return Ask::Fail(Fault::WrongDevice { expected });
        }
        self.suspect = heard;
        self.otherwise()
    }

    /// An answer may have been lost on the way: a wrong number is asked for three times.
    fn again(&mut self, wrong: Fault) -> Ask<Census> {
        self.miscounts += 1;
        if self.miscounts < COUNTS { self.set_line() } else { Ask::Fail(wrong) }
    }

    /// Nobody answered: the next way of asking.
    fn otherwise(&mut self) -> Ask<Census> {
        self.waited += FIRST;
        let Some(next) = self.tries.pop_front() else {
            return Ask::Fail(Fault::NoAnswer { waited_ms: self.waited.as_millis() as u32 });
        };
        self.now = next;
        self.set_line()
    }
}

impl Script for Count {
    type Frame = Frame;
    type Output = Census;

    fn next(&mut self, last: Answer<Frame>) -> Ask<Census> {
        match (last, self.stage) {
            (Answer::Begin, _) => self.set_line(),
            (Answer::Done(result), _) => self.on_done(result),
            (Answer::Sent, Stage::Asked) => self.listen(FIRST),
            (Answer::Sent, Stage::Hush) => self.hushed(),
            (Answer::Sent | Answer::Paused, _) => self.wake_or_ask(),
            (Answer::Frame(Frame::Register(answer)), _) if answer.register == Register::CHIP_ID => {
                if self.ids.len() <= usize::from(MOST) {
                    self.ids.push(Identity::from_bits(answer.value).id);
                }
                self.listen(NEXT)
            }
            (Answer::Frame(_), _) if self.strangers < MOST_STRANGERS => {
                self.strangers += 1;
                self.listen(if self.ids.is_empty() { FIRST } else { NEXT })
            }
            (Answer::Frame(_) | Answer::Silence, _) => self.judge(),
        }
    }
}

/// How chips of this type are asked, one way after the other: as after a reset, then at the rate of an earlier session.
fn tries(chip: Option<Chip>, wanted: Option<u32>) -> VecDeque<Try> {
    let fast = wanted.or(chip.map(baud::usual)).unwrap_or(1_000_000);
    let way = |baud, wake| Try { baud, wake };
    let ways = match chip {
        Some(Chip::Bm1387 | Chip::Bm1397) => vec![way(RESET_BAUD, 0), way(fast, 0)],
        // §11.6: one source asks without any write, the other wakes them first.
        Some(Chip::Bm1372) => vec![way(RESET_BAUD, 0), way(RESET_BAUD, 4), way(fast, 0)],
        Some(_) => vec![way(RESET_BAUD, 3), way(fast, 3)],
        None => vec![way(RESET_BAUD, 0), way(RESET_BAUD, 3), way(fast, 3)],
    };
    // The first frame after a change may be lost: everything is tried twice.
    ways.iter().chain(&ways).copied().collect()
}
