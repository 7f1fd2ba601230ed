//! The paths and what they answer.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router, middleware};
use futures_util::stream::iter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Ask, Back, Named, Nothing, Page, checked, number};
use super::guard::{LONGEST_BODY, guard};
use super::problem::{Refusal, Refusals};
use super::served::Served;
use super::way::Way;
use super::{money, openapi, past, steer, stream};
use crate::dashboard;
use crate::event::{Event, ShareRow};
use crate::metrics;
use crate::snapshot::{Device, Pool, Summary, Unit};

/// All paths.
pub(crate) fn router(served: Served) -> Router {
    Router::new()
        .route("/api/v1/summary", get(summary))
        .route("/api/v1/pools", get(pools))
        .route("/api/v1/devices", get(devices))
        .route("/api/v1/devices/{name}", get(device))
        .route("/api/v1/chips", get(chips))
        .route("/api/v1/shares", get(shares))
        .route("/api/v1/events", get(events))
        .route("/api/v1/history", get(past::history))
        .route("/api/v1/ledger", get(money::ledger))
        .route("/api/v1/commands", post(steer::command))
        .route("/api/v1/audit", get(steer::audit))
        .route("/api/v1/openapi.json", get(description))
        .route("/metrics", get(scrape))
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .merge(dashboard::routes())
        .fallback(|| async { Refusal::not_found("there is no such path; /api/v1/openapi.json lists all") })
        .method_not_allowed_fallback(|| async {
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this path knows another method only: /api/v1/openapi.json says which",
            )
        })
        .layer(DefaultBodyLimit::max(LONGEST_BODY as usize))
        .layer(middleware::from_fn_with_state(served.clone(), guard))
        .with_state(served)
}

/// The whole controller: rates, shares, devices by state, and what is wrong.
#[utoipa::path(get, path = "/api/v1/summary", tag = "telemetry", responses((status = 200, body = Summary), Refusals))]
pub(super) async fn summary(State(served): State<Served>, _: Ask<Nothing>) -> Json<Summary> {
    Json(served.snapshot().summary.clone())
}

/// All pools.
#[derive(Serialize, ToSchema)]
pub(super) struct PoolList {
    /// In the order in which they were named.
    pools: Vec<Pool>,
}

/// All pools, in the order in which they were named.
#[utoipa::path(get, path = "/api/v1/pools", tag = "telemetry", responses((status = 200, body = PoolList), Refusals))]
pub(super) async fn pools(State(served): State<Served>, _: Ask<Nothing>) -> Json<PoolList> {
    Json(PoolList { pools: served.snapshot().pools.clone() })
}

/// A part of the devices.
#[derive(Serialize, ToSchema)]
pub(super) struct DeviceList {
    /// In the order in which they were found.
    devices: Vec<Device>,
    /// `after` of the next part; `null`: there is none.
    next: Option<u64>,
}

/// The devices, in the order in which they were found.
#[utoipa::path(get, path = "/api/v1/devices", tag = "telemetry", params(Page), responses((status = 200, body = DeviceList), Refusals))]
pub(super) async fn devices(
    State(served): State<Served>,
    Ask(page): Ask<Page>,
) -> Result<Json<DeviceList>, Refusal> {
    let snapshot = served.snapshot();
    let (part, next) = page.of(&snapshot.devices)?;
    Ok(Json(DeviceList { devices: part.into_iter().cloned().collect(), next }))
}

/// One device, by the name of its row.
#[utoipa::path(
    get, path = "/api/v1/devices/{name}", tag = "telemetry",
    params(("name" = String, Path, description = "Name of the device", example = "icarus-1")),
    responses((status = 200, body = Device), Refusals)
)]
pub(super) async fn device(
    State(served): State<Served>,
    Named(name): Named,
    _: Ask<Nothing>,
) -> Result<Json<Device>, Refusal> {
    let snapshot = served.snapshot();
    let found = snapshot.devices.iter().find(|device| device.name == name);
    found.cloned().map(Json).ok_or_else(|| Refusal::not_found("there is no device of this name"))
}

/// Which units.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Chips {
    /// Only those of this device.
    device: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u64>,
    /// Leave out so many from the beginning: `next` of the last answer.
    #[param(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    after: Option<u64>,
}

/// A part of the units.
#[derive(Serialize, ToSchema)]
pub(super) struct ChipList {
    /// By device, then by number.
    chips: Vec<Chip>,
    /// `after` of the next part; `null`: there is none.
    next: Option<u64>,
}

/// A chip, board, fan or sensor of a device.
#[derive(Serialize, ToSchema)]
pub(super) struct Chip {
    /// Name of the device.
    device: String,
    #[serde(flatten)]
    unit: Unit,
}

/// What the devices tell of their parts: nonces and measurements by chip, board or fan.
#[utoipa::path(get, path = "/api/v1/chips", tag = "telemetry", params(Chips), responses((status = 200, body = ChipList), Refusals))]
pub(super) async fn chips(
    State(served): State<Served>,
    Ask(asked): Ask<Chips>,
) -> Result<Json<ChipList>, Refusal> {
    let snapshot = served.snapshot();
    let wanted = |device: &&Device| asked.device.as_ref().is_none_or(|name| *name == device.name);
    if asked.device.is_some() && !snapshot.devices.iter().any(|device| wanted(&device)) {
        return Err(Refusal::not_found("there is no device of this name"));
    }
    let of = |device: &'_ Device| {
        device.units.iter().map(|unit| (device.name.clone(), unit.clone())).collect::<Vec<_>>()
    };
    let page = Page::new(asked.limit, asked.after);
    let (part, next) = page.of(snapshot.devices.iter().filter(wanted).flat_map(of))?;
    Ok(Json(ChipList { chips: part.into_iter().map(|(device, unit)| Chip { device, unit }).collect(), next }))
}

/// A part of the shares.
#[derive(Serialize, ToSchema)]
pub(super) struct ShareList {
    /// Newest first.
    shares: Vec<ShareRow>,
    /// `before` of the next part; `null`: there is none.
    next: Option<u64>,
}

/// The last 1,000 shares that pools have answered, newest first.
#[utoipa::path(get, path = "/api/v1/shares", tag = "telemetry", params(Back), responses((status = 200, body = ShareList), Refusals))]
pub(super) async fn shares(
    State(served): State<Served>,
    Ask(asked): Ask<Back>,
) -> Result<Json<ShareList>, Refusal> {
    let (limit, before) = (asked.limit()?, asked.before()?);
    let ledger = served.board.ledger();
    let mut rest = ledger.shares_before(before);
    let shares: Vec<ShareRow> = rest.by_ref().take(limit).cloned().collect();
    let next = rest.next().and_then(|_| Some(shares.last()?.id));
    Ok(Json(ShareList { shares, next }))
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Events {
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u64>,
    /// Only those with a smaller `id`, newest first: `next` of the last answer.
    #[param(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    before: Option<u64>,
    /// Only those with a larger `id`; a stream begins after it.
    #[param(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    after: Option<u64>,
}

/// A part of the events.
#[derive(Serialize, ToSchema)]
pub(super) struct EventList {
    /// Newest first.
    events: Vec<Event>,
    /// `before` of the next part; `null`: there is none.
    next: Option<u64>,
    /// The largest `id` so far.
    newest: u64,
}

/// The last 1,000 events, newest first; as a stream of Server-Sent Events for a client that accepts `text/event-stream`.
///
/// The stream begins with the events that are kept and goes on with those that happen. A client that comes back with
/// `Last-Event-ID` gets what it has missed.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "telemetry", params(Events),
    responses((status = 200, content((EventList = "application/json"), (String = "text/event-stream"))), Refusals)
)]
pub(super) async fn events(
    State(served): State<Served>,
    headers: HeaderMap,
    Ask(asked): Ask<Events>,
) -> Result<Response, Refusal> {
    let limit = checked(asked.limit)?;
    let (before, after) = (number(asked.before)?, number(asked.after)?);
    if stream::is_wanted(&headers) {
        return stream::stream(&served, &headers, after);
    }
    let ledger = served.board.ledger();
    let after = after.unwrap_or(0);
    let mut rest = ledger.events_before(before.unwrap_or(u64::MAX)).take_while(|event| event.id > after);
    let events: Vec<Event> = rest.by_ref().take(limit).cloned().collect();
    let next = rest.next().and_then(|_| Some(events.last()?.id));
    Ok(Json(EventList { events, next, newest: ledger.newest_event() }).into_response())
}

/// This description, in OpenAPI 3.1.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "service", responses((status = 200, body = Object), Refusals))]
pub(super) async fn description(Extension(way): Extension<Way>, _: Ask<Nothing>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi::document(&way.prefix)).into_response()
}

/// The same figures for Prometheus: in OpenMetrics for a scraper that accepts it, else in the older text format.
#[utoipa::path(
    get, path = "/metrics", tag = "service",
    responses((status = 200, content((String = "application/openmetrics-text"), (String = "text/plain"))), Refusals)
)]
pub(super) async fn scrape(State(served): State<Served>, headers: HeaderMap, _: Ask<Nothing>) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let format = metrics::Format::accepted(accept);
    let parts = metrics::page(&served.snapshot(), format);
    let length = parts.iter().map(String::len).sum::<usize>();
    let parts = parts.into_iter().map(Ok::<_, Infallible>);
    let headers =
        [(header::CONTENT_TYPE, format.content_type()), (header::CONTENT_LENGTH, &length.to_string())];
    (headers, Body::from_stream(iter(parts))).into_response()
}

/// How adit is.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`.
    #[schema(example = "ok")]
    status: String,
}

/// adit is alive.
#[utoipa::path(get, path = "/healthz", tag = "service", responses((status = 200, body = Health), Refusals))]
pub(super) async fn healthy(_: Ask<Nothing>) -> Json<Health> {
    Json(Health { status: "ok".to_owned() })
}

/// At least one device is hashing for a pool; 503 otherwise.
#[utoipa::path(get, path = "/readyz", tag = "service", responses((status = 200, body = Health), Refusals))]
pub(super) async fn ready(State(served): State<Served>, _: Ask<Nothing>) -> Result<Json<Health>, Refusal> {
    match served.snapshot().summary.devices.hashing {
        0 => Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "no device is hashing")),
        _ => Ok(Json(Health { status: "ok".to_owned() })),
    }
}
