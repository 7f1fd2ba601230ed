//! The paths and what they do.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde::Deserialize;
use tokio::sync::Mutex;
use utoipa::IntoParams;

use super::ask::Asked;
use super::guard::{Ids, guard};
use super::problem::{Refusal, Refusals};
use super::view::{
    Chip, Conversation, Device, Devices, Faults, Line, Obeyed, PartBytes, Row, Time, TimeChange,
};
use super::{Controlled, openapi};
use crate::bench::End;
use crate::{Bench, Command, DeviceFault};
use adit_protocol::Micros;
use adit_protocol::wire::Side;

/// Longest body of a request.
const LONGEST_BODY: usize = 16 * 1_024;
/// Most lines of one answer.
const MOST: u64 = 500;

/// What the paths work on.
#[derive(Clone, Debug)]
pub(super) struct Room {
    pub(super) devices: Arc<Vec<Controlled>>,
    /// Seconds of the devices' time in a real one; held while it is changed.
    pub(super) speed: Arc<Mutex<f64>>,
    pub(super) ids: Arc<Ids>,
}

impl Room {
    fn device(&self, name: &str) -> Result<&Controlled, Refusal> {
        let found = self.devices.iter().find(|device| device.name == name);
        found.ok_or_else(|| {
            Refusal::not_found(format!("there is no device {name}; /api/v1/devices lists all"))
        })
    }
}

/// Asks something of a device.
async fn ask<T: Send + 'static>(
    device: &Controlled,
    what: impl FnOnce(&mut Bench, Micros) -> T + Send + 'static,
) -> Result<T, Refusal> {
    let gone = || Refusal::new(StatusCode::CONFLICT, format!("{} is no longer served", device.name));
    device.control.ask(what).await.ok_or_else(gone)
}

/// All paths.
pub(super) fn router(room: Room) -> Router {
    Router::new()
        .route("/api/v1/devices", get(devices))
        .route("/api/v1/devices/{name}", get(device))
        .route("/api/v1/devices/{name}/chips/{chip}", get(chip))
        .route("/api/v1/devices/{name}/i2c/{address}", get(i2c))
        .route("/api/v1/devices/{name}/said", get(said))
        .route("/api/v1/devices/{name}/commands", post(command))
        .route("/api/v1/commands", post(command_all))
        .route("/api/v1/faults", get(faults))
        .route("/api/v1/time", get(time).post(set_time))
        .route("/api/v1/openapi.json", get(description))
        .fallback(|| async { Refusal::not_found("there is no such path; /api/v1/openapi.json lists all") })
        .method_not_allowed_fallback(|| async {
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this path knows another method; /api/v1/openapi.json says which",
            )
        })
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(middleware::from_fn_with_state(room.clone(), guard))
        .with_state(room)
}

/// Nothing can be asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) type No = Asked<Query<Nothing>>;

/// All devices, in the order of their numbers.
#[utoipa::path(get, path = "/api/v1/devices", tag = "read", responses((status = 200, body = Devices), Refusals))]
pub(super) async fn devices(State(room): State<Room>, _: No) -> Result<Json<Devices>, Refusal> {
    let mut devices = Vec::new();
    for device in room.devices.iter() {
        let it = device.clone();
        devices.push(ask(device, move |bench, now| Row::of(&it, bench, now)).await?);
    }
    Ok(Json(Devices { devices }))
}

/// One device and the state inside: temperatures, fan, voltages, chips, parts on its bus.
#[utoipa::path(
    get, path = "/api/v1/devices/{name}", tag = "read",
    params(("name" = String, Path, description = "Name of the device", example = "icarus-0")),
    responses((status = 200, body = Device), Refusals)
)]
pub(super) async fn device(
    State(room): State<Room>,
    Asked(Path(name)): Asked<Path<String>>,
    _: No,
) -> Result<Json<Device>, Refusal> {
    let device = room.device(&name)?;
    let it = device.clone();
    Ok(Json(ask(device, move |bench, now| Device::of(&it, bench, now)).await?))
}

/// The registers of a chip, as a host would read them now.
#[utoipa::path(
    get, path = "/api/v1/devices/{name}/chips/{chip}", tag = "read",
    params(
        ("name" = String, Path, description = "Name of the device", example = "bm1366-chain-0"),
        ("chip" = u16, Path, maximum = 65535, description = "Which chip, counted from 0 in the order of the chain"),
    ),
    responses((status = 200, body = Chip), Refusals)
)]
pub(super) async fn chip(
    State(room): State<Room>,
    Asked(Path((name, chip))): Asked<Path<(String, u16)>>,
    _: No,
) -> Result<Json<Chip>, Refusal> {
    let registers = ask(room.device(&name)?, move |bench, now| bench.chip(now, chip)).await?;
    let registers =
        registers.ok_or_else(|| Refusal::not_found(format!("{name} has no chip {chip} with registers")))?;
    Ok(Json(Chip { chip, registers }))
}

/// What to read of a part.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Read {
    /// The register or command.
    #[param(maximum = 255)]
    register: u8,
    /// How many bytes; as many as are usual there if not given.
    #[param(minimum = 1, maximum = 255)]
    count: Option<u8>,
}

/// Bytes that a read of a part on the main I2C bus would give now. Nothing changes by it.
#[utoipa::path(
    get, path = "/api/v1/devices/{name}/i2c/{address}", tag = "read",
    params(
        ("name" = String, Path, description = "Name of the device", example = "bitaxe-gamma-0"),
        ("address" = u8, Path, maximum = 255, description = "7-bit address of the part, in decimal"),
        Read,
    ),
    responses((status = 200, body = PartBytes), Refusals)
)]
pub(super) async fn i2c(
    State(room): State<Room>,
    Asked(Path((name, address))): Asked<Path<(String, u8)>>,
    Asked(Query(read)): Asked<Query<Read>>,
) -> Result<Json<PartBytes>, Refusal> {
    let Read { register, count } = read;
    if count == Some(0) {
        return Err(Refusal::bad_request("count is 0; it can be 1 to 255"));
    }
    let looked = ask(room.device(&name)?, move |bench, now| {
        let fitted = bench.insides(now).i2c.iter().any(|part| part.address == address);
        fitted.then(|| bench.peek(now, address, register, count))
    });
    let found = looked
        .await?
        .ok_or_else(|| Refusal::not_found(format!("{name} has no part at address {address}")))?;
    Ok(Json(PartBytes::new(address, register, found)))
}

/// The largest whole number that every reader of JSON keeps as it is.
const LAST: u64 = 9_007_199_254_740_991;

/// Which part of what was said.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Listen {
    /// Only from this number on: `next` of the last answer.
    #[param(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    after: Option<u64>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u64>,
    /// Only what this side has said, and events.
    #[param(value_type = Option<End>)]
    from: Option<Side>,
}

/// What host and device have said to each other, decoded, and what happened; as far back as is remembered.
#[utoipa::path(
    get, path = "/api/v1/devices/{name}/said", tag = "read",
    params(("name" = String, Path, description = "Name of the device", example = "icarus-0"), Listen),
    responses((status = 200, body = Conversation), Refusals)
)]
pub(super) async fn said(
    State(room): State<Room>,
    Asked(Path(name)): Asked<Path<String>>,
    Asked(Query(listen)): Asked<Query<Listen>>,
) -> Result<Json<Conversation>, Refusal> {
    let Listen { after, limit, from } = listen;
    let limit = match limit.unwrap_or(100) {
        limit @ 1..=MOST => limit as usize,
        other => return Err(Refusal::bad_request(format!("limit is {other}; it can be 1 to {MOST}"))),
    };
    let after = after.unwrap_or(0);
    if after > LAST {
        return Err(Refusal::bad_request(format!("after is {after}; it can be 0 to {LAST}")));
    }
    let said = ask(room.device(&name)?, move |bench, now| {
        let mut next = after;
        let mut lines = Vec::new();
        for said in bench.said(now, after) {
            if lines.len() == limit {
                break;
            }
            next = said.id + 1;
            let line = Line::of(said);
            if from.is_none() || line.is_event() || line.is_from(from) {
                lines.push(line);
            }
        }
        Conversation { said: lines, next }
    });
    Ok(Json(said.await?))
}

/// Does something to one device.
#[utoipa::path(
    post, path = "/api/v1/devices/{name}/commands", tag = "control",
    params(("name" = String, Path, description = "Name of the device", example = "icarus-0")),
    request_body(content = Command, example = json!({"do": "fault", "fault": "drop_byte", "times": 3})),
    responses((status = 200, body = Obeyed), Refusals)
)]
pub(super) async fn command(
    State(room): State<Room>,
    Asked(Path(name)): Asked<Path<String>>,
    _: No,
    Asked(Json(command)): Asked<Json<Command>>,
) -> Result<Json<Obeyed>, Refusal> {
    ask(room.device(&name)?, move |bench, now| bench.command(now, command)).await??;
    Ok(Json(Obeyed { devices: vec![name] }))
}

/// Does something to every device, if all of them can do it.
#[utoipa::path(
    post, path = "/api/v1/commands", tag = "control",
    request_body(content = Command, example = json!({"do": "clear"})),
    responses((status = 200, body = Obeyed), Refusals)
)]
pub(super) async fn command_all(
    State(room): State<Room>,
    _: No,
    Asked(Json(command)): Asked<Json<Command>>,
) -> Result<Json<Obeyed>, Refusal> {
    for device in room.devices.iter() {
        let checked = ask(device, move |bench, _| bench.check(&command)).await?;
        checked.map_err(|refused| Refusal::from(refused).of(&device.name))?;
    }
    for device in room.devices.iter() {
        let obeyed = ask(device, move |bench, now| bench.command(now, command)).await?;
        obeyed.map_err(|refused| Refusal::from(refused).of(&device.name))?;
    }
    Ok(Json(Obeyed { devices: room.devices.iter().map(|device| device.name.clone()).collect() }))
}

/// Every fault there is, and the devices here that it can happen to.
#[utoipa::path(get, path = "/api/v1/faults", tag = "read", responses((status = 200, body = Faults), Refusals))]
pub(super) async fn faults(State(room): State<Room>, _: No) -> Result<Json<Faults>, Refusal> {
    let mut can = Vec::new();
    for device in room.devices.iter() {
        let possible = |bench: &mut Bench, _| {
            DeviceFault::ALL.iter().copied().filter(|fault| bench.can_happen(*fault)).collect::<Vec<_>>()
        };
        can.push((device.name.clone(), ask(device, possible).await?));
    }
    Ok(Json(Faults::of(&can)))
}

/// How the time of all devices passes.
#[utoipa::path(get, path = "/api/v1/time", tag = "read", responses((status = 200, body = Time), Refusals))]
pub(super) async fn time(State(room): State<Room>, _: No) -> Json<Time> {
    Json(Time { speed: *room.speed.lock().await })
}

/// Lets the time of all devices pass at once, or faster, slower or not at all. Whoever talks to them lives in real time.
#[utoipa::path(
    post, path = "/api/v1/time", tag = "control",
    request_body(content = TimeChange, example = json!({"step_seconds": 60})),
    responses((status = 200, body = Time), Refusals)
)]
pub(super) async fn set_time(
    State(room): State<Room>,
    _: No,
    Asked(Json(change)): Asked<Json<TimeChange>>,
) -> Result<Json<Time>, Refusal> {
    let TimeChange { speed, step_seconds } = change;
    let in_range = |value: Option<f64>, most| value.is_none_or(|value| (0.0..=most).contains(&value));
    if !in_range(speed, 1_000.0) {
        return Err(Refusal::bad_request("speed can be 0 to 1000"));
    }
    if !in_range(step_seconds, 86_400.0) {
        return Err(Refusal::bad_request("step_seconds can be 0 to 86400"));
    }
    let mut known = room.speed.lock().await;
    let gone = || Refusal::new(StatusCode::CONFLICT, "a device is no longer served");
    for device in room.devices.iter() {
        if let Some(seconds) = step_seconds {
            device.control.step(Duration::from_secs_f64(seconds)).await.ok_or_else(gone)?;
        }
        if let Some(speed) = speed {
            device.control.set_speed(speed).await.ok_or_else(gone)?;
        }
    }
    *known = speed.unwrap_or(*known);
    Ok(Json(Time { speed: *known }))
}

/// This description.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "read", responses((status = 200, body = Object), Refusals))]
pub(super) async fn description(_: No) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], openapi::document())
}
