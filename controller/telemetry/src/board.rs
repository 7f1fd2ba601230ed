//! The ledger where viewers find it. The task that mines never touches it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adit_protocol::wire::Micros;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use crate::books::Booking;
use crate::history::{History, Recorder};
use crate::ledger::Ledger;
use crate::sample::Sample;
use crate::steer::AuditRow;
use crate::tap::{Answered, Drain};

/// A ledger that several viewers read, and a bell that rings when an event was added.
#[derive(Debug)]
pub(crate) struct Board {
    ledger: Mutex<Ledger>,
    newest_event: watch::Sender<u64>,
    pulse: watch::Sender<()>,
}

impl Board {
    pub(crate) fn new(ledger: Ledger) -> Self {
        let newest_event = watch::Sender::new(ledger.newest_event());
        Self { ledger: Mutex::new(ledger), newest_event, pulse: watch::Sender::new(()) }
    }

    /// The ledger, for a moment: nobody waits while holding it.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of the newest event, to be waited on.
    pub(crate) fn newest_event(&self) -> watch::Receiver<u64> {
        self.newest_event.subscribe()
    }

    /// Changes whenever there is something new to see.
    pub(crate) fn pulse(&self) -> watch::Receiver<()> {
        self.pulse.subscribe()
    }

    /// Keeps the command that `make` makes of the time, in seconds since 1970. Answers its number.
    pub(crate) fn audit(&self, make: impl FnOnce(f64) -> AuditRow) -> u64 {
        let mut ledger = self.ledger();
        let row = make(ledger.now_unix_s());
        let number = ledger.audit(row);
        drop(ledger);
        self.ring();
        number
    }

    pub(crate) fn ring(&self) {
        let newest = self.ledger().newest_event();
        self.newest_event.send_if_modified(|known| std::mem::replace(known, newest) != newest);
        self.pulse.send_replace(());
    }
}

/// Enters what comes out of `drain` until the tap is closed.
pub(crate) async fn fill(board: &Board, mut drain: Drain, history: &History) {
    let mut last = Micros(0);
    let (mut recorder, mut booking) = (Recorder::default(), Booking::default());
    loop {
        tokio::select! {
            biased; // an event finds the names of the sample that was taken for it
            changed = drain.samples.changed() => {
                if changed.is_err() {
                    break;
                }
                let sample = drain.samples.borrow_and_update().clone();
                if drain.pools.has_changed().unwrap_or_default() {
                    board.ledger().pools.clone_from(&drain.pools.borrow_and_update());
                }
                if drain.unused.has_changed().unwrap_or_default() {
                    board.ledger().unused.clone_from(&drain.unused.borrow_and_update());
                }
                if let Some(sample) = sample {
                    last = sample.at;
                    record(board, &sample, &mut recorder, &mut booking, history);
                }
            }
            notice = drain.notices.recv() => match notice {
                Ok((at, notice)) => board.ledger().on_notice(at, &notice),
                Err(RecvError::Lagged(count)) => board.ledger().lost(last, count),
                Err(RecvError::Closed) => break,
            },
            Some(answered) = drain.answers.recv() => book(board, &mut booking, &answered),
        }
        board.ring();
    }
    while let Ok(answered) = drain.answers.try_recv() {
        book(board, &mut booking, &answered);
    }
    history.last(booking.page(), board.ledger().now_unix_s() as i64);
}

fn book(board: &Board, booking: &mut Booking, answered: &Answered) {
    let Answered { at, notice, missed } = answered;
    booking.answered(&board.ledger(), *at, notice, *missed);
}

/// Enters a sample, and passes on to history what has come to its end with it.
fn record(
    board: &Board,
    sample: &Arc<Sample>,
    recorder: &mut Recorder,
    booking: &mut Booking,
    history: &History,
) {
    let mut ledger = board.ledger();
    let before = ledger.best_ever;
    ledger.take(Arc::clone(sample));
    if let Some(best) = ledger.best_ever.filter(|best| Some(*best) != before) {
        history.best(best);
    }
    let rows = recorder.take(&ledger, sample);
    booking.take(&ledger, sample);
    if !rows.is_empty() {
        history.add(rows, booking, ledger.now_unix_s() as i64);
    }
}
