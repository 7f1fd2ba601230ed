//! Pages for people at `/`: functions of the snapshot and the history, rendered here, readable without JavaScript.
//!
//! All links are relative and all pages lie side by side, so they work behind any path of a reverse proxy. Nothing comes from
//! elsewhere. Where reading needs a key, a page without one asks for it: `dashboard.js` sends it in a header, never in a URL.

mod chart;
mod commands;
mod device;
mod events;
mod first;
mod frame;
mod overview;
mod pools;
#[cfg(test)]
mod tests;
mod words;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use maud::Markup;

use crate::history::Point;
use crate::http::{Served, ticks};
use crate::snapshot::Device;

/// Only what this interface serves itself, and nothing that stands within a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const STYLE: (&str, &str) = ("text/css; charset=utf-8", include_str!("dashboard.css"));
const SCRIPT: (&str, &str) = ("text/javascript; charset=utf-8", include_str!("dashboard.js"));
/// The mouth of an adit.
const ICON: (&str, &str) = (
    "image/svg+xml",
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><path d='M0 16V8a8 8 0 0 1 16 0v8h-4V9a4 4 0 0 0-8 0v7z' \
                    fill='#b45309'/></svg>",
);

/// The paths of the pages.
pub(crate) fn routes() -> Router<Served> {
    Router::new()
        .route("/", get(overview::page))
        .route("/device", get(device::page))
        .route("/pools", get(pools::page))
        .route("/events", get(events::page))
        .route("/live", get(live))
        .route("/dashboard.css", get(|| async { asset(STYLE) }))
        .route("/dashboard.js", get(|| async { asset(SCRIPT) }))
        .route("/icon.svg", get(|| async { asset(ICON) }))
}

/// What somebody without a key gets of `path`, where reading needs one; `None`: nothing.
pub(crate) fn without_key(path: &str) -> Option<Response> {
    match path {
        "/" | "/device" | "/pools" | "/events" => Some(answer(StatusCode::UNAUTHORIZED, frame::locked())),
        "/dashboard.css" => Some(asset(STYLE)),
        "/dashboard.js" => Some(asset(SCRIPT)),
        "/icon.svg" => Some(asset(ICON)),
        _ => None,
    }
}

/// A page on its way out.
fn answer(status: StatusCode, page: Markup) -> Response {
    let mut response = (status, Html(page.into_string())).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn asset((kind, content): (&'static str, &'static str)) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], content).into_response()
}

/// Says whenever there is something new to see, as Server-Sent Events.
async fn live(State(served): State<Served>) -> Response {
    ticks(&served).into_response()
}

/// The past of one subject, and what it is drawn for.
struct Past {
    points: Vec<Point>,
    /// The first second that is shown and the first that is not, since 1970.
    from: i64,
    to: i64,
    step_s: i64,
}

impl Past {
    async fn read(served: &Served, device: Option<&Device>, range: words::Range) -> Self {
        let to = served.now_unix_s() + 1;
        let from = to - range.seconds();
        let asked = crate::history::Asked {
            subject: device.map_or_else(|| crate::history::ALL.to_owned(), |device| device.id.clone()),
            from,
            to,
            step: range.step_s(),
            limit: 5_000,
        };
        let points = served.history.ask(asked).await.map(|part| part.points).unwrap_or_default();
        Self { points, from, to, step_s: range.step_s() }
    }
}
