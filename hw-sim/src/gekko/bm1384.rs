//! A chain of BM1384: addresses, a clock, a ticket in each work.

use std::time::Duration;

use adit_protocol::bm13xx::{Bm1384Codec, Bm1384Command, Bm1384Frame, Bm1384Work};
use adit_protocol::gekko;
use adit_protocol::icarus::{self, Frame, Nonce, PllWord};
use adit_protocol::wire::{Codec as _, Micros, Side, Step};

use crate::dice::Dice;
use crate::engine::{Easing, Engine, Event, Task};
use crate::icarus::{Board, Outlet, task};
use crate::{ChipRegisters, Register};

/// Silence after which a piece of a frame is dropped (§3.2).
const PATIENCE: Duration = Duration::from_millis(50);
/// Silence behind four bytes that makes them a command.
const COMMAND_PAUSE: Duration = Duration::from_micros(500);
/// 100 MHz, where these sticks come up (§6.3).
const POWER_UP: PllWord = PllWord(0x0783);

/// A chip: its address, whether it waits for one, and what it searches.
#[derive(Debug)]
struct Chip {
    address: u8,
    waits: bool,
    engine: Engine,
}

/// The chips of a stick. All have the same clock: there is no command for one.
#[derive(Debug)]
pub(super) struct Chain {
    chips: Vec<Chip>,
    word: PllWord,
    easing: Easing,
    bytes: Vec<u8>,
    last: Micros,
    current: Option<Bm1384Work>,
    /// Hashes of works that are over.
    finished: f64,
}

impl Chain {
    pub(super) fn new(count: u16, easing: Easing) -> Self {
        let chip = |_| Chip { address: 0, waits: false, engine: Engine::new(0..=u32::MAX, 0.0, easing) };
        Self {
            chips: (0..count).map(chip).collect(),
            word: POWER_UP,
            easing,
            bytes: Vec::new(),
            last: Micros(0),
            current: None,
            finished: 0.0,
        }
    }

    fn rate(&self) -> f64 {
        gekko::rate(gekko::clock(self.word), 1).0
    }

    fn set_clock(&mut self, now: Micros, word: PllWord) {
        self.word = word;
        let rate = self.rate();
        self.chips.iter_mut().for_each(|chip| chip.engine.set_rate(now, rate));
    }

    fn obey(&mut self, now: Micros, command: Bm1384Command, out: &mut Outlet) {
        match command {
            Bm1384Command::Inactive => self.chips.iter_mut().for_each(|chip| chip.waits = true),
            Bm1384Command::SetAddress(address) => {
                if let Some(chip) = self.chips.iter_mut().find(|chip| chip.waits) {
                    (chip.address, chip.waits) = (address, false);
                }
            }
            Bm1384Command::SetPll(word) => self.set_clock(now, word),
            Bm1384Command::Read { chip, register } => {
                let value = match register {
                    0 => u32::from(gekko::CHIP_ID) << 16,
                    gekko::PLL_REGISTER => gekko::pll_register(self.word),
                    _ => return,
                };
                let asked = |it: &&Chip| chip.is_none_or(|address| it.address == address);
                let answering = self.chips.iter().filter(asked).count();
                (0..answering).for_each(|_| out.send(&Frame::Register(icarus::Register { value })));
            }
            Bm1384Command::Gate { .. } => {}
        }
    }

    /// Every chip searches from its address as many nonces as the work says; 0 says: to the end.
    fn begin(&mut self, now: Micros, work: Bm1384Work, out: &mut Outlet) {
        let (rate, easing, task) = (self.rate(), self.easing, search(&work));
        for chip in &mut self.chips {
            chip.engine.stop(now);
            self.finished += chip.engine.hashes(now);
            let first = u32::from(chip.address) << 24;
            let last = match work.nonce_count {
                0 => u32::MAX,
                count => first.saturating_add(count - 1),
            };
            chip.engine = Engine::new(first..=last, rate, easing);
            chip.engine.start(now, task);
        }
        self.current = Some(work);
        out.job_begun();
    }

    fn decode(&mut self, now: Micros, out: &mut Outlet) {
        let mut codec = Bm1384Codec::new(Side::Host);
        loop {
            let quiet = self.bytes.len() == 4 && now.since(self.last) >= COMMAND_PAUSE;
            match codec.decode(&self.bytes, quiet) {
                Step::Frame { frame, used } => {
                    self.bytes.drain(..used);
                    match frame {
                        Bm1384Frame::Command(command) => self.obey(now, command, out),
                        Bm1384Frame::Work(work) => self.begin(now, work, out),
                        Bm1384Frame::Register { .. } | Bm1384Frame::Nonce { .. } => {}
                    }
                }
                Step::Skip { used, .. } => {
                    self.bytes.drain(..used);
                }
                Step::NeedMore => return,
            }
        }
    }

    /// Whether a counter passes the ticket of the work as well.
    fn passes(&self, work: &Bm1384Work, counter: u32) -> bool {
        let bits = (u32::from(work.ticket) + 1).ilog2();
        search(work).is_met(&self.easing.target_of(bits), counter)
    }
}

/// What an engine makes of a work.
fn search(work: &Bm1384Work) -> Task {
    let mut tail = [0; 12];
    tail[..4].copy_from_slice(&work.merkle_tail);
    tail[4..8].copy_from_slice(&work.ntime.to_le_bytes());
    tail[8..].copy_from_slice(&work.nbits.to_le_bytes());
    task(&icarus::Job { midstate: work.midstate, tail, filler: [0; 20] })
}

fn nonce(counter: u32, id: u8) -> Frame {
    Frame::Nonce(Nonce::tagged(counter.swap_bytes(), id))
}

impl Board for Chain {
    fn reset(&mut self, now: Micros) {
        self.bytes.clear();
        self.set_clock(now, POWER_UP);
        self.chips.iter_mut().for_each(|chip| (chip.address, chip.waits) = (0, false));
    }

    fn receive(&mut self, now: Micros, bytes: &[u8], out: &mut Outlet) {
        if now.since(self.last) >= PATIENCE {
            self.bytes.clear();
        }
        self.bytes.extend_from_slice(bytes);
        self.last = now;
        self.decode(now, out);
    }

    fn turn(&mut self, now: Micros, out: &mut Outlet) {
        for index in 0..self.chips.len() {
            self.chips[index].engine.search(now);
            while let Some(event) = self.chips[index].engine.take(now) {
                let (Event::Hit { counter }, Some(work)) = (event, self.current) else { break };
                if self.passes(&work, counter) {
                    let others = u64::from(Bm1384Work::JOB_IDS) - 1;
                    let other = (work.job_id + out.dice.between(1, others) as u8) % Bm1384Work::JOB_IDS;
                    out.nonce(nonce(counter, work.job_id), Some(nonce(counter, other)));
                }
            }
        }
        self.decode(now, out);
    }

    fn deadline(&self) -> Option<Micros> {
        let command = (self.bytes.len() == 4).then(|| self.last + COMMAND_PAUSE);
        self.chips.iter().filter_map(|chip| chip.engine.deadline()).chain(command).min()
    }

    fn halt(&mut self, now: Micros) {
        self.chips.iter_mut().for_each(|chip| chip.engine.stop(now));
        self.current = None;
    }

    fn hashes(&self, now: Micros) -> f64 {
        self.finished + self.chips.iter().map(|chip| chip.engine.hashes(now)).sum::<f64>()
    }

    fn engines(&mut self) -> impl Iterator<Item = &mut Engine> {
        self.chips.iter_mut().map(|chip| &mut chip.engine)
    }

    fn chip(&self, chip: u16) -> Option<ChipRegisters> {
        self.chips.get(usize::from(chip))?;
        let pll = Register { register: gekko::PLL_REGISTER, value: gekko::pll_register(self.word) };
        let identity = Register { register: 0, value: u32::from(gekko::CHIP_ID) << 16 };
        Some(ChipRegisters { registers: vec![identity, pll], core_registers: Vec::new() })
    }

    fn false_nonce(&self, _now: Micros, dice: &mut Dice) -> Option<Frame> {
        self.current.map(|work| nonce(search(&work).no_solution(&self.easing, dice), work.job_id))
    }
}
