//! The chips of a stick as their checks see them.

use std::time::Duration;

use adit_protocol::bm13xx::{Bm1384Codec, Bm1384Command, Bm1384Frame, Bm1384Work, Reject};
use adit_protocol::gekko;
use adit_protocol::icarus::{Chip, Register};
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Codec as _, Micros, Port, Side};

use crate::exam::desk::{Desk, Ending, ensure};
use crate::exam::ear;

const PORT: Port = Port(0);
/// Silence after which nothing of what was before is still on its way.
const SILENCE: Duration = Duration::from_millis(60);
/// Silence that ends an answer.
const QUIET: Duration = Duration::from_millis(20);
/// Time that an answer may take beyond the search: bridges, operating systems.
pub(super) const SLACK: Duration = Duration::from_millis(250);
const BETWEEN: Duration = Duration::from_millis(10);

pub(super) type Hearing = ear::Hearing<Bm1384Frame, Reject>;

pub(super) struct Chips {
    pub(super) desk: Desk,
    pub(super) count: u16,
    codec: Bm1384Codec,
}

impl Chips {
    /// The chips, their line silent: what they search is replaced by what has no solution.
    pub(super) async fn new(desk: Desk) -> Result<Self, Ending> {
        let count = desk.subject.count();
        ensure((1..=gekko::MOST_CHIPS).contains(&count), || format!("{count} chips do not fit on a chain"))?;
        let chips = Self { desk, count, codec: Bm1384Codec::new(Side::Device) };
        chips.rest();
        chips.desk.calm(SILENCE, Duration::from_millis(500)).await;
        Ok(chips)
    }

    /// Gives them what has no solution (§4.3).
    pub(super) fn rest(&self) {
        self.give(gekko::opening_work(0));
    }

    pub(super) fn give(&self, work: Bm1384Work) -> Micros {
        self.bytes(&self.encoded(&Bm1384Frame::Work(work)))
    }

    pub(super) fn send(&self, command: Bm1384Command) -> Micros {
        self.bytes(&self.encoded(&Bm1384Frame::Command(command)))
    }

    pub(super) fn encoded(&self, frame: &Bm1384Frame) -> Vec<u8> {
        self.codec.encoded(frame)
    }

    pub(super) fn bytes(&self, bytes: &[u8]) -> Micros {
        self.desk.write(PORT, bytes)
    }

    pub(super) async fn listen(&self, by: Micros, enough: impl FnMut(&Hearing) -> bool) -> Hearing {
        ear::listen(&self.desk, PORT, self.codec, QUIET, by, enough).await
    }

    /// What is answered to a read within a time in which all would have.
    pub(super) async fn read(&self, chip: Option<u8>, register: u8) -> Hearing {
        let by = self.send(Bm1384Command::Read { chip, register }) + SLACK;
        self.listen(by, |_| false).await
    }

    pub(super) fn address(&self, index: u16) -> u8 {
        gekko::address(index, self.count)
    }

    /// Every chip gets its address (§5).
    pub(super) async fn give_addresses(&self) {
        self.send(Bm1384Command::Inactive);
        self.desk.pause(BETWEEN).await;
        for index in 0..self.count {
            self.send(Bm1384Command::SetAddress(self.address(index)));
            self.desk.pause(BETWEEN).await;
        }
    }

    /// Addresses given and cores opened, once; the clock.
    pub(super) async fn ready(&self) -> Result<Hertz, Ending> {
        if let Some(clock) = self.desk.clock() {
            return Ok(clock);
        }
        self.give_addresses().await;
        for number in 0..gekko::OPENING_WORKS {
            self.give(gekko::opening_work(number));
            self.desk.pause(BETWEEN).await;
        }
        let clock = self.clock().await?;
        self.desk.note_clock(clock);
        Ok(clock)
    }

    /// The clock that the first chip to answer says.
    pub(super) async fn clock(&self) -> Result<Hertz, Ending> {
        let hearing = self.read(None, gekko::PLL_REGISTER).await;
        let clock = hearing.clocks().next().map(|(_, clock)| clock);
        clock.ok_or_else(|| Ending::Failed(format!("no clock in register 04, but {hearing}")))
    }

    /// How long a chip searches its part at `clock`.
    pub(super) fn range(&self, clock: Hertz) -> Duration {
        Duration::from_secs_f64(f64::from(gekko::nonce_count(self.count)) / gekko::rate(clock, 1).0)
    }
}

impl Hearing {
    pub(super) fn registers(&self) -> impl Iterator<Item = u32> {
        self.frames.iter().filter_map(|(_, frame)| match frame {
            Bm1384Frame::Register { value } => Some(*value),
            _ => None,
        })
    }

    /// Answers to a read of register 00 that are these chips'.
    pub(super) fn ours(&self) -> usize {
        self.registers().filter(|value| value >> 16 == u32::from(gekko::CHIP_ID)).count()
    }

    /// What answers to a read of register 04 hold, and mean.
    pub(super) fn clocks(&self) -> impl Iterator<Item = (u32, Hertz)> {
        self.registers().filter_map(|value| {
            let word = Register { value }.pll_word(Chip::Bm1384)?;
            Some((value, gekko::clock(word)))
        })
    }

    /// When, nonce and work id.
    pub(super) fn nonces(&self) -> impl Iterator<Item = (Micros, [u8; 4], u8)> {
        self.frames.iter().filter_map(|(at, frame)| match frame {
            Bm1384Frame::Nonce { nonce, job_id } => Some((*at, *nonce, *job_id)),
            _ => None,
        })
    }
}

impl std::fmt::Display for Hearing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (registers, nonces) = (self.registers().count(), self.nonces().count());
        self.say(f, format_args!("{registers} register answers and {nonces} nonces"))
    }
}
