//! What a machine wants done, and what the controller is told.

use adit_driver::{Action, Event, Fault, Input, LinkError, Reply, Report, Token};
use adit_protocol::wire::Port;
use tokio::sync::mpsc::error::TrySendError;

use super::{End, Runner, micros_since};
use crate::usb::Asked;

/// Reports that may wait here when the controller does not keep up; all others wait in the machine.
const UNSENT: usize = 16;

/// Actions still looked at when the link is gone.
const LAST_WORDS: usize = 1024;

impl Runner {
    /// Carries out actions until there are none, one of them takes time, or the controller does not keep up.
    pub(super) fn act(&mut self) -> Result<(), End> {
        while self.wires.idle() && (self.unsent.len() < UNSENT || self.stop.is_some()) {
            match self.machine.next_action() {
                Ok(Some(action)) => self.carry_out(action)?,
                Ok(None) => {
                    for command in std::mem::take(&mut self.commands) {
                        self.tell(Report::Taken(command));
                    }
                    break;
                }
                Err(_) => self.broke()?,
            }
        }
        Ok(())
    }

    fn carry_out(&mut self, action: Action) -> Result<(), End> {
        match action {
            Action::Write { port, bytes } => self.wires.write(port, bytes).map_err(|why| self.down(why)),
            Action::Line { token, port, line } => match self.wires.change_line(token, port, line) {
                Ok(()) => Ok(()),
                Err(refused) => self.answer(token, Err(refused)),
            },
            Action::Purge { token, port } => match self.wires.purge(token, port) {
                Ok(false) => Ok(()),
                result => self.answer(token, result.map(|_| Reply::Complete)),
            },
            Action::ResetDevice { token } => match self.wires.reopen(token) {
                Ok(false) => Ok(()),
                Ok(true) => self.answer(token, Ok(Reply::Complete)),
                Err(LinkError::Unsupported) => self.answer(token, Err(LinkError::Unsupported)),
                Err(why) => Err(self.down(why)),
            },
            Action::Gpio { token, port, mask, value } => self.ask(token, port, Asked::Gpio { mask, value }),
            // Requests name their interface themselves.
            Action::Control { token, setup, data } => {
                self.ask(token, Port(0), Asked::Control { setup, data })
            }
            Action::Emit(event) => {
                let stopped = event == Event::Stopped;
                let event = self.account.corrected(event);
                self.tell(Report::Event(event));
                match &self.stop {
                    Some(stop) if stopped => Err(stop.end),
                    _ => Ok(()),
                }
            }
            Action::Fail(fault) => Err(End::Failed(fault)),
        }
    }

    fn ask(&mut self, token: Token, port: Port, asked: Asked) -> Result<(), End> {
        match self.wires.ask(token, port, asked) {
            Ok(()) => Ok(()),
            Err(refused) => self.answer(token, Err(refused)),
        }
    }

    pub(super) fn answer(&mut self, token: Token, result: Result<Reply, LinkError>) -> Result<(), End> {
        self.feed(Input::Done { token, result })
    }

    /// Sends a report, or keeps it until there is room.
    pub(super) fn tell(&mut self, report: Report) {
        let Some(reports) = &self.reports else { return };
        if !self.unsent.is_empty() {
            return self.unsent.push_back(report);
        }
        match reports.try_send((self.device, report)) {
            Ok(()) => {}
            Err(TrySendError::Full((_, report))) => {
                self.wires.counters().stalled();
                self.unsent.push_back(report);
            }
            // The wait for room finds out that there is nobody.
            Err(TrySendError::Closed((_, report))) => self.unsent.push_back(report),
        }
    }

    /// The link is gone: the machine's last words are heard, what it still wants done is answered with `why`.
    pub(super) fn down(&mut self, why: LinkError) -> End {
        self.wires.close();
        let now = micros_since(self.origin);
        let mut alive = self.machine.on_input(now, Input::LinkDown { why }).is_ok();
        for _ in 0..LAST_WORDS {
            let Ok(Some(action)) = self.machine.next_action() else { break };
            let token = match action {
                Action::Emit(event) => {
                    let event = self.account.corrected(event);
                    self.tell(Report::Event(event));
                    continue;
                }
                Action::Write { .. } => continue,
                Action::Fail(_) => break,
                Action::Line { token, .. }
                | Action::Gpio { token, .. }
                | Action::Purge { token, .. }
                | Action::Control { token, .. }
                | Action::ResetDevice { token } => token,
            };
            alive = alive && self.machine.on_input(now, Input::Done { token, result: Err(why) }).is_ok();
        }
        if !alive {
            return End::Failed(Fault::Panicked);
        }
        self.stop.take().map_or(End::Failed(Fault::Link(why)), |stop| stop.end)
    }
}
