//! Faults that happen by themselves.

use std::time::Duration;

use adit_protocol::Micros;

use crate::Dice;

/// How often every fault is given its chance.
const ROLL: Duration = Duration::from_secs(1);

/// Faults with their probabilities per second.
#[derive(Debug)]
pub(crate) struct Trouble<F> {
    dice: Dice,
    chances: Vec<(F, f64)>,
    next: Micros,
}

impl<F: Copy + PartialEq> Trouble<F> {
    pub(crate) fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed, 0x7b0b), chances: Vec::new(), next: Micros(0) }
    }

    /// From now on `fault` happens with this probability; 0 ends it.
    pub(crate) fn set(&mut self, fault: F, probability: f64) {
        self.chances.retain(|(known, _)| *known != fault);
        if probability > 0.0 {
            self.chances.push((fault, probability));
        }
    }

    /// Nothing happens in the first moment after `now`.
    pub(crate) fn rest(&mut self, now: Micros) {
        self.next = now + ROLL;
    }

    /// When [`Self::due`] may have something; `None` while nothing can happen.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        (!self.chances.is_empty()).then_some(self.next)
    }

    /// What happens at `now`.
    pub(crate) fn due(&mut self, now: Micros) -> Vec<F> {
        if self.chances.is_empty() || now < self.next {
            return Vec::new();
        }
        self.rest(now);
        let Self { dice, chances, .. } = self;
        chances.iter().filter(|(_, probability)| dice.chance(*probability)).map(|(fault, _)| *fault).collect()
    }
}
