//! `/events`: what has happened.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::frame::{Place, frame};
use super::{answer, words};
use crate::event::{Event, Severity};
use crate::http::{Ask, Served};

/// Events of one page.
const ROWS: usize = 100;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct View {
    before: Option<u64>,
    live: Option<String>,
}

pub(super) async fn page(State(served): State<Served>, Ask(view): Ask<View>) -> Response {
    let _ = view.live; // all of it is short
    let (all, now) = {
        let ledger = served.board.ledger();
        let all: Vec<_> =
            ledger.events_before(view.before.unwrap_or(u64::MAX)).take(ROWS + 1).cloned().collect();
        (all, ledger.now_unix_s())
    };
    let (shown, rest) = all.split_at(all.len().min(ROWS));
    let main = html! {
        h1 { "Events" }
        div #all-events data-live[view.before.is_none()] { (list(shown, now)) }
        nav.pages aria-label="Pages of the list" {
            @if view.before.is_some() { a href="events" { "← newest" } }
            @if let (Some(last), false) = (shown.last(), rest.is_empty()) {
                a href=(format!("events?before={}", last.id)) { "older →" }
            }
        }
        p.small { "The last 1,000 are kept. The log and " a href="api/v1/events" { "the interface" } " have them too." }
    };
    answer(StatusCode::OK, frame("events", Place::Events, &main))
}

/// The events, as they are given.
pub(super) fn list(events: &[Event], now: f64) -> Markup {
    html! {
        @if events.is_empty() { p { "Nothing has happened yet." } }
        ol.events {
            @for event in events {
                li {
                    (severity(event.severity)) " " span.small { (words::ago(Some(event.at_unix_s), now)) } " "
                    (words::prose(&event.sentence))
                }
            }
        }
    }
}

fn severity(severity: Severity) -> Markup {
    match severity {
        Severity::Info => html! { span.state.calm { "info" } },
        Severity::Warning => html! { span.state.warn { "warning" } },
        Severity::Error => html! { span.state.bad { "error" } },
    }
}
