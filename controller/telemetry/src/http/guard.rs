//! What every request must pass: who it is meant for, who sends it, and how long it is.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::door::Door;
use super::problem::Refusal;
use super::serve::Peer;
use super::served::Served;
use super::way::Way;
use crate::dashboard;

/// Longest body: a command is short.
pub(super) const LONGEST_BODY: u64 = 16 * 1_024;
/// How long a body may take to arrive and an answer to be made. A stream has begun by then.
const WITHIN: Duration = Duration::from_secs(20);
/// Longest id that a client may give its request.
const LONGEST_ID: usize = 64;
const REQUEST_ID: &str = "x-request-id";

/// The outermost layer: names the request, turns it away where it must, and dresses the answer.
pub(crate) async fn guard(State(served): State<Served>, mut request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let id = match given.filter(|id| (1..=LONGEST_ID).contains(&id.len())) {
        Some(id) => id.to_owned(),
        None => served.ids.next(served.run_unix_s()),
    };
    let is_get = request.method() == Method::GET;
    let shows_key = request.headers().contains_key(header::AUTHORIZATION);
    let peer = request.extensions().get::<Peer>().map(|Peer(address)| *address);
    let came = served.door.way(peer, request.headers());
    let standing = came.as_ref().ok().and_then(|way| served.door.count(way, request.headers()));
    let checked = match (&came, standing) {
        (Err(refusal), _) => Err(refusal.clone()),
        (Ok(_), Some(standing)) if !standing.allowed => Err(Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many requests: wait as long as Retry-After says",
        )),
        (Ok(way), _) => {
            let headers = request.headers();
            check(headers, &served.door, way).and_then(|()| served.door.to_read(way, headers))
        }
    };
    let way = came.unwrap_or_default();
    let asked = request.uri().path().to_owned();
    let path = way.prefix.clone() + &asked; // as the client knows it
    request.extensions_mut().insert(way);
    let mut response = match checked {
        Ok(()) => match timeout(WITHIN, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time").into_response()
            }
        },
        // Whoever has to show a key is given the page where he can.
        Err(refusal) if refusal.wants_key() && is_get && !shows_key => {
            dashboard::without_key(&asked).unwrap_or_else(|| refusal.answer(&path, &id))
        }
        Err(refusal) => refusal.answer(&path, &id),
    };
    let allow = response.headers().get(header::ALLOW).cloned();
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        response = refusal.answer(&path, &id);
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    dress(response.headers_mut(), &id);
    if let Some(standing) = standing {
        standing.say(response.headers_mut());
    }
    response
}

fn dress(headers: &mut HeaderMap, id: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream") {
        // What happens is to be seen when it happens, also through a proxy that collects answers.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Pages have one of their own.
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
}

fn check(headers: &HeaderMap, door: &Door, way: &Way) -> Result<(), Refusal> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    let Some(host) = text(header::HOST) else {
        return Err(Refusal::bad_request("the header Host is missing"));
    };
    if headers.get_all(header::HOST).iter().count() > 1 {
        return Err(Refusal::bad_request("the header Host is there more than once"));
    }
    if !door.is_called(way, host) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "the header Host does not name this interface"));
    }
    if text(header::ORIGIN).is_some_and(|origin| !door.is_own_origin(way, origin)) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "the header Origin names another site"));
    }
    let length = text(header::CONTENT_LENGTH).map(|length| length.parse().unwrap_or(u64::MAX));
    if length.is_some_and(|length| length > LONGEST_BODY) {
        return Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is too long: no command needs one so long",
        ));
    }
    Ok(())
}
