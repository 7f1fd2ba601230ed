//! BM13xx chips as hardware (`docs/protocols/bm13xx.md §14`): chains of any length, on a serial port of their own or inside a board.
//!
//! With `target-difficulty` D a chain reports hashes of D times its ticket's difficulty, as often as the hardware reports those of the
//! ticket's: the ticket mask keeps its meaning, and so do all rates.

mod chain;
mod chip;
mod clocks;
mod kind;
mod known;
mod search;
#[cfg(test)]
mod tests;
mod work;

use std::collections::VecDeque;
use std::time::Duration;

use adit_protocol::devices::Model;
use adit_protocol::wire::{Line, Micros, Port};

use crate::engine::Easing;
use crate::{
    Adjustment, Build, BuildError, ChipRegisters, DeviceFault, DeviceInput, DeviceOutput, Dice, Insides,
    Setting, SimDevice, Truth,
};

pub(crate) use chain::{Chain, cooked, starved};
pub(crate) use kind::{kind, kind_on};

/// Chips on each chain of any model that has them.
pub(crate) const CHIPS: Setting = Setting { key: "chips", wants: "a number of chips on a chain, 1 to 256" };

const PORT: Port = Port(0);

pub(crate) const fn settings() -> &'static [Setting] {
    &[CHIPS]
}

/// Whether a bare chain can suffer `fault`: it has neither sensors nor a board.
pub(crate) const fn supports(fault: DeviceFault) -> bool {
    matches!(
        fault,
        DeviceFault::Stall
            | DeviceFault::BrownOut
            | DeviceFault::WrongWorkId
            | DeviceFault::LateNonce
            | DeviceFault::FalseNonce
            | DeviceFault::DuplicateNonce
            | DeviceFault::LostChip
    )
}

/// The number of chips that `build` asks for on each of so many chains.
pub(crate) fn chips(model: &Model, build: &Build, chains: usize) -> Result<usize, BuildError> {
    let in_range = |value: &str| value.parse().ok().filter(|count| (1..=256).contains(count));
    build.read(CHIPS, usize::from(model.chips.count).div_ceil(chains).max(1), in_range)
}

pub(crate) fn start(model: &'static Model, build: &Build) -> Result<Box<dyn SimDevice>, BuildError> {
    build.check(model, settings())?;
    let Some(kind) = kind(model.chips.kind) else { return Err(BuildError::NoTwin { model: model.key }) };
    let chain = Chain::new(kind, chips(model, build, 1)?, Easing::of(build)?, build.seed);
    Ok(Box::new(BareChain::new(chain, build.seed)))
}

/// A chain whose first chip hangs on a serial adapter.
pub(crate) struct BareChain {
    pub(crate) chain: Chain,
    out: VecDeque<DeviceOutput>,
    baud: u32,
    now: Micros,
    powered: bool,
    stalled_until: Option<Micros>,
    dice: Dice,
}

impl BareChain {
    pub(crate) fn new(chain: Chain, seed: u64) -> Self {
        Self {
            chain,
            out: VecDeque::new(),
            baud: 0,
            now: Micros(0),
            powered: false,
            stalled_until: None,
            dice: Dice::new(seed, 0xba5e),
        }
    }

    fn suffer(&mut self, now: Micros, fault: DeviceFault) {
        match fault {
            DeviceFault::Stall => {
                let span = self.dice.between(2_000_000, 20_000_000);
                self.stalled_until = Some(now + Duration::from_micros(span));
            }
            DeviceFault::BrownOut => self.chain.reset(now),
            fault => {
                self.chain.suffer(now, fault);
            }
        }
    }

    /// What the chips say, at their rate.
    fn speak(&mut self) {
        while let Some(bytes) = self.chain.next_answer() {
            self.out.push_back(DeviceOutput::Bytes { port: PORT, bytes });
        }
        if self.chain.baud() != self.baud {
            self.baud = self.chain.baud();
            self.out.push_back(DeviceOutput::Line { port: PORT, line: Line::at(self.baud) });
        }
    }
}

impl SimDevice for BareChain {
    fn on_input(&mut self, now: Micros, input: DeviceInput<'_>) {
        if matches!(input, DeviceInput::PowerOn) {
            self.chain.live(self.now, false); // what ran before ran until the chain was last heard of
            self.chain.live(now, true);
            (self.powered, self.stalled_until, self.baud) = (true, None, 0);
            self.out.clear();
        }
        self.now = self.now.max(now);
        if let DeviceInput::Control { .. } = input {
            self.out.push_back(DeviceOutput::Control(None)); // the adapter answers its own requests
        }
        if !self.powered {
            return;
        }
        let stalled = self.stalled_until.is_some_and(|until| now < until);
        if !stalled {
            self.stalled_until = None;
            self.chain.turn(now);
        }
        match input {
            DeviceInput::Bytes { bytes, .. } if !stalled => self.chain.receive(now, bytes),
            DeviceInput::Fault(fault) => self.suffer(now, fault),
            _ => {}
        }
        self.speak();
    }

    fn next_output(&mut self) -> Option<DeviceOutput> {
        self.out.pop_front()
    }

    fn deadline(&self) -> Option<Micros> {
        if self.powered { self.stalled_until.or_else(|| self.chain.deadline()) } else { None }
    }

    fn adjust(&mut self, now: Micros, adjustment: Adjustment) {
        match adjustment {
            Adjustment::Mend => {
                self.chain.mend(now);
                self.stalled_until = self.stalled_until.map(|_| now);
            }
            Adjustment::ChipTemperature(chip, celsius) => self.chain.hold(now, chip.into(), celsius),
            Adjustment::Ambient(_) | Adjustment::Temperature(_) => {} // it has no board whose heat is modelled
        }
    }

    fn insides(&self, _now: Micros) -> Insides {
        Insides { chips: self.chain.insides(0, 0).collect(), ..Insides::default() }
    }

    fn chip(&self, now: Micros, chip: u16) -> Option<ChipRegisters> {
        self.chain.registers(now, chip.into())
    }

    fn truth(&self) -> Truth {
        let (nonces, jobs) = self.chain.counts();
        Truth { nonces, jobs, hashes: self.chain.hashes(self.now), ..Truth::default() }
    }
}
