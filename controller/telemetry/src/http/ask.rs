//! What a request asks for, checked.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::problem::Refusal;

/// Most items of one answer.
const MOST: u64 = 500;
/// Items of an answer where nobody says how many.
const USUAL: u64 = 100;

/// The query of a request. A name or a value that makes no sense is refused.
pub(crate) struct Ask<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Ask<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let query =
            Query::try_from_uri(&parts.uri).map_err(|error| Refusal::bad_request(error.body_text()))?;
        Ok(Self(query.0))
    }
}

/// A name in the path of a request.
pub(crate) struct Named(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(name)| Self(name)).map_err(|error| Refusal::bad_request(error.body_text()))
    }
}

/// Nothing can be asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// A part of a list that only grows at its end.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u64>,
    /// Leave out so many from the beginning: `next` of the last answer.
    #[param(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    after: Option<u64>,
}

impl Page {
    pub(crate) const fn new(limit: Option<u64>, after: Option<u64>) -> Self {
        Self { limit, after }
    }

    /// The part of `all` that is asked for, and where the next one begins.
    pub(crate) fn of<T>(&self, all: impl IntoIterator<Item = T>) -> Result<(Vec<T>, Option<u64>), Refusal> {
        let (limit, after) = (checked(self.limit)?, number(self.after)?.unwrap_or(0));
        let skipped = usize::try_from(after).unwrap_or(usize::MAX);
        let mut rest = all.into_iter().skip(skipped);
        let part: Vec<T> = rest.by_ref().take(limit).collect();
        let next = after.saturating_add(part.len() as u64);
        Ok((part, rest.next().map(|_| next)))
    }
}

/// A part of a list of numbered things, newest first.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Back {
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u64>,
    /// Only those with a smaller `id`: `next` of the last answer.
    #[param(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    before: Option<u64>,
}

impl Back {
    pub(crate) fn limit(&self) -> Result<usize, Refusal> {
        checked(self.limit)
    }

    pub(crate) fn before(&self) -> Result<u64, Refusal> {
        Ok(number(self.before)?.unwrap_or(u64::MAX))
    }
}

pub(crate) fn checked(limit: Option<u64>) -> Result<usize, Refusal> {
    match limit.unwrap_or(USUAL) {
        limit @ 1..=MOST => Ok(limit as usize),
        other => Err(Refusal::bad_request(format!("limit is {other}; it can be 1 to {MOST}"))),
    }
}

/// A number that every JSON reader can hold.
pub(crate) fn number(number: Option<u64>) -> Result<Option<u64>, Refusal> {
    const MOST: u64 = (1 << 53) - 1;
    match number {
        Some(number) if number > MOST => Err(Refusal::bad_request(format!("{number} is above {MOST}"))),
        number => Ok(number),
    }
}
