//! A machine whose panics stay inside.

use std::panic::{AssertUnwindSafe, catch_unwind};

use adit_driver::{Action, Input, Machine};
use adit_protocol::wire::Micros;

/// The machine panicked: a mistake in its code. It may be called again, but nothing it says is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Panicked;

/// Owns a machine and turns its panics into values, so that a mistake in one driver stops one device.
pub(super) struct Guarded(Box<dyn Machine>);

impl Guarded {
    pub(super) fn new(machine: Box<dyn Machine>) -> Self {
        Self(machine)
    }

    pub(super) fn on_input(&mut self, now: Micros, input: Input<'_>) -> Result<(), Panicked> {
        self.call(|machine| machine.on_input(now, input))
    }

    pub(super) fn next_action(&mut self) -> Result<Option<Action>, Panicked> {
        self.call(|machine| machine.next_action())
    }

    pub(super) fn deadline(&mut self) -> Result<Option<Micros>, Panicked> {
        self.call(|machine| machine.deadline())
    }

    fn call<T>(&mut self, call: impl FnOnce(&mut dyn Machine) -> T) -> Result<T, Panicked> {
        let machine = self.0.as_mut();
        catch_unwind(AssertUnwindSafe(|| call(machine))).map_err(|_| Panicked)
    }
}
