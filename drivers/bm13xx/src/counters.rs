//! What chips count and keep: hashes, clocks, and whether they are still there (`docs/protocols/bm13xx.md §10, §13.3`).

use std::collections::VecDeque;
use std::time::Duration;

use adit_driver::{Event, Fault, NoData, Outbox, Quantity, Reading};
use adit_protocol::bm13xx::{Chip, Command, Identity, Pll, Register, RegisterAnswer, To, bm1397_hash_rate};
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Line, Micros};

use crate::plan::Plan;

/// Time between two rounds of questions.
const PERIOD: Duration = Duration::from_secs(10);
/// A chip that has not answered so many rounds is missing.
const MISSED: u8 = 3;
/// Rates over less time than this are noise.
const SHORTEST: Duration = Duration::from_secs(1);
/// More than this times the expected rate is no rate: the counter was restarted.
const IMPLAUSIBLE: f64 = 4.0;
/// A clock may read differently from what was set by so much.
const CLOCK_TOLERANCE: f64 = 0.01;
const DOMAINS: usize = 4;
const ANSWER: usize = 11;

/// What is known of one chip.
#[derive(Clone, Debug, Default)]
struct Count {
    /// Its own counter, then those of its four parts.
    last: [Option<(u32, Micros)>; 1 + DOMAINS],
    answered: bool,
    missed: u8,
    /// Rounds in a row in which its clock was another.
    strange_clock: u8,
}

/// Asks chips and turns their answers into readings.
#[derive(Clone, Debug)]
pub(crate) struct Counters {
    chips: Vec<Count>,
    /// Chips are asked one by one.
    singly: bool,
    questions: VecDeque<Command>,
    /// When the next question or the next round is due.
    due: Micros,
    next_round: Micros,
    round: u32,
    /// Room on the line for one question and its answers.
    spacing: Duration,
}

impl Counters {
    pub(crate) fn new(now: Micros, plan: &Plan, burst: u16) -> Self {
        let singly = plan.chips > burst && plan.chip != Chip::Bm1372;
        let answers = if singly { 1 } else { usize::from(plan.chips) };
        Self {
            chips: vec![Count::default(); usize::from(plan.chips)],
            singly,
            questions: VecDeque::new(),
            due: now + SHORTEST,
            next_round: now + SHORTEST,
            round: 0,
            spacing: Line::at(plan.baud).duration(ANSWER * (answers + 1)) + Duration::from_millis(5),
        }
    }

    pub(crate) const fn due(&self) -> Micros {
        self.due
    }

    /// The next question; `None`: it is time for the next round.
    pub(crate) fn next(&mut self, now: Micros) -> Option<Command> {
        let question = self.questions.pop_front();
        self.due = if self.questions.is_empty() { self.next_round } else { now + self.spacing };
        question
    }

    /// Looks back on the round that has ended and begins the next. Returns what is wrong.
    pub(crate) fn begin_round(&mut self, now: Micros, plan: &Plan, outbox: &mut Outbox) -> Option<Fault> {
        let fault = if self.round > 0 { self.look_back(now, plan, outbox) } else { None };
        let mut questions = vec![];
        match plan.chip {
            Chip::Bm1387 => questions.push(Register::CHIP_ID),
            Chip::Bm1397 => questions.extend([Register::PLL0, Register::HASH_RATE]),
            _ => {
                let part = Register::domain_hashes((self.round % DOMAINS as u32) as u8);
                questions.extend([Register::PLL0, Register::TOTAL_HASHES, part]);
            }
        }
        let singly = self.singly;
        let targets = |register| {
            let ones = (0..plan.chips).map(move |index| (To::Chip(plan.address(index)), register));
            let all = std::iter::once((To::All, register));
            ones.filter(move |_| singly).chain(all.filter(move |_| !singly))
        };
        self.questions.extend(
            questions.into_iter().flat_map(targets).map(|(to, register)| Command::Read { to, register }),
        );
        self.round += 1;
        (self.due, self.next_round) = (now, now + PERIOD);
        fault
    }

    fn look_back(&mut self, now: Micros, plan: &Plan, outbox: &mut Outbox) -> Option<Fault> {
        for (unit, count) in (0..).zip(&mut self.chips) {
            count.missed = if count.answered { 0 } else { count.missed.saturating_add(1) };
            if !count.answered && plan.chip != Chip::Bm1387 {
                let reading = Reading { value: Err(NoData::Timeout), at: now };
                outbox.emit(Event::Measured { unit, quantity: Quantity::CountedHashrateHs, reading });
            }
            count.answered = false;
        }
        let gone = |count: &Count| count.missed >= MISSED;
        let missing = self.chips.iter().filter(|count| gone(count)).count();
        let first = self.chips.iter().position(gone)? as u16;
        if missing == self.chips.len() {
            return Some(Fault::Silent { seconds: PERIOD.as_secs() as u32 * u32::from(MISSED) });
        }
        let found = plan.chips - missing as u16;
        Some(Fault::ChipMissing { chip: first, found, expected: plan.chips })
    }

    /// A chip has answered. `clock`: what it should run at, once it should. Returns what is wrong.
    pub(crate) fn on_answer(
        &mut self,
        now: Micros,
        plan: &Plan,
        answer: &RegisterAnswer,
        clock: Option<Hertz>,
        outbox: &mut Outbox,
    ) -> Option<Fault> {
        // A BM1387 does not say who it is, but the register it is asked for holds its address.
        let address = match plan.chip {
            Chip::Bm1387 => Some(Identity::from_bits(answer.value))
                .filter(|identity| plan.chip.facts().ids.contains(&identity.id))
                .map(|identity| identity.address)?,
            _ => answer.chip,
        };
        let unit = plan.index(address)?;
        let count = self.chips.get_mut(usize::from(unit))?;
        count.answered = true;
        let (quantity, value) = match (plan.chip, answer.register) {
            (Chip::Bm1387, _) => return None,
            (_, Register::PLL0) => {
                let pll = Pll::from_word(plan.chip.facts().pll.encoding, answer.value);
                let found = pll.map(|pll| pll.frequency());
                let strange = clock
                    .zip(found)
                    .is_some_and(|(clock, found)| (found.0 / clock.0 - 1.0).abs() > CLOCK_TOLERANCE);
                count.strange_clock = if strange { count.strange_clock + 1 } else { 0 };
                if count.strange_clock > 1 {
                    return Some(Fault::ChipReset { chip: unit });
                }
                (Quantity::ClockHertz, found.map(|found| found.0).ok_or(NoData::Implausible))
            }
            (Chip::Bm1397, Register::HASH_RATE) => {
                let rate = bm1397_hash_rate(answer.value);
                (Quantity::CountedHashrateHs, rate.ok_or(NoData::Implausible))
            }
            (_, Register(number @ 0x88..=0x8c)) => {
                // The counter of the whole chip stands behind those of its parts.
                let place = if number == 0x8c { 0 } else { usize::from(number - 0x88) + 1 };
                let most = IMPLAUSIBLE * plan.rate(clock?).0 / f64::from(plan.chips);
                let value = count.rate(now, place, answer.value, most)?;
                let quantity = match place {
                    0 => Quantity::CountedHashrateHs,
                    _ => Quantity::DomainHashrateHs,
                };
                let unit = if place == 0 { unit } else { unit * DOMAINS as u16 + place as u16 - 1 };
                outbox.emit(Event::Measured { unit, quantity, reading: Reading { value, at: now } });
                return None;
            }
            _ => return None,
        };
        outbox.emit(Event::Measured { unit, quantity, reading: Reading { value, at: now } });
        None
    }

    /// Whether any chip has answered in this round.
    pub(crate) fn anybody(&self) -> bool {
        self.chips.iter().any(|count| count.answered)
    }

    /// The next round is due now; what is left of this one is not asked.
    pub(crate) fn hurry(&mut self, now: Micros) {
        self.questions.clear();
        (self.due, self.next_round) = (now, now);
    }

    /// Chips begin to count from an unknown state: another clock.
    pub(crate) fn forget(&mut self) {
        self.chips.iter_mut().for_each(|count| count.last = [None; 1 + DOMAINS]);
    }
}

impl Count {
    /// Hashes per second since the last answer; `None` where there is none to compare with.
    fn rate(&mut self, now: Micros, place: usize, value: u32, most: f64) -> Option<Result<f64, NoData>> {
        let last = self.last.get_mut(place)?;
        let (before, at) = *last.get_or_insert((value, now));
        let span = now.since(at);
        if span < SHORTEST {
            return None;
        }
        *last = Some((value, now));
        // Counters wrap; one counts 2^32 hashes.
        let hashes = f64::from(value.wrapping_sub(before)) * 2_f64.powi(32);
        let rate = hashes / span.as_secs_f64();
        Some(if rate <= most { Ok(rate) } else { Err(NoData::Implausible) })
    }
}
