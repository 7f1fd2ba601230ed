//! Sticks with Bitmain chips: Antminer U1, U2 (BM1380) and U3 (BM1382) (`docs/protocols/icarus.md §7`).

use std::time::Duration;

use adit_protocol::icarus::{self, Chip, ChipCommand, Command, Dialect, Frame, Job, Nonce, PllWord};
use adit_protocol::wire::Micros;

use super::inbox::Inbox;
use super::outlet::Outlet;
use super::shell::Board;
use super::task;
use crate::dice::Dice;
use crate::engine::{Bank, Easing, Engine};
use crate::{ChipRegisters, Register};

/// Silence after which a piece of a job is dropped.
const PATIENCE: Duration = Duration::from_millis(20);
/// The register that reports the frequency word.
const PLL_REGISTER: u8 = 4;

/// One or more chips that share every job and go on after a nonce, to the end of their range.
#[derive(Debug)]
pub(super) struct Bm138x {
    chip: Chip,
    chips: u8,
    /// It answers before the first voltage or frequency command.
    at_once: bool,
    /// Its controller obeys voltage and power commands.
    board_control: bool,
    inbox: Inbox,
    bank: Bank,
    easing: Easing,
    word: PllWord,
    ready: bool,
    current: Option<Job>,
}

impl Bm138x {
    pub(super) fn new(chip: Chip, chips: u8, at_once: bool, easing: Easing) -> Self {
        let word = power_up(chip);
        Self {
            chip,
            chips,
            at_once,
            board_control: chip == Chip::Bm1382,
            inbox: Inbox::new(Dialect::Icarus5, PATIENCE),
            bank: Bank::new(u32::from(chips), 0, rate(chip, word), easing),
            easing,
            word,
            ready: at_once,
            current: None,
        }
    }

    fn obey(&mut self, now: Micros, command: ChipCommand, out: &mut Outlet) {
        match command {
            ChipCommand::SetPll(word) => {
                self.word = word;
                self.bank.set_rate(now, rate(self.chip, word));
                self.ready = true;
            }
            ChipCommand::ReadRegister { chip, register: PLL_REGISTER } if self.ready => {
                let answering = if chip == 0 { self.chips } else { u8::from(chip < self.chips) };
                (0..answering).for_each(|_| out.send(&Frame::Register(icarus::Register::pll(self.word))));
            }
            ChipCommand::Voltage(_) if self.board_control => self.ready = true,
            ChipCommand::Gate(on) if self.board_control => {
                self.halt(now);
                self.reset_chips(now);
                self.ready = on;
            }
            ChipCommand::ReadRegister { .. }
            | ChipCommand::Pattern
            | ChipCommand::Voltage(_)
            | ChipCommand::Gate(_) => {}
        }
    }

    fn take_frames(&mut self, now: Micros, out: &mut Outlet) {
        while let Some(frame) = self.inbox.next_frame(now) {
            match frame {
                Frame::Job(job) if self.ready => {
                    self.current = Some(job);
                    self.bank.start(now, task(&job));
                    out.job_begun();
                }
                Frame::Command(Command::Chip(command)) => self.obey(now, command, out),
                _ => {}
            }
        }
    }

    fn reset_chips(&mut self, now: Micros) {
        self.word = power_up(self.chip);
        self.bank.set_rate(now, rate(self.chip, self.word));
    }
}

/// The clock before the first frequency command: 200 MHz on the sticks, which mine without one; the lowest of its table on the U3.
const fn power_up(chip: Chip) -> PllWord {
    match chip {
        Chip::Bm1380 => PllWord(0x0781),
        Chip::Bm1382 | Chip::Bm1384 => PllWord(0x0783),
    }
}

/// Hashes per second of one chip.
fn rate(chip: Chip, word: PllWord) -> f64 {
    let hashes_per_clock = match chip {
        Chip::Bm1380 => 8.0,
        Chip::Bm1382 => 63.0,
        Chip::Bm1384 => 55.0,
    };
    word.frequency(chip).0 * hashes_per_clock
}

fn nonce(counter: u32, work_id: u8) -> Frame {
    Frame::Nonce(Nonce::tagged(counter.swap_bytes(), work_id))
}

impl Board for Bm138x {
    fn reset(&mut self, now: Micros) {
        self.inbox.clear();
        self.reset_chips(now);
        self.ready = self.at_once;
    }

    fn receive(&mut self, now: Micros, bytes: &[u8], out: &mut Outlet) {
        self.inbox.receive(now, bytes);
        self.take_frames(now, out);
    }

    fn turn(&mut self, now: Micros, out: &mut Outlet) {
        self.bank.search(now);
        while let Some(counter) = self.bank.take(now) {
            let id = self.current.map_or(0, |job| job.work_id());
            let other = (id + out.dice.between(1, u64::from(Job::WORK_IDS) - 1) as u8) % Job::WORK_IDS;
            out.nonce(nonce(counter, id), Some(nonce(counter, other)));
        }
        self.take_frames(now, out);
    }

    fn deadline(&self) -> Option<Micros> {
        self.bank.deadline().into_iter().chain(self.inbox.deadline()).min()
    }

    fn halt(&mut self, now: Micros) {
        self.bank.stop(now);
        self.current = None;
    }

    fn hashes(&self, now: Micros) -> f64 {
        self.bank.hashes(now)
    }

    fn engines(&mut self) -> impl Iterator<Item = &mut Engine> {
        self.bank.engines()
    }

    fn chip(&self, chip: u16) -> Option<ChipRegisters> {
        let pll = Register { register: PLL_REGISTER, value: u32::from(self.word.0) };
        (chip < self.chips.into()).then(|| ChipRegisters { registers: vec![pll], core_registers: Vec::new() })
    }

    fn false_nonce(&self, _now: Micros, dice: &mut Dice) -> Option<Frame> {
        self.current.map(|job| nonce(task(&job).no_solution(&self.easing, dice), job.work_id()))
    }
}
