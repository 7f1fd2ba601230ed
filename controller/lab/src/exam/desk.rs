//! Where a check sits: it writes, and hears what comes.
//!
//! A check is told as a story (`write`, `hear`, `pause`) and compiled into a state machine: nothing here waits. Its
//! [`Examiner`](super::Examiner) lets inputs happen to the desk and polls the story; no waker is needed.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use adit_driver::{Action, Input, LinkError, Token};
use adit_hw_sim::Dice;
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Line, Micros, Port, Side};

use super::{Passage, Subject};

/// Passages of a check that are kept for its report.
const MOST_PASSAGES: usize = 48;
/// Transfers that may wait to be heard.
const MOST_HEARD: usize = 4_096;

/// Why a check ends early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// What was seen that should not be.
    Failed(String),
    /// Why it cannot be asked.
    Skipped(String),
}

/// What a check comes to: what it measured, or why it ended early.
pub(super) type Answer = Result<String, Ending>;

/// A check on its way.
pub(super) type Course = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// `condition`, or the failure `seen`.
pub(super) fn ensure(condition: bool, seen: impl FnOnce() -> String) -> Result<(), Ending> {
    if condition { Ok(()) } else { Err(Ending::Failed(seen())) }
}

/// Bytes as they arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) at: Micros,
    pub(super) port: Port,
    pub(super) bytes: Vec<u8>,
}

/// A seat at the wire. Clones share it.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) subject: Arc<Subject>,
    state: Arc<Mutex<State>>,
}

struct State {
    now: Micros,
    /// When the story wants to go on at the latest.
    wake: Option<Micros>,
    heard: VecDeque<Heard>,
    actions: VecDeque<Action>,
    tokens: u32,
    done: Option<(Token, Result<(), LinkError>)>,
    lines: Vec<Line>,
    clock: Option<Hertz>,
    powered: bool,
    dice: Dice,
    began: Micros,
    passages: VecDeque<Passage>,
}

impl Desk {
    pub(super) fn new(subject: Subject) -> Self {
        let state = State {
            now: Micros(0),
            wake: None,
            heard: VecDeque::new(),
            actions: VecDeque::new(),
            tokens: 0,
            done: None,
            lines: subject.model.ports.iter().map(|port| port.line).collect(),
            clock: None,
            powered: false,
            dice: Dice::new(subject.seed, 0xe8a3),
            began: Micros(0),
            passages: VecDeque::new(),
        };
        Self { subject: Arc::new(subject), state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // What the examiner does.

    /// Something happened at the wire.
    pub(super) fn happened(&self, now: Micros, input: &Input<'_>) {
        let mut state = self.state();
        state.now = now;
        match *input {
            Input::Bytes { port, bytes } => {
                if state.heard.len() < MOST_HEARD {
                    state.heard.push_back(Heard { at: now, port, bytes: bytes.to_vec() });
                }
                state.note(Side::Device, port, bytes);
            }
            Input::Done { token, ref result } => state.done = Some((token, result.clone().map(|_| ()))),
            _ => {}
        }
    }

    pub(super) fn next_action(&self) -> Option<Action> {
        self.state().actions.pop_front()
    }

    /// When the story wants to go on at the latest.
    pub(super) fn deadline(&self) -> Option<Micros> {
        self.state().wake
    }

    /// A check begins: its passages are its own.
    pub(super) fn open_file(&self) {
        let mut state = self.state();
        (state.began, state.wake, state.done) = (state.now, None, None);
        state.passages.clear();
    }

    /// How long it took, and what passed.
    pub(super) fn take_file(&self) -> (Duration, Vec<Passage>) {
        let mut state = self.state();
        (state.now.since(state.began), std::mem::take(&mut state.passages).into())
    }

    // What a check does.

    pub(super) fn now(&self) -> Micros {
        self.state().now
    }

    /// The clock to which the exam has set the device; `None` while it has not been touched.
    pub(super) fn clock(&self) -> Option<Hertz> {
        self.state().clock
    }

    pub(super) fn note_clock(&self, clock: Hertz) {
        self.state().clock = Some(clock);
    }

    /// Whether the exam has switched voltage on, and not off again.
    pub(super) fn is_powered(&self) -> bool {
        self.state().powered
    }

    pub(super) fn note_powered(&self, powered: bool) {
        self.state().powered = powered;
    }

    /// The host's end of a line.
    pub(super) fn line(&self, port: Port) -> Option<Line> {
        self.state().lines.get(usize::from(port.0)).copied()
    }

    /// A number below `bound`.
    pub(super) fn below(&self, bound: u64) -> u64 {
        self.state().dice.below(bound)
    }

    /// So many bytes of no meaning.
    pub(super) fn noise(&self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }

    /// Sends `bytes`; the instant at which the last of them will have arrived.
    pub(super) fn write(&self, port: Port, bytes: &[u8]) -> Micros {
        let mut state = self.state();
        state.note(Side::Host, port, bytes);
        state.actions.push_back(Action::Write { port, bytes: bytes.to_vec() });
        let line = state.lines.get(usize::from(port.0)).copied();
        state.now + line.map_or(Duration::ZERO, |line| line.duration(bytes.len()))
    }

    /// The next bytes, until `by`.
    pub(super) async fn hear(&self, by: Micros) -> Option<Heard> {
        self.wait(by, |state| state.heard.pop_front()).await
    }

    /// Lets `span` pass; what arrives meanwhile is kept.
    pub(super) async fn pause(&self, span: Duration) {
        let by = self.now() + span;
        self.wait(by, |_| None::<()>).await;
    }

    /// Throws away what arrives until the line has been silent for `silence`, for `most` at most.
    pub(super) async fn calm(&self, silence: Duration, most: Duration) {
        let end = self.now() + most;
        while self.now() < end {
            if self.hear((self.now() + silence).min(end)).await.is_none() {
                return;
            }
        }
    }

    /// Changes the host's end of the line.
    pub(super) async fn set_line(&self, port: Port, line: Line) -> Result<(), LinkError> {
        self.order(|token| Action::Line { token, port, line }).await?;
        if let Some(old) = self.state().lines.get_mut(usize::from(port.0)) {
            *old = line;
        }
        Ok(())
    }

    /// Closes the ports and opens them again.
    pub(super) async fn reopen(&self) -> Result<(), LinkError> {
        self.order(|token| Action::ResetDevice { token }).await
    }

    async fn order(&self, action: impl FnOnce(Token) -> Action) -> Result<(), LinkError> {
        let token = {
            let mut state = self.state();
            state.tokens += 1;
            let token = Token(state.tokens);
            state.actions.push_back(action(token));
            token
        };
        let by = self.now() + Duration::from_secs(10);
        let done = self.wait(by, |state| state.done.take_if(|(done, _)| *done == token)).await;
        done.map_or(Err(LinkError::Timeout), |(_, result)| result)
    }

    /// Waits until `look` finds something, or `by`.
    async fn wait<T>(&self, by: Micros, mut look: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        poll_fn(|_| {
            let mut state = self.state();
            let found = look(&mut state);
            if found.is_some() || by <= state.now {
                state.wake = None;
                return Poll::Ready(found);
            }
            state.wake = Some(by);
            Poll::Pending
        })
        .await
    }
}

impl State {
    fn note(&mut self, from: Side, port: Port, bytes: &[u8]) {
        if self.passages.len() == MOST_PASSAGES {
            self.passages.pop_front();
        }
        let at = self.now.since(self.began);
        self.passages.push_back(Passage { at, from, port, bytes: bytes.to_vec() });
    }
}
