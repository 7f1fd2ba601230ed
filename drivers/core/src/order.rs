//! What passes between the controller and the task that runs a machine.

use adit_protocol::wire::Micros;

use crate::{Command, Event, Fault, Input, Ruling, Work};

/// Names a device row for the life of the process. A device that is plugged in again keeps its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceKey(pub u32);

/// From the controller to a machine: an [`Input`] that can wait in a mailbox.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// See [`Input::Work`].
    Work(Work),
    /// See [`Input::JobChanged`]. Works of earlier jobs that still wait in the mailbox are void.
    JobChanged {
        /// What is being searched is worthless.
        clean: bool,
    },
    /// See [`Input::Ruling`].
    Ruling(Ruling),
    /// See [`Input::Command`].
    Command(Command),
    /// See [`Input::Stop`].
    Stop {
        /// The link is closed at the latest then.
        by: Micros,
    },
}

impl From<Order> for Input<'static> {
    fn from(order: Order) -> Self {
        match order {
            Order::Work(work) => Self::Work(work),
            Order::JobChanged { clean } => Self::JobChanged { clean },
            Order::Ruling(ruling) => Self::Ruling(ruling),
            Order::Command(command) => Self::Command(command),
            Order::Stop { by } => Self::Stop { by },
        }
    }
}

/// From the task that runs a machine to the controller.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a nonce travels by value: no allocation per nonce")]
pub enum Report {
    /// The link is open and the machine has begun.
    Up,
    /// The machine said something.
    Event(Event),
    /// The machine has taken the command and done what it could at once. One that it cannot do it has declined before.
    Taken(Command),
    /// The machine gave up or the link failed; the link is closed.
    Failed(Fault),
    /// The link was closed on request, the hardware having been made safe if the machine could.
    Closed,
}
