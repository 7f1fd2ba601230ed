//! What every request must pass: whom it is meant for and who sends it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::api::Room;
use super::problem::Refusal;

/// Longest id that a client may give its request.
const LONGEST_ID: usize = 64;
const REQUEST_ID: &str = "x-request-id";

/// Numbers requests that bring no id.
#[derive(Debug, Default)]
pub(super) struct Ids(AtomicU64);

/// The outermost layer: names the request, turns it away where it must, and dresses the answer.
pub(super) async fn guard(State(room): State<Room>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let id = match given.filter(|id| (1..=LONGEST_ID).contains(&id.len())) {
        Some(id) => id.to_owned(),
        None => format!("{:x}", room.ids.0.fetch_add(1, Ordering::Relaxed)),
    };
    let mut response = match check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.answer(&path, &id),
    };
    let allow = response.headers().get(header::ALLOW).cloned();
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        response = refusal.answer(&path, &id);
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn check(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    let Some(host) = text(header::HOST) else {
        return Err(Refusal::bad_request("the header Host is missing"));
    };
    if headers.get_all(header::HOST).iter().count() > 1 {
        return Err(Refusal::bad_request("the header Host is there more than once"));
    }
    if !is_here(host) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "the header Host does not name this machine"));
    }
    let own = |origin: &str| origin.strip_prefix("http://").is_some_and(is_here);
    if text(header::ORIGIN).is_some_and(|origin| !own(origin)) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "the header Origin names another site"));
    }
    Ok(())
}

/// Whether `host`, with or without a port, is the loopback interface by name or number. A name that somebody else's DNS points
/// here is not.
fn is_here(host: &str) -> bool {
    let is_port = |port: &str| port.parse::<u16>().is_ok();
    let name = if let Some((address, port)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
            return false;
        }
        address
    } else {
        match host.split_once(':') {
            Some((_, port)) if !is_port(port) => return false,
            Some((name, _)) => name,
            None => host,
        }
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_and_numbers_are_here() {
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1", "127.9.9.9:4000", "[::1]", "[::1]:8080"] {
            assert!(is_here(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.evil.example",
            "[::2]:80",
            "[::1",
            "[::1]x",
            "localhost:",
            "0.0.0.0",
        ] {
            assert!(!is_here(host), "{host}");
        }
    }
}
