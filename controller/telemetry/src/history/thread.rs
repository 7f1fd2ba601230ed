//! The thread that the database lives on, and how it is spoken to.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Asked, Interval, Part, Store, StoreError};

/// Intervals and questions that may wait. Beyond that intervals are dropped and questions refused.
const WAITING: usize = 64;
/// Intervals are collected for so long and then written together.
const BATCH_S: i64 = 60;
/// A thread that hears nothing for so long writes what it has.
const IDLE: Duration = Duration::from_secs(60);

/// So much is asked at once that no more can wait, or the database does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Busy;

enum Message {
    Rows(Vec<Interval>, i64),
    Best(f64),
    Ask(Asked, oneshot::Sender<Part>),
}

/// How the database is spoken to. Nobody waits who does not ask.
#[derive(Clone, Debug)]
pub(crate) struct History {
    messages: SyncSender<Message>,
}

/// Gives the database a thread. It ends, with everything written, when all handles are dropped.
pub(crate) fn start(store: Store) -> io::Result<(History, JoinHandle<()>)> {
    let (sender, messages) = sync_channel(WAITING);
    let thread = Builder::new().name("history".into()).spawn(move || Keeper::new(store).run(&messages))?;
    Ok((History { messages: sender }, thread))
}

impl History {
    /// Intervals that have ended by `now`. Dropped where too many wait already.
    pub(crate) fn add(&self, rows: Vec<Interval>, now: i64) {
        let _ = self.messages.try_send(Message::Rows(rows, now)); // a gap in history is better than a wait
    }

    /// A difficulty that is better than all before.
    pub(crate) fn best(&self, difficulty: f64) {
        let _ = self.messages.try_send(Message::Best(difficulty)); // as above
    }

    pub(crate) async fn ask(&self, asked: Asked) -> Result<Part, Busy> {
        let (reply, answer) = oneshot::channel();
        self.messages.try_send(Message::Ask(asked, reply)).map_err(|_| Busy)?;
        answer.await.map_err(|_| Busy)
    }
}

struct Keeper {
    store: Store,
    rows: Vec<Interval>,
    now: i64,
    /// The last attempt to write failed, and somebody was told.
    failing: bool,
}

impl Keeper {
    const fn new(store: Store) -> Self {
        Self { store, rows: Vec::new(), now: 0, failing: false }
    }

    fn run(&mut self, messages: &Receiver<Message>) {
        loop {
            match messages.recv_timeout(IDLE) {
                Ok(Message::Rows(rows, now)) => {
                    self.rows.extend(rows);
                    self.now = now;
                    let begun = self.rows.first().map_or(now, |row| row.at);
                    if now - begun >= BATCH_S {
                        self.write();
                    }
                }
                Ok(Message::Best(difficulty)) => {
                    let result = self.store.set_best(difficulty);
                    self.judge(result);
                }
                Ok(Message::Ask(asked, reply)) => {
                    self.write(); // what is asked for may be among it
                    match self.store.read(&asked) {
                        Ok(part) => drop(reply.send(part)), // whoever asked may be gone
                        Err(error) => tracing::warn!("history cannot be read: {error}"),
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.write(),
                Err(RecvTimeoutError::Disconnected) => return self.write(),
            }
        }
    }

    fn write(&mut self) {
        let result = self.store.add(&self.rows, self.now);
        self.rows.clear();
        self.judge(result);
    }

    /// Says once that history cannot be written, and once that it can be again.
    fn judge(&mut self, result: Result<(), StoreError>) {
        match (result, self.failing) {
            (Err(error), false) => tracing::warn!("history cannot be written: {error}"),
            (Ok(()), true) => tracing::info!("history is written again"),
            _ => return,
        }
        self.failing = !self.failing;
    }
}
