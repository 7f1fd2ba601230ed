//! How host and device get to know each other.

use std::time::Duration;

use adit_driver::Fault;
use adit_driver::script::{Act, Answer as Said, Ask, Script};
use adit_protocol::cpu::{Codec, Frame, Identity, Order, VERSION};
use adit_protocol::wire::{Codec as _, Port, Side};

/// The device measures itself before it answers.
const PATIENCE: Duration = Duration::from_secs(2);
const TRIES: u32 = 3;

/// Asks who is there until somebody answers.
#[derive(Debug, Default)]
pub(crate) struct Introduce {
    asked: u32,
}

impl Introduce {
    fn ask(&mut self) -> Ask<Identity> {
        if self.asked == TRIES {
            return Ask::Fail(Fault::NoAnswer { waited_ms: TRIES * PATIENCE.as_millis() as u32 });
        }
        self.asked += 1;
        Ask::Send { port: Port(0), bytes: encoded(&Order::Hello { version: VERSION }) }
    }
}

impl Script for Introduce {
    type Frame = Identity;
    type Output = Identity;

    fn next(&mut self, last: Said<Identity>) -> Ask<Identity> {
        match last {
            Said::Begin => Ask::Act(Act::Purge(Port(0))),
            Said::Done(_) | Said::Paused | Said::Silence => self.ask(),
            Said::Sent => Ask::Expect { within: PATIENCE },
            Said::Frame(identity) if identity.version == VERSION && identity.threads > 0 => {
                Ask::Done(identity)
            }
            Said::Frame(_) => Ask::Fail(Fault::WrongDevice { expected: "cpu" }),
        }
    }
}

/// The bytes of an order.
pub(crate) fn encoded(order: &Order) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    Codec::new(Side::Device).encode(&Frame::Order(order.clone()), &mut bytes);
    bytes
}
