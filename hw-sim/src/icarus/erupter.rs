//! Block Erupter USB: a microcontroller in front of one BE100 chip (`docs/protocols/icarus.md §4.5`).

use std::time::Duration;

use adit_protocol::icarus::{Command, Dialect, Frame};
use adit_protocol::wire::Micros;

use super::fpga::nonce;
use super::inbox::Inbox;
use super::outlet::Outlet;
use super::shell::Board;
use super::task;
use crate::dice::Dice;
use crate::engine::{Bank, Easing, Engine, Task};

/// Silence after which the microcontroller starts counting to 64 again.
const PATIENCE: Duration = Duration::from_millis(10);

/// A stick that goes on after a nonce, to the end of the range.
#[derive(Debug)]
pub(super) struct Erupter {
    inbox: Inbox,
    bank: Bank,
    easing: Easing,
    current: Option<Task>,
}

impl Erupter {
    pub(super) fn new(rate: f64, easing: Easing) -> Self {
        let inbox = Inbox::new(Dialect::Icarus, PATIENCE);
        Self { inbox, bank: Bank::new(1, 0, rate, easing), easing, current: None }
    }
}

impl Board for Erupter {
    fn reset(&mut self, _now: Micros) {
        self.inbox.clear();
    }

    fn receive(&mut self, now: Micros, bytes: &[u8], out: &mut Outlet) {
        self.inbox.receive(now, bytes);
        while let Some(frame) = self.inbox.next_frame(now) {
            let job = match frame {
                Frame::Job(job) => job,
                Frame::Command(Command::Cairnsmore(command)) => command.as_job(), // of no meaning here
                _ => continue,
            };
            self.current = Some(task(&job));
            self.bank.start(now, task(&job));
            out.job_begun();
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
        self.current = None;
    }

    fn hashes(&self, now: Micros) -> f64 {
        self.bank.hashes(now)
    }

    fn engines(&mut self) -> impl Iterator<Item = &mut Engine> {
        self.bank.engines()
    }

    fn false_nonce(&self, _now: Micros, dice: &mut Dice) -> Option<Frame> {
        self.current.map(|task| nonce(task.no_solution(&self.easing, dice)))
    }
}
