//! What the rig has seen, and when.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Shared by pool, sticks and whoever measures.
#[derive(Debug)]
pub(super) struct Log {
    state: Mutex<State>,
    changed: Condvar,
}

/// Everything seen so far.
#[derive(Debug, Default)]
pub(super) struct State {
    /// When the block of this round was announced.
    block: Option<Instant>,
    /// Sticks that have its work, by index.
    has_it: Vec<bool>,
    /// From the announcement to its first byte at those sticks.
    pub(super) reached: Vec<Duration>,
    /// Works each stick has been given, and how many sticks have been given any.
    works: Vec<u64>,
    pub(super) working: usize,
    /// Nonces on their way, and when they left.
    sent: HashMap<u32, Instant>,
    /// From nonce to submit.
    pub(super) shares: Vec<Duration>,
    nonces: u64,
    accepted: u64,
    rejected: u64,
}

/// What has been counted.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    /// Works given to the sticks, those of detection not counted.
    pub(crate) works: u64,
    /// Nonces the sticks have sent.
    pub(crate) nonces: u64,
    /// Shares the pool took.
    pub(crate) accepted: u64,
    /// Shares it did not take.
    pub(crate) rejected: u64,
    /// From nonce to submit, in the order of submits.
    pub(crate) shares: Vec<Duration>,
}

impl State {
    pub(super) fn is_settled(&self) -> bool {
        self.sent.is_empty() && self.accepted + self.rejected >= self.shares.len() as u64
    }
}

impl Log {
    pub(super) fn new(sticks: usize) -> Self {
        let state = State { has_it: vec![true; sticks], works: vec![0; sticks], ..State::default() };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever waits is only woken when `change` says so: a thousand wake-ups would be part of the figure.
    fn change(&self, change: impl FnOnce(&mut State) -> bool) {
        if change(&mut self.lock()) {
            self.changed.notify_all();
        }
    }

    /// Waits until `done`; the state is the error when `longest` has passed before.
    pub(super) fn wait(
        &self,
        longest: Duration,
        done: impl Fn(&State) -> bool,
    ) -> Result<MutexGuard<'_, State>, MutexGuard<'_, State>> {
        let waited = self.changed.wait_timeout_while(self.lock(), longest, |state| !done(state));
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() { Err(state) } else { Ok(state) }
    }

    /// Nothing of an earlier block counts any more.
    pub(super) fn clear_round(&self) {
        let mut state = self.lock();
        state.block = None;
        state.reached.clear();
    }

    /// The pool announces a block now.
    pub(super) fn announced(&self, at: Instant) {
        self.change(|state| {
            state.block = Some(at);
            state.has_it.fill(false);
            false
        });
    }

    /// A work whose first byte came at `began` is at a stick.
    pub(super) fn work(&self, stick: usize, began: Instant) {
        self.change(|state| {
            state.works[stick] += 1;
            if state.works[stick] == 1 {
                state.working += 1;
            }
            if let Some(block) = state.block.filter(|block| *block <= began && !state.has_it[stick]) {
                state.has_it[stick] = true;
                state.reached.push(began.duration_since(block));
            }
            let sticks = state.works.len();
            state.working == sticks && (state.block.is_none() || state.reached.len() == sticks)
        });
    }

    /// A stick sends a nonce now.
    pub(super) fn sends(&self, nonce: u32, at: Instant) {
        self.change(|state| {
            state.nonces += 1;
            state.sent.insert(nonce, at);
            false
        });
    }

    /// A submit with this nonce has come in.
    pub(super) fn submitted(&self, nonce: u32, at: Instant) {
        self.change(|state| {
            if let Some(sent) = state.sent.remove(&nonce) {
                state.shares.push(at.duration_since(sent));
            }
            true
        });
    }

    /// The pool has judged so many shares.
    pub(super) fn judged(&self, accepted: u64, rejected: u64) {
        self.change(|state| {
            let before = (state.accepted, state.rejected);
            (state.accepted, state.rejected) = (accepted, rejected);
            before != (accepted, rejected)
        });
    }

    pub(super) fn counts(&self) -> Counts {
        let state = self.lock();
        Counts {
            works: state.works.iter().sum(),
            nonces: state.nonces,
            accepted: state.accepted,
            rejected: state.rejected,
            shares: state.shares.clone(),
        }
    }
}
