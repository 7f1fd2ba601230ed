//! The interface as a client meets it.

mod commands;
mod paths;
mod socket;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::Door;
use super::{Served, router};
use crate::history;
use crate::steer::desk;
use crate::testing::Rig;

fn served(rig: &Rig) -> Served {
    let (history, _) = history::start(history::Store::open(&history::Kept::default()).unwrap()).unwrap();
    let (desk, _) = desk(rig.board.clone());
    Served::new(rig.board.clone(), history, desk, Door::default())
}

/// A request for `path` with `headers`.
fn request(path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::get(path).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

async fn ask(rig: &Rig, request: Request<Body>) -> Response<Body> {
    router(served(rig)).oneshot(request).await.unwrap()
}

async fn json(response: Response<Body>) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}"))
}

/// The answer to `path`, which must be found.
async fn get(rig: &Rig, path: &str) -> Value {
    let response = ask(rig, request(path, &[])).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    json(response).await
}

/// The problem that answers `request`.
async fn refused(rig: &Rig, request: Request<Body>, status: StatusCode) -> Value {
    let response = ask(rig, request).await;
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let problem = json(response).await;
    assert_eq!(problem["status"], status.as_u16());
    assert_eq!(problem["request_id"], id);
    problem
}
