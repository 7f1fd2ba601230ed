//! Commands and the audit log.

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::ask::{Ask, Back, Nothing};
use super::problem::{CommandRefusals, Refusal, Refusals};
use super::served::Served;
use super::way::Way;
use crate::keys::Scope;
use crate::steer::{Answer, AuditRow, Request};

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Report {
    /// `done`.
    #[schema(example = "done")]
    outcome: String,
    /// What was done, in one sentence.
    sentence: String,
    /// Number of the pool that was added.
    pool: Option<u16>,
    /// Its number in the audit log.
    audit: u64,
}

/// What a request needs.
const fn scope(request: &Request) -> Scope {
    match request {
        // Where the work goes, and with it the reward, is not for everybody who may turn a fan.
        Request::AddPool { .. } | Request::RemovePool { .. } | Request::Save {} | Request::Reload {} => {
            Scope::Admin
        }
        _ => Scope::Operate,
    }
}

/// Gives a command to a device, to the pools or to the configuration, and answers what came of it.
///
/// `add_pool`, `remove_pool`, `save` and `reload` need a key with scope `admin`, all else one with `operate`.
#[utoipa::path(
    post, path = "/api/v1/commands", tag = "commands", request_body = Request,
    responses((status = 200, body = Report), Refusals, CommandRefusals), security(("key" = []))
)]
pub(super) async fn command(
    State(served): State<Served>,
    headers: HeaderMap,
    Extension(way): Extension<Way>,
    _: Ask<Nothing>,
    body: Result<Json<Request>, JsonRejection>,
) -> Result<Json<Report>, Refusal> {
    served.door.pass(&headers, Scope::Operate)?; // before a word on what is wrong with the body
    let Json(request) = body.map_err(unreadable)?;
    let mut who = served.door.pass(&headers, scope(&request))?;
    if let Some(client) = way.client.filter(|client| !client.is_loopback()) {
        who += &format!(" from {client}");
    }
    let (answer, audit) = served.desk.carry_out(&who, request).await;
    let sentence = answer.sentence().to_owned();
    match answer {
        Answer::Done { sentence, pool } => {
            Ok(Json(Report { outcome: "done".to_owned(), sentence, pool, audit }))
        }
        Answer::Refused { .. } => Err(Refusal::kind(StatusCode::CONFLICT, "/problems/refused", sentence)),
        Answer::Unsupported { .. } => {
            Err(Refusal::kind(StatusCode::CONFLICT, "/problems/unsupported", sentence))
        }
        Answer::Unknown { .. } => Err(Refusal::not_found(sentence)),
        Answer::Silence => Err(Refusal::new(StatusCode::GATEWAY_TIMEOUT, sentence)),
    }
}

fn unreadable(why: JsonRejection) -> Refusal {
    let status = match why.status() {
        status @ (StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::PAYLOAD_TOO_LARGE) => status,
        _ => StatusCode::BAD_REQUEST,
    };
    Refusal::new(status, why.body_text())
}

/// A part of the audit log.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditList {
    /// Newest first.
    commands: Vec<AuditRow>,
    /// `before` of the next part; `null`: there is none.
    next: Option<u64>,
}

/// The last 1,000 commands: who gave them, and what came of them. Needs a key with scope `admin`.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "commands", params(Back),
    responses((status = 200, body = AuditList), Refusals, CommandRefusals), security(("key" = []))
)]
pub(super) async fn audit(
    State(served): State<Served>,
    headers: HeaderMap,
    Ask(asked): Ask<Back>,
) -> Result<Json<AuditList>, Refusal> {
    served.door.pass(&headers, Scope::Admin)?;
    let (limit, before) = (asked.limit()?, asked.before()?);
    let ledger = served.board.ledger();
    let mut rest = ledger.audit_before(before);
    let commands: Vec<AuditRow> = rest.by_ref().take(limit).cloned().collect();
    let next = rest.next().and_then(|_| Some(commands.last()?.id));
    Ok(Json(AuditList { commands, next }))
}
