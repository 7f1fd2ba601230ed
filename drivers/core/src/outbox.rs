//! The queue every machine answers from.

use std::collections::VecDeque;

use adit_protocol::wire::Port;

use crate::{Action, Event, Fault, Token};

/// Actions waiting to be taken by [`Machine::next_action`](crate::Machine::next_action), and the counter of tokens.
#[derive(Debug, Default)]
pub struct Outbox {
    actions: VecDeque<Action>,
    next_token: u32,
    failed: bool,
}

impl Outbox {
    /// Takes the next action.
    pub fn pop(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Adds an action. After [`Action::Fail`] nothing more is accepted.
    pub fn push(&mut self, action: Action) {
        if !self.failed {
            self.failed = matches!(action, Action::Fail(_));
            self.actions.push_back(action);
        }
    }

    /// Sends bytes to `port`.
    pub fn write(&mut self, port: Port, bytes: Vec<u8>) {
        self.push(Action::Write { port, bytes });
    }

    /// Tells the controller.
    pub fn emit(&mut self, event: Event) {
        self.push(Action::Emit(event));
    }

    /// Gives up the link.
    pub fn fail(&mut self, fault: Fault) {
        self.push(Action::Fail(fault));
    }

    /// Whether the machine has given up.
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// A token not used before by this machine.
    pub fn token(&mut self) -> Token {
        self.next_token = self.next_token.wrapping_add(1);
        Token(self.next_token)
    }
}
