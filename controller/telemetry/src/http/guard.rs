//! What every request must pass: who it is meant for, who sends it, and how long it is.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::api::Served;
use super::door::Door;
use super::problem::Refusal;
use super::serve::Peer;
use super::way::Way;
use crate::dashboard;

/// Longest body: a command is short.
pub(super) const LONGEST_BODY: u64 = 16 * 1_024;
/// How long a body may take to arrive and an answer to be made. A stream has begun by then.
const WITHIN: Duration = Duration::from_secs(20);
/// Longest id that a client may give its request.
const LONGEST_ID: usize = 64;
const REQUEST_ID: &str = "x-request-id";

/// Makes the ids of requests that bring none.
#[derive(Debug, Default)]
pub(crate) struct Ids(AtomicU64);

impl Ids {
    fn next(&self, run: f64) -> String {
        format!("{:x}-{:x}", (run * 1e3) as u64, self.0.fetch_add(1, Ordering::Relaxed))
    }
}

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

/// Whether `host`, with or without a port, is the loopback interface by name or number. A name that somebody else's DNS points
/// here is not.
pub(crate) fn is_here(host: &str) -> bool {
    name_of(host).is_some_and(|name| {
        name.eq_ignore_ascii_case("localhost")
            || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

/// The name or number in `host`, without port and brackets.
pub(super) fn name_of(host: &str) -> Option<&str> {
    match host.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (port.is_empty() || is_port(port.strip_prefix(':'))).then_some(address)
        }
        None => match host.split_once(':') {
            Some((name, port)) => is_port(Some(port)).then_some(name),
            None => Some(host),
        },
    }
}

fn is_port(port: Option<&str>) -> bool {
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::super::door::Beyond;
    use super::*;

    #[test]
    fn only_loopback_names_and_numbers_are_here() {
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1", "127.9.9.9:4000", "[::1]", "[::1]:8080"] {
            assert!(is_here(host), "{host}");
        }
        let others = [
            "",
            "example.com",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.168.1.2",
            "[::2]:80",
            "[::1",
            "[::1]x",
            "::1",
            "localhost:",
            "localhost:99999",
            "localhost:80:80",
            "0.0.0.0",
            "?",
            "127.1",
            "localhost@evil",
        ];
        for host in others {
            assert!(!is_here(host), "{host}");
        }
    }

    #[test]
    fn a_page_of_another_site_is_no_own_origin() {
        let door = Door::default();
        assert!(door.is_own_origin(&Way::default(), "http://localhost:7785"));
        for origin in ["null", "https://localhost", "http://evil.example", "http://", "localhost"] {
            assert!(!door.is_own_origin(&Way::default(), origin), "{origin}");
        }
    }

    #[test]
    fn an_interface_beyond_this_machine_knows_its_names_and_its_pages() {
        let names = vec!["rig.example".to_owned()];
        let door = Door::new(None, None, Some(Beyond { names, ..Beyond::default() }));
        for host in ["rig.example:7786", "RIG.example", "192.168.7.7:7786", "[fe80::1]:7786", "localhost"] {
            assert!(
                door.is_called(&Way::default(), host)
                    && door.is_own_origin(&Way::default(), &format!("https://{host}")),
                "{host}"
            );
            assert!(!door.is_own_origin(&Way::default(), &format!("http://{host}")));
        }
        for host in ["evil.example", "rig.example.evil.example", "xrig.example", "", "rig.example:x"] {
            assert!(
                !door.is_called(&Way::default(), host)
                    && !door.is_own_origin(&Way::default(), &format!("https://{host}")),
                "{host}"
            );
        }
    }
}
