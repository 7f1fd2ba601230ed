//! What a miner says to its pool, and what it has understood.

use std::collections::VecDeque;

use adit_protocol::pow::VersionMask;
use adit_protocol::stratum::{
    ClientCall, Configure, Configured, Id, Lines, Message, Notify, Response, Secret, ServerCall, Submit,
    Subscription, VersionRolling,
};

use super::Habits;

/// Answers to requests that are still looked for.
const MOST_WAITING: usize = 64;

/// What the miner's other half must know.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Heard {
    /// Another job, with all that was in force when it came.
    Job(Box<Task>),
    /// The pool wants it to start anew.
    Reconnect,
    /// The pool does not let it in.
    Refused,
    /// It may work.
    Welcome,
}

/// A job and its terms.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Task {
    pub(super) notify: Notify,
    pub(super) extranonce1: Vec<u8>,
    pub(super) extranonce2_size: u8,
    pub(super) difficulty: f64,
    /// Version bits that may be rolled; `None`: they are not reported.
    pub(super) mask: Option<VersionMask>,
}

/// Why a request was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Configure,
    Subscribe,
    Authorize,
    Else,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Session {
    lines: Lines,
    next_id: u64,
    asked: VecDeque<(u64, Asked)>,
    subscription: Option<Subscription>,
    authorised: bool,
    mask: Option<VersionMask>,
    difficulty: f64,
    pub(super) out: Vec<u8>,
}

impl Session {
    /// Connected: says hello.
    pub(super) fn open(habits: &Habits, first_id: u64) -> Self {
        let mut session = Self {
            lines: Lines::new(Lines::LIMIT),
            next_id: first_id,
            asked: VecDeque::new(),
            subscription: None,
            authorised: false,
            mask: None,
            difficulty: 1.0, // until it is told another
            out: Vec::new(),
        };
        if habits.rolls {
            let rolling = VersionRolling { mask: VersionMask::BIP320, min_bit_count: 2 };
            let configure = Configure { version_rolling: Some(rolling), ..Configure::default() };
            session.ask(Asked::Configure, ClientCall::Configure(configure));
        }
        session.ask(
            Asked::Subscribe,
            ClientCall::Subscribe { agent: Some(habits.agent.clone()), session: None },
        );
        session
    }

    /// The id that its next request will have.
    pub(super) const fn next_id(&self) -> u64 {
        self.next_id
    }

    /// It may work.
    pub(super) const fn is_in(&self) -> bool {
        self.authorised
    }

    /// Takes bytes and tells each thing that matters.
    pub(super) fn receive(&mut self, habits: &Habits, bytes: &[u8], mut each: impl FnMut(&mut Self, Heard)) {
        self.lines.push(bytes);
        while let Some(line) = self.lines.next() {
            let Ok(line) = line else { continue };
            let heard = match Message::<ServerCall>::decode(&line) {
                Ok(Message::Response(response)) => self.on_response(habits, &response),
                Ok(Message::Call { id, call }) => self.on_call(habits, id, call),
                Err(_) => None, // whatever it was
            };
            if let Some(heard) = heard {
                each(self, heard);
            }
        }
    }

    /// Hands in a share.
    pub(super) fn submit(&mut self, habits: &Habits, share: Submit) {
        self.ask(Asked::Else, ClientCall::Submit(Submit { worker: habits.worker.clone(), ..share }));
    }

    fn on_response(&mut self, habits: &Habits, response: &Response) -> Option<Heard> {
        let number = response.id.number()?;
        let place = self.asked.iter().position(|(id, _)| *id == number)?;
        match self.asked.remove(place)?.1 {
            Asked::Configure => {
                let configured = Configured::from_response(response);
                if configured.version_rolling.is_granted() {
                    self.mask = Some(common(configured.mask.unwrap_or_default()));
                }
                None
            }
            Asked::Subscribe => {
                self.subscription = Subscription::from_result(&response.result).ok();
                if self.subscription.is_none() {
                    return Some(Heard::Refused);
                }
                self.ask(Asked::Else, ClientCall::ExtranonceSubscribe);
                let password = Secret::new(&habits.password);
                let user = habits.worker.clone();
                self.ask(Asked::Authorize, ClientCall::Authorize { user, password });
                if let Some(difficulty) = habits.suggests {
                    self.ask(Asked::Else, ClientCall::SuggestDifficulty(difficulty));
                }
                None
            }
            Asked::Authorize if response.granted().is_err() => Some(Heard::Refused),
            Asked::Authorize => {
                self.authorised = true;
                Some(Heard::Welcome)
            }
            Asked::Else => None,
        }
    }

    fn on_call(&mut self, habits: &Habits, id: Id, call: ServerCall) -> Option<Heard> {
        let mut result: serde_json::Value = true.into();
        let mut heard = None;
        match call {
            ServerCall::Notify(notify) => heard = self.task(notify),
            ServerCall::SetDifficulty(difficulty) => self.difficulty = difficulty,
            ServerCall::SetVersionMask(mask) if habits.rolls => self.mask = Some(common(mask)),
            ServerCall::SetExtranonce { extranonce1, extranonce2_size } => {
                if let Some(subscription) = &mut self.subscription {
                    subscription.extranonce1 =
                        extranonce1.unwrap_or(std::mem::take(&mut subscription.extranonce1));
                    subscription.extranonce2_size = extranonce2_size.unwrap_or(subscription.extranonce2_size);
                }
            }
            ServerCall::Reconnect(_) => return Some(Heard::Reconnect),
            ServerCall::GetVersion => result = habits.agent.clone().into(),
            ServerCall::Ping => result = "pong".into(),
            ServerCall::Unknown { .. } => {
                if !id.is_null() {
                    self.write(&Message::Response(Response::error(id, -3, "Method not found")));
                }
                return None;
            }
            ServerCall::SetVersionMask(_) | ServerCall::ShowMessage(_) | ServerCall::SetGoal => {}
        }
        if !id.is_null() {
            self.write(&Message::Response(Response::ok(id, result)));
        }
        heard
    }

    fn task(&self, notify: Notify) -> Option<Heard> {
        let subscription = self.subscription.as_ref()?;
        Some(Heard::Job(Box::new(Task {
            notify,
            extranonce1: subscription.extranonce1.clone(),
            extranonce2_size: subscription.extranonce2_size,
            difficulty: self.difficulty,
            mask: self.mask,
        })))
    }

    fn ask(&mut self, why: Asked, call: ClientCall) {
        if self.asked.len() == MOST_WAITING {
            self.asked.pop_front();
        }
        self.asked.push_back((self.next_id, why));
        self.write(&Message::Call { id: self.next_id.into(), call });
        self.next_id += 1;
    }

    fn write(&mut self, message: &Message<ClientCall>) {
        self.out.extend(message.encode());
    }
}

/// What both sides want.
const fn common(mask: VersionMask) -> VersionMask {
    VersionMask(mask.0 & VersionMask::BIP320.0)
}
