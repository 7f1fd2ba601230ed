//! Errors as RFC 9457 says: `application/problem+json`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoResponses, ToSchema};

/// Why a request was refused.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Problem {
    /// A URI that names the kind of problem; `about:blank` where the status says it all.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong, in one sentence.
    pub detail: String,
    /// Path that was asked for.
    pub instance: String,
    /// The id of the request, as in the header `X-Request-Id`.
    pub request_id: String,
}

/// A refusal on its way out. The outermost layer knows path and request id and makes a [`Problem`] of it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    detail: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// The answer to the request `id` for `path`.
    pub(crate) fn answer(self, path: &str, id: &str) -> Response {
        let problem = Problem {
            kind: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            instance: path.to_owned(),
            request_id: id.to_owned(),
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let json = HeaderValue::from_static("application/problem+json");
        (self.status, [(header::CONTENT_TYPE, json)], body).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What every path may answer beside its own.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "a description; the answers themselves are made by `Refusal`")]
pub(crate) enum Refusals {
    /// The request makes no sense: a parameter that is not known, or a value that it cannot take.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// The header `Host` or `Origin` names somebody else: a web page of another site must not read this.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// This can only be read.
    #[response(status = 405, content_type = "application/problem+json")]
    MethodNotAllowed(Problem),
    /// The request carries a body that is too long.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLong(Problem),
    /// Nothing is known yet, or too many are asking at once.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}
