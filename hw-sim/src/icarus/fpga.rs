//! FPGA boards: Icarus, Lancelot and Cairnsmore1 (`docs/protocols/icarus.md §4.1 to §4.4, §6`).

use adit_protocol::icarus::{CairnsmoreCommand, Frame, Job, Nonce};
use adit_protocol::wire::Micros;

use super::outlet::Outlet;
use super::shell::Board;
use super::task;
use crate::dice::Dice;
use crate::engine::{Bank, Easing, Engine};

/// Counters of each engine that are never tested: the pipeline starts late.
const SKIPPED: u32 = 256;

/// A board whose receiver is a 512-bit shift register: there is no framing, every byte restarts the search with whatever the
/// register holds, and so the last 64 bytes are the job.
#[derive(Debug)]
pub(super) struct Fpga {
    register: [u8; Job::SIZE],
    /// Bytes received since power-up, as far as they matter.
    filled: usize,
    /// Bytes since the last job was counted: one is begun with every 64 fresh ones.
    fresh: usize,
    bank: Bank,
    easing: Easing,
    cairnsmore: Option<Cairnsmore>,
}

/// How a Cairnsmore1's bitstream treats commands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Commands {
    /// It knows them at all.
    pub(super) supported: bool,
    /// It obeys also the form with zeros in the trailer.
    pub(super) zero_trailer: bool,
    /// Any command but the clock blocks its command processor for good, as in the first published version.
    pub(super) lock: bool,
}

#[derive(Debug)]
struct Cairnsmore {
    commands: Commands,
    multiplier: u8,
    locked: bool,
}

fn clock(multiplier: u8) -> f64 {
    CairnsmoreCommand::clock_of(multiplier).0 // one hash per clock
}

impl Fpga {
    /// An Icarus-like board of `fpgas` FPGAs with `rate` hashes per second each. `stops`: an FPGA is idle after a nonce.
    pub(super) fn board(fpgas: u32, rate: f64, stops: bool, easing: Easing) -> Self {
        let bank = Bank::new(fpgas, SKIPPED, rate, easing);
        Self::with(if stops { bank.stopping_on_hit() } else { bank }, easing, None)
    }

    /// One FPGA of a Cairnsmore1.
    pub(super) fn cairnsmore(commands: Commands, easing: Easing) -> Self {
        let multiplier = CairnsmoreCommand::DEFAULT_MULTIPLIER;
        let bank = Bank::new(1, SKIPPED, clock(multiplier), easing).stopping_on_hit();
        Self::with(bank, easing, Some(Cairnsmore { commands, multiplier, locked: false }))
    }

    const fn with(bank: Bank, easing: Easing, cairnsmore: Option<Cairnsmore>) -> Self {
        Self { register: [0; Job::SIZE], filled: 0, fresh: 0, bank, easing, cairnsmore }
    }

    fn shift_in(&mut self, now: Micros, byte: u8, out: &mut Outlet) {
        self.register.copy_within(1.., 0);
        self.register[Job::SIZE - 1] = byte;
        self.filled = (self.filled + 1).min(Job::SIZE);
        self.fresh += 1;
        if self.fresh == Job::SIZE {
            self.fresh = 0;
            out.job_begun();
        }
        if let Some(cairnsmore) = &mut self.cairnsmore
            && let Some(command) = CairnsmoreCommand::from_job(&Job::from_icarus_bytes(&self.register))
            && let Some(rate) = cairnsmore.obey(command)
        {
            self.bank.set_rate(now, rate);
        }
    }
}

impl Cairnsmore {
    /// The new hash rate, if the command changes it.
    fn obey(&mut self, command: CairnsmoreCommand) -> Option<f64> {
        let form = command.is_obeyed() || (self.commands.zero_trailer && command.trailer == [0; 12]);
        if !self.commands.supported || !form || self.locked {
            return None;
        }
        match command.command {
            CairnsmoreCommand::CLOCK => {
                self.multiplier = command.data;
                Some(clock(self.multiplier))
            }
            CairnsmoreCommand::IDENTIFY | CairnsmoreCommand::RANGE => {
                self.locked = self.commands.lock;
                None
            }
            _ => None,
        }
    }
}

impl Board for Fpga {
    fn reset(&mut self, now: Micros) {
        (self.register, self.filled, self.fresh) = ([0; Job::SIZE], 0, 0);
        if let Some(cairnsmore) = &mut self.cairnsmore {
            (cairnsmore.multiplier, cairnsmore.locked) = (CairnsmoreCommand::DEFAULT_MULTIPLIER, false);
            self.bank.set_rate(now, clock(cairnsmore.multiplier));
        }
    }

    fn receive(&mut self, now: Micros, bytes: &[u8], out: &mut Outlet) {
        self.bank.stop(now);
        for byte in bytes {
            self.shift_in(now, *byte, out);
        }
        if self.filled == Job::SIZE {
            self.bank.start(now, task(&Job::from_icarus_bytes(&self.register)));
        }
    }

    fn turn(&mut self, now: Micros, out: &mut Outlet) {
        self.bank.search(now);
        while let Some(counter) = self.bank.take(now) {
            out.nonce(nonce(counter), None);
        }
    }

    fn deadline(&self) -> Option<Micros> {
        self.bank.deadline()
    }

    fn halt(&mut self, now: Micros) {
        self.bank.stop(now);
    }

    fn hashes(&self, now: Micros) -> f64 {
        self.bank.hashes(now)
    }

    fn engines(&mut self) -> impl Iterator<Item = &mut Engine> {
        self.bank.engines()
    }

    fn false_nonce(&self, _now: Micros, dice: &mut Dice) -> Option<Frame> {
        (self.filled == Job::SIZE).then(|| {
            let task = task(&Job::from_icarus_bytes(&self.register));
            nonce(task.no_solution(&self.easing, dice))
        })
    }
}

/// The record of a counter.
pub(super) const fn nonce(counter: u32) -> Frame {
    Frame::Nonce(Nonce::plain(counter.swap_bytes()))
}
