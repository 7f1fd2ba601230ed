//! Events as they happen: Server-Sent Events that resume where the client left off.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::problem::Refusal;
use super::served::Served;
use crate::board::Board;
use crate::event::Event;

/// Comment lines that keep the connection alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a client should wait before it connects again.
const RETRY: Duration = Duration::from_secs(2);
/// Events fetched at once.
const BATCH: usize = 64;

/// Whether a client asks for a stream.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.split(',').any(|it| it.trim().starts_with("text/event-stream")))
}

/// All events after the one that the client has seen last, and those to come.
///
/// The id of an event is `RUN-NUMBER`: when adit has been started anew since, all events of the new run are new.
pub(crate) fn stream(served: &Served, headers: &HeaderMap, after: Option<u64>) -> Result<Response, Refusal> {
    let permit = served.streams()?;
    let run = served.run();
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(|id| seen(id, run));
    let state = Cursor {
        board: Arc::clone(&served.board),
        bell: served.board.newest_event(),
        last: seen.or(after).unwrap_or(0),
        batch: Vec::new().into_iter(),
        run,
        _permit: permit,
    };
    let frames = unfold(state, |mut cursor| async move { Some((cursor.next().await?, cursor)) });
    Ok(Sse::new(frames).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// How often a page is told at most that there is something new: nobody reads faster.
const PACE: Duration = Duration::from_secs(2);

/// A word whenever there is something new to see.
pub(crate) fn ticks(served: &Served) -> Result<Response, Refusal> {
    let state = (served.board.pulse(), served.streams()?);
    let frames = unfold(state, |(mut pulse, permit)| async move {
        pulse.changed().await.ok()?;
        tokio::time::sleep(PACE).await;
        pulse.borrow_and_update();
        Some((Ok::<_, Infallible>(Frame::default().event("new").data("")), (pulse, permit)))
    });
    Ok(Sse::new(frames).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// The number in an id of this run; 0 for one of another run or for nonsense.
fn seen(id: &str, run: u64) -> u64 {
    let number = id.split_once('-').filter(|(of, _)| of.parse() == Ok(run)).map(|(_, number)| number.parse());
    number.and_then(Result::ok).unwrap_or(0)
}

struct Cursor {
    board: Arc<Board>,
    bell: watch::Receiver<u64>,
    last: u64,
    batch: std::vec::IntoIter<Event>,
    run: u64,
    _permit: OwnedSemaphorePermit,
}

impl Cursor {
    async fn next(&mut self) -> Option<Result<Frame, Infallible>> {
        loop {
            if let Some(event) = self.batch.next() {
                self.last = event.id;
                return Some(Ok(self.frame(&event)));
            }
            self.bell.borrow_and_update();
            self.batch = self
                .board
                .ledger()
                .events_after(self.last)
                .take(BATCH)
                .cloned()
                .collect::<Vec<_>>()
                .into_iter();
            if self.batch.len() == 0 {
                self.bell.changed().await.ok()?;
            }
        }
    }

    fn frame(&self, event: &Event) -> Frame {
        let data = serde_json::to_string(event).unwrap_or_default(); // plain numbers and texts
        Frame::default()
            .id(format!("{}-{}", self.run, event.id))
            .event(event.kind.name())
            .retry(RETRY)
            .data(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_another_run_has_seen_nothing_of_this_one() {
        assert_eq!(seen("17-4", 17), 4);
        for id in ["16-4", "4", "", "17-", "17-x", "-", "17-4-5"] {
            assert_eq!(seen(id, 17), 0, "{id}");
        }
    }
}
