//! The HTTP interface of AxeOS (`docs/protocols/axeos-api.md`), read side: for tools that know Bitaxes and nothing else of a home.
//!
//! One page stands for all devices: rates and powers are summed up, temperatures the highest. What is not known is left out: the
//! readers take `null` and text for an error. Nothing can be written.

mod info;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use crate::board::Board;
use crate::cgminer::Access;
use crate::http::is_here;

/// How the interface is served.
#[derive(Clone, Debug, PartialEq)]
pub struct AxeosSettings {
    /// Where. The readers look on port 80.
    pub address: SocketAddr,
    /// To whom; groups do not count.
    pub access: Access,
    /// The chip that is shown in place of the real one, for readers that know only those of Bitaxes.
    pub borrowed_chip: Option<String>,
}

/// What the pages are made of.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) board: Arc<Board>,
    pub(crate) borrowed_chip: Option<String>,
    /// Name of this machine.
    pub(crate) hostname: String,
}

/// The readers look for the word in it, and for the absence of many others (`docs/protocols/cgminer-api.md §10.1`).
const ROOT: &str = "<!doctype html><html><head><title>adit (AxeOS compatible)</title></head><body><p>adit, read as \
                    if it were AxeOS: <a href=\"/api/system/info\">info</a>, <a href=\"/api/system/asic\">asic</a></p></body></html>";

/// All paths.
pub(crate) fn router(served: Served) -> Router {
    Router::new()
        .route("/", get(|| async { axum::response::Html(ROOT) }))
        .route("/api/system/info", get(system_info))
        .route("/api/system/asic", get(asic))
        .fallback(|| async { (StatusCode::NOT_FOUND, Json(json!({ "error": "unknown route" }))) })
        .method_not_allowed_fallback(|| async {
            (StatusCode::FORBIDDEN, Json(json!({ "error": "adit can only be read here" })))
        })
        .layer(from_fn(guard))
        .with_state(served)
}

/// A web page of another site must not read this through a browser: it would come with a name.
async fn guard(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let is_number = |host: &str| {
        let name = host
            .rsplit_once(':')
            .filter(|(_, port)| port.parse::<u16>().is_ok())
            .map_or(host, |(name, _)| name);
        name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
    };
    let foreign = request.headers().contains_key(header::ORIGIN)
        || !host.is_some_and(|host| is_number(host) || is_here(host));
    let mut response = match foreign {
        true => (StatusCode::FORBIDDEN, Json(json!({ "error": "name this machine by its address" })))
            .into_response(),
        false => next.run(request).await,
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn system_info(State(served): State<Served>) -> Response {
    let snapshot = served.board.ledger().snapshot();
    Json(info::info(&snapshot, &served)).into_response()
}

async fn asic(State(served): State<Served>) -> Response {
    let snapshot = served.board.ledger().snapshot();
    Json(info::asic(&snapshot, &served)).into_response()
}
