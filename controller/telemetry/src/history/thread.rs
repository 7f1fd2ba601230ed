//! The thread that the database lives on, and how it is spoken to.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Asked, Interval, Part, Store, StoreError};
use crate::books::{Booking, Ledgered, Page, Prices, Wanted};

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
    Rows(Vec<Interval>, Page, i64),
    Best(f64),
    Ask(Asked, oneshot::Sender<Part>),
    Ledger(Wanted, Arc<Prices>, oneshot::Sender<Option<Ledgered>>),
}

/// How the database is spoken to. Nobody waits who does not ask.
#[derive(Clone, Debug)]
pub(crate) struct History {
    messages: SyncSender<Message>,
    prices: Arc<Prices>,
}

/// Gives the database a thread. It ends, with everything written, when all handles are dropped.
pub(crate) fn start(store: Store) -> io::Result<(History, JoinHandle<()>)> {
    let (sender, messages) = sync_channel(WAITING);
    let thread = Builder::new().name("history".into()).spawn(move || Keeper::new(store).run(&messages))?;
    Ok((History { messages: sender, prices: Arc::default() }, thread))
}

impl History {
    /// With prices for what is read of the books.
    pub(crate) fn with_prices(self, prices: Prices) -> Self {
        Self { prices: Arc::new(prices), ..self }
    }

    /// Intervals that have ended by `now`, and what was booked. Where too many wait already intervals are dropped, and what was booked
    /// stays where it is.
    pub(crate) fn add(&self, rows: Vec<Interval>, booking: &mut Booking, now: i64) {
        // A gap in history is better than a wait.
        if let Err(TrySendError::Full(Message::Rows(_, page, _))) =
            self.messages.try_send(Message::Rows(rows, booking.page(), now))
        {
            booking.put_back(page);
        }
    }

    /// What was booked last. Waits until the database has taken it: nobody else does any more.
    pub(crate) fn last(&self, page: Page, now: i64) {
        if !page.is_empty() {
            let _ = self.messages.send(Message::Rows(Vec::new(), page, now)); // it has broken down and said so
        }
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

    /// What was booked; `None` where there is more than is wanted.
    pub(crate) async fn ledger(&self, wanted: Wanted) -> Result<Option<Ledgered>, Busy> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Ledger(wanted, Arc::clone(&self.prices), reply);
        self.messages.try_send(message).map_err(|_| Busy)?;
        answer.await.map_err(|_| Busy)
    }
}

struct Keeper {
    store: Store,
    rows: Vec<Interval>,
    page: Page,
    now: i64,
    /// When something was written last.
    written: i64,
    /// The last attempt to write failed, and somebody was told.
    failing: bool,
}

impl Keeper {
    fn new(store: Store) -> Self {
        Self { store, rows: Vec::new(), page: Page::default(), now: 0, written: 0, failing: false }
    }

    fn run(&mut self, messages: &Receiver<Message>) {
        loop {
            match messages.recv_timeout(IDLE) {
                Ok(Message::Rows(rows, page, now)) => {
                    self.rows.extend(rows);
                    self.page.append(page);
                    self.now = now;
                    if now - self.written >= BATCH_S {
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
                Ok(Message::Ledger(wanted, prices, reply)) => {
                    self.write(); // as above
                    match self.store.ledger(&wanted, &prices) {
                        Ok(ledger) => drop(reply.send(ledger)), // whoever asked may be gone
                        Err(error) => tracing::warn!("the ledger cannot be read: {error}"),
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.write(),
                Err(RecvTimeoutError::Disconnected) => return self.write(),
            }
        }
    }

    fn write(&mut self) {
        let result = self.store.add(&self.rows, &self.page, self.now);
        self.rows.clear();
        if result.is_ok() {
            self.page = Page::default(); // else it waits for the next attempt
        }
        self.written = self.now;
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
