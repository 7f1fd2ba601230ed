//! A machine whose panics stay inside.

use std::panic::{AssertUnwindSafe, catch_unwind};

use adit_driver::{Action, Input, Machine};
use adit_protocol::wire::Micros;
use tokio::time::Instant;

use super::micros_since;
use crate::Tap;

/// The machine panicked: a mistake in its code. It may be called again, but nothing it says is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Panicked;

/// Owns a machine and turns its panics into values, so that a mistake in one driver stops one device. All that passes in or
/// out of the machine passes here, and is written down if there is a tap.
pub(super) struct Guarded {
    machine: Box<dyn Machine>,
    tap: Option<Tap>,
    /// The instant that the machine calls zero.
    origin: Instant,
}

impl Guarded {
    pub(super) fn new(machine: Box<dyn Machine>, tap: Option<Tap>, origin: Instant) -> Self {
        Self { machine, tap, origin }
    }

    pub(super) fn on_input(&mut self, now: Micros, input: Input<'_>) -> Result<(), Panicked> {
        if let Some(tap) = &mut self.tap {
            tap.input(now, &input);
        }
        self.call(|machine| machine.on_input(now, input))
    }

    pub(super) fn next_action(&mut self) -> Result<Option<Action>, Panicked> {
        let action = self.call(|machine| machine.next_action())?;
        if let (Some(tap), Some(action)) = (&mut self.tap, &action) {
            tap.action(micros_since(self.origin), action);
        }
        Ok(action)
    }

    pub(super) fn deadline(&mut self) -> Result<Option<Micros>, Panicked> {
        self.call(|machine| machine.deadline())
    }

    fn call<T>(&mut self, call: impl FnOnce(&mut dyn Machine) -> T) -> Result<T, Panicked> {
        let machine = self.machine.as_mut();
        catch_unwind(AssertUnwindSafe(|| call(machine))).map_err(|_| Panicked)
    }
}
