//! `/api/v1/ledger`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Ask, Page};
use super::problem::{Refusal, Refusals};
use super::served::Served;
use crate::books::{By, Day, Line, Wanted};
use crate::history::Busy;

/// Most lines that are summed up at once.
const MOST: usize = 100_000;
/// Days of an answer where nobody says which: today and those before.
const USUAL_DAYS: i64 = 30;

/// Which part of the ledger.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Money {
    /// The first day (UTC) [default: 30 days before `to`].
    #[param(value_type = Option<String>, format = Date)]
    from: Option<Day>,
    /// The last day (UTC) [default: today].
    #[param(value_type = Option<String>, format = Date)]
    to: Option<Day>,
    /// What has lines of its own: any of `day`, `device` and `pool`, separated by commas; `all`: one line [default: all three].
    #[param(pattern = "^(all|(day|device|pool)(,(day|device|pool))*)$")]
    by: Option<String>,
    /// How many lines at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u64>,
    /// Leave out so many from the beginning: `next` of the last answer.
    #[param(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    after: Option<u64>,
}

/// A part of the ledger.
#[derive(Serialize, ToSchema)]
pub(super) struct LineList {
    /// By day, then by device, then by pool.
    lines: Vec<Line>,
    /// Shares of these days that could not be kept and are missing here.
    missed_shares: u64,
    /// `after` of the next part; `null`: there is none.
    next: Option<u64>,
}

/// Shares, hours, energy, cost and estimated income by day, device and pool. What is not known is `null`.
#[utoipa::path(get, path = "/api/v1/ledger", tag = "telemetry", params(Money), responses((status = 200, body = LineList), Refusals))]
pub(super) async fn ledger(
    State(served): State<Served>,
    Ask(money): Ask<Money>,
) -> Result<Json<LineList>, Refusal> {
    let page = Page::new(money.limit, money.after);
    let by = money.by.as_deref().map_or(Ok(By::ALL), str::parse);
    let by = by.map_err(|why| Refusal::bad_request(format!("by: {why}")))?;
    let to = money.to.unwrap_or_else(|| Day::of_unix_s(served.now_unix_s() as f64));
    let from = money.from.unwrap_or_else(|| to.before(USUAL_DAYS));
    let ledger = served.history.ledger(Wanted { from, to, by, most: MOST }).await.map_err(|Busy| {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the ledger does not answer; the log says why")
    })?;
    let ledger = ledger.ok_or_else(|| {
        Refusal::bad_request(format!("this has more than {MOST} lines: ask for fewer days, or by less"))
    })?;
    let (lines, next) = page.of(ledger.lines)?;
    Ok(Json(LineList { lines, missed_shares: ledger.missed_shares, next }))
}
