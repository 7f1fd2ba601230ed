//! `/api/v1/history`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Ask, number};
use super::problem::{Refusal, Refusals};
use super::served::Served;
use crate::history::{ALL, Asked, Busy, Point, TIERS};

/// Most points of one answer.
const MOST: u64 = 5_000;
/// Points of an answer where nobody says how many.
const USUAL: u64 = 1_000;

/// Which part of history.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Past {
    /// Name or id of a device; without it, all devices together.
    device: Option<String>,
    /// Begin, in seconds since 1970 [default: as far back as `limit` points of `step` reach].
    #[param(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    from: Option<u64>,
    /// End, in seconds since 1970; not included [default: now].
    #[param(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    to: Option<u64>,
    /// Length of an interval in seconds: 10 (kept for a day), 300 (a month), 3600 (a year) [default: the shortest that fits].
    #[param(schema_with = steps)]
    step: Option<u64>,
    /// How many points at most.
    #[param(minimum = 1, maximum = 5000, default = 1000)]
    limit: Option<u64>,
}

fn steps() -> utoipa::openapi::schema::Object {
    use utoipa::openapi::schema::{ObjectBuilder, Type};
    ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some(TIERS.map(|(step, _)| step))).build()
}

/// A part of history.
#[derive(Serialize, ToSchema)]
pub(super) struct PointList {
    /// Id of the device; `null`: all together.
    device: Option<String>,
    /// Length of an interval, in seconds.
    step_s: i64,
    /// Oldest first. An interval of which nothing was observed is left out.
    points: Vec<Point>,
    /// `from` of the next part; `null`: there is none.
    next: Option<i64>,
}

/// Rates, shares, errors and temperatures of the past.
#[utoipa::path(get, path = "/api/v1/history", tag = "telemetry", params(Past), responses((status = 200, body = PointList), Refusals))]
pub(super) async fn history(
    State(served): State<Served>,
    Ask(past): Ask<Past>,
) -> Result<Json<PointList>, Refusal> {
    let device = past.device.as_deref().map(|device| subject(&served, device));
    let asked = past.asked(device.clone().unwrap_or_else(|| ALL.to_owned()), served.now_unix_s())?;
    let step_s = asked.step;
    let part = served.history.ask(asked).await.map_err(|Busy| {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "history does not answer; the log says why")
    })?;
    Ok(Json(PointList { device, step_s, points: part.points, next: part.next }))
}

/// A device is asked for by its name now, or by its id if it is not there any more.
fn subject(served: &Served, device: &str) -> String {
    let snapshot = served.snapshot();
    let found = snapshot.devices.iter().find(|row| row.name == device);
    found.map_or_else(|| device.to_owned(), |row| row.id.clone())
}

impl Past {
    fn asked(&self, subject: String, now: i64) -> Result<Asked, Refusal> {
        let limit = match self.limit.unwrap_or(USUAL) {
            limit @ 1..=MOST => limit as usize,
            other => return Err(Refusal::bad_request(format!("limit is {other}; it can be 1 to {MOST}"))),
        };
        let second = |at| Ok(number(at)?.map(|at| at as i64)); // below 2^53
        let (from, to) = (second(self.from)?, second(self.to)?.unwrap_or(now + 1));
        let step = match self.step {
            Some(step) => {
                let known = TIERS.into_iter().map(|(known, _)| known).find(|known| *known as u64 == step);
                known.ok_or_else(|| {
                    Refusal::bad_request(format!("step is {step}; it can be 10, 300 or 3600"))
                })?
            }
            None => fitting(from.unwrap_or(to), to, now, limit),
        };
        let from = from.unwrap_or_else(|| to.saturating_sub(step * limit as i64).max(0));
        Ok(Asked { subject, from, to, step, limit })
    }
}

/// The shortest intervals that reach back to `from` and are not more than `limit` until `to`.
fn fitting(from: i64, to: i64, now: i64, limit: usize) -> i64 {
    let fits = |(step, life): &(i64, i64)| now - from <= *life && (to - from) / step <= limit as i64;
    TIERS.iter().find(|tier| fits(tier)).unwrap_or(&TIERS[TIERS.len() - 1]).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_intervals_that_fit_are_chosen() {
        let now = 2_000_000_000;
        assert_eq!(fitting(now - 3_600, now, now, 1_000), 10);
        assert_eq!(fitting(now - 86_400, now, now, 1_000), 300);
        assert_eq!(fitting(now - 7 * 86_400, now, now, 5_000), 300);
        assert_eq!(fitting(now - 90 * 86_400, now, now, 5_000), 3_600);
        assert_eq!(fitting(0, now, now, 10), 3_600);
    }
}
