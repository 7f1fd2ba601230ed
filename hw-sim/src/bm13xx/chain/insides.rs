//! A chain as a debugger sees it, and what is done to it from outside its wire.

use adit_protocol::wire::Micros;

use super::Chain;
use super::report::Lies;
use crate::{ChipInsides, ChipRegisters};

impl Chain {
    /// Keeps a chip at a temperature, or lets it follow the others.
    pub(crate) fn hold(&mut self, now: Micros, chip: usize, celsius: Option<f64>) {
        if let Some(chip) = self.chips.get_mut(chip) {
            chip.held = celsius;
        }
        self.err(now, self.error_share);
        self.sense();
    }

    /// Temperature that a chip is kept at.
    pub(crate) fn held(&self, chip: usize) -> Option<f64> {
        self.chips.get(chip)?.held
    }

    /// Chips that were lost are back, and no lie waits to be told.
    pub(crate) fn mend(&mut self, now: Micros) {
        self.reached = self.chips.len();
        self.lies = Lies::default();
        self.adapt(now);
    }

    /// Every chip at `now`; the first has number `first`.
    pub(crate) fn insides(&self, first: u16, chain: u16) -> impl Iterator<Item = ChipInsides> {
        self.chips.iter().enumerate().map(move |(index, chip)| ChipInsides {
            chip: first + index as u16,
            chain,
            kind: self.kind.name.to_owned(),
            address: chip.address,
            waits_for_address: chip.waits,
            reached: index < self.reached,
            alive: self.alive,
            clock_hz: if self.alive { chip.clock() } else { 0.0 },
            baud: chip.baud(),
            hashrate_hs: chip.rate(),
            held_celsius: chip.held,
        })
    }

    /// The registers of a chip.
    pub(crate) fn registers(&self, now: Micros, chip: usize) -> Option<ChipRegisters> {
        self.chips.get(chip).map(|chip| chip.registers(now))
    }
}
